//! The invitation in a picture of its QR code: a photo of a print or a screen, a screenshot. A picture may be anything: it is
//! bounded before it is laid out in memory, and neither its decoder nor the search can end the app.

use image::{DynamicImage, GrayImage, ImageError, ImageFormat, ImageReader, Limits, Luma, LumaA};
use protocol::{EnrolUri, UriError};
use record::photo::PHOTO_LIMIT;
use rqrr::PreparedImage;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zeroize::Zeroizing;

/// Most bytes of a picture's file.
pub const PICTURE_LIMIT: usize = PHOTO_LIMIT;
/// Most pixels of a side.
pub const SIDE_LIMIT: u32 = 12_000;
/// Most bytes that a picture may take in memory: 48 megapixels in colour fit.
const MEMORY_LIMIT: u64 = 160 << 20;
/// The longer side of the picture that is searched first.
const SEARCHED_SIDE: u32 = 2_000;

/// What a pixel is combined with: codes are drawn dark on light or, as on most terminals, light on dark.
const DARK_ON_LIGHT: u8 = 0;
const LIGHT_ON_DARK: u8 = 0xff;

/// Why a picture gave no invitation. It never says what stands in a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    #[error(
        "the picture is too large (at most {} MiB, {} pixels a side); take it again at a lower resolution, or take a screenshot",
        PICTURE_LIMIT >> 20,
        SIDE_LIMIT
    )]
    TooLarge,
    #[error(
        "this kind of picture (HEIC, for one) cannot be read; give a JPEG, PNG or WebP, or take a screenshot of it"
    )]
    UnknownKind,
    #[error("the picture is damaged or cut off; take it again")]
    Damaged,
    #[error("no QR code can be read in the picture; take it again with the whole code in it, straight and sharp")]
    NoCode,
    #[error("the picture shows enrolment codes that differ; take it again with only one of them in it")]
    SeveralCodes,
    #[error(transparent)]
    NotOurs(#[from] UriError),
}

/// The same as `invitation_in`, beside the caller's thread: a large picture takes its time.
pub async fn read_invitation(file: Zeroizing<Vec<u8>>) -> Result<EnrolUri, QrError> {
    tokio::task::spawn_blocking(move || invitation_in(&file)).await.unwrap_or(Err(QrError::Damaged))
}

/// The one invitation in a picture's file.
pub fn invitation_in(file: &[u8]) -> Result<EnrolUri, QrError> {
    let whole = decoded(file)?;
    let small = reduced(&whole);
    let mut texts: BTreeSet<String> = BTreeSet::new();
    // Small first: it is quicker, and evens out the grain of a camera.
    for picture in small.iter().chain([&whole]) {
        for drawn in [DARK_ON_LIGHT, LIGHT_ON_DARK] {
            texts.extend(texts_in(picture, drawn));
            if texts.iter().any(|text| text.parse::<EnrolUri>().is_ok()) {
                return only_invitation(&texts);
            }
        }
    }
    only_invitation(&texts)
}

/// Other codes may stand beside it (a leaflet has its own); another invitation may not.
fn only_invitation(texts: &BTreeSet<String>) -> Result<EnrolUri, QrError> {
    let read: Vec<Result<EnrolUri, UriError>> = texts.iter().map(|text| text.parse::<EnrolUri>()).collect();
    let mut ours = read.iter().flatten();
    if let Some(first) = ours.next() {
        return if ours.all(|other| other == first) { Ok(first.clone()) } else { Err(QrError::SeveralCodes) };
    }
    let refusals: Vec<UriError> = read.into_iter().filter_map(Result::err).collect();
    // What is nearly an invitation says more than a stranger's address.
    match refusals.iter().find(|error| **error != UriError::NotAnInvitation).or(refusals.first()) {
        Some(error) => Err(QrError::NotOurs(*error)),
        None => Err(QrError::NoCode),
    }
}

