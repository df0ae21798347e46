//! The list of patients: search by kana or name.

use device::read::PatientRow;
use device::record::writing::search_kana;

/// Rows that the query finds: a part of the kana, or of the name as it is written.
pub fn found<'a>(rows: &'a [PatientRow], query: &str) -> Vec<&'a PatientRow> {
    let query = query.trim();
    let kana = search_kana(query);
    rows.iter()
        .filter(|row| {
            query.is_empty() || search_kana(&row.patient.kana).contains(&kana) || row.patient.name.contains(query)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use device::record::{Patient, Sex};

    #[test]
    fn at_j2_every_way_to_type_a_reading_finds_the_patient() -> Result<(), Box<dyn std::error::Error>> {
        let patient = Patient {
            id: "p-1".parse()?,
            name: "渡邊 花".into(),
            kana: "ワタナベ ハナ".into(),
            birth_date: None,
            sex: Sex::Female,
            address: None,
            phone: None,
            local_ids: Vec::new(),
        };
        let rows = [PatientRow { patient, as_of: None }];
        for query in ["わたなべ", "ﾜﾀﾅﾍﾞ", "ワタナベ", "はな", "渡邊", ""] {
            assert_eq!(found(&rows, query).len(), 1, "{query}");
        }
        assert!(found(&rows, "やまだ").is_empty());
        Ok(())
    }
}
