use super::*;
use crate::keys::{BiometricStore, FileKeyStore};
use crate::testing::{at, closed_vault as vault, identity};
use std::sync::Mutex;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn wrong_pins_wait_longer_and_longer_and_the_tenth_takes_the_keys() -> Outcome {
    let (_folder, path, store) = vault()?;
    let (right, wrong) = (Pin::new("2468")?, Pin::new("1357")?);
    let mut minute = 0;
    for (n, wait) in [0, 0, 0, 1, 5, 15, 60, 60, 60].into_iter().enumerate() {
        match Vault::open(&path, &store, &wrong, at(minute)).err() {
            Some(VaultError::WrongPin { left, wait_ms }) => {
                assert_eq!((left, wait_ms), (9 - n as u32, wait * 60_000))
            }
            other => return Err(format!("{n}: {other:?}").into()),
        }
        if wait > 0 {
            // Not even the right one is looked at before the time is over.
            let early = Vault::open(&path, &store, &right, at(minute));
            assert!(matches!(early.err(), Some(VaultError::Wait { .. })));
        }
        minute += wait;
    }
    assert!(matches!(Vault::open(&path, &store, &wrong, at(minute)).err(), Some(VaultError::Wiped)));
    assert!(matches!(Vault::open(&path, &store, &right, at(minute + 999)).err(), Some(VaultError::Wiped)));
    Ok(())
}

#[test]
fn the_right_pin_forgives() -> Outcome {
    let (_folder, path, store) = vault()?;
    let (right, wrong) = (Pin::new("2468")?, Pin::new("1357")?);
    for _ in 0..4 {
        for left in [9, 8] {
            let error = Vault::open(&path, &store, &wrong, at(0)).err();
            assert!(matches!(error, Some(VaultError::WrongPin { left: l, .. }) if l == left));
        }
        Vault::open(&path, &store, &right, at(0))?;
    }
    Ok(())
}

#[test]
fn a_changed_pin_costs_what_it_cost_before() -> Outcome {
    let (_folder, path, store) = vault()?;
    let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
    open.change_pin(&store, &Pin::new("8642")?)?;
    drop(open);
    assert!(Vault::open(&path, &store, &Pin::new("2468")?, at(0)).is_err());
    Vault::open(&path, &store, &Pin::new("8642")?, at(0))?;
    Ok(())
}

fn set_duress(vault: &mut Vault, store: &FileKeyStore, pin: &Pin) -> Result<(), VaultError> {
    let unlock = vault.stretcher(store)?.stretch(pin)?;
    let shown = identity().map_err(|_| VaultError::Missing("an identity"))?;
    vault.set_duress_pin(store, Some(&unlock), &shown)
}

#[test]
fn the_pin_under_duress_opens_an_empty_route_and_leaves_the_records_sealed() -> Outcome {
    let (_folder, path, store) = vault()?;
    let (right, duress) = (Pin::new("2468")?, Pin::new("9999")?);
    let mut open = Vault::open(&path, &store, &right, at(0))?;
    assert!(matches!(set_duress(&mut open, &store, &right), Err(VaultError::SamePin)));
    set_duress(&mut open, &store, &duress)?;
    open.write(|tx| {
        tx.put_item(&crate::Item {
            kind: protocol::Kind::Facility,
            doc: record::DocumentId([1; 16]),
            patient: None,
            source: None,
            body: vec![1; 20],
        })
    })?;
    drop(open);
    let before = std::fs::read(&path)?;
    let mut empty = Vault::open(&path, &store, &duress, at(0))?;
    assert!(empty.is_decoy());
    assert!(empty.read(|tx| tx.items(protocol::Kind::Facility, None))?.is_empty());
    assert_eq!(empty.read(|tx| tx.identity())?.staff_name, "仮田 花子");
    assert_eq!(empty.read(|tx| tx.setting("language"))?, None);
    // Whatever is done in there stays in there.
    empty.write(|tx| tx.put_setting("language", "en"))?;
    empty.change_pin(&store, &Pin::new("1111")?)?;
    empty.set_duress_pin(&store, None, &identity()?)?;
    empty.mark_generation(&store)?;
    drop(empty);
    assert!(before == std::fs::read(&path)?, "not one byte of the real file changed");
    assert!(Vault::open(&path, &store, &duress, at(0))?.is_decoy());
    let mut open = Vault::open(&path, &store, &right, at(0))?;
    assert_eq!(open.read(|tx| tx.items(protocol::Kind::Facility, None))?.len(), 1);
    // The new PIN must not be the other one; taken away, it is a wrong PIN like any.
    assert!(matches!(open.change_pin(&store, &duress), Err(VaultError::SamePin)));
    open.change_pin(&store, &Pin::new("1357")?)?;
    drop(open);
    assert!(Vault::open(&path, &store, &duress, at(0))?.is_decoy(), "a changed PIN leaves the other in force");
    Vault::open(&path, &store, &Pin::new("1357")?, at(0))?.set_duress_pin(&store, None, &identity()?)?;
    assert!(matches!(Vault::open(&path, &store, &duress, at(0)), Err(VaultError::WrongPin { .. })));
    Ok(())
}

