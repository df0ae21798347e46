//! Before and after, side by side. What changed is struck through and underlined, never told by colour alone.

use super::said::{label, value};
use crate::text::use_words;
use device::record::Form;
use device::record::visit_note::{FieldKind, FieldValue};
use dioxus::prelude::*;

/// What one field read before and reads after.
#[derive(Clone, PartialEq)]
pub struct Pair {
    pub form: Form,
    pub field: String,
    pub before: Option<FieldValue>,
    pub after: Option<FieldValue>,
}

/// Two texts, cut: what both begin with, what each has of its own, what both end with.
#[derive(Debug, PartialEq, Eq)]
struct Cut {
    head: String,
    gone: String,
    come: String,
    tail: String,
}

fn cut(before: &str, after: &str) -> Cut {
    let (a, b): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let text = |part: &[char]| part.iter().collect::<String>();
    Cut {
        head: text(&a[..head]),
        gone: text(&a[head..a.len() - tail]),
        come: text(&b[head..b.len() - tail]),
        tail: text(&a[a.len() - tail..]),
    }
}

/// A change of one field: 前 and 後, as on paper.
#[component]
pub fn BeforeAfter(pair: Pair) -> Element {
    let words = use_words();
    let Pair { form, field, before, after } = pair;
    let said = |value_of: &Option<FieldValue>| value_of.as_ref().map(|known| value(words, form, &field, known));
    let (before, after) = (said(&before), said(&after));
    let is_words = form.field(&field).is_ok_and(|known| matches!(known.kind, FieldKind::Text(_) | FieldKind::Line));
    let parts = match (&before, &after) {
        (Some(before), Some(after)) if is_words => cut(before, after),
        _ => Cut {
            head: String::new(),
            gone: before.clone().unwrap_or_default(),
            come: after.clone().unwrap_or_default(),
            tail: String::new(),
        },
    };
    let name = label(words, form, &field);
    rsx! {
        dl { class: "sides", "aria-label": "{name}",
            div { class: "side",
                dt { class: "k", {words.say("amendment-before")} }
                dd { class: "body",
                    if before.is_some() { "{parts.head}" del { "{parts.gone}" } "{parts.tail}" } else { span { class: "sub", {words.say("amend-nothing")} } }
                }
            }
            div { class: "side",
                dt { class: "k", {words.say("amendment-after")} }
                dd { class: "body",
                    if after.is_some() { "{parts.head}" ins { "{parts.come}" } "{parts.tail}" } else { span { class: "sub", {words.say("amend-nothing")} } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(before: &str, after: &str) -> (String, String, String, String) {
        let Cut { head, gone, come, tail } = cut(before, after);
        (head, gone, come, tail)
    }

    fn parts(head: &str, gone: &str, come: &str, tail: &str) -> (String, String, String, String) {
        (head.into(), gone.into(), come.into(), tail.into())
    }

    #[test]
    fn only_what_was_changed_is_marked() {
        assert_eq!(read("下肢浮腫あり。安定。", "下肢浮腫なし。安定。"), parts("下肢浮腫", "あり", "なし", "。安定。"));
        assert_eq!(read("安定。", "安定。咳あり。"), parts("安定。", "", "咳あり。", ""));
        assert_eq!(read("咳", ""), parts("", "咳", "", ""));
    }

    #[test]
    fn a_repeated_letter_is_never_counted_twice() {
        assert_eq!(read("ああ", "あああ"), parts("ああ", "", "あ", ""));
        assert_eq!(read("あああ", "ああ"), parts("ああ", "あ", "", ""));
    }
}
