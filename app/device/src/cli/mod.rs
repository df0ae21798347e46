//! `tsutsuji-device`: the phone by hand and by script. Names and JSON shapes are fixed (DESIGN §9); fields may be added.

mod document;
mod invitation;
mod json;
mod note;
mod photo;
mod search;

use crate::capsule;
use crate::enrol;
use crate::error::DeviceError;
use crate::phone::Phone;
use crate::quiet;
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use protocol::{Failure, RefusalCode};
use record::{DocumentId, Form, PatientId};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use vault::{FileKeyStore, LockedVault, Pin, PinCost, RunningTime};
use zeroize::Zeroizing;

#[derive(Parser)]
#[command(name = "tsutsuji-device", version = protocol::VERSION, about = "Tsutsuji's phone without a face")]
struct Cli {
    /// The vault's file; its device key stands beside it as FILE.device-key
    #[arg(long, global = true, value_name = "FILE")]
    vault: Option<PathBuf>,
    /// A file that holds the PIN (PINs never stand in the command line)
    #[arg(long, global = true, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// One JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Enrol this device with an invitation of the station's manager
    #[command(
        after_help = "Example: tsutsuji-device enrol --vault a.vault --pin-file pin 'tsutsuji://enrol?hub=…'\nExample: tsutsuji-device enrol --vault a.vault --pin-file pin --picture invitation.png"
    )]
    Enrol(invitation::EnrolArguments),
    /// Send what is unsent and fetch what is new
    #[command(after_help = "Example: tsutsuji-device sync --vault a.vault --pin-file pin --json")]
    Sync,
    /// How the device stands: unsent notes, last sync, lease
    #[command(after_help = "Example: tsutsuji-device status --vault a.vault --pin-file pin")]
    Status,
    /// The patients on this device, in the order of their kana
    #[command(after_help = "Example: tsutsuji-device patients --search わたなべ --vault a.vault --pin-file pin --json")]
    Patients {
        /// Kana, name in any variant, birth date (S101015), patient number or town
        #[arg(long)]
        search: Option<String>,
    },
    /// A measured value over the confirmed visits of a patient; gaps are gaps
    #[command(
        after_help = "Example: tsutsuji-device vitals --patient p-000001 --field temperature_c --vault a.vault --pin-file pin --json"
    )]
    Vitals {
        #[arg(long)]
        patient: PatientId,
        #[arg(long)]
        field: String,
    },
    /// Words in everything that this device holds: notes, boards, forms, hospitals' records; newest first
    #[command(after_help = "Example: tsutsuji-device search 浮腫 --vault a.vault --pin-file pin --json")]
    Search(search::SearchArguments),
    /// Today's planned visits of this nurse
    #[command(after_help = "Example: tsutsuji-device today --vault a.vault --pin-file pin")]
    Today,
    /// Everything that the device holds of one patient
    #[command(after_help = "Example: tsutsuji-device show p-000001 --vault a.vault --pin-file pin --json")]
    Show { patient: PatientId },
    /// Visit notes (訪問看護記録書Ⅱ)
    #[command(subcommand)]
    Note(note::NoteCommand),
    /// Photos of a visit note
    #[command(subcommand)]
    Photo(photo::PhotoCommand),
    /// The station's other forms: 記録書Ⅰ, 計画書, 報告書
    #[command(subcommand)]
    Document(document::DocumentCommand),
    /// The patient's board (申し送り) and what is new
    #[command(subcommand)]
    Handover(document::HandoverCommand),
    /// What the monthly report needs
    #[command(subcommand)]
    Report(document::ReportCommand),
    /// What waits for the manager (管理者)
    #[command(subcommand)]
    Manager(document::ManagerCommand),
    /// The PIN of this vault
    #[command(subcommand)]
    Pin(PinCommand),
    /// Destroy this device's keys (lost PIN, change of hands); what was written stays sealed for the hub
    #[command(after_help = "Example: tsutsuji-device wipe --vault a.vault --pin-file pin")]
    Wipe {
        /// Nobody knows the PIN any more
        #[arg(long)]
        forgotten_pin: bool,
    },
    /// Sealed copies of what was written
    #[command(subcommand)]
    Capsule(CapsuleCommand),
    /// Check this vault: every row opened, every document read, the rows added up; changes nothing
    #[command(after_help = "Example: tsutsuji-device doctor --vault a.vault --pin-file pin")]
    Doctor,
}

