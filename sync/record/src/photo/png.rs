//! PNG: a magic number, then chunks: `length name body checksum`.

use super::PhotoError;

pub(super) const MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// What a decoder needs, and what changes how it looks. Everything else (tEXt, zTXt, iTXt, eXIf, tIME, makers' own) goes.
const KEPT: &[&[u8; 4]] = &[b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD"];

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PhotoError> {
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&MAGIC);
    let mut rest = bytes.get(MAGIC.len()..).ok_or(PhotoError::Damaged)?;
    let (mut is_first, mut has_picture) = (true, false);
    loop {
        let (chunk, name) = chunk_at(rest)?;
        if is_first != (name == b"IHDR") {
            return Err(PhotoError::Damaged);
        }
        is_first = false;
        if name == b"acTL" {
            return Err(PhotoError::Moving);
        }
        let is_kept = KEPT.contains(&name);
        // A chunk that a decoder must know and we do not: to leave it out would be to change the picture.
        if !is_kept && name[0].is_ascii_uppercase() {
            return Err(PhotoError::Damaged);
        }
        if is_kept {
            out.extend_from_slice(chunk);
        }
        has_picture |= name == b"IDAT";
        if name == b"IEND" {
            return if has_picture { Ok(out) } else { Err(PhotoError::Damaged) };
        }
        rest = &rest[chunk.len()..];
    }
}

/// The chunk that the bytes begin with, whole, and its name.
fn chunk_at(bytes: &[u8]) -> Result<(&[u8], &[u8; 4]), PhotoError> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(PhotoError::Damaged)?;
    let (name, _) = rest.split_first_chunk::<4>().ok_or(PhotoError::Damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| PhotoError::Damaged)?;
    let chunk = length.checked_add(12).and_then(|end| bytes.get(..end)).ok_or(PhotoError::Damaged)?;
    Ok((chunk, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_be_bytes()[..], name, body, &[0xc0; 4]].concat()
    }

    fn picture(told: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(chunk(b"IHDR", &[0; 13]));
        out.extend(chunk(b"sRGB", &[0]));
        out.extend(told.concat());
        out.extend(chunk(b"IDAT", b"picture"));
        out.extend(chunk(b"IDAT", b"and more"));
        out.extend(told.concat());
        out.extend(chunk(b"IEND", b""));
        out.extend_from_slice(behind);
        out
    }

    #[test]
    fn texts_times_and_exif_go_and_the_picture_stays() -> Result<(), PhotoError> {
        let told = [
            chunk(b"tEXt", b"Author\0a name"),
            chunk(b"zTXt", b"x"),
            chunk(b"iTXt", b"XML:com.adobe.xmp"),
            chunk(b"eXIf", b"MM GPS"),
            chunk(b"tIME", &[0; 7]),
            chunk(b"prVt", b"a maker's own"),
        ];
        let cleaned = clean(&picture(&told, b"and behind it a film"))?;
        assert_eq!(cleaned, picture(&[], b""));
        assert_eq!(clean(&cleaned)?, cleaned);
        Ok(())
    }

    #[test]
    fn cut_off_bent_or_moving_it_is_refused_and_nothing_panics() {
        let whole = picture(&[chunk(b"tEXt", b"x")], b"");
        for end in 0..whole.len() {
            assert_eq!(clean(&whole[..end]).err(), Some(PhotoError::Damaged), "{end}");
        }
        for at in 8..whole.len() {
            for byte in [0x00, 0x7f, 0xff] {
                let mut bent = whole.clone();
                bent[at] = byte;
                if let Ok(cleaned) = clean(&bent) {
                    assert!(cleaned.len() <= bent.len());
                }
            }
        }
        assert_eq!(clean(&picture(&[chunk(b"acTL", &[0; 8])], b"")).err(), Some(PhotoError::Moving));
        assert_eq!(clean(&picture(&[chunk(b"NEWX", b"")], b"")).err(), Some(PhotoError::Damaged));
        let empty = [&MAGIC[..], &chunk(b"IHDR", &[0; 13]), &chunk(b"IEND", b"")].concat();
        assert_eq!(clean(&empty).err(), Some(PhotoError::Damaged), "no picture in it");
    }
}
