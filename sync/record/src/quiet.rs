//! `Debug` without a patient's words: ids and kinds only, so that a log line or a failed assertion tells nothing.

/// Writes `Debug` of a type with the named fields only.
macro_rules! shows_only {
    ($type:ident { $($field:ident),* }) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use shows_only;

#[cfg(test)]
mod tests {
    use crate::disclosed::{Code, DisclosedRecord};
    use crate::patient::{Demographics, LocalId, Patient, Sex};
    use crate::summary::PatientSummary;
    use crate::visit_note::{
        About, Act, Actor, ConfirmContext, Correction, Draft, FieldValue, FrozenNote, VisitNote, What,
    };
    use crate::{DataClass, DeviceId, DocumentId, Form, Staff, StaffRole};
    use jiff::Timestamp;

    const PLANTED: &str = "仮青木澄江";

    #[test]
    fn no_record_type_shows_a_patients_words_in_a_log() -> Result<(), Box<dyn std::error::Error>> {
        let words = || PLANTED.to_string();
        let local = LocalId { facility: "hp".parse()?, id: words() };
        let patient = Patient {
            id: "p1".parse()?,
            name: words(),
            kana: words(),
            birth_date: None,
            sex: Sex::Female,
            address: Some(words()),
            phone: Some(words()),
            local_ids: vec![local.clone()],
        };
        let demographics = Demographics {
            local_id: words(),
            name: words(),
            kana: words(),
            birth_date: None,
            sex: Sex::Female,
            address: Some(words()),
            phone: None,
        };
        let record = DisclosedRecord {
            facility: "hp".parse()?,
            class: DataClass::Lab,
            source_key: words(),
            as_of: Timestamp::UNIX_EPOCH,
            date: None,
            text: words(),
            code: Some(Code { system: "x".into(), value: "y".into() }),
            value: Some(words()),
            unit: None,
            flag: None,
            detail: Some(words()),
            body: Some(words()),
            deleted: false,
        };
        let staff = Staff { id: "n".parse()?, facility: "st".parse()?, name: words(), role: StaffRole::Nurse };
        let summary = PatientSummary::new(patient.clone(), vec![record.clone()], Vec::new());
        let series = summary.lab_series();

        let field = |name| Form::VisitNote.field(name);
        let actor = Actor { device: DeviceId([1; 8]), session: [1; 8] };
        let mut draft = Draft::new(DocumentId([1; 16]), Form::VisitNote, actor);
        draft.written_by(&staff.id);
        let about = About { patient: patient.id.clone(), station: "st".parse()?, visit: None };
        let at = Timestamp::from_second(5)?;
        draft.begin(&about, None, at)?;
        draft.edit_text(field("condition")?, "", PLANTED, at)?;
        draft.set(field("companion")?, FieldValue::Word(words()), at)?;
        draft.set(field("weight_kg")?, FieldValue::Unmeasured(words()), at)?;
        draft.set(field("started_at")?, FieldValue::Time(at), at)?;
        draft.set(field("ended_at")?, FieldValue::Time(Timestamp::from_second(900)?), at)?;
        let (view, history) = (draft.view()?, draft.history()?);
        let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
        let signed = draft.confirm(&staff.id, actor.device, &key, at, &ConfirmContext::default())?;
        let frozen: FrozenNote = signed.open(draft.id())?;
        let VisitNote::Confirmed(confirmed) = VisitNote::from_parts(draft, vec![signed], &[])? else {
            return Err("not confirmed".into());
        };
        let correction = Correction {
            field: "companion".into(),
            before: Some(FieldValue::Word(words())),
            after: None,
            over: Vec::new(),
        };
        let act: Act = confirmed.act(&staff.id, actor.device, at, PLANTED, What::Amend(correction));
        let acts = crate::visit_note::Acts::open(frozen.note, &[act.sign(&key)?]);
        let amendments = acts.amendments(Form::VisitNote);
        for shown in [
            format!("{patient:?} {local:?} {demographics:?} {record:?} {staff:?}"),
            format!("{summary:?} {series:?} {view:?} {history:?} {frozen:?} {act:?} {amendments:?}"),
        ] {
            assert!(!shown.contains(PLANTED), "{}", shown.replace(PLANTED, "!!!"));
        }
        assert!(!amendments.is_empty() && !series.is_empty() && !history.is_empty());
        Ok(())
    }
}
