//! How the screens look before anybody is known: a file of the device's own beside the vaults, in clear. Three choices of
//! whoever opened it last, and nothing about anybody.

use crate::look::{Theme, text_size_of};
use crate::text::Language;
use std::path::{Path, PathBuf};

/// What stands in the file, one choice a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptLook {
    pub language: Language,
    /// Percent: one of `TEXT_SIZES`.
    pub text_size: u16,
    pub theme: Theme,
}

/// Where it is kept: one for all vaults of the device.
pub fn file_beside(vault: &Path) -> PathBuf {
    vault.with_file_name("look")
}

impl KeptLook {
    /// As it comes.
    pub fn plain(language: Language) -> Self {
        Self { language, text_size: text_size_of(None), theme: Theme::System }
    }

    /// What is not there or cannot be read is as it comes.
    pub fn read(file: &Path, language: Language) -> Self {
        std::fs::read_to_string(file).map_or_else(|_| Self::plain(language), |lines| Self::of_lines(&lines, language))
    }

    /// Writes what changed. A look that cannot be kept holds until the app ends.
    pub fn keep(self, file: &Path, language: Language) {
        if self == Self::read(file, language) {
            return;
        }
        if let Err(error) = std::fs::write(file, self.lines()) {
            tracing::warn!(error = %error.kind(), "the look is not kept");
        }
    }

    fn of_lines(lines: &str, language: Language) -> Self {
        let value = |name: &str| {
            let mut pairs = lines.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        Self {
            language: value("language").map_or(language, Language::of_code),
            text_size: text_size_of(value("text_size")),
            theme: Theme::of_code(value("theme").unwrap_or_default()),
        }
    }

    fn lines(self) -> String {
        let Self { language, text_size, theme } = self;
        format!("language={}\ntext_size={text_size}\ntheme={}\n", language.code(), theme.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::TEXT_SIZES;

    const JA: Language = Language::Japanese;

    #[test]
    fn every_look_is_read_as_it_was_kept_and_the_file_holds_nothing_else() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = file_beside(&folder.path().join("a.vault"));
        assert_eq!(KeptLook::read(&file, Language::English), KeptLook::plain(Language::English), "nobody has chosen");
        for language in [JA, Language::English] {
            for (text_size, theme) in TEXT_SIZES.into_iter().flat_map(|size| Theme::ALL.map(|theme| (size, theme))) {
                let look = KeptLook { language, text_size, theme };
                look.keep(&file, JA);
                assert_eq!(KeptLook::read(&file, JA), look);
            }
        }
        assert_eq!(std::fs::read_to_string(&file)?, "language=en\ntext_size=200\ntheme=dark\n");
        Ok(())
    }

    #[test]
    fn what_nobody_has_chosen_is_not_kept() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("look");
        KeptLook::plain(JA).keep(&file, JA);
        assert!(!file.exists(), "the machine's own language may still change");
        KeptLook::plain(JA).keep(&folder.path().join("no such folder/look"), Language::English);
        Ok(())
    }

    #[test]
    fn a_line_that_cannot_be_read_is_as_it_comes_and_the_others_hold() {
        let read = |lines| KeptLook::of_lines(lines, JA);
        assert_eq!(read(""), KeptLook::plain(JA));
        assert_eq!(read("text_size=900\ntheme=sepia\nlanguage\n\u{0}"), KeptLook::plain(JA));
        let torn = read("language=en\ntext_size=15");
        assert_eq!(torn, KeptLook { language: Language::English, ..KeptLook::plain(JA) });
        assert_eq!(read("newer=1\ntext_size=150\n").text_size, 150);
    }
}
