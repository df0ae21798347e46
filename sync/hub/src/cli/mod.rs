//! `tsutsuji-hub`: the hub by hand and by script. Names and JSON shapes are fixed (DESIGN §9); fields may be added.
//! Admin commands work while the hub serves.

mod admin;
mod held;
mod note;
mod restore;

pub(crate) use admin::make_invitation;

use crate::check::{Checker, DAY_MS, REST_DAYS};
use crate::error::HubError;
use crate::store::{CERTIFICATE_DAYS, LackingPhoto, Store};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where a hub listens unless told otherwise.
pub(crate) const DEFAULT_LISTEN: &str = "127.0.0.1:8443";

#[derive(Parser)]
#[command(name = "tsutsuji-hub", version = protocol::VERSION, about = "Tsutsuji's hub: the network's side of the phones")]
struct Cli {
    /// One JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// The hub's folder.
#[derive(Args, Clone)]
pub(crate) struct Data {
    /// The folder that holds the hub's database and keys
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Data {
    fn open(&self) -> Result<Store, HubError> {
        Store::open(&self.data)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Make a new hub: database, CA, receipt key, sealing key
    #[command(after_help = "Example: tsutsuji-hub init --data hub --name くるめ")]
    Init {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        name: String,
    },
    /// Serve the phones; prints one line with the address when ready
    #[command(
        after_help = "Example: tsutsuji-hub serve --data hub --listen 0.0.0.0:8443 --url https://hub.example.jp:8443"
    )]
    Serve {
        #[command(flatten)]
        data: Data,
        #[arg(long, default_value = DEFAULT_LISTEN, value_name = "ADDR")]
        listen: String,
        /// What certificates and enrolment URIs name; by default what it listens on
        #[arg(long)]
        url: Option<String>,
        /// How long a phone's certificate counts, from now on; phones renew in its last third. At first 400
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3650))]
        certificate_days: Option<u16>,
    },
    /// Write the database into a new file and the photos beside it, while the hub serves or not; what they hold is durable from then on
    #[command(after_help = "Examples: tsutsuji-hub backup /mnt/backup/hub-20261124.db --data hub
          tsutsuji-hub backup /mnt/backup --data hub")]
    Backup {
        /// A new file, or a folder in which one gets a name; photos go into `photos` beside it, each once
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
    /// Put a backup in the database's place, and its photos; a new epoch begins, and phones offer again what it lacks
    #[command(after_help = "Example: tsutsuji-hub restore /mnt/backup/hub-20261124.db --data hub")]
    Restore {
        /// The backup's file; its photos are looked for in `photos` beside it
        file: PathBuf,
        #[command(flatten)]
        data: Data,
    },
    /// Make one piece of each document that rests, while the hub serves or not; a hub that serves does it by itself at night
    #[command(after_help = "Example: tsutsuji-hub compact --data hub --older-than 30")]
    Compact {
        #[command(flatten)]
        data: Data,
        /// Documents of which nothing has come for so many days
        #[arg(long, value_name = "DAYS", default_value_t = REST_DAYS)]
        older_than: u16,
    },
    /// Facilities of the network
    #[command(subcommand)]
    Facility(admin::FacilityCommand),
    /// Staff of the facilities
    #[command(subcommand)]
    Staff(admin::StaffCommand),
    /// Read FHIR files or an SS-MIX2 storage of a disclosing facility
    #[command(after_help = "Example: tsutsuji-hub intake --data hub --facility tsubaki /var/ssmix2 referral.json")]
    Intake {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        facility: record::FacilityId,
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Patients
    #[command(subcommand)]
    Patient(admin::PatientCommand),
    /// Planned visits
    #[command(subcommand)]
    Visit(admin::VisitCommand),
    /// Consent (同意)
    #[command(subcommand)]
    Consent(admin::ConsentCommand),
    /// Doctors' orders (訪問看護指示書)
    #[command(subcommand)]
    Order(admin::OrderCommand),
    /// Phones
    #[command(subcommand)]
    Device(admin::DeviceCommand),
    /// Visit notes that arrived
    #[command(subcommand)]
    Note(note::NoteCommand),
    /// What a person has to let in or send back
    #[command(subcommand)]
    Held(held::HeldCommand),
    /// The audit trail
    #[command(subcommand)]
    Audit(admin::AuditCommand),
}

/// Parses the command line, does it, and says how it went by the exit code.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        // The place only: a panic's message may carry a patient's words.
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        eprintln!("internal error at {place}; nothing that was stored is lost");
    }));
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("TSUTSUJI_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // A program that acts as this one may be listening already.
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).try_init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), HubError> {
    let out = Output { json: cli.json };
    match cli.command {
        Command::Init { data, name } => {
            let store = Store::init(&data.data, &name)?;
            let ca = store.keys().ca_fingerprint()?;
            out.say(&serde_json::json!({ "data": data.data, "name": name, "ca": ca }), |_| {
                format!(
                    "a new hub stands in {}; its keys are in {}: back them up apart from the database",
                    data.data.display(),
                    data.data.join("keys").display()
                )
            })
        }
        Command::Backup { file, data } => back_up(&data, &file, &out),
        Command::Restore { file, data } => restore::run(&data, &file, &out),
        Command::Serve { data, listen, url, certificate_days } => {
            let store = data.open()?;
            if let Some(days) = certificate_days {
                store.write(|tx| tx.put_meta(CERTIFICATE_DAYS, &days.to_string()))?;
            }
            serve(&store, &listen, url.as_deref(), &out)
        }
        Command::Compact { data, older_than } => {
            let store = data.open()?;
            let before = store.read(|tx| Ok(tx.now()))? - i64::from(older_than) * DAY_MS;
            out.say(&Checker::new(store).compact(before)?, |done| {
                format!(
                    "{} documents, {} entries: {} bytes before, {} bytes after",
                    done.documents, done.entries, done.bytes_before, done.bytes_after
                )
            })
        }
        Command::Facility(command) => admin::facility(command, &out),
        Command::Staff(command) => admin::staff(command, &out),
        Command::Intake { data, facility, paths } => {
            let report = crate::intake_run::run(&data.open()?, &facility, &paths)?;
            out.say(&report, |r| {
                let mut text = format!(
                    "read {}, new {}, unchanged {}, quarantined {}",
                    r.read,
                    r.new,
                    r.unchanged,
                    r.quarantined.len()
                );
                for item in &r.quarantined {
                    text.push_str(&format!("\n  {}: {}", item.path, item.reason));
                }
                text
            })
        }
        Command::Patient(command) => admin::patient(command, &out),
        Command::Visit(command) => admin::visit(command, &out),
        Command::Consent(command) => admin::consent(command, &out),
        Command::Order(command) => admin::order(command, &out),
        Command::Device(command) => admin::device(command, &out),
        Command::Note(command) => note::run(command, &out),
        Command::Held(command) => held::run(command, &out),
        Command::Audit(command) => admin::audit(command, &out),
    }
}

