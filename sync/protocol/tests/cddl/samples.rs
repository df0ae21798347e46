//! Every message and body as the code writes it, each with its rule on the page.

use crate::Outcome;
use crate::bodies::{
    AT, NOTE, acts, alert, confirmation, consented, correction, device_key, disclosed, facility, frozen, order,
    patient, proposal, signed_act, staff, standing, visit,
};
use crate::messages::{
    CURSOR, SINCE, VALIDITY, capsule_request, capsule_response, copy, copy_of_photo, digest, enrol_request,
    enrol_response, entries, feed, holding, page, photo_piece, photo_standing, policy, renew_request, renew_response,
    request, response, sealed, sealed_page, wanted,
};
use ciborium::Value;
use protocol::{
    DeviceKey, Extent, PhotoReceipt, ReceiptItem, RecordItem, RecordsPage, Refusal, RefusalCode, Verdict, VerdictCode,
    WIRE_VERSION,
};
use record::Form;
use record::canonical::{self, CborError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as the code writes it, with the rule that it should fit and the code that reads it.
pub struct Sample {
    pub rule: &'static str,
    pub bytes: Vec<u8>,
    pub is_read: fn(&[u8]) -> bool,
}

fn sample<T: Serialize + DeserializeOwned>(rule: &'static str, value: &T) -> Result<Sample, CborError> {
    let bytes = canonical::to_bytes(value)?;
    Ok(Sample { rule, bytes, is_read: |bytes| canonical::from_bytes::<T>(bytes).is_ok() })
}

impl Sample {
    pub fn fields(&self) -> Outcome<Vec<(Value, Value)>> {
        match canonical::from_bytes::<Value>(&self.bytes)? {
            Value::Map(fields) => Ok(fields),
            _ => Err(format!("{} is no map", self.rule).into()),
        }
    }

    pub fn reads(&self, value: &Value) -> Outcome<bool> {
        Ok((self.is_read)(&canonical::to_bytes(value)?))
    }
}

/// What may be left out: everything else is always written.
pub const OPTIONAL: &[(&str, &str)] = &[
    ("sync-request", "earlier"),
    ("sync-request", "want"),
    ("sync-request", "derives"),
    ("sync-response", "pages"),
    ("sync-request", "digests"),
    ("sync-request", "proof"),
    ("sync-response", "policy"),
    ("sync-response", "from"),
    ("sync-response", "renew"),
    ("sync-response", "differs"),
    ("records-page", "numbers"),
    ("record-item", "doc"),
    ("enrol-response", "validity"),
    ("policy", "lease_until"),
    ("photo-standing", "receipt"),
    ("refusal", "v"),
    ("capsule-request", "since"),
    ("capsule-response", "page"),
    ("capsule-request", "holds"),
    ("capsule-response", "lacks"),
    ("copy", "maker"),
    ("consented", "again"),
    ("frozen-note", "form"),
    ("proposal", "over"),
    ("order", "psychiatric"),
    ("order", "drip"),
    ("order", "alerts"),
    ("order", "spo2_target_88_92"),
    ("order", "issued_on"),
    ("vital-alert", "low"),
    ("vital-alert", "high"),
    ("patient-standing", "leave"),
    ("records-page", "feed"),
];

pub fn samples() -> Outcome<Vec<Sample>> {
    let mut samples = vec![
        sample("sync-request", &request()?)?,
        sample("cursor", &CURSOR)?,
        sample("digest", &digest()?)?,
        sample("sync-response", &response()?)?,
        sample("receipt", &response()?.receipt)?,
        sample("receipt-item", &ReceiptItem { seq: 7, at: AT })?,
        sample("verdict", &Verdict { seq: 3, code: VerdictCode::Waiting })?,
        sample("policy", &policy())?,
        sample("signed-confirmation", &confirmation()?)?,
        sample("frozen-note", &frozen(Form::CarePlan)?)?,
        sample("signed-act", &signed_act()?)?,
        sample("correction", &correction())?,
        sample("proposal", &proposal()?)?,
        sample("patient", &patient()?)?,
        sample("disclosed-record", &disclosed()?)?,
        sample("visit", &visit()?)?,
        sample("order", &order()?)?,
        sample("vital-alert", &alert())?,
        sample("consented", &consented()?)?,
        sample("patient-standing", &standing(Extent::Full)?)?,
        sample("facility", &facility()?)?,
        sample("staff", &staff()?)?,
        sample("device-key", &device_key()?)?,
        sample("device-key", &DeviceKey { until: Some(AT), ..device_key()? })?,
        sample("wanted", &wanted()?)?,
        sample("records-page", &page()?)?,
        sample("records-page", &RecordsPage { next: None, ..page()? })?,
        sample("record-item", &RecordItem { doc: Some(NOTE), bytes: canonical::to_bytes(&disclosed()?)? })?,
        sample("capsule-request", &capsule_request(vec![sealed()?]))?,
        sample("sealed-copy", &sealed()?)?,
        sample("copy", &copy()?)?,
        sample("copy", &copy_of_photo()?)?,
        sample("capsule-response", &capsule_response()?)?,
        sample("holding", &holding())?,
        sample("since", &SINCE)?,
        sample("sealed-page", &sealed_page()?)?,
        sample("enrol-request", &enrol_request())?,
        sample("enrol-response", &enrol_response()?)?,
        sample("photo-piece", &photo_piece())?,
        sample("photo-standing", &photo_standing())?,
        sample("photo-receipt", &PhotoReceipt { at: AT, signature: vec![5; 64] })?,
        sample("validity", &VALIDITY)?,
        sample("renew-request", &renew_request())?,
        sample("renew-response", &renew_response())?,
        sample("refusal", &Refusal { code: RefusalCode::Version, v: Some(WIRE_VERSION) })?,
    ];
    for entry in entries()? {
        samples.push(sample("entry", &entry)?);
    }
    for item in feed()? {
        samples.push(sample("feed-item", &item)?);
    }
    for act in acts()? {
        samples.push(sample("act", &act)?);
    }
    Ok(samples)
}
