//! Ports to the machine: the window, the page on loopback, the folder, the demo's hub.

#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod folder;
#[cfg(feature = "preview")]
pub mod preview;
#[cfg(all(feature = "desktop", target_os = "linux"))]
mod sleep;

/// The OS is about to suspend the app. Where it can it waits until this is dropped.
pub struct Suspending(pub Option<Box<dyn std::any::Any>>);

/// Says, from now on, that the OS is about to suspend the app. Called once, on the window's thread.
pub type Suspends = fn() -> tokio::sync::mpsc::UnboundedReceiver<Suspending>;

/// The look, the same in window and page.
pub const CSS: &str = include_str!("../../../assets/app.css");

/// What may load in the app's page: nothing but itself. Scripts are Dioxus' own, inline.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; \
    style-src 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: dioxus: http://dioxus.index.html; form-action 'none'; base-uri 'none'";
