//! 訂正: which field, its new value, the reason. Nothing is signed before all three stand.

use super::sections::group_of;
use crate::text::clock;
use device::jiff::civil::Date;
use device::record::Form;
use device::record::calendar::rfc3339_in_japan;
use device::record::text_merge::{apply, splices_onto};
use device::record::visit_note::photos::is_code;
use device::record::visit_note::{Field, FieldValue, NoteView};
use device::{Aside, HalfCorrection, HalfTyped};
use std::collections::BTreeMap;

/// What the field is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    Typed(String),
    /// The value is taken away.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    pub field: Option<String>,
    pub after: Option<After>,
    pub reason: String,
    pub failed: Option<String>,
    /// 書きかけ by field, as it is kept: it comes back where it was typed.
    pub half: BTreeMap<String, HalfCorrection>,
    /// What another window left beside it.
    pub aside: Vec<Aside>,
    /// Why it is not known what is half typed: until it is, nothing is kept and nothing signed over it.
    pub unread: Option<String>,
    /// How often the inputs were made anew: one was thrown away, or somebody else's words came into it.
    pub made_anew: u32,
    /// What stood in the field that is open when its correction was begun, or when she looked last.
    shown: Option<String>,
    /// What stands there now.
    stands: Option<String>,
    /// Something was typed that is not kept yet.
    unkept: bool,
    keep_due: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    FieldPicked(String),
    FieldLeft,
    /// What is half typed could be read after all.
    Read(HalfTyped),
    /// This stands in the field that is open.
    Stands(String),
    /// She has looked at what stands there now.
    Seen {
        is_text: bool,
    },
    Typed(String),
    TakenAway,
    ReasonTyped(String),
    /// The time to keep what was typed has come.
    KeepDue,
    /// The screen goes away, or the app locks.
    Dropped,
    /// What is half typed in this field is thrown away.
    Discarded(String),
    /// What another window left is thrown away.
    AsideDiscarded(Aside),
    SignTapped,
    Signed,
    Failed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ring `KeepDue` when its time has come.
    StartKeep,
    /// `known`: what was kept before, as far as this screen knows.
    Keep {
        field: String,
        half: HalfCorrection,
        known: HalfCorrection,
    },
    ForgetAside(Aside),
    Sign {
        field: String,
        typed: String,
        reason: String,
    },
}

impl Model {
    /// It is not known what is half typed.
    pub fn unread(field: Option<String>, why: String) -> Self {
        Self { field, unread: Some(why), ..Self::default() }
    }

    /// On the field that is already known, else on the one that was half typed last.
    pub fn opened(field: Option<String>, half: HalfTyped) -> Self {
        let mut model = Self { half: half.corrections, aside: half.aside, ..Self::default() };
        if let Some(field) = field.or(half.last) {
            model.take_up(field);
        }
        model
    }

    /// Stands on a field, with what was half typed there.
    fn take_up(&mut self, field: String) {
        let half = self.half.get(&field).cloned();
        self.shown = half.as_ref().map(|half| half.shown.clone());
        let half = half.unwrap_or_default();
        self.after = half.after.map(|typed| if typed.is_empty() { After::Nothing } else { After::Typed(typed) });
        self.reason = half.reason;
        (self.field, self.stands, self.failed) = (Some(field), None, None);
    }

    fn leave(&mut self) {
        (self.field, self.after, self.failed) = (None, None, None);
        (self.shown, self.stands) = (None, None);
        self.reason.clear();
    }

    /// What is to be kept of the field that is open.
    fn half_now(&self) -> HalfCorrection {
        let after = match &self.after {
            // An emptied input is no decision.
            Some(After::Typed(typed)) => Some(typed.clone()).filter(|typed| !typed.is_empty()),
            Some(After::Nothing) => Some(String::new()),
            None => None,
        };
        let half = HalfCorrection { after, reason: self.reason.clone(), shown: self.shown.clone().unwrap_or_default() };
        if half.is_empty() { HalfCorrection::default() } else { half }
    }

