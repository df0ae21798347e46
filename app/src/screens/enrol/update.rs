//! Enrolment: an invitation, pasted or in a picture of its QR code; a PIN twice.

use crate::components::base64;
use device::{EnrolUri, QrError, Zeroizing};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub uri: String,
    pub pin: String,
    pub again: String,
    pub working: bool,
    pub error: Option<Wrong>,
    pub picture: Picture,
    /// Counts the pictures that were chosen: only the newest may fill the field.
    pub pictures: u32,
}

/// What became of the newest picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Picture {
    /// None was chosen, or something was typed since.
    #[default]
    Nothing,
    Reading,
    Read,
    Refused(QrError),
}

/// What stands under the button.
#[derive(Debug, Clone, PartialEq)]
pub enum Wrong {
    Uri,
    PinDigits,
    PinsDiffer,
    /// Words from the phone.
    Said(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    UriChanged(String),
    PinChanged(String),
    AgainChanged(String),
    Submitted,
    Failed(String),
    Enrolled,
    PictureChosen(Zeroizing<Vec<u8>>),
    /// The page did not give the picture.
    PictureRefused(QrError),
    PictureRead(u32, Result<EnrolUri, QrError>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Enrol {
        uri: EnrolUri,
        pin: String,
    },
    OpenUnlock,
    /// Answered by `PictureRead` with the same number.
    ReadPicture(u32, Zeroizing<Vec<u8>>),
    /// The field is mounted anew with the model's invitation.
    ShowUri,
}

impl Model {
    /// The hub that the invitation names: what she compares with what her manager said.
    pub fn hub(&self) -> Option<String> {
        let uri: EnrolUri = self.uri.parse().ok()?;
        Some(uri.hub.trim_start_matches("https://").to_string())
    }
}

/// What the page sent of the chosen file: the file, or why there is none.
pub fn read_sent(what: &str, base64: &str) -> Event {
    match what {
        "picture" => match base64::decode(base64) {
            Some(file) => Event::PictureChosen(Zeroizing::new(file)),
            None => Event::PictureRefused(QrError::Damaged),
        },
        "large" => Event::PictureRefused(QrError::TooLarge),
        _ => Event::PictureRefused(QrError::Damaged),
    }
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::UriChanged(text) => {
            model.uri = text;
            model.picture = Picture::Nothing;
        }
        Event::PinChanged(text) => model.pin = text,
        Event::AgainChanged(text) => model.again = text,
        Event::Failed(words) => {
            model.working = false;
            model.error = Some(Wrong::Said(words));
        }
        Event::Enrolled => return vec![Effect::OpenUnlock],
        Event::Submitted => return submit(model),
        Event::PictureChosen(file) => {
            model.pictures += 1;
            model.picture = Picture::Reading;
            return vec![Effect::ReadPicture(model.pictures, file)];
        }
        Event::PictureRefused(error) => {
            model.picture = Picture::Refused(error);
            return Vec::new();
        }
        Event::PictureRead(number, read) => return take_read(model, number, read),
    }
    if !matches!(model.error, Some(Wrong::Said(_))) {
        model.error = None;
    }
    Vec::new()
}

/// What a picture says is taken like what is pasted.
fn take_read(model: &mut Model, number: u32, read: Result<EnrolUri, QrError>) -> Vec<Effect> {
    // Another was chosen since, or something was typed.
    if number != model.pictures || model.picture != Picture::Reading {
        return Vec::new();
    }
    match read {
        Ok(uri) => {
            let mut effects = update(model, Event::UriChanged(uri.to_string()));
            model.picture = Picture::Read;
            effects.push(Effect::ShowUri);
            effects
        }
        Err(error) => {
            model.picture = Picture::Refused(error);
            Vec::new()
        }
    }
}

fn submit(model: &mut Model) -> Vec<Effect> {
    if model.working {
        return Vec::new();
    }
    let wrong = match model.uri.parse::<EnrolUri>() {
        Err(_) => Wrong::Uri,
        Ok(_) if device::Pin::new(&model.pin).is_err() => Wrong::PinDigits,
        Ok(_) if model.pin != model.again => Wrong::PinsDiffer,
        Ok(uri) => {
            model.working = true;
            model.error = None;
            return vec![Effect::Enrol { uri, pin: model.pin.clone() }];
        }
    };
    model.error = Some(wrong);
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::UriError;

    fn invitation(code: &str) -> String {
        format!("tsutsuji://enrol?hub=https://127.0.0.1:1&ca={}&code={code}", "00".repeat(32))
    }

    fn filled() -> Model {
        let uri = invitation("ABC");
        Model { uri, pin: "2468".into(), again: "2468".into(), ..Model::default() }
    }

    #[test]
    fn a_complete_form_enrols_once() {
        let mut model = filled();
        assert!(matches!(update(&mut model, Event::Submitted)[..], [Effect::Enrol { .. }]));
        assert!(update(&mut model, Event::Submitted).is_empty(), "a second tap while it works does nothing");
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_sent() {
        for (change, wrong) in [
            (Event::UriChanged("https://x".into()), Wrong::Uri),
            (Event::PinChanged("12".into()), Wrong::PinDigits),
            (Event::AgainChanged("1357".into()), Wrong::PinsDiffer),
        ] {
            let mut model = filled();
            update(&mut model, change);
            assert!(update(&mut model, Event::Submitted).is_empty());
            assert_eq!(model.error, Some(wrong));
        }
    }

    #[test]
    fn the_hub_is_named_once_the_code_is_whole() {
        assert_eq!(filled().hub().as_deref(), Some("127.0.0.1:1"));
        let half = Model { uri: "tsutsuji://enrol?hub=https://127.0.0.1:1".into(), ..Model::default() };
        assert_eq!((half.hub(), Model::default().hub()), (None, None));
    }

    /// Chooses a picture, and answers with its number.
    fn choose(model: &mut Model) -> u32 {
        let file = Zeroizing::new(b"a picture".to_vec());
        let effects = update(model, Event::PictureChosen(file.clone()));
        assert_eq!((effects, model.picture), (vec![Effect::ReadPicture(model.pictures, file)], Picture::Reading));
        model.pictures
    }

    #[test]
    fn a_picture_fills_the_field_as_a_paste_does() -> Result<(), UriError> {
        let mut model = Model { uri: "https://x".into(), ..filled() };
        update(&mut model, Event::Submitted);
        assert_eq!(model.error, Some(Wrong::Uri));
        let number = choose(&mut model);
        let uri: EnrolUri = invitation("QRQR").parse()?;
        let effects = update(&mut model, Event::PictureRead(number, Ok(uri.clone())));
        assert_eq!((effects, model.picture, &model.error), (vec![Effect::ShowUri], Picture::Read, &None));
        assert_eq!(model.uri, invitation("QRQR"));
        assert_eq!(update(&mut model, Event::Submitted), [Effect::Enrol { uri, pin: "2468".into() }]);
        Ok(())
    }

    #[test]
    fn a_picture_without_an_invitation_says_why_and_leaves_what_was_typed() {
        let mut model = filled();
        for error in [QrError::NoCode, QrError::SeveralCodes, QrError::NotOurs(UriError::NotAnInvitation)] {
            let number = choose(&mut model);
            assert!(update(&mut model, Event::PictureRead(number, Err(error))).is_empty());
            assert_eq!((model.picture, &model.uri), (Picture::Refused(error), &filled().uri));
        }
        update(&mut model, Event::PinChanged("1357".into()));
        assert_eq!(model.picture, Picture::Refused(QrError::NotOurs(UriError::NotAnInvitation)), "it stays to be read");
        update(&mut model, Event::UriChanged(invitation("DEF")));
        assert_eq!(model.picture, Picture::Nothing);
    }

    #[test]
    fn only_the_newest_picture_fills_the_field_and_none_over_what_was_typed_since() -> Result<(), UriError> {
        let read = |code: &str| invitation(code).parse::<EnrolUri>();
        let mut model = filled();
        let (first, second) = (choose(&mut model), choose(&mut model));
        assert!(update(&mut model, Event::PictureRead(first, Ok(read("FIRST")?))).is_empty());
        assert_eq!((model.picture, &model.uri), (Picture::Reading, &filled().uri));
        update(&mut model, Event::UriChanged(invitation("TYPED")));
        assert!(update(&mut model, Event::PictureRead(second, Ok(read("SECOND")?))).is_empty());
        assert_eq!(model.uri, invitation("TYPED"));
        Ok(())
    }

    #[test]
    fn what_the_page_could_not_give_is_refused_by_its_own_name() {
        for (what, base64, error) in
            [("large", "", QrError::TooLarge), ("unread", "", QrError::Damaged), ("picture", "Zm9", QrError::Damaged)]
        {
            let mut model = filled();
            assert!(update(&mut model, read_sent(what, base64)).is_empty());
            assert_eq!(model.picture, Picture::Refused(error));
        }
        let sent = read_sent("picture", &base64::encode(b"file"));
        assert_eq!(sent, Event::PictureChosen(Zeroizing::new(b"file".to_vec())));
    }
}
