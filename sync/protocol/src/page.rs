//! 封印されたページ: what a locked phone fetches. One answer of the hub, sealed to a key that only the open vault holds.
//!
//! HPKE as in `capsule`, to the device's signing key in its Montgomery form: the hub knows it since the enrolment. (One key for
//! both is sound: eprint 2021/509.) Whoever finds the phone may know the public half too; so the hub's signature stands inside:
//! what the vault opens was written by its hub, for this device, to follow one place of its feed.

use crate::capsule::{CapsuleError, Signed, framed, unframed};
use crate::codec;
use crate::wire::{Cursor, Epoch, Series, SyncRequest, SyncResponse, WIRE_VERSION};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender};
use record::ids::{ContentHash, DeviceId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const INFO: &[u8] = b"tsutsuji page v1";
const PURPOSE: &[u8] = b"tsutsuji sealed page v1";
/// Most bytes of one sealed page that a phone opens.
pub const PAGE_LIMIT: usize = 4 << 20;

/// Where a locked phone stands, and how much it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    pub epoch: Epoch,
    /// Of the entries: what the device sent in it is not told back.
    pub series: Series,
    pub cursor: Cursor,
    /// Bytes of feed.
    pub budget: u32,
}

impl Since {
    /// The sync that asks the same: it brings nothing, and wants nothing but the page.
    pub fn request(&self, device: DeviceId, received_up_to: u64) -> SyncRequest {
        SyncRequest {
            v: WIRE_VERSION,
            device,
            series: self.series,
            epoch: self.epoch,
            cursor: self.cursor,
            first_seq: received_up_to + 1,
            entries: Vec::new(),
            budget: self.budget,
            earlier: Vec::new(),
            want: Vec::new(),
            derives: false,
            digests: Vec::new(),
            proof: None,
        }
    }
}

/// A page as it travels, and waits for the unlock.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedPage {
    /// It follows this place of the feed, and leads to the next.
    pub from: Cursor,
    pub next: Cursor,
    pub more: bool,
    #[serde(with = "serde_bytes")]
    pub enc: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Seals the hub's answer to `since`. `vault`: the device's signing key, public.
pub fn seal(
    answer: &SyncResponse,
    since: &Since,
    device: DeviceId,
    vault: &[u8],
    hub: &SigningKey,
) -> Result<SealedPage, CapsuleError> {
    let vault = <[u8; 32]>::try_from(vault).map_err(|_| CapsuleError::Key)?;
    let vault = VerifyingKey::from_bytes(&vault).map_err(|_| CapsuleError::Key)?.to_montgomery().to_bytes();
    let vault = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&vault).map_err(|_| CapsuleError::Key)?;
    let mut page = SealedPage {
        from: since.cursor,
        next: answer.next_cursor,
        more: answer.more,
        enc: Vec::new(),
        sealed: Vec::new(),
    };
    let place = place(&page, device, since.series);
    let (enc, context) = setup_sender::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(&OpModeS::Base, &vault, &place)
        .map_err(|_| CapsuleError::Key)?;
    let body = Zeroizing::new(codec::encode(answer).map_err(|_| CapsuleError::Write)?);
    let signature = hub.sign(&statement(&place, &body)).to_bytes().to_vec();
    let plain = framed(&Signed { body: body.to_vec(), signature })?;
    let key = exported(|about, out| context.export(about, out))?;
    page.sealed = ChaCha20Poly1305::new((&*key).into())
        .encrypt(&Nonce::from([0; 12]), Payload { msg: &plain, aad: &place })
        .map_err(|_| CapsuleError::Write)?;
    page.enc = enc.to_bytes().to_vec();
    Ok(page)
}

/// Opens a page in the vault. `hub`: the key of its receipts.
pub fn open(
    page: &SealedPage,
    device: DeviceId,
    series: Series,
    vault: &SigningKey,
    hub: &[u8],
) -> Result<SyncResponse, CapsuleError> {
    if page.sealed.len() > PAGE_LIMIT {
        return Err(CapsuleError::Closed);
    }
    let secret = Zeroizing::new(vault.to_scalar_bytes());
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret.as_slice()).map_err(|_| CapsuleError::Key)?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&page.enc).map_err(|_| CapsuleError::Closed)?;
    let place = place(page, device, series);
    let context = setup_receiver::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(&OpModeR::Base, &secret, &enc, &place)
        .map_err(|_| CapsuleError::Closed)?;
    let key = exported(|about, out| context.export(about, out))?;
    let plain = ChaCha20Poly1305::new((&*key).into())
        .decrypt(&Nonce::from([0; 12]), Payload { msg: &page.sealed, aad: &place })
        .map(Zeroizing::new)
        .map_err(|_| CapsuleError::Closed)?;
    let signed = unframed(&plain)?;
    let wrong = CapsuleError::WrongSignature;
    let hub = <[u8; 32]>::try_from(hub).map_err(|_| wrong)?;
    let hub = VerifyingKey::from_bytes(&hub).map_err(|_| wrong)?;
    let signature = Signature::from_slice(&signed.signature).map_err(|_| wrong)?;
    hub.verify_strict(&statement(&place, &signed.body), &signature).map_err(|_| wrong)?;
    let answer: SyncResponse = codec::decode(&signed.body).map_err(|_| CapsuleError::Closed)?;
    let fits = answer.next_cursor == page.next && answer.more == page.more;
    if fits { Ok(answer) } else { Err(wrong) }
}

