//! The list of patients: search by kana, name in any variant, birth date, number or town.

use device::read::{PatientList, PatientRow};
use device::record::PatientId;
use device::record::patient_search::PatientIndex;
use std::collections::{BTreeMap, BTreeSet};

/// A row of the 五十音: あ か さ … わ, none for readings that do not begin with kana.
pub type KanaGroup<'a> = (Option<char>, Vec<&'a PatientRow>);

/// The list as it was read, folded once: a key only searches.
pub struct Listed {
    rows: Vec<PatientRow>,
    index: PatientIndex,
    /// Where in `rows` somebody stands.
    places: BTreeMap<PatientId, usize>,
    /// Whose reading or name is also another's.
    pub same: BTreeSet<PatientId>,
}

impl Listed {
    pub fn of(list: PatientList) -> Self {
        let PatientList { rows, index } = list;
        let places = rows.iter().enumerate().map(|(at, row)| (row.patient.id.clone(), at)).collect();
        Self { same: index.same_reading(), rows, index, places }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that the query finds, the likeliest first; all of them, in the order of their kana, while nothing is typed.
    pub fn found(&self, query: &str) -> Vec<&PatientRow> {
        self.index.search(query).iter().filter_map(|id| self.row_of(id)).collect()
    }

    /// The whole list under the rows of the 五十音.
    pub fn by_kana(&self) -> Vec<KanaGroup<'_>> {
        let rows = self.index.rows().into_iter();
        rows.map(|kana| (kana.row, kana.patients.iter().filter_map(|id| self.row_of(id)).collect())).collect()
    }

    fn row_of(&self, id: &PatientId) -> Option<&PatientRow> {
        self.rows.get(*self.places.get(id)?)
    }
}

/// The first rows of the list under their headings; no heading stands without a row.
pub fn first_rows(groups: Vec<KanaGroup<'_>>, mut rows: usize) -> Vec<KanaGroup<'_>> {
    let mut first = Vec::new();
    for (kana, mut patients) in groups {
        patients.truncate(rows);
        if patients.is_empty() {
            break;
        }
        rows -= patients.len();
        first.push((kana, patients));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use device::record::Patient;

    fn listed(rows: Vec<PatientRow>) -> Listed {
        let patients: Vec<Patient> = rows.iter().map(|row| row.patient.clone()).collect();
        Listed::of(PatientList { index: PatientIndex::new(&patients), rows })
    }

    fn named(id: &str, kana: &str) -> Result<PatientRow, device::record::ids::IdError> {
        let patient = Patient { kana: kana.into(), ..samples::patient(id)? };
        Ok(PatientRow { patient, as_of: None, is_light: false })
    }

    #[test]
    fn the_list_stands_under_the_rows_of_the_kana_and_loses_nobody() -> Result<(), Box<dyn std::error::Error>> {
        let list =
            listed(vec![named("1", "ワタナベ")?, named("2", "ガトウ")?, named("3", "Smith")?, named("4", "カトウ")?]);
        let groups = list.by_kana();
        let said: Vec<(Option<char>, Vec<&str>)> =
            groups.iter().map(|(row, rows)| (*row, rows.iter().map(|row| row.patient.id.as_str()).collect())).collect();
        assert_eq!(said, [(Some('か'), vec!["4", "2"]), (Some('わ'), vec!["1"]), (None, vec!["3"])]);
        Ok(())
    }

    #[test]
    fn the_first_rows_stand_under_their_headings_and_no_heading_without_one() -> Result<(), Box<dyn std::error::Error>>
    {
        let list =
            listed(vec![named("1", "ワタナベ")?, named("2", "ガトウ")?, named("3", "Smith")?, named("4", "カトウ")?]);
        let rows_of = |rows| -> Vec<(Option<char>, usize)> {
            let first = first_rows(list.by_kana(), rows);
            first.iter().map(|(kana, patients)| (*kana, patients.len())).collect()
        };
        assert!(rows_of(0).is_empty());
        assert_eq!(rows_of(1), [(Some('か'), 1)]);
        assert_eq!(rows_of(2), [(Some('か'), 2)]);
        assert_eq!(rows_of(3), [(Some('か'), 2), (Some('わ'), 1)]);
        assert_eq!(rows_of(9), [(Some('か'), 2), (Some('わ'), 1), (None, 1)]);
        Ok(())
    }

    #[test]
    fn at_j2_every_way_to_type_a_reading_finds_the_patient() -> Result<(), Box<dyn std::error::Error>> {
        let patient = Patient {
            name: "渡邊 花".into(),
            kana: "ワタナベ ハナ".into(),
            birth_date: Some("1935-10-15".parse()?),
            ..samples::patient("p-1")?
        };
        let list = listed(vec![PatientRow { patient, as_of: None, is_light: false }]);
        for query in ["わたなべ", "ﾜﾀﾅﾍﾞ", "ワタナベ", "はな", "渡邊", "渡辺", "S101015", ""] {
            assert_eq!(list.found(query).len(), 1, "{query}");
        }
        assert!(list.found("やまだ").is_empty());
        Ok(())
    }
}
