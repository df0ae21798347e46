//! The way into a station: an invitation, by its words or by a picture of its code.

use image::{GrayImage, Luma};
use stories::{Hub, Outcome, Phone};

/// The invitation's code as a manager sends it: a picture in a file.
fn picture(text: &str) -> Outcome<GrayImage> {
    const MODULE: u32 = 6;
    let code = qrcode::QrCode::new(text)?;
    let (side, colors) = (code.width() as u32, code.to_colors());
    let mut picture = GrayImage::from_pixel((side + 8) * MODULE, (side + 8) * MODULE, Luma([255]));
    for (place, _) in colors.iter().enumerate().filter(|(_, color)| **color == qrcode::Color::Dark) {
        let (column, row) = (place as u32 % side + 4, place as u32 / side + 4);
        for (x, y) in (0..MODULE).flat_map(|x| (0..MODULE).map(move |y| (x, y))) {
            picture.put_pixel(column * MODULE + x, row * MODULE + y, Luma([0]));
        }
    }
    Ok(picture)
}

#[test]
fn a_device_is_enrolled_with_a_picture_of_its_invitation() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    std::fs::write(hub.path("pin"), "2468")?;
    let file = hub.path("invitation.jpg").display().to_string();
    let phone = Phone { vault: hub.path("a.vault"), pin: hub.path("pin") };
    GrayImage::from_pixel(300, 300, Luma([255])).save(&file)?;
    assert!(phone.refused(&["enrol", "--least-pin-cost", "--picture", &file])?.contains("no QR code"));
    assert!(!phone.vault.exists());
    let uri = hub.invite("nurse-a")?;
    picture(&uri)?.save(&file)?;
    let both = phone.refused(&["enrol", "--least-pin-cost", "--picture", &file, &uri])?;
    assert!(both.contains("cannot be used with"), "{both}");
    let enrolled = phone.ok(&["enrol", "--least-pin-cost", "--picture", &file])?;
    assert_eq!(enrolled["staff"], "nurse-a");
    phone.ok(&["sync"])?;
    assert!(phone.refused(&["enrol", "--least-pin-cost"])?.contains("URI"), "neither");
    Ok(())
}
