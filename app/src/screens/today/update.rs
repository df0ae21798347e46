//! Today's visits: which one is next, what each says.

use device::jiff::civil::Date;
use device::read::TodayRow;
use device::record::order::OrderStanding;
use device::record::visit_note::NoteState;

/// What a card warns of about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderTag {
    Fine,
    Left(u64),
    Expired,
    None,
}

/// Days before the end from which a card warns (domain §3.10: 30, 14, 7, 0; the day's list warns from 14).
const WARN_DAYS: i32 = 14;

pub fn order_tag(row: &TodayRow, today: Date) -> OrderTag {
    match row.order.as_ref().map(|order| order.standing_on(today)) {
        None => OrderTag::None,
        Some(OrderStanding::Expired | OrderStanding::NotYet) => OrderTag::Expired,
        Some(OrderStanding::ExpiresSoon { days_left }) if days_left <= WARN_DAYS => {
            OrderTag::Left(u64::try_from(days_left).unwrap_or(0))
        }
        Some(_) => OrderTag::Fine,
    }
}

/// The visit that the big button belongs to: the first that is not confirmed.
pub fn next_visit(rows: &[TodayRow]) -> Option<usize> {
    rows.iter()
        .position(|row| !matches!(row.state, Some(NoteState::Confirmed | NoteState::Competing | NoteState::Closed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::today_row as row;
    use device::jiff::civil::date;

    #[test]
    fn the_big_button_belongs_to_the_first_visit_that_is_not_confirmed() -> Result<(), Box<dyn std::error::Error>> {
        let rows = [row(Some(NoteState::Confirmed), None)?, row(Some(NoteState::Draft), None)?, row(None, None)?];
        assert_eq!(next_visit(&rows), Some(1));
        assert_eq!(next_visit(&rows[..1]), None);
        Ok(())
    }

    #[test]
    fn at_o2_an_order_warns_before_its_end_and_says_when_it_is_over() -> Result<(), Box<dyn std::error::Error>> {
        let today = date(2026, 11, 22);
        assert_eq!(order_tag(&row(None, Some(date(2026, 11, 27)))?, today), OrderTag::Left(5));
        assert_eq!(order_tag(&row(None, Some(date(2026, 11, 21)))?, today), OrderTag::Expired);
        assert_eq!(order_tag(&row(None, Some(date(2026, 12, 31)))?, today), OrderTag::Fine);
        assert_eq!(order_tag(&row(None, None)?, today), OrderTag::None);
        Ok(())
    }
}
