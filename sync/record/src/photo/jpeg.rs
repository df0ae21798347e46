//! JPEG: segments, each behind `FF marker length`; behind a scan's header the picture's own bytes up to the next marker.

use super::PhotoError;

pub(super) const MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const COMMENT: u8 = 0xfe;

/// The tag of a camera's bearing in EXIF, and the kind of its value (SHORT). CIPA DC-008, 4.6.
const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// Without APP1–APP15 (EXIF and its GPS, XMP, IPTC, maker's notes, a second picture) and comments, and without whatever
/// stands behind the end. Of EXIF only how the camera was held stays: a picture that lies on its side would else stay so.
pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PhotoError> {
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&[0xff, START]);
    let (mut at, mut scans, mut is_turned) = (2, 0, false);
    loop {
        let marker = marker_at(bytes, &mut at)?;
        match marker {
            END if scans > 0 => {
                out.extend_from_slice(&[0xff, END]);
                return Ok(out);
            }
            // Markers without a length stand inside a scan only.
            END | START | 0x00 | 0x01 | 0xd0..=0xd7 => return Err(PhotoError::Damaged),
            _ => {}
        }
        let body = segment_at(bytes, at)?;
        // APP0 may be JFIF, which decoders look for; its extension is a small picture of what was there before a crop.
        let is_kept = match marker {
            0xe0 => body.starts_with(b"JFIF\0"),
            0xe1..=0xef | COMMENT => false,
            _ => true,
        };
        let end = at + 2 + body.len();
        if is_kept {
            out.extend_from_slice(&[0xff, marker]);
            out.extend_from_slice(&bytes[at..end]);
        }
        if marker == 0xe1
            && scans == 0
            && !is_turned
            && let Some(orientation) = orientation(body)
        {
            out.extend_from_slice(&turned(orientation));
            is_turned = true;
        }
        at = end;
        if marker == SCAN {
            let end = scan_end(bytes, at)?;
            out.extend_from_slice(&bytes[at..end]);
            at = end;
            scans += 1;
        }
    }
}

/// How the camera was held, out of an EXIF segment: 2 to 8, where the picture does not stand upright.
fn orientation(body: &[u8]) -> Option<u8> {
    let tiff = body.strip_prefix(b"Exif\0\0").filter(|tiff| tiff.len() >= 26)?;
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let number = |bytes: &[u8]| -> u32 {
        let add = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
        if is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    };
    let directory = tiff.get(usize::try_from(number(&tiff[4..8])).ok()?..)?;
    let count = number(directory.get(..2)?) as usize;
    let entry = directory
        .get(2..)?
        .chunks_exact(12)
        .take(count)
        .find(|entry| number(&entry[..2]) == u32::from(ORIENTATION) && number(&entry[2..4]) == u32::from(SHORT))?;
    u8::try_from(number(&entry[8..10])).ok().filter(|orientation| (2..=8).contains(orientation))
}

