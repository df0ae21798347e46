//! 出発前チェック, on the screen: folded while all is well, open where something is to be done.

use super::ready::Check;
use crate::components::{Drawn, Icon};
use crate::text::{Words, day_and_clock, use_words};
use device::jiff::Timestamp;
use dioxus::prelude::*;

#[component]
pub(super) fn ReadyCard(checks: Vec<Check>) -> Element {
    let words = use_words();
    if checks.is_empty() {
        return rsx! {};
    }
    let open = checks.iter().filter(|check| !check.is_fine()).count() as u64;
    let title = if open == 0 { words.say("settings-ready") } else { words.count("settings-not-ready", open) };
    rsx! {
        details { class: "card", id: "ready", open: open > 0,
            summary { if open == 0 { "✓ " } else { Drawn { icon: Icon::Alert } " " } "{title}" }
            for (i, check) in checks.into_iter().enumerate() {
                div { key: "{i}", class: if check.is_fine() { "line" } else { "line bad" },
                    if check.is_fine() { "✓ " } else { "! " }
                    {line(words, check)}
                }
            }
        }
    }
}

fn line(words: Words, check: Check) -> String {
    match check {
        Check::Synced(None) => words.say("settings-check-never"),
        Check::Synced(Some(hours)) => words.count("settings-check-synced", hours),
        Check::Missing(0) => words.say("settings-check-patients"),
        Check::Missing(n) => words.count("settings-check-missing", n),
        Check::NoOrder(0) => words.say("settings-check-orders"),
        Check::NoOrder(n) => words.count("settings-check-no-order", n),
        Check::Lease { until, covers } => {
            let key = if covers { "settings-check-lease" } else { "settings-check-lease-short" };
            words.with(key, &[("time", day_and_clock(until, Timestamp::now()).into())])
        }
        Check::Unsent(0) => words.say("settings-check-sent"),
        Check::Unsent(n) => words.count("settings-check-unsent", n),
    }
}
