//! CBOR inside zstd, with limits before anything is parsed.
//!
//! A body is one tag byte and one zstd frame without its magic number. The tag names the dictionary that the frame was
//! written with: field names and structure that every body has, so that a small one need not carry them. A body that
//! begins with zstd's own magic number is a frame without a dictionary, as the first versions wrote it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};

/// Content type of every body.
pub const CONTENT_TYPE: &str = "application/cbor+zstd";
/// Largest body on the wire.
pub const BODY_LIMIT: usize = 8 << 20;
/// Largest body after decompression.
pub const PLAIN_LIMIT: usize = 64 << 20;
const DEPTH: usize = 24;

/// What a body written with [`DICTIONARY`] begins with. No text, no gzip and no zstd frame begins with it.
const DICTIONARY_TAG: u8 = 1;
/// Frozen for ever: another dictionary is another tag, and a new wire version. Made by `tests/bench/src/bin/dictionary.rs`.
const DICTIONARY: &[u8] = include_bytes!("dictionary.v1.bin");
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Bytes of a day's notes, or of an answer with a station's news, at most. Of 25 KB level 3 leaves 10.2 KB after 0.1 ms, 6
/// leaves 9.9 KB (0.25 ms), 9 no byte less (0.7 ms), 15 leaves 9.6 KB after 3 ms. A hub that is busy pays several times as much
/// for the larger tables of level 6: for 300 bytes half of everything that an answer costs it.
const SMALL: usize = 256 << 10;
const SMALL_LEVEL: i32 = 3;
/// What is larger is a page of a first synchronisation. 2 MB are 471 KB after 6 ms at level 3, 420 KB (25 ms) at 9, 404 KB
/// (404 ms) at 15: a tenth of the bytes for a hub's few milliseconds is worth it, the rest is not.
const LARGE_LEVEL: i32 = 9;

static WRITE_SMALL: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, SMALL_LEVEL));
static WRITE_LARGE: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LARGE_LEVEL));
static READ: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

/// Why a body was not read. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the body is larger than this version reads")]
    TooLarge,
    #[error("the body is not compressed as expected")]
    NotZstd,
    #[error("the body is not the CBOR that was expected")]
    NotCbor,
    #[error("the value cannot be written")]
    Write,
}

pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    let mut plain = Vec::new();
    ciborium::into_writer(value, &mut plain).map_err(|_| WireError::Write)?;
    let dictionary = if plain.len() <= SMALL { &WRITE_SMALL } else { &WRITE_LARGE };
    let mut body = Compressor::with_prepared_dictionary(dictionary)
        .and_then(|mut compressor| compressor.compress(&plain))
        .map_err(|_| WireError::Write)?;
    if !body.starts_with(&MAGIC) {
        return Err(WireError::Write);
    }
    body.splice(..MAGIC.len(), [DICTIONARY_TAG]);
    Ok(body)
}

pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    decode_within(body, PLAIN_LIMIT)
}

/// The same with a smaller limit on what the body unfolds to.
pub fn decode_within<T: DeserializeOwned>(body: &[u8], plain_limit: usize) -> Result<T, WireError> {
    if body.len() > BODY_LIMIT {
        return Err(WireError::TooLarge);
    }
    let plain = match body {
        [DICTIONARY_TAG, frame @ ..] => {
            let reader = Decompressor::with_prepared_dictionary(&READ).map_err(|_| WireError::NotZstd)?;
            unfold(reader, &[&MAGIC[..], frame].concat(), plain_limit)?
        }
        frame if frame.starts_with(&MAGIC) => {
            unfold(Decompressor::new().map_err(|_| WireError::NotZstd)?, frame, plain_limit)?
        }
        _ => return Err(WireError::NotZstd),
    };
    let mut rest = &plain[..];
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).map_err(|_| WireError::NotCbor)?;
    if rest.is_empty() { Ok(value) } else { Err(WireError::NotCbor) }
}

