//! The list of patients: search by kana, name in any variant, birth date, number or town.

use device::read::PatientRow;
use device::record::Patient;
use device::record::patient_search::PatientIndex;

/// Rows that the query finds, the likeliest first; all of them, in the order of their kana, while nothing is typed.
pub fn found<'a>(rows: &'a [PatientRow], index: &PatientIndex, query: &str) -> Vec<&'a PatientRow> {
    index.search(query).iter().filter_map(|id| rows.iter().find(|row| row.patient.id == *id)).collect()
}

pub fn index_of(rows: &[PatientRow]) -> PatientIndex {
    let patients: Vec<Patient> = rows.iter().map(|row| row.patient.clone()).collect();
    PatientIndex::new(&patients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::Sex;

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
