//! In front of the records: whose vault, enrolment, the PIN, a device without keys.

use super::folder::Folder;
use super::page::Page;
use super::{JA, Outcome};
use crate::app::{Look, Route, Session};
use crate::kept_look::{KeptLook, file_beside};
use crate::look::Theme;
use crate::platform::demo::PIN;
use crate::screens::state::{State, StateCard};
use crate::text::Language;
use device::Pin;
use dioxus::prelude::*;

/// Points at a port where nobody listens.
fn invitation() -> String {
    format!("tsutsuji://enrol?hub=https://127.0.0.1:1&ca={}&code=ABC", "00".repeat(32))
}

#[tokio::test]
async fn a_device_without_a_vault_asks_for_its_invitation_and_says_what_is_wrong_with_it() -> Outcome {
    let folder = Folder::bare()?;
    let mut page = Page::open(folder.launch()).await;
    assert!(page.says(&JA.say("enrol-title")) && !page.has("#demo"));
    page.type_in("#invite", "https://example.jp").await?;
    page.click("#enrol").await?;
    page.sees(&JA.say("error-uri")).await?;
    page.type_in("#invite", &invitation()).await?;
    assert!(!page.says(&JA.say("error-uri")), "whoever types on is not told the same again");
    let to = page.text_of("#enrol-to")?;
    assert!(to.contains("127.0.0.1:1") && to.contains(&JA.say("enrol-to-check")), "{to}");
    page.type_in("#pin", "2468").await?;
    page.type_in("#pin-again", "2469").await?;
    page.click("#enrol").await?;
    page.sees(&JA.say("enrol-pin-differs")).await
}

#[tokio::test]
async fn an_enrolment_without_a_signal_leaves_nothing_behind_and_can_be_tried_again() -> Outcome {
    let folder = Folder::bare()?;
    let mut page = Page::open(folder.launch()).await;
    page.type_in("#invite", &invitation()).await?;
    page.type_in("#pin", "2468").await?;
    page.type_in("#pin-again", "2468").await?;
    page.click("#enrol").await?;
    page.sees(&JA.say("error-unreachable")).await?;
    assert!(!page.is_off("#enrol")?);
    assert!(!folder.vault().exists());
    Ok(())
}

#[tokio::test]
async fn a_wrong_pin_says_how_many_are_left_and_the_right_one_opens() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::open(folder.launch()).await;
    assert!(page.says(&JA.say("unlock-title")) && !page.says("髙橋"));
    page.enter("1357").await?;
    let said = JA.with("error-wrong-pin-left", &[("left", 9u64.into())]);
    page.sees(&said).await?;
    assert!(page.context::<Session>().is_none());
    page.click("2").await?;
    assert!(!page.says(&said), "the next digit takes the sentence away");
    page.click(&JA.say("unlock-delete")).await?;
    page.enter(PIN).await?;
    page.sees(&JA.say("today-title")).await
}

#[tokio::test]
async fn a_hardware_keyboard_types_the_pin() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::open(folder.launch()).await;
    for digit in PIN.chars() {
        page.key("main", Key::Character(digit.to_string())).await?;
    }
    assert!(page.says("●●●●"));
    page.key("main", Key::Enter).await?;
    page.sees(&JA.say("today-title")).await
}

#[tokio::test]
async fn before_the_pin_the_language_can_be_chosen() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::open(folder.launch()).await;
    page.click("#language").await?;
    let english = crate::text::Words(Language::English);
    assert!(page.says(&english.say("unlock-title")) && !page.says(&JA.say("unlock-title")));
    page.click("#language").await?;
    assert!(page.says(&JA.say("unlock-title")));
    Ok(())
}

#[tokio::test]
async fn before_the_pin_the_screens_look_as_whoever_opened_last_has_chosen() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    page.go(Route::Settings).await?;
    page.click(&JA.count("settings-percent", 200u64)).await?;
    page.click(&JA.say("settings-theme-dark")).await?;
    page.click(&JA.say("language-en")).await?;
    let english = crate::text::Words(Language::English);
    page.sees(&english.say("settings-appearance")).await?;
    drop(page);
    let page = Page::open(folder.launch()).await;
    assert!(page.says(&english.say("unlock-title")) && page.context::<Session>().is_none());
    let look = page.context::<Look>().ok_or("the app has no look")?;
    assert_eq!((*look.text_size.peek(), *look.theme.peek()), (200, Theme::Dark));
    Ok(())
}