/// An EXIF segment that says only that: one directory with one entry.
fn turned(orientation: u8) -> Vec<u8> {
    let mut segment = vec![0xff, 0xe1, 0, 34];
    segment.extend_from_slice(b"Exif\0\0MM\0*\0\0\0\x08\0\x01");
    segment.extend_from_slice(&ORIENTATION.to_be_bytes());
    segment.extend_from_slice(&SHORT.to_be_bytes());
    segment.extend_from_slice(&[0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    segment
}

/// The marker that stands here, however many fill bytes stand before it; `at` is moved behind it.
fn marker_at(bytes: &[u8], at: &mut usize) -> Result<u8, PhotoError> {
    if bytes.get(*at) != Some(&0xff) {
        return Err(PhotoError::Damaged);
    }
    loop {
        let byte = *bytes.get(*at).ok_or(PhotoError::Damaged)?;
        *at += 1;
        if byte != 0xff {
            return Ok(byte);
        }
    }
}

/// What stands in a segment whose length stands at `at`.
fn segment_at(bytes: &[u8], at: usize) -> Result<&[u8], PhotoError> {
    let length = bytes.get(at..at + 2).ok_or(PhotoError::Damaged)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        return Err(PhotoError::Damaged);
    }
    bytes.get(at + 2..at + length).ok_or(PhotoError::Damaged)
}

/// Where the scan's bytes end: at a marker (and the fill bytes before it) that is no stuffed byte and no restart.
fn scan_end(bytes: &[u8], from: usize) -> Result<usize, PhotoError> {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        if *byte != 0xff {
            at += 1;
            continue;
        }
        let run = bytes[at..].iter().take_while(|byte| **byte == 0xff).count();
        match bytes.get(at + run) {
            None => break,
            Some(0x00 | 0xd0..=0xd7) => at += run + 1,
            Some(_) => return Ok(at),
        }
    }
    Err(PhotoError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker], &length[..], body].concat()
    }

    const PICTURE: [u8; 10] = [0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56, 0xff, 0x00, 0x78];

    fn picture(before: &[Vec<u8>], between: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
        let scan = segment(SCAN, &[1, 1, 0, 0, 63, 0]);
        let mut out = vec![0xff, START];
        out.extend(before.concat());
        out.extend(segment(0xdb, &[0; 65]));
        out.extend(segment(0xc2, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]));
        for _ in 0..2 {
            out.extend(segment(0xc4, &[0; 20]));
            out.extend_from_slice(&scan);
            out.extend_from_slice(&PICTURE);
            out.extend(between.concat());
        }
        out.extend_from_slice(&[0xff, END]);
        out.extend_from_slice(behind);
        out
    }

    #[test]
    fn what_tells_of_place_and_phone_goes_and_the_picture_stays() -> Result<(), PhotoError> {
        let jfif = segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
        let told = [
            jfif.clone(),
            segment(0xe0, b"JFXX\0\x10small picture"),
            segment(0xe1, b"Exif\0\0GPS 33.3 130.5"),
            segment(0xed, b"Photoshop 3.0\0caption"),
            segment(COMMENT, b"a name"),
        ];
        let between = [segment(0xe1, b"http://ns.adobe.com/xap/"), segment(COMMENT, b"again")];
        let cleaned = clean(&picture(&told, &between, b"\xff\xd8 a second picture with its own GPS"))?;
        assert_eq!(cleaned, picture(&[jfif], &[], b""));
        assert_eq!(clean(&cleaned)?, cleaned, "a clean one stays as it is");
        Ok(())
    }

    #[test]
    fn a_picture_taken_on_its_side_still_stands_upright_and_nothing_else_of_its_exif_stays() -> Result<(), PhotoError> {
        // A little-endian directory of three entries, the place among them, and a name behind it.
        let entry = |tag: u16, kind: u16, value: u32| {
            [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat()
        };
        let entries = [entry(0x010f, 2, 50), entry(ORIENTATION, SHORT, 6), entry(0x8825, 4, 90)].concat();
        let exif = [&b"Exif\0\0II*\0\x08\0\0\0\x03\0"[..], &entries, b"\0\0\0\0Kameraya 33.3 130.5"].concat();
        let cleaned = clean(&picture(&[segment(0xe1, &exif)], &[], b""))?;
        assert_eq!(cleaned, picture(&[turned(6)], &[], b""));
        assert_eq!(clean(&cleaned)?, cleaned, "a clean one stays as it is");
        let upright = [&b"Exif\0\0II*\0\x08\0\0\0\x01\0"[..], &entry(ORIENTATION, SHORT, 1), &[0; 4]].concat();
        assert_eq!(clean(&picture(&[segment(0xe1, &upright)], &[], b""))?, picture(&[], &[], b""));
        // Whatever is bent in it, nothing panics and nothing of it comes through.
        for at in 0..exif.len() {
            for byte in [0x00, 0x01, 0x7f, 0xff] {
                let mut bent = exif.clone();
                bent[at] = byte;
                let cleaned = clean(&picture(&[segment(0xe1, &bent)], &[], b""))?;
                assert!(!cleaned.windows(8).any(|window| window == b"Kameraya"));
            }
        }
        Ok(())
    }

    #[test]
    fn fill_bytes_before_a_marker_hide_nothing() -> Result<(), PhotoError> {
        let hidden = [[vec![0xff, 0xff], segment(0xe1, b"Exif\0\0GPS")].concat()];
        assert_eq!(clean(&picture(&hidden, &hidden, b""))?, picture(&[], &[], b""));
        Ok(())
    }

    #[test]
    fn cut_off_or_bent_it_is_refused_and_nothing_panics() {
        let whole = picture(&[segment(0xe1, b"Exif\0\0")], &[], b"");
        for end in 3..whole.len() {
            assert_eq!(clean(&whole[..end]).err(), Some(PhotoError::Damaged), "{end}");
        }
        for at in 0..whole.len() {
            for byte in [0x00, 0x01, 0x7f, 0xd8, 0xd9, 0xda, 0xfe, 0xff] {
                let mut bent = whole.clone();
                bent[at] = byte;
                if let Ok(cleaned) = clean(&bent) {
                    assert!(cleaned.len() <= bent.len());
                }
            }
        }
        assert!(clean(&[0xff, 0xd8, 0xff]).is_err());
        assert!(clean(&[0xff, 0xd8, 0xff, 0xd9]).is_err(), "no picture in it");
        assert!(clean(&[0xff, 0xd8, 0xff, 0xe1, 0, 1]).is_err(), "a length shorter than itself");
    }
}
