//! WebP: `RIFF size WEBP`, then chunks: `name size body`, each filled up to an even length.

use super::PhotoError;

const HEAD: usize = 12;
/// In VP8X's first byte: what else the file holds. Colour profile, EXIF, XMP; and that it moves.
const TOLD: u8 = 0x20 | 0x08 | 0x04;
const MOVES: u8 = 0x02;

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PhotoError> {
    let size = bytes.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    let size = size.and_then(|size| usize::try_from(size).ok()).ok_or(PhotoError::Damaged)?;
    // What stands behind the file's own end is none of it.
    let end = size.checked_add(8).ok_or(PhotoError::Damaged)?;
    let mut rest = bytes.get(HEAD..end).ok_or(PhotoError::Damaged)?;
    let mut out = bytes[..HEAD].to_vec();
    let mut has_picture = false;
    while !rest.is_empty() {
        let (chunk, name) = chunk_at(rest)?;
        match name {
            b"VP8 " | b"VP8L" if has_picture => return Err(PhotoError::Damaged),
            b"VP8 " | b"VP8L" => {
                has_picture = true;
                out.extend_from_slice(chunk);
            }
            b"ALPH" => out.extend_from_slice(chunk),
            b"VP8X" => {
                let flags = *chunk.get(8).ok_or(PhotoError::Damaged)?;
                if flags & MOVES != 0 {
                    return Err(PhotoError::Moving);
                }
                let from = out.len();
                out.extend_from_slice(chunk);
                out[from + 8] = flags & !TOLD;
            }
            b"ANIM" | b"ANMF" => return Err(PhotoError::Moving),
            // EXIF, XMP, ICCP, and whatever else somebody put there.
            _ => {}
        }
        rest = &rest[chunk.len()..];
    }
    if !has_picture {
        return Err(PhotoError::Damaged);
    }
    let size = u32::try_from(out.len() - 8).map_err(|_| PhotoError::TooLarge)?;
    out[4..8].copy_from_slice(&size.to_le_bytes());
    Ok(out)
}

/// The chunk that the bytes begin with, filled up to an even length, and its name.
fn chunk_at(bytes: &[u8]) -> Result<(&[u8], &[u8; 4]), PhotoError> {
    let (name, rest) = bytes.split_first_chunk::<4>().ok_or(PhotoError::Damaged)?;
    let (size, _) = rest.split_first_chunk::<4>().ok_or(PhotoError::Damaged)?;
    let size = usize::try_from(u32::from_le_bytes(*size)).map_err(|_| PhotoError::Damaged)?;
    let end = size.checked_next_multiple_of(2).and_then(|size| size.checked_add(8)).ok_or(PhotoError::Damaged)?;
    Ok((bytes.get(..end).ok_or(PhotoError::Damaged)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = [&name[..], &(body.len() as u32).to_le_bytes(), body].concat();
        if body.len() % 2 == 1 {
            out.push(0);
        }
        out
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = chunks.concat();
        [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &body].concat()
    }

    fn extended(flags: u8) -> Vec<u8> {
        chunk(b"VP8X", &[flags, 0, 0, 0, 1, 0, 0, 1, 0, 0])
    }

    #[test]
    fn exif_and_xmp_go_with_the_flags_that_name_them_and_the_picture_stays() -> Result<(), PhotoError> {
        let (alpha, lossy) = (chunk(b"ALPH", b"alpha"), chunk(b"VP8 ", b"picture"));
        let told = file(&[
            extended(TOLD | 0x10),
            chunk(b"ICCP", b"profile"),
            alpha.clone(),
            lossy.clone(),
            chunk(b"EXIF", b"GPS 33.3 130.5"),
            chunk(b"XMP ", b"a name"),
            chunk(b"mine", b"x"),
        ]);
        let cleaned = clean(&[&told[..], b"behind it"].concat())?;
        assert_eq!(cleaned, file(&[extended(0x10), alpha, lossy]));
        assert_eq!(clean(&cleaned)?, cleaned);
        let simple = file(&[chunk(b"VP8L", b"odd")]);
        assert_eq!(clean(&simple)?, simple);
        Ok(())
    }

    #[test]
    fn cut_off_bent_or_moving_it_is_refused_and_nothing_panics() {
        let whole = file(&[extended(8), chunk(b"VP8 ", b"picture"), chunk(b"EXIF", b"x")]);
        for end in 0..whole.len() {
            assert_eq!(clean(&whole[..end]).err(), Some(PhotoError::Damaged), "{end}");
        }
        for at in 4..whole.len() {
            for byte in [0x00, 0x01, 0x7f, 0xff] {
                let mut bent = whole.clone();
                bent[at] = byte;
                if let Ok(cleaned) = clean(&bent) {
                    assert!(cleaned.len() <= bent.len());
                }
            }
        }
        let film = [chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &[0; 20])].concat();
        assert_eq!(clean(&file(&[film])).err(), Some(PhotoError::Moving));
        assert_eq!(clean(&file(&[extended(MOVES)])).err(), Some(PhotoError::Moving));
        assert_eq!(clean(&file(&[extended(0)])).err(), Some(PhotoError::Damaged), "no picture in it");
        assert_eq!(clean(&file(&[chunk(b"VP8X", b"")])).err(), Some(PhotoError::Damaged));
    }
}
