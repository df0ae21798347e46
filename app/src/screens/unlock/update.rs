//! The PIN pad. Digits are wiped from the model as soon as they are handed on.

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub digits: String,
    pub working: bool,
    pub error: Option<String>,
    /// 端末消去: no PIN opens it any more.
    pub wiped: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Digit(char),
    Deleted,
    Submitted,
    /// The finger or the face instead of the PIN.
    Recognised,
    Failed(String),
    Wiped,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Unlock(String),
    Recognise,
}

/// Longest PIN.
const LONGEST: usize = 12;

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    if model.working && !matches!(event, Event::Failed(_) | Event::Wiped) {
        return Vec::new();
    }
    match event {
        Event::Digit(digit) if digit.is_ascii_digit() && model.digits.len() < LONGEST => {
            model.digits.push(digit);
            model.error = None;
        }
        Event::Digit(_) => {}
        Event::Deleted => {
            model.digits.pop();
        }
        Event::Submitted if model.digits.is_empty() => {}
        Event::Submitted => {
            model.working = true;
            model.error = None;
            return vec![Effect::Unlock(std::mem::take(&mut model.digits))];
        }
        Event::Recognised => {
            model.working = true;
            model.error = None;
            model.digits.clear();
            return vec![Effect::Recognise];
        }
        Event::Failed(words) => {
            model.working = false;
            model.error = Some(words);
        }
        Event::Wiped => {
            model.working = false;
            model.digits.clear();
            model.wiped = true;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_go_to_the_vault_and_leave_the_screen() {
        let mut model = Model::default();
        for digit in "2468x".chars() {
            update(&mut model, Event::Digit(digit));
        }
        update(&mut model, Event::Deleted);
        update(&mut model, Event::Digit('9'));
        assert_eq!(update(&mut model, Event::Submitted), [Effect::Unlock("2469".into())]);
        assert_eq!(model.digits, "");
        assert!(update(&mut model, Event::Digit('1')).is_empty() && model.digits.is_empty(), "no keys while it opens");
        update(&mut model, Event::Failed("x".into()));
        update(&mut model, Event::Digit('1'));
        assert_eq!((model.digits.as_str(), model.error), ("1", None));
    }

    #[test]
    fn a_wiped_device_asks_for_no_pin() {
        let mut model = Model::default();
        update(&mut model, Event::Digit('2'));
        update(&mut model, Event::Submitted);
        update(&mut model, Event::Wiped);
        assert!(model.wiped && !model.working && model.digits.is_empty());
    }

    #[test]
    fn a_finger_in_the_middle_of_a_pin_forgets_the_digits() {
        let mut model = Model::default();
        update(&mut model, Event::Digit('2'));
        assert_eq!(update(&mut model, Event::Recognised), [Effect::Recognise]);
        assert!(model.digits.is_empty() && update(&mut model, Event::Recognised).is_empty());
        update(&mut model, Event::Failed("x".into()));
        update(&mut model, Event::Digit('1'));
        assert_eq!(model.digits, "1", "the PIN is the way that is left");
    }
}
