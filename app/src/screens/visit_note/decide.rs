//! What a person decides about a confirmed note: a proposal taken over or left out, a confirmation chosen.

use device::note::ConfirmationShown;
use device::record::ContentHash;
use device::record::visit_note::{Amendment, AmendmentState, Verdict};
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Accept(ContentHash),
    Decline(ContentHash),
    Choose(ContentHash),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub asked: Option<Asked>,
    reason: String,
    pub failed: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Asked(Asked),
    Left,
    ReasonTyped(String),
    SignTapped,
    Signed,
    Failed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    Decide { amendment: ContentHash, accept: bool, reason: String },
    Choose { confirmation: ContentHash, reason: String },
}

impl Model {
    /// Which confirmation stands is never decided without a reason; a proposal may be.
    pub fn is_ready(&self) -> bool {
        match self.asked {
            Some(Asked::Choose(_)) => !self.reason.trim().is_empty(),
            Some(Asked::Accept(_) | Asked::Decline(_)) => true,
            None => false,
        }
    }
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Asked(asked) => *model = Model { asked: Some(asked), ..Model::default() },
        Event::Left | Event::Signed => *model = Model::default(),
        Event::ReasonTyped(reason) => {
            model.reason = reason;
            model.failed = None;
        }
        Event::SignTapped if model.is_ready() => {
            let reason = model.reason.clone();
            return match model.asked {
                Some(Asked::Accept(amendment)) => vec![Effect::Decide { amendment, accept: true, reason }],
                Some(Asked::Decline(amendment)) => vec![Effect::Decide { amendment, accept: false, reason }],
                Some(Asked::Choose(confirmation)) => vec![Effect::Choose { confirmation, reason }],
                None => Vec::new(),
            };
        }
        Event::SignTapped => {}
        Event::Failed(words) => model.failed = Some(words),
    }
    Vec::new()
}

/// What an amendment's card offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// 採用する or 採用しない.
    Decision,
    /// Words only, by their key.
    Words(&'static str),
    Nothing,
}

/// Nothing is decided about a note that was confirmed twice before the manager has chosen which one it is.
pub fn offer_of(state: AmendmentState, competing: bool, may_decide: bool) -> Offer {
    match state {
        AmendmentState::Accepted | AmendmentState::Declined => Offer::Nothing,
        AmendmentState::Proposed if competing => Offer::Words("amend-choose-first"),
        AmendmentState::Proposed if may_decide => Offer::Decision,
        AmendmentState::Proposed => Offer::Words("amend-who-decides"),
    }
}

/// Fields that do not read alike in all the confirmations.
pub fn differing(confirmations: &[ConfirmationShown]) -> BTreeSet<String> {
    let names: BTreeSet<&String> = confirmations.iter().flat_map(|one| one.fields.keys()).collect();
    let differs =
        |name: &&String| confirmations.windows(2).any(|pair| pair[0].fields.get(*name) != pair[1].fields.get(*name));
    names.into_iter().filter(differs).cloned().collect()
}

