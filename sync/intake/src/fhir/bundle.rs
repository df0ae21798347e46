//! A Bundle's entries, their references, and whose each record is.

use super::draft::{Draft, Reason, WRONG_SHAPE};
use super::model::{Header, Identifier, Many, Reference};
use super::{clinical, document, medication, observation, patient};
use crate::moment::{self, Moment};
use crate::{Intake, PatientRecords, Skipped, list_skipped};
use jiff::Timestamp;
use record::patient::Demographics;
use record::{ContentHash, DisclosedRecord, FacilityId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

const NO_SUBJECT: Reason = "it does not say whose it is; have the sender fill in the subject";
const UNKNOWN_SUBJECT: Reason = "its patient is not in the delivery; have the sender add the Patient resource";
const UNREADABLE_SUBJECT: Reason = "its Patient resource could not be read";
const NO_CLASS: Reason = "this type of resource has no class of disclosed data";
const EMPTY: Reason = "the entry has no resource";

/// Entries that may refer to each other: a Bundle, or the single resources of an NDJSON file.
pub(super) struct Delivery<'a> {
    entries: Vec<Entry<'a>>,
    unread: Vec<Skipped>,
    by_reference: HashMap<String, usize>,
    patient_by_identifier: HashMap<String, usize>,
    as_of: Option<Timestamp>,
    is_document: bool,
    /// In a document, what names nobody is about the document's patient.
    document_subject: Option<usize>,
}

pub(super) struct Entry<'a> {
    place: String,
    full_url: Option<String>,
    pub header: Header<'a>,
    pub raw: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bundle<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    timestamp: Option<String>,
    meta: Option<super::model::Meta>,
    #[serde(borrow)]
    entry: Vec<BundleEntry<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BundleEntry<'a> {
    full_url: Option<String>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

impl<'a> Delivery<'a> {
    /// `within` is where the Bundle itself stands (`line 3`), empty for a file that is one Bundle.
    pub fn of_bundle(text: &'a str, within: &str) -> Result<Self, serde_json::Error> {
        let bundle: Bundle<'a> = serde_json::from_str(text)?;
        let mut delivery = Self::empty();
        let updated = bundle.meta.and_then(|meta| meta.last_updated);
        delivery.as_of = [bundle.timestamp, updated].iter().flatten().find_map(|t| Moment::fhir(t)).map(|m| m.at);
        for (number, entry) in bundle.entry.into_iter().enumerate() {
            let place = format!("{within}{}entry[{number}]", if within.is_empty() { "" } else { " " });
            match entry.resource {
                Some(resource) => delivery.add(place, entry.full_url, resource.get()),
                None => list_skipped(&mut delivery.unread, place, EMPTY),
            }
        }
        delivery.is_document = bundle.kind.as_deref() == Some("document");
        if delivery.is_document {
            delivery.document_subject = delivery.subject_of_document();
        }
        Ok(delivery)
    }

    pub fn of_resources(resources: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        let mut delivery = Self::empty();
        for (place, raw) in resources {
            delivery.add(place, None, raw);
        }
        delivery
    }

    fn empty() -> Self {
        Self {
            entries: Vec::new(),
            unread: Vec::new(),
            by_reference: HashMap::new(),
            patient_by_identifier: HashMap::new(),
            as_of: None,
            is_document: false,
            document_subject: None,
        }
    }

