//! `tsutsuji-device photo …`

use super::{CliError, Output};
use crate::error::DeviceError;
use crate::phone::Phone;
use crate::photo::{PhotoSaid, PhotoShown};
use clap::Subcommand;
use jiff::Timestamp;
use record::calendar::rfc3339_in_japan;
use record::photo::PHOTO_LIMIT;
use record::{ContentHash, DocumentId};
use serde::Serialize;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Subcommand)]
pub enum PhotoCommand {
    /// Take a picture into a note; where and with what it was taken is stripped from it
    #[command(
        after_help = "Example: tsutsuji-device photo add NOTE wound.jpg --body-site 仙骨部 --consent --vault a.vault --pin-file pin"
    )]
    Add {
        note: DocumentId,
        /// A JPEG, PNG or WebP picture of at most 8 MiB
        file: PathBuf,
        #[arg(long, value_name = "SITE")]
        body_site: String,
        /// The patient agreed to this photo
        #[arg(long)]
        consent: bool,
        #[arg(long, default_value = "")]
        caption: String,
    },
    /// The photos of a note, oldest first
    #[command(after_help = "Example: tsutsuji-device photo list NOTE --vault a.vault --pin-file pin --json")]
    List { note: DocumentId },
    /// Take a photo away from a note that is not confirmed; its bytes leave this device ten minutes later, with a sync
    #[command(after_help = "Example: tsutsuji-device photo remove NOTE PHOTO --vault a.vault --pin-file pin")]
    Remove { note: DocumentId, photo: ContentHash },
    /// Write a photo into a file of yours, in clear; a colleague's is fetched from the hub first
    #[command(
        after_help = "Example: tsutsuji-device photo show NOTE PHOTO --out wound.jpg --vault a.vault --pin-file pin"
    )]
    Show {
        note: DocumentId,
        photo: ContentHash,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Serialize)]
struct Listed {
    photo: ContentHash,
    number: u8,
    body_site: String,
    caption: String,
    taken_at: Option<String>,
    consent: bool,
    bytes: Option<u64>,
    media_type: String,
    /// In this vault already.
    here: bool,
    received_at: Option<String>,
}

impl From<PhotoShown> for Listed {
    fn from(shown: PhotoShown) -> Self {
        let photo = shown.photo;
        Self {
            photo: photo.hash,
            number: photo.number,
            body_site: photo.body_site,
            caption: photo.caption,
            taken_at: photo.taken_at.map(rfc3339_in_japan),
            consent: photo.consent,
            bytes: photo.bytes,
            media_type: photo.media_type,
            here: shown.is_here,
            received_at: shown.received_at.map(rfc3339_in_japan),
        }
    }
}

pub async fn run(phone: &Phone, command: PhotoCommand, out: &Output, now: Timestamp) -> Result<(), CliError> {
    match command {
        PhotoCommand::Add { note, file, body_site, consent, caption } => {
            let said = PhotoSaid { body_site: &body_site, caption: &caption, consent };
            let photo = phone.add_photo(note, &read(&file)?, &said, now)?;
            out.say(&serde_json::json!({ "note": note, "photo": photo }), |_| format!("saved on this device: {photo}"))
        }
        PhotoCommand::List { note } => {
            let listed: Vec<Listed> = phone.note_photos(note)?.into_iter().map(Listed::from).collect();
            out.list(&listed, |p| format!("{}  {}  {}", p.photo, p.body_site, p.taken_at.as_deref().unwrap_or("-")))
        }
        PhotoCommand::Remove { note, photo } => {
            phone.remove_photo(note, photo, now)?;
            out.say(&serde_json::json!({ "note": note, "photo": photo }), |_| {
                format!("taken away from the note: {photo}; what has come to the hub stays in its history")
            })
        }
        PhotoCommand::Show { note, photo, out: file } => {
            let bytes = phone.open_photo(note, photo).await?;
            write(&file, &bytes)?;
            eprintln!("this photo now also stands in clear outside the vault; delete the file when it was looked at");
            let shown = serde_json::json!({ "note": note, "photo": photo, "out": file, "bytes": bytes.len() });
            out.say(&shown, |_| format!("written: {}", file.display()))
        }
    }
}

/// A picture's file, as far as it may go.
pub fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, DeviceError> {
    let mut bytes = Zeroizing::new(Vec::new());
    // One byte more than is taken: larger is told from as large as may be.
    let opened = std::fs::File::open(file).map_err(DeviceError::PhotoFile)?;
    opened.take(PHOTO_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(DeviceError::PhotoFile)?;
    Ok(bytes)
}

/// Never over another file, and readable by its owner only.
fn write(file: &Path, bytes: &[u8]) -> Result<(), DeviceError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).and_then(|mut file| file.write_all(bytes)).map_err(DeviceError::PhotoFile)
}