#[tokio::test]
async fn under_duress_the_app_looks_as_the_device_was_left() -> Outcome {
    let folder = Folder::enrolled()?;
    folder.phone()?.set_duress_pin(&folder.store(), Some(&Pin::new("9753")?))?;
    let left = KeptLook { text_size: 150, theme: Theme::Dark, ..KeptLook::plain(Language::Japanese) };
    left.keep(&file_beside(&folder.vault()), Language::Japanese);
    let mut page = Page::open(folder.launch()).await;
    page.enter("9753").await?;
    page.sees(&JA.say("today-none")).await?;
    let look = page.context::<Look>().ok_or("the app has no look")?;
    assert_eq!((*look.text_size.peek(), *look.theme.peek()), (150, Theme::Dark));
    Ok(())
}

#[tokio::test]
async fn nurses_who_share_a_device_choose_whose_vault_opens() -> Outcome {
    let folder = Folder::enrolled()?;
    folder.put("phone-2.vault")?;
    let mut page = Page::open(folder.launch()).await;
    assert!(page.says(&JA.say("choose-title")) && page.says("青木 里美"));
    page.click("青木 里美").await?;
    assert!(page.says(&JA.say("unlock-title")));
    page.click("#switch").await?;
    assert!(page.says(&JA.say("choose-title")));
    page.click("#add").await?;
    assert!(page.says(&JA.say("enrol-title")));
    page.click("#back").await?;
    assert!(page.says(&JA.say("choose-title")));
    Ok(())
}

#[tokio::test]
async fn a_wiped_device_shows_no_pad_but_what_waits_and_the_way_to_a_new_enrolment() -> Outcome {
    let folder = Folder::enrolled()?;
    folder.phone()?.wipe(&folder.store())?;
    let mut page = Page::open(folder.launch()).await;
    page.enter(PIN).await?;
    page.sees(&JA.say("settings-state-wiped-title")).await?;
    assert!(page.says(&JA.say("settings-state-wiped-works")) && !page.has("#open"));
    assert_eq!(page.text().matches(&JA.say("settings-state-wiped-title")).count(), 1, "said once");
    page.click("#enrol-again").await?;
    assert!(page.says(&JA.say("enrol-title")));
    Ok(())
}

#[tokio::test]
async fn under_duress_an_empty_day_opens() -> Outcome {
    let folder = Folder::enrolled()?;
    folder.phone()?.set_duress_pin(&folder.store(), Some(&Pin::new("9753")?))?;
    let mut page = Page::open(folder.launch()).await;
    page.enter("9753").await?;
    page.sees(&JA.say("today-none")).await?;
    assert!(!page.says("髙橋"));
    page.click(&JA.say("tab-patients")).await?;
    page.sees(&JA.say("patients-none")).await?;
    page.click(&JA.say("tab-notes")).await?;
    page.sees(&JA.say("notes-none")).await
}

#[component]
fn EveryState() -> Element {
    use_context_provider(|| Look::new(KeptLook::plain(Language::Japanese)));
    let states = [State::Wiped, State::LeaseLapsed, State::HubUnknown, State::DeviceRefused, State::StorageFull];
    rsx! {
        h1 { "状態" }
        for state in states { StateCard { key: "{state:?}", state } }
    }
}

#[tokio::test]
async fn every_state_says_what_happened_what_works_and_what_to_do() -> Outcome {
    let page = Page::of(VirtualDom::new(EveryState)).await;
    for code in ["wiped", "lease", "hub", "refused", "full"] {
        let said = page.text_of(&format!("#state-{code}"))?;
        for sentence in ["title", "what", "works", "do"] {
            let words = JA.say(&format!("settings-state-{code}-{sentence}"));
            assert!(said.contains(&words), "{code} {sentence}: {said}");
        }
    }
    Ok(())
}
