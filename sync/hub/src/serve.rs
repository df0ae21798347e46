//! The listener: TLS first, then HTTP/1.1, one task a connection, a bounded number of them.

use crate::check::{Checker, Compacted};
use crate::error::HubError;
use crate::routes::{Hub, PeerCertificate, router};
use crate::store::{Presented, Store};
use crate::tls::{key_of, server_config};
use crate::turns::Turns;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use record::ContentHash;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

const CONNECTIONS: usize = 512;
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(10);
const STRANGER: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(600);

/// A hub that listens. Dropping it closes the door; requests under way end with their tasks.
pub struct Serving {
    pub address: SocketAddr,
    pub url: String,
    task: tokio::task::JoinHandle<()>,
    checking: tokio::task::JoinHandle<()>,
    compacting: tokio::task::JoinHandle<()>,
    _held: std::fs::File,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.checking.abort();
        self.compacting.abort();
        self.task.abort();
    }
}

/// Listens at `listen`. `url` is what certificates and enrolment URIs name; by default what it listens on.
pub async fn serve(store: Store, listen: &str, url: Option<&str>) -> Result<Serving, HubError> {
    let cannot = |error| HubError::Listen(listen.to_string(), error);
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let url = url.map_or_else(|| format!("https://{address}"), |url| url.trim_end_matches('/').to_string());
    let mut hosts = vec![host_of(&url), address.ip().to_string(), "localhost".to_string(), "127.0.0.1".to_string()];
    hosts.sort();
    hosts.dedup();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(store.keys(), &hosts)?));
    store.write(|tx| tx.put_meta("url", &url))?;
    let checker = Checker::new(store.clone());
    // One hub a folder: two would check and materialise side by side.
    let lock = store.data().join("hub.lock");
    let held = std::fs::File::create(&lock).map_err(|source| HubError::File { path: lock.clone(), source })?;
    held.try_lock().map_err(|_| HubError::Serving(store.data().to_path_buf()))?;
    let checking = tokio::spawn(check_now_and_then(checker.clone()));
    let compacting = tokio::spawn(compact_at_night(checker.clone()));
    let app = router(Hub { store, checker, turns: Turns::default() });
    let task = tokio::spawn(accept(listener, acceptor, app));
    Ok(Serving { address, url, task, checking, compacting, _held: held })
}

/// What a crash, a failing worker or a busy moment left unchecked.
async fn check_now_and_then(checker: Checker) {
    loop {
        let left = checker.clone();
        if let Ok(Err(error)) =
            tokio::task::spawn_blocking(move || left.check_left_over().and_then(|()| left.name_versions())).await
        {
            tracing::error!(%error, "the list of unchecked documents could not be read");
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// Once a day, when it is quiet: documents that rest become one piece each.
async fn compact_at_night(checker: Checker) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if let Err(error) = compact_if_due(&checker).await {
            tracing::error!(%error, "documents that rest were not compacted");
        }
    }
}

/// A few documents a turn: a hub that is stopped waits for no more than those.
async fn compact_if_due(checker: &Checker) -> Result<(), HubError> {
    let one = checker.clone();
    let Some(before) = off_the_loop(move || one.compaction_due()).await? else { return Ok(()) };
    let (mut done, mut from) = (Compacted::default(), None);
    loop {
        let one = checker.clone();
        let (some, next) = off_the_loop(move || one.compact_some(from, before)).await?;
        done += some;
        if next.is_none() {
            break;
        }
        from = next;
    }
    let one = checker.clone();
    off_the_loop(move || one.write_down(done)).await
}

async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HubError> + Send + 'static,
) -> Result<T, HubError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(HubError::Worker(std::io::ErrorKind::Interrupted.into())))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, app: axum::Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file handles, most likely: breathe, go on.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, app) = (acceptor.clone(), app.clone());
        connections.spawn(async move {
            let _place = place;
            talk(stream, acceptor, app).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(stream: TcpStream, acceptor: TlsAcceptor, app: axum::Router) {
    // Strangers that speak no TLS and phones that lose their signal end here; neither is worth a line in a log.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.map(|der| Presented { hash: ContentHash::of(der.as_ref()), key: key_of(der) });
    // Put into each request: a layer would make every route anew for a connection that asks one thing.
    let routes = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerCertificate(certificate));
        routes.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    // Somebody without a certificate comes to enrol, and that is quick.
    let patience = if certificate.is_some() { LONGEST } else { STRANGER };
    let _ = tokio::time::timeout(patience, connection).await;
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6).to_string(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_string(),
    }
}
