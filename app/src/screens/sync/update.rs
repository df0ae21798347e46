//! The sync screen: what is where, in words.

use crate::app::Route;
use device::HalfAct;
use device::jiff::Timestamp;

/// Whole hours until the lease ends; `None` when it has, or there is none.
pub fn lease_hours(until: Option<Timestamp>, now: Timestamp) -> Option<u64> {
    let left = until?.duration_since(now).as_hours();
    u64::try_from(left).ok().filter(|hours| *hours > 0)
}

/// Where something half typed is finished or thrown away.
pub fn route_of(act: &HalfAct) -> Route {
    match &act.field {
        Some(field) => Route::Amend(act.note, Some(field.clone())),
        None => Route::CloseNote(act.note),
    }
}

/// The words' key for a failure's code of the history.
pub fn trouble_key(code: &str) -> &'static str {
    match code {
        "unreachable" => "pill-offline",
        "not_our_hub" => "trouble-not_our_hub",
        "storage" => "trouble-storage",
        "older_hub" => "trouble-older_hub",
        "refused_version" => "trouble-version",
        _ => "trouble-refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::SignedDuration;
    use device::record::{DocumentId, Form};

    #[test]
    fn a_lease_that_has_ended_has_no_hours_left() {
        let now = Timestamp::UNIX_EPOCH;
        let hours = |h: i64| lease_hours(now.checked_add(SignedDuration::from_hours(h)).ok(), now);
        assert_eq!(hours(41), Some(41));
        assert_eq!(hours(-1), None);
        assert_eq!(lease_hours(None, now), None);
    }

    #[test]
    fn what_is_half_typed_is_found_where_it_was_typed() -> Result<(), Box<dyn std::error::Error>> {
        let note = DocumentId([3; 16]);
        let act = |field: Option<&str>| -> Result<HalfAct, Box<dyn std::error::Error>> {
            let (patient, field) = ("p-1".parse()?, field.map(str::to_string));
            Ok(HalfAct { note, form: Form::VisitNote, patient, field, at: Timestamp::UNIX_EPOCH })
        };
        assert_eq!(route_of(&act(Some("plan"))?), Route::Amend(note, Some("plan".into())));
        assert_eq!(route_of(&act(None)?), Route::CloseNote(note));
        Ok(())
    }
}