fn exported(
    export: impl FnOnce(&[u8], &mut [u8]) -> Result<(), hpke::HpkeError>,
) -> Result<Zeroizing<[u8; 32]>, CapsuleError> {
    let mut out = Zeroizing::new([0u8; 32]);
    export(b"page", out.as_mut_slice()).map_err(|_| CapsuleError::Key)?;
    Ok(out)
}

/// Whose it is, and where in the feed: authenticated with it.
fn place(page: &SealedPage, device: DeviceId, series: Series) -> Vec<u8> {
    let mut out = [INFO, &device.0, &series.0.0].concat();
    for cursor in [&page.from, &page.next] {
        out.extend_from_slice(&cursor.n.to_be_bytes());
        out.extend_from_slice(&cursor.chain.0);
    }
    out.push(u8::from(page.more));
    out
}

fn statement(place: &[u8], body: &[u8]) -> Vec<u8> {
    [PURPOSE, place, &ContentHash::of(body).0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Receipt;
    use crate::wire::{FeedItem, Kind};
    use record::ids::DocumentId;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const DEVICE: DeviceId = DeviceId([1; 8]);
    const SINCE: Since = Since {
        epoch: Epoch(DocumentId([3; 16])),
        series: Series(DocumentId([2; 16])),
        cursor: Cursor { n: 4, chain: ContentHash([5; 32]) },
        budget: 1 << 20,
    };

    fn keys() -> (SigningKey, SigningKey) {
        (SigningKey::from_bytes(&[9; 32]), SigningKey::from_bytes(&[8; 32]))
    }

    fn answer(words: &str) -> SyncResponse {
        let item = FeedItem {
            n: 5,
            kind: Kind::Note,
            doc: DocumentId([7; 16]),
            patient: None,
            enc: 1,
            bytes: words.as_bytes().to_vec(),
            at: 6,
        };
        SyncResponse {
            v: WIRE_VERSION,
            epoch: SINCE.epoch,
            time: 7,
            received_up_to: 0,
            durable_up_to: 0,
            receipt: Receipt { items: Vec::new(), signature: Vec::new() },
            held: Vec::new(),
            rejected: Vec::new(),
            feed: vec![item],
            pages: None,
            from: None,
            next_cursor: SINCE.cursor.after(5, ContentHash([6; 32])),
            more: false,
            policy: None,
            renew: false,
            differs: Vec::new(),
        }
    }

    #[test]
    fn only_the_open_vault_of_that_device_reads_a_page() -> Outcome {
        let (vault, hub) = keys();
        let (public, receipts) = (vault.verifying_key().to_bytes(), hub.verifying_key().to_bytes());
        let page = seal(&answer("下肢浮腫"), &SINCE, DEVICE, &public, &hub)?;
        assert!(open(&page, DEVICE, SINCE.series, &vault, &receipts)? == answer("下肢浮腫"));
        assert!(!page.sealed.windows(12).any(|window| window == "下肢浮腫".as_bytes()));
        let stranger = SigningKey::from_bytes(&[7; 32]);
        assert_eq!(open(&page, DEVICE, SINCE.series, &stranger, &receipts).err(), Some(CapsuleError::Closed));
        assert!(open(&page, DeviceId([8; 8]), SINCE.series, &vault, &receipts).is_err());
        assert!(open(&page, DEVICE, Series(DocumentId([8; 16])), &vault, &receipts).is_err());
        Ok(())
    }

    #[test]
    fn a_page_that_a_finder_of_the_phone_made_or_moved_does_not_open() -> Outcome {
        let (vault, hub) = keys();
        let (public, receipts) = (vault.verifying_key().to_bytes(), hub.verifying_key().to_bytes());
        let finder = SigningKey::from_bytes(&[7; 32]);
        let forged = seal(&answer("無"), &SINCE, DEVICE, &public, &finder)?;
        let opened = open(&forged, DEVICE, SINCE.series, &vault, &receipts);
        assert_eq!(opened.err(), Some(CapsuleError::WrongSignature));
        let page = seal(&answer("無"), &SINCE, DEVICE, &public, &hub)?;
        for moved in [
            SealedPage { from: Cursor::START, ..page.clone() },
            SealedPage { next: SINCE.cursor, ..page.clone() },
            SealedPage { more: true, ..page.clone() },
        ] {
            assert_eq!(open(&moved, DEVICE, SINCE.series, &vault, &receipts).err(), Some(CapsuleError::Closed));
        }
        for at in 0..page.sealed.len() {
            let mut altered = page.clone();
            altered.sealed[at] ^= 1;
            assert!(open(&altered, DEVICE, SINCE.series, &vault, &receipts).is_err());
        }
        Ok(())
    }
}
