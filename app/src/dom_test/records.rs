//! Notes that stand: listed, corrected, compared, closed; and what somebody has to decide.

use super::folder::Folder;
use super::page::Page;
use super::{JA, Outcome, confirmed_note, patient, written_note};
use crate::app::Route;
use device::HalfCorrection;
use device::jiff::Timestamp;
use device::record::visit_note::{FieldValue, NoteState};

#[tokio::test]
async fn the_list_says_that_there_is_nothing_and_then_whose_note_stands_how() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.click(&JA.say("tab-notes")).await?;
    assert!(page.says(&JA.say("notes-none")));
    let phone = page.session()?.phone.clone();
    written_note(&phone, &patient(&phone, "トメ")?)?;
    page.sees("トメ").await?;
    assert!(page.says(&JA.say("state-draft")) && !page.says(&JA.say("notes-none")));
    page.click("トメ").await?;
    page.sees(&JA.say("note-title")).await
}

#[tokio::test]
async fn a_correction_wants_a_value_and_a_reason_and_keeps_what_was_confirmed() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = confirmed_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::Note(note)).await?;
    page.click("#amend").await?;
    page.sees(&JA.say("amend-pick")).await?;
    page.click("体温").await?;
    page.type_in("#new-value", "37.2").await?;
    assert!(page.says(&JA.say("amend-preview")) && page.is_off("#sign")?, "not without a reason");
    page.type_in("#amend-reason", "読み間違い").await?;
    page.click("#sign").await?;
    page.sees(&JA.say("amend-list-title")).await?;
    assert!(page.says("読み間違い") && page.says(&JA.say("amend-state-corrected")));
    let shown = phone.show_note(note)?;
    assert_eq!(shown.view.fields.get("temperature_c"), Some(&FieldValue::Number(37.2)));
    let before = shown.confirmed_fields.and_then(|fields| fields.get("temperature_c").cloned());
    assert_eq!(before, Some(FieldValue::Number(36.5)));
    Ok(())
}

#[tokio::test]
async fn a_half_typed_correction_is_not_signed_over_a_colleagues_before_it_was_seen() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = confirmed_note(&phone, &patient(&phone, "トメ")?)?;
    phone.amend_note(note, "condition", "歩行は安定している。長女不在。", "追記", Timestamp::now())?;
    let begun = HalfCorrection {
        after: Some("歩行は安定。".into()),
        reason: "言い回し".into(),
        shown: "歩行は安定している".into(),
    };
    phone.keep_correction(note, "condition", &begun, &HalfCorrection::default(), Timestamp::now())?;
    page.go(Route::Amend(note, None)).await?;
    page.until("it says that somebody was faster", |page| page.has("#overtaken")).await?;
    assert!(page.is_off("#sign")? && page.says("長女不在"));
    page.click("#overtaken-seen").await?;
    assert!(!page.has("#overtaken") && !page.is_off("#sign")?);
    page.click("#sign").await?;
    page.until("it is signed", |page| !page.has("#sign")).await?;
    let reads = phone.show_note(note)?.view.text("condition").to_string();
    assert!(reads.contains("歩行は安定。") && reads.contains("長女不在"), "both people's words stay");
    Ok(())
}

#[tokio::test]
async fn what_was_left_half_typed_is_found_on_the_sync_screen_and_thrown_away() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = written_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::Sync).await?;
    assert!(!page.has("#half-typed"));
    phone.keep_closing_reason(note, "外出", "", Timestamp::now())?;
    page.go(Route::Today).await?;
    page.go(Route::Sync).await?;
    assert!(page.text_of("#half-typed")?.contains("トメ"));
    page.click(&JA.say("half-list-closing")).await?;
    page.sees(&JA.say("keep-half-reason")).await?;
    page.click("#discard-half").await?;
    assert!(phone.half_typed_acts()?.is_empty());
    page.go(Route::Sync).await?;
    assert!(!page.has("#half-typed"));
    Ok(())
}

