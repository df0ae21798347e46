//! Sealing: XChaCha20-Poly1305 with a random 24-byte nonce; where a body stands is authenticated with it.
//!
//! Sealed body, format 1: `format (1) ‖ nonce (24) ‖ ciphertext and tag`. Inside the seal: `length (4, little endian) ‖ body ‖
//! zeros` up to a size class. Serialised inside the seal: do not reorder.
//!
//! The key of a patient is not sealed but derived, format 2: `format (1) ‖ salt (32) ‖ check (32)`. Without the salt nobody makes
//! the key again, so that erasing it erases the patient; a list of patients derives its keys for a tenth of what opening costs.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub const FORMAT: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;

/// Of a patient key's row.
pub const DERIVED: u8 = 2;
/// Goes into the key of a patient with the place of its row. Never changes, whatever becomes of sealed bodies: with another
/// number there every key would be another one.
const DERIVED_FROM: u8 = 1;
const SALT: usize = 32;

/// A key of the vault. Wiped when dropped; `Debug` shows nothing.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key(pub(crate) [u8; 32]);

/// A keyed hash that stands for an id outside the seal.
pub type Tag = [u8; 16];

/// Where a body stands. Authenticated: a row moved or swapped does not open.
#[derive(Clone, Copy)]
pub struct Header {
    pub table: Table,
    pub key: Tag,
    pub patient: Tag,
    pub compartment: Tag,
}

/// Numbers never change meaning.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Table {
    VaultKey = 1,
    CompartmentKey = 2,
    PatientKey = 3,
    Item = 4,
    NoteRow = 5,
    NoteDocument = 6,
    NoteChange = 7,
    Confirmation = 8,
    Journal = 9,
    Entry = 10,
    Receipt = 11,
    State = 12,
    Locked = 13,
    SearchSegment = 14,
    Duress = 15,
    Biometric = 16,
    Photo = 17,
    PhotoPiece = 18,
    Arrival = 19,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealError;

impl Header {
    /// `version`: of whatever is fixed by these bytes.
    fn bytes(&self, version: u8) -> [u8; 64] {
        let mut out = [0; 64];
        out[..14].copy_from_slice(b"tsutsuji-vault");
        (out[14], out[15]) = (version, self.table as u8);
        out[16..32].copy_from_slice(&self.key);
        out[32..48].copy_from_slice(&self.patient);
        out[48..].copy_from_slice(&self.compartment);
        out
    }
}

/// Seals a body under a nonce that the caller drew at random and uses once.
pub fn seal(key: &Key, header: &Header, nonce: [u8; NONCE], body: &[u8]) -> Result<Vec<u8>, SealError> {
    let length = u32::try_from(body.len()).map_err(|_| SealError)?;
    let class = size_class(body.len() + 4);
    // Sealed where it lies: what is handed out never held anything in clear for longer than this call.
    let mut out = Zeroizing::new(Vec::with_capacity(1 + NONCE + class + TAG));
    out.push(FORMAT);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(body);
    out.resize(1 + NONCE + class, 0);
    let tag = XChaCha20Poly1305::new(&key.0.into())
        .encrypt_inout_detached(&XNonce::from(nonce), &header.bytes(FORMAT), (&mut out[1 + NONCE..]).into())
        .map_err(|_| SealError)?;
    out.extend_from_slice(&tag);
    Ok(std::mem::take(&mut *out))
}

pub fn open(key: &Key, header: &Header, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    open_here(key, header, sealed.to_vec())
}

