//! 創部写真: takes a picture's file as a camera wrote it, and gives it back without whatever tells where, when and with
//! which phone it was taken. Nothing is encoded again: every picture's own byte stays as it is.

mod jpeg;
mod png;
mod webp;

/// Most bytes of a photo.
pub const PHOTO_LIMIT: usize = 8 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    Jpeg,
    Png,
    Webp,
}

impl MediaType {
    pub fn as_str(self) -> &'static str {
        match self {
            MediaType::Jpeg => "image/jpeg",
            MediaType::Png => "image/png",
            MediaType::Webp => "image/webp",
        }
    }
}

/// A picture that says nothing but what it shows.
#[derive(Clone, PartialEq, Eq)]
pub struct CleanPhoto {
    pub media_type: MediaType,
    pub bytes: Vec<u8>,
}

/// Why a file was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    #[error("the photo is larger than {} MiB; take it again at a lower resolution", PHOTO_LIMIT >> 20)]
    TooLarge,
    #[error("this is no JPEG, PNG or WebP picture; give one of these")]
    NoPicture,
    #[error("the picture is damaged or cut off; take it again")]
    Damaged,
    #[error("moving pictures are not taken; give a still one")]
    Moving,
}

/// Checks kind and size, and strips what is not the picture.
pub fn clean(bytes: &[u8]) -> Result<CleanPhoto, PhotoError> {
    if bytes.len() > PHOTO_LIMIT {
        return Err(PhotoError::TooLarge);
    }
    let (media_type, bytes) = if bytes.starts_with(&jpeg::MAGIC) {
        (MediaType::Jpeg, jpeg::clean(bytes)?)
    } else if bytes.starts_with(&png::MAGIC) {
        (MediaType::Png, png::clean(bytes)?)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
        (MediaType::Webp, webp::clean(bytes)?)
    } else {
        return Err(PhotoError::NoPicture);
    };
    Ok(CleanPhoto { media_type, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        for bytes in [&b""[..], b"\xff", b"GIF89a", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE", b"<svg/>"] {
            assert_eq!(clean(bytes).err(), Some(PhotoError::NoPicture));
        }
        let mut large = jpeg::MAGIC.to_vec();
        large.resize(PHOTO_LIMIT + 1, 0);
        assert_eq!(clean(&large).err(), Some(PhotoError::TooLarge));
    }
}
