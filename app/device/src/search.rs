//! 検索: words of any length in everything that this phone holds. The vault keeps and searches the texts; what of a document
//! is searched is said here.
//!
//! Neither a query nor a hit ever reaches a log.

use crate::error::DeviceError;
use crate::note::open_whole;
use crate::phone::{Hand, Phone};
use crate::read;
use jiff::Timestamp;
use record::calendar::day_in_japan;
use record::text_search;
use record::visit_note::{FieldKind, FieldValue, NoteView, photos};
use record::{DisclosedRecord, Form, PatientId, canonical};
use vault::{Found, Hit, Looked, NoteRow, Piece, Scope, SearchKind, SearchText, Source, Tx, Unread, VaultError};

/// Documents read again in one transaction while somebody waits for the search.
const BATCH: usize = 100;
/// The same in quiet moments: a nurse's typing waits for no more than these.
const QUIET_BATCH: usize = 10;
/// A search that others keep writing under reads what is left in its own transaction.
const ROUNDS: usize = 100;
/// Fields whose word is the number of another record.
const NUMBERS: [&str; 2] = ["copied_from", "copied_to"];

/// What a search found, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchShown {
    pub hits: Vec<Hit>,
    /// How many there are, shown or not.
    pub total: usize,
    /// Documents that cannot be read: not empty means that the search is incomplete.
    pub unread: Vec<Unread>,
    /// 開示情報の期限切れ: disclosed records were not searched.
    pub lease_lapsed: bool,
}

impl Phone {
    /// Documents in which every word of the query stands, in one patient's or in all, at most `most` of them shown.
    ///
    /// What was saved before the call is found: documents that changed since the last search are read first.
    pub fn search(
        &self,
        query: &str,
        patient: Option<&PatientId>,
        most: usize,
        now: Timestamp,
    ) -> Result<SearchShown, DeviceError> {
        let words = text_search::words(query);
        if words.is_empty() {
            return Ok(SearchShown::default());
        }
        for _ in 0..ROUNDS {
            let shown = self.read(|tx| {
                let (scope, lapsed) = scope(tx, patient, most, now)?;
                Ok(match tx.search(&words, &scope)? {
                    Looked::Found(found) => Some(shown(tx, found, lapsed)?),
                    Looked::Stale => None,
                })
            })?;
            if let Some(shown) = shown {
                return Ok(shown);
            }
            match self.write(|tx| self.read_again(tx, patient, BATCH, now)) {
                Ok(_) => {}
                // A full disk keeps nobody from searching: what is read again is then not kept.
                Err(DeviceError::Vault(VaultError::Full | VaultError::InUse | VaultError::Write(_))) => break,
                Err(error) => return Err(error),
            }
        }
        self.search_without_keeping(&words, patient, most, now)
    }

    /// For quiet moments: reads again some of what changed since it was last read, so that the next search need not. Says
    /// whether more is left.
    pub fn refresh_search(&self, now: Timestamp) -> Result<bool, DeviceError> {
        // Most of the time there is nothing to do, and nothing is written then.
        if !self.read(|tx| is_stale(tx, now))? {
            return Ok(false);
        }
        self.write(|tx| self.read_again(tx, None, QUIET_BATCH, now))
    }

    /// One transaction that reads everything that changed, searches, and is taken back.
    fn search_without_keeping(
        &self,
        words: &[String],
        patient: Option<&PatientId>,
        most: usize,
        now: Timestamp,
    ) -> Result<SearchShown, DeviceError> {
        let mut answer = None;
        let end = self.write(|tx| {
            while self.read_again(tx, patient, BATCH, now)? {}
            let (scope, lapsed) = scope(tx, patient, most, now)?;
            if let Looked::Found(found) = tx.search(words, &scope)? {
                answer = Some(shown(tx, found, lapsed)?);
            }
            Err::<(), _>(VaultError::Full.into())
        });
        match (answer, end) {
            (Some(shown), _) => Ok(shown),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(VaultError::Full.into()),
        }
    }

