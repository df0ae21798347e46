//! Enrolment: an invitation, a PIN twice.

use device::EnrolUri;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub uri: String,
    pub pin: String,
    pub again: String,
    pub working: bool,
    pub error: Option<Wrong>,
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
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Enrol { uri: EnrolUri, pin: String },
    OpenUnlock,
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::UriChanged(text) => model.uri = text,
        Event::PinChanged(text) => model.pin = text,
        Event::AgainChanged(text) => model.again = text,
        Event::Failed(words) => {
            model.working = false;
            model.error = Some(Wrong::Said(words));
        }
        Event::Enrolled => return vec![Effect::OpenUnlock],
        Event::Submitted => return submit(model),
    }
    if !matches!(model.error, Some(Wrong::Said(_))) {
        model.error = None;
    }
    Vec::new()
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

    fn filled() -> Model {
        let uri = format!("tsutsuji://enrol?hub=https://127.0.0.1:1&ca={}&code=ABC", "00".repeat(32));
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
}
