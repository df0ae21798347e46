//! The list of patients: search by kana, name in any variant, birth date, number or town.

use device::read::PatientRow;
use device::record::patient_search::PatientIndex;
use device::record::{Patient, PatientId};

/// Rows that the query finds, the likeliest first; all of them, in the order of their kana, while nothing is typed.
pub fn found<'a>(rows: &'a [PatientRow], index: &PatientIndex, query: &str) -> Vec<&'a PatientRow> {
    index.search(query).iter().filter_map(|id| rows.iter().find(|row| row.patient.id == *id)).collect()
}

pub fn index_of(rows: &[PatientRow]) -> PatientIndex {
    let patients: Vec<Patient> = rows.iter().map(|row| row.patient.clone()).collect();
    PatientIndex::new(&patients)
}

/// A row of the 五十音: あ か さ … わ, none for readings that do not begin with kana.
pub type KanaGroup<'a> = (Option<char>, Vec<&'a PatientRow>);

/// The whole list under the rows of the 五十音.
pub fn by_kana<'a>(rows: &'a [PatientRow], index: &PatientIndex) -> Vec<KanaGroup<'a>> {
    let row_of = |id: &PatientId| rows.iter().find(|row| row.patient.id == *id);
    index.rows().iter().map(|kana| (kana.row, kana.patients.iter().filter_map(row_of).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::Sex;

    fn named(id: &str, kana: &str) -> Result<PatientRow, device::record::ids::IdError> {
        let patient = Patient {
            id: id.parse()?,
            name: "仮".into(),
            kana: kana.into(),
            birth_date: None,
            sex: Sex::Female,
            address: None,
            phone: None,
            local_ids: Vec::new(),
        };
        Ok(PatientRow { patient, as_of: None, is_light: false })
    }

    #[test]
    fn the_list_stands_under_the_rows_of_the_kana_and_loses_nobody() -> Result<(), Box<dyn std::error::Error>> {
        let rows = [named("1", "ワタナベ")?, named("2", "ガトウ")?, named("3", "Smith")?, named("4", "カトウ")?];
        let groups = by_kana(&rows, &index_of(&rows));
        let said: Vec<(Option<char>, Vec<&str>)> =
            groups.iter().map(|(row, rows)| (*row, rows.iter().map(|row| row.patient.id.as_str()).collect())).collect();
        assert_eq!(said, [(Some('か'), vec!["4", "2"]), (Some('わ'), vec!["1"]), (None, vec!["3"])]);
        Ok(())
    }

    #[test]
    fn at_j2_every_way_to_type_a_reading_finds_the_patient() -> Result<(), Box<dyn std::error::Error>> {
        let patient = Patient {
            id: "p-1".parse()?,
            name: "渡邊 花".into(),
            kana: "ワタナベ ハナ".into(),
            birth_date: Some("1935-10-15".parse()?),
            sex: Sex::Female,
            address: None,
            phone: None,
            local_ids: Vec::new(),
        };
        let rows = [PatientRow { patient, as_of: None, is_light: false }];
        let index = index_of(&rows);
        for query in ["わたなべ", "ﾜﾀﾅﾍﾞ", "ワタナベ", "はな", "渡邊", "渡辺", "S101015", ""] {
            assert_eq!(found(&rows, &index, query).len(), 1, "{query}");
        }
        assert!(found(&rows, &index, "やまだ").is_empty());
        Ok(())
    }
}
