//! A line between phones and hub that counts what goes over it, and can be made as long as a mobile network's.

use crate::Done;
use crate::line::tls_of;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;
use vault::Identity;

/// What went over the line, whole: TCP's payload, TLS included.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    pub connections: u64,
    pub up: u64,
    pub down: u64,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    open: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    /// One way, milliseconds.
    delay: AtomicU64,
}

/// Passes on what comes at `port`, on a thread of its own for as long as the program runs.
pub struct Proxy {
    pub port: u16,
    counts: Arc<Counts>,
}

impl Proxy {
    pub fn start(to: u16) -> Done<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = counts.clone();
        std::thread::spawn(move || runtime.block_on(accept(listener, to, shared)));
        Ok(Self { port, counts })
    }

    /// From here on every byte takes so long, each way. TCP's own handshake stays as short as it is.
    pub fn delay(&self, one_way_ms: u64) {
        self.counts.delay.store(one_way_ms, Ordering::Relaxed);
    }

    /// What was counted since the last time, once every connection has ended.
    pub async fn quiet(&self) -> Counted {
        let patience = Instant::now() + Duration::from_secs(5);
        while self.counts.open.load(Ordering::SeqCst) > 0 && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Counted {
            connections: self.counts.connections.swap(0, Ordering::SeqCst),
            up: self.counts.up.swap(0, Ordering::SeqCst),
            down: self.counts.down.swap(0, Ordering::SeqCst),
        }
    }
}

async fn accept(listener: std::net::TcpListener, to: u16, counts: Arc<Counts>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        if let Ok((phone, _)) = listener.accept().await {
            tokio::spawn(pass(phone, to, counts.clone()));
        }
    }
}

async fn pass(phone: TcpStream, to: u16, counts: Arc<Counts>) {
    counts.connections.fetch_add(1, Ordering::SeqCst);
    counts.open.fetch_add(1, Ordering::SeqCst);
    if let Ok(hub) = TcpStream::connect(("127.0.0.1", to)).await {
        let _ = phone.set_nodelay(true);
        let _ = hub.set_nodelay(true);
        let (from_phone, to_phone) = phone.into_split();
        let (from_hub, to_hub) = hub.into_split();
        tokio::join!(
            copy(from_phone, to_hub, &counts.up, &counts.delay),
            copy(from_hub, to_phone, &counts.down, &counts.delay)
        );
    }
    counts.open.fetch_sub(1, Ordering::SeqCst);
}

/// Reads on while what was read waits for its time.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: &AtomicU64, delay: &AtomicU64) {
    let (sender, mut waiting) = unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async move {
        let mut bytes = vec![0; 65_536];
        while let Ok(length) = from.read(&mut bytes).await {
            if length == 0 {
                break;
            }
            count.fetch_add(length as u64, Ordering::SeqCst);
            let due = Instant::now() + Duration::from_millis(delay.load(Ordering::Relaxed));
            if sender.send((due, bytes[..length].to_vec())).is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = waiting.recv().await {
            let wait = due.saturating_duration_since(Instant::now());
            if wait > Duration::ZERO {
                tokio::time::sleep(wait).await;
            }
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

/// A connection that only shakes hands, with the device's certificate as a phone does, and takes the session tickets
/// that follow. What it took on the wall, until something could have been asked.
pub fn shake_hands(identity: &Identity, port: u16) -> Done<Duration> {
    let config = tls_of(identity)?;
    let begun = Instant::now();
    let mut line = std::net::TcpStream::connect(("127.0.0.1", port))?;
    line.set_nodelay(true)?;
    let mut tls = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1")?)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut line)?;
    }
    let took = begun.elapsed();
    line.set_read_timeout(Some(Duration::from_millis(400)))?;
    loop {
        match tls.read_tls(&mut line) {
            Ok(0) => break,
            Ok(_) => {
                tls.process_new_packets()?;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
            Err(error) => return Err(error.into()),
        }
    }
    tls.send_close_notify();
    while tls.wants_write() {
        tls.write_tls(&mut line)?;
    }
    Ok(took)
}