/// Whose signature stands under an amendment: its author's, or that of who decided about it.
pub fn verdict_of(amendment: &Amendment, signatures: &[device::amend::SignatureShown]) -> Option<Verdict> {
    let is_its = |signature: &&device::amend::SignatureShown| {
        signature.hash == amendment.id
            || (amendment.decided_by.as_ref() == Some(&signature.staff) && amendment.decided_at == Some(signature.at))
    };
    signatures.iter().filter(|signature| signature.of == "amendment").find(is_its).map(|signature| signature.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Words};
    use device::amend::SignatureShown;
    use device::jiff::Timestamp;
    use device::record::DeviceId;
    use device::record::visit_note::FieldValue;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    const ONE: ContentHash = ContentHash([1; 32]);
    const TWO: ContentHash = ContentHash([2; 32]);

    #[test]
    fn a_confirmation_is_chosen_only_with_a_reason() {
        let mut model = Model::default();
        assert_eq!(update(&mut model, Event::SignTapped), []);
        update(&mut model, Event::Asked(Asked::Choose(ONE)));
        assert_eq!(update(&mut model, Event::SignTapped), []);
        update(&mut model, Event::ReasonTyped("担当者の記録".into()));
        let chosen = Effect::Choose { confirmation: ONE, reason: "担当者の記録".into() };
        assert_eq!(update(&mut model, Event::SignTapped), [chosen]);
    }

    #[test]
    fn a_reason_typed_for_one_proposal_never_goes_with_another() {
        let mut model = Model::default();
        update(&mut model, Event::Asked(Asked::Decline(ONE)));
        update(&mut model, Event::ReasonTyped("重複".into()));
        update(&mut model, Event::Asked(Asked::Accept(TWO)));
        let accepted = Effect::Decide { amendment: TWO, accept: true, reason: String::new() };
        assert_eq!(update(&mut model, Event::SignTapped), [accepted]);
    }

    #[test]
    fn while_two_confirmations_compete_nobody_decides_about_what_differs_between_them() {
        for may_decide in [true, false] {
            assert_eq!(offer_of(AmendmentState::Proposed, true, may_decide), Offer::Words("amend-choose-first"));
            for settled in [AmendmentState::Accepted, AmendmentState::Declined] {
                assert_eq!(offer_of(settled, true, may_decide), Offer::Nothing);
                assert_eq!(offer_of(settled, false, may_decide), Offer::Nothing);
            }
        }
        assert_eq!(offer_of(AmendmentState::Proposed, false, true), Offer::Decision);
        assert_eq!(offer_of(AmendmentState::Proposed, false, false), Offer::Words("amend-who-decides"));
        for key in ["amend-choose-first", "amend-who-decides"] {
            assert_ne!(Words(Language::English).say(key), key);
        }
    }

    fn confirmation(
        hash: ContentHash,
        fields: &[(&str, f64)],
    ) -> Result<ConfirmationShown, Box<dyn std::error::Error>> {
        let fields = fields.iter().map(|(name, n)| (name.to_string(), FieldValue::Number(*n))).collect();
        Ok(ConfirmationShown { hash, staff: "a".parse()?, at: Timestamp::UNIX_EPOCH, fields })
    }

    #[test]
    fn what_competing_confirmations_say_differently_is_named() -> Outcome {
        let one = confirmation(ONE, &[("pulse_bpm", 80.0), ("temperature_c", 36.5)])?;
        let two = confirmation(TWO, &[("pulse_bpm", 88.0), ("temperature_c", 36.5), ("weight_kg", 50.0)])?;
        let named: Vec<String> = differing(&[one.clone(), two]).into_iter().collect();
        assert_eq!(named, ["pulse_bpm", "weight_kg"]);
        assert!(differing(&[one]).is_empty());
        Ok(())
    }

    #[test]
    fn a_decided_proposal_shows_the_verdict_on_who_decided() -> Outcome {
        let at = Timestamp::from_second(60)?;
        let signed = |hash, verdict| -> Result<SignatureShown, Box<dyn std::error::Error>> {
            let staff = "chief".parse()?;
            Ok(SignatureShown {
                of: "amendment",
                hash,
                staff,
                device: DeviceId([1; 8]),
                at,
                received_at: None,
                verdict,
            })
        };
        let amendment = Amendment {
            id: ONE,
            field: "pulse_bpm".into(),
            before: None,
            after: None,
            staff: None,
            at: None,
            reason: String::new(),
            state: AmendmentState::Accepted,
            decided_by: Some("chief".parse()?),
            decided_at: Some(at),
        };
        assert_eq!(verdict_of(&amendment, &[signed(TWO, Verdict::Review)?]), Some(Verdict::Review));
        let own = Amendment { decided_by: None, decided_at: None, ..amendment };
        assert_eq!(verdict_of(&own, &[signed(TWO, Verdict::Review)?]), None);
        assert_eq!(verdict_of(&own, &[signed(ONE, Verdict::Valid)?]), Some(Verdict::Valid));
        Ok(())
    }
}
