//! The line to the hub, and how the app looks and locks.

use super::folder::Folder;
use super::page::Page;
use super::{JA, Outcome, patient, written_note};
use crate::app::{Live, Route, look_at_clock};
use crate::text::{Language, Words};
use device::{BiometricStore, DeviceSecret, Failure, Pill, RefusalCode, VaultError};
use dioxus::prelude::WritableExt;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

#[tokio::test]
async fn without_a_signal_the_pill_and_the_screen_say_what_waits() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.sees(&JA.say("pill-offline")).await?;
    page.click("#pill").await?;
    page.sees(&JA.say("trouble-unreachable")).await?;
    assert_eq!(page.text_of("#unsent")?, JA.say("sync-unsent-none"));
    let phone = page.session()?.phone.clone();
    written_note(&phone, &patient(&phone, "トメ")?)?;
    page.sees(&JA.count("pill-offline-unsent", 1u64)).await?;
    assert_eq!(page.text_of("#unsent")?, JA.count("sync-unsent", 1u64));
    assert!(page.says("トメ") && page.says(&JA.say("sync-waiting")));
    page.click("#sync-now").await?;
    page.until("it was tried again", |page| page.is_off("#sync-now").is_ok_and(|off| !off)).await?;
    page.sees(&JA.say("trouble-unreachable")).await
}

#[tokio::test]
async fn each_trouble_of_the_line_has_its_own_words() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.sees(&JA.say("pill-offline")).await?;
    page.go(Route::Sync).await?;
    for (failure, code) in
        [(Failure::NotOurHub, "hub"), (Failure::Refused(RefusalCode::Revoked), "refused"), (Failure::Storage, "full")]
    {
        let mut live = page.context::<Live>().ok_or("the app is locked")?;
        page.act(move || live.pill.set(Pill::Trouble(failure))).await;
        let card = format!("#state-{code}");
        assert!(page.text_of(&card)?.contains(&JA.say(&format!("settings-state-{code}-do"))));
    }
    Ok(())
}

#[tokio::test]
async fn an_order_to_wipe_locks_at_once() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.sees(&JA.say("pill-offline")).await?;
    let phone = page.session()?.phone.clone();
    let mut live = page.context::<Live>().ok_or("the app is locked")?;
    page.act(move || live.pill.set(Pill::WipeOrdered)).await;
    page.sees(&JA.say("unlock-title")).await?;
    assert!(phone.patients().is_err() && !page.says("トメ"));
    Ok(())
}

#[tokio::test]
async fn the_lock_leads_to_the_pad_and_the_keys_are_gone() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    page.click(&JA.say("tab-sync")).await?;
    page.click("#lock").await?;
    page.sees(&JA.say("unlock-title")).await?;
    assert!(phone.patients().is_err());
    Ok(())
}

#[tokio::test]
async fn what_is_set_holds_at_once_and_stands_in_the_vault() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.go(Route::Settings).await?;
    page.click(&JA.count("settings-percent", 200u64)).await?;
    page.click(&JA.say("settings-theme-dark")).await?;
    page.click(&JA.say("settings-hand-left")).await?;
    page.click(&JA.say("language-en")).await?;
    page.sees(&Words(Language::English).say("settings-appearance")).await?;
    assert!(!page.says(&JA.say("settings-appearance")));
    let app = page.outline();
    assert!(app.contains("✓ 200"), "{app}");
    let phone = page.session()?.phone.clone();
    for (name, value) in [("text_size", "200"), ("theme", "dark"), ("left_hand", "yes"), ("language", "en")] {
        assert_eq!(phone.setting(name)?.as_deref(), Some(value), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_phrase_of_ones_own_is_kept_and_taken_away() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.go(Route::Settings).await?;
    page.click("#add-phrase").await?;
    page.sees(&JA.say("settings-phrase-empty")).await?;
    page.type_in("#new-phrase", "変わりなし。").await?;
    page.click("#add-phrase").await?;
    let phone = page.session()?.phone.clone();
    assert_eq!(phone.setting("phrases.condition")?.as_deref(), Some("変わりなし。"));
    page.click(&format!("{} 変わりなし。", JA.say("settings-phrase-remove"))).await?;
    assert_eq!(phone.setting("phrases.condition")?.as_deref(), Some(""));
    Ok(())
}

#[tokio::test]
async fn a_new_pin_opens_and_the_old_one_does_not() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.go(Route::Settings).await?;
    assert!(page.is_off("#change-pin")?);
    page.type_in("#new-pin", "8642").await?;
    page.type_in("#new-pin-again", "8643").await?;
    page.click("#change-pin").await?;
    page.sees(&JA.say("enrol-pin-differs")).await?;
    page.type_in("#new-pin-again", "8642").await?;
    page.click("#change-pin").await?;
    page.sees(&JA.say("pins-done")).await?;
    page.click("#lock").await?;
    page.enter("2468").await?;
    page.sees("PINが違います").await?;
    page.enter("8642").await?;
    page.sees(&JA.say("today-title")).await
}

/// The OS's store, which takes its time. Whoever asks it holds the vault.
struct Slow {
    asked: mpsc::Sender<()>,
    goes_on: Mutex<mpsc::Receiver<()>>,
}

impl BiometricStore for Slow {
    fn keep(&self, _secret: &DeviceSecret) -> Result<(), VaultError> {
        let goes_on = self.goes_on.lock().map_err(|_| VaultError::NoBiometrics)?;
        self.asked.send(()).map_err(|_| VaultError::NoBiometrics)?;
        goes_on.recv_timeout(Duration::from_secs(5)).map_err(|_| VaultError::NoBiometrics)
    }

    fn ask(&self) -> Result<DeviceSecret, VaultError> {
        Err(VaultError::NoBiometrics)
    }

    fn forget(&self) -> Result<(), VaultError> {
        Ok(())
    }
}

#[tokio::test]
async fn the_screen_does_not_stand_still_while_the_clock_is_looked_at_and_the_vault_is_held() -> Outcome {
    let folder = Folder::enrolled()?;
    let phone = Arc::new(folder.phone()?);
    let ((asked, was_asked), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
    let (holding, store, slow) = (phone.clone(), folder.store(), Slow { asked, goes_on: Mutex::new(goes_on) });
    let holder = std::thread::spawn(move || holding.allow_biometrics(&store, &slow).is_ok());
    was_asked.recv()?;
    let mut looking = pin!(look_at_clock(phone));
    let first = looking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending(), "the vault is held: somebody else waits for it");
    go_on.send(())?;
    looking.await;
    assert!(holder.join().is_ok_and(|was_kept| was_kept));
    Ok(())
}
