//! 設定, on the screen. A tap holds at once and is kept in the vault.

use super::phrases::Phrases;
use super::pins::Pins;
use crate::app::{Look, Session, Shell};
use crate::components::{Drawn, Icon, SyncPill};
use crate::look::{LOCK_MINUTES, TEXT_SIZES, Theme};
use crate::screens::unreadable::Trouble;
use crate::text::{Era, Language, error_words, use_words};
use dioxus::prelude::*;

#[component]
pub fn SettingsScreen() -> Element {
    let words = use_words();
    let shell = use_context::<Shell>();
    rsx! {
        header { class: "hd",
            div { class: "row sp wrap",
                button { class: "back", id: "back", "aria-label": words.say("back"), onclick: move |_| shell.back(), Drawn { icon: Icon::Back } }
                h1 { class: "grow small", {words.say("settings")} }
                SyncPill {}
            }
        }
        main { class: "bd",
            Appearance {}
            Phrases {}
            Pins {}
            button { class: "btn g", id: "lock", onclick: move |_| { shell.lock(); }, {words.say("lock")} }
        }
    }
}

#[component]
fn Appearance() -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let mut look = use_context::<Look>();
    let mut failed = use_signal(|| None::<String>);
    let keep = use_callback(move |(name, value): (&'static str, String)| {
        let kept = session.phone.put_setting(name, &value);
        failed.set(kept.err().map(|error| error_words(words, &error)));
    });
    let (size, theme, left, minutes) = ((look.text_size)(), (look.theme)(), (look.left_hand)(), (look.lock_minutes)());
    let era = (look.era)().shown_in(words.0);
    rsx! {
        section { class: "card", id: "appearance",
            h2 { {words.say("settings-appearance")} }
            div { class: "k", {words.say("language")} }
            div { class: "seg", role: "group", "aria-label": words.say("language"),
                for (language, key) in [(Language::Japanese, "language-ja"), (Language::English, "language-en")] {
                    button { class: if words.0 == language { "on" }, lang: language.code(), "aria-pressed": words.0 == language,
                        onclick: move |_| { look.language.set(language); keep.call(("language", language.code().to_string())); },
                        {words.say(key)}
                    }
                }
            }
            Options { title: words.say("text-size"), id: "sizes",
                options: TEXT_SIZES.map(|n| (words.count("settings-percent", n), n == size)).to_vec(),
                on_choose: move |i: usize| {
                    let size = TEXT_SIZES[i];
                    look.text_size.set(size);
                    keep.call(("text_size", size.to_string()));
                },
            }
            Options { title: words.say("settings-theme"), id: "themes",
                options: Theme::ALL.map(|t| (words.say(theme_key(t)), t == theme)).to_vec(),
                on_choose: move |i: usize| {
                    let theme = Theme::ALL[i];
                    look.theme.set(theme);
                    keep.call(("theme", theme.code().to_string()));
                },
            }
            Options { title: words.say("settings-hand"), id: "hands",
                options: vec![(words.say("settings-hand-right"), !left), (words.say("settings-hand-left"), left)],
                on_choose: move |i: usize| {
                    look.left_hand.set(i == 1);
                    let code = if i == 1 { "yes" } else { "no" };
                    keep.call(("left_hand", code.to_string()));
                },
            }
            Options { title: words.say("settings-era"), id: "eras",
                options: Era::CHOICES.map(|e| (words.say(era_key(e)), e == era)).to_vec(),
                on_choose: move |i: usize| {
                    let era = Era::CHOICES[i];
                    look.show_era(era);
                    keep.call(("era", era.code().to_string()));
                },
            }
            Options { title: words.say("settings-lock-time"), id: "lock-times",
                options: LOCK_MINUTES.map(|n| (words.count("minutes", n), n == minutes)).collect::<Vec<_>>(),
                on_choose: move |i: usize| {
                    let minutes = LOCK_MINUTES.start() + i as u64;
                    look.lock_minutes.set(minutes);
                    keep.call(("lock_minutes", minutes.to_string()));
                },
            }
            p { class: "sub", {words.say("settings-lock-lead")} }
            Trouble { said: failed() }
        }
    }
}

fn theme_key(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "settings-theme-system",
        Theme::Light => "settings-theme-light",
        Theme::Dark => "settings-theme-dark",
    }
}

fn era_key(era: Era) -> &'static str {
    match era {
        Era::ByLanguage | Era::Japanese => "settings-era-japanese",
        Era::Western => "settings-era-western",
        Era::Both => "settings-era-both",
    }
}

/// One of several: each with its words and whether it is the chosen one.
#[component]
pub fn Options(
    title: String,
    id: &'static str,
    options: Vec<(String, bool)>,
    on_choose: EventHandler<usize>,
) -> Element {
    rsx! {
        div { class: "k", "{title}" }
        div { class: "seg", role: "group", "aria-label": "{title}", id,
            for (i, (label, on)) in options.into_iter().enumerate() {
                button { key: "{i}", class: if on { "on" }, "aria-pressed": on, onclick: move |_| on_choose.call(i),
                    if on { "✓ " } "{label}"
                }
            }
        }
    }
}
