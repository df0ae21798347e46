//! Consent, care, orders and visits: who may see whom, and what a station plans.

use super::Tx;
use super::facilities::{id, id_or_none};
use crate::error::HubError;
use jiff::civil::Date;
use protocol::{Consented, Kind};
use record::order::{SpecialExemption, SpecialWarning};
use record::{Consent, DocumentId, FacilityId, NursingOrder, PatientId, Visit};
use rusqlite::{OptionalExtension, Row};

pub(super) const LAPSED: &str = "SELECT patient, disclosing FROM consent
     WHERE viewing = ?1 AND withdrawn_at IS NULL AND lapse_told = 0 AND until < ?2";
pub(super) const LEASE: &str = "SELECT min(offline_hours) FROM consent
     WHERE viewing = ?1 AND withdrawn_at IS NULL AND offline_hours IS NOT NULL AND (until IS NULL OR until >= ?2)";
const COLUMNS: &str = "patient, disclosing, viewing, classes, offline_hours, until, withdrawn_at";

impl Tx<'_> {
    /// 同意の登録. Replaces the one between the same three; the viewing station hears of it.
    pub fn add_consent(&self, consent: &Consent) -> Result<(), HubError> {
        let patient = self.known_patient(&consent.patient)?;
        self.known_facility(&consent.viewing)?;
        if !self.known_facility(&consent.disclosing)?.disclosing {
            return Err(HubError::NotDisclosing(consent.disclosing.clone()));
        }
        let before = self.consent(&consent.patient, &consent.disclosing, &consent.viewing)?;
        if before.as_ref() == Some(consent) {
            return Ok(());
        }
        let knew = self.may_know(&consent.viewing, &consent.patient)?;
        let classes: Vec<&str> = consent.classes.iter().map(|c| c.as_str()).collect();
        self.sql.execute(
            &format!(
                "INSERT INTO consent ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)
                 ON CONFLICT (patient, disclosing, viewing) DO UPDATE SET classes = excluded.classes,
                     offline_hours = excluded.offline_hours, until = excluded.until, withdrawn_at = NULL, lapse_told = 0"
            ),
            (
                consent.patient.as_str(),
                consent.disclosing.as_str(),
                consent.viewing.as_str(),
                classes.join(","),
                consent.offline_hours,
                consent.until.map(|d| d.to_string()),
            ),
        )?;
        self.tell_who_it_is(&consent.viewing, &patient, knew)?;
        // A narrowed consent takes back what it no longer covers; the rest is fetched again.
        let today = today(self.now);
        let on_phones = |c: &Consent| c.holds_on(today) && c.offline_hours.is_some();
        let narrowed =
            before.is_some_and(|b| on_phones(&b) && (!on_phones(consent) || !b.classes.is_subset(&consent.classes)));
        let withdrawn = if narrowed { vec![consent.disclosing.clone()] } else { Vec::new() };
        self.tell_consent(&consent.viewing, &consent.patient, &withdrawn)
    }

    /// 同意の撤回: disclosed data goes from every device at its next contact; the station's own notes stay.
    pub fn withdraw_consent(
        &self,
        patient: &PatientId,
        disclosing: &FacilityId,
        viewing: &FacilityId,
    ) -> Result<(), HubError> {
        let changed = self.sql.execute(
            "UPDATE consent SET withdrawn_at = ?4 WHERE patient = ?1 AND disclosing = ?2 AND viewing = ?3 AND withdrawn_at IS NULL",
            (patient.as_str(), disclosing.as_str(), viewing.as_str(), self.now),
        )?;
        if changed == 0 {
            return Err(HubError::UnknownConsent);
        }
        self.tell_consent(viewing, patient, std::slice::from_ref(disclosing))
    }

    /// Consents whose last day has passed are taken back from the phones, once.
    pub fn tell_lapsed(&self, station: &FacilityId) -> Result<(), HubError> {
        let lapsed: Vec<(PatientId, FacilityId)> = self
            .sql
            .prepare_cached(LAPSED)?
            .query_map((station.as_str(), today(self.now).to_string()), |r| Ok((id(r, 0)?, id(r, 1)?)))?
            .collect::<Result<_, _>>()?;
        for (patient, disclosing) in lapsed {
            self.sql.execute(
                "UPDATE consent SET lapse_told = 1 WHERE patient = ?1 AND disclosing = ?2 AND viewing = ?3",
                (patient.as_str(), disclosing.as_str(), station.as_str()),
            )?;
            self.tell_consent(station, &patient, std::slice::from_ref(&disclosing))?;
        }
        Ok(())
    }

    /// Whether a station may know who this is today: a consent that holds, an order, or a note of its own.
    pub fn may_know(&self, station: &FacilityId, patient: &PatientId) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM consent WHERE viewing = ?1 AND patient = ?2 AND withdrawn_at IS NULL
                                    AND (until IS NULL OR until >= ?3))
                     OR EXISTS (SELECT 1 FROM nursing_order WHERE station = ?1 AND patient = ?2)
                     OR EXISTS (SELECT 1 FROM note WHERE station = ?1 AND patient = ?2)",
            )?
            .query_row((station.as_str(), patient.as_str(), today(self.now).to_string()), |r| r.get(0))?)
    }

    pub fn consents(&self) -> Result<Vec<Consent>, HubError> {
        let mut statement =
            self.sql.prepare(&format!("SELECT {COLUMNS} FROM consent ORDER BY patient, disclosing, viewing"))?;
        Ok(statement.query_map([], read_consent)?.collect::<Result<_, _>>()?)
    }

    pub fn consents_of(&self, patient: &PatientId) -> Result<Vec<Consent>, HubError> {
        let mut statement = self.sql.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM consent WHERE patient = ?1 ORDER BY viewing, disclosing"
        ))?;
        Ok(statement.query_map([patient.as_str()], read_consent)?.collect::<Result<_, _>>()?)
    }

    fn consent(
        &self,
        patient: &PatientId,
        disclosing: &FacilityId,
        viewing: &FacilityId,
    ) -> Result<Option<Consent>, HubError> {
        Ok(self.consents_of(patient)?.into_iter().find(|c| c.disclosing == *disclosing && c.viewing == *viewing))
    }

    /// The shortest lease of the station's active consents, hours.
    pub fn lease_hours(&self, station: &FacilityId, today: Date) -> Result<Option<u32>, HubError> {
        Ok(self.sql.prepare_cached(LEASE)?.query_row((station.as_str(), today.to_string()), |r| r.get(0))?)
    }

    pub fn has_care(&self, station: &FacilityId, patient: &PatientId) -> Result<bool, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM care WHERE station = ?1 AND patient = ?2)")?
            .query_row((station.as_str(), patient.as_str()), |r| r.get(0))?)
    }

    /// Every station with every patient that it cares for.
    pub(super) fn cares(&self) -> Result<Vec<(FacilityId, PatientId)>, HubError> {
        let mut statement = self.sql.prepare("SELECT station, patient FROM care ORDER BY station, patient")?;
        Ok(statement.query_map([], |r| Ok((id(r, 0)?, id(r, 1)?)))?.collect::<Result<_, _>>()?)
    }

    /// Stations that care for a patient.
    pub fn stations_of(&self, patient: &PatientId) -> Result<Vec<FacilityId>, HubError> {
        let mut statement = self.sql.prepare_cached("SELECT station FROM care WHERE patient = ?1 ORDER BY station")?;
        Ok(statement.query_map([patient.as_str()], |r| id(r, 0))?.collect::<Result<_, _>>()?)
    }

    pub fn consent_version(&self, station: &FacilityId, patient: &PatientId) -> Result<u64, HubError> {
        let version: Option<i64> = self
            .sql
            .prepare_cached("SELECT version FROM care WHERE station = ?1 AND patient = ?2")?
            .query_row((station.as_str(), patient.as_str()), |r| r.get(0))
            .optional()?;
        Ok(version.unwrap_or(0) as u64)
    }

    /// One more change of what may be seen of a patient: a page fetched before it is dropped.
    pub(super) fn raise_version(&self, station: &FacilityId, patient: &PatientId) -> Result<u64, HubError> {
        let version = self.consent_version(station, patient)? + 1;
        self.sql.execute(
            "UPDATE care SET version = ?3 WHERE station = ?1 AND patient = ?2",
            (station.as_str(), patient.as_str(), version as i64),
        )?;
        Ok(version)
    }

    /// Tells a station how consent stands. The version grows, so that a page fetched before is dropped.
    pub fn tell_consent(
        &self,
        station: &FacilityId,
        patient: &PatientId,
        withdrawn: &[FacilityId],
    ) -> Result<(), HubError> {
        self.say_consent(station, patient, withdrawn.to_vec(), false)
    }

    /// What phones of a station may hold of a patient today: facilities, with the classes.
    pub(super) fn allowed_on_phones(
        &self,
        station: &FacilityId,
        patient: &PatientId,
    ) -> Result<Vec<(FacilityId, Vec<String>)>, HubError> {
        let today = today(self.now);
        let mut consents = self.consents_of(patient)?;
        consents.retain(|c| c.viewing == *station && c.holds_on(today) && c.offline_hours.is_some());
        let classes = |c: &Consent| -> Vec<String> { c.classes.iter().map(|class| class.to_string()).collect() };
        Ok(consents.into_iter().map(|c| (c.disclosing.clone(), classes(&c))).collect())
    }

    pub(super) fn say_consent(
        &self,
        station: &FacilityId,
        patient: &PatientId,
        withdrawn: Vec<FacilityId>,
        again: bool,
    ) -> Result<(), HubError> {
        let version = self.raise_version(station, patient)?;
        let allowed = self.allowed_on_phones(station, patient)?;
        let body = Consented { patient: patient.clone(), version, allowed, withdrawn, again };
        let doc = DocumentId::derive("consent", patient.as_str().as_bytes());
        self.append_feed_body(station, Kind::Consent, doc, Some(patient), &body)
    }

    /// A station that did not know who this is may know it from now on. Whoever has read the feed meanwhile was not told: it is
    /// said again.
    fn tell_who_it_is(&self, station: &FacilityId, patient: &record::Patient, knew: bool) -> Result<(), HubError> {
        match self.has_care(station, &patient.id)? {
            false => self.begin_care(station, patient),
            true if !knew => self.tell_patient(station, patient),
            true => Ok(()),
        }
    }

    fn begin_care(&self, station: &FacilityId, patient: &record::Patient) -> Result<(), HubError> {
        self.sql.execute(
            "INSERT INTO care (station, patient, version) VALUES (?1, ?2, 0)",
            (station.as_str(), patient.id.as_str()),
        )?;
        self.tell_patient(station, patient)
    }

    /// AT-O4: whether the patient has special orders of the same month already, at whatever station. One form that goes to
    /// several stations counts once.
    pub fn check_special_order(
        &self,
        order: &NursingOrder,
        exemption: Option<SpecialExemption>,
    ) -> Result<Option<SpecialWarning>, HubError> {
        if !order.special {
            return Ok(None);
        }
        let mut others = self.special_orders(&order.patient)?;
        others.retain(|other| {
            let same_form = (&other.facility, other.from, other.until) == (&order.facility, order.from, order.until);
            !same_form || other.station == order.station
        });
        Ok(record::order::check_special(&others, order.issue_day(), exemption)?)
    }

    /// The patient's special orders by their columns. All else of an order stands only in its feed's sealed body.
    fn special_orders(&self, patient: &PatientId) -> Result<Vec<NursingOrder>, HubError> {
        let mut statement = self.sql.prepare_cached(
            "SELECT id, facility, station, \"from\", until FROM nursing_order WHERE patient = ?1 AND special = 1",
        )?;
        Ok(statement
            .query_map([patient.as_str()], |r| {
                let (facility, station, from, until) = (id(r, 1)?, id(r, 2)?, id(r, 3)?, id(r, 4)?);
                let order =
                    NursingOrder::ordinary(DocumentId(r.get(0)?), patient.clone(), facility, station, from, until);
                Ok(NursingOrder { special: true, ..order })
            })?
            .collect::<Result<_, _>>()?)
    }

    /// 指示書の登録. A third special order in one month is refused, whoever asks; of a second one the caller warns.
    pub fn add_order(&self, order: &NursingOrder) -> Result<(), HubError> {
        order.check()?;
        self.check_special_order(order, None)?;
        let patient = self.known_patient(&order.patient)?;
        self.known_facility(&order.facility)?;
        self.known_facility(&order.station)?;
        let knew = self.may_know(&order.station, &order.patient)?;
        self.sql.execute(
            "INSERT INTO nursing_order (id, patient, facility, station, \"from\", until, special) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                order.id.0,
                order.patient.as_str(),
                order.facility.as_str(),
                order.station.as_str(),
                order.from.to_string(),
                order.until.to_string(),
                order.special,
            ),
        )?;
        self.tell_who_it_is(&order.station, &patient, knew)?;
        self.append_feed_body(&order.station, Kind::Order, order.id, Some(&order.patient), order)
    }

    /// 訪問予定の登録. The station is the one that the nurse works for.
    pub fn add_visit(&self, visit: &Visit) -> Result<(), HubError> {
        if self.stands("visit", visit.id)? {
            return Err(HubError::VisitExists(visit.id));
        }
        self.known_patient(&visit.patient)?;
        if !self.has_care(&visit.station, &visit.patient)? {
            return Err(HubError::NoCare { patient: visit.patient.clone(), station: visit.station.clone() });
        }
        self.sql.execute(
            "INSERT INTO visit (id, patient, station, staff, date, start, minutes, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                visit.id.0,
                visit.patient.as_str(),
                visit.station.as_str(),
                visit.staff.as_str(),
                visit.date.to_string(),
                visit.start.to_string(),
                visit.minutes,
                DocumentId::of_planned_visit(visit.id).0,
            ),
        )?;
        self.append_feed_body(&visit.station, Kind::Visit, visit.id, Some(&visit.patient), visit)
    }

    /// Whose planned visit a document is the note of, if it is one's.
    pub fn visit_of_note(&self, station: &FacilityId, doc: DocumentId) -> Result<Option<PatientId>, HubError> {
        Ok(self
            .sql
            .prepare_cached("SELECT patient FROM visit WHERE note = ?1 AND station = ?2")?
            .query_row((doc.0, station.as_str()), |r| id(r, 0))
            .optional()?)
    }

    /// Visits planned by an older version get the id of their note.
    pub(super) fn name_visit_notes(&self) -> Result<(), HubError> {
        let mut statement = self.sql.prepare("SELECT id FROM visit WHERE note IS NULL")?;
        let visits = statement.query_map([], |r| r.get(0).map(DocumentId))?.collect::<Result<Vec<_>, _>>()?;
        for visit in visits {
            let note = DocumentId::of_planned_visit(visit);
            self.sql.execute("UPDATE visit SET note = ?2 WHERE id = ?1", (visit.0, note.0))?;
        }
        Ok(())
    }

    pub fn visits(&self) -> Result<Vec<Visit>, HubError> {
        let mut statement = self
            .sql
            .prepare("SELECT id, patient, station, staff, date, start, minutes FROM visit ORDER BY date, start, id")?;
        Ok(statement
            .query_map([], |r| {
                Ok(Visit {
                    id: DocumentId(r.get(0)?),
                    patient: id(r, 1)?,
                    station: id(r, 2)?,
                    staff: id(r, 3)?,
                    date: id(r, 4)?,
                    start: id(r, 5)?,
                    minutes: r.get(6)?,
                })
            })?
            .collect::<Result<_, _>>()?)
    }
}

