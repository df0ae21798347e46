//! Line icons, drawn in the text's colour. Never the only bearer of a meaning.

use dioxus::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Today,
    Patients,
    Notes,
    Sync,
    Back,
    Alert,
    Delete,
    Hide,
}

#[component]
pub fn Drawn(icon: Icon) -> Element {
    let path = match icon {
        Icon::Today => "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
        Icon::Patients => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c1-4 4-6 8-6s7 2 8 6",
        Icon::Notes => "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h7",
        Icon::Sync => "M20 11a8 8 0 0 0-14-4L4 9M4 4v5h5M4 13a8 8 0 0 0 14 4l2-2M20 20v-5h-5",
        Icon::Back => "M15 5l-7 7 7 7",
        Icon::Alert => "M12 3l10 18H2zM12 10v5M12 18v.5",
        Icon::Hide => "M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7zM4 20L20 4",
        Icon::Delete => "M8 5h13v14H8l-6-7zM12 9l5 6M17 9l-5 6",
    };
    rsx! {
        svg { class: "icon", view_box: "0 0 24 24", "aria-hidden": "true", path { d: path } }
    }
}
