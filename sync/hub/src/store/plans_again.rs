//! After a restore: orders and visits that were entered after the backup stand again, under their own ids, so that what a phone has
//! written for a visit is still that visit's note. They are entered and never taken back: what any database knows of them holds.
//!
//! Linked numbers (紐付け) are named alone: whose records are whose stays a person's to say.

use super::facilities::id;
use super::former::Former;
use super::{Tx, Who};
use crate::error::HubError;
use protocol::Kind;
use record::{DocumentId, FacilityId, NursingOrder, PatientId, Visit, canonical};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An order or a visit, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanNamed {
    pub id: DocumentId,
    pub patient: PatientId,
}

/// That a number of a facility belongs to a patient. The number itself stands nowhere in clear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LinkNamed {
    pub patient: PatientId,
    pub facility: FacilityId,
}

/// What became of what was planned after the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlansAgain {
    pub orders_kept: Vec<PlanNamed>,
    /// Not known whole, or too many special ones in a month with those that are here.
    pub orders_to_enter: Vec<PlanNamed>,
    pub visits_kept: Vec<PlanNamed>,
    /// The station does not care for the patient here, or its nurse is not of that station: that is to be entered first.
    pub visits_to_enter: Vec<PlanNamed>,
    pub links_to_enter: Vec<LinkNamed>,
    /// Whether the database that stood here last could be asked.
    pub is_compared: bool,
}

/// What a database knows of plans.
struct Known {
    orders: Vec<PlanNamed>,
    /// What stations were told of them, as far as that opens.
    told: BTreeMap<DocumentId, NursingOrder>,
    visits: Vec<Visit>,
    links: Vec<LinkNamed>,
}

impl Tx<'_> {
    /// Before anything is written into the audit trail: that says when the backup was made.
    pub(super) fn carry_plans(&self, formers: &[Former]) -> Result<PlansAgain, HubError> {
        let mut again = PlansAgain::default();
        let made = self.last_act()?.unwrap_or(i64::MIN);
        let (mut known, mut links) = (Vec::new(), BTreeSet::new());
        for former in formers {
            if let Some(said) = former.read(self.keys, |was| was.plans(made)) {
                links.extend(said.links.iter().cloned());
                known.push(said);
                again.is_compared |= former.is_last;
            }
        }
        again.links_to_enter = links.into_iter().collect();
        // Orders first, all of them: an order makes the patient the station's, and a visit is planned for no other.
        for name in known.iter().flat_map(|known| &known.orders) {
            if self.stands("nursing_order", name.id)? || again.orders_to_enter.contains(name) {
                continue;
            }
            // A newer database may know it half, and an older one whole.
            let whole = known.iter().find_map(|known| known.told.get(&name.id));
            match whole.map(|order| self.carry_order(order)).transpose()? {
                Some(true) => again.orders_kept.push(name.clone()),
                _ => again.orders_to_enter.push(name.clone()),
            }
        }
        for visit in known.iter().flat_map(|known| &known.visits) {
            let name = PlanNamed { id: visit.id, patient: visit.patient.clone() };
            if self.stands("visit", visit.id)? || again.visits_to_enter.contains(&name) {
                continue;
            }
            let list = if self.carry_visit(visit)? { &mut again.visits_kept } else { &mut again.visits_to_enter };
            list.push(name);
        }
        Ok(again)
    }

    fn plans(&self, made: i64) -> Result<Known, HubError> {
        let told = self.told_bodies(Kind::Order)?;
        let told = told.iter().filter_map(|body| canonical::from_bytes::<NursingOrder>(body).ok());
        let told = told.map(|order| (order.id, order)).collect();
        let mut statement = self.sql.prepare("SELECT id, patient FROM nursing_order ORDER BY \"from\", id")?;
        let orders = statement
            .query_map([], |r| Ok(PlanNamed { id: DocumentId(r.get(0)?), patient: id(r, 1)? }))?
            .collect::<Result<_, _>>()?;
        Ok(Known { orders, told, visits: self.visits()?, links: self.links_since(made)? })
    }

    /// Numbers that somebody has linked since, by the audit trail.
    fn links_since(&self, made: i64) -> Result<Vec<LinkNamed>, HubError> {
        let mut statement = self
            .sql
            .prepare("SELECT patient, object FROM audit WHERE action = 'patient_link' AND at > ?1 ORDER BY n")?;
        let rows = statement.query_map([made], |r| Ok(LinkNamed { patient: id(r, 0)?, facility: id(r, 1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn stands(&self, table: &str, id: DocumentId) -> Result<bool, HubError> {
        let asked = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE id = ?1)");
        Ok(self.sql.prepare_cached(&asked)?.query_row([id.0], |r| r.get(0))?)
    }

    fn carry_order(&self, order: &NursingOrder) -> Result<bool, HubError> {
        let are_known = self.facility(&order.facility)?.is_some() && self.facility(&order.station)?.is_some();
        if !are_known || !self.opens_patient(&order.patient) {
            return Ok(false);
        }
        match self.add_order(order) {
            Ok(()) => {}
            // Refused before anything was written.
            Err(HubError::Order(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.audit(&Who::Admin, "order_carried", Some(&order.patient), &order.id.to_string())?;
        Ok(true)
    }

    fn carry_visit(&self, visit: &Visit) -> Result<bool, HubError> {
        let works_there = self.staff_member(&visit.staff)?.is_some_and(|staff| staff.facility == visit.station);
        if !works_there || !self.opens_patient(&visit.patient) || !self.has_care(&visit.station, &visit.patient)? {
            return Ok(false);
        }
        self.add_visit(visit)?;
        self.audit(&Who::Admin, "visit_carried", Some(&visit.patient), &visit.id.to_string())?;
        Ok(true)
    }
}
