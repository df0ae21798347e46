//! Base64 of inline attachments (RFC 4648, line ends allowed). Twenty lines do not need a dependency.

/// The bytes, or `None` if it is not base64 or decodes to more than `limit` bytes.
pub(super) fn decode(text: &str, limit: usize) -> Option<Vec<u8>> {
    if text.len() / 4 > limit / 3 + 1024 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    (out.len() <= limit).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn padded_broken_into_lines_and_cut_texts_decode() {
        assert_eq!(decode("44Gk44Gk\n44GY", 100).as_deref(), Some("つつじ".as_bytes()));
        assert_eq!(decode("aGk=", 100).as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode("a*", 100), None);
        assert_eq!(decode("aGkaGkaGk", 2), None);
    }
}
