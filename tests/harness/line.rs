//! A line between phones and a hub that does as it is told. It carries bytes as they are, so that TLS stays whole from end to
//! end, and can be cut after any of them.

use crate::Outcome;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After the hub's first words, what a phone says without asking anything yet (TLS 1.3's empty reminder of older versions)
/// is shorter than this; its certificate alone is longer.
const SMALL_TALK: u64 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Clear,
    /// Every connection is cut once so many bytes have gone to the hub; 0 refuses it.
    CutUp(u64),
    /// The same on the way to the phone.
    CutDown(u64),
    /// Requests arrive whole; what the hub answers waits until the weather changes.
    AnswersWait,
    /// A hotel's Wi-Fi: whoever connects gets a page in plain HTTP.
    Portal,
}

/// Listens where phones believe the hub to be.
pub struct Line {
    port: u16,
    wire: Arc<Mutex<Wire>>,
}

struct Wire {
    hub: u16,
    weather: Weather,
    open: Vec<Arc<Talk>>,
    /// What was said to the portal.
    overheard: Vec<u8>,
    is_over: bool,
}

/// One connection.
struct Talk {
    phone: TcpStream,
    hub: TcpStream,
    up: AtomicU64,
    down: AtomicU64,
    /// Bytes from the phone since the hub's first words.
    asked: AtomicU64,
    is_cut: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Line {
    /// To the hub that listens at a port, or will.
    pub fn to(hub: u16) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let wire = Wire { hub, weather: Weather::Clear, open: Vec::new(), overheard: Vec::new(), is_over: false };
        let wire = Arc::new(Mutex::new(wire));
        let ours = wire.clone();
        std::thread::spawn(move || {
            for phone in listener.incoming().filter_map(Result::ok) {
                let wire = ours.clone();
                if lock(&wire).is_over {
                    return;
                }
                // A hub that is down, or a phone that went away: the connection just ends.
                std::thread::spawn(move || connect(phone, &wire).ok());
            }
        });
        Ok(Self { port, wire })
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub fn becomes(&self, weather: Weather) {
        lock(&self.wire).weather = weather;
    }

    /// Whoever connects from now on reaches somebody else.
    pub fn leads_to(&self, port: u16) {
        lock(&self.wire).hub = port;
    }

    /// Cuts every connection; what waited on the line is lost.
    pub fn cut(&self) {
        for talk in lock(&self.wire).open.drain(..) {
            talk.cut();
        }
    }

    /// Connections that are open and on which something was asked of the hub.
    pub fn asking(&self) -> usize {
        let asks = |talk: &&Arc<Talk>| talk.asked.load(Ordering::SeqCst) > SMALL_TALK;
        lock(&self.wire).open.iter().filter(asks).count()
    }

    pub fn overheard(&self) -> Vec<u8> {
        lock(&self.wire).overheard.clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
        lock(&self.wire).is_over = true;
        // Wakes whoever waits for the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Talk {
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for end in [&self.phone, &self.hub] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(phone: TcpStream, wire: &Arc<Mutex<Wire>>) -> std::io::Result<()> {
    let (weather, hub) = {
        let wire = lock(wire);
        (wire.weather, wire.hub)
    };
    if weather == Weather::Portal {
        return show_the_portal(phone, wire);
    }
    let hub = TcpStream::connect(("127.0.0.1", hub))?;
    phone.set_nodelay(true)?;
    hub.set_nodelay(true)?;
    let zero = || AtomicU64::new(0);
    let talk = Talk { phone, hub, up: zero(), down: zero(), asked: zero(), is_cut: AtomicBool::new(false) };
    let talk = Arc::new(talk);
    lock(wire).open.push(talk.clone());
    let (upward, its_wire) = (talk.clone(), wire.clone());
    std::thread::spawn(move || carry(&upward, Way::Up, &its_wire));
    carry(&talk, Way::Down, wire);
    lock(wire).open.retain(|open| !Arc::ptr_eq(open, &talk));
    Ok(())
}

/// Carries one direction until an end closes or the weather cuts it; then neither direction goes on.
fn carry(talk: &Talk, way: Way, wire: &Mutex<Wire>) {
    let (mut from, mut to, gone) = match way {
        Way::Up => (&talk.phone, &talk.hub, &talk.up),
        Way::Down => (&talk.hub, &talk.phone, &talk.down),
    };
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if way == Way::Up && talk.down.load(Ordering::SeqCst) > 0 {
            talk.asked.fetch_add(read as u64, Ordering::SeqCst);
        }
        let so_far = gone.load(Ordering::SeqCst);
        let passes = match (way, weather_of(talk, way, wire)) {
            (Way::Up, Weather::CutUp(last)) | (Way::Down, Weather::CutDown(last)) => {
                usize::try_from(last.saturating_sub(so_far)).unwrap_or(read).min(read)
            }
            _ => read,
        };
        // Before it is written: an answer to it must not be faster than the count.
        gone.store(so_far + passes as u64, Ordering::SeqCst);
        if to.write_all(&bytes[..passes]).is_err() || passes < read {
            break;
        }
    }
    talk.cut();
}

/// The weather, once it lets this direction pass.
fn weather_of(talk: &Talk, way: Way, wire: &Mutex<Wire>) -> Weather {
    loop {
        let weather = lock(wire).weather;
        let waits = weather == Weather::AnswersWait
            && way == Way::Down
            && talk.asked.load(Ordering::SeqCst) > SMALL_TALK
            && !talk.is_cut.load(Ordering::SeqCst);
        if !waits {
            return weather;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn show_the_portal(mut phone: TcpStream, wire: &Mutex<Wire>) -> std::io::Result<()> {
    const PAGE: &str = "<html><body>Please log in.</body></html>";
    let mut bytes = [0; 16 << 10];
    let read = phone.read(&mut bytes)?;
    lock(wire).overheard.extend_from_slice(&bytes[..read]);
    write!(
        phone,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
        PAGE.len()
    )?;
    phone.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    phone.read_to_end(&mut rest)?;
    lock(wire).overheard.extend(rest);
    Ok(())
}
