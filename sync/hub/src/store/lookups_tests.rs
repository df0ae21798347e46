//! What a hub asks all day is found by an index, however much it holds: SQLite is asked how it would look.

use super::testing;

#[test]
fn what_is_asked_all_day_walks_through_no_table() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (store, _) = testing::hub(folder.path(), &["st-1"])?;
    for (sql, index) in [
        (super::entries::UNSETTLED.to_string(), "entry_unchecked"),
        (super::digests::UNSETTLED_OF.to_string(), "entry_unchecked"),
        (super::feed::of_patient(), "feed_of_patient (station=? AND patient=? AND n>?)"),
        (super::consents::LAPSED.to_string(), "consent_of_viewing (viewing=?)"),
        (super::consents::LEASE.to_string(), "consent_of_viewing (viewing=?)"),
    ] {
        let plan: Vec<String> = store.read(|tx| {
            let mut statement = tx.sql.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            // How it would look does not depend on what for.
            let rows = statement.raw_query().mapped(|r| r.get(3)).collect::<Result<_, _>>()?;
            Ok(rows)
        })?;
        assert!(plan.iter().any(|step| step.contains(index)), "{sql}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}: {plan:?}");
    }
    Ok(())
}
