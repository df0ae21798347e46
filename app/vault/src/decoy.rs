//! 脅されたときのPIN: what opens under duress. An empty route with the nurse's own name over it; her records stay sealed.
//!
//! `header.duress` always holds as many bytes, random ones where no such PIN is set.

use crate::error::VaultError;
use crate::keys;
use crate::seal::{self, Header, Key};
use crate::state::{Identity, SyncState};
use protocol::{Epoch, Series};
use record::{DeviceId, DocumentId, FacilityId, StaffId, canonical};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What is sealed: two bytes of length, CBOR, zeros. One size, however long a name is.
const ROOM: usize = 1024;

#[derive(Serialize, Deserialize)]
struct Shown {
    device: DeviceId,
    staff: StaffId,
    staff_name: String,
    station: FacilityId,
    station_name: String,
    hub_name: String,
}

/// What the PIN under duress will open.
pub(crate) fn seal(unlock: &Key, header: &Header, identity: &Identity) -> Result<Vec<u8>, VaultError> {
    let shown = Shown {
        device: identity.device,
        staff: identity.staff.clone(),
        staff_name: identity.staff_name.clone(),
        station: identity.station.clone(),
        station_name: identity.station_name.clone(),
        hub_name: identity.hub_name.clone(),
    };
    let body = Zeroizing::new(canonical::to_bytes(&shown)?);
    let length = u16::try_from(body.len()).ok().filter(|length| usize::from(*length) + 2 <= ROOM);
    let mut room = Zeroizing::new(Vec::with_capacity(ROOM));
    room.extend_from_slice(&length.ok_or(VaultError::Missing("names short enough"))?.to_be_bytes());
    room.extend_from_slice(&body);
    room.resize(ROOM, 0);
    let mut nonce = [0; 24];
    keys::fill_random(&mut nonce)?;
    seal::seal(unlock, header, nonce, &room).map_err(VaultError::damaged("header"))
}

/// The same number of bytes, sealed under a key that nobody has.
pub(crate) fn filler(header: &Header) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; 24];
    keys::fill_random(&mut nonce)?;
    seal::seal(&keys::make_key()?, header, nonce, &[0; ROOM]).map_err(VaultError::damaged("header"))
}

/// Who is shown, if this key is the one of the PIN under duress.
pub(crate) fn open(unlock: &Key, header: &Header, sealed: &[u8]) -> Option<Identity> {
    let room = seal::open(unlock, header, sealed).ok()?;
    let length = usize::from(u16::from_be_bytes(room.get(..2)?.try_into().ok()?));
    let shown: Shown = canonical::from_bytes(room.get(2..2 + length)?).ok()?;
    // Keys of nothing: nothing here ever reaches a hub.
    let mut nothing = [0u8; 32];
    keys::fill_random(&mut nothing).ok()?;
    Some(Identity {
        device: shown.device,
        staff: shown.staff,
        staff_name: shown.staff_name,
        station: shown.station,
        station_name: shown.station_name,
        hub_name: shown.hub_name,
        hub_url: String::new(),
        ca: Vec::new(),
        certificate: Vec::new(),
        tls_key: Vec::new(),
        signing_key: nothing.to_vec(),
        receipt_key: nothing.to_vec(),
        sealing_key: nothing.to_vec(),
    })
}

/// A series of nobody's, at the beginning of a feed that never comes.
pub(crate) fn sync_state() -> Result<SyncState, VaultError> {
    let (mut series, mut epoch) = ([0; 16], [0; 16]);
    keys::fill_random(&mut series)?;
    keys::fill_random(&mut epoch)?;
    Ok(SyncState::new(Series(DocumentId::from_random(series)), Epoch(DocumentId::from_random(epoch))))
}