fn decoded(file: &[u8]) -> Result<GrayImage, QrError> {
    if file.len() > PICTURE_LIMIT {
        return Err(QrError::TooLarge);
    }
    let format = match image::guess_format(file) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
        _ => return Err(QrError::UnknownKind),
    };
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(MEMORY_LIMIT);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    match guarded(|| reader.decode().map(grey)) {
        Some(Ok(picture)) => Ok(picture),
        Some(Err(ImageError::Limits(_))) => Err(QrError::TooLarge),
        Some(Err(ImageError::Unsupported(_))) => Err(QrError::UnknownKind),
        Some(Err(_)) | None => Err(QrError::Damaged),
    }
}

/// A picture as it looks on white paper: where it is transparent, the paper shows.
fn grey(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.into_luma8();
    }
    let picture = picture.into_luma_alpha8();
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let LumaA([light, alpha]) = *picture.get_pixel(x, y);
        let seen = u16::from(light) * u16::from(alpha) / 255 + 255 - u16::from(alpha);
        Luma([seen as u8])
    })
}

/// A large picture at the size that is searched first.
fn reduced(whole: &GrayImage) -> Option<GrayImage> {
    let longer = whole.width().max(whole.height());
    if longer <= SEARCHED_SIDE {
        return None;
    }
    // At most 12,000 × 2,000: no overflow.
    let scaled = |side: u32| (side * SEARCHED_SIDE / longer).max(1);
    Some(image::imageops::thumbnail(whole, scaled(whole.width()), scaled(whole.height())))
}

/// What every code in it says.
fn texts_in(picture: &GrayImage, drawn: u8) -> Vec<String> {
    let (width, height, pixels) = (picture.width() as usize, picture.height() as usize, picture.as_raw());
    guarded(|| {
        let mut prepared = PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x] ^ drawn);
        let grids = prepared.detect_grids();
        grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect::<Vec<String>>()
    })
    .unwrap_or_default()
}

