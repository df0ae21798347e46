//! The list, one patient and everything under the name, and who is looked for.

use super::folder::Folder;
use super::page::Page;
use super::{JA, Outcome, confirmed_note, patient, written_note};
use crate::app::Route;
use device::jiff::{Timestamp, ToSpan};
use device::record::Form;
use device::record::calendar::day_in_japan;
use device::record::visit_note::FieldValue;

/// The app on the patient with this in the name.
async fn on(folder: &Folder, part: &str) -> Outcome<Page> {
    let mut page = Page::unlocked(folder).await?;
    let id = patient(&page.session()?.phone, part)?;
    page.go(Route::Patient(id, None)).await?;
    Ok(page)
}

#[tokio::test]
async fn every_patient_of_the_station_stands_under_the_kana_and_a_reading_finds_one() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.click(&JA.say("tab-patients")).await?;
    let all = page.session()?.phone.patients()?.len() as u64;
    assert!(all > 15 && page.says(&JA.count("patients-count", all)));
    assert!(page.says("トメ") && page.says("正一") && page.says(&JA.say("tag-same-reading")));
    page.click("か").await?;
    page.type_in("#search", "わたなべ").await?;
    assert!(page.says("正一") && !page.says("トメ") && page.says(&JA.count("patients-count", 1u64)));
    page.type_in("#search", "ぬぬぬ").await?;
    assert!(page.says(&JA.say("patients-not-found")));
    page.type_in("#search", "タカハシ").await?;
    page.click("トメ").await?;
    page.sees(&JA.say("patient-tab-summary")).await
}

#[tokio::test]
async fn what_is_known_of_allergies_stands_over_everything() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = on(&folder, "トメ").await?;
    assert!(page.says("ペニシリン系抗菌薬") && page.says(&JA.say("flag-contraindicated")));
    for (part, key) in [("清", "allergy-none-known"), ("フジ子", "allergy-not-recorded")] {
        let id = patient(&page.session()?.phone, part)?;
        page.go(Route::Patient(id, None)).await?;
        page.sees(&JA.say(key)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_tab_of_a_patient_shows_what_the_phone_holds() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = on(&folder, "トメ").await?;
    for (tab, words) in [
        ("chart-tab-calendar", "chart-legend"),
        ("chart-tab-trends", "section-labs"),
        ("patient-tab-notes", "notes-none"),
        ("board-tab", "board-blank"),
        ("board-tab-documents", "board-form-intake_record"),
        ("patient-tab-summary", "section-prescriptions"),
    ] {
        page.click(&format!("#{tab}")).await?;
        assert_eq!(page.attribute(&format!("#{tab}"), "aria-selected")?.as_deref(), Some("true"));
        page.sees(&JA.say(words)).await?;
        assert!(page.says("ペニシリン系抗菌薬"), "the strip stands over {tab}");
    }
    page.click("#chart-tab-calendar").await?;
    page.click(&JA.say("chart-month")).await?;
    page.sees(&JA.say("chart-month-legend")).await
}

#[tokio::test]
async fn the_arrows_lead_to_the_week_and_the_month_before_and_after_and_back_to_this_one() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = on(&folder, "トメ").await?;
    page.click("#chart-tab-calendar").await?;
    let today = day_in_japan(Timestamp::now());
    let monday = today.saturating_sub(today.weekday().to_monday_zero_offset().days());
    let week = |weeks: i64| {
        let first = monday.saturating_add((7 * weeks).days());
        format!("{} – {}", first.strftime("%Y/%-m/%-d"), first.saturating_add(6.days()).strftime("%-m/%-d"))
    };
    let month = |months: i64| today.first_of_month().saturating_add(months.months()).strftime("%Y/%-m").to_string();
    let ways = |before: &'static str, this: &'static str, after: &'static str| {
        [(before, -1), (before, -2), (this, 0), (after, 1), (after, 2), (before, 1), (this, 0)]
    };
    assert_eq!(page.period()?, week(0));
    for (way, weeks) in ways("chart-week-before", "chart-this-week", "chart-week-after") {
        page.click(&JA.say(way)).await?;
        assert_eq!(page.period()?, week(weeks), "{way}");
    }
    page.click(&JA.say("chart-month")).await?;
    assert_eq!(page.period()?, month(0));
    for (way, months) in ways("chart-month-before", "chart-this-month", "chart-month-after") {
        page.click(&JA.say(way)).await?;
        assert_eq!(page.period()?, month(months), "{way}");
    }
    Ok(())
}

