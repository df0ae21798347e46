//! Fields that a nurse types in. Uncontrolled: `initial_value` and events out, never a value written back under the keys.

use super::typing::{JOURNAL_AFTER_MS, SAVE_AFTER_MS, Typing, TypingEffect, TypingEvent};
use crate::app::Fields;
use crate::text::use_words;
use dioxus::prelude::*;
use std::time::Duration;

/// What was shown and what was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    pub shown: String,
    pub typed: String,
}

/// A phrase for the end of a text; each tap has its own number.
#[derive(Debug, Clone, PartialEq)]
pub struct Phrase {
    pub number: u32,
    pub text: String,
}

#[derive(Props, Clone, PartialEq)]
pub struct TextFieldProps {
    id: String,
    label: String,
    /// What the document holds now.
    text: String,
    /// What was typed here before and the vault has not taken yet.
    unsaved: Option<Edited>,
    /// The phrase that was chosen last for this field.
    phrase: Option<Phrase>,
    limit: usize,
    on_keep: EventHandler<Edited>,
    /// Answers whether the vault took it.
    on_save: Callback<Edited, bool>,
    on_typing: EventHandler<()>,
    /// Nothing typed is left unsaved.
    on_settled: EventHandler<()>,
}

/// A free text. Keys go nowhere but into this field until a pause; then into a change of the document.
#[component]
pub fn TextField(props: TextFieldProps) -> Element {
    let words = use_words();
    let typing = use_signal(|| match &props.unsaved {
        Some(edited) => Typing::resumed(&edited.shown, &edited.typed),
        None => Typing::new(&props.text),
    });
    let mut mounted = use_signal(|| 0u32);
    let mut length = use_signal(|| typing.peek().typed().chars().count());
    let hands = Hands { typing, on_keep: props.on_keep, on_save: props.on_save, on_settled: props.on_settled };
    let on_typing = props.on_typing;
    let mut act = move |event: TypingEvent| {
        let mut typing = typing;
        let effects = typing.write().update(event);
        for effect in effects {
            match effect {
                TypingEffect::StartJournal => {
                    on_typing.call(());
                    spawn(async move {
                        tokio::time::sleep(Duration::from_millis(JOURNAL_AFTER_MS)).await;
                        let effects = typing.write().update(TypingEvent::JournalDue);
                        hands.perform(effects);
                    });
                }
                TypingEffect::Remount => {
                    length.set(typing.peek().typed().chars().count());
                    mounted += 1;
                }
                other => hands.perform(vec![other]),
            }
        }
    };
    use_hook(|| {
        // It comes back unsaved: tried again without a key.
        if typing.peek().is_unsaved() {
            hands.perform(vec![TypingEffect::StartPause(0)]);
        }
    });
    use_flushed(Callback::new(move |()| hands.leave()));
    let document = props.text.clone();
    use_effect(use_reactive!(|document| act(TypingEvent::DocumentSays(document))));
    let (phrase, limit) = (props.phrase.clone(), props.limit);
    use_effect(use_reactive!(|phrase| {
        let Some(Phrase { text, .. }) = phrase else { return };
        if typing.peek().typed().chars().count() + text.chars().count() < limit {
            act(TypingEvent::PutIn(text));
        }
    }));
    let id = props.id.clone();
    let initial = typing.peek().typed().to_string();
    let count = words.with("characters", &[("n", (length() as u64).into()), ("limit", (props.limit as u64).into())]);
    rsx! {
        div { class: "textfield",
            label { r#for: "{id}", class: "k", "{props.label}" }
            // The key mounts a new element when somebody else's words have arrived: the only way text enters it.
            for key in std::iter::once(mounted()) {
                textarea {
                    key: "{key}",
                    id: "{id}",
                    class: "ta",
                    rows: 3,
                    maxlength: "{props.limit}",
                    autocomplete: "off",
                    spellcheck: "false",
                    initial_value: "{initial}",
                    oninput: move |event: FormEvent| {
                        let text = event.value();
                        length.set(text.chars().count());
                        act(TypingEvent::Input(text));
                    },
                    oncompositionstart: move |_| act(TypingEvent::CompositionStarted),
                    oncompositionend: move |_| act(TypingEvent::CompositionEnded),
                    onfocus: move |_| act(TypingEvent::Focused),
                    onblur: move |_| act(TypingEvent::Blurred),
                }
            }
            div { class: "src right", "{count}" }
        }
    }
}

/// Where a text's effects go.
#[derive(Clone, Copy)]
struct Hands {
    typing: Signal<Typing>,
    on_keep: EventHandler<Edited>,
    on_save: Callback<Edited, bool>,
    on_settled: EventHandler<()>,
}

impl Hands {
    fn perform(mut self, effects: Vec<TypingEffect>) {
        for effect in effects {
            match effect {
                TypingEffect::Keep { shown, typed } => self.on_keep.call(Edited { shown, typed }),
                TypingEffect::Save { shown, typed } => {
                    let saved = self.on_save.call(Edited { shown, typed: typed.clone() });
                    let said = if saved { TypingEvent::Saved(typed) } else { TypingEvent::NotSaved };
                    let next = self.typing.write().update(said);
                    self.perform(next);
                }
                TypingEffect::StartPause(keys) => {
                    let mut typing = self.typing;
                    spawn(async move {
                        tokio::time::sleep(Duration::from_millis(SAVE_AFTER_MS)).await;
                        let effects = typing.write().update(TypingEvent::Pause(keys));
                        self.perform(effects);
                    });
                }
                TypingEffect::Settled => self.on_settled.call(()),
                TypingEffect::StartJournal | TypingEffect::Remount => {}
            }
        }
    }

    /// The field goes away, or the app locks: saved once, and no timer is started that would outlive the field. What the vault
    /// does not take, the app tries again.
    fn leave(mut self) {
        let effects = self.typing.write().update(TypingEvent::Dropped);
        for effect in effects {
            let TypingEffect::Save { shown, typed } = effect else { continue };
            if self.on_save.call(Edited { shown, typed: typed.clone() }) {
                self.typing.write().update(TypingEvent::Saved(typed));
            }
        }
    }
}

/// The field's last words are asked for before the app locks and when the field goes away.
pub fn use_flushed(flush: Callback<()>) {
    let mut fields = use_context::<Fields>();
    let number = use_hook(|| fields.add(flush));
    use_drop(move || {
        flush.call(());
        fields.remove(number);
    });
}

#[derive(Props, Clone, PartialEq)]
pub struct NumberFieldProps {
    id: String,
    label: String,
    /// What the document holds now, as it reads.
    value: String,
    /// What was typed here before and is not in the document: the vault has not taken it yet, or the form refused it.
    unsaved: Option<String>,
    /// `decimal` or `numeric`: which keys the phone shows.
    keys: &'static str,
    /// A time: no pause decides one that may still become another.
    #[props(default)]
    is_time: bool,
    /// Characters that it takes.
    #[props(default = 12)]
    limit: usize,
    /// Answers whether it is settled: the vault took it, or the form refused it and says so. What the vault refused is no
    /// saved value; whoever answers `false` keeps it and tries again.
    on_save: Callback<String, bool>,
    /// Into the crash journal: a value is judged only when the pen rests.
    on_keep: EventHandler<String>,
}

/// One value. Saved when the field is left or the pen rests; refused values stay on the screen with their reason beside.
#[component]
pub fn NumberField(props: NumberFieldProps) -> Element {
    let mut typing = use_signal(|| {
        let typing = match &props.unsaved {
            Some(typed) => Typing::resumed(&props.value, typed),
            None => Typing::new(&props.value),
        };
        typing.of_time(props.is_time)
    });
    let mut mounted = use_signal(|| 0u32);
    let hand = ValueHand { typing, on_save: props.on_save, on_keep: props.on_keep };
    let document = props.value.clone();
    use_effect(use_reactive!(|document| {
        // What waited has been taken without this field.
        if typing.peek().typed() == document {
            typing.write().update(TypingEvent::Saved(document.clone()));
        }
        if !typing.write().update(TypingEvent::DocumentSays(document)).is_empty() {
            mounted += 1;
        }
    }));
    use_flushed(Callback::new(move |()| hand.tell(TypingEvent::Dropped)));
    let initial = typing.peek().typed().to_string();
    rsx! {
        for key in std::iter::once(mounted()) {
            input {
                key: "{key}",
                id: "{props.id}",
                class: "v",
                r#type: "text",
                inputmode: props.keys,
                autocomplete: "off",
                maxlength: "{props.limit}",
                "aria-label": "{props.label}",
                placeholder: "—",
                initial_value: "{initial}",
                oninput: move |event: FormEvent| {
                    let effects = typing.write().update(TypingEvent::Input(event.value()));
                    for effect in effects {
                        // Twice a text's pause: half a number must not be judged.
                        let (wait, then) = match effect {
                            TypingEffect::StartPause(keys) => (2 * SAVE_AFTER_MS, TypingEvent::Pause(keys)),
                            TypingEffect::StartJournal => (JOURNAL_AFTER_MS, TypingEvent::JournalDue),
                            _ => continue,
                        };
                        spawn(async move {
                            tokio::time::sleep(Duration::from_millis(wait)).await;
                            hand.tell(then);
                        });
                    }
                },
                oncompositionstart: move |_| { typing.write().update(TypingEvent::CompositionStarted); },
                oncompositionend: move |_| { typing.write().update(TypingEvent::CompositionEnded); },
                onfocus: move |_| { typing.write().update(TypingEvent::Focused); },
                onblur: move |_| hand.tell(TypingEvent::Blurred),
            }
        }
    }
}

/// Where a value's effects go.
#[derive(Clone, Copy)]
struct ValueHand {
    typing: Signal<Typing>,
    on_save: Callback<String, bool>,
    on_keep: EventHandler<String>,
}

impl ValueHand {
    fn save(&mut self, typed: String) {
        if typed.trim().is_empty() {
            // Nothing is what the journal holds of it too.
            self.on_keep.call(String::new());
        }
        if typed.trim().is_empty() || self.on_save.call(typed.clone()) {
            self.typing.write().update(TypingEvent::Saved(typed));
        }
    }

    fn tell(mut self, event: TypingEvent) {
        let effects = self.typing.write().update(event);
        for effect in effects {
            match effect {
                // It is not tried again by this field: a value that waits is tried by the app, here or on another screen.
                TypingEffect::Save { typed, .. } => self.save(typed),
                // What stands in the document is no value that somebody typed.
                TypingEffect::Keep { shown, typed } if shown == typed => self.on_keep.call(String::new()),
                TypingEffect::Keep { typed, .. } if !typed.trim().is_empty() => self.on_keep.call(typed),
                _ => {}
            }
        }
    }
}
