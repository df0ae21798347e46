//! Errors as a nurse reads them: what happened, what to do.

use super::{Words, unit_words, whole_label};
use device::qr::{PICTURE_LIMIT, SIDE_LIMIT};
use device::record::Form;
use device::record::photo::{PHOTO_LIMIT, PhotoError};
use device::record::visit_note::{ConfirmError, FieldError};
use device::{DeviceError, Failure, QrError, RefusalCode, SPACE_NEEDED_MB, UriError, VaultError};
use fluent_bundle::FluentValue;

fn number(n: f64) -> FluentValue<'static> {
    FluentValue::from(n.to_string())
}

pub fn error_words(words: Words, error: &DeviceError) -> String {
    words.say(match error {
        DeviceError::Vault(vault) => match vault {
            VaultError::WrongPin { left, wait_ms } => {
                let minutes = wait_ms.div_ceil(60_000);
                let key = if minutes == 0 { "error-wrong-pin-left" } else { "error-wrong-pin-wait" };
                return words.with(key, &[("left", (*left).into()), ("minutes", minutes.into())]);
            }
            VaultError::Wait { wait_ms } => {
                return words.with("error-wait", &[("minutes", wait_ms.div_ceil(60_000).into())]);
            }
            VaultError::Wiped => "error-wiped",
            VaultError::NoVault => "error-no-vault",
            VaultError::AlreadyThere => "error-already-there",
            VaultError::NoDeviceSecret(_) => "error-no-device-secret",
            VaultError::Unreadable(_) | VaultError::NotAVault => "error-unreadable",
            VaultError::Newer => "error-newer",
            VaultError::Full => return words.count("error-full", SPACE_NEEDED_MB),
            VaultError::SamePin => "error-same-pin",
            VaultError::PinFirst => "error-pin-first",
            VaultError::NotRecognised => "error-not-recognised",
            VaultError::NoBiometrics => "error-no-biometrics",
            VaultError::Locked => "error-locked",
            VaultError::InUse => "error-in-use",
            VaultError::NotBroughtUp(_) => "error-not-brought-up",
            VaultError::OlderCopy { .. } => "error-older-copy",
            VaultError::Write(_) | VaultError::File(_) => "error-write",
            VaultError::Damaged { .. } => "error-damaged",
            _ => "error-unknown",
        },
        DeviceError::Pin(_) => "error-pin-digits",
        DeviceError::Uri(_) => "error-uri",
        DeviceError::Qr(error) => return qr_words(words, *error),
        DeviceError::Enrol(code) => match format!("{code:?}").as_str() {
            "CodeUnknown" => "error-code-unknown",
            "CodeUsed" => "error-code-used",
            "CodeExpired" => "error-code-expired",
            _ => "error-refused",
        },
        DeviceError::Sync(Failure::Unreachable) => "error-unreachable",
        DeviceError::Sync(Failure::NotOurHub) => "error-not-our-hub",
        DeviceError::Sync(Failure::OlderHub) => "trouble-older_hub",
        DeviceError::Sync(Failure::Refused(RefusalCode::UnknownPhoto)) => "photo-error-not-yet",
        DeviceError::Sync(Failure::Busy { .. }) => "trouble-busy",
        DeviceError::Sync(Failure::Refused(_)) => "error-refused",
        DeviceError::Sync(Failure::Storage) => return words.count("error-full", SPACE_NEEDED_MB),
        DeviceError::AlreadyConfirmed => "error-confirmed",
        DeviceError::Confirm(error) => return confirm_words(words, error),
        DeviceError::NotForAssistantNurse => "board-error-assistant",
        DeviceError::DraftsBlockTheMonth(notes) => return words.count("board-error-drafts", notes.len() as u64),
        DeviceError::Field(field) => return field_words(words, field),
        other => return photo_words(words, other),
    })
}

/// Why a picture gave no enrolment code.
fn qr_words(words: Words, error: QrError) -> String {
    words.say(match error {
        QrError::TooLarge => {
            return words.with("qr-error-large", &[("mb", (PICTURE_LIMIT >> 20).into()), ("side", SIDE_LIMIT.into())]);
        }
        QrError::UnknownKind => "qr-error-kind",
        QrError::Damaged => "qr-error-damaged",
        QrError::NoCode => "qr-error-none",
        QrError::SeveralCodes => "qr-error-several",
        QrError::NotOurs(UriError::NotAnInvitation) => "qr-error-other",
        QrError::NotOurs(UriError::Incomplete | UriError::NotHttps | UriError::NotAnAddress) => "error-uri",
    })
}

fn photo_words(words: Words, error: &DeviceError) -> String {
    words.say(match error {
        DeviceError::Photo(PhotoError::TooLarge) => {
            return words.count("photo-error-large", (PHOTO_LIMIT >> 20) as u64);
        }
        DeviceError::Photo(PhotoError::NoPicture) => "photo-error-kind",
        DeviceError::Photo(PhotoError::Damaged) => "photo-error-damaged",
        DeviceError::Photo(PhotoError::Moving) => "photo-error-moving",
        DeviceError::NoPhotoConsent => "photo-error-consent",
        DeviceError::BodySiteMissing => "photo-error-site",
        DeviceError::UnknownPhoto(_) => "photo-error-gone",
        DeviceError::WrongPhoto => "photo-error-wrong",
        DeviceError::PhotoFile(_) => "photo-error-file",
        _ => "error-unknown",
    })
}