#[tokio::test]
async fn a_patients_visit_starts_from_the_patient_too() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = on(&folder, "正一").await?;
    page.click("#start").await?;
    page.sees(&JA.say("note-title")).await?;
    let rows = page.session()?.phone.note_rows(None)?;
    assert!(rows.len() == 1 && rows[0].visit.is_none() && rows[0].started_at.is_some(), "nobody had planned it");
    Ok(())
}

#[tokio::test]
async fn the_board_takes_what_is_typed_and_says_who_wrote_last() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let id = patient(&phone, "トメ")?;
    page.go(Route::Handover(id.clone())).await?;
    assert!(page.says("トメ") && page.says(&JA.say("board-blank")));
    page.type_in("#board", "玄関の鍵は青い箱").await?;
    page.leave().await;
    assert_eq!(phone.board(&id)?.text, "玄関の鍵は青い箱");
    page.sees("最終記入 青木 里美").await?;
    assert!(!page.says(&JA.say("board-blank")));
    Ok(())
}

#[tokio::test]
async fn a_document_is_begun_written_and_says_what_it_still_needs() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = on(&folder, "トメ").await?;
    page.click("#board-tab-documents").await?;
    page.click(&JA.say("board-begin")).await?;
    page.sees(&JA.say("board-section-first")).await?;
    page.type_in("#first_visit_on", "2026-11-02").await?;
    page.leave().await;
    let phone = page.session()?.phone.clone();
    let rows = phone.document_rows(Form::IntakeRecord, None)?;
    assert_eq!(rows.len(), 1);
    let written = phone.show_note(rows[0].note)?.view.fields.get("first_visit_on").cloned();
    assert_eq!(written, Some(FieldValue::Date("2026-11-02".parse()?)));
    page.click("#next").await?;
    assert_eq!(page.attribute("#board-section-illness", "aria-selected")?.as_deref(), Some("true"));
    page.click("#section-confirm").await?;
    assert!(page.says("未記入:") && page.says(&JA.say("confirm-title")) && page.is_off("#confirm")?);
    Ok(())
}

#[tokio::test]
async fn the_family_sees_one_value_and_no_name_and_leaving_locks() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    let id = patient(&phone, "トメ")?;
    confirmed_note(&phone, &id)?;
    page.go(Route::Patient(id, None)).await?;
    page.click("#chart-tab-trends").await?;
    page.click("体温").await?;
    page.click(&JA.say("chart-family")).await?;
    page.sees(&JA.say("chart-family-title")).await?;
    assert!(page.says("体温") && !page.says("トメ") && !page.says("ペニシリン") && !page.has("#pill"));
    page.click("#family-leave").await?;
    page.sees(&JA.say("unlock-title")).await?;
    assert!(phone.patients().is_err(), "the keys are gone");
    Ok(())
}

#[tokio::test]
async fn a_word_of_a_note_is_found_and_opens_it() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let phone = page.session()?.phone.clone();
    written_note(&phone, &patient(&phone, "トメ")?)?;
    page.go(Route::Search).await?;
    assert!(page.says(&JA.say("chart-search-empty")));
    page.type_in("#search-words", "歩行は安定").await?;
    page.sees("トメ").await?;
    assert!(!page.says("正一"));
    page.type_in("#search-words", "どこにもない言葉").await?;
    page.sees(&JA.say("chart-search-none")).await?;
    page.type_in("#search-words", "歩行は安定").await?;
    page.sees("トメ").await?;
    page.click("歩行は安定").await?;
    page.sees(&JA.say("note-title")).await
}

#[tokio::test]
async fn on_call_lists_everybody_and_then_only_those_who_need_an_eye() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.click("#chart-oncall-title").await?;
    let all = page.session()?.phone.patients()?.len() as u64;
    page.sees(&JA.count("patients-count", all)).await?;
    assert!(page.says("トメ") && page.says("ペニシリン系抗菌薬") && page.says("清"));
    page.click(&JA.say("chart-oncall-pressing")).await?;
    assert!(page.says("清") && !page.says("トメ"), "an order that is over needs one, one that holds does not");
    page.click("清").await?;
    page.sees(&JA.say("patient-tab-summary")).await
}