fn back_up(data: &Data, file: &Path, out: &Output) -> Result<(), HubError> {
    let made = data.open()?.backup(file)?;
    out.say(&made, |made| {
        let mut text = format!(
            "{} holds {} entries in {} bytes; {} holds {} photos, {} of them new; both open only with the keys in {}: keep those apart from them",
            made.file.display(),
            made.entries,
            made.bytes,
            made.photos_folder.display(),
            made.photos,
            made.photos_copied,
            data.data.join("keys").display()
        );
        text.push_str(&lacking(&made.photos_lacking, "is not here"));
        text.push_str(&lacking(&made.photos_awaited, "was asked for again and has not come"));
        text
    })?;
    // Loud, for whoever runs this by the clock: somebody should ask why.
    match made.photos_lacking.len() {
        0 => Ok(()),
        n => Err(HubError::PhotosLacking(n)),
    }
}

/// A line for each photo that is not here.
fn lacking(photos: &[LackingPhoto], why: &str) -> String {
    let line = |photo: &LackingPhoto| {
        let notes: Vec<String> = photo.notes.iter().map(|note| note.to_string()).collect();
        format!("\n  photo {} {why}; notes that name it: {}", photo.photo, notes.join(" "))
    };
    photos.iter().map(line).collect()
}

fn serve(store: &Store, listen: &str, url: Option<&str>, out: &Output) -> Result<(), HubError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| HubError::Listen(listen.to_string(), error))?;
    runtime.block_on(async {
        let serving = crate::serve::serve(store.clone(), listen, url).await?;
        out.say(&serde_json::json!({ "url": serving.url, "listen": serving.address.to_string() }), |_| {
            format!("ready: {}", serving.url)
        })?;
        wait_for_the_end().await;
        Ok(())
    })
}

/// Ctrl-C or a polite kill.
pub async fn wait_for_the_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Words for a person, or one JSON document for a script.
pub(crate) struct Output {
    pub json: bool,
}

impl Output {
    pub fn say<T: Serialize>(&self, value: &T, words: impl FnOnce(&T) -> String) -> Result<(), HubError> {
        let text = if self.json {
            serde_json::to_string(value).map_err(|_| HubError::Cbor(record::canonical::CborError::Write))?
        } else {
            words(value)
        };
        if !text.is_empty() {
            let mut stdout = std::io::stdout().lock();
            // A reader that went away is no failure of the work.
            let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        }
        Ok(())
    }

    pub fn list<T: Serialize>(&self, rows: &[T], words: impl Fn(&T) -> String) -> Result<(), HubError> {
        self.say(&rows, |_| rows.iter().map(words).collect::<Vec<_>>().join("\n"))
    }
}
