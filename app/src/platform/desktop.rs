//! The real window: phone-sized, one page, no menu.

use super::CSS;
use crate::app::{App, Launch};
use dioxus::desktop::tao::window::Theme;
use dioxus::desktop::{Config, LogicalSize, WindowBuilder};
use std::path::Path;

/// Whether a window can open here: some display answers to its name.
pub fn can_open() -> bool {
    cfg!(any(target_os = "macos", target_os = "windows"))
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

/// Opens the window and stays until it closes. Call on the main thread, inside a runtime's context.
pub fn open(launch: Launch, folder: &Path) {
    #[cfg(target_os = "linux")]
    let launch = Launch { suspends: Some(super::sleep::watch), ..launch };
    // No patient's name here, ever: titles stand in task bars and screen recordings.
    let title = crate::text::Words(launch.language).say("app-name");
    let page = format!(
        "<!doctype html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{CSS}</style></head>\
         <body><div id=\"main\"></div></body></html>"
    );
    let window = WindowBuilder::new()
        .with_title(title)
        .with_inner_size(LogicalSize::new(390.0, 844.0))
        .with_theme(None::<Theme>);
    let inspected = std::env::var_os("WEBKIT_INSPECTOR_HTTP_SERVER").is_some();
    let config = Config::new()
        .with_window(window)
        .with_menu(None)
        .with_custom_index(page)
        .with_data_directory(folder.join("webview"))
        // WebKit's inspector (for tests) hangs on the context menu's switch.
        .with_disable_context_menu(!inspected);
    dioxus::LaunchBuilder::desktop().with_cfg(config).with_context(launch).launch(App);
}
