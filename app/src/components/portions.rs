//! A long list is drawn in portions: what fills any screen at once, the rest behind its first paint. Rows come at the end alone,
//! so that nothing moves; a moment later all of them stand there, for keys, for a screen reader, for whoever scrolls.
//!
//! Not by `content-visibility`: the heights of rows that nobody has seen are guesses, and WebKit, which anchors no scroll, would
//! let the page jump wherever one was wrong.

use dioxus::dioxus_core::Task;
use dioxus::prelude::*;
use std::time::Duration;

/// Rows that are drawn at once: what the highest screen of a tablet shows.
const FIRST: usize = 12;
/// Rows that are drawn in one go behind them: so few that a finger is answered in between.
const PORTION: usize = 32;
/// So long the first rows stand alone: they are painted by then, and a word that is typed fast is drawn by its first rows only.
const AFTER_FIRST: Duration = Duration::from_millis(100);
/// Between two portions what has come in from the page has its turn.
const BETWEEN: Duration = Duration::from_millis(30);

/// Which list it was, and how many portions of it are drawn behind its first rows.
struct Drawing<L> {
    list: L,
    portions: usize,
}

impl<L: PartialEq> Drawing<L> {
    /// Another list begins with its first rows.
    fn portions_of(&self, list: &L) -> usize {
        if self.list == *list { self.portions } else { 0 }
    }
}

/// How many of so many rows are drawn with so many portions behind the first ones.
fn rows_with(portions: usize, total: usize) -> usize {
    FIRST.saturating_add(PORTION.saturating_mul(portions)).min(total)
}

/// How far a list is drawn.
#[derive(Clone)]
pub struct Portions<L: 'static> {
    drawing: Signal<Drawing<L>>,
    list: L,
    /// So many rows are drawn now.
    pub drawn: usize,
    /// More of them come by themselves.
    pub more: bool,
}

impl<L: Clone + 'static> Portions<L> {
    /// Draws the rest at once: somebody wants to go there.
    pub fn draw_all(&self) {
        let mut drawing = self.drawing;
        drawing.set(Drawing { list: self.list.clone(), portions: usize::MAX });
    }
}

/// How many of a list's `total` rows are drawn now. `list` says which one it is, such as the words that it was searched by:
/// another one begins with its first rows, the same one goes on from where it stood.
pub fn use_portions<L: Clone + PartialEq + 'static>(list: L, total: usize) -> Portions<L> {
    let first = list.clone();
    let drawing = use_signal(move || Drawing { list: first, portions: 0 });
    let mut going = use_signal(|| None::<Task>);
    let of = list.clone();
    use_effect(use_reactive!(|of, total| {
        let before = going.write().take();
        if let Some(before) = before {
            before.cancel();
        }
        if rows_with(drawing.peek().portions_of(&of), total) < total {
            let next = spawn(draw_on(drawing, of, total));
            going.set(Some(next));
        }
    }));
    let drawn = rows_with(drawing.read().portions_of(&list), total);
    Portions { drawing, list, drawn, more: drawn < total }
}

/// Stands behind the rows until the last one does.
#[component]
pub fn MoreRows(come: bool) -> Element {
    rsx! {
        if come { div { class: "more", "aria-hidden": "true", "…" } }
    }
}

async fn draw_on<L: Clone + PartialEq + 'static>(mut drawing: Signal<Drawing<L>>, list: L, total: usize) {
    tokio::time::sleep(AFTER_FIRST).await;
    loop {
        let portions = drawing.peek().portions_of(&list);
        if rows_with(portions, total) == total {
            return;
        }
        drawing.set(Drawing { list: list.clone(), portions: portions.saturating_add(1) });
        tokio::time::sleep(BETWEEN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_is_drawn_at_once_and_a_long_one_to_its_last_row() {
        assert_eq!([0, 1, FIRST].map(|total| rows_with(0, total)), [0, 1, FIRST]);
        let steps: Vec<usize> = (0..6).map(|portions| rows_with(portions, 150)).collect();
        assert_eq!(steps, [12, 44, 76, 108, 140, 150]);
        assert_eq!(rows_with(usize::MAX, 5_000), 5_000, "whoever wants the end has it at once");
    }

    #[test]
    fn another_list_begins_anew_and_one_that_grew_goes_on() {
        let drawing = Drawing { list: "か", portions: 3 };
        assert_eq!((drawing.portions_of(&"か"), drawing.portions_of(&"かと")), (3, 0));
        assert_eq!(rows_with(drawing.portions_of(&"か"), 113), 108, "no row goes that stood there");
    }
}
