//! How the app looks and behaves for the person who opened it. Kept in her vault, read when it opens; what of it is to hold
//! before that, in `kept_look`.

use crate::kept_look::KeptLook;
use crate::text::{Era, Language, set_era};
use device::{DeviceError, Phone};
use dioxus::prelude::*;

#[derive(Clone, Copy, PartialEq)]
pub struct Look {
    pub language: Signal<Language>,
    /// Percent: one of `TEXT_SIZES`.
    pub text_size: Signal<u16>,
    pub theme: Signal<Theme>,
    /// Main actions lie at the left thumb.
    pub left_hand: Signal<bool>,
    pub era: Signal<Era>,
    /// No touch for so many minutes locks.
    pub lock_minutes: Signal<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub fn code(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn of_code(code: &str) -> Theme {
        Theme::ALL.into_iter().find(|theme| theme.code() == code).unwrap_or(Theme::System)
    }
}

pub const TEXT_SIZES: [u16; 4] = [100, 125, 150, 200];
pub const LOCK_MINUTES: std::ops::RangeInclusive<u64> = 1..=10;
/// Domain §6.2: three minutes.
const LOCK_DEFAULT: u64 = 3;

pub fn text_size_of(code: Option<&str>) -> u16 {
    code.and_then(|code| code.parse::<u16>().ok()).filter(|size| TEXT_SIZES.contains(size)).unwrap_or(100)
}

/// What cannot be read locks after three minutes, never later.
fn lock_minutes_of(code: Option<&str>) -> u64 {
    code.and_then(|code| code.parse::<u64>().ok())
        .filter(|minutes| LOCK_MINUTES.contains(minutes))
        .unwrap_or(LOCK_DEFAULT)
}

/// From this size on (percent) a head that stands still would leave no room for what is read: it scrolls with the page.
const LARGE: u16 = 150;

/// Classes of the app's root.
pub fn classes(theme: Theme, left_hand: bool, text_size: u16) -> String {
    let theme = match theme {
        Theme::System => "",
        Theme::Light => " theme-light",
        Theme::Dark => " theme-dark",
    };
    let (left, large) = (if left_hand { " left" } else { "" }, if text_size >= LARGE { " large" } else { "" });
    format!("app{theme}{left}{large}")
}

impl Look {
    /// As the device was left.
    pub fn new(kept: KeptLook) -> Self {
        Self {
            language: Signal::new(kept.language),
            text_size: Signal::new(kept.text_size),
            theme: Signal::new(kept.theme),
            left_hand: Signal::new(false),
            era: Signal::new(Era::ByLanguage),
            lock_minutes: Signal::new(LOCK_DEFAULT),
        }
    }

    /// What the device remembers of it.
    pub fn kept(self) -> KeptLook {
        KeptLook { language: (self.language)(), text_size: (self.text_size)(), theme: (self.theme)() }
    }

    /// Takes over what this vault's nurse has chosen; what she has not is as it comes, not as the nurse before her left it.
    pub fn read(mut self, phone: &Phone) {
        let setting = |name: &str| phone.setting(name).ok().flatten();
        if let Some(code) = setting("language") {
            self.language.set(Language::of_code(&code));
        }
        // Under duress nothing may be seen to change: another look would tell of another vault.
        if !phone.is_decoy() {
            self.text_size.set(text_size_of(setting("text_size").as_deref()));
            self.theme.set(Theme::of_code(&setting("theme").unwrap_or_default()));
        }
        self.left_hand.set(setting("left_hand").as_deref() == Some("yes"));
        self.lock_minutes.set(lock_minutes_of(setting("lock_minutes").as_deref()));
        self.show_era(Era::of_code(&setting("era").unwrap_or_default()));
    }

    pub fn show_era(mut self, era: Era) {
        set_era(era);
        self.era.set(era);
    }
}

/// Phrases (定型文) that a nurse wrote for a text field, one a line of the setting.
pub fn own_phrases(phone: &Phone, field: &str) -> Result<Vec<String>, DeviceError> {
    let lines = phone.setting(&format!("phrases.{field}"))?.unwrap_or_default();
    Ok(lines.lines().map(str::to_string).collect())
}

pub fn put_own_phrases(phone: &Phone, field: &str, phrases: &[String]) -> Result<(), DeviceError> {
    phone.put_setting(&format!("phrases.{field}"), &phrases.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_be_read_locks_after_three_minutes_and_shows_text_as_it_comes() {
        for code in [None, Some(""), Some("0"), Some("11"), Some("600"), Some("-1"), Some("x")] {
            assert_eq!(lock_minutes_of(code), 3, "{code:?}");
        }
        assert_eq!((lock_minutes_of(Some("1")), lock_minutes_of(Some("10"))), (1, 10));
        assert_eq!([None, Some("90"), Some("x")].map(text_size_of), [100; 3]);
        assert_eq!(TEXT_SIZES.map(|size| text_size_of(Some(&size.to_string()))), TEXT_SIZES);
    }

    #[test]
    fn every_theme_is_read_as_it_was_written() {
        for theme in Theme::ALL {
            assert_eq!(Theme::of_code(theme.code()), theme);
        }
        assert_eq!(Theme::of_code("sepia"), Theme::System, "a newer version's theme");
        assert_eq!(classes(Theme::Dark, true, 100), "app theme-dark left");
        assert_eq!(classes(Theme::System, false, 200), "app large");
    }
}
