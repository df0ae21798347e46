//! One patient: which tab, which lists are open.

use device::record::{RecordFlag, SummaryItem};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    #[default]
    Summary,
    Calendar,
    Trends,
    Notes,
    Handover,
    Documents,
}

impl Tab {
    pub const ALL: [(Tab, &'static str); 6] = [
        (Tab::Summary, "patient-tab-summary"),
        (Tab::Calendar, "chart-tab-calendar"),
        (Tab::Trends, "chart-tab-trends"),
        (Tab::Notes, "patient-tab-notes"),
        (Tab::Handover, "board-tab"),
        (Tab::Documents, "board-tab-documents"),
    ];
}

/// The latest prescription of each facility: the items of its newest day.
pub fn latest_prescriptions(items: &[SummaryItem]) -> Vec<(String, Vec<SummaryItem>)> {
    let mut groups: Vec<(String, Vec<SummaryItem>)> = Vec::new();
    for item in items {
        match groups.iter_mut().find(|(facility, _)| facility == item.facility.as_str()) {
            Some((_, group)) if group.first().is_some_and(|first| first.date == item.date) => group.push(item.clone()),
            Some(_) => {}
            None => groups.push((item.facility.to_string(), vec![item.clone()])),
        }
    }
    groups
}

/// The word that stands beside a value; colour never says it alone.
pub fn flag_key(flag: &RecordFlag) -> Option<&'static str> {
    Some(match flag {
        RecordFlag::High => "flag-high",
        RecordFlag::Low => "flag-low",
        RecordFlag::Abnormal => "flag-abnormal",
        RecordFlag::Critical => "flag-critical",
        RecordFlag::Suspected => "flag-suspected",
        RecordFlag::Ended => "flag-ended",
        RecordFlag::Contraindicated => "flag-contraindicated",
        RecordFlag::NoneKnown | RecordFlag::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::Timestamp;
    use device::jiff::civil::date;

    fn item(text: &str, facility: &str, day: i8, value: &str) -> Result<SummaryItem, Box<dyn std::error::Error>> {
        Ok(SummaryItem {
            text: text.into(),
            code: None,
            value: Some(value.into()),
            unit: Some("pg/mL".into()),
            flag: None,
            detail: None,
            body: None,
            date: Some(date(2026, 11, day)),
            facility: facility.parse()?,
            as_of: Timestamp::UNIX_EPOCH,
            also: 0,
        })
    }

    #[test]
    fn each_hospitals_newest_prescription_stands_by_itself() -> Result<(), Box<dyn std::error::Error>> {
        let rx = [item("A", "a", 20, "3")?, item("B", "a", 20, "1")?, item("C", "b", 5, "1")?, item("A", "a", 1, "2")?];
        let groups = latest_prescriptions(&rx);
        assert_eq!(groups.iter().map(|(f, g)| (f.as_str(), g.len())).collect::<Vec<_>>(), [("a", 2), ("b", 1)]);
        Ok(())
    }
}
