//! The same app as a phone-sized page on 127.0.0.1, for machines without a window and for tests. One reader at a time,
//! nobody from outside: other pages' scripts and other hosts' names are refused.

use super::{CONTENT_SECURITY_POLICY, CSS};
use crate::app::{App, Launch};
use axum::Router;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use dioxus::prelude::VirtualDom;
use dioxus_liveview::{LiveViewPool, axum_socket, interpreter_glue};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Page {
    pool: Arc<LiveViewPool>,
    launch: Launch,
    /// `127.0.0.1:port` and `localhost:port`: the only names this page answers to.
    names: Arc<[String; 2]>,
}

/// Binds the page's port; 0 = any free one.
pub async fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await
}

/// Shows the app until the process ends.
pub async fn show(listener: TcpListener, launch: Launch) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let names = Arc::new([format!("127.0.0.1:{port}"), format!("localhost:{port}")]);
    let page = Page { pool: Arc::new(LiveViewPool::new()), launch, names };
    let app = Router::new().route("/", get(index)).route("/ws", get(socket)).with_state(page);
    axum::serve(listener, app).await
}

async fn index(State(page): State<Page>, headers: HeaderMap) -> Response {
    if !is_ours(&page, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let title = crate::text::Words(page.launch.language).say("app-name");
    let glue = interpreter_glue("/ws");
    let html = format!(
        "<!doctype html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{CSS}</style></head>\
         <body><div id=\"main\"></div></body>{glue}</html>"
    );
    let guarded = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (guarded, Html(html)).into_response()
}

async fn socket(State(page): State<Page>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    // A page of another origin may open a socket to loopback; it may not speak to this one.
    let origin = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()).and_then(|o| o.strip_prefix("http://"));
    if !is_ours(&page, &headers) || !origin.is_some_and(|origin| page.names.iter().any(|name| name == origin)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(move |socket| async move {
        let dom = move || {
            let dom = VirtualDom::new(App);
            dom.provide_root_context(page.launch);
            dom
        };
        // The page was closed, or its line broke: the phone behind it locks as it is dropped.
        let _ = page.pool.launch_virtualdom(axum_socket(socket), dom).await;
    })
}

fn is_ours(page: &Page, headers: &HeaderMap) -> bool {
    headers
        .get(header::HOST)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|host| page.names.iter().any(|name| name == host))
}
