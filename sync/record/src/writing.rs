//! Japanese writing: the same word written with different keys, the same name with different characters.
//! What is stored is never changed; these are keys for comparing.

use icu_normalizer::ComposingNormalizer;
use icu_normalizer::properties::CanonicalComposition;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Digits, sign and point typed full-width (３６．５) become half-width; surrounding blanks go.
pub fn half_width_number(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace())
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10).unwrap_or(c),
            '．' | '。' => '.',
            '－' | '−' | 'ー' => '-',
            '＋' => '+',
            '：' => ':',
            '／' => '/',
            other => other,
        })
        .collect()
}

/// Kana for comparing readings: NFKC, full-width katakana with its marks joined, small letters large, ヂヅ as ジズ,
/// ヰヱヲ as イエオ, ゝゞ written out; blanks, ・ and the long mark ー go. ヴ stays apart from ブ.
pub fn search_kana(text: &str) -> String {
    fold_kana(text, LongMark::Dropped)
}

/// Every key a typed reading may be filed under, [`search_kana`] first: オーノ is オノ, オオノ or オウノ, because who
/// listens to a name writes ー where the card has a vowel.
pub fn search_kana_readings(typed: &str) -> Vec<String> {
    let mut readings = vec![search_kana(typed)];
    for mark in [LongMark::SameVowel, LongMark::SpelledVowel] {
        let reading = fold_kana(typed, mark);
        if !readings.contains(&reading) {
            readings.push(reading);
        }
    }
    readings
}

/// A name for comparing: [`search_kana`] for its kana and full-width letters, variants of a kanji folded to one
/// (渡邊 渡邉 渡辺), 々 written out, variation selectors gone, letters small.
pub fn search_name(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in search_kana(text).chars() {
        match c {
            '々' => out.extend(out.chars().next_back()),
            c => out.extend(standing_for(c).to_lowercase()),
        }
    }
    out
}

/// A reading in the order of the 五十音: first without (semi-)voiced marks, as JIS X 4061 compares, word by word.
/// The long mark counts as nothing; words of the same letters are left to [`search_kana`].
pub(crate) fn kana_order(word: &str) -> String {
    icu_normalizer::DecomposingNormalizer::new_nfd()
        .normalize_iter(search_kana(word).chars())
        .filter(|c| !matches!(c, '\u{3099}' | '\u{309a}'))
        .collect()
}

