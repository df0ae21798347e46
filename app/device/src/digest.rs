//! 照合 (digest): once a day the hub is told what stands here of each patient, and what was lost here comes again.

use crate::error::DeviceError;
use crate::note::OpenNote;
use crate::phone::{Hand, Phone};
use crate::relay;
use protocol::digest::{DIGESTS_LIMIT, Digest, Tally, version_of};
use protocol::{Cursor, Kind, SyncRequest, SyncResponse};
use record::{DocumentId, Form, PatientId};
use vault::{NoteRow, SyncState, Tx, VaultError};

/// How often, by the hub's clock.
const EVERY_MS: i64 = 24 * 3_600_000;

/// What is compared, and where in the feed the phone stood when it was added up.
pub(crate) struct Digests {
    pub cursor: Cursor,
    pub patients: Vec<Digest>,
}

impl Phone {
    /// The next sync compares, whenever the last one did.
    pub fn want_digests(&self) -> Result<(), DeviceError> {
        self.write(|tx| Ok(tx.put_digests_at(0)?))
    }

    /// What the next request says of the patients, if it is time. A patient at a time: the nurse's pen never waits for more.
    pub(crate) fn digests_due(&self) -> Result<Option<Digests>, DeviceError> {
        let due = self.read(|tx| {
            let state = tx.sync_state()?;
            let is_due = |at: i64| !(at..at.saturating_add(EVERY_MS)).contains(&state.last_hub_time);
            Ok(tx.digests_at()?.is_some_and(is_due).then_some(state.cursor))
        })?;
        let Some(cursor) = due else { return Ok(None) };
        let known = self.read(|tx| Ok(tx.items(Kind::Patient, None)?))?;
        let wanting = self.last_self_check()?.map(|check| check.differing).unwrap_or_default();
        let mut patients = Vec::new();
        // Of a light patient not everything is here, and is not to be.
        let light = self.read(crate::standing::light)?;
        let whole = known.into_iter().filter_map(|item| item.patient).filter(|patient| !light.contains(patient));
        for patient in whole.take(DIGESTS_LIMIT) {
            patients.extend(self.read(|tx| digest_of(tx, patient, &wanting, self.hand()))?);
        }
        Ok(Some(Digests { cursor, patients }))
    }
}

/// Whose notes come again, by the hub's answer; and when is compared next. A new phone has just read everything.
pub(crate) fn take_compared(
    tx: &mut Tx<'_>,
    state: &mut SyncState,
    request: &SyncRequest,
    answer: &SyncResponse,
) -> Result<(), DeviceError> {
    for digest in request.digests.iter().filter(|digest| answer.differs.contains(&digest.patient)) {
        tracing::warn!(patient = %digest.patient, "what stands here is not what the hub has: it is fetched again");
        state.want_own(digest.patient.clone());
        // What is here and not there is asked about once that has come.
        relay::doubt(tx, &digest.patient)?;
    }
    let compared = !request.digests.is_empty() && !answer.more && !answer.renew;
    if compared || tx.digests_at()?.is_none() {
        tx.put_digests_at(answer.time)?;
    }
    Ok(())
}

/// One patient's digest; `None` while something of hers is on its way to the hub, or did not pass there.
fn digest_of(
    tx: &mut Tx<'_>,
    patient: PatientId,
    wanting: &[DocumentId],
    hand: Hand<'_>,
) -> Result<Option<Digest>, DeviceError> {
    if tx.is_unsettled(&patient)? {
        return Ok(None);
    }
    let mut tally = Tally::default();
    for form in Form::ALL {
        for row in tx.note_rows(form, Some(&patient))? {
            // What the self-check found wanting is not here: it comes again.
            let is_here = !wanting.contains(&row.note);
            add(tx, &mut tally, &row, is_here, hand)?;
        }
    }
    Ok(Some(Digest { patient, hash: tally.hash() }))
}

/// One document's digest alone; `None`: it is not here, or cannot be read.
pub(crate) fn of_document(tx: &mut Tx<'_>, doc: DocumentId, hand: Hand<'_>) -> Result<Option<Vec<u8>>, DeviceError> {
    let Some(stored) = readable(tx.note(doc))?.flatten() else { return Ok(None) };
    let mut tally = Tally::default();
    add(tx, &mut tally, &stored.row, true, hand)?;
    Ok(Some(tally.hash()))
}

/// Adds one document, if it is here, and what was said about it.
fn add(tx: &mut Tx<'_>, tally: &mut Tally, row: &NoteRow, is_here: bool, hand: Hand<'_>) -> Result<(), DeviceError> {
    let mut heads = row.heads.clone();
    if heads.is_empty() {
        // Of before rows named their versions.
        heads = match readable(tx.note(row.note))?.flatten() {
            Some(stored) => OpenNote::from_stored(stored, hand).map_or_else(|_| Vec::new(), |mut o| o.draft.heads()),
            None => Vec::new(),
        };
    }
    if is_here && !heads.is_empty() {
        tally.document(row.note, version_of(&heads));
    }
    for confirmation in readable(tx.confirmations(row.note))?.unwrap_or_default() {
        tally.statement(row.note, confirmation.signed.entry_hash(row.note));
    }
    let acts = readable(tx.acts(row.note, &row.patient))?.unwrap_or_default();
    for act in acts.iter().filter(|act| !act.refused) {
        tally.statement(row.note, act.signed.entry_hash(row.note));
    }
    Ok(())
}

/// What is damaged is not here.
fn readable<T>(read: Result<T, VaultError>) -> Result<Option<T>, DeviceError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(VaultError::Damaged { .. } | VaultError::Cbor(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