/// Japan's day at the hub's clock.
pub(crate) fn today(now_ms: i64) -> Date {
    record::calendar::day_in_japan(jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default())
}

fn read_consent(row: &Row<'_>) -> rusqlite::Result<Consent> {
    let classes: String = row.get(3)?;
    Ok(Consent {
        patient: id(row, 0)?,
        disclosing: id(row, 1)?,
        viewing: id(row, 2)?,
        classes: classes.split(',').filter_map(|class| class.parse().ok()).collect(),
        offline_hours: row.get(4)?,
        until: id_or_none(row, 5)?,
        withdrawn: row.get::<_, Option<i64>>(6)?.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{consent, hub};
    use jiff::civil::date;
    use record::order::OrderError;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn special(tx: &Tx<'_>, n: u8, station: &str, from: Date) -> Result<NursingOrder, HubError> {
        let known = |id: &str| id.parse::<FacilityId>().map_err(|_| HubError::NoRandomness);
        let hospital = known("tsubaki")?;
        let patient = tx.patient_of_local_id(&hospital, "1")?.ok_or(HubError::Damaged { table: "local_id" })?;
        let until = from.saturating_add(jiff::Span::new().days(13));
        let order = NursingOrder::ordinary(DocumentId([n; 16]), patient, hospital, known(station)?, from, until);
        Ok(NursingOrder { special: true, psychiatric: true, ..order })
    }

    #[test]
    fn at_o4_a_second_special_order_is_stored_with_a_warning_and_a_third_not_at_all() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (store, _) = hub(folder.path(), &["st-1", "st-2"])?;
        store.write(|tx| {
            let (first, day) = (special(tx, 1, "st-1", date(2026, 11, 2))?, date(2026, 11, 17));
            assert_eq!(tx.check_special_order(&first, None)?, None);
            tx.add_order(&first)?;
            // The same form, sent to the other station too.
            let copy = NursingOrder { id: DocumentId([2; 16]), ..special(tx, 2, "st-2", first.from)? };
            assert_eq!(tx.check_special_order(&copy, None)?, None);
            tx.add_order(&copy)?;
            let second = special(tx, 3, "st-1", day)?;
            let warning = tx.check_special_order(&second, None)?;
            assert_eq!(warning.map(|w| w.earlier_issued_on), Some(first.from));
            assert_eq!(tx.check_special_order(&second, Some(SpecialExemption::Cannula))?, None);
            tx.add_order(&second)
        })?;
        let third = store.write(|tx| tx.add_order(&special(tx, 4, "st-1", date(2026, 11, 30))?));
        assert!(matches!(third, Err(HubError::Order(OrderError::ThirdSpecialInMonth { month: 11, .. }))));
        store.write(|tx| tx.add_order(&special(tx, 5, "st-1", date(2026, 12, 1))?))?;
        let kept: i64 =
            store.read(|tx| Ok(tx.sql.query_row("SELECT count(*) FROM nursing_order", [], |r| r.get(0))?))?;
        assert_eq!(kept, 4);
        Ok(())
    }

    #[test]
    fn a_patient_who_consents_again_is_named_again_to_whoever_read_the_feed_meanwhile() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (store, patient) = hub(folder.path(), &["st-1"])?;
        let (hospital, station): (FacilityId, FacilityId) = ("tsubaki".parse()?, "st-1".parse()?);
        let consent = consent(&patient, &hospital, &station);
        let named = || {
            store.read(|tx| {
                let rows = tx.feed_after(&station, 0, 100)?;
                Ok(rows.iter().filter(|row| row.kind == Kind::Patient).count())
            })
        };
        store.write(|tx| tx.add_consent(&consent))?;
        assert_eq!(named()?, 1);
        // Changed while it holds: nobody missed the name.
        store.write(|tx| tx.add_consent(&Consent { offline_hours: Some(48), ..consent.clone() }))?;
        assert_eq!(named()?, 1);
        store.write(|tx| tx.withdraw_consent(&patient, &hospital, &station))?;
        store.write(|tx| tx.add_consent(&consent))?;
        assert_eq!(named()?, 2);
        Ok(())
    }
}
