//! 封印済みの控え (sealed copies): every change of a phone, sealed to the hub when it is committed, so that what a nurse wrote
//! outlives a forgotten PIN, a wiped or a revoked phone.
//!
//! HPKE (RFC 9180, X25519-HKDF-SHA256, base mode): one encapsulation per unlock; of its exporter one key per copy. The
//! phone keeps no key that opens them. Device, series and number are authenticated with each, and inside stands the
//! device's signature: what the hub opens was written by that device, once, under that number.

use crate::digest::Holding;
use crate::page::{SealedPage, Since};
use crate::wire::{Kind, Series};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender};
use record::ids::{ContentHash, DeviceId, DocumentId, FacilityId, PatientId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const INFO: &[u8] = b"tsutsuji capsule v1";
const PURPOSE: &[u8] = b"tsutsuji sealed copy v1";
/// Most bytes of one sealed copy that the hub opens.
pub const COPY_LIMIT: usize = 2 << 20;
/// Most copies in one request.
pub const COPIES_LIMIT: usize = 2_000;

/// What a copy holds: one change of one document, a signed confirmation or act, or a piece of a photo that the document names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    pub v: u8,
    pub device: DeviceId,
    pub series: Series,
    pub n: u64,
    /// Device's clock, milliseconds.
    pub at: i64,
    pub doc: DocumentId,
    pub patient: PatientId,
    pub station: FacilityId,
    pub kind: Kind,
    /// The change's own hash, the statement's, or the whole photo's.
    pub hash: ContentHash,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    /// Somebody else's device made it, and this one has it from the feed: relayed after the hub was put back to before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<DeviceId>,
}

/// In which series a device numbers what it relays: not the one of its own copies.
pub fn relay_series(device: DeviceId) -> Series {
    Series(DocumentId::derive("relay series", &device.0))
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Signed {
    #[serde(with = "serde_bytes")]
    pub(crate) body: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub(crate) signature: Vec<u8>,
}

/// A copy as it stands on the phone and travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedCopy {
    pub n: u64,
    #[serde(with = "serde_bytes")]
    pub enc: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

impl SealedCopy {
    /// What the hub's receipt names.
    pub fn hash(&self) -> ContentHash {
        let mut bytes = self.enc.clone();
        bytes.extend_from_slice(&self.sealed);
        ContentHash::of(&bytes)
    }
}

/// `POST /v1/capsules`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapsuleRequest {
    pub v: u16,
    pub device: DeviceId,
    pub series: Series,
    pub copies: Vec<SealedCopy>,
    /// Where a locked phone reads on; an older hub knows of no such question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// Documents of which an open phone asks whether the hub has the same, after it was put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Holding>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapsuleResponse {
    pub v: u16,
    pub epoch: crate::wire::Epoch,
    /// The hub's clock, milliseconds.
    pub time: i64,
    pub receipt: crate::receipt::Receipt,
    /// The station reported the device lost: its keys are to go.
    pub wipe: bool,
    /// What the feed has after `since`, if the device may read and there is anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<SealedPage>,
    /// Which of the documents asked about are not the same here. `None` though some were: an older hub, or one that does not
    /// tell this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Vec<DocumentId>>,
}

/// Why a copy was not sealed or does not open. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CapsuleError {
    #[error("the hub's sealing key cannot be used")]
    Key,
    #[error("the copy cannot be written")]
    Write,
    #[error("the copy does not open: it was sealed to another hub, altered, or moved to another number")]
    Closed,
    #[error("the copy was not signed by the device that it names")]
    WrongSignature,
}

/// Seals a phone's copies from one unlock to the next.
pub struct Sealer {
    context: hpke::aead::AeadCtxS<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>,
    enc: Vec<u8>,
    device: DeviceId,
    series: Series,
}

impl Sealer {
    pub fn new(hub: &[u8], device: DeviceId, series: Series) -> Result<Self, CapsuleError> {
        let hub = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(hub).map_err(|_| CapsuleError::Key)?;
        let (enc, context) =
            setup_sender::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(&OpModeS::Base, &hub, &info(device, series))
                .map_err(|_| CapsuleError::Key)?;
        Ok(Self { context, enc: enc.to_bytes().to_vec(), device, series })
    }

    pub fn seal(&self, copy: &Copy, key: &SigningKey) -> Result<SealedCopy, CapsuleError> {
        let body = Zeroizing::new(to_cbor(copy)?);
        let signature = key.sign(&statement(&body)).to_bytes().to_vec();
        let plain = framed(&Signed { body: body.to_vec(), signature })?;
        let one = Zeroizing::new(exported(|context, out| self.context.export(context, out), copy.n)?);
        let place = place(self.device, self.series, copy.n);
        let sealed = ChaCha20Poly1305::new((&*one).into())
            .encrypt(&Nonce::from([0; 12]), Payload { msg: &plain, aad: &place })
            .map_err(|_| CapsuleError::Write)?;
        Ok(SealedCopy { n: copy.n, enc: self.enc.clone(), sealed })
    }
}