#[test]
fn whoever_was_told_the_pin_under_duress_gains_no_try_at_the_other() -> Outcome {
    let (_folder, path, store) = vault()?;
    let duress = Pin::new("9999")?;
    set_duress(&mut Vault::open(&path, &store, &Pin::new("2468")?, at(0))?, &store, &duress)?;
    for left in (5..10).rev() {
        let minute = (10 - left as u64) * 100;
        let error = Vault::open(&path, &store, &Pin::new("1357")?, at(minute)).err();
        assert!(matches!(error, Some(VaultError::WrongPin { left: l, .. }) if l == left), "{error:?}");
        assert!(Vault::open(&path, &store, &duress, at(minute + 60))?.is_decoy());
    }
    Ok(())
}

#[test]
fn nobody_sees_from_the_file_whether_a_pin_under_duress_is_set() -> Outcome {
    let (_folder, path, store) = vault()?;
    let length = || -> Result<i64, rusqlite::Error> {
        Connection::open(&path)?.query_row("SELECT length(duress) FROM header", [], |r| r.get(0))
    };
    let unset = length()?;
    let mut open = Vault::open(&path, &store, &Pin::new("2468")?, at(0))?;
    set_duress(&mut open, &store, &Pin::new("9999")?)?;
    drop(open);
    assert_eq!(unset, length()?);
    Ok(())
}

/// A key store that asks for a finger: here it answers as it is told.
#[derive(Default)]
struct Finger {
    kept: Mutex<Option<DeviceSecret>>,
    is_hers: std::sync::atomic::AtomicBool,
}

impl BiometricStore for Finger {
    fn keep(&self, secret: &DeviceSecret) -> Result<(), VaultError> {
        *self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(secret.clone());
        Ok(())
    }
    fn ask(&self) -> Result<DeviceSecret, VaultError> {
        let kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        kept.filter(|_| self.is_hers.load(std::sync::atomic::Ordering::SeqCst)).ok_or(VaultError::NotRecognised)
    }
    fn forget(&self) -> Result<(), VaultError> {
        *self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        Ok(())
    }
}

#[test]
fn a_recognised_finger_opens_the_vault_and_after_a_wrong_pin_only_the_pin_does() -> Outcome {
    let (_folder, path, store) = vault()?;
    let (right, wrong, finger) = (Pin::new("2468")?, Pin::new("1357")?, Finger::default());
    let by_finger = || Vault::open_recognised(&path, &store, &finger);
    assert!(matches!(by_finger().err(), Some(VaultError::NoBiometrics)));
    Vault::open(&path, &store, &right, at(0))?.allow_biometrics(&store, &finger)?;
    assert!(allows_biometrics(&path));
    assert!(matches!(by_finger().err(), Some(VaultError::NotRecognised)), "a stranger's finger");
    finger.is_hers.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(by_finger()?.read(|tx| tx.setting("language"))?.as_deref(), Some("ja"));
    let _ = Vault::open(&path, &store, &wrong, at(0));
    assert!(matches!(by_finger().err(), Some(VaultError::PinFirst)));
    Vault::open(&path, &store, &right, at(0))?;
    by_finger()?;
    // The device's own secret is needed beside the finger's.
    let elsewhere = FileKeyStore::beside(&path.with_extension("other"));
    elsewhere.put(&DeviceSecret::make()?)?;
    assert!(Vault::open_recognised(&path, &elsewhere, &finger).is_err());
    Vault::open(&path, &store, &right, at(0))?.forbid_biometrics(&store, &finger)?;
    assert!(matches!(by_finger().err(), Some(VaultError::NoBiometrics)));
    Ok(())
}

