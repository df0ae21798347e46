//! The floor under the app's feel: one field whose letters are counted, one button that toggles between two texts, in the
//! window that the app opens, with the same inspector. `--data DIR` as the app takes it.

use dioxus::desktop::{Config, LogicalSize, WindowBuilder};
use dioxus::prelude::*;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [option, folder] = arguments.as_slice() else { return usage() };
    if option != "--data" {
        return usage();
    }
    println!("App:    an empty window");
    open(&PathBuf::from(folder));
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: tsutsuji-empty-window --data DIR");
    ExitCode::FAILURE
}

fn open(folder: &Path) {
    let page = "<!doctype html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>empty</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\
         <body><div id=\"main\"></div></body></html>";
    let window = WindowBuilder::new().with_title("empty").with_inner_size(LogicalSize::new(390.0, 844.0));
    let inspected = std::env::var_os("WEBKIT_INSPECTOR_HTTP_SERVER").is_some();
    let config = Config::new()
        .with_window(window)
        .with_menu(None)
        .with_custom_index(page.to_string())
        .with_data_directory(folder.join("webview"))
        .with_disable_context_menu(!inspected);
    dioxus::LaunchBuilder::desktop().with_cfg(config).launch(Empty);
}

#[component]
fn Empty() -> Element {
    let mut letters = use_signal(|| 0usize);
    let mut flipped = use_signal(|| false);
    rsx! {
        textarea {
            id: "field",
            rows: 3,
            initial_value: "",
            oninput: move |event: FormEvent| letters.set(event.value().chars().count()),
        }
        p { id: "count", "{letters}" }
        button { id: "flip", onclick: move |_| flipped.toggle(), "→" }
        p { id: "said", if flipped() { "β" } else { "α" } }
    }
}
