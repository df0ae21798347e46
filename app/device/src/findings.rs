//! What a note's values say beside themselves: report bounds, questions, NEWS2, DESIGN-R, the trend of the last visits.
//! A plain calculator: every figure comes with what it was computed from.

use crate::error::DeviceError;
use crate::note::{confirmed_values, open_whole};
use crate::phone::Phone;
use crate::read;
use jiff::Timestamp;
use jiff::civil::Date;
use protocol::Kind;
use record::calendar::{age_on, day_in_japan};
use record::order::Orders;
use record::scales::design_r::{self, UlcerIncomplete, UlcerScore};
use record::scales::news2::{News2, News2Missing, SpO2Scale};
use record::visit_note::{FieldKind, FieldValue, NoteState};
use record::vitals::{self, AlertBounds, Ask, Bounds, Earlier, Standing, Values};
use record::{DocumentId, Form, NursingOrder, Patient, PatientId};
use vault::{NoteRow, Tx};

/// A measured value at or beyond the bounds at which the nurse reports it, or rare enough to ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerted {
    pub field: String,
    pub value: f64,
    pub standing: Standing,
    /// The doctor's bounds, where an order names some.
    pub ordered: Option<Bounds>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    pub alerts: Vec<Alerted>,
    pub asks: Vec<Ask>,
    pub news2: Result<News2, News2Missing>,
    /// The pressure ulcers written in the note, each with its score or with what is missing.
    pub ulcers: Vec<(u8, Result<UlcerScore, UlcerIncomplete>)>,
    /// Ulcers of earlier notes that nobody has assessed for a week.
    pub ulcers_due: bool,
}

/// One point of a trend. A visit without the value is a gap, never a zero.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendShown {
    pub at: Timestamp,
    pub value: Option<f64>,
    pub unmeasured: Option<String>,
}

/// Earlier visits that the questions look back on.
const LOOK_BACK: usize = 12;

impl Phone {
    pub fn note_findings(&self, note: DocumentId) -> Result<Findings, DeviceError> {
        self.read(|tx| {
            let (row, mut whole) = open_whole(tx, note, self.hand())?;
            let view = whole.view()?;
            let begun = view.time("started_at").or_else(|| view.time("planned_start")).unwrap_or(row.changed_at);
            let day = day_in_japan(begun);
            let orders = Orders::on(&read::all::<NursingOrder>(tx, Kind::Order, Some(&row.patient))?, day);
            let birth = read::all::<Patient>(tx, Kind::Patient, Some(&row.patient))?.pop().and_then(|p| p.birth_date);
            let earlier = self.earlier(tx, &row.patient, note, begun)?;
            let earlier: Vec<Earlier<'_>> = earlier.iter().map(|(on, values)| Earlier { on: *on, values }).collect();
            let bounds = orders.alert_bounds();
            let alerts = view.fields.iter().filter_map(|(field, value)| {
                let FieldValue::Number(value) = *value else { return None };
                let is_measured = Form::VisitNote
                    .field(field)
                    .is_ok_and(|f| matches!(f.kind, FieldKind::Number(_) | FieldKind::Steps(_)));
                let standing = vitals::standing(field, value, &bounds);
                (is_measured && standing != Standing::Calm).then(|| Alerted {
                    field: field.clone(),
                    value,
                    standing,
                    ordered: bounds.get(field).copied(),
                })
            });
            let scale = if orders.spo2_target_88_92 { SpO2Scale::Two } else { SpO2Scale::One };
            let ulcers = design_r::ulcers(&view.fields);
            let last_assessed = earlier.iter().filter(|e| !design_r::ulcers(e.values).is_empty()).map(|e| e.on).max();
            Ok(Findings {
                alerts: alerts.collect(),
                asks: vitals::asks(&view.fields, day, &earlier),
                news2: News2::of(&view.fields, scale, birth.map(|birth| age_on(birth, day))),
                ulcers_due: ulcers.is_empty()
                    && last_assessed.is_some()
                    && design_r::assessment_due(last_assessed, day),
                ulcers: ulcers.into_iter().map(|n| (n, design_r::of_ulcer(n, &view.fields))).collect(),
            })
        })
    }

    /// The bounds at which this patient's values are reported, by the orders that hold today.
    pub fn alert_bounds(&self, patient: &PatientId, now: Timestamp) -> Result<AlertBounds, DeviceError> {
        self.read(|tx| {
            let orders = read::all::<NursingOrder>(tx, Kind::Order, Some(patient))?;
            Ok(Orders::on(&orders, day_in_japan(now)).alert_bounds())
        })
    }

    /// 推移: a value over the confirmed visits of a patient, oldest first.
    pub fn trend(&self, patient: &PatientId, field: &str) -> Result<Vec<TrendShown>, DeviceError> {
        let mut trends = self.trends(patient, &[field], usize::MAX)?;
        Ok(trends.pop().unwrap_or_default())
    }

    /// Several values over the latest confirmed visits, `most` of them at most, each oldest first and in the order asked for.
    /// Every note is read once, however many values are asked for.
    pub fn trends(
        &self,
        patient: &PatientId,
        fields: &[&str],
        most: usize,
    ) -> Result<Vec<Vec<TrendShown>>, DeviceError> {
        for field in fields {
            Form::VisitNote.field(field)?;
        }
        self.read(|tx| {
            let mut rows = tx.note_rows(Form::VisitNote, Some(patient))?;
            rows.retain(|row| row.state == NoteState::Confirmed && row.started_at.is_some());
            rows.sort_by_key(|row| std::cmp::Reverse(row.started_at));
            let mut visits: Vec<(Timestamp, Values)> = Vec::new();
            for row in rows.into_iter().take(most) {
                let Some(at) = row.started_at else { continue };
                visits.extend(values_of(tx, &row)?.map(|values| (at, values)));
            }
            let visits: Vec<(Timestamp, &Values)> = visits.iter().map(|(at, values)| (*at, values)).collect();
            Ok(fields.iter().map(|field| course(field, &visits)).collect())
        })
    }

    fn earlier(
        &self,
        tx: &mut Tx<'_>,
        patient: &PatientId,
        note: DocumentId,
        before: Timestamp,
    ) -> Result<Vec<(Date, Values)>, DeviceError> {
        let mut rows = tx.note_rows(Form::VisitNote, Some(patient))?;
        rows.retain(|row| {
            row.note != note && row.state == NoteState::Confirmed && row.started_at.is_some_and(|at| at < before)
        });
        rows.sort_by_key(|row| std::cmp::Reverse(row.started_at));
        let mut earlier = Vec::new();
        for row in rows.into_iter().take(LOOK_BACK) {
            if let Some(values) = values_of(tx, &row)? {
                earlier.extend(row.started_at.map(|at| (day_in_japan(at), values)));
            }
        }
        Ok(earlier)
    }
}

fn course(field: &str, visits: &[(Timestamp, &Values)]) -> Vec<TrendShown> {
    let shown = vitals::trend(field, visits).into_iter().map(|point| TrendShown {
        at: point.at,
        value: point.value,
        unmeasured: point.unmeasured.map(str::to_string),
    });
    shown.collect()
}

/// What an earlier note reads. One that is damaged is left out and named: it never keeps the note of today from being read.
fn values_of(tx: &mut Tx<'_>, row: &NoteRow) -> Result<Option<Values>, DeviceError> {
    match confirmed_values(tx, row) {
        Ok(values) => Ok(Some(values)),
        Err(error) if error.is_retryable() => Err(error),
        Err(error) => {
            tracing::warn!(note = %row.note, %error, "an earlier note cannot be read and is left out of the comparison");
            Ok(None)
        }
    }
}