#[test]
fn a_damaged_header_is_no_wrong_pin() -> Outcome {
    let (_folder, path, store) = vault()?;
    let right = Pin::new("2468")?;
    for harm in [
        "UPDATE header SET salt = zeroblob(16)",
        "UPDATE header SET wrapped = zeroblob(200)",
        "UPDATE header SET kib = 2000000000",
        "UPDATE header SET wipe_after = 1000",
        "UPDATE header SET duress = zeroblob(1100)",
    ] {
        let sound = std::fs::read(&path)?;
        Connection::open(&path)?.execute(harm, [])?;
        for _ in 0..12 {
            let said = Vault::open(&path, &store, &right, at(0)).err();
            assert!(matches!(said, Some(VaultError::Damaged { table: "header" })), "{harm}: {said:?}");
        }
        std::fs::write(&path, sound)?;
        Vault::open(&path, &store, &right, at(0))?;
    }
    Ok(())
}

#[test]
fn a_counter_that_is_taken_away_again_and_again_ends_in_the_wipe_and_an_altered_one_is_waited_for_once() -> Outcome {
    let (_folder, path, store) = vault()?;
    let counter = path.with_extension("vault.attempts");
    std::fs::write(&counter, vec![0; 160])?;
    let right = Pin::new("2468")?;
    assert!(matches!(Vault::open(&path, &store, &right, at(0)).err(), Some(VaultError::Wait { .. })));
    assert!(matches!(Vault::open(&path, &store, &right, at(59)).err(), Some(VaultError::Wait { wait_ms: 60_000 })));
    Vault::open(&path, &store, &right, at(60))?;
    for n in 1..=4 {
        std::fs::remove_file(&counter)?;
        let waits = Vault::open(&path, &store, &right, at(1_000 * n)).err();
        assert!(matches!(waits, Some(VaultError::Wait { .. })), "{n}: {waits:?}");
        let error = Vault::open(&path, &store, &Pin::new("1357")?, at(1_000 * n + 60)).err();
        if n < 4 {
            assert!(matches!(error, Some(VaultError::WrongPin { .. })), "{n}: {error:?}");
        } else {
            assert!(matches!(error, Some(VaultError::Wiped)), "{error:?}");
        }
    }
    Ok(())
}

#[test]
fn tries_made_side_by_side_are_all_counted() -> Outcome {
    let (_folder, path, store) = vault()?;
    let wrong = Pin::new("1357")?;
    let refused = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..3).map(|_| scope.spawn(|| Vault::open(&path, &store, &wrong, at(0)).err())).collect();
        tries.into_iter().map(|one| one.join()).collect::<Vec<_>>()
    });
    let mut left: Vec<u32> = refused
        .into_iter()
        .filter_map(|error| match error {
            Ok(Some(VaultError::WrongPin { left, .. })) => Some(left),
            _ => None,
        })
        .collect();
    left.sort();
    assert_eq!(left, [7, 8, 9]);
    Ok(())
}

#[test]
fn after_the_wipe_an_older_copy_of_the_file_opens_with_no_pin() -> Outcome {
    let (folder, path, store) = vault()?;
    let before = std::fs::read(&path)?;
    let attempts = std::fs::read(path.with_extension("vault.attempts"))?;
    let key = std::fs::read(path.with_extension("vault.device-key"))?;
    Vault::open(&path, &store, &Pin::new("2468")?, at(0))?.wipe(&store)?;
    let copy = folder.path().join("copy.vault");
    std::fs::write(&copy, &before)?;
    std::fs::write(copy.with_extension("vault.attempts"), &attempts)?;
    std::fs::copy(path.with_extension("vault.device-key"), copy.with_extension("vault.device-key"))?;
    let opened = Vault::open(&copy, &FileKeyStore::beside(&copy), &Pin::new("2468")?, at(0));
    assert!(opened.is_err(), "the device's secret that it needs is gone");
    assert!(std::fs::read(path.with_extension("vault.device-key"))? != key);
    assert!(!path.with_extension("vault.device-key.next").exists());
    Ok(())
}
