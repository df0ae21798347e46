use super::*;
use crate::store::testing::{consent, person};
use crate::store::{AssignmentNamed, LinkNamed, PlanNamed};
use jiff::civil::{Date, date, time};
use protocol::Kind;
use record::facility::{FacilityKind, StaffRole};
use record::order::VitalAlert;
use record::{Facility, FacilityId, NursingOrder, Staff, StaffId, Visit, canonical};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// A station with two nurses, a hospital and a clinic, and two patients who consented.
struct Desk {
    folder: tempfile::TempDir,
    store: Store,
}

fn desk() -> Outcome<Desk> {
    let folder = tempfile::tempdir()?;
    let desk = Desk { store: Store::init(&folder.path().join("hub"), "くるめ")?, folder };
    let kinds = [("hp", FacilityKind::Hospital), ("clinic", FacilityKind::Clinic), ("st-1", FacilityKind::Station)];
    for (id, kind) in kinds {
        let id: FacilityId = id.parse()?;
        let facility = Facility { disclosing: kind != FacilityKind::Station, id, kind, name: "架空".into() };
        desk.store.write(|tx| tx.add_facility(&facility))?;
    }
    for id in ["nurse-a", "nurse-b"] {
        let (id, facility): (StaffId, FacilityId) = (id.parse()?, "st-1".parse()?);
        let staff = Staff { id, facility, name: "架空".into(), role: StaffRole::Nurse };
        desk.store.write(|tx| tx.add_staff(&staff))?;
    }
    for number in ["1", "2"] {
        let patient = desk.discloses("hp", number)?;
        desk.consents(&patient)?;
    }
    Ok(desk)
}

impl Desk {
    /// A facility's patient, under the number that she has there.
    fn discloses(&self, facility: &str, number: &str) -> Outcome<PatientId> {
        let facility: FacilityId = facility.parse()?;
        Ok(self.store.write(|tx| Ok(tx.take_demographics(&facility, &person(number))?.0))?)
    }

    fn consents(&self, patient: &PatientId) -> Outcome {
        let (hospital, station): (FacilityId, FacilityId) = ("hp".parse()?, "st-1".parse()?);
        Ok(self.store.write(|tx| tx.add_consent(&consent(patient, &hospital, &station)))?)
    }

    fn assigns(&self, name: &AssignmentNamed, until: Option<Date>) -> Outcome {
        Ok(self.store.write(|tx| tx.assign(&name.patient, &name.staff, until, &Who::Admin))?)
    }

    fn unassigns(&self, name: &AssignmentNamed) -> Outcome {
        Ok(self.store.write(|tx| tx.unassign(&name.patient, &name.staff, &Who::Admin))?)
    }

    /// Who has whom today.
    fn holding(&self) -> Outcome<Vec<AssignmentNamed>> {
        let rows = self.store.read(|tx| tx.assignments())?;
        let held = rows.into_iter().filter(|row| row.ended_at.is_none());
        Ok(held.map(|row| AssignmentNamed { patient: row.patient, staff: row.staff }).collect())
    }

    fn orders(&self, n: u8, patient: &PatientId) -> Outcome<NursingOrder> {
        let (hospital, station): (FacilityId, FacilityId) = ("hp".parse()?, "st-1".parse()?);
        let (from, until) = (date(2026, 11, 1), date(2027, 4, 30));
        let order = NursingOrder {
            alerts: vec!["spo2_percent=88..93".parse::<VitalAlert>()?],
            spo2_target_88_92: true,
            ..NursingOrder::ordinary(DocumentId([n; 16]), patient.clone(), hospital, station, from, until)
        };
        self.store.write(|tx| tx.add_order(&order))?;
        Ok(order)
    }

    fn plans(&self, n: u8, patient: &PatientId) -> Outcome<Visit> {
        let visit = Visit {
            id: DocumentId([n; 16]),
            patient: patient.clone(),
            station: "st-1".parse()?,
            staff: "nurse-a".parse()?,
            date: date(2026, 11, 25),
            start: time(9, 30, 0, 0),
            minutes: 60,
        };
        self.store.write(|tx| tx.add_visit(&visit))?;
        Ok(visit)
    }

    /// Says, as the command line does, that a number of a facility belongs to a patient.
    fn links(&self, patient: &PatientId, facility: &str, number: &str) -> Outcome<LinkNamed> {
        let facility: FacilityId = facility.parse()?;
        self.store.write(|tx| {
            tx.link_patient(patient, &facility, number)?;
            tx.audit(&Who::Admin, "patient_link", Some(patient), facility.as_str())
        })?;
        Ok(LinkNamed { patient: patient.clone(), facility })
    }

    fn back_up(&self, name: &str) -> Outcome<PathBuf> {
        Ok(self.store.backup(&self.folder.path().join(name))?.file)
    }

    fn put_back(self, file: &Path) -> Outcome<(Self, Restored)> {
        let data = self.folder.path().join("hub");
        drop(self.store);
        let restored = Store::restore(&data, file)?;
        let store = Store::open(&data)?;
        store.read(|tx| tx.verify_audit())?;
        Ok((Desk { folder: self.folder, store }, restored))
    }

