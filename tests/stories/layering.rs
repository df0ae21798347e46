//! The arrows between the rooms, read from cargo itself.

use std::collections::BTreeSet;
use std::process::Command;
use stories::{Outcome, root};

/// Allowed edges (DESIGN §3). `?` = optional, behind a feature.
const ARROWS: &[(&str, &[&str])] = &[
    ("tsutsuji", &["device", "hub?"]),
    ("device", &["vault", "protocol", "record"]),
    ("vault", &["protocol", "record"]),
    ("protocol", &["record"]),
    ("intake", &["record"]),
    ("hub", &["intake", "protocol", "record"]),
    ("record", &[]),
    ("stories", &["device", "hub", "intake", "protocol", "record", "vault"]),
];

#[test]
fn every_arrow_points_down() -> Outcome {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let rooms: BTreeSet<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(rooms, ARROWS.iter().map(|(room, _)| *room).collect(), "a ninth room needs a reason in ARCHITECTURE.md");
    for package in packages {
        let room = package["name"].as_str().ok_or("no name")?;
        let allowed = ARROWS.iter().find(|(name, _)| *name == room).map(|(_, to)| *to).unwrap_or_default();
        for dependency in package["dependencies"].as_array().ok_or("no dependencies")? {
            let to = dependency["name"].as_str().ok_or("no name")?;
            if !rooms.contains(to) {
                continue;
            }
            let optional = dependency["optional"].as_bool() == Some(true);
            let arrow = if optional { format!("{to}?") } else { to.to_string() };
            assert!(allowed.contains(&arrow.as_str()), "{room} → {arrow} is not one of DESIGN's arrows");
        }
    }
    Ok(())
}

#[test]
fn automerge_and_sql_stay_in_their_rooms() -> Outcome {
    for (word, rooms) in
        [("automerge", vec!["record"]), ("rusqlite", vec!["vault", "hub"]), ("dioxus", vec!["tsutsuji"])]
    {
        for manifest in [
            "Cargo.toml",
            "app/device/Cargo.toml",
            "app/vault/Cargo.toml",
            "sync/record/Cargo.toml",
            "sync/protocol/Cargo.toml",
            "sync/intake/Cargo.toml",
            "sync/hub/Cargo.toml",
        ] {
            let text = std::fs::read_to_string(root().join(manifest))?;
            let package = text.split("name = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let own =
                text.split("\n[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
            let uses = own.lines().any(|line| line.starts_with(word));
            assert!(!uses || rooms.contains(&package), "{package} uses {word}");
        }
    }
    Ok(())
}

#[test]
fn every_room_says_what_it_owns() -> Outcome {
    for lib in [
        "app/src",
        "app/device/src",
        "app/vault/src",
        "sync/record/src",
        "sync/protocol/src",
        "sync/intake/src",
        "sync/hub/src",
    ] {
        let text = std::fs::read_to_string(root().join(lib).join("lib.rs"))?;
        let mut lines = text.lines();
        for word in ["**Owns**", "**Called by**", "**May touch**", "**Never**"] {
            assert!(lines.next().is_some_and(|line| line.contains(word)), "{lib}/lib.rs: {word}");
        }
    }
    Ok(())
}
