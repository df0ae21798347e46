//! Characters of an HL7 message in Japan: ISO-2022-JP as SS-MIX2 says, UTF-8 and Shift_JIS as it happens.
//!
//! A character that no table knows (外字, common in names) becomes 〓, the mark printers set for a missing sort:
//! the rest of the message is still right, and everybody sees that one is missing.

use crate::IntakeError;
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8};

const MISSING: char = '〓';
/// More missing characters than this share (one in …) is not text with 外字 but a wrong character set.
const TOLERATED_SHARE: usize = 20;

pub(super) fn decode(bytes: &[u8]) -> Result<String, IntakeError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = if has_escapes(bytes) { decode_iso_2022(bytes) } else { decode_with(plain_encoding(bytes), bytes) };
    let missing = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    let beyond_ascii = text.chars().filter(|c| !c.is_ascii()).count();
    if missing > 2 && missing > beyond_ascii / TOLERATED_SHARE {
        return Err(IntakeError::CharacterSet);
    }
    Ok(text.replace(char::REPLACEMENT_CHARACTER, &MISSING.to_string()))
}

fn decode_with(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// ISO 2022 announces its sets by escape sequences; nothing else in an HL7 message holds one.
fn has_escapes(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\x1b$" || pair == b"\x1b(")
}

/// What is valid UTF-8 is UTF-8 (Shift_JIS text practically never is); else what MSH-18 names; else Shift_JIS.
fn plain_encoding(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let first_line = bytes.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or(bytes);
    let header = String::from_utf8_lossy(first_line).to_ascii_uppercase();
    let named = header.split('|').nth(17).unwrap_or("");
    if named.contains("UTF-8") || named.contains("10646") {
        UTF_8
    } else if named.contains("EUC") {
        EUC_JP
    } else {
        SHIFT_JIS
    }
}

/// ISO-2022-JP, and JIS X 0212 (ISO IR159, `ESC $ ( D`), which web browsers and so `encoding_rs` leave out: its
/// runs are read as EUC-JP's third set.
fn decode_iso_2022(bytes: &[u8]) -> String {
    const SUPPLEMENT: &[u8] = b"\x1b$(D";
    const BACK_TO_ASCII: &[u8] = b"\x1b(B";
    let mut out = String::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(SUPPLEMENT.len()).position(|w| w == SUPPLEMENT) {
        out.push_str(&decode_with(ISO_2022_JP, &rest[..at]));
        rest = &rest[at + SUPPLEMENT.len()..];
        let end = rest.iter().position(|b| *b == 0x1b || *b == b'\r' || *b == b'\n').unwrap_or(rest.len());
        let euc: Vec<u8> =
            rest[..end].chunks(2).flat_map(|pair| std::iter::once(0x8F).chain(pair.iter().map(|b| b | 0x80))).collect();
        out.push_str(&decode_with(EUC_JP, &euc));
        rest = &rest[end..];
        // Only the escape that ends the run stands between two runs; the decoder complains of one before nothing.
        rest = rest.strip_prefix(BACK_TO_ASCII).unwrap_or(rest);
    }
    out.push_str(&decode_with(ISO_2022_JP, rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "MSH|^~\\&|A|B|C|D|20261120||ADT^A08|1|P|2.5||||||";

    fn message(set: &str, encoding: &'static Encoding) -> Vec<u8> {
        encoding.encode(&format!("{HEADER}{set}\rPID|||1||髙橋^花子\r")).0.into_owned()
    }

    #[test]
    fn iso_2022_jp_shift_jis_utf_8_and_euc_give_the_same_words() -> Result<(), IntakeError> {
        for (set, encoding) in [
            ("~ISO IR87", ISO_2022_JP),
            ("~ISO IR87", SHIFT_JIS),
            ("UNICODE UTF-8", UTF_8),
            ("", UTF_8),
            ("EUC-JP", EUC_JP),
        ] {
            assert!(decode(&message(set, encoding))?.contains("髙橋^花子"), "{set} {}", encoding.name());
        }
        Ok(())
    }

    #[test]
    fn a_character_nobody_knows_is_a_geta_and_the_rest_is_read() -> Result<(), IntakeError> {
        let mut bytes = message("~ISO IR87", ISO_2022_JP);
        // 0x7E7E lies outside every table; it takes the place of 花.
        let kanji = ISO_2022_JP.encode("花").0.into_owned();
        let at = bytes.windows(2).position(|w| w == &kanji[3..5]).expect("the name is in the message");
        bytes[at..at + 2].copy_from_slice(b"\x7e\x7e");
        assert!(decode(&bytes)?.contains("髙橋^〓子"));
        Ok(())
    }

    #[test]
    fn a_kanji_of_the_supplement_is_read() -> Result<(), IntakeError> {
        // 丂 is 0x3021 in JIS X 0212.
        let text = decode(b"PID|||1||\x1b$(D\x30\x21\x1b(B^A\r")?;
        assert_eq!(text, "PID|||1||丂^A\r");
        Ok(())
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let noise: Vec<u8> = (0..4000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
        assert_eq!(decode(&noise), Err(IntakeError::CharacterSet));
    }
}