#[tokio::test]
async fn a_draft_is_written_in_and_not_corrected() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = written_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::Amend(note, None)).await?;
    assert!(page.says(&JA.say("amend-error-not-confirmed")) && !page.has("#sign"));
    Ok(())
}

#[tokio::test]
async fn the_history_lists_every_version_and_compares_the_two_that_are_chosen() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = written_note(&phone, &patient(&phone, "トメ")?)?;
    let versions = phone.note_history(note)?.len() as u64;
    page.go(Route::History(note)).await?;
    assert!(versions > 2 && page.says(&JA.count("history-count", versions)));
    assert!(page.says(&JA.say("history-compare")) && page.says("歩行は安定している"));
    page.click(&JA.say("history-left")).await?;
    page.sees(&JA.say("history-same")).await
}

#[tokio::test]
async fn a_note_is_closed_with_its_reason_and_opened_again() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = written_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::CloseNote(note)).await?;
    assert!(page.is_off("#close")?);
    page.click(&JA.say("outcome-discarded")).await?;
    assert!(page.is_off("#close")?, "not without a reason");
    page.type_in("#close-reason", "練習で作成").await?;
    page.click("#close").await?;
    page.sees(&JA.say("close-done")).await?;
    assert_eq!(phone.show_note(note)?.state, NoteState::Closed);
    page.go(Route::Note(note)).await?;
    assert!(page.says("練習で作成"));
    page.click("#reopen").await?;
    page.until("the note lives", |page| !page.has("#reopen")).await?;
    assert_eq!(phone.show_note(note)?.state, NoteState::Draft);
    Ok(())
}

#[tokio::test]
async fn a_note_that_was_taken_back_waits_as_what_it_is() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = written_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::Sync).await?;
    page.sees(&JA.say("state-draft")).await?;
    phone.close_note(note, "discarded", "練習で作成", None, Timestamp::now())?;
    page.sees(&JA.say("state-closed")).await?;
    assert!(page.says(&JA.say("sync-waiting")) && !page.says(&JA.say("state-confirmed")));
    Ok(())
}

#[tokio::test]
async fn a_visit_that_did_not_take_place_is_written_and_confirmed() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = phone.start_note(&patient(&phone, "トメ")?, None, Timestamp::now())?;
    page.go(Route::CloseNote(note)).await?;
    page.click(&JA.say("outcome-absent")).await?;
    page.type_in("#close-reason", "受診のため").await?;
    assert_eq!(page.text_of("#close")?, JA.say("close-write"));
    page.click("#close").await?;
    page.sees(&JA.say("close-written")).await?;
    page.click("#confirm-not-visited").await?;
    page.sees(&JA.say("close-confirmed")).await?;
    assert_eq!(phone.show_note(note)?.state, NoteState::Confirmed);
    Ok(())
}

#[tokio::test]
async fn what_was_written_about_the_wrong_patient_is_copied_to_the_right_one() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let note = written_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::CloseNote(note)).await?;
    page.click(&JA.say("outcome-wrong_patient")).await?;
    page.type_in("#right-patient", "わたなべ").await?;
    page.click("正一").await?;
    page.type_in("#close-reason", "取り違え").await?;
    page.click("#close").await?;
    page.sees(&JA.say("close-done-copied")).await?;
    page.click("#open-copy").await?;
    page.sees(&JA.say("note-title")).await?;
    assert!(page.says("正一") && !page.says("トメ"));
    let copies = phone.note_rows(Some(&patient(&phone, "正一")?))?;
    assert_eq!(copies.len(), 1);
    assert_eq!(phone.show_note(copies[0].note)?.view.text("condition"), "歩行は安定している");
    Ok(())
}

#[tokio::test]
async fn a_nurse_sees_her_own_part_of_what_is_to_be_decided() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.click(&JA.say("tab-notes")).await?;
    page.click("#manager").await?;
    page.sees(&JA.say("manager-own-title")).await?;
    assert!(page.says(&JA.say("manager-order-ends")) && page.says("ハル"), "her visit of today, five days are left");
    assert!(!page.says("清"), "a colleague's patient");
    page.click("ハル").await?;
    page.sees(&JA.say("patient-tab-summary")).await
}
