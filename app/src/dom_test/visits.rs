//! The day, a visit, and its note.

use super::folder::Folder;
use super::page::Page;
use super::{JA, Outcome, patient};
use crate::app::{Launch, Route, Session, Shell};
use crate::platform::Suspending;
use crate::platform::demo::PIN;
use device::jiff::Timestamp;
use device::note::NoteShown;
use device::record::DocumentId;
use device::record::visit_note::{FieldValue, NoteState};
use dioxus::prelude::Key;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The app on a new note of 髙橋 トメ.
async fn on_a_note(folder: &Folder) -> Outcome<(Page, DocumentId)> {
    let mut page = Page::unlocked(folder).await?;
    let phone = page.session()?.phone.clone();
    let note = phone.start_note(&patient(&phone, "トメ")?, None, Timestamp::now())?;
    page.go(Route::Note(note)).await?;
    Ok((page, note))
}

fn shown(page: &Page, note: DocumentId) -> Outcome<NoteShown> {
    Ok(page.session()?.phone.show_note(note)?)
}

#[tokio::test]
async fn the_day_stands_in_order_and_the_big_button_starts_its_first_visit() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let text = page.text();
    let places: Vec<Option<usize>> =
        ["トメ", "ハル", "良子", "重義", "フジ子", "スミエ"].iter().map(|name| text.find(name)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in\n{text}");
    assert!(text.contains(&JA.say("tag-allergy")));
    assert!(text.contains("出発前チェック"), "{text}");
    page.click(&JA.say("start-visit")).await?;
    page.sees(&JA.say("note-title")).await?;
    assert!(page.says("トメ") && !page.says("スミエ"));
    let rows = page.session()?.phone.note_rows(None)?;
    assert!(rows.len() == 1 && rows[0].started_at.is_some() && rows[0].visit.is_some());
    Ok(())
}

#[tokio::test]
async fn a_card_of_the_day_opens_its_patient() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.click("スミエ").await?;
    page.sees(&JA.say("patient-tab-summary")).await?;
    assert!(page.says("スミエ") && !page.says("トメ"));
    Ok(())
}

#[tokio::test]
async fn during_a_visit_nobody_else_is_shown_before_the_question_is_answered() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.click(&JA.say("start-visit")).await?;
    page.sees(&JA.say("settings-visit-mode")).await?;
    page.click(&JA.say("back")).await?;
    page.sees(&JA.say("settings-visit-ask")).await?;
    page.key("alertdialog", Key::Escape).await?;
    assert!(!page.says(&JA.say("settings-visit-ask")) && page.says(&JA.say("note-title")));
    page.click(&JA.say("back")).await?;
    page.click("#stay").await?;
    assert!(page.says(&JA.say("note-title")) && page.says(&JA.say("settings-visit-mode")));
    page.click(&JA.say("back")).await?;
    page.click("#leave-visit").await?;
    page.sees(&JA.say("today-title")).await?;
    assert!(page.says("スミエ") && !page.says(&JA.say("settings-visit-mode")));
    Ok(())
}

#[tokio::test]
async fn a_measured_value_is_in_the_vault_when_its_field_is_left_and_a_slip_is_refused_beside_it() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, note) = on_a_note(&folder).await?;
    page.type_in("#temperature_c", "３９．５").await?;
    assert!(!shown(&page, note)?.view.fields.contains_key("temperature_c"), "half a number is not judged");
    page.leave().await;
    page.sees(&JA.say("alert-value")).await?;
    assert_eq!(shown(&page, note)?.view.fields.get("temperature_c"), Some(&FieldValue::Number(39.5)));
    page.type_in("#temperature_c", "99").await?;
    page.leave().await;
    page.sees("25〜45 ℃").await?;
    assert_eq!(shown(&page, note)?.view.fields.get("temperature_c"), Some(&FieldValue::Number(39.5)));
    Ok(())
}