    /// Whether something is half typed in the field that is open.
    pub fn is_half(&self) -> bool {
        !self.half_now().is_empty()
    }

    /// Whether something else stands in the field than when its correction was begun, and she has not looked at it.
    pub fn is_overtaken(&self) -> bool {
        match (&self.shown, &self.stands) {
            (Some(shown), Some(stands)) => shown != stands && self.is_half(),
            _ => false,
        }
    }

    fn typed(&mut self) -> Vec<Effect> {
        self.failed = None;
        self.unkept = true;
        if self.unread.is_some() || std::mem::replace(&mut self.keep_due, true) {
            return Vec::new();
        }
        vec![Effect::StartKeep]
    }

    fn keep(&mut self) -> Vec<Effect> {
        if self.unread.is_some() {
            return Vec::new();
        }
        let Some(field) = self.field.clone().filter(|_| self.unkept) else { return Vec::new() };
        self.unkept = false;
        let half = self.half_now();
        let known = match half.is_empty() {
            true => self.half.remove(&field),
            false => self.half.insert(field.clone(), half.clone()),
        };
        vec![Effect::Keep { field, half, known: known.unwrap_or_default() }]
    }

    /// It stands in the field now. While nothing is half typed there is nothing to overtake.
    fn told(&mut self, now: String) {
        if self.shown.is_none() || !self.is_half() {
            self.shown = Some(now.clone());
        }
        self.stands = Some(now);
    }

    /// What she typed goes on from what stands there now: of a text both people's words stay.
    fn seen(&mut self, is_text: bool) -> Vec<Effect> {
        let (Some(shown), Some(stands)) = (self.shown.clone(), self.stands.clone()) else { return Vec::new() };
        if let Some(After::Typed(typed)) = &self.after
            && is_text
        {
            self.after = Some(After::Typed(apply(&stands, &splices_onto(&shown, typed, &stands))));
            self.made_anew += 1;
        }
        self.shown = Some(stands);
        self.unkept = true;
        self.keep()
    }

    fn discard(&mut self, field: String) -> Vec<Effect> {
        let known = self.half.remove(&field).unwrap_or_default();
        self.made_anew += 1;
        if self.field.as_ref() == Some(&field) {
            let stands = self.stands.take();
            self.unkept = false;
            self.take_up(field.clone());
            if let Some(now) = stands {
                self.told(now);
            }
        }
        vec![Effect::Keep { field, half: HalfCorrection::default(), known }]
    }

    /// The last words are kept first: nothing but what is signed goes with the signature.
    fn sign(&mut self) -> Vec<Effect> {
        let (Some(field), Some(after)) = (self.field.clone(), self.after.clone()) else { return Vec::new() };
        if self.reason.trim().is_empty() || self.is_overtaken() || self.unread.is_some() {
            return Vec::new();
        }
        self.failed = None;
        let typed = match after {
            After::Typed(typed) => typed,
            After::Nothing => String::new(),
        };
        let mut effects = self.keep();
        effects.push(Effect::Sign { field, typed, reason: self.reason.clone() });
        effects
    }

    /// `present`: what stood in the field when it was opened; the same again is no correction.
    pub fn is_ready(&self, present: &str) -> bool {
        let is_new = match &self.after {
            Some(After::Typed(typed)) => !typed.trim().is_empty() && typed.trim() != present.trim(),
            Some(After::Nothing) => true,
            None => false,
        };
        let may = self.unread.is_none() && !self.is_overtaken();
        may && self.field.is_some() && is_new && !self.reason.trim().is_empty()
    }
}

pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::FieldPicked(field) => {
            let effects = model.keep();
            model.take_up(field);
            return effects;
        }
        Event::FieldLeft => {
            let effects = model.keep();
            model.leave();
            return effects;
        }
        Event::Typed(typed) => {
            model.after = Some(After::Typed(typed));
            return model.typed();
        }
        Event::TakenAway => {
            model.after = Some(After::Nothing);
            return model.typed();
        }
        Event::ReasonTyped(reason) => {
            model.reason = reason;
            return model.typed();
        }
        Event::KeepDue => {
            model.keep_due = false;
            return model.keep();
        }
        Event::Dropped => return model.keep(),
        Event::Read(half) => *model = Model::opened(model.field.take(), half),
        Event::Stands(now) => model.told(now),
        Event::Seen { is_text } => return model.seen(is_text),
        Event::Discarded(field) => return model.discard(field),
        Event::AsideDiscarded(aside) => {
            model.aside.retain(|known| *known != aside);
            return vec![Effect::ForgetAside(aside)];
        }
        Event::Signed => {
            // It went from the journal with the signature: no line of it may follow.
            model.unkept = false;
            if let Some(field) = &model.field {
                model.half.remove(field);
            }
        }
        Event::SignTapped => return model.sign(),
        Event::Failed(words) => model.failed = Some(words),
    }
    Vec::new()
}

/// A value as somebody would type it. 測定せず cannot be typed.
pub fn typed_of(value: &FieldValue) -> Option<String> {
    Some(match value {
        FieldValue::Number(n) => n.to_string(),
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Word(word) => word.clone(),
        FieldValue::Time(at) => rfc3339_in_japan(*at),
        FieldValue::Date(date) => date.to_string(),
        FieldValue::Unmeasured(_) => return None,
    })
}

/// What stands in a field, to tell whether it has become something else. Of a text: its words. Of a conflict: every side.
pub fn standing(view: &NoteView, name: &str) -> String {
    let exact = |value: &FieldValue| match value {
        FieldValue::Unmeasured(reason) => reason.clone(),
        value => typed_of(value).unwrap_or_default(),
    };
    match view.conflicts.iter().find(|conflict| conflict.field == name) {
        Some(conflict) => conflict.values.iter().map(|side| exact(&side.value)).collect::<Vec<_>>().join("\n"),
        None => view.fields.get(name).map(exact).unwrap_or_default(),
    }
}

/// What stands in the input when it opens: a time as the clock shows it.
pub fn start_of(value: Option<&FieldValue>) -> String {
    match value {
        Some(FieldValue::Time(at)) => clock(*at),
        Some(value) => typed_of(value).unwrap_or_default(),
        None => String::new(),
    }
}

/// What was typed, as the note would read it; `None` while it reads as nothing.
pub fn read_back(field: &'static Field, typed: &str, day: Date) -> Option<FieldValue> {
    if typed.trim().is_empty() {
        return None;
    }
    if field.is_text() { Some(FieldValue::Word(typed.to_string())) } else { field.parse(typed, day).ok() }
}