/// One frame, which must say its size and keep its word: zstd never writes beyond the room that was made for it.
fn unfold(mut reader: Decompressor<'_>, frame: &[u8], plain_limit: usize) -> Result<Vec<u8>, WireError> {
    let size = get_frame_content_size(frame).map_err(|_| WireError::NotZstd)?.ok_or(WireError::NotZstd)?;
    let size = usize::try_from(size).ok().filter(|size| *size <= plain_limit).ok_or(WireError::TooLarge)?;
    if find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(WireError::NotZstd);
    }
    let mut plain = Vec::new();
    plain.try_reserve_exact(size).map_err(|_| WireError::TooLarge)?;
    reader.decompress_to_buffer(frame, &mut plain).map_err(|_| WireError::NotZstd)?;
    if plain.len() == size { Ok(plain) } else { Err(WireError::NotZstd) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Cursor, Epoch, Series, SyncRequest, WIRE_VERSION};
    use crate::{Refusal, RefusalCode};
    use record::{ContentHash, DeviceId, DocumentId};

    fn request() -> SyncRequest {
        let id = |n: u8| DocumentId(std::array::from_fn(|i| n.wrapping_mul(37).wrapping_add(i as u8 * 11)));
        SyncRequest {
            v: WIRE_VERSION,
            device: DeviceId([0xd1, 0x05, 0x77, 0x3c, 0x9e, 0x20, 0xb4, 0x68]),
            series: Series(id(1)),
            epoch: Epoch(id(2)),
            cursor: Cursor { n: 48_211, chain: ContentHash::of(b"chain") },
            first_seq: 1_203,
            entries: Vec::new(),
            budget: 1 << 20,
            earlier: Vec::new(),
            want: Vec::new(),
            derives: false,
            digests: Vec::new(),
            proof: None,
        }
    }

    #[test]
    fn the_dictionary_is_frozen_for_ever() {
        // Another dictionary reads these bodies as other words. Never change this line: give the new one a new tag.
        let frozen = "34197544f86e8aafa1641002966894225c1b146cd3fdd59835baca6848a6c169";
        assert_eq!(ContentHash::of(DICTIONARY).to_string(), frozen);
    }

    #[test]
    fn a_body_recorded_on_the_first_day_is_read_for_ever() -> Result<(), Box<dyn std::error::Error>> {
        let recorded = concat!(
            "01209a650300e404a8d105773c9e20b46825303b46515c67727d88939ea9b4bfca4a55606b76818c97a2adb8c3ced9e4efbc",
            "539414886b1ebf025db067a4cbd13a0903fbd9733a5372bba1b58bd72c1699b798b380660820109e127d1d8376120c757252",
            "2569a66c8021339891c4158d2704"
        );
        let digits = |at: usize| u8::from_str_radix(&recorded[at..at + 2], 16);
        let body = (0..recorded.len()).step_by(2).map(digits).collect::<Result<Vec<u8>, _>>()?;
        assert!(decode::<SyncRequest>(&body)? == request());
        Ok(())
    }

    #[test]
    fn a_body_without_a_dictionary_is_read_as_before() -> Result<(), Box<dyn std::error::Error>> {
        let mut plain = Vec::new();
        ciborium::into_writer(&request(), &mut plain)?;
        assert!(decode::<SyncRequest>(&zstd::bulk::compress(&plain, 3)?)? == request());
        Ok(())
    }

    #[test]
    fn small_and_large_bodies_come_back_as_they_went() -> Result<(), WireError> {
        for length in [0, 1, SMALL - 10, SMALL + 10, 1 << 20] {
            let text: String = (0..length).map(|i| char::from(b'a' + (i * i % 23) as u8)).collect();
            assert!(decode::<String>(&encode(&text)?)? == text, "{length}");
        }
        Ok(())
    }

    #[test]
    fn a_body_that_unfolds_without_end_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let bomb = zstd::bulk::compress(&vec![0u8; PLAIN_LIMIT + 10], 1)?;
        assert!(bomb.len() < 100_000);
        assert_eq!(decode::<Refusal>(&bomb).err(), Some(WireError::TooLarge));
        let with_dictionary = [&[DICTIONARY_TAG], &bomb[MAGIC.len()..]].concat();
        assert_eq!(decode::<Refusal>(&with_dictionary).err(), Some(WireError::TooLarge));
        assert_eq!(decode_within::<String>(&encode(&"0".repeat(2_000))?, 1_000).err(), Some(WireError::TooLarge));
        Ok(())
    }

    #[test]
    fn a_body_that_lies_about_its_size_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        // 40,000 in two bytes (less 256) behind the frame's descriptor.
        let mut bomb = zstd::bulk::compress(&vec![0u8; 40_000], 1)?;
        assert_eq!(get_frame_content_size(&bomb).ok().flatten(), Some(40_000));
        bomb[5..7].copy_from_slice(&[0, 0]);
        assert_eq!(get_frame_content_size(&bomb).ok().flatten(), Some(256));
        assert_eq!(decode_within::<Refusal>(&bomb, 1_000).err(), Some(WireError::NotZstd));
        Ok(())
    }

    #[test]
    fn two_frames_and_an_unknown_dictionary_are_refused() -> Result<(), WireError> {
        let body = encode(&request())?;
        let twice = [&body[..], &MAGIC, &body[1..]].concat();
        assert_eq!(decode::<SyncRequest>(&twice).err(), Some(WireError::NotZstd));
        let newer = [&[DICTIONARY_TAG + 1], &body[1..]].concat();
        assert_eq!(decode::<SyncRequest>(&newer).err(), Some(WireError::NotZstd));
        Ok(())
    }

    #[test]
    fn a_captive_portals_page_is_no_answer() {
        for page in [&b"<html>please log in</html>"[..], b"{\"error\":1}", b"\x1f\x8b\x08\0\0\0", b"\x01", b""] {
            assert_eq!(decode::<Refusal>(page).err(), Some(WireError::NotZstd));
        }
    }

    #[test]
    fn chance_makes_no_answer() {
        let mut dice = Dice(7);
        for _ in 0..20_000 {
            let mut body: Vec<u8> = (0..dice.roll() % 200).map(|_| dice.roll() as u8).collect();
            assert!(decode_within::<SyncRequest>(&body, 1 << 20).is_err());
            body.insert(0, DICTIONARY_TAG);
            assert!(decode_within::<SyncRequest>(&body, 1 << 20).is_err());
        }
    }

    #[test]
    fn a_torn_or_damaged_body_never_brings_the_reader_down() -> Result<(), WireError> {
        let mut large = request();
        large.first_seq = u64::MAX;
        let mut dice = Dice(11);
        let words: String = (0..3_000).map(|_| char::from(b'a' + (dice.roll() % 9) as u8)).collect();
        for body in [encode(&large)?, encode(&(&words, request()))?] {
            for end in 0..body.len() {
                assert!(decode::<SyncRequest>(&body[..end]).is_err());
            }
            for bit in 0..body.len() * 8 {
                let mut damaged = body.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                // What it reads as is for TLS to guard; here it only must not panic or grow.
                let _ = decode_within::<(String, SyncRequest)>(&damaged, 1 << 20);
                let _ = decode_within::<SyncRequest>(&damaged, 1 << 20);
            }
        }
        Ok(())
    }

    #[test]
    fn a_code_from_a_newer_hub_is_read_as_unknown() -> Result<(), WireError> {
        #[derive(serde::Serialize)]
        struct Newer {
            code: &'static str,
        }
        let body = encode(&Newer { code: "eclipse" })?;
        assert_eq!(decode::<Refusal>(&body)?, Refusal { code: RefusalCode::Unknown, v: None });
        Ok(())
    }

    /// The same fall in every run (SplitMix64).
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
    }
}
