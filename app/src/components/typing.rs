//! What happens to typed letters: a pure machine, told of every key, pause and composition.
//!
//! The field itself is never written to while it is typed in (PLATFORM: letters get lost); it is only mounted anew when
//! nobody types and somebody else's words have arrived.

use super::half_time::may_grow;

/// How long after a key the journal is written, and how long the pen rests before a change is made.
pub const JOURNAL_AFTER_MS: u64 = 250;
pub const SAVE_AFTER_MS: u64 = 1_000;
/// After so many lines without a pause a change is made all the same: a wipe keeps changes, sealed, but no journal.
const LINES_A_CHANGE: u32 = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typing {
    /// What the document and the field last agreed on, from this field's side.
    shown: String,
    typed: String,
    composing: bool,
    focused: bool,
    /// Counts keys: a pause belongs to the last one.
    keys: u64,
    /// A line of the journal is on its way: unbroken typing writes one every so often, not one a key.
    journal_due: bool,
    /// Lines since the last change.
    lines: u32,
    /// A save that failed is tried again after the pause under way: one at a time, however often it is asked for.
    retry_due: bool,
    /// A time: while it may become another one, no pause decides it, but leaving the field does. An app that dies takes in what
    /// the journal holds.
    is_time: bool,
    /// The journal holds a line of this field: what is taken back is taken back there too.
    kept: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypingEvent {
    Input(String),
    CompositionStarted,
    CompositionEnded,
    Focused,
    Blurred,
    /// The time for a line of the journal has come.
    JournalDue,
    /// No key for a while since key number so-and-so.
    Pause(u64),
    /// What the document holds now.
    DocumentSays(String),
    /// A phrase that was chosen: it goes to the end, as if it had been typed there.
    PutIn(String),
    /// The vault took this text.
    Saved(String),
    /// The vault did not: nothing counts as saved, and it is tried again.
    NotSaved,
    /// The field goes away, or the app locks: whatever stands here is saved, half a composition too.
    Dropped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypingEffect {
    /// Ring `JournalDue` when its time has come.
    StartJournal,
    /// Ring `Pause` with this number when its time has come.
    StartPause(u64),
    /// Into the crash journal.
    Keep { shown: String, typed: String },
    /// A change of the document.
    Save { shown: String, typed: String },
    /// The pen rests and nothing is unsaved: what was typed was taken back.
    Settled,
    /// Mount the field anew with the document's text.
    Remount,
}

impl Typing {
    pub fn new(text: &str) -> Self {
        Self {
            shown: text.to_string(),
            typed: text.to_string(),
            composing: false,
            focused: false,
            keys: 0,
            journal_due: false,
            lines: 0,
            retry_due: false,
            is_time: false,
            kept: false,
        }
    }

    pub fn of_time(self, is_time: bool) -> Self {
        Self { is_time, ..self }
    }

    /// A field that comes back with a text that the vault has not taken yet.
    pub fn resumed(shown: &str, typed: &str) -> Self {
        Self { typed: typed.to_string(), ..Self::new(shown) }
    }

    pub fn typed(&self) -> &str {
        &self.typed
    }

    pub fn is_unsaved(&self) -> bool {
        self.typed != self.shown
    }

    pub fn update(&mut self, event: TypingEvent) -> Vec<TypingEffect> {
        if let TypingEvent::Pause(_) = event {
            self.retry_due = false;
        }
        match event {
            TypingEvent::Input(text) => {
                self.typed = text;
                self.keys += 1;
                self.start_timers()
            }
            TypingEvent::CompositionStarted => {
                self.composing = true;
                Vec::new()
            }
            TypingEvent::CompositionEnded => {
                self.composing = false;
                self.keys += 1;
                self.start_timers()
            }
            TypingEvent::Focused => {
                self.focused = true;
                Vec::new()
            }
            TypingEvent::Blurred => {
                self.focused = false;
                self.composing = false;
                self.save_or_settle()
            }
            TypingEvent::Dropped if self.is_unsaved() => self.save(),
            TypingEvent::Dropped => self.take_back(),
            TypingEvent::JournalDue => {
                self.journal_due = false;
                if !self.is_unsaved() {
                    return self.take_back();
                }
                self.lines += 1;
                // Never a change while a composition is open; a line of the journal may hold its letters.
                if self.lines >= LINES_A_CHANGE && !self.composing && !self.is_half_a_time() {
                    return self.save();
                }
                self.keep()
            }
            TypingEvent::Pause(keys) if keys == self.keys && !self.composing => {
                if self.is_half_a_time() {
                    self.keep()
                } else {
                    self.save_or_settle()
                }
            }
            TypingEvent::Pause(_) => Vec::new(),
            TypingEvent::Saved(text) => {
                self.shown = text;
                self.lines = 0;
                self.kept = false;
                Vec::new()
            }
            TypingEvent::NotSaved if self.retry_due => Vec::new(),
            TypingEvent::NotSaved => {
                self.retry_due = true;
                vec![TypingEffect::StartPause(self.keys)]
            }
            TypingEvent::PutIn(phrase) => self.put_in(&phrase),
            TypingEvent::DocumentSays(text) => {
                if self.focused || self.is_unsaved() || text == self.typed {
                    return Vec::new();
                }
                self.shown = text.clone();
                self.typed = text;
                vec![TypingEffect::Remount]
            }
        }
    }

    /// The button that was tapped took the focus, and with it ended whatever was being composed.
    fn put_in(&mut self, phrase: &str) -> Vec<TypingEffect> {
        self.composing = false;
        self.focused = false;
        if !self.typed.is_empty() && !self.typed.ends_with('\n') {
            self.typed.push('\n');
        }
        self.typed.push_str(phrase);
        self.keys += 1;
        let mut effects = self.start_timers();
        effects.push(TypingEffect::Remount);
        effects
    }

    fn start_timers(&mut self) -> Vec<TypingEffect> {
        let mut effects = vec![TypingEffect::StartPause(self.keys)];
        if !self.journal_due {
            self.journal_due = true;
            effects.push(TypingEffect::StartJournal);
        }
        effects
    }

    /// In the document it would stand as a value that somebody decided, and in its history for ever.
    fn is_half_a_time(&self) -> bool {
        self.is_time && self.is_unsaved() && may_grow(&self.typed)
    }

    fn keep(&mut self) -> Vec<TypingEffect> {
        self.kept = true;
        vec![TypingEffect::Keep { shown: self.shown.clone(), typed: self.typed.clone() }]
    }

    fn save_or_settle(&mut self) -> Vec<TypingEffect> {
        if self.is_unsaved() {
            return self.save();
        }
        let mut effects = self.take_back();
        effects.push(TypingEffect::Settled);
        effects
    }

    /// The field reads again as the document does: no line may say otherwise when the note is confirmed or the app has died.
    fn take_back(&mut self) -> Vec<TypingEffect> {
        match std::mem::take(&mut self.kept) {
            true => vec![TypingEffect::Keep { shown: self.shown.clone(), typed: self.typed.clone() }],
            false => Vec::new(),
        }
    }

    /// What is shown moves only when the vault has said `Saved`: a save that failed must not become the base of the next.
    fn save(&mut self) -> Vec<TypingEffect> {
        if !self.is_unsaved() {
            return Vec::new();
        }
        vec![TypingEffect::Save { shown: self.shown.clone(), typed: self.typed.clone() }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_saves_what_was_typed_against_what_was_shown() {
        let mut field = Typing::new("安定。");
        assert_eq!(
            field.update(TypingEvent::Input("安定。咳".into())),
            [TypingEffect::StartPause(1), TypingEffect::StartJournal]
        );
        field.update(TypingEvent::Input("安定。咳あり".into()));
        assert_eq!(field.update(TypingEvent::Pause(1)), [], "the pause of an older key says nothing");
        assert_eq!(
            field.update(TypingEvent::Pause(2)),
            [TypingEffect::Save { shown: "安定。".into(), typed: "安定。咳あり".into() }]
        );
        field.update(TypingEvent::Saved("安定。咳あり".into()));
        assert_eq!(field.update(TypingEvent::Blurred), [TypingEffect::Settled], "nothing is left to save");
        field.update(TypingEvent::Input("安定。咳ありx".into()));
        field.update(TypingEvent::Input("安定。咳あり".into()));
        assert_eq!(field.update(TypingEvent::Pause(4)), [TypingEffect::Settled], "a letter taken back is no change");
    }

    #[test]
    fn unbroken_typing_is_kept_in_the_journal_every_quarter_of_a_second() {
        let mut field = Typing::new("");
        field.update(TypingEvent::Input("a".into()));
        assert_eq!(
            field.update(TypingEvent::Input("ab".into())),
            [TypingEffect::StartPause(2)],
            "one line is on its way"
        );
        assert_eq!(
            field.update(TypingEvent::JournalDue),
            [TypingEffect::Keep { shown: "".into(), typed: "ab".into() }]
        );
        let next = field.update(TypingEvent::Input("abc".into()));
        assert_eq!(next, [TypingEffect::StartPause(3), TypingEffect::StartJournal]);
    }

    #[test]
    fn an_open_composition_changes_nothing_and_loses_nothing() {
        let mut field = Typing::new("");
        field.update(TypingEvent::CompositionStarted);
        field.update(TypingEvent::Input("か".into()));
        field.update(TypingEvent::Input("かんご".into()));
        assert_eq!(field.update(TypingEvent::Pause(2)), []);
        assert_eq!(
            field.update(TypingEvent::JournalDue),
            [TypingEffect::Keep { shown: "".into(), typed: "かんご".into() }],
            "the power may go in the middle of it"
        );
        field.update(TypingEvent::Input("看護".into()));
        assert_eq!(field.update(TypingEvent::CompositionEnded), [TypingEffect::StartPause(4)], "a line is on its way");
        assert_eq!(
            field.update(TypingEvent::Pause(4)),
            [TypingEffect::Save { shown: "".into(), typed: "看護".into() }]
        );
    }

    #[test]
    fn a_colleagues_words_never_enter_a_field_that_is_being_typed_in() {
        let mut field = Typing::new("安定。");
        field.update(TypingEvent::Focused);
        assert_eq!(field.update(TypingEvent::DocumentSays("安定。長女不在。".into())), []);
        field.update(TypingEvent::Input("安定。咳あり。".into()));
        assert_eq!(
            field.update(TypingEvent::Blurred),
            [TypingEffect::Save { shown: "安定。".into(), typed: "安定。咳あり。".into() }]
        );
        assert_eq!(field.update(TypingEvent::DocumentSays("安定。咳あり。長女不在。".into())), [], "not saved yet");
        field.update(TypingEvent::Saved("安定。咳あり。".into()));
        assert_eq!(field.update(TypingEvent::DocumentSays("安定。咳あり。長女不在。".into())), [TypingEffect::Remount]);
        assert_eq!(field.typed(), "安定。咳あり。長女不在。");
    }

    #[test]
    fn a_save_that_failed_is_tried_again_against_what_the_document_really_holds() {
        let mut field = Typing::new("A");
        field.update(TypingEvent::Input("A B".into()));
        let save = |typed: &str| [TypingEffect::Save { shown: "A".into(), typed: typed.into() }];
        assert_eq!(field.update(TypingEvent::Pause(1)), save("A B"));
        assert_eq!(field.update(TypingEvent::NotSaved), [TypingEffect::StartPause(1)], "again in a second");
        assert_eq!(field.update(TypingEvent::Dropped), save("A B"), "whoever locks asks too");
        assert_eq!(field.update(TypingEvent::NotSaved), [], "one retry is on its way");
        field.update(TypingEvent::Input("A B C".into()));
        assert_eq!(field.update(TypingEvent::Pause(2)), save("A B C"));
        field.update(TypingEvent::Saved("A B C".into()));
        assert!(!field.is_unsaved());
        // A field that was left meanwhile comes back as it stood.
        let mut back = Typing::resumed("A", "A B");
        assert_eq!(back.update(TypingEvent::Blurred), save("A B"));
    }

    #[test]
    fn a_phrase_that_is_put_in_goes_the_way_of_typed_words() {
        let mut field = Typing::new("安定。");
        field.update(TypingEvent::Focused);
        assert_eq!(
            field.update(TypingEvent::PutIn("変わりなし。".into())),
            [TypingEffect::StartPause(1), TypingEffect::StartJournal, TypingEffect::Remount]
        );
        assert_eq!(
            field.update(TypingEvent::DocumentSays("安定。長女在宅。".into())),
            [],
            "it is hers until it is saved"
        );
        assert_eq!(
            field.update(TypingEvent::Pause(1)),
            [TypingEffect::Save { shown: "安定。".into(), typed: "安定。\n変わりなし。".into() }]
        );
        let mut empty = Typing::new("");
        empty.update(TypingEvent::PutIn("変わりなし。".into()));
        assert_eq!(empty.typed(), "変わりなし。", "no empty line before the first one");
    }

    #[test]
    fn whoever_never_pauses_makes_a_change_every_five_seconds() {
        let mut field = Typing::new("");
        let mut changes = 0;
        for n in 1..=60u64 {
            field.update(TypingEvent::Input("x".repeat(n as usize)));
            for effect in field.update(TypingEvent::JournalDue) {
                if let TypingEffect::Save { typed, .. } = effect {
                    changes += 1;
                    field.update(TypingEvent::Saved(typed));
                }
            }
        }
        assert_eq!(changes, 3);
    }

    #[test]
    fn a_time_that_may_become_another_one_is_kept_by_a_pause_and_saved_once_it_is_decided() {
        let of = |typed: &str| {
            let mut field = Typing::new("").of_time(true);
            field.update(TypingEvent::Input(typed.into()));
            field
        };
        let keep = |typed: &str| [TypingEffect::Keep { shown: "".into(), typed: typed.into() }];
        let save = |typed: &str| [TypingEffect::Save { shown: "".into(), typed: typed.into() }];
        let mut field = of("143");
        assert_eq!(field.update(TypingEvent::JournalDue), keep("143"), "the power may go");
        assert_eq!(field.update(TypingEvent::Pause(1)), keep("143"), "nobody said 1:43");
        field.update(TypingEvent::Input("1432".into()));
        assert_eq!(field.update(TypingEvent::Pause(2)), save("1432"));
        assert_eq!(of("932").update(TypingEvent::Pause(1)), save("932"), "no fourth digit makes a time of it");
        for left in [TypingEvent::Blurred, TypingEvent::Dropped] {
            let mut field = of("143");
            field.update(TypingEvent::Pause(1));
            assert_eq!(field.update(left.clone()), save("143"), "{left:?}");
        }
        let mut weight = Typing::new("");
        weight.update(TypingEvent::Input("143".into()));
        assert_eq!(weight.update(TypingEvent::Pause(1)), save("143"), "a number is no time");
    }

    #[test]
    fn however_long_somebody_hesitates_over_a_time_half_of_it_becomes_no_change() {
        let mut field = Typing::new("9:30").of_time(true);
        for n in 0..3 * LINES_A_CHANGE {
            field.update(TypingEvent::Input(if n % 2 == 0 { "14" } else { "143" }.into()));
            let kept = field.update(TypingEvent::JournalDue);
            assert!(matches!(kept.as_slice(), [TypingEffect::Keep { .. }]), "{kept:?}");
        }
        field.update(TypingEvent::Input("9:30".into()));
        let taken_back = [TypingEffect::Keep { shown: "9:30".into(), typed: "9:30".into() }];
        assert_eq!(field.update(TypingEvent::JournalDue), taken_back, "no line says 1:43 any more");
        assert_eq!(field.update(TypingEvent::Blurred), [TypingEffect::Settled], "once is enough");
    }

    #[test]
    fn what_is_taken_back_is_taken_back_in_the_journal_however_the_field_is_left() {
        let taken_back = TypingEffect::Keep { shown: "9:30".into(), typed: "9:30".into() };
        for left in [TypingEvent::Blurred, TypingEvent::Dropped, TypingEvent::Pause(2)] {
            let mut field = Typing::new("9:30").of_time(true);
            field.update(TypingEvent::Input("143".into()));
            field.update(TypingEvent::JournalDue);
            field.update(TypingEvent::Input("9:30".into()));
            assert_eq!(field.update(left.clone()).first(), Some(&taken_back), "{left:?}");
        }
    }

    #[test]
    fn a_field_that_goes_away_saves_first() {
        let mut field = Typing::new("");
        field.update(TypingEvent::Input("x".into()));
        assert_eq!(field.update(TypingEvent::Dropped), [TypingEffect::Save { shown: "".into(), typed: "x".into() }]);
    }
}
