//! 評価尺度: scales that a nurse works out by hand, so that the machine's answer can be checked by hand.
//!
//! Each is a plain table over the fields of a note. A score is shown only when every item is there: an item that
//! nobody measured is never counted as its normal value.
//!
//! - [`news2`]: how ill is this person now (RCP 2017; domain §4.2)
//! - [`design_r`]: pressure ulcers, DESIGN-R®2020 (domain §4.3)
//! - [`barthel`]: what a person can do, 0–100 (domain §4.4)
//! - [`independence`]: 寝たきり度, 認知症, 要介護 as the doctor's order has them (domain §3.2, §4.4)

pub mod barthel;
pub mod design_r;
pub mod independence;
pub mod news2;

/// One character as a half-width keyboard would have typed it (Ａ → A, １ → 1, ： → :).
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    }
}
