//! Lists that are longer than a screen.

use super::folder::Folder;
use super::page::Page;
use super::tree::{ROOT, Tree};
use super::{JA, Outcome};
use crate::components::{MoreRows, use_portions};
use dioxus::prelude::*;

const ROWS: usize = 150;

#[component]
fn LongList() -> Element {
    let portions = use_portions((), ROWS);
    rsx! {
        h1 { "一覧" }
        ul {
            for n in 0..portions.drawn { li { key: "{n}", "第{n}行" } }
        }
        MoreRows { come: portions.more }
    }
}

#[tokio::test]
async fn a_long_list_begins_with_a_screenful_and_is_whole_a_moment_later() -> Outcome {
    let mut first = Tree::new();
    VirtualDom::new(LongList).rebuild(&mut first);
    let drawn = first.all().into_iter().filter(|place| first.tag(*place) == "li").count();
    assert!((10..40).contains(&drawn), "{drawn} rows are drawn at once");
    assert!(first.seen(ROOT).contains('…'), "it says that more come");
    let page = Page::of(VirtualDom::new(LongList)).await;
    assert!(page.says("第0行") && page.says("第149行") && !page.says("…"));
    Ok(())
}

#[tokio::test]
async fn everybody_stands_on_both_lists_of_patients_whoever_is_drawn_last_too() -> Outcome {
    let folder = Folder::enrolled()?;
    let mut page = Page::unlocked(&folder).await?;
    let all = page.session()?.phone.patients()?;
    let missing = |page: &Page| all.iter().filter(|row| !page.says(&row.patient.name)).count();
    assert!(missing(&page) > 0, "today nobody visits them all");
    page.click(&JA.say("tab-patients")).await?;
    assert_eq!(missing(&page), 0);
    page.click(&JA.say("tab-today")).await?;
    page.click("#chart-oncall-title").await?;
    assert_eq!(missing(&page), 0);
    Ok(())
}
