//! `POST /v1/enrol`: a code and a CSR become a device.

use super::{Hub, Refused, answer, blocking};
use crate::keys::random;
use crate::store::{Presented, Store};
use crate::tls::client_certificate;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::codec;
use protocol::{EnrolRequest, EnrolResponse, RefusalCode, WIRE_VERSION};
use record::{ContentHash, DeviceId};

/// An enrolment is a few hundred bytes; strangers get no more.
pub(super) const BODY: usize = 16 << 10;

pub async fn enrol(State(hub): State<Hub>, body: Bytes) -> Result<Response, Refused> {
    let request: EnrolRequest = codec::decode_within(&body, BODY).map_err(|_| RefusalCode::Garbled)?;
    if request.v != WIRE_VERSION {
        return Err(RefusalCode::Version.into());
    }
    if request.signing_key.len() != 32 || request.csr.len() > 8 * 1024 || request.code.len() > 64 {
        return Err(RefusalCode::Garbled.into());
    }
    let response = blocking(move || enrol_device(&hub.store, &request)).await?;
    Ok(answer(StatusCode::OK, &response))
}

pub(crate) fn enrol_device(store: &Store, request: &EnrolRequest) -> Result<EnrolResponse, Refused> {
    let outcome = store.write(|tx| {
        use crate::store::Who;
        let staff = match tx.invited(&request.code)? {
            Ok(staff) => staff,
            Err(code) => {
                tx.audit(&Who::Stranger, "enrol_refused", None, &format!("{code:?}").to_lowercase())?;
                return Ok(Err(code));
            }
        };
        let device = DeviceId(*random()?);
        // A request that is no CSR is the device's fault, not ours, and leaves the code unused.
        let validity = tx.new_validity()?;
        let Ok((certificate, key)) = client_certificate(tx.keys, &request.csr, device, validity.until) else {
            return Ok(Err(RefusalCode::Garbled));
        };
        let presented = Presented { hash: ContentHash::of(&certificate), key: Some(key) };
        tx.enrol(&request.code, &staff, device, (presented, validity.until), &request.signing_key)?;
        tx.audit(&Who::Staff(&staff.id), "enrol", None, &device.to_string())?;
        let station = tx.known_facility(&staff.facility)?;
        Ok(Ok(EnrolResponse {
            v: WIRE_VERSION,
            device,
            staff: staff.id,
            staff_name: staff.name,
            station: station.id,
            station_name: station.name,
            hub_name: tx.meta("name")?.unwrap_or_default(),
            epoch: tx.epoch()?,
            certificate,
            validity: Some(validity),
            ca: tx.keys.ca_certificate()?,
            receipt_key: tx.keys.receipt.verifying_key().to_bytes().to_vec(),
            sealing_key: tx.keys.sealing_public.clone(),
            time: tx.now(),
        }))
    })?;
    outcome.map_err(Refused::from)
}
