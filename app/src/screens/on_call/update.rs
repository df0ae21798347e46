//! The on-call list (domain §3.11): what a nurse needs of every patient before she picks up the phone at night.

use device::jiff::civil::Date;
use device::on_call::{AllergiesShown, OnCallShown};
use device::record::order::{Orders, PatientStanding};
use device::record::summary::AllergyKnowledge;
use device::record::visit_note::{Field, FieldKind, FieldValue};
use device::record::vitals::{Standing, Values, standing};
use device::record::{DocumentId, Patient, RecordFlag};

/// Care that says: a device stands in this home.
const DEVICES: [&str; 8] = [
    "care.ventilator",
    "care.tracheostomy",
    "care.oxygen",
    "care.suction",
    "care.tube",
    "care.infusion",
    "care.catheter",
    "care.stoma",
];
const TERMINAL: &str = "care.terminal";

/// Why a patient stands out, the most pressing first.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// ターミナルケア in the last note.
    Terminal,
    /// 特別指示期間
    Special(Date),
    /// At or beyond a report bound in the last note.
    Alert { field: String, value: f64 },
    /// 点滴注射指示
    Drip(Date),
    /// A device named in the last note.
    Device(&'static str),
    /// Orders of two facilities hold at once.
    OrdersOverlap,
    /// The last confirmed note cannot be read: what stands in it is not known here.
    Unreadable,
}

/// One patient of the list.
#[derive(Clone, PartialEq)]
pub struct Row {
    pub patient: Patient,
    pub marks: Vec<Mark>,
    pub order: PatientStanding,
    /// The last note that was not taken back, and its day.
    pub last: Option<(DocumentId, Date)>,
    /// The board has something new for this nurse; none: it cannot be read.
    pub unread: Option<bool>,
}

impl Row {
    pub fn stands_out(&self) -> bool {
        !self.marks.is_empty() || self.unread == Some(true) || !matches!(self.order, PatientStanding::Holds { .. })
    }
}

/// A patient as the list shows her.
pub fn row(shown: OnCallShown, today: Date) -> Row {
    let OnCallShown { patient, orders, last, values, unread } = shown;
    let orders = Orders::on(&orders, today);
    Row { marks: marks(&orders, values.as_ref()), order: orders.standing, last, unread, patient }
}

/// What is known of allergies, and their names: that there is none is no name.
pub fn named(shown: AllergiesShown) -> (AllergyKnowledge, Vec<String>) {
    let named = shown.items.into_iter().filter(|item| item.flag != Some(RecordFlag::NoneKnown));
    (shown.knowledge, named.map(|item| item.text).collect())
}

/// `values` are those of the last confirmed note; none if it cannot be read.
fn marks(orders: &Orders, values: Option<&Values>) -> Vec<Mark> {
    let is_set = |field: &str| values.is_some_and(|values| values.get(field) == Some(&FieldValue::Flag(true)));
    let bounds = orders.alert_bounds();
    let alerts = values.into_iter().flatten().filter_map(|(field, value)| {
        let FieldValue::Number(value) = *value else { return None };
        let is_number = Field::named(field).is_ok_and(|field| matches!(field.kind, FieldKind::Number(_)));
        let alert = is_number && standing(field, value, &bounds) == Standing::Alert;
        alert.then(|| Mark::Alert { field: field.clone(), value })
    });
    let mut marks: Vec<Mark> = is_set(TERMINAL).then_some(Mark::Terminal).into_iter().collect();
    marks.extend(orders.special_until.map(Mark::Special));
    marks.extend(alerts);
    marks.extend(orders.drip_until.map(Mark::Drip));
    for field in DEVICES {
        marks.extend(is_set(field).then_some(Mark::Device(field)));
    }
    marks.extend(orders.overlapping.then_some(Mark::OrdersOverlap));
    marks.extend(values.is_none().then_some(Mark::Unreadable));
    marks
}