/// Fields that a person corrects: not the marks of a copy; of numbered rows one more than were written; of a photo its words,
/// for none is added by a correction.
pub fn is_offered(form: Form, fields: &BTreeMap<String, FieldValue>, name: &str) -> bool {
    if name.starts_with("copied_") {
        return false;
    }
    let Some((group, Some(number))) = group_of(form, name) else { return true };
    let is_written = |n: u8| {
        let prefix = format!("{}.{n}.", group.name);
        fields.keys().any(|known| known.starts_with(&prefix))
    };
    if group.name == "photo" {
        // What is left of one that was taken away is no photo.
        let is_there = fields.contains_key(&format!("photo.{number}.hash"));
        return is_there && !is_code(name) && !name.ends_with(".bytes");
    }
    number <= 1 || is_written(number) || is_written(number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::jiff::civil::date;

    const DAY: Date = date(2026, 11, 22);

    fn on(field: &str) -> Model {
        Model::opened(Some(field.into()), HalfTyped::default())
    }

    fn sign(typed: &str, reason: &str) -> Effect {
        Effect::Sign { field: "temperature_c".into(), typed: typed.into(), reason: reason.into() }
    }

    fn keep(half: HalfCorrection, known: HalfCorrection) -> Effect {
        Effect::Keep { field: "temperature_c".into(), half, known }
    }

    fn nothing() -> HalfCorrection {
        HalfCorrection::default()
    }

    #[test]
    fn nothing_is_signed_without_a_new_value_and_a_reason() {
        let mut model = on("temperature_c");
        assert_eq!(update(&mut model, Event::SignTapped), []);
        update(&mut model, Event::Typed("36.8".into()));
        assert!(!model.is_ready("36.5"), "no reason yet");
        assert_eq!(update(&mut model, Event::SignTapped), []);
        update(&mut model, Event::ReasonTyped("転記誤り".into()));
        assert!(model.is_ready("36.5"));
        assert!(!model.is_ready("36.8"), "the same again is no correction");
        let kept = keep(half(Some("36.8"), "転記誤り"), nothing());
        assert_eq!(update(&mut model, Event::SignTapped), [kept, sign("36.8", "転記誤り")], "the last words first");
    }

    #[test]
    fn a_value_is_taken_away_only_by_saying_so() {
        let mut model = on("temperature_c");
        update(&mut model, Event::ReasonTyped("別の利用者の値".into()));
        update(&mut model, Event::Typed("  ".into()));
        assert!(!model.is_ready("36.5"), "an emptied input is not yet a decision");
        update(&mut model, Event::TakenAway);
        assert!(model.is_ready("36.5"));
        let effects = update(&mut model, Event::SignTapped);
        assert_eq!(effects.last(), Some(&sign("", "別の利用者の値")));
    }

    #[test]
    fn another_field_begins_from_nothing() {
        let mut model = on("temperature_c");
        update(&mut model, Event::Typed("36.8".into()));
        update(&mut model, Event::Failed("x".into()));
        update(&mut model, Event::FieldPicked("pulse_bpm".into()));
        assert_eq!((model.field.as_deref(), &model.after, &model.failed), (Some("pulse_bpm"), &None, &None));
        assert!(model.reason.is_empty() && !model.is_half());
    }

    fn half(after: Option<&str>, reason: &str) -> HalfCorrection {
        HalfCorrection { after: after.map(str::to_string), reason: reason.to_string(), shown: String::new() }
    }

    #[test]
    fn what_is_typed_is_kept_once_a_quarter_of_a_second_and_before_the_screen_goes() {
        let mut model = on("temperature_c");
        assert_eq!(update(&mut model, Event::Typed("36".into())), [Effect::StartKeep]);
        assert_eq!(update(&mut model, Event::Typed("36.8".into())), [], "one is on its way");
        let first = half(Some("36.8"), "");
        assert_eq!(update(&mut model, Event::KeepDue), [keep(first.clone(), nothing())]);
        assert_eq!(update(&mut model, Event::Dropped), [], "nothing new");
        assert_eq!(update(&mut model, Event::ReasonTyped("転記".into())), [Effect::StartKeep]);
        let second = half(Some("36.8"), "転記");
        assert_eq!(update(&mut model, Event::Dropped), [keep(second.clone(), first)], "and what it knew before");
        assert_eq!(update(&mut model, Event::KeepDue), [], "the curtain was faster");
        update(&mut model, Event::TakenAway);
        assert_eq!(update(&mut model, Event::FieldLeft), [keep(half(Some(""), "転記"), second)]);
        assert_eq!(model.field, None);
    }

    #[test]
    fn a_half_typed_correction_comes_back_where_it_was_typed() {
        let mut stands = HalfTyped { last: Some("temperature_c".into()), ..HalfTyped::default() };
        stands.corrections.insert("temperature_c".into(), half(Some("36.8"), "転記"));
        stands.corrections.insert("pulse_bpm".into(), half(Some(""), ""));
        let mut model = Model::opened(None, stands.clone());
        assert_eq!((model.field.as_deref(), model.reason.as_str()), (Some("temperature_c"), "転記"));
        assert_eq!(model.after, Some(After::Typed("36.8".into())));
        assert!(model.is_ready("36.5") && model.is_half());
        update(&mut model, Event::FieldLeft);
        update(&mut model, Event::FieldPicked("pulse_bpm".into()));
        assert_eq!((&model.after, model.reason.as_str()), (&Some(After::Nothing), ""));
        let model = Model::opened(Some("condition".into()), stands);
        assert_eq!((model.field.as_deref(), model.is_half()), (Some("condition"), false), "it was asked for");
    }

    #[test]
    fn what_is_signed_or_thrown_away_is_not_kept_after_it() {
        let mut model = on("temperature_c");
        update(&mut model, Event::Typed("36.8".into()));
        update(&mut model, Event::KeepDue);
        let thrown = update(&mut model, Event::Discarded("temperature_c".into()));
        assert_eq!(thrown, [keep(nothing(), half(Some("36.8"), ""))]);
        assert!(!model.is_half() && model.made_anew == 1 && model.field.is_some());
        update(&mut model, Event::ReasonTyped("転記誤り".into()));
        update(&mut model, Event::Signed);
        assert_eq!(update(&mut model, Event::KeepDue), []);
        assert_eq!(update(&mut model, Event::Dropped), []);
        assert!(model.half.is_empty());
    }

    /// Somebody else corrected the field after this was begun.
    fn overtaken(typed: &str, shown: &str, now: &str) -> Model {
        let begun = HalfCorrection { shown: shown.into(), ..half(Some(typed), "転記") };
        let mut stands = HalfTyped::default();
        stands.corrections.insert("temperature_c".into(), begun);
        let mut model = Model::opened(Some("temperature_c".into()), stands);
        update(&mut model, Event::Stands(now.into()));
        model
    }

    #[test]
    fn a_half_typed_correction_does_not_go_over_a_colleagues_later_one_unseen() {
        let mut model = overtaken("36.8", "36.5", "37.1");
        assert!(model.is_overtaken() && !model.is_ready("37.1"));
        assert_eq!(update(&mut model, Event::SignTapped), []);
        update(&mut model, Event::ReasonTyped("転記誤り".into()));
        assert_eq!(update(&mut model, Event::SignTapped), [], "typing on is not looking");
        let seen = HalfCorrection { shown: "37.1".into(), ..half(Some("36.8"), "転記誤り") };
        let begun = HalfCorrection { shown: "36.5".into(), ..half(Some("36.8"), "転記") };
        assert_eq!(update(&mut model, Event::Seen { is_text: false }), [keep(seen, begun)], "kept: it was seen");
        assert!(model.is_ready("37.1") && model.made_anew == 0);
        assert_eq!(update(&mut model, Event::SignTapped), [sign("36.8", "転記誤り")]);
        assert!(overtaken("36.8", "36.5", "36.5").is_ready("36.5"), "nobody was faster");
    }

    #[test]
    fn a_colleagues_correction_that_arrives_while_this_one_is_typed_is_seen_first() {
        let mut model = on("temperature_c");
        update(&mut model, Event::Stands("36.5".into()));
        update(&mut model, Event::Stands("36.6".into()));
        update(&mut model, Event::Typed("36.8".into()));
        update(&mut model, Event::ReasonTyped("転記".into()));
        assert!(model.is_ready("36.6"), "what came before the first key stood there when she began");
        update(&mut model, Event::Stands("37.1".into()));
        assert!(!model.is_ready("37.1"));
        update(&mut model, Event::Discarded("temperature_c".into()));
        update(&mut model, Event::Typed("36.8".into()));
        update(&mut model, Event::ReasonTyped("転記".into()));
        assert!(model.is_ready("37.1"), "begun anew");
    }

    #[test]
    fn of_a_text_both_peoples_words_stay() {
        let mut model = overtaken("下肢浮腫++。", "下肢浮腫。", "下肢浮腫。長女さん不在。");
        update(&mut model, Event::Seen { is_text: true });
        assert_eq!(model.after, Some(After::Typed("下肢浮腫++。長女さん不在。".into())));
        assert_eq!(model.made_anew, 1, "its input shows it");
        assert!(!model.is_overtaken());
    }

    #[test]
    fn while_it_is_not_known_what_is_half_typed_nothing_is_kept_and_nothing_signed() {
        let mut model = Model::unread(Some("temperature_c".into()), "?".into());
        assert_eq!(update(&mut model, Event::Typed("36.8".into())), []);
        assert_eq!(update(&mut model, Event::ReasonTyped("転記".into())), []);
        for event in [Event::KeepDue, Event::Dropped, Event::SignTapped, Event::FieldLeft] {
            assert_eq!(update(&mut model, event), []);
        }
        let mut model = Model::unread(Some("temperature_c".into()), "?".into());
        let mut stands = HalfTyped::default();
        stands.corrections.insert("temperature_c".into(), half(Some("36.8"), "転記"));
        update(&mut model, Event::Read(stands));
        assert_eq!((model.unread.as_deref(), model.reason.as_str()), (None, "転記"));
    }

    #[test]
    fn what_stands_in_a_field_is_told_exactly() -> Result<(), Box<dyn std::error::Error>> {
        let mut view = NoteView::default();
        assert_eq!(standing(&view, "started_at"), "");
        let day = |day: &str| format!("2026-11-{day}T00:32:00Z").parse::<device::jiff::Timestamp>();
        let mut read = Vec::new();
        for value in [
            FieldValue::Time(day("22")?),
            FieldValue::Time(day("23")?),
            FieldValue::Unmeasured("拒否".into()),
            FieldValue::Unmeasured("不在".into()),
        ] {
            view.fields.insert("started_at".into(), value);
            read.push(standing(&view, "started_at"));
        }
        read.sort_unstable();
        read.dedup();
        assert_eq!(read.len(), 4, "another day, another reason");
        Ok(())
    }

    #[test]
    fn a_value_typed_again_reads_as_itself() -> Result<(), Box<dyn std::error::Error>> {
        let at = "2026-11-22T00:32:00Z".parse()?;
        for (name, value) in [
            ("temperature_c", FieldValue::Number(36.5)),
            ("pulse_bpm", FieldValue::Number(88.0)),
            ("plan_changed", FieldValue::Flag(true)),
            ("payer", FieldValue::Word("care".into())),
            ("started_at", FieldValue::Time(at)),
            ("next_visit", FieldValue::Date(DAY)),
            ("condition", FieldValue::Word("安定。".into())),
        ] {
            let field = Form::VisitNote.field(name)?;
            assert_eq!(typed_of(&value).and_then(|typed| read_back(field, &typed, DAY)), Some(value), "{name}");
        }
        assert_eq!(typed_of(&FieldValue::Unmeasured("拒否".into())), None);
        assert_eq!(start_of(Some(&FieldValue::Time(at))), "9:32");
        Ok(())
    }

    #[test]
    fn of_numbered_rows_one_more_than_were_written_is_offered() {
        let fields = BTreeMap::from([("ulcer.1.depth".to_string(), FieldValue::Word("D3".into()))]);
        let offered = |name| is_offered(Form::VisitNote, &fields, name);
        assert!(offered("ulcer.1.site") && offered("ulcer.2.site") && offered("terminal.place"));
        assert!(!offered("ulcer.3.site") && !offered("copied_to"));
    }

    #[test]
    fn a_photos_words_are_corrected_and_no_photo_is_added() {
        let fields = BTreeMap::from([("photo.3.hash".to_string(), FieldValue::Word("ab".into()))]);
        let offered = |name| is_offered(Form::VisitNote, &fields, name);
        assert!(offered("photo.3.caption") && offered("photo.3.consent"));
        let left = BTreeMap::from([("photo.4.body_site".to_string(), FieldValue::Word("踵部".into()))]);
        assert!(!is_offered(Form::VisitNote, &left, "photo.4.body_site"), "its photo was taken away");
        assert!(!offered("photo.3.hash") && !offered("photo.3.bytes") && !offered("photo.1.caption"));
    }
}
