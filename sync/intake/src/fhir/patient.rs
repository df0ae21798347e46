//! Patient → demographics: the institution's own number, the name in kanji and in kana.

use super::draft::{Reason, WRONG_SHAPE};
use super::model::{CodeableConcept, Extension, Identifier, Many};
use crate::text::{full_width_katakana, one_line};
use record::patient::{Demographics, Sex};
use serde::Deserialize;

/// Numbers that institutions give (患者番号): 1.2.392.100495.20.3.51.1 + the institution's ten digits.
const INSTITUTION_NUMBER: &str = "1.2.392.100495.20.3.51.";

pub(super) const NO_NUMBER: Reason =
    "the Patient has no number of the institution (identifier); have the sender add it";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Patient {
    identifier: Many<Identifier>,
    name: Many<HumanName>,
    telecom: Many<ContactPoint>,
    gender: Option<String>,
    birth_date: Option<String>,
    address: Many<Address>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HumanName {
    extension: Many<Extension>,
    text: Option<String>,
    family: Option<String>,
    given: Many<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContactPoint {
    system: Option<String>,
    value: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Address {
    text: Option<String>,
    state: Option<String>,
    city: Option<String>,
    line: Many<String>,
}

pub(super) fn demographics(raw: &str) -> Result<Demographics, Reason> {
    let patient: Patient = serde_json::from_str(raw).map_err(|_| WRONG_SHAPE)?;
    let local_id = local_number(&patient.identifier).ok_or(NO_NUMBER)?;
    let (name, kana) = names(&patient.name);
    Ok(Demographics {
        local_id,
        name,
        kana,
        birth_date: patient.birth_date.as_deref().and_then(|date| date.trim().parse().ok()),
        sex: match patient.gender.as_deref() {
            Some("male") => Sex::Male,
            Some("female") => Sex::Female,
            Some("other") => Sex::Other,
            _ => Sex::Unknown,
        },
        address: patient.address.iter().find_map(Address::words),
        phone: phone(&patient.telecom),
    })
}

/// The institution's number: by its system, else by its type, else whatever is not an insurance number.
pub(super) fn local_number(identifiers: &Many<Identifier>) -> Option<String> {
    let usable = || identifiers.iter().filter_map(|id| Some((id, id.value.as_deref()?.trim())));
    let filled = || usable().filter(|(_, value)| !value.is_empty());
    let system_has = |id: &Identifier, part: &str| {
        id.system.as_deref().is_some_and(|system| system.to_ascii_lowercase().contains(part))
    };
    let typed = |id: &Identifier| id.kind.as_ref().is_some_and(|kind| kind.has_code(&["MR", "PI"]));
    let insurance = |id: &Identifier| {
        system_has(id, "insur")
            || system_has(id, "member")
            || id.kind.as_ref().is_some_and(CodeableConcept::is_insurance)
    };
    filled()
        .find(|(id, _)| system_has(id, INSTITUTION_NUMBER))
        .or_else(|| filled().find(|(id, _)| typed(id)))
        .or_else(|| filled().find(|(id, _)| id.usage.as_deref() == Some("usual") && !insurance(id)))
        .or_else(|| filled().find(|(id, _)| !insurance(id)))
        .map(|(_, value)| value.to_owned())
}

impl CodeableConcept {
    fn is_insurance(&self) -> bool {
        self.has_code(&["MB", "NI", "SB", "NH"])
    }
}

impl HumanName {
    /// As written; else family and given name with one space.
    fn words(&self) -> Option<String> {
        let whole = self.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        whole.map(str::to_owned).or_else(|| {
            let parts = self.family.iter().chain(self.given.iter()).map(String::as_str);
            let joined = one_line(&parts.collect::<Vec<_>>().join(" "));
            (!joined.is_empty()).then_some(joined)
        })
    }

    /// ISO 21090: IDE ideographic, SYL syllabic, ABC alphabetic.
    fn representation(&self) -> Option<&str> {
        let of_url = |ext: &&Extension| ext.url.as_deref().is_some_and(|url| url.ends_with("EN-representation"));
        self.extension.iter().find(of_url)?.value_code.as_deref()
    }
}

fn names(names: &Many<HumanName>) -> (String, String) {
    let represented = |code: &str| names.iter().find(|n| n.representation() == Some(code)).and_then(HumanName::words);
    // Without the extension: the name that is all kana is the reading.
    let bare = |kana: bool| {
        let plain = names.iter().filter(|n| n.representation().is_none()).filter_map(HumanName::words);
        plain.into_iter().find(|words| is_kana(words) == kana)
    };
    let kana = represented("SYL").or_else(|| bare(true)).map(|kana| full_width_katakana(&kana)).unwrap_or_default();
    let name = represented("IDE")
        .or_else(|| bare(false))
        .or_else(|| names.iter().find_map(HumanName::words))
        .unwrap_or_default();
    (name, kana)
}

fn is_kana(text: &str) -> bool {
    text.chars().all(|c| matches!(c, 'ぁ'..='ヿ' | '\u{FF66}'..='\u{FF9F}') || c.is_whitespace())
}

fn phone(telecom: &Many<ContactPoint>) -> Option<String> {
    let phones = || telecom.iter().filter(|t| matches!(t.system.as_deref(), Some("phone" | "sms") | None));
    phones()
        .find(|t| t.usage.as_deref() == Some("home"))
        .or_else(|| phones().next())
        .and_then(|t| t.value.as_deref())
        .map(one_line)
        .filter(|number| !number.is_empty())
}

impl Address {
    fn words(&self) -> Option<String> {
        let whole = self.text.as_deref().map(one_line).filter(|text| !text.is_empty());
        whole.or_else(|| {
            let parts = self.state.iter().chain(self.city.iter()).chain(self.line.iter());
            let joined: String = parts.map(|part| part.trim()).collect();
            (!joined.is_empty()).then_some(joined)
        })
    }
}
