//! What no screen may have, looked for whenever one stands.

use super::tree::{Place, Tree};
use std::collections::BTreeSet;

/// Everything that is wrong with the page as it stands.
pub fn faults(tree: &Tree) -> Vec<String> {
    let all = tree.all();
    let mut faults = headings(tree, &all);
    faults.extend(ids(tree, &all));
    faults.extend(all.iter().filter_map(|place| nameless(tree, *place)));
    faults.extend(all.iter().flat_map(|place| inline(tree, *place)));
    faults
}

/// Whatever is tapped, typed in or looked at says what it is.
fn nameless(tree: &Tree, place: Place) -> Option<String> {
    let is_control = match tree.tag(place) {
        "button" | "input" | "textarea" | "select" | "summary" | "img" => true,
        "a" => tree.attribute(place, "href").is_some(),
        _ => matches!(tree.attribute(place, "role"), Some("img" | "group" | "alertdialog")),
    };
    let is_nameless = is_control && tree.name_of(place).is_empty();
    is_nameless.then(|| format!("a {} without a name ({:?})", tree.tag(place), tree.attribute(place, "id")))
}

/// Each id once, and nothing that points at an id which is not there.
fn ids(tree: &Tree, all: &[Place]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for id in all.iter().filter_map(|place| tree.attribute(*place, "id")) {
        if !known.insert(id) {
            faults.push(format!("the id {id} twice"));
        }
    }
    for name in ["for", "aria-labelledby", "aria-describedby", "aria-controls"] {
        let pointed = all.iter().filter_map(|place| tree.attribute(*place, name));
        faults.extend(
            pointed.filter(|id| !known.contains(id)).map(|id| format!("{name} points at {id}, which is not there")),
        );
    }
    faults
}

/// One heading of the first rank, before all others; none is left out on the way down.
fn headings(tree: &Tree, all: &[Place]) -> Vec<String> {
    let rank = |place: &Place| match tree.tag(*place) {
        "h1" => Some(1),
        "h2" => Some(2),
        "h3" => Some(3),
        "h4" => Some(4),
        "h5" => Some(5),
        "h6" => Some(6),
        _ => None,
    };
    let mut faults = Vec::new();
    let mut before = 0;
    for (place, rank) in all.iter().filter_map(|place| Some((*place, rank(place)?))) {
        if rank > before + 1 || (rank == 1 && before > 0) {
            faults.push(format!("h{rank} after h{before}: {}", tree.heard(place)));
        }
        before = rank;
    }
    faults
}

/// No style, script or markup out of the page's own text. Two are meant: the size of all text, and what a file input does in
/// the page itself.
fn inline(tree: &Tree, place: Place) -> Vec<String> {
    let is_file = tree.is(place, "type", "file");
    let is_app = tree.attribute(place, "class").is_some_and(|class| class.split(' ').any(|word| word == "app"));
    let is_meant = |name: &str, value: &str| match name {
        "style" => is_app && value.starts_with("--s: "),
        "onclick" | "onchange" => is_file,
        "dangerous_inner_html" => false,
        other => !other.starts_with("on"),
    };
    let attributes = tree.nodes[place].attributes.iter();
    attributes
        .filter(|(name, value)| !is_meant(name, value))
        .map(|(name, _)| format!("{name} stands in a {}", tree.tag(place)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dioxus::prelude::*;

    fn of(root: fn() -> Element) -> Vec<String> {
        let mut tree = Tree::new();
        VirtualDom::new(root).rebuild(&mut tree);
        faults(&tree)
    }

    #[test]
    fn a_page_in_order_has_no_faults() {
        let found = of(|| {
            rsx! {
                h1 { "一" }
                h2 { "二" }
                label { r#for: "name", "名前" }
                input { id: "name" }
                button { "aria-label": "戻る", span { "aria-hidden": "true", "‹" } }
            }
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_found() {
        let found = of(|| {
            rsx! {
                h2 { "h2 first" }
                button { span { "aria-hidden": "true", "‹" } }
                input { id: "twice" }
                p { id: "twice" }
                label { r#for: "nobody", "x" }
                p { style: "color: red", "x" }
                p { "onclick": "alert()", "x" }
                p { dangerous_inner_html: "<b>x</b>" }
            }
        });
        let words = ["h2 after h0", "a button without", "a input without", "the id twice", "points at nobody"];
        for word in words.into_iter().chain(["style stands", "onclick stands", "dangerous_inner_html stands"]) {
            assert!(found.iter().any(|fault| fault.contains(word)), "{word}: {found:?}");
        }
    }
}
