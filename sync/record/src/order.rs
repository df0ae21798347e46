//! 訪問看護指示書: the doctor's order and how long it holds. Warned about, never a reason to refuse care.

use crate::ids::{DocumentId, FacilityId, PatientId};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// 訪問看護指示書
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NursingOrder {
    pub id: DocumentId,
    pub patient: PatientId,
    /// The ordering facility (主治医の医療機関).
    pub facility: FacilityId,
    pub station: FacilityId,
    pub from: Date,
    /// Last day, inclusive.
    pub until: Date,
    /// 特別訪問看護指示書: 14 days from issue, the first day counted.
    pub special: bool,
}

/// Why an order's period was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order ends before it begins; give --until on or after --from")]
    EndsBeforeItBegins,
    #[error("an order holds for at most 6 months (6か月以内); the latest end is {latest}")]
    LongerThanSixMonths { latest: Date },
    #[error("a special order (特別訪問看護指示書) holds for at most 14 days; the latest end is {latest}")]
    SpecialLongerThanFourteenDays { latest: Date },
}

/// How an order stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStanding {
    NotYet,
    Valid,
    /// Fewer than 30 days are left (alerts at 30, 14, 7, 0 days).
    ExpiresSoon {
        days_left: i32,
    },
    Expired,
}

impl NursingOrder {
    /// Checks the period: six months at most (訪問看護指示書), fourteen days for a special order.
    pub fn check_period(from: Date, until: Date, special: bool) -> Result<(), OrderError> {
        if until < from {
            return Err(OrderError::EndsBeforeItBegins);
        }
        if special {
            let latest = from.saturating_add(13.days());
            if until > latest {
                return Err(OrderError::SpecialLongerThanFourteenDays { latest });
            }
        } else {
            let latest = from.saturating_add(6.months()).saturating_sub(1.day());
            if until > latest {
                return Err(OrderError::LongerThanSixMonths { latest });
            }
        }
        Ok(())
    }

    pub fn standing_on(&self, day: Date) -> OrderStanding {
        if day < self.from {
            OrderStanding::NotYet
        } else if day > self.until {
            OrderStanding::Expired
        } else {
            let days_left = day.until(self.until).map(|span| span.get_days()).unwrap_or(0);
            if days_left < 30 { OrderStanding::ExpiresSoon { days_left } } else { OrderStanding::Valid }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn at_o1_an_order_holds_for_six_months_at_most() {
        assert_eq!(NursingOrder::check_period(date(2026, 1, 1), date(2026, 6, 30), false), Ok(()));
        assert_eq!(
            NursingOrder::check_period(date(2026, 1, 1), date(2026, 7, 1), false),
            Err(OrderError::LongerThanSixMonths { latest: date(2026, 6, 30) })
        );
    }

    #[test]
    fn at_o3_a_special_order_counts_fourteen_days_across_the_month() {
        assert_eq!(NursingOrder::check_period(date(2026, 3, 25), date(2026, 4, 7), true), Ok(()));
        assert!(NursingOrder::check_period(date(2026, 3, 25), date(2026, 4, 8), true).is_err());
    }
}