/// Opens a body where it lies.
pub fn open_here(key: &Key, header: &Header, sealed: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut body = Zeroizing::new(sealed);
    let (first, rest) = body.split_first_chunk_mut::<{ 1 + NONCE }>().ok_or(SealError)?;
    let [FORMAT, nonce @ ..] = *first else { return Err(SealError) };
    let (padded, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(SealError)?;
    XChaCha20Poly1305::new(&key.0.into())
        .decrypt_inout_detached(&XNonce::from(nonce), &header.bytes(FORMAT), (&mut *padded).into(), &(*tag).into())
        .map_err(|_| SealError)?;
    let (length, padded) = padded.split_first_chunk::<4>().ok_or(SealError)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > padded.len() {
        return Err(SealError);
    }
    let begins = 1 + NONCE + 4;
    body.copy_within(begins..begins + length, 0);
    body.truncate(length);
    Ok(body)
}

/// Format, nonce and tag: they tell one sealing from every other. With these and any other byte between them it does not open.
/// `None`: too short to be a sealed body.
pub fn ends(sealed: &[u8]) -> Option<(&[u8; 1 + NONCE], &[u8; TAG])> {
    let (first, rest) = sealed.split_first_chunk()?;
    Some((first, rest.last_chunk()?))
}

/// Makes the keys of patients, one after the other. Wiped when dropped.
pub struct Deriver(blake3::Hasher);

impl Deriver {
    /// `above` is for nothing else.
    pub fn new(above: &Key) -> Self {
        Self(blake3::Hasher::new_keyed(&above.0))
    }

    /// The row of a new key, out of a salt that the caller drew at random.
    pub fn row(&mut self, header: &Header, salt: [u8; SALT]) -> Vec<u8> {
        let (_, check) = self.made(header, &salt);
        [&[DERIVED][..], &salt, check.as_bytes()].concat()
    }

    /// The key, where the row is whole and stands where it stood.
    pub fn key(&mut self, header: &Header, row: &[u8]) -> Option<Key> {
        let (salt, told) = row.strip_prefix(&[DERIVED])?.split_first_chunk::<SALT>()?;
        let (key, check) = self.made(header, salt);
        // `Hash` compares in constant time.
        (check == blake3::Hash::from_bytes(told.try_into().ok()?)).then_some(key)
    }

    fn made(&mut self, header: &Header, salt: &[u8; SALT]) -> (Key, blake3::Hash) {
        self.0.reset();
        self.0.update(&header.bytes(DERIVED_FROM));
        self.0.update(salt);
        let (mut stream, mut both) = (self.0.finalize_xof(), Zeroizing::new([[0; 32]; 2]));
        stream.fill(both.as_flattened_mut());
        stream.zeroize();
        (Key(both[0]), blake3::Hash::from_bytes(both[1]))
    }
}

impl Drop for Deriver {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Padmé (at most 12 % larger, tells about log log of the size), never below 128 bytes.
fn size_class(length: usize) -> usize {
    let length = length.max(128);
    let exponent = usize::BITS - 1 - length.leading_zeros();
    let significant = u32::BITS - exponent.leading_zeros();
    let mask = (1usize << (exponent - significant)) - 1;
    (length + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { table: Table::NoteRow, key: [1; 16], patient: [2; 16], compartment: [3; 16] };

    #[test]
    fn a_sealed_body_opens_only_where_it_stood() -> Result<(), SealError> {
        let key = Key([9; 32]);
        let sealed = seal(&key, &HEADER, [7; NONCE], "浮腫".as_bytes())?;
        assert_eq!(open(&key, &HEADER, &sealed)?.as_slice(), "浮腫".as_bytes());
        for moved in [
            Header { key: [4; 16], ..HEADER },
            Header { patient: [4; 16], ..HEADER },
            Header { compartment: [4; 16], ..HEADER },
            Header { table: Table::Journal, ..HEADER },
        ] {
            assert!(open(&key, &moved, &sealed).is_err());
        }
        assert!(open(&Key([8; 32]), &HEADER, &sealed).is_err());
        Ok(())
    }

    #[test]
    fn any_flipped_byte_is_noticed() -> Result<(), SealError> {
        let key = Key([9; 32]);
        let sealed = seal(&key, &HEADER, [7; NONCE], b"body")?;
        for i in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[i] ^= 1;
            assert!(open(&key, &HEADER, &flipped).is_err());
        }
        assert!(open(&key, &HEADER, &sealed[..20]).is_err());
        Ok(())
    }

    #[test]
    fn a_patients_key_is_made_again_only_from_its_own_whole_row() {
        let (above, mut deriver) = (Key([9; 32]), Deriver::new(&Key([9; 32])));
        let row = deriver.row(&HEADER, [7; SALT]);
        let key = deriver.key(&HEADER, &row);
        assert!(key.is_some_and(|key| key.0 != [0; 32] && key.0 != above.0));
        for i in 0..row.len() {
            let mut flipped = row.clone();
            flipped[i] ^= 1;
            assert!(deriver.key(&HEADER, &flipped).is_none(), "byte {i}");
        }
        assert!(deriver.key(&HEADER, &row[..20]).is_none());
        assert!(deriver.key(&Header { patient: [4; 16], ..HEADER }, &row).is_none());
        assert!(Deriver::new(&Key([8; 32])).key(&HEADER, &row).is_none());
    }

    /// Recorded bytes, made by another program: a row that was written once makes the same key for ever.
    #[test]
    fn a_recorded_row_gives_the_recorded_key_of_a_patient() {
        let header = Header { table: Table::PatientKey, ..HEADER };
        let key = "c3d7c3dcd03fc95f9dc9ea6d59330e6a977bd3c10953dcaa5638b1e506423305";
        let check = "8003ce995a3588cd93739b69e91fbd7fee750febc6e2ce32f703d365e1ca5c61";
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut deriver = Deriver::new(&Key([9; 32]));
        let row = deriver.row(&header, [7; SALT]);
        assert_eq!(hex(&row), format!("02{}{check}", "07".repeat(SALT)));
        assert_eq!(deriver.key(&header, &row).map(|made| hex(&made.0)).as_deref(), Some(key));
    }

    #[test]
    fn sizes_fall_into_classes_at_most_twelve_percent_larger() {
        assert_eq!(size_class(5), 128);
        for length in 128..20_000usize {
            let class = size_class(length);
            assert!(class >= length && class * 100 <= length * 112, "{length} → {class}");
        }
    }
}