/// Opens a copy at the hub. `signing_key` is the device's, as it was enrolled.
pub fn open(
    hub_secret: &[u8],
    device: DeviceId,
    series: Series,
    sealed: &SealedCopy,
    signing_key: &[u8],
) -> Result<Copy, CapsuleError> {
    if sealed.sealed.len() > COPY_LIMIT {
        return Err(CapsuleError::Closed);
    }
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(hub_secret).map_err(|_| CapsuleError::Key)?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed.enc).map_err(|_| CapsuleError::Closed)?;
    let context = setup_receiver::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &enc,
        &info(device, series),
    )
    .map_err(|_| CapsuleError::Closed)?;
    let one = Zeroizing::new(exported(|about, out| context.export(about, out), sealed.n)?);
    let plain = ChaCha20Poly1305::new((&*one).into())
        .decrypt(&Nonce::from([0; 12]), Payload { msg: &sealed.sealed, aad: &place(device, series, sealed.n) })
        .map(Zeroizing::new)
        .map_err(|_| CapsuleError::Closed)?;
    let signed = unframed(&plain)?;
    let wrong = CapsuleError::WrongSignature;
    let key = <[u8; 32]>::try_from(signing_key).map_err(|_| wrong)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| wrong)?;
    let signature = Signature::from_slice(&signed.signature).map_err(|_| wrong)?;
    key.verify_strict(&statement(&signed.body), &signature).map_err(|_| wrong)?;
    let copy: Copy = ciborium::from_reader(&signed.body[..]).map_err(|_| CapsuleError::Closed)?;
    let fits = copy.device == device && copy.series == series && copy.n == sealed.n;
    if fits { Ok(copy) } else { Err(wrong) }
}

/// Its length, itself, and zeros up to a size class.
pub(crate) fn framed(signed: &Signed) -> Result<Zeroizing<Vec<u8>>, CapsuleError> {
    let mut plain = Zeroizing::new(to_cbor(signed)?);
    let length = u32::try_from(plain.len()).map_err(|_| CapsuleError::Write)?.to_le_bytes();
    plain.splice(0..0, length);
    let padded = size_class(plain.len());
    plain.resize(padded, 0);
    Ok(plain)
}

pub(crate) fn unframed(plain: &[u8]) -> Result<Signed, CapsuleError> {
    let length = plain.get(..4).and_then(|l| l.try_into().ok()).map(u32::from_le_bytes).ok_or(CapsuleError::Closed)?;
    let signed = plain.get(4..4 + length as usize).ok_or(CapsuleError::Closed)?;
    ciborium::from_reader(signed).map_err(|_| CapsuleError::Closed)
}

fn exported(
    export: impl FnOnce(&[u8], &mut [u8]) -> Result<(), hpke::HpkeError>,
    n: u64,
) -> Result<[u8; 32], CapsuleError> {
    let mut out = [0; 32];
    export(&[b"copy".as_slice(), &n.to_be_bytes()].concat(), &mut out).map_err(|_| CapsuleError::Key)?;
    Ok(out)
}

fn info(device: DeviceId, series: Series) -> Vec<u8> {
    [INFO, &device.0, &series.0.0].concat()
}

fn place(device: DeviceId, series: Series, n: u64) -> Vec<u8> {
    [INFO, &device.0, &series.0.0, &n.to_be_bytes()].concat()
}

fn statement(body: &[u8]) -> Vec<u8> {
    [PURPOSE, &ContentHash::of(body).0].concat()
}

fn to_cbor<T: Serialize>(value: &T) -> Result<Vec<u8>, CapsuleError> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).map_err(|_| CapsuleError::Write)?;
    Ok(out)
}

