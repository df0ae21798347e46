//! Fields that a nurse types in. Uncontrolled: `initial_value` and events out, never a value written back under the keys.

use super::typing::{JOURNAL_AFTER_MS, SAVE_AFTER_MS, Typing, TypingEffect, TypingEvent};
use crate::text::use_words;
use dioxus::prelude::*;
use std::time::Duration;

/// What was shown and what was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    pub shown: String,
    pub typed: String,
}

#[derive(Props, Clone, PartialEq)]
pub struct TextFieldProps {
    id: String,
    label: String,
    /// What the document holds now.
    text: String,
    limit: usize,
    on_keep: EventHandler<Edited>,
    on_save: EventHandler<Edited>,
    on_typing: EventHandler<()>,
    /// Nothing typed is left unsaved.
    on_settled: EventHandler<()>,
}

/// A free text. Keys go nowhere but into this field until a pause; then into a change of the document.
#[component]
pub fn TextField(props: TextFieldProps) -> Element {
    let words = use_words();
    let mut typing = use_signal(|| Typing::new(&props.text));
    let mut mounted = use_signal(|| 0u32);
    let mut length = use_signal(|| props.text.chars().count());
    let hands = Hands { on_keep: props.on_keep, on_save: props.on_save, on_settled: props.on_settled };
    let on_typing = props.on_typing;
    let mut act = move |event: TypingEvent| {
        let effects = typing.write().update(event);
        for effect in effects {
            match effect {
                TypingEffect::StartJournal => {
                    on_typing.call(());
                    spawn(async move {
                        tokio::time::sleep(Duration::from_millis(JOURNAL_AFTER_MS)).await;
                        let effects = typing.write().update(TypingEvent::JournalDue);
                        perform(effects, hands);
                    });
                }
                TypingEffect::StartPause(keys) => {
                    spawn(async move {
                        tokio::time::sleep(Duration::from_millis(SAVE_AFTER_MS)).await;
                        let effects = typing.write().update(TypingEvent::Pause(keys));
                        perform(effects, hands);
                    });
                }
                TypingEffect::Remount => {
                    length.set(typing.peek().typed().chars().count());
                    mounted += 1;
                }
                other => perform(vec![other], hands),
            }
        }
    };
    let document = props.text.clone();
    use_effect(use_reactive!(|document| act(TypingEvent::DocumentSays(document))));
    use_drop(move || perform(typing.write().update(TypingEvent::Dropped), hands));
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
    on_keep: EventHandler<Edited>,
    on_save: EventHandler<Edited>,
    on_settled: EventHandler<()>,
}

fn perform(effects: Vec<TypingEffect>, hands: Hands) {
    for effect in effects {
        match effect {
            TypingEffect::Keep { shown, typed } => hands.on_keep.call(Edited { shown, typed }),
            TypingEffect::Save { shown, typed } => hands.on_save.call(Edited { shown, typed }),
            TypingEffect::Settled => hands.on_settled.call(()),
            TypingEffect::StartJournal | TypingEffect::StartPause(_) | TypingEffect::Remount => {}
        }
    }
}

#[derive(Props, Clone, PartialEq)]
pub struct NumberFieldProps {
    id: String,
    label: String,
    /// What the document holds now, as it reads.
    value: String,
    /// `decimal` or `numeric`: which keys the phone shows.
    keys: &'static str,
    on_save: EventHandler<String>,
}

/// One value. Saved when the field is left or the pen rests; refused values stay on the screen with their reason beside.
#[component]
pub fn NumberField(props: NumberFieldProps) -> Element {
    let mut typing = use_signal(|| Typing::new(&props.value));
    let mut mounted = use_signal(|| 0u32);
    let on_save = props.on_save;
    let save = move |effects: Vec<TypingEffect>| {
        for effect in effects {
            if let TypingEffect::Save { typed, .. } = effect
                && !typed.trim().is_empty()
            {
                on_save.call(typed);
            }
        }
    };
    let document = props.value.clone();
    use_effect(use_reactive!(|document| {
        if !typing.write().update(TypingEvent::DocumentSays(document)).is_empty() {
            mounted += 1;
        }
    }));
    use_drop(move || save(typing.write().update(TypingEvent::Dropped)));
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
                maxlength: "12",
                "aria-label": "{props.label}",
                placeholder: "—",
                initial_value: "{initial}",
                oninput: move |event: FormEvent| {
                    let effects = typing.write().update(TypingEvent::Input(event.value()));
                    if let Some(TypingEffect::StartPause(keys)) = effects.first().cloned() {
                        spawn(async move {
                            // Twice a text's pause: half a number must not be judged.
                            tokio::time::sleep(Duration::from_millis(2 * SAVE_AFTER_MS)).await;
                            save(typing.write().update(TypingEvent::Pause(keys)));
                        });
                    }
                },
                oncompositionstart: move |_| { typing.write().update(TypingEvent::CompositionStarted); },
                oncompositionend: move |_| { typing.write().update(TypingEvent::CompositionEnded); },
                onfocus: move |_| { typing.write().update(TypingEvent::Focused); },
                onblur: move |_| save(typing.write().update(TypingEvent::Blurred)),
            }
        }
    }
}