#[tokio::test]
async fn what_was_not_measured_says_why() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, note) = on_a_note(&folder).await?;
    page.click(&format!("体温 ℃ {}", JA.say("unmeasured"))).await?;
    page.click(&format!("({})", JA.say("reason-refused"))).await?;
    let known = shown(&page, note)?.view.fields;
    assert_eq!(known.get("temperature_c"), Some(&FieldValue::Unmeasured(JA.say("reason-refused"))));
    page.sees(&JA.with("unmeasured-because", &[("reason", JA.say("reason-refused").into())])).await
}

#[tokio::test]
async fn care_is_a_tap_and_can_be_taken_back() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, note) = on_a_note(&folder).await?;
    page.click("#section-care").await?;
    assert!(!page.has("#undo"));
    page.click("#care.bedbath").await?;
    assert_eq!(page.attribute("#care.bedbath", "aria-pressed")?.as_deref(), Some("true"));
    assert_eq!(shown(&page, note)?.view.fields.get("care.bedbath"), Some(&FieldValue::Flag(true)));
    page.click("#undo").await?;
    assert_eq!(page.attribute("#care.bedbath", "aria-pressed")?.as_deref(), Some("false"));
    assert_ne!(shown(&page, note)?.view.fields.get("care.bedbath"), Some(&FieldValue::Flag(true)));
    Ok(())
}

#[tokio::test]
async fn a_text_is_in_the_vault_when_its_field_is_left_and_a_phrase_goes_to_its_end() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, note) = on_a_note(&folder).await?;
    page.click("#section-texts").await?;
    page.type_in("#condition", "眠れている").await?;
    page.leave().await;
    assert_eq!(shown(&page, note)?.view.text("condition"), "眠れている");
    assert!(page.text_of("#chip")?.starts_with("端末に保存済"));
    page.click(&format!("利用者の状態 {}", JA.say("settings-phrases"))).await?;
    let phrase = JA.say("settings-phrase-condition-1");
    page.click(&phrase).await?;
    let (phone, whole) = (page.session()?.phone.clone(), format!("眠れている\n{phrase}"));
    page.until("the phrase is saved", |_| phone.show_note(note).is_ok_and(|note| note.view.text("condition") == whole))
        .await
}

#[tokio::test]
async fn what_is_typed_when_the_curtain_falls_is_saved_and_nowhere_on_the_page() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, note) = on_a_note(&folder).await?;
    page.click("#section-texts").await?;
    page.type_in("#condition", "眠れている").await?;
    let shell = page.context::<Shell>().ok_or("the app has no shell")?;
    page.act(move || shell.draw_curtain()).await;
    assert!(page.has("#curtain") && !page.says("トメ") && !page.outline().contains("眠れている"));
    assert_eq!(shown(&page, note)?.view.text("condition"), "眠れている");
    page.click("#curtain").await?;
    assert!(page.says("トメ") && page.has("#condition"), "whoever comes back stands where she was");
    Ok(())
}

thread_local! {
    static SLEEPS: RefCell<Option<UnboundedSender<Suspending>>> = const { RefCell::new(None) };
}

/// A machine that sleeps when the test says so.
fn suspends() -> UnboundedReceiver<Suspending> {
    let (tell, hear) = unbounded_channel();
    SLEEPS.set(Some(tell));
    hear
}

/// Falls asleep, as soon as the app lets it.
async fn sleep(page: &mut Page) -> Outcome {
    let held = Rc::new(());
    let awake = Rc::downgrade(&held);
    page.act(move || {
        let told = SLEEPS.with_borrow(|tell| tell.as_ref().map(|tell| tell.send(Suspending(Some(Box::new(held))))));
        assert!(told.is_some_and(|told| told.is_ok()), "the app listens");
    })
    .await;
    page.until("the machine may sleep", |_| awake.upgrade().is_none()).await
}

