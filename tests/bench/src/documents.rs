//! What a sync does with its documents, on the same bytes and without a vault: nothing is read, sealed or stored.

use crate::Done;
use crate::cost::spent;
use device::FileKeyStore;
use protocol::FeedItem;
use record::visit_note::{Actor, Draft, Encoding, changes};
use record::{DocumentId, Form};
use std::path::Path;
use std::time::Duration;
use vault::{Pin, RunningTime, StoredNote, Vault};

/// A second window on a phone's vault: what stands there, before the phone goes on.
pub struct Window(Vault);

impl Window {
    pub fn open(vault: &Path, pin: &Pin) -> Done<Self> {
        Ok(Self(Vault::open(vault, &FileKeyStore::beside(vault), pin, RunningTime::now())?))
    }

    /// Documents with changes that no entry carries yet.
    pub fn unsent(&mut self) -> Done<Vec<StoredNote>> {
        let docs = self.0.read(|tx| tx.dirty_notes())?;
        self.of(docs)
    }

    /// Those that items of a feed belong to, as far as they stand here.
    pub fn named(&mut self, items: &[FeedItem]) -> Done<Vec<StoredNote>> {
        self.of(items.iter().filter(|item| form_of(item).is_some()).map(|item| item.doc).collect())
    }

    fn of(&mut self, docs: Vec<DocumentId>) -> Done<Vec<StoredNote>> {
        let notes = self.0.read(|tx| docs.iter().map(|doc| tx.note(*doc)).collect::<Result<Vec<_>, _>>())?;
        Ok(notes.into_iter().flatten().collect())
    }
}

fn form_of(item: &FeedItem) -> Option<Form> {
    Form::from_tag(item.kind.into())
}

fn opened(note: &StoredNote, actor: Actor) -> Done<Draft> {
    Ok(Draft::load(note.row.note, note.row.form, &note.document, &note.tail, actor)?)
}

/// Freezing what is unsent into entries.
pub fn freezing(unsent: &[StoredNote], actor: Actor) -> Done<Duration> {
    let ((), cost) = spent(|| {
        for note in unsent {
            let mut draft = opened(note, actor)?;
            let new = draft.entry_of(actor.device, note.sent)?;
            if new.is_none_or(|new| new.encoding != Encoding::Columns) {
                std::hint::black_box(draft.save());
            }
        }
        Ok(())
    })?;
    Ok(cost.cpu)
}

/// Merging what a feed brought, each item into its document, up to the words of its list row.
pub fn merging(items: &[FeedItem], standing: &[StoredNote], actor: Actor) -> Done<Duration> {
    let ((), cost) = spent(|| {
        for item in items {
            let Some(form) = form_of(item) else { continue };
            let encoding = Encoding::try_from(item.enc)?;
            match standing.iter().find(|note| note.row.note == item.doc) {
                None if encoding == Encoding::Columns => {
                    let mut draft = Draft::received(item.doc, form, &item.bytes, actor)?;
                    std::hint::black_box(draft.outline()?);
                }
                known => {
                    let incoming = changes::decode(item.doc, form, encoding, &item.bytes)?;
                    let mut draft = match known {
                        Some(note) => opened(note, actor)?,
                        None => Draft::new(item.doc, form, actor),
                    };
                    draft.apply(&incoming)?;
                    std::hint::black_box(draft.outline()?);
                    std::hint::black_box(draft.save());
                }
            }
        }
        Ok(())
    })?;
    Ok(cost.cpu)
}