/// Characters that carry no sound and no shape of a name: blanks, variation selectors (IVS), zero-width marks.
pub(crate) fn is_silent(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// What a long mark becomes.
#[derive(Clone, Copy)]
enum LongMark {
    Dropped,
    /// オー → オオ
    SameVowel,
    /// オー → オウ, エー → エイ
    SpelledVowel,
}

fn fold_kana(text: &str, long_mark: LongMark) -> String {
    // A mark typed on its own (ハ゛) has a blank inside its compatibility form; as a combining mark it joins.
    let marks_joinable = text.chars().filter(|c| !is_silent(*c)).map(|c| match c {
        '゛' => '\u{3099}',
        '゜' => '\u{309a}',
        c => c,
    });
    let mut out = String::with_capacity(text.len());
    for c in ComposingNormalizer::new_nfkc().normalize_iter(marks_joinable) {
        let katakana = match c {
            'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
            c => c,
        };
        let last = out.chars().next_back();
        match katakana {
            'ー' => out.extend(last.and_then(|before| lengthened(before, long_mark))),
            'ヽ' => out.extend(last),
            'ヾ' => out.extend(last.map(|before| large(voiced(before)))),
            // A mark that joins nothing, and the points between foreign names.
            '\u{3099}' | '\u{309a}' | '・' | '゠' => {}
            c if is_silent(c) => {}
            c => out.push(large(c)),
        }
    }
    out
}

/// One letter for those that readings of one name mix up.
fn large(katakana: char) -> char {
    match katakana {
        'ヂ' => 'ジ',
        'ヅ' => 'ズ',
        'ァ' => 'ア',
        'ィ' | 'ヰ' => 'イ',
        'ゥ' => 'ウ',
        'ェ' | 'ヱ' => 'エ',
        'ォ' | 'ヲ' => 'オ',
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヮ' => 'ワ',
        c => c,
    }
}

fn voiced(katakana: char) -> char {
    CanonicalComposition::new().compose(katakana, '\u{3099}').unwrap_or(katakana)
}

fn lengthened(before: char, long_mark: LongMark) -> Option<char> {
    /// Each vowel with the letters that end in it.
    const VOWELS: [(char, &str); 5] = [
        ('ア', "アカガサザタダナハバパマヤラワ"),
        ('イ', "イキギシジチニヒビピミリ"),
        ('ウ', "ウヴクグスズツヌフブプムユル"),
        ('エ', "エケゲセゼテデネヘベペメレ"),
        ('オ', "オコゴソゾトドノホボポモヨロ"),
    ];
    let vowel = VOWELS.iter().find(|(_, letters)| letters.contains(before)).map(|(vowel, _)| *vowel)?;
    match (long_mark, vowel) {
        (LongMark::Dropped, _) => None,
        (LongMark::SpelledVowel, 'エ') => Some('イ'),
        (LongMark::SpelledVowel, 'オ') => Some('ウ'),
        (LongMark::SameVowel | LongMark::SpelledVowel, vowel) => Some(vowel),
    }
}

/// The character that stands for all variants of a kanji.
pub(crate) fn standing_for(c: char) -> char {
    KANJI_VARIANTS.get(&c).copied().unwrap_or(c)
}

/// 異体字 → the character that stands for its group.
static KANJI_VARIANTS: LazyLock<BTreeMap<char, char>> = LazyLock::new(|| {
    variant_groups()
        .filter_map(|group| group.chars().next().map(|first| (first, group)))
        .flat_map(|(first, group)| group.chars().skip(1).map(move |variant| (variant, first)))
        .collect()
});

fn variant_groups() -> impl Iterator<Item = &'static str> {
    include_str!("../data/kanji_variants.txt")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn full_width_digits_are_digits() {
        assert_eq!(half_width_number(" ３６．５ "), "36.5");
    }

    #[test]
    fn at_j2_one_reading_however_typed() {
        for typed in
            ["ﾜﾀﾅﾍﾞ", "わたなべ", "ワタナベ", "ワタ ナベ", "わた　なべ", "ワタナヘ゛", "わたなへ\u{3099}", "ワタナヘﾞ"]
        {
            assert_eq!(search_kana(typed), "ワタナベ", "{typed}");
        }
        assert_eq!(search_kana("ｶﾞｯﾂﾎﾟﾝ"), "ガツツポン");
    }

    #[test]
    fn readings_that_cards_mix_up_are_one() {
        for (typed, key) in [
            ("ミチヅカ", "ミチズカ"),
            ("ﾐﾁﾂﾞｶ", "ミチズカ"),
            ("ハナヂ", "ハナジ"),
            ("きょうこ", "キヨウコ"),
            ("りゅうがヶさき", "リユウガケサキ"),
            ("ローザ・マリー", "ロザマリ"),
            ("ﾛｰｻﾞ･ﾏﾘｰ", "ロザマリ"),
            ("ヨシヱ", "ヨシエ"),
            ("カヲル", "カオル"),
            ("すゞ", "スズ"),
            ("ミスヾ", "ミスズ"),
            ("なゝ", "ナナ"),
            ("ミツヾ", "ミツズ"),
            ("ハ゜ク", "パク"),
            ("ガ゛", "ガ"),
            ("゛ア", "ア"),
            ("ゝあ", "ア"),
        ] {
            assert_eq!(search_kana(typed), key, "{typed}");
        }
    }

    #[test]
    fn readings_that_sound_apart_stay_apart() {
        for (one, other) in
            [("ヴ", "ブ"), ("ヴァン", "バン"), ("カトウ", "ガトウ"), ("ハン", "パン"), ("オノ", "オオノ")]
        {
            assert_ne!(search_kana(one), search_kana(other));
        }
        assert_eq!(search_kana("う゛"), "ヴ");
        assert_eq!(search_kana("ｳﾞ"), "ヴ");
    }

    #[test]
    fn a_long_mark_stands_for_nothing_or_for_a_vowel() {
        assert_eq!(search_kana_readings("おーの"), ["オノ", "オオノ", "オウノ"]);
        assert_eq!(search_kana_readings("ジョージ"), ["ジヨジ", "ジヨオジ", "ジヨウジ"]);
        assert_eq!(search_kana_readings("けーこ"), ["ケコ", "ケエコ", "ケイコ"]);
        assert_eq!(search_kana_readings("ユーコ"), ["ユコ", "ユウコ"]);
        assert_eq!(search_kana_readings("わたなべ"), ["ワタナベ"]);
        assert_eq!(search_kana_readings("ー"), [""]);
    }

    #[test]
    fn at_j3_variants_of_a_kanji_are_one_name() {
        for same in [
            &["渡辺", "渡邊", "渡邉", "渡 邊", "渡\u{3000}邉", "渡邉\u{e0101}", "渡邊\u{e0100}"][..],
            &["髙橋", "高橋", "高槗"],
            &["川﨑", "川崎", "川嵜"],
            &["齋藤", "斎藤", "斉藤", "齊藤"],
            &["濱田", "濵田", "浜田"],
            &["澤田", "沢田"],
            &["廣瀨", "広瀬", "廣瀬"],
            &["國島", "国嶋", "國嶌"],
            &["櫻井", "桜井"],
            &["德永", "徳永"],
            &["惠", "恵"],
            &["眞", "真"],
            &["龍", "竜"],
            &["𠮷田", "吉田"],
            &["祐", "\u{fa4f}"],
            &["\u{fa19}山", "神山"],
            &["\u{fa10}本", "塚本"],
            &["佐々木", "佐佐木"],
            &["金子みすゞ", "金子ミスズ"],
            &["龍ヶ崎", "竜ケ﨑"],
            &["Ｍａｒｉａ", "maria", "MARIA"],
        ] {
            let keys: BTreeSet<String> = same.iter().map(|name| search_name(name)).collect();
            assert_eq!(keys.len(), 1, "{same:?}: {keys:?}");
        }
    }

    #[test]
    fn other_names_stay_other_names() {
        for (one, other) in [
            ("渡辺", "渡部"),
            ("坂本", "阪本"),
            ("大田", "太田"),
            ("川崎", "川埼"),
            ("斎藤", "佐藤"),
            ("修", "脩"),
            ("吉", "士"),
        ] {
            assert_ne!(search_name(one), search_name(other));
        }
    }

    #[test]
    fn a_variant_stands_in_one_group_and_only_where_unicode_does_not_fold_it() {
        let nfkc = ComposingNormalizer::new_nfkc();
        let mut seen = BTreeSet::new();
        let mut pairs = 0;
        for group in variant_groups() {
            assert!(group.chars().count() >= 2, "{group}");
            for c in group.chars() {
                assert!(seen.insert(c), "{c} stands twice");
                assert!(('\u{3400}'..='\u{3ffff}').contains(&c), "{c} is no kanji");
                assert_eq!(nfkc.normalize(&c.to_string()), c.to_string(), "{c} can never be reached");
            }
            pairs += group.chars().count() - 1;
        }
        assert!(pairs >= 120, "only {pairs}");
    }

    #[test]
    fn every_variant_of_the_table_is_folded() {
        for group in variant_groups() {
            let keys: BTreeSet<String> = group.chars().map(|c| search_name(&c.to_string())).collect();
            assert_eq!(keys.len(), 1, "{group}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "[ぁ-ゖァ-ヾｦ-ﾟ渡邊々﨑A-Za-z ー゛゜]{0,12}") {
            let kana = search_kana(&text);
            prop_assert_eq!(&search_kana(&kana), &kana);
            let name = search_name(&text);
            prop_assert_eq!(&search_name(&name), &name);
        }
    }
}