/// The patients that stand out come first; both halves stay in the order of their kana.
pub fn pressing_first(rows: &mut [Row]) {
    rows.sort_by_key(|row| !row.stands_out());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use device::jiff::Timestamp;
    use device::jiff::civil::date;
    use device::record::{DataClass, DisclosedRecord, NursingOrder, PatientSummary};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const TODAY: Date = date(2026, 11, 22);

    fn order(special: bool, until: Date) -> Result<NursingOrder, device::record::ids::IdError> {
        let id = DocumentId([if special { 2 } else { 1 }; 16]);
        Ok(NursingOrder { id, special, ..samples::order(date(2026, 11, 15), until)? })
    }

    fn listed(
        orders: Vec<NursingOrder>,
        values: Option<Values>,
        unread: Option<bool>,
    ) -> Result<Row, device::record::ids::IdError> {
        let patient = samples::patient("p-1")?;
        Ok(row(OnCallShown { patient, orders, last: None, values, unread }, TODAY))
    }

    #[test]
    fn a_patient_stands_out_by_what_the_last_note_and_the_orders_say() -> Outcome {
        let orders = vec![order(false, date(2027, 1, 31))?, order(true, date(2026, 11, 28))?];
        let values = Values::from([
            ("spo2_percent".into(), FieldValue::Number(90.0)),
            ("pulse_bpm".into(), FieldValue::Number(72.0)),
            ("care.oxygen".into(), FieldValue::Flag(true)),
            ("care.suction".into(), FieldValue::Flag(false)),
            ("care.terminal".into(), FieldValue::Flag(true)),
        ]);
        let row = listed(orders, Some(values), Some(false))?;
        let alert = Mark::Alert { field: "spo2_percent".into(), value: 90.0 };
        assert_eq!(row.marks, [Mark::Terminal, Mark::Special(date(2026, 11, 28)), alert, Mark::Device("care.oxygen")]);
        assert!(row.stands_out());
        Ok(())
    }

    #[test]
    fn a_calm_patient_under_a_holding_order_does_not_and_one_without_an_order_does() -> Outcome {
        let calm = |orders| listed(orders, Some(Values::new()), Some(false));
        assert!(!calm(vec![order(false, date(2027, 1, 31))?])?.stands_out());
        assert!(calm(vec![order(false, date(2026, 11, 21))?])?.stands_out(), "expired");
        assert!(calm(Vec::new())?.stands_out(), "no order");
        let mut unread = calm(vec![order(false, date(2027, 1, 31))?])?;
        unread.unread = Some(true);
        assert!(unread.stands_out(), "something new on the board");
        let damaged = listed(vec![order(false, date(2027, 1, 31))?], None, Some(false))?;
        assert_eq!(damaged.marks, [Mark::Unreadable], "a note that cannot be read is not a calm one");
        Ok(())
    }

    #[test]
    fn none_known_is_no_allergy_and_stays_a_statement() -> Outcome {
        let said = |allergies: &[(&str, Option<RecordFlag>)]| -> Result<_, device::record::ids::IdError> {
            let mut records = Vec::new();
            for (text, flag) in allergies {
                let at = Timestamp::UNIX_EPOCH;
                let record = DisclosedRecord::new("h".parse()?, DataClass::Allergy, *text, at, *text);
                records.push(DisclosedRecord { flag: flag.clone(), ..record });
            }
            let summary = PatientSummary::new(samples::patient("p-1")?, records, Vec::new());
            Ok(named(AllergiesShown { knowledge: summary.allergy_knowledge, items: summary.allergies }))
        };
        assert_eq!(said(&[("なし", Some(RecordFlag::NoneKnown))])?, (AllergyKnowledge::NoneKnown, Vec::new()));
        let one = said(&[("架空マイシン", None)])?;
        assert_eq!(one, (AllergyKnowledge::Recorded, vec!["架空マイシン".to_string()]));
        assert_eq!(said(&[])?, (AllergyKnowledge::NotRecorded, Vec::new()));
        Ok(())
    }

    #[test]
    fn who_stands_out_comes_first_and_the_order_of_the_kana_stays() -> Outcome {
        let named = |kana: &str, orders| -> Result<Row, device::record::ids::IdError> {
            let mut row = listed(orders, Some(Values::new()), None)?;
            row.patient.kana = kana.into();
            Ok(row)
        };
        let holds = || Ok::<_, device::record::ids::IdError>(vec![order(false, date(2027, 1, 31))?]);
        let mut rows =
            [named("ア", holds()?)?, named("イ", Vec::new())?, named("ウ", holds()?)?, named("エ", Vec::new())?];
        pressing_first(&mut rows);
        assert_eq!(rows.iter().map(|row| row.patient.kana.as_str()).collect::<Vec<_>>(), ["イ", "エ", "ア", "ウ"]);
        Ok(())
    }
}