    fn read_again(
        &self,
        tx: &mut Tx<'_>,
        patient: Option<&PatientId>,
        most: usize,
        now: Timestamp,
    ) -> Result<bool, DeviceError> {
        let hand = self.hand();
        let (scope, _) = scope(tx, patient, 0, now)?;
        tx.refresh_search(&scope, most, &mut |tx, source| match source {
            Source::Note(row) => note_piece(tx, *row, hand),
            Source::Record(item) => Ok(record_piece(&item.body)),
        })
    }
}

fn scope<'a>(
    tx: &mut Tx<'_>,
    patient: Option<&'a PatientId>,
    most: usize,
    now: Timestamp,
) -> Result<(Scope<'a>, bool), DeviceError> {
    let lapsed = read::lease_lapsed(tx, now)?;
    Ok((Scope { patient, records: !lapsed, most }, lapsed))
}

fn is_stale(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, DeviceError> {
    let (scope, _) = scope(tx, None, 0, now)?;
    Ok(tx.search_is_stale(&scope)?)
}

fn shown(tx: &mut Tx<'_>, found: Found, lapsed: bool) -> Result<SearchShown, DeviceError> {
    let Found { hits, total, unread } = found;
    Ok(SearchShown { hits, total, unread, lease_lapsed: lapsed && tx.has_records_to_search()? })
}

/// A document as it reads now: draft, or confirmed with its corrections.
fn note_piece(tx: &mut Tx<'_>, row: NoteRow, hand: Hand<'_>) -> Result<Piece, DeviceError> {
    let opened = open_whole(tx, row.note, hand).and_then(|(_, mut whole)| Ok(whole.view()?));
    let view = match opened {
        Ok(view) => view,
        Err(error) if error.is_retryable() => return Err(error),
        Err(error) => {
            tracing::warn!(note = %row.note, %error, "a note cannot be read and is not searched");
            return Ok(Piece::Unreadable);
        }
    };
    let lines = lines(row.form, &view);
    if lines.is_empty() {
        return Ok(Piece::Nothing);
    }
    let at = view.time("started_at").or_else(|| view.time("planned_start")).unwrap_or(row.changed_at);
    Ok(Piece::Text(SearchText {
        kind: SearchKind::Form(row.form),
        day: day_in_japan(at),
        at: at.as_millisecond(),
        text: text_search::fold(&lines.join("\n")),
    }))
}

/// The words of a document, free texts first: what was written, and the name of every box that was ticked. Numbers, times and
/// the codes behind a choice are no words. Of values that wait for a choice each side counts.
fn lines(form: Form, view: &NoteView) -> Vec<String> {
    let (mut texts, mut others) = (Vec::new(), Vec::new());
    let sides = view.conflicts.iter().flat_map(|c| c.values.iter().map(|side| (&c.field, &side.value)));
    for (name, value) in view.fields.iter().chain(sides) {
        let field = form.field(name).ok();
        match (field.map(|field| field.kind), value) {
            (Some(FieldKind::Choice(codes)), FieldValue::Word(word)) if codes.contains(&word.as_str()) => {}
            _ if NUMBERS.contains(&name.as_str()) || photos::is_code(name) => {}
            (Some(FieldKind::Text(_)), FieldValue::Word(word)) => texts.push(word.clone()),
            (_, FieldValue::Word(word) | FieldValue::Unmeasured(word)) => others.push(word.clone()),
            (_, FieldValue::Flag(true)) => others.extend(field.map(|field| field.label_ja.to_string())),
            _ => {}
        }
    }
    texts.append(&mut others);
    texts.retain(|line| !line.trim().is_empty());
    texts
}

/// A disclosed record as a screen shows it. One deleted at its source, or that this version cannot read, is not shown there either.
fn record_piece(body: &[u8]) -> Piece {
    let Ok(record) = canonical::from_bytes::<DisclosedRecord>(body) else { return Piece::Nothing };
    if record.deleted {
        return Piece::Nothing;
    }
    let head = [Some(&record.text), record.value.as_ref(), record.unit.as_ref(), record.detail.as_ref()];
    let mut text = head.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    if let Some(body) = &record.body {
        text.push('\n');
        text.push_str(body);
    }
    Piece::Text(SearchText {
        kind: SearchKind::Record(record.class),
        day: record.date.unwrap_or_else(|| day_in_japan(record.as_of)),
        at: record.as_of.as_millisecond(),
        text: text_search::fold(&text),
    })
}
