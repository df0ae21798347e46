//! `tsutsuji-hub restore`: puts a backup in place, and says what a person has to know and to do.

use super::{Data, Output, lacking};
use crate::error::HubError;
use crate::store::{AssignmentNamed, ConsentNamed, LinkNamed, PlanNamed, Restored, Store};
use record::{DeviceId, PatientId};
use std::path::Path;

pub(super) fn run(data: &Data, file: &Path, out: &Output) -> Result<(), HubError> {
    let restored = Store::restore(&data.data, file)?;
    let shown = serde_json::json!({
        "restored": file,
        "before": restored.before,
        "photos": restored.photos,
        "photos_copied": restored.photos_copied,
        "photos_lacking": restored.photos_lacking,
        "devices_enrolled": restored.devices_enrolled,
        "devices_revoked": restored.devices_revoked,
        "devices_compared": restored.devices_compared,
        "patients_kept": restored.patients_kept,
        "patients_compared": restored.patients_compared,
        "consents_withdrawn": restored.consents_withdrawn,
        "consents_narrowed": restored.consents_narrowed,
        "consents_to_enter": restored.consents_to_enter,
        "consents_compared": restored.consents_compared,
        "orders_kept": restored.plans.orders_kept,
        "orders_to_enter": restored.plans.orders_to_enter,
        "visits_kept": restored.plans.visits_kept,
        "visits_to_enter": restored.plans.visits_to_enter,
        "links_to_enter": restored.plans.links_to_enter,
        "plans_compared": restored.plans.is_compared,
        "assignments_kept": restored.assignments.kept,
        "assignments_ended": restored.assignments.ended,
        "assignments_to_enter": restored.assignments.to_enter,
        "assignments_compared": restored.assignments.is_compared,
    });
    out.say(&shown, |_| {
        let mut text = format!("restored, with {} photos", restored.photos);
        if let Some(before) = &restored.before {
            text.push_str(&format!("; the database that stood there is kept as {}", before.display()));
        }
        text.push_str(&lacking(&restored.photos_lacking, "is not here"));
        text.push_str(&forgotten(&restored));
        text
    })
}

/// What must be entered again before phones may be trusted with it.
fn forgotten(restored: &Restored) -> String {
    let line = |consent: &ConsentNamed, what: &str| {
        let ConsentNamed { patient, disclosing, viewing } = consent;
        format!("\n  consent of {patient}, {disclosing} to {viewing}, {what}")
    };
    let withdrawn = restored.consents_withdrawn.iter().map(|c| line(c, "was withdrawn after the backup and stays so"));
    let narrowed = restored.consents_narrowed.iter().map(|c| line(c, "was narrowed after the backup and stays so"));
    let changed = restored.consents_to_enter.iter().map(|c| line(c, "changed after the backup: enter it again"));
    let lines: String = withdrawn.chain(narrowed).chain(changed).collect();
    let known = match restored.consents_compared {
        true => "",
        false => {
            "; no older database could be asked: withdrawals after the backup are not known here, and phones get those records back until they are entered"
        }
    };
    format!(
        "\nenter again before serving what changed after the backup: consents, above all withdrawals, and linked numbers{known}{lines}{}{}{}{}",
        plans(restored),
        assignments(restored),
        phones(restored),
        patients(restored)
    )
}

/// Orders and visits that stand again, and what of them, and of linked numbers, a person has to enter.
fn plans(restored: &Restored) -> String {
    let plans = &restored.plans;
    let count = |kept: &[PlanNamed], what: &str| match kept.len() {
        0 => String::new(),
        n => format!("\n  {n} {what} entered after the backup and stand"),
    };
    let counted = [count(&plans.orders_kept, "orders were"), count(&plans.visits_kept, "visits were")];
    let line = |plan: &PlanNamed, what: &str, to_do: &str| {
        let PlanNamed { id, patient } = plan;
        format!("\n  {what} {id} of {patient} was entered after the backup and does not stand: {to_do}")
    };
    let orders = plans.orders_to_enter.iter().map(|plan| line(plan, "order", "enter it again"));
    let visits = plans.visits_to_enter.iter().map(|plan| {
        let to_do = format!(
            "there is no consent or order of the patient for its station, or its nurse is not of that station: enter what lacks, then it with `visit add --id {}`",
            plan.id
        );
        line(plan, "visit", &to_do)
    });
    let link = |link: &LinkNamed| {
        let LinkNamed { patient, facility } = link;
        format!("\n  a number of {facility} was linked to {patient} after the backup: link it again")
    };
    let links = plans.links_to_enter.iter().map(link);
    let known = match plans.is_compared {
        true => "",
        false => {
            "\nno older database could be asked about orders, visits and linked numbers: enter again what was entered after the backup"
        }
    };
    counted.into_iter().chain(orders).chain(visits).chain(links).chain(std::iter::once(known.to_string())).collect()
}

/// Who has whom, as it was said last.
fn assignments(restored: &Restored) -> String {
    let assignments = &restored.assignments;
    let line = |name: &AssignmentNamed, what: &str| {
        let AssignmentNamed { patient, staff } = name;
        format!("\n  assignment of {patient} to {staff} {what}")
    };
    let kept = assignments.kept.iter().map(|name| line(name, "was made after the backup and stands"));
    let ended = assignments.ended.iter().map(|name| line(name, "was ended after the backup and stays so"));
    let to_enter = assignments.to_enter.iter().map(|name| line(name, "was made after the backup: make it again"));
    let known = match assignments.is_compared {
        true => "",
        false => {
            "\nno older database could be asked about assignments; look through `patient assignments` before serving: whoever was taken off a patient after the backup has the patient in full again"
        }
    };
    kept.chain(ended).chain(to_enter).chain(std::iter::once(known.to_string())).collect()
}

/// What is known of phones, and what somebody must look through where nothing is.
fn phones(restored: &Restored) -> String {
    let line = |device: &DeviceId, what: &str| format!("\n  device {device} was {what} after the backup and stays so");
    let enrolled = restored.devices_enrolled.iter().map(|device| line(device, "enrolled"));
    let revoked = restored.devices_revoked.iter().map(|device| line(device, "revoked"));
    let known = match restored.devices_compared {
        true => "",
        false => {
            "\nno older database could be asked about phones; look through `device list` before serving:
  phones that were revoked or lost after the backup count again: `device revoke` or `device wipe` them once more
  phones that were enrolled after it are unknown here: invite them anew, or what they wrote waits, and what others wrote upon it
  staff and facilities that were added after it are to be added again
  invitations that were used after it count once more until their 24 hours are over"
        }
    };
    enrolled.chain(revoked).chain(std::iter::once(known.to_string())).collect()
}

/// Who keeps her number, and that others' numbers are not given twice.
fn patients(restored: &Restored) -> String {
    let line = |id: &PatientId| format!("\n  patient {id} was first disclosed after the backup and keeps this number");
    let known = match restored.patients_compared {
        true => "",
        false => {
            "\nno older database could be asked about patients; numbers go on 10,000 behind the backup's, so that none is given twice: read the hospitals' files of since the backup again, and compare who has a new number with what phones bring of the old one (`held list`)"
        }
    };
    restored.patients_kept.iter().map(line).chain(std::iter::once(known.to_string())).collect()
}