    fn damages_what_was_told_of_orders(&self) -> Outcome {
        let damage = "UPDATE feed SET body = x'00' WHERE kind = ?1";
        let damaged = self.store.write(|tx| Ok(tx.sql.execute(damage, [u8::from(Kind::Order)])?))?;
        assert_eq!(damaged, 1);
        Ok(())
    }

    /// The hub's disk breaks: nothing is left of its database.
    fn loses_its_database(&self) {
        for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
            let _ = std::fs::remove_file(self.folder.path().join("hub").join(name));
        }
    }

    fn audited(&self, action: &str) -> Outcome<Vec<(String, String)>> {
        let lines = "SELECT patient, object FROM audit WHERE action = ?1 ORDER BY n";
        Ok(self.store.read(|tx| {
            let mut statement = tx.sql.prepare(lines)?;
            Ok(statement.query_map([action], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
        })?)
    }
}

fn named(patient: &str, staff: &str) -> Outcome<AssignmentNamed> {
    Ok(AssignmentNamed { patient: patient.parse()?, staff: staff.parse()? })
}

#[test]
fn who_has_whom_stands_as_it_stood_and_whoever_was_taken_off_a_patient_stays_off() -> Outcome {
    let desk = desk()?;
    let (taken, given, longer) =
        (named("p-000001", "nurse-a")?, named("p-000001", "nurse-b")?, named("p-000002", "nurse-a")?);
    desk.assigns(&taken, None)?;
    desk.assigns(&longer, None)?;
    let file = desk.back_up("before.db")?;
    desk.unassigns(&taken)?;
    desk.assigns(&given, None)?;
    desk.assigns(&longer, Some(date(2040, 1, 31)))?;
    let before = desk.store.read(|tx| tx.assignments())?;
    let (desk, restored) = desk.put_back(&file)?;
    assert_eq!(desk.store.read(|tx| tx.assignments())?, before, "with who made and who ended each");
    assert_eq!((&restored.assignments.kept, &restored.assignments.ended), (&vec![given, longer], &vec![taken]));
    assert!(restored.assignments.is_compared && restored.assignments.to_enter.is_empty());
    let line = |patient: &str, staff: &str| (patient.to_string(), staff.to_string());
    assert_eq!(desk.audited("assign_carried")?, [line("p-000001", "nurse-b"), line("p-000002", "nurse-a")]);
    assert_eq!(desk.audited("unassign_carried")?, [line("p-000001", "nurse-a")]);
    // What the backup knows itself changes by nothing.
    let again = desk.back_up("again.db")?;
    let (desk, restored) = desk.put_back(&again)?;
    assert_eq!(desk.store.read(|tx| tx.assignments())?, before);
    assert!(restored.assignments.kept.is_empty() && restored.assignments.ended.is_empty());
    Ok(())
}

#[test]
fn whoever_was_taken_off_a_patient_stays_off_though_the_wrong_backup_was_put_in_place_first() -> Outcome {
    let desk = desk()?;
    let (taken, other) = (named("p-000001", "nurse-a")?, named("p-000002", "nurse-b")?);
    let wrong = desk.back_up("wrong.db")?;
    desk.assigns(&taken, None)?;
    let right = desk.back_up("right.db")?;
    desk.unassigns(&taken)?;
    let (desk, _) = desk.put_back(&wrong)?;
    assert!(desk.holding()?.is_empty());
    desk.assigns(&other, None)?;
    let (desk, restored) = desk.put_back(&right)?;
    assert_eq!(desk.holding()?, std::slice::from_ref(&other));
    assert_eq!((restored.assignments.kept, restored.assignments.ended), (vec![other.clone()], vec![taken]));
    // The disk breaks: only the databases of before are left, and the one that was there last is not among them.
    desk.loses_its_database();
    let (desk, restored) = desk.put_back(&right)?;
    assert!(!restored.assignments.is_compared && !restored.plans.is_compared);
    assert_eq!(desk.holding()?, [other]);
    Ok(())
}

#[test]
fn where_nobody_knows_any_more_the_restore_says_so() -> Outcome {
    let desk = desk()?;
    let taken = named("p-000001", "nurse-a")?;
    desk.assigns(&taken, None)?;
    let file = desk.back_up("before.db")?;
    desk.unassigns(&taken)?;
    desk.loses_its_database();
    let (desk, restored) = desk.put_back(&file)?;
    assert_eq!(desk.holding()?, [taken]);
    assert!(!restored.assignments.is_compared && restored.assignments.ended.is_empty());
    Ok(())
}

#[test]
fn orders_and_visits_of_after_the_backup_stand_under_their_own_ids_and_what_lacks_a_consent_is_named() -> Outcome {
    let desk = desk()?;
    let known: PatientId = "p-000001".parse()?;
    let (old_order, old_visit) = (desk.orders(1, &known)?, desk.plans(1, &known)?);
    let file = desk.back_up("before.db")?;
    let (ordered, consented) = (desk.discloses("hp", "3")?, desk.discloses("hp", "4")?);
    let order = desk.orders(2, &ordered)?;
    let visits = [desk.plans(2, &known)?, desk.plans(3, &ordered)?];
    desk.consents(&consented)?;
    let closed = desk.plans(4, &consented)?;
    let name = |visit: &Visit| PlanNamed { id: visit.id, patient: visit.patient.clone() };
    let (mut desk, mut restored) = desk.put_back(&file)?;
    for _ in 0..2 {
        let plans = &restored.plans;
        assert_eq!(plans.orders_kept, [PlanNamed { id: order.id, patient: ordered.clone() }]);
        assert_eq!(plans.visits_kept, visits.each_ref().map(name));
        assert_eq!((&plans.orders_to_enter, &plans.visits_to_enter), (&vec![], &vec![name(&closed)]));
        assert!(plans.is_compared && plans.links_to_enter.is_empty());
        let mut stand = desk.store.read(|tx| tx.visits())?;
        stand.sort_by_key(|visit| visit.id);
        assert_eq!(stand, [old_visit.clone(), visits[0].clone(), visits[1].clone()]);
        let station: FacilityId = "st-1".parse()?;
        // A note that a phone has begun for it is that visit's note.
        let note = DocumentId::of_planned_visit(visits[1].id);
        assert_eq!(desk.store.read(|tx| tx.visit_of_note(&station, note))?, Some(ordered.clone()));
        // Phones are told, of the order all that it says.
        let told = desk.store.read(|tx| tx.feed_after(&station, 0, 500))?;
        let orders = told.iter().filter(|row| row.kind == Kind::Order).filter_map(|row| row.body.as_ref());
        let orders = orders.map(|body| canonical::from_bytes::<NursingOrder>(body)).collect::<Result<Vec<_>, _>>()?;
        assert_eq!(orders, [old_order.clone(), order.clone()]);
        let last = told.iter().rfind(|row| row.kind == Kind::Visit).ok_or("no visit is told")?;
        assert_eq!(last.doc, visits[1].id);
        assert_eq!((desk.audited("order_carried")?.len(), desk.audited("visit_carried")?.len()), (1, 2));
        // The same backup once more.
        (desk, restored) = desk.put_back(&file)?;
    }
    // Her consent is entered again: then the visit can be, under its id and once.
    desk.consents(&consented)?;
    desk.store.write(|tx| tx.add_visit(&closed))?;
    let again = desk.store.write(|tx| tx.add_visit(&closed));
    assert!(matches!(again, Err(HubError::VisitExists(id)) if id == closed.id));
    Ok(())
}

#[test]
fn an_order_that_a_newer_database_knows_half_stands_again_by_an_older_one_that_knows_it_whole() -> Outcome {
    let desk = desk()?;
    let patient: PatientId = "p-000001".parse()?;
    let file = desk.back_up("before.db")?;
    let order = desk.orders(1, &patient)?;
    let name = PlanNamed { id: order.id, patient };
    let (desk, restored) = desk.put_back(&file)?;
    assert_eq!(restored.plans.orders_kept, std::slice::from_ref(&name));
    // What stations were told of it does not open any more, but for the database that the restore has put aside.
    desk.damages_what_was_told_of_orders()?;
    let (desk, restored) = desk.put_back(&file)?;
    assert_eq!((&restored.plans.orders_kept, &restored.plans.orders_to_enter), (&vec![name.clone()], &vec![]));
    let told = desk.store.read(|tx| tx.told_bodies(Kind::Order))?;
    let told = told.iter().map(|body| canonical::from_bytes::<NursingOrder>(body)).collect::<Result<Vec<_>, _>>()?;
    assert_eq!(told, [order]);
    // Where nobody knows it whole a person has to.
    desk.damages_what_was_told_of_orders()?;
    for kept in std::fs::read_dir(desk.folder.path().join("hub"))? {
        let kept = kept?;
        if kept.file_name().to_string_lossy().starts_with(KEPT) {
            std::fs::remove_file(kept.path())?;
        }
    }
    let (_, restored) = desk.put_back(&file)?;
    assert_eq!((restored.plans.orders_kept, restored.plans.orders_to_enter), (vec![], vec![name]));
    Ok(())
}

#[test]
fn a_number_that_was_linked_after_the_backup_is_named_and_stays_a_persons_to_link() -> Outcome {
    let desk = desk()?;
    let (first, second): (PatientId, PatientId) = ("p-000001".parse()?, "p-000002".parse()?);
    desk.discloses("clinic", "8")?;
    desk.discloses("clinic", "9")?;
    desk.links(&first, "clinic", "8")?;
    let file = desk.back_up("before.db")?;
    let link = desk.links(&second, "clinic", "9")?;
    let (desk, restored) = desk.put_back(&file)?;
    assert_eq!(restored.plans.links_to_enter, [link]);
    let numbers = |id: &PatientId| desk.store.read(|tx| Ok(tx.known_patient(id)?.local_ids.len()));
    assert_eq!((numbers(&first)?, numbers(&second)?), (2, 1));
    Ok(())
}