    fn add(&mut self, place: String, full_url: Option<String>, raw: &'a str) {
        let Ok(header) = serde_json::from_str::<Header<'a>>(raw) else {
            list_skipped(&mut self.unread, place, WRONG_SHAPE);
            return;
        };
        let place = format!("{place} {}", type_name(&header)).trim_start().to_owned();
        let index = self.entries.len();
        if let Some(url) = &full_url {
            self.by_reference.entry(url.clone()).or_insert(index);
        }
        if let (Some(kind), Some(id)) = (&header.resource_type, &header.id) {
            self.by_reference.entry(format!("{kind}/{id}")).or_insert(index);
        }
        if header.resource_type.as_deref() == Some("Patient") {
            for key in identifier_keys(&header.identifier) {
                self.patient_by_identifier.entry(key).or_insert(index);
            }
        }
        self.entries.push(Entry { place, full_url, header, raw });
    }

    fn patients(&self) -> impl Iterator<Item = usize> {
        (0..self.entries.len()).filter(|i| self.entries[*i].header.resource_type.as_deref() == Some("Patient"))
    }

    /// Whom the Composition is about; without a readable one, the only Patient.
    fn subject_of_document(&self) -> Option<usize> {
        let composition = self.entries.iter().find(|e| e.header.resource_type.as_deref() == Some("Composition"));
        let subject = composition.and_then(|c| c.header.subject.as_ref()?.reference.as_deref());
        match subject {
            Some(reference) => self.find(reference),
            None => {
                let mut patients = self.patients();
                patients.next().filter(|_| patients.next().is_none())
            }
        }
    }

    /// The entry that a literal reference names: full URL, `Type/id`, an absolute URL's tail, with or without a version.
    fn find(&self, reference: &str) -> Option<usize> {
        let unversioned = reference.split("/_history/").next().unwrap_or(reference);
        let tail = || {
            let mut parts = unversioned.rsplit('/');
            let (id, kind) = (parts.next()?, parts.next()?);
            self.by_reference.get(&format!("{kind}/{id}"))
        };
        self.by_reference.get(unversioned).or_else(tail).copied()
    }

    /// JSON of the resource that a reference names, contained ones first.
    pub fn resolve(&self, from: &Header<'a>, reference: &Reference) -> Option<&'a str> {
        let literal = reference.reference.as_deref()?;
        match literal.strip_prefix('#') {
            Some(id) => from.contained.iter().map(|raw| raw.get()).find(|raw| {
                serde_json::from_str::<Header<'_>>(raw)
                    .is_ok_and(|contained| contained.id.as_deref().map(|own| own.trim_start_matches('#')) == Some(id))
            }),
            None => self.find(literal).map(|i| self.entries[i].raw),
        }
    }

    /// JSON of the Patient that a resource is about.
    fn patient_of(&self, header: &Header<'a>) -> Result<&'a str, Reason> {
        let said = header.subject.as_ref().or(header.patient.as_ref());
        let Some(reference) = said.filter(|r| r.reference.is_some() || r.identifier.is_some()) else {
            return self.document_subject.map(|i| self.entries[i].raw).ok_or(NO_SUBJECT);
        };
        let by_identifier = || {
            let index = self.patient_by_identifier.get(&identifier_key(reference.identifier.as_ref()?)?)?;
            Some(self.entries[*index].raw)
        };
        self.resolve(header, reference).or_else(by_identifier).ok_or(UNKNOWN_SUBJECT)
    }
}

/// Only names of FHIR types get into a place, whatever stands in the file.
fn type_name(header: &Header<'_>) -> String {
    let name = header.resource_type.as_deref().unwrap_or_default();
    let plausible = (3..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    if plausible { name.to_owned() } else { "resource".to_owned() }
}

/// A draft with its patient and the identity of the resource that it came from.
struct Owned {
    patient: usize,
    identity: String,
    as_of: Timestamp,
    draft: Draft,
}

/// What has been read so far. Several deliveries (lines of an NDJSON file) go into one.
#[derive(Default)]
pub(super) struct Collected {
    intake: Intake,
    by_local_id: HashMap<String, usize>,
}

impl Collected {
    pub fn into_intake(self) -> Intake {
        self.intake
    }

    pub fn skip(&mut self, place: String, reason: impl Into<String>) {
        list_skipped(&mut self.intake.skipped, place, reason);
    }

    fn patient(&mut self, demographics: Demographics) -> usize {
        *self.by_local_id.entry(demographics.local_id.clone()).or_insert_with(|| {
            self.intake.patients.push(PatientRecords { demographics, records: Vec::new(), stated_in_full: Vec::new() });
            self.intake.patients.len() - 1
        })
    }

    pub fn read(&mut self, facility: &FacilityId, delivery: &Delivery<'_>) {
        for unread in &delivery.unread {
            self.skip(unread.place.clone(), unread.reason.clone());
        }
        let mut owned: Vec<Owned> = Vec::new();
        // A Patient is read once, however many records point at it.
        let mut known: HashMap<*const u8, Result<usize, Reason>> = HashMap::new();
        for entry in &delivery.entries {
            let read = drafts_of(delivery, entry).and_then(|drafts| {
                let is_patient = entry.header.resource_type.as_deref() == Some("Patient");
                if drafts.is_empty() && !is_patient {
                    return Ok(());
                }
                let raw = if is_patient { entry.raw } else { delivery.patient_of(&entry.header)? };
                let patient =
                    *known.entry(raw.as_ptr()).or_insert_with(|| patient::demographics(raw).map(|d| self.patient(d)));
                let patient = if is_patient { patient? } else { patient.map_err(|_| UNREADABLE_SUBJECT)? };
                owned.extend(drafts.into_iter().map(|draft| owned_by(patient, delivery, entry, draft)));
                Ok(())
            });
            if let Err(reason) = read {
                self.skip(entry.place.clone(), reason);
            }
        }
        for (patient, record) in keyed(facility, owned) {
            if let Some(patient) = self.intake.patients.get_mut(patient) {
                patient.records.push(record);
            }
        }
    }
}

fn drafts_of<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<Vec<Draft>, Reason> {
    match entry.header.resource_type.as_deref().unwrap_or_default() {
        "Condition" => clinical::condition(entry),
        "AllergyIntolerance" => clinical::allergy(entry),
        "Encounter" => clinical::encounter(entry),
        "Observation" => observation::observation(entry),
        "MedicationRequest" => medication::request(delivery, entry),
        "MedicationStatement" => medication::statement(delivery, entry),
        "MedicationDispense" => medication::dispense(delivery, entry),
        "MedicationAdministration" => medication::administration(delivery, entry),
        "Composition" => document::composition(delivery, entry),
        "DocumentReference" => document::reference(entry),
        "DiagnosticReport" => document::report(entry),
        // The person, and what is said of others by others: who, where, with what.
        "Patient" | "Practitioner" | "PractitionerRole" | "Organization" | "Location" | "Medication" | "Specimen"
        | "Coverage" | "Device" | "RelatedPerson" | "HealthcareService" | "Provenance" | "MessageHeader"
        | "OperationOutcome" | "Binary" | "List" => Ok(Vec::new()),
        // The document's own words carry it.
        _ if delivery.is_document => Ok(Vec::new()),
        _ => Err(NO_CLASS),
    }
}

fn owned_by(patient: usize, delivery: &Delivery<'_>, entry: &Entry<'_>, draft: Draft) -> Owned {
    let updated = entry.header.meta.as_ref().and_then(|meta| meta.last_updated.as_deref());
    let as_of = updated.and_then(Moment::fhir).map(|m| m.at).or(draft.recorded).or(delivery.as_of);
    Owned { patient, identity: identity(entry), as_of: as_of.unwrap_or(moment::UNKNOWN), draft }
}

/// What stays the same when the resource is sent again: its instance identifier, else all its identifiers (a
/// prescription's line has order, group and line numbers), else its id, its URL, its content.
fn identity(entry: &Entry<'_>) -> String {
    let kind = type_name(&entry.header);
    let identifiers: Vec<String> = identifier_keys(&entry.header.identifier);
    let instance = identifiers.iter().find(|key| key.contains("resourceInstance-identifier"));
    let key = match (instance, &entry.header.id, &entry.full_url) {
        (Some(instance), _, _) => instance.clone(),
        (None, _, _) if !identifiers.is_empty() => identifiers.join(" "),
        (None, Some(id), _) => id.clone(),
        (None, None, Some(url)) => url.clone(),
        (None, None, None) => ContentHash::of(entry.raw.as_bytes()).to_string(),
    };
    // An index key must stay short.
    if key.len() > 200 { format!("{kind}|{}", ContentHash::of(key.as_bytes())) } else { format!("{kind}|{key}") }
}

fn identifier_keys(identifiers: &Many<Identifier>) -> Vec<String> {
    let mut keys: Vec<String> = identifiers.iter().filter_map(identifier_key).collect();
    keys.sort();
    keys
}

fn identifier_key(identifier: &Identifier) -> Option<String> {
    Some(format!("{}|{}", identifier.system.as_deref().unwrap_or(""), identifier.value.as_deref()?.trim()))
}

/// Gives every record a key of its own. Items that share an identifier are told apart by what they are; what is
/// equal in everything is one.
fn keyed(facility: &FacilityId, owned: Vec<Owned>) -> Vec<(usize, DisclosedRecord)> {
    let mut sharing: HashMap<(usize, String), u32> = HashMap::new();
    for one in &owned {
        *sharing.entry((one.patient, one.identity.clone())).or_default() += 1;
    }
    let mut taken: HashMap<(usize, String), u32> = HashMap::new();
    let mut seen: HashSet<(usize, ContentHash)> = HashSet::new();
    let mut records = Vec::with_capacity(owned.len());
    for Owned { patient, identity, as_of, draft } in owned {
        let shared = sharing.get(&(patient, identity.clone())).is_some_and(|n| *n > 1);
        let source_key = match &draft.item_key {
            Some(item) => format!("{identity}|{item}"),
            None if shared => format!("{identity}|{}", item_key(&draft)),
            None => identity,
        };
        let mut record = DisclosedRecord {
            facility: facility.clone(),
            class: draft.class,
            source_key,
            as_of,
            date: draft.date,
            text: draft.text,
            code: draft.code,
            value: draft.value,
            unit: draft.unit,
            flag: draft.flag,
            detail: draft.detail,
            body: draft.body,
            deleted: draft.deleted,
        };
        let content = serde_json::to_vec(&record).unwrap_or_default();
        if !seen.insert((patient, ContentHash::of(&content))) {
            continue;
        }
        let number = taken.entry((patient, record.source_key.clone())).or_default();
        *number += 1;
        if *number > 1 {
            record.source_key = format!("{}#{number}", record.source_key);
        }
        records.push((patient, record));
    }
    records
}

/// What an item is, for a key: its code, else a digest of its words (no clinical word belongs in a key).
pub(super) fn item_key(draft: &Draft) -> String {
    match &draft.code {
        Some(code) => code.value.clone(),
        None => words_key(&draft.text),
    }
}

pub(super) fn words_key(words: &str) -> String {
    ContentHash::of(words.as_bytes()).to_string().chars().take(16).collect()
}