fn field_words(words: Words, error: &FieldError) -> String {
    match error {
        FieldError::NotANumber { unit, .. } => {
            words.with("error-field-number", &[("unit", unit_words(words, unit).into())])
        }
        FieldError::OutOfRange { unit, low, high, suggestion, .. } => {
            let mut values =
                vec![("unit", unit_words(words, unit).into()), ("low", number(*low)), ("high", number(*high))];
            match suggestion {
                Some(meant) => {
                    values.push(("suggestion", number(*meant)));
                    words.with("error-field-range-suggest", &values)
                }
                None => words.with("error-field-range", &values),
            }
        }
        FieldError::NotATime { .. } => words.say("error-field-time"),
        FieldError::NotADate { .. } => words.say("error-field-date"),
        FieldError::PressureReversed => words.say("error-field-pressure"),
        FieldError::TooManyPhotos => words.say("photo-error-many"),
        FieldError::LineTooLong { .. } | FieldError::TextTooLong { .. } => words.say("error-field-long"),
        _ => words.say("error-field"),
    }
}

/// What still keeps a visit note from being confirmed.
pub fn confirm_words(words: Words, error: &ConfirmError) -> String {
    confirm_words_in(words, Form::VisitNote, error)
}

/// What still keeps a document of this form from being confirmed.
pub fn confirm_words_in(words: Words, form: Form, error: &ConfirmError) -> String {
    match error {
        ConfirmError::Missing(parts) => {
            let named: Vec<String> = parts
                .iter()
                .map(|part| match form.field(part) {
                    Ok(field) => whole_label(words, form, field.name),
                    Err(_) => words.say("missing-vitals"),
                })
                .collect();
            words.with("confirm-missing", &[("fields", words.list(&named).into())])
        }
        ConfirmError::OpenConflict(fields) => {
            let named: Vec<String> = fields.iter().map(|field| whole_label(words, form, field)).collect();
            words.with("confirm-conflict", &[("fields", words.list(&named).into())])
        }
        ConfirmError::TimesReversed => words.say("error-times"),
        ConfirmError::Closed => words.say("close-confirm-later"),
        _ => words.say("error-unknown"),
    }
}

/// Why the last sync did not work.
pub fn trouble_words(words: Words, failure: Failure) -> String {
    words.say(match failure {
        Failure::Unreachable => "trouble-unreachable",
        Failure::NotOurHub => "trouble-not_our_hub",
        Failure::Storage => "trouble-storage",
        Failure::OlderHub => "trouble-older_hub",
        Failure::Refused(RefusalCode::Version) => "trouble-version",
        Failure::Refused(RefusalCode::Revoked) => "trouble-revoked",
        Failure::Refused(RefusalCode::Expired) => "trouble-expired",
        Failure::Busy { .. } | Failure::Refused(RefusalCode::Busy | RefusalCode::Internal) => "trouble-busy",
        Failure::Refused(_) => "trouble-refused",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, plain};
    use device::record::ContentHash;
    use std::collections::BTreeSet;

    /// None of them without words, no two alike.
    fn all_have_words_of_their_own(refusals: &[DeviceError]) {
        for words in [Words(Language::Japanese), Words(Language::English)] {
            let said: BTreeSet<String> = refusals.iter().map(|error| error_words(words, error)).collect();
            assert_eq!(said.len(), refusals.len());
            assert!(!said.contains(&words.say("error-unknown")));
            let is_key = |said: &String| ["photo-", "qr-", "error-"].iter().any(|area| said.starts_with(area));
            assert!(!said.iter().any(is_key), "{said:?}");
        }
    }

    #[test]
    fn every_refusal_of_a_picture_of_a_code_has_words_of_its_own() {
        let refusals = [
            QrError::TooLarge,
            QrError::UnknownKind,
            QrError::Damaged,
            QrError::NoCode,
            QrError::SeveralCodes,
            QrError::NotOurs(UriError::NotAnInvitation),
            QrError::NotOurs(UriError::Incomplete),
        ];
        all_have_words_of_their_own(&refusals.map(DeviceError::Qr));
        let large = plain(&error_words(Words(Language::English), &QrError::TooLarge.into()));
        assert!(large.contains("8 MB") && large.contains("12000 pixels"), "{large}");
    }

    #[test]
    fn every_refusal_of_a_photo_has_words_of_its_own() {
        let refusals = [
            DeviceError::Photo(PhotoError::TooLarge),
            DeviceError::Photo(PhotoError::NoPicture),
            DeviceError::Photo(PhotoError::Damaged),
            DeviceError::Photo(PhotoError::Moving),
            DeviceError::NoPhotoConsent,
            DeviceError::BodySiteMissing,
            DeviceError::UnknownPhoto(ContentHash([7; 32])),
            DeviceError::WrongPhoto,
            DeviceError::PhotoFile(std::io::ErrorKind::InvalidData.into()),
            DeviceError::Field(FieldError::TooManyPhotos),
            DeviceError::Sync(Failure::Refused(RefusalCode::UnknownPhoto)),
            DeviceError::Sync(Failure::Unreachable),
            DeviceError::Vault(VaultError::Full),
        ];
        all_have_words_of_their_own(&refusals);
    }
}
