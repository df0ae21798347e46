//! A hub in a process of its own, so that what it costs can be told from what the phones cost.
//!
//! The process is this program once more, acting as `tsutsuji-hub` ([`acts_as_hub`]), or the binary that `TSUTSUJI_HUB`
//! names.

use crate::Done;
use crate::checking;
use crate::proxy::Proxy;
use protocol::EnrolUri;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

const AS_HUB: &str = "TSUTSUJI_BENCH_ACTS_AS_HUB";
/// Names the file into which such a hub writes what whole documents cost it.
const CHECKING: &str = "TSUTSUJI_BENCH_CHECKING";

/// To be asked first in `main`: whether this process was started as a hub, or as a hub's worker. If so it has been one.
pub fn acts_as_hub() -> Option<ExitCode> {
    if hub::worker::is_wanted() {
        return Some(hub::worker::main());
    }
    std::env::var_os(AS_HUB)?;
    if let Some(file) = std::env::var_os(CHECKING)
        && let Err(error) = checking::write_down(Path::new(&file))
    {
        eprintln!("what documents cost is not counted: {error}");
    }
    Some(hub::cli::main())
}

/// A hub's folder, the process that serves it, and the line that phones reach it by.
pub struct HubProcess {
    pub proxy: Proxy,
    data: PathBuf,
    port: u16,
    serving: Option<Child>,
    /// Whether it writes down what whole documents cost it: a little itself.
    pub counts_checking: bool,
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

impl HubProcess {
    /// A new, empty hub; not serving yet.
    pub fn new(data: PathBuf) -> Done<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let hub = Self { proxy: Proxy::start(port)?, data, port, serving: None, counts_checking: false };
        hub.run(&["init", "--name", "くるめ"])?;
        Ok(hub)
    }

    /// An admin command's JSON.
    pub fn run(&self, arguments: &[&str]) -> Done<Value> {
        let output = command()?.args(arguments).arg("--data").arg(&self.data).arg("--json").output()?;
        if !output.status.success() {
            return Err(format!("tsutsuji-hub {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Takes the files of a folder in for a facility.
    pub fn take_in(&self, facility: &str, folder: &Path) -> Done<Value> {
        self.run(&["intake", "--facility", facility, &folder.display().to_string()])
    }

    pub fn invite(&self, staff: &str) -> Done<EnrolUri> {
        let invited = self.run(&["device", "invite", "--staff", staff])?;
        Ok(invited["uri"].as_str().ok_or("an invitation without its URI")?.parse()?)
    }

    /// Serves, known to phones by the counting line. Serving already, it starts afresh.
    pub fn serve(&mut self) -> Done {
        self.stop();
        let mut command = command()?;
        if self.counts_checking {
            command.env(CHECKING, self.checking());
        }
        let mut child = command
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .args(["--url", &format!("https://127.0.0.1:{}", self.proxy.port), "--data"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        self.serving = Some(child);
        if line.starts_with("ready: ") { Ok(()) } else { Err(format!("the hub did not start: {line}").into()) }
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.serving.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What the hub and its workers have spent since they started, to a hundredth of a second.
    pub fn spent(&self) -> Done<Spent> {
        let pid = self.serving.as_ref().ok_or("the hub does not serve")?.id();
        let own = times(pid).ok_or("this system does not tell what a process costs")?;
        let workers = own.reaped + children(pid)?.iter().map(|(_, child)| child.own).sum::<u64>();
        let tick = Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second())?.max(1);
        let time = |ticks: u64| tick * u32::try_from(ticks).unwrap_or(u32::MAX);
        // A hub that `TSUTSUJI_HUB` names writes nothing down.
        let checking = checking::written_down(&self.checking()).ok();
        Ok(Spent { hub: time(own.own), workers: time(workers), checking })
    }

    fn checking(&self) -> PathBuf {
        self.data.with_extension("checking")
    }

    /// The most that the serving process has had in memory, in MB.
    pub fn peak_mb(&self) -> Done<f64> {
        peak_mb(self.serving.as_ref().ok_or("the hub does not serve")?.id())
    }

    /// The most that one of its workers has had, of those that live.
    pub fn worker_peak_mb(&self) -> Done<f64> {
        let pid = self.serving.as_ref().ok_or("the hub does not serve")?.id();
        // One that ends in this moment tells nothing any more.
        Ok(children(pid)?.into_iter().filter_map(|(worker, _)| peak_mb(worker).ok()).fold(0.0, f64::max))
    }
}

/// Time on a processor, user and system.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// The listener: TLS, receipts, database, answers.
    pub hub: Duration,
    /// The checker's workers: every document materialised.
    pub workers: Duration,
    /// Of `hub`: reading documents for the workers, asking them, and storing what they made. `None`: not known.
    pub checking: Option<Duration>,
}

impl Spent {
    pub fn since(&self, before: &Spent) -> Spent {
        let since = |now: Duration, then: Duration| now.saturating_sub(then);
        Spent {
            hub: since(self.hub, before.hub),
            workers: since(self.workers, before.workers),
            checking: self.checking.zip(before.checking).map(|(now, then)| since(now, then)),
        }
    }

    pub fn whole(&self) -> Duration {
        self.hub + self.workers
    }
}

fn command() -> Done<Command> {
    let program = match std::env::var_os("TSUTSUJI_HUB") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?,
    };
    let mut command = Command::new(program);
    command.env(AS_HUB, "1");
    Ok(command)
}

fn peak_mb(pid: u32) -> Done<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("this system does not tell")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

/// A process's children that live, each with what it has spent.
fn children(pid: u32) -> Done<Vec<(u32, Ticks)>> {
    let processes = std::fs::read_dir("/proc")?.flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let known = numbers.filter_map(|number| Some((number, times(number)?)));
    Ok(known.filter(|(_, process)| process.parent == pid).collect())
}

struct Ticks {
    parent: u32,
    own: u64,
    /// Of children that have ended.
    reaped: u64,
}

/// Out of `/proc/PID/stat`. The name in parentheses may hold anything; what is wanted stands behind it.
fn times(pid: u32) -> Option<Ticks> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Ticks {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        reaped: number(13)? + number(14)?,
    })
}
