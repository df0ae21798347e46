//! Root v1: what every device makes alike. Deterministic, and it never changes: two phones that open one visit from nothing
//! share it.
//!
//! `about` says whose note it is, `authors` which person held which device, `fields` the values, `texts` the free texts. A text
//! that root v1 does not hold is a deterministic change of its own on the root, made by whoever writes into it first.

use crate::form::Form;
use crate::ids::DocumentId;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ObjType, ROOT, ReadDoc, TextEncoding, Value};

pub(super) const ABOUT: &str = "about";
pub(super) const AUTHORS: &str = "authors";
pub(super) const FIELDS: &str = "fields";
pub(super) const TEXTS: &str = "texts";
/// What the message of a deterministic field change begins with.
pub(in crate::visit_note) const FIELD_MESSAGE: &str = "field ";

/// Root v1. Every byte of it is fixed for ever: see the vectors in the tests.
pub(super) fn root_document(id: DocumentId, form: Form) -> AutoCommit {
    let actor = root_actor(id, form);
    let mut doc =
        AutoCommit::new_with_encoding(TextEncoding::UnicodeCodePoint).with_actor(ActorId::from(actor.0.to_vec()));
    let built = (|| {
        doc.put_object(ROOT, ABOUT, ObjType::Map)?;
        doc.put_object(ROOT, AUTHORS, ObjType::Map)?;
        doc.put_object(ROOT, FIELDS, ObjType::Map)?;
        let texts = doc.put_object(ROOT, TEXTS, ObjType::Map)?;
        for field in form.root_texts() {
            doc.put_object(&texts, field.name, ObjType::Text)?;
        }
        Ok::<(), automerge::AutomergeError>(())
    })();
    built.expect("putting objects into an empty document of our own cannot fail");
    doc.commit_with(CommitOptions::default().with_message(root_message(id, form)).with_time(0));
    doc
}

// The note's root is older than the other forms and carries no form's name.

pub(super) fn root_actor(id: DocumentId, form: Form) -> DocumentId {
    match form {
        Form::VisitNote => DocumentId::derive("root actor v1", &id.0),
        other => DocumentId::derive(&format!("root actor v1 {other}"), &id.0),
    }
}

pub(super) fn root_message(id: DocumentId, form: Form) -> String {
    match form {
        Form::VisitNote => id.to_string(),
        other => format!("{id} {other}"),
    }
}

pub(super) fn field_actor(id: DocumentId, name: &str) -> DocumentId {
    DocumentId::derive(&format!("field actor v1 {name}"), &id.0)
}

pub(super) fn root_change(id: DocumentId, form: Form) -> Change {
    root_document(id, form).get_last_local_change().expect("the root document has just committed its one change")
}

/// The change that adds a text to a document whose root does not hold it. Equal on every device, for ever.
pub(in crate::visit_note) fn field_change(id: DocumentId, form: Form, name: &str) -> Change {
    let actor = field_actor(id, name);
    let mut doc = root_document(id, form).with_actor(ActorId::from(actor.0.to_vec()));
    let texts = match doc.get(ROOT, TEXTS) {
        Ok(Some((Value::Object(ObjType::Map), texts))) => texts,
        _ => unreachable!("the root document holds its texts"),
    };
    doc.put_object(&texts, name, ObjType::Text).expect("putting a text into a document of our own cannot fail");
    doc.commit_with(CommitOptions::default().with_message(format!("{FIELD_MESSAGE}{name}")).with_time(0));
    doc.get_last_local_change().expect("the document has just committed a change")
}