/// Padmé: at most 12 % larger, tells about log log of the size; never below 256 bytes.
fn size_class(length: usize) -> usize {
    let length = length.max(256);
    let exponent = usize::BITS - 1 - length.leading_zeros();
    let significant = u32::BITS - exponent.leading_zeros();
    let mask = (1usize << (exponent - significant)) - 1;
    (length + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const DEVICE: DeviceId = DeviceId([1; 8]);
    const SERIES: Series = Series(DocumentId([2; 16]));

    fn hub() -> (Vec<u8>, Vec<u8>) {
        let (secret, public) = X25519HkdfSha256::derive_keypair(&[7; 32]);
        (secret.to_bytes().to_vec(), public.to_bytes().to_vec())
    }

    fn copy(n: u64) -> Result<Copy, Box<dyn std::error::Error>> {
        Ok(Copy {
            v: 1,
            device: DEVICE,
            series: SERIES,
            n,
            at: 5,
            doc: DocumentId([3; 16]),
            patient: "p1".parse()?,
            station: "st".parse()?,
            kind: Kind::Note,
            hash: ContentHash([4; 32]),
            bytes: "下肢浮腫".as_bytes().to_vec(),
            maker: None,
        })
    }

    #[test]
    fn only_the_hub_opens_a_copy_and_only_under_its_own_number() -> Outcome {
        let (secret, public) = hub();
        let key = SigningKey::from_bytes(&[9; 32]);
        let signing = key.verifying_key().to_bytes();
        let sealer = Sealer::new(&public, DEVICE, SERIES)?;
        let first = sealer.seal(&copy(1)?, &key)?;
        let second = sealer.seal(&copy(2)?, &key)?;
        assert!(open(&secret, DEVICE, SERIES, &first, &signing)? == copy(1)?);
        assert!(open(&secret, DEVICE, SERIES, &second, &signing)? == copy(2)?);
        assert_eq!(first.sealed.len(), second.sealed.len(), "the size tells little");
        let moved = SealedCopy { n: 2, ..first.clone() };
        assert_eq!(open(&secret, DEVICE, SERIES, &moved, &signing).err(), Some(CapsuleError::Closed));
        assert!(open(&secret, DeviceId([8; 8]), SERIES, &first, &signing).is_err());
        assert!(open(&[6; 32], DEVICE, SERIES, &first, &signing).is_err());
        let other = SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes();
        assert_eq!(open(&secret, DEVICE, SERIES, &first, &other).err(), Some(CapsuleError::WrongSignature));
        Ok(())
    }

    #[test]
    fn a_whole_piece_of_a_photo_fits_into_a_copy() -> Outcome {
        let (secret, public) = hub();
        let key = SigningKey::from_bytes(&[9; 32]);
        let piece =
            crate::PhotoPiece { size: crate::photo::SIZE_LIMIT, from: 0, bytes: vec![0xff; crate::photo::PIECE] };
        assert!(piece.is_well_cut());
        let of_photo = Copy { kind: Kind::PhotoPiece, bytes: record::canonical::to_bytes(&piece)?, ..copy(1)? };
        let sealed = Sealer::new(&public, DEVICE, SERIES)?.seal(&of_photo, &key)?;
        assert!(sealed.sealed.len() < COPY_LIMIT / 2, "{}", sealed.sealed.len());
        let opened = open(&secret, DEVICE, SERIES, &sealed, &key.verifying_key().to_bytes())?;
        assert_eq!(u8::from(opened.kind), 17);
        assert!(record::canonical::from_bytes::<crate::PhotoPiece>(&opened.bytes)? == piece);
        Ok(())
    }

    #[test]
    fn a_copy_says_whose_it_is_under_the_signature_of_whoever_brings_it() -> Outcome {
        let (secret, public) = hub();
        let key = SigningKey::from_bytes(&[9; 32]);
        let relayed = Copy { maker: Some(DeviceId([8; 8])), series: relay_series(DEVICE), ..copy(1)? };
        assert!(relayed.series != SERIES && relayed.series != relay_series(DeviceId([8; 8])));
        let sealed = Sealer::new(&public, DEVICE, relayed.series)?.seal(&relayed, &key)?;
        let signing = key.verifying_key().to_bytes();
        assert!(open(&secret, DEVICE, relayed.series, &sealed, &signing)? == relayed);
        // An own copy is written as it was before anything was relayed.
        assert!(!to_cbor(&copy(1)?)?.windows(5).any(|word| word == b"maker"));
        Ok(())
    }

    #[test]
    fn any_altered_byte_is_noticed() -> Outcome {
        let (secret, public) = hub();
        let key = SigningKey::from_bytes(&[9; 32]);
        let sealed = Sealer::new(&public, DEVICE, SERIES)?.seal(&copy(1)?, &key)?;
        for at in 0..sealed.sealed.len() {
            let mut altered = sealed.clone();
            altered.sealed[at] ^= 1;
            assert!(open(&secret, DEVICE, SERIES, &altered, &key.verifying_key().to_bytes()).is_err());
        }
        for at in 0..sealed.enc.len() {
            let mut altered = sealed.clone();
            altered.enc[at] ^= 1;
            assert!(open(&secret, DEVICE, SERIES, &altered, &key.verifying_key().to_bytes()).is_err());
        }
        Ok(())
    }
}