const WIPED: &str = "this device's keys are gone; what was not sent yet is kept sealed: `capsule push` sends it";

#[derive(Subcommand)]
enum CapsuleCommand {
    /// Send what the hub has not received, sealed to it; needs no PIN
    #[command(after_help = "Example: tsutsuji-device capsule push --vault a.vault")]
    Push,
}

#[derive(Subcommand)]
enum PinCommand {
    /// After how many wrong PINs this device's keys go (3 to 100; 10 if never set)
    #[command(after_help = "Example: tsutsuji-device pin limit 10 --vault a.vault --pin-file pin")]
    Limit { wrong: u32 },
    /// A PIN for when somebody forces you: it opens an empty route, and leaves the records sealed
    #[command(
        after_help = "Example: tsutsuji-device pin duress --duress-pin-file other --vault a.vault --pin-file pin\nExample: tsutsuji-device pin duress --off --vault a.vault --pin-file pin"
    )]
    Duress {
        #[arg(long, value_name = "FILE", required_unless_present = "off")]
        duress_pin_file: Option<PathBuf>,
        /// Take it away
        #[arg(long, conflicts_with = "duress_pin_file")]
        off: bool,
    },
    /// Change the PIN; torn at any step, exactly one of the two opens the vault
    #[command(after_help = "Example: tsutsuji-device pin change --new-pin-file new --vault a.vault --pin-file pin")]
    Change {
        #[arg(long, value_name = "FILE")]
        new_pin_file: PathBuf,
    },
}

/// Parses the command line, does it, and says how it went by the exit code.
pub fn main() -> ExitCode {
    quiet::silence_panics();
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("TSUTSUJI_LOG"))
        .init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the system gave no event loop: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What a command line can get wrong beyond what the phone can.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("give {0}")]
    Missing(&'static str),
    #[error("a signature under note {0} does not verify; show it to the station's manager")]
    Unsound(DocumentId),
    #[error(
        "this vault is damaged; nothing was changed — sync what is unsent, keep the file, and ask the station's manager"
    )]
    Damaged,
    #[error("standard output is closed")]
    Output(#[source] std::io::Error),
}

impl<E> From<E> for CliError
where
    DeviceError: From<E>,
    E: NotDevice,
{
    fn from(error: E) -> Self {
        CliError::Device(error.into())
    }
}

/// Errors of the rooms below that become a `DeviceError` first.
trait NotDevice {}
impl NotDevice for vault::VaultError {}
impl NotDevice for protocol::UriError {}
impl NotDevice for crate::qr::QrError {}
impl NotDevice for record::visit_note::FieldError {}

