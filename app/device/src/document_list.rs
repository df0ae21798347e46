//! 書類: the station's own documents of one patient, each with its month and how it stands.

use crate::error::DeviceError;
use crate::note::show;
use crate::phone::Phone;
use record::visit_note::AmendmentState;
use record::{Form, PatientId};
use vault::NoteRow;

/// A line of a patient's documents.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentListed {
    pub row: NoteRow,
    /// 対象月, such as `2026-11`; none for a form that is kept once.
    pub month: Option<String>,
    /// 訂正済: a correction is in effect.
    pub amended: bool,
}

impl Phone {
    /// 記録書Ⅰ, 計画書 and 報告書 of a patient; of each form the latest month first.
    pub fn documents_of(&self, patient: &PatientId) -> Result<Vec<DocumentListed>, DeviceError> {
        self.read(|tx| {
            let mut listed = Vec::new();
            for form in [Form::IntakeRecord, Form::CarePlan, Form::VisitReport] {
                for row in tx.note_rows(form, Some(patient))? {
                    // One that cannot be read stands in the list all the same: its own screen says what is wrong.
                    let shown = show(tx, row.note, self.hand()).ok();
                    listed.push(DocumentListed {
                        month: shown.as_ref().and_then(|shown| shown.view.word("month")).map(str::to_string),
                        amended: shown
                            .is_some_and(|shown| shown.amendments.iter().any(|a| a.state == AmendmentState::Accepted)),
                        row,
                    });
                }
            }
            listed.sort_by(|a, b| (a.row.form, &b.month).cmp(&(b.row.form, &a.month)));
            Ok(listed)
        })
    }
}
