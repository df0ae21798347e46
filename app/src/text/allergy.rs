//! What a hospital says of an allergy, in the reader's language as far as the words are intake's own.

use super::{TIE, Words};
use device::record::disclosed::ALLERGY_WORDS;

/// Stands between the parts of a detail line, with a blank on each side of it: intake writes it so.
const SIGN: char = '/';

/// 医薬品 / 発疹 / 重度 — or medication / 発疹 / severe.
pub fn allergy_detail(words: Words, detail: &str) -> String {
    let said = |part: &str| match ALLERGY_WORDS.iter().find(|(_, word)| *word == part) {
        Some((code, _)) => words.say(&format!("source-allergy-{code}")),
        None => part.to_string(),
    };
    let (received, shown) = (format!(" {SIGN} "), format!("{TIE}{SIGN} "));
    detail.split(received.as_str()).map(said).collect::<Vec<_>>().join(shown.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, plain};

    const JA: Words = Words(Language::Japanese);
    const EN: Words = Words(Language::English);

    #[test]
    fn every_word_of_intakes_own_reads_as_received_in_japanese_and_otherwise_in_english() {
        for (code, word) in ALLERGY_WORDS {
            assert_eq!(allergy_detail(JA, word), word);
            let english = allergy_detail(EN, word);
            assert!(english.is_ascii() && !english.starts_with("source-"), "{code}: {english}");
        }
    }

    #[test]
    fn what_the_hospital_wrote_itself_stays_as_it_wrote_it() {
        let english = allergy_detail(EN, "医薬品 / 発疹 / 重度");
        assert_eq!(english, "medication\u{a0}/ 発疹\u{a0}/ severe", "no line begins with what stands between");
        for received in ["薬物アレルギー / 反応 発疹", "医薬品による発疹", "animal", ""] {
            assert_eq!(plain(&allergy_detail(EN, received)), received);
        }
    }
}