async fn run(cli: Cli) -> Result<(), CliError> {
    let out = Output { json: cli.json };
    match cli.command {
        Command::Note(note::NoteCommand::Fields) => return note::fields(Form::VisitNote, &out),
        Command::Document(document::DocumentCommand::Fields { form }) => return note::fields(form, &out),
        _ => {}
    }
    let vault = cli.vault.ok_or(CliError::Missing("--vault FILE, the file that holds this device's records"))?;
    if let Command::Capsule(CapsuleCommand::Push) = cli.command {
        let pushed = capsule::push(&vault, &FileKeyStore::beside(&vault)).await?;
        let shown = serde_json::json!({ "sent": pushed.sent, "pages": pushed.pages, "wiped": pushed.wipe_ordered });
        return out.say(&shown, |_| {
            format!(
                "sent {} sealed copies; {} pages wait for the unlock{}",
                pushed.sent,
                pushed.pages,
                if pushed.wipe_ordered { "; this device was wiped" } else { "" }
            )
        });
    }
    if let Command::Wipe { forgotten_pin: true } = cli.command {
        LockedVault::open(&vault, &FileKeyStore::beside(&vault))?.wipe()?;
        return out.say(&serde_json::json!({ "wiped": true }), |_| WIPED.to_string());
    }
    let pin_file = cli.pin_file.ok_or(CliError::Missing("--pin-file FILE, a file that holds the PIN"))?;
    let pin = read_pin(&pin_file)?;
    let now = Timestamp::now();
    if let Command::Enrol(asked) = &cli.command {
        let uri = asked.invitation().await?;
        let identity = match asked.least_pin_cost {
            true => enrol::enrol(&vault, &uri, &pin, PinCost::FLOOR).await?,
            false => enrol::enrol_calibrated(&vault, &uri, &pin).await?,
        };
        return out.say(&json::Enrolled::from(&identity), |e| {
            format!("enrolled: device {} of {} at {} ({})", e.device, e.staff, e.station, e.hub)
        });
    }
    let store = FileKeyStore::beside(&vault);
    let phone = Phone::unlock(&vault, &store, &pin, now)?;
    if !matches!(cli.command, Command::Wipe { .. } | Command::Pin(_)) {
        // As a rule nothing waits, and this is one look.
        phone.catch_up();
    }
    match cli.command {
        Command::Enrol(_) | Command::Capsule(_) => Ok(()),
        Command::Doctor => {
            let shown = json::SelfCheckShown::from(&phone.self_check(now)?);
            // The next sync compares with the hub, whatever was found here.
            phone.want_digests()?;
            out.say(&shown, |c| {
                let word = if c.sound { "sound" } else { "DAMAGED" };
                format!("{word}: {} rows and {} documents checked", c.rows, c.documents)
            })?;
            if shown.sound { Ok(()) } else { Err(CliError::Damaged) }
        }
        Command::Wipe { .. } => {
            phone.wipe(&store)?;
            out.say(&serde_json::json!({ "wiped": true }), |_| WIPED.to_string())
        }
        Command::Sync => {
            // In the app this is done while it rests.
            if let Err(error) = phone.sweep_photos(RunningTime::now()) {
                tracing::warn!(%error, "photos that were taken away stay a while longer");
            }
            let report = match phone.sync().await {
                // A revoked device may still bring what was written, sealed, and hear whether its keys are to go.
                Err(DeviceError::Sync(Failure::Refused(RefusalCode::Revoked))) => {
                    return Err(match phone.push_copies(&store).await {
                        Ok(pushed) if pushed.wipe_ordered => {
                            phone.wipe(&store)?;
                            DeviceError::WipedByOrder
                        }
                        Ok(_) => DeviceError::RevokedButBrought,
                        Err(_) => DeviceError::Sync(Failure::Refused(RefusalCode::Revoked)),
                    }
                    .into());
                }
                // A full disk takes no receipt; what was written goes all the same, sealed.
                Err(DeviceError::Sync(Failure::Storage)) => {
                    return Err(match phone.push_copies(&store).await {
                        Ok(_) => DeviceError::FullButBrought,
                        Err(_) => DeviceError::Sync(Failure::Storage),
                    }
                    .into());
                }
                other => other?,
            };
            out.say(&json::Synced::new(&report, &phone.status(now)?, phone.photos_left()?), |s| {
                format!(
                    "sent {}, received {}, unsent {}, held {}, rejected {}; photos sent {}, left {}",
                    s.sent, s.received, s.unsent, s.held, s.rejected, s.photos_sent, s.photos_left
                )
            })
        }
        Command::Status => out.say(&json::StatusShown::new(&phone, &phone.status(now)?), |s| {
            format!(
                "unsent {}, patients {}, notes {}, last sync {}",
                s.unsent,
                s.patients,
                s.notes,
                s.last_sync.as_deref().unwrap_or("never")
            )
        }),
        Command::Patients { search } => {
            let found = phone.find_patients(search.as_deref().unwrap_or_default())?;
            out.list(&found.iter().map(json::PatientRow::from).collect::<Vec<_>>(), |p| {
                let birth = p.birth_date.as_deref().unwrap_or("-");
                format!("{}  {}  {}  {birth}  {}", p.id, p.kana, p.name, p.standing)
            })
        }
        Command::Vitals { patient, field } => {
            let points: Vec<json::TrendPoint> =
                phone.trend(&patient, &field)?.iter().map(json::TrendPoint::from).collect();
            out.list(&points, |p| {
                let value = p.value.map(|v| v.to_string()).or_else(|| p.unmeasured.clone()).unwrap_or_default();
                format!("{}  {value}", p.at.as_deref().unwrap_or("-"))
            })
        }
        Command::Search(asked) => search::run(&phone, &asked, &out, now),
        Command::Today => out.list(&phone.today(now)?.iter().map(json::TodayRow::from).collect::<Vec<_>>(), |v| {
            format!("{}  {} min  {}  {}", v.start, v.minutes, v.patient, v.visit)
        }),
        Command::Show { patient } => {
            let shown = phone.show_patient(&patient, now)?;
            out.say(&json::PatientShown::from(&shown), |s| s.lines())
        }
        Command::Note(command) => note::run(&phone, command, &out, now),
        Command::Photo(command) => photo::run(&phone, command, &out, now).await,
        Command::Document(command) => document::run(&phone, command, &out, now),
        Command::Handover(command) => document::handover(&phone, command, &out, now),
        Command::Report(command) => document::report(&phone, command, &out),
        Command::Manager(command) => document::manager(&phone, command, &out, now),
        Command::Pin(PinCommand::Limit { wrong }) => {
            phone.set_pin_limit(&store, wrong)?;
            out.say(&serde_json::json!({ "limit": wrong }), |_| format!("after {wrong} wrong PINs the keys go"))
        }
        Command::Pin(PinCommand::Duress { duress_pin_file, .. }) => {
            let other = duress_pin_file.map(|file| read_pin(&file)).transpose()?;
            phone.set_duress_pin(&store, other.as_ref())?;
            let word = if other.is_some() { "set" } else { "taken away" };
            out.say(&serde_json::json!({ "set": other.is_some() }), |_| format!("the PIN under duress was {word}"))
        }
        Command::Pin(PinCommand::Change { new_pin_file }) => {
            phone.change_pin(&store, &read_pin(&new_pin_file)?)?;
            out.say(&serde_json::json!({"changed": true}), |_| "the PIN was changed".to_string())
        }
    }
}

fn read_pin(file: &Path) -> Result<Pin, DeviceError> {
    let text = std::fs::read_to_string(file).map_err(|_| DeviceError::PinFile(file.to_path_buf()))?;
    let text = Zeroizing::new(text);
    Ok(Pin::new(text.trim())?)
}

/// Words for a person, or one JSON document for a script.
struct Output {
    json: bool,
}

impl Output {
    fn say<T: Serialize>(&self, value: &T, words: impl Fn(&T) -> String) -> Result<(), CliError> {
        self.print(value, || words(value))
    }

    fn list<T: Serialize>(&self, rows: &[T], words: impl Fn(&T) -> String) -> Result<(), CliError> {
        self.print(&rows, || rows.iter().map(words).collect::<Vec<_>>().join("\n"))
    }

    fn print<T: Serialize>(&self, value: &T, words: impl FnOnce() -> String) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        let text = if self.json {
            serde_json::to_string(value).map_err(|error| CliError::Output(error.into()))?
        } else {
            words()
        };
        if text.is_empty() {
            return Ok(());
        }
        writeln!(stdout, "{text}").map_err(CliError::Output)
    }
}