#[tokio::test]
async fn before_the_machine_sleeps_what_is_typed_is_saved_and_the_keys_are_gone() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::open(Launch { suspends: Some(suspends), ..folder.launch() }).await;
    page.enter(PIN).await?;
    page.sees(&JA.say("today-title")).await?;
    let phone = page.session()?.phone.clone();
    let note = phone.start_note(&patient(&phone, "トメ")?, None, Timestamp::now())?;
    page.go(Route::Note(note)).await?;
    page.click("#section-texts").await?;
    page.type_in("#condition", "眠れている").await?;
    sleep(&mut page).await?;
    assert!(page.says(&JA.say("unlock-title")) && !page.outline().contains("眠れている"));
    assert!(phone.patients().is_err());
    page.enter(PIN).await?;
    page.sees(&JA.say("today-title")).await?;
    assert_eq!(shown(&page, note)?.view.text("condition"), "眠れている");
    Ok(())
}

#[tokio::test]
async fn a_pin_that_is_still_being_tried_when_the_machine_sleeps_opens_nothing() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::open(Launch { suspends: Some(suspends), ..folder.launch() }).await;
    // Another program tries a PIN: this one's turn comes afterwards.
    let attempts = std::fs::File::open(format!("{}.attempts", folder.vault().display()))?;
    attempts.lock()?;
    page.enter(PIN).await?;
    assert!(page.context::<Session>().is_none(), "it is still being tried");
    sleep(&mut page).await?;
    attempts.unlock()?;
    page.sees(&JA.say("error-locked")).await?;
    assert!(page.context::<Session>().is_none());
    page.enter(PIN).await?;
    page.sees(&JA.say("today-title")).await
}

#[tokio::test]
async fn what_a_full_disk_does_not_take_waits_behind_the_curtain_while_the_machine_sleeps() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::open(Launch { suspends: Some(suspends), ..folder.launch() }).await;
    page.enter(PIN).await?;
    page.sees(&JA.say("today-title")).await?;
    let phone = page.session()?.phone.clone();
    let note = phone.start_note(&patient(&phone, "トメ")?, None, Timestamp::now())?;
    page.go(Route::Note(note)).await?;
    page.click("#section-texts").await?;
    phone.limit_room(Some(0))?;
    let write = |n: usize| phone.edit_text(note, "care_given", "", &format!("{n:>01500}"), Timestamp::now());
    assert!((0..500).any(|n| write(n).is_err()), "the disk is full");
    let long = "眠れている。".repeat(300);
    page.type_in("#condition", &long).await?;
    sleep(&mut page).await?;
    assert!(page.has("#curtain") && !page.outline().contains("眠れている"));
    phone.limit_room(None)?;
    page.click("#curtain").await?;
    page.until("it is saved", |_| phone.show_note(note).is_ok_and(|note| note.view.text("condition") == long)).await
}

#[tokio::test]
async fn a_note_is_confirmed_after_its_review_and_reads_as_confirmed() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, note) = on_a_note(&folder).await?;
    page.type_in("#temperature_c", "36.5").await?;
    for heading in ["care-title", "settings-phrases", "photo-hint", "confirm-title"] {
        page.click("#next").await?;
        page.sees(&JA.say(heading)).await?;
    }
    assert!(page.is_off("#confirm")? && page.says("未記入:"));
    page.type_in("#started_at", "00:00").await?;
    page.type_in("#ended_at", "0030").await?;
    page.leave().await;
    page.sees(&JA.say("confirm-ready")).await?;
    page.click("#confirm").await?;
    page.sees("確定 青木 里美").await?;
    assert_eq!(shown(&page, note)?.state, NoteState::Confirmed);
    assert!(page.has("#amend") && !page.has("#confirm") && page.has("#verdict"));
    Ok(())
}

#[tokio::test]
async fn photos_ask_for_consent_before_anything_else() -> Outcome {
    let folder = Folder::enrolled()?;
    let (mut page, _) = on_a_note(&folder).await?;
    page.click("#photo-section").await?;
    assert!(page.says(&JA.say("photo-hint")) && page.has("#photo-file") && !page.has("#photo-take"));
    page.click("#photo-ulcer").await?;
    page.sees(&JA.say("care-title")).await
}
