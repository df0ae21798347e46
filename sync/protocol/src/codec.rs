//! CBOR inside zstd, with limits before anything is parsed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Read;

/// Content type of every body.
pub const CONTENT_TYPE: &str = "application/cbor+zstd";
/// Largest body on the wire.
pub const BODY_LIMIT: usize = 8 << 20;
/// Largest body after decompression.
pub const PLAIN_LIMIT: usize = 64 << 20;
const DEPTH: usize = 24;
const LEVEL: i32 = 3;

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
    zstd::bulk::compress(&plain, LEVEL).map_err(|_| WireError::Write)
}

pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, WireError> {
    decode_within(body, PLAIN_LIMIT)
}

/// The same with a smaller limit on what the body unfolds to.
pub fn decode_within<T: DeserializeOwned>(body: &[u8], plain_limit: usize) -> Result<T, WireError> {
    if body.len() > BODY_LIMIT {
        return Err(WireError::TooLarge);
    }
    let mut plain = Vec::new();
    zstd::stream::read::Decoder::with_buffer(body)
        .map_err(|_| WireError::NotZstd)?
        .take(plain_limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|_| WireError::NotZstd)?;
    if plain.len() > plain_limit {
        return Err(WireError::TooLarge);
    }
    let mut rest = &plain[..];
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).map_err(|_| WireError::NotCbor)?;
    if rest.is_empty() { Ok(value) } else { Err(WireError::NotCbor) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Refusal, RefusalCode};

    #[test]
    fn a_body_that_unfolds_without_end_is_refused() -> Result<(), std::io::Error> {
        let bomb = zstd::bulk::compress(&vec![0u8; PLAIN_LIMIT + 10], 1)?;
        assert!(bomb.len() < 100_000);
        assert_eq!(decode::<Refusal>(&bomb).err(), Some(WireError::TooLarge));
        Ok(())
    }

    #[test]
    fn a_captive_portals_page_is_no_answer() {
        assert_eq!(decode::<Refusal>(b"<html>please log in</html>").err(), Some(WireError::NotZstd));
    }

    #[test]
    fn a_code_from_a_newer_hub_is_read_as_unknown() -> Result<(), WireError> {
        #[derive(serde::Serialize)]
        struct Newer {
            code: &'static str,
        }
        let body = encode(&Newer { code: "eclipse" })?;
        assert_eq!(decode::<Refusal>(&body)?, Refusal { code: RefusalCode::Unknown });
        Ok(())
    }
}
