//! Ports to the machine: the window, the page on loopback, the folder, the demo's hub.

#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod folder;
#[cfg(feature = "preview")]
pub mod preview;

/// The look, the same in window and page.
pub const CSS: &str = include_str!("../../../assets/app.css");

/// What may load in the app's page: nothing but itself. Scripts are Dioxus' own, inline.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; \
    style-src 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: dioxus: http://dioxus.index.html; form-action 'none'; base-uri 'none'";
