//! Composition, DocumentReference, DiagnosticReport → document: a title and its whole text in plain text.

use super::base64;
use super::bundle::{Delivery, Entry};
use super::draft::{Draft, NAMELESS, Reason, WRONG_SHAPE, is_error, is_withdrawn};
use super::model::{Attachment, CodeableConcept, Many, Narrative, Period, Reference};
use crate::text::{detail, labelled, plain_text};
use record::DataClass;
use serde::Deserialize;

/// A nurse reads a letter on a phone; what is larger is not one.
const MAX_INLINE_BYTES: usize = 256 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Composition {
    title: Option<String>,
    #[serde(rename = "type")]
    kind: Option<CodeableConcept>,
    date: Option<String>,
    author: Many<Reference>,
    section: Many<Section>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Section {
    title: Option<String>,
    code: Option<CodeableConcept>,
    text: Option<Narrative>,
    section: Many<Section>,
}

pub(super) fn composition<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>) -> Result<Vec<Draft>, Reason> {
    let composition: Composition = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let kind = composition.kind.unwrap_or_default();
    let title = composition.title.filter(|title| !title.trim().is_empty()).or_else(|| kind.words());
    let mut draft = Draft::new(DataClass::Document, title.ok_or(NAMELESS)?);
    draft.code = kind.code();
    draft.deleted = is_error(entry.header.status.as_deref());
    draft.dated(composition.date.as_deref());
    let mut parts = Vec::new();
    composition.section.iter().for_each(|section| section.write(&mut parts));
    draft.body = body(parts);
    draft.detail = detail([
        kind.words().filter(|words| *words != draft.text),
        labelled("作成", detail(composition.author.iter().map(|author| author_name(delivery, entry, author)))),
    ]);
    Ok(vec![draft])
}

impl Section {
    /// 【title】, its text, then its sections. Nesting is bounded by the limit on the JSON's depth.
    fn write(&self, parts: &mut Vec<String>) {
        let title = self.title.clone().filter(|title| !title.trim().is_empty());
        let title = title.or_else(|| self.code.as_ref().and_then(CodeableConcept::words));
        let text = self.text.as_ref().and_then(|t| t.div.as_deref()).map(plain_text).unwrap_or_default();
        if !text.is_empty() {
            parts.push(match title {
                Some(title) => format!("【{}】\n{text}", title.trim()),
                None => text,
            });
        }
        self.section.iter().for_each(|section| section.write(parts));
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Author {
    name: Many<AuthorName>,
}

/// An Organization's name is a text, a Practitioner's a list of names.
#[derive(Deserialize)]
#[serde(untagged)]
enum AuthorName {
    Text(String),
    Person { text: String },
}

/// The named resource's own name; the reference's display is often only a label.
fn author_name<'a>(delivery: &Delivery<'a>, entry: &Entry<'a>, author: &Reference) -> Option<String> {
    let resource = delivery.resolve(&entry.header, author);
    let named = resource.and_then(|raw| serde_json::from_str::<Author>(raw).ok());
    let name = named.and_then(|author| author.name.0.into_iter().next()).map(|name| match name {
        AuthorName::Text(text) | AuthorName::Person { text } => text,
    });
    name.or_else(|| author.display.clone())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DocumentReference {
    #[serde(rename = "type")]
    kind: Option<CodeableConcept>,
    date: Option<String>,
    description: Option<String>,
    content: Many<Content>,
    context: Option<Context>,
    doc_status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    attachment: Option<Attachment>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    period: Option<Period>,
}

pub(super) fn reference(entry: &Entry<'_>) -> Result<Vec<Draft>, Reason> {
    let document: DocumentReference = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let attachments: Vec<&Attachment> = document.content.iter().filter_map(|c| c.attachment.as_ref()).collect();
    let kind = document.kind.unwrap_or_default();
    let titles = attachments.iter().find_map(|a| a.title.clone());
    let title = document.description.or(titles).filter(|title| !title.trim().is_empty()).or_else(|| kind.words());

    let mut draft = Draft::new(DataClass::Document, title.ok_or(NAMELESS)?);
    draft.code = kind.code();
    draft.deleted = is_error(entry.header.status.as_deref()) || is_error(document.doc_status.as_deref());
    let written = document.date.or_else(|| attachments.iter().find_map(|a| a.creation.clone()));
    draft.dated(written.or(document.context.and_then(|c| c.period).and_then(|p| p.start)).as_deref());
    draft.body = body(attachments.iter().filter_map(|a| a.words()).collect());
    // A nurse must know that there is more than the text before her.
    let unread = attachments
        .iter()
        .filter(|a| a.words().is_none())
        .map(|a| Some(format!("添付 {}（本文はここにありません）", a.content_type.as_deref().unwrap_or("形式不明"))));
    draft.detail = detail(unread.chain([kind.words().filter(|words| *words != draft.text)]));
    Ok(vec![draft])
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    code: Option<CodeableConcept>,
    effective_date_time: Option<String>,
    effective_period: Option<Period>,
    issued: Option<String>,
    conclusion: Option<String>,
    conclusion_code: Many<CodeableConcept>,
    presented_form: Many<Attachment>,
}

/// A report with words of its own. One that only gathers Observations gives no record: they are read as such.
pub(super) fn report(entry: &Entry<'_>) -> Result<Vec<Draft>, Reason> {
    let report: Report = serde_json::from_str(entry.raw).map_err(|_| WRONG_SHAPE)?;
    let code = report.code.unwrap_or_default();
    let concluded = report.conclusion.clone().map(|words| plain_lines(&words));
    let coded = detail(report.conclusion_code.iter().map(CodeableConcept::words));
    let forms = report.presented_form.iter().filter_map(Attachment::words);
    let body = body(concluded.into_iter().chain(coded).chain(forms).collect());
    if body.is_none() && report.presented_form.is_empty() {
        return Ok(Vec::new());
    }
    let mut draft = Draft::new(DataClass::Document, code.words().ok_or(NAMELESS)?);
    draft.code = code.code();
    draft.deleted = is_withdrawn(entry.header.status.as_deref());
    draft.body = body;
    let effective = report.effective_date_time.or(report.effective_period.and_then(|p| p.start));
    draft.dated(effective.or(report.issued).as_deref());
    let unread =
        report.presented_form.iter().filter(|a| a.words().is_none()).map(|a| {
            Some(format!("添付 {}（本文はここにありません）", a.content_type.as_deref().unwrap_or("形式不明")))
        });
    draft.detail = detail(unread);
    Ok(vec![draft])
}

impl Attachment {
    /// The text of an inline text attachment.
    fn words(&self) -> Option<String> {
        let content_type = self.content_type.as_deref()?.to_ascii_lowercase();
        let (media, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
        let is_html = matches!(media.trim(), "text/html" | "application/xhtml+xml");
        if media.trim() != "text/plain" && !is_html {
            return None;
        }
        let bytes = base64::decode(self.data.as_deref()?, MAX_INLINE_BYTES)?;
        let label = parameters.split(';').find_map(|p| p.trim().strip_prefix("charset="));
        let encoding = label.and_then(|l| encoding_rs::Encoding::for_label(l.trim_matches('"').as_bytes()));
        let (text, _, _) = encoding.unwrap_or(encoding_rs::UTF_8).decode(&bytes);
        let words = if is_html { plain_text(&text) } else { plain_lines(&text) };
        (!words.is_empty()).then_some(words)
    }
}

fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

fn body(parts: Vec<String>) -> Option<String> {
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    (!text.is_empty()).then_some(text)
}