/// Other people's code over bytes that anybody may have made: what it stumbles over is a picture that was not read.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbaImage;
    use image::imageops::{replace, rotate90, rotate180, rotate270};

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    /// Modules of white around a code.
    const QUIET: u32 = 4;

    fn invitation(code: &str) -> String {
        format!("tsutsuji://enrol?hub=https://192.168.1.20:8443&ca={}&code={code}", "5a".repeat(32))
    }

    /// A code as it is printed, so many pixels a module.
    fn drawn(text: &str, module: u32) -> Outcome<GrayImage> {
        let code = qrcode::QrCode::new(text)?;
        let (side, colors) = (code.width() as u32, code.to_colors());
        let whole = (side + 2 * QUIET) * module;
        Ok(GrayImage::from_fn(whole, whole, |x, y| {
            let inside = QUIET..side + QUIET;
            let (column, row) = (x / module, y / module);
            let is_dark = inside.contains(&column)
                && inside.contains(&row)
                && colors[((row - QUIET) * side + column - QUIET) as usize] == qrcode::Color::Dark;
            Luma([if is_dark { 0 } else { 255 }])
        }))
    }

    /// White, with each picture where it is said to lie.
    fn sheet(width: u32, height: u32, pictures: &[(&GrayImage, u32, u32)]) -> GrayImage {
        let mut sheet = GrayImage::from_pixel(width, height, Luma([255]));
        for (picture, x, y) in pictures {
            replace(&mut sheet, *picture, i64::from(*x), i64::from(*y));
        }
        sheet
    }

    fn file(picture: &GrayImage, format: ImageFormat) -> Outcome<Vec<u8>> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format)?;
        Ok(file.into_inner())
    }

    fn read(picture: &GrayImage) -> Outcome<Result<String, QrError>> {
        Ok(invitation_in(&file(picture, ImageFormat::Png)?).map(|uri| uri.to_string()))
    }

    /// Some byte that follows from a number and looks like chance (SplitMix64).
    fn grain(n: u64) -> u8 {
        let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 40) as u8
    }

    /// As a camera sees it in poor light: grain over everything, specks around the code.
    fn grainy(code: &GrayImage) -> GrayImage {
        const BORDER: u32 = 60;
        let (width, height) = (code.width() + 2 * BORDER, code.height() + 2 * BORDER);
        GrayImage::from_fn(width, height, |x, y| {
            let chance = grain(u64::from(y * width + x));
            let beside = x.checked_sub(BORDER).zip(y.checked_sub(BORDER));
            Luma([match beside.and_then(|(x, y)| code.get_pixel_checked(x, y)) {
                Some(Luma([0])) => chance % 16,
                None if chance < 16 => 0,
                _ => 255 - chance % 16,
            }])
        })
    }

    /// As a camera sees it from the side: what is farther left is smaller.
    fn leaning(code: &GrayImage) -> GrayImage {
        const LEAN: f64 = 0.25;
        let (side, whole) = (f64::from(code.width()), code.width() * 5 / 4);
        GrayImage::from_fn(whole, whole, |x, y| {
            let (u, v) = (f64::from(x) / f64::from(whole), f64::from(y) / f64::from(whole));
            let near = (1.0 + LEAN) / (1.0 + LEAN * u);
            let (x, y) = (u * near * side, ((v - 0.5) * near + 0.5) * side);
            let inside = 0.0..side;
            let seen = inside.contains(&x) && inside.contains(&y);
            if seen { *code.get_pixel(x as u32, y as u32) } else { Luma([255]) }
        })
    }

    #[test]
    fn a_code_comes_out_of_every_kind_of_picture() -> Outcome {
        let uri = invitation("ABCD2345");
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let file = file(&drawn(&uri, 6)?, format)?;
            assert_eq!(invitation_in(&file).map(|read| read.to_string()), Ok(uri.clone()), "{format:?}");
        }
        Ok(())
    }

    #[test]
    fn a_code_is_read_turned_enlarged_grainy_leaning_and_light_on_dark() -> Outcome {
        let uri = invitation("ABCD2345");
        let code = drawn(&uri, 6)?;
        let enlarged = GrayImage::from_fn(code.width() * 3, code.height() * 3, |x, y| *code.get_pixel(x / 3, y / 3));
        let dark = GrayImage::from_fn(code.width(), code.height(), |x, y| Luma([255 - code.get_pixel(x, y).0[0]]));
        let seen = [
            ("a quarter", rotate90(&code)),
            ("a half", rotate180(&code)),
            ("three quarters", rotate270(&code)),
            ("enlarged", enlarged),
            ("grainy", grainy(&code)),
            ("leaning", leaning(&drawn(&uri, 8)?)),
            ("light on dark", dark),
        ];
        for (how, picture) in &seen {
            assert_eq!(read(picture)?, Ok(uri.clone()), "{how}");
        }
        let photo = file(&grainy(&code), ImageFormat::Jpeg)?;
        assert_eq!(invitation_in(&photo).map(|read| read.to_string()), Ok(uri));
        Ok(())
    }

    #[test]
    fn where_a_picture_is_transparent_it_counts_as_white() -> Outcome {
        let uri = invitation("ABCD2345");
        let code = drawn(&uri, 4)?;
        let clear = RgbaImage::from_fn(code.width(), code.height(), |x, y| {
            image::Rgba([0, 0, 0, 255 - code.get_pixel(x, y).0[0]])
        });
        let mut file = Cursor::new(Vec::new());
        clear.write_to(&mut file, ImageFormat::Png)?;
        assert_eq!(invitation_in(file.get_ref()).map(|read| read.to_string()), Ok(uri));
        Ok(())
    }

    #[test]
    fn a_small_code_in_a_large_picture_is_looked_for_at_full_size() -> Outcome {
        let uri = invitation("ABCD2345");
        let code = drawn(&uri, 4)?;
        // Half a module off: reduced to a quarter, every pixel is of two modules.
        let wide = sheet(4 * SEARCHED_SIDE, code.height() + 4, &[(&code, 3002, 2)]);
        let small = reduced(&wide).ok_or("not reduced")?;
        assert_eq!(small.width(), SEARCHED_SIDE);
        assert_eq!(texts_in(&small, DARK_ON_LIGHT), Vec::<String>::new());
        assert_eq!(read(&wide)?, Ok(uri));
        assert!(reduced(&code).is_none());
        Ok(())
    }

    #[test]
    fn a_picture_without_a_code_says_so() -> Outcome {
        for (width, height) in [(1, 1), (1, 700), (700, 1), (300, 200)] {
            for light in [0, 128, 255] {
                let blank = GrayImage::from_pixel(width, height, Luma([light]));
                assert_eq!(read(&blank)?, Err(QrError::NoCode), "{width} × {height}");
            }
        }
        Ok(())
    }

    #[test]
    fn of_several_codes_only_one_may_be_an_invitation() -> Outcome {
        let uri = invitation("ABCD2345");
        let (ours, other) = (drawn(&uri, 4)?, drawn(&invitation("WXYZ6789"), 4)?);
        let address = drawn("https://www.example.jp/visiting-nurses", 4)?;
        let beside = |left: &GrayImage, right: &GrayImage| {
            sheet(2 * ours.width(), ours.height(), &[(left, 0, 0), (right, ours.width(), 0)])
        };
        assert_eq!(read(&beside(&ours, &other))?, Err(QrError::SeveralCodes));
        assert_eq!(read(&beside(&ours, &ours))?, Ok(uri.clone()), "the same twice is one");
        assert_eq!(read(&beside(&ours, &address))?, Ok(uri));
        assert_eq!(read(&address)?, Err(QrError::NotOurs(UriError::NotAnInvitation)));
        let half = drawn("tsutsuji://enrol?hub=https://192.168.1.20:8443", 4)?;
        assert_eq!(read(&beside(&address, &half))?, Err(QrError::NotOurs(UriError::Incomplete)));
        Ok(())
    }

    /// The checksum of a PNG's piece.
    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
    }

    /// A PNG that says how large it is, and ends in its first piece.
    fn claiming(width: u32, height: u32) -> Vec<u8> {
        let mut head = b"IHDR".to_vec();
        head.extend(width.to_be_bytes());
        head.extend(height.to_be_bytes());
        head.extend([8, 6, 0, 0, 0]);
        let mut file = vec![137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13];
        file.extend(&head);
        file.extend(crc32(&head).to_be_bytes());
        file.extend([0, 1, 0, 0]);
        file.extend(b"IDAT\x78\x9c");
        file
    }

    #[test]
    fn a_file_that_claims_more_than_fits_is_refused_before_it_is_laid_out() {
        assert_eq!(invitation_in(&claiming(100_000, 10)), Err(QrError::TooLarge), "a side");
        assert_eq!(invitation_in(&claiming(11_000, 11_000)), Err(QrError::TooLarge), "484 MB");
        assert_eq!(invitation_in(&claiming(300, 300)), Err(QrError::Damaged), "it fits, and ends too early");
        assert_eq!(invitation_in(&vec![0; PICTURE_LIMIT + 1]), Err(QrError::TooLarge));
    }

    #[test]
    fn what_is_no_picture_of_a_known_kind_is_refused_by_its_own_name() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        for file in [b"".as_slice(), b"tsutsuji://enrol?", b"GIF89a\x01\0\x01\0", heic, b"%PDF-1.7"] {
            assert_eq!(invitation_in(file), Err(QrError::UnknownKind));
        }
    }

    #[test]
    fn bytes_that_were_cut_off_or_changed_give_the_invitation_or_an_error_and_never_a_panic() -> Outcome {
        let uri = invitation("ABCD2345");
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let whole = file(&drawn(&uri, 3)?, format)?;
            for at in (0..whole.len()).step_by(whole.len() / 20 + 1) {
                let mut changed = whole.clone();
                changed[at] ^= 0x55;
                for bytes in [&whole[..at], &changed] {
                    let read = invitation_in(bytes).map(|read| read.to_string());
                    let is_refused = matches!(
                        read,
                        Err(QrError::Damaged | QrError::UnknownKind | QrError::NoCode | QrError::TooLarge)
                    );
                    assert!(is_refused || read.as_ref() == Ok(&uri), "{format:?} {at}: {read:?}");
                }
            }
            let half = invitation_in(&whole[..whole.len() / 2]);
            assert!(half.is_err(), "{format:?}: half of the code");
        }
        Ok(())
    }

    #[test]
    fn no_refusal_shows_a_code() -> Outcome {
        let read = read(&drawn("tsutsuji://enrol?code=PLANTED7", 4)?)?;
        let error = read.err().ok_or("it was taken")?;
        assert!(!format!("{error} {error:?}").contains("PLANTED7"));
        Ok(())
    }
}
