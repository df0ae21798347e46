//! Searching texts: one fold for what was written and what is typed, and the way back to what was written.
//!
//! Folded are: width (NFKC), case, katakana to hiragana, kanji variants, the look-alike dashes; variation selectors and other
//! marks without a shape go. The long mark, small kana and blanks stay, so that ビル does not find ビール.

use crate::writing::standing_for;
use icu_normalizer::ComposingNormalizer;
use std::borrow::Cow;
use std::ops::Range;

/// A text as it is searched. Both halves are a patient's words.
#[derive(Clone, PartialEq, Eq)]
pub struct Folded {
    pub text: String,
    /// How to get the original back: stretches of `same ‖ changed` as LEB128 numbers. `same` folded bytes stand as they were
    /// written; `changed` is twice the folded bytes that follow — katakana were hiragana there — or, with 1 added, they were
    /// other words altogether, which follow with their length. What is left after the last stretch is as it was written.
    pub back: Vec<u8>,
}

impl std::fmt::Debug for Folded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folded").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

/// Folds a text for searching.
pub fn fold(text: &str) -> Folded {
    let mut way_back = WayBack::default();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (piece, after) = rest.split_at(joined(rest));
        match plain(c).filter(|_| piece.len() == c.len_utf8()) {
            Some(folded) => {
                out.push(folded);
                way_back.add(piece, folded.len_utf8(), c, folded);
            }
            None => {
                let from = out.len();
                fold_whole(piece, &mut out);
                way_back.other(piece, out.len() - from);
            }
        }
        rest = after;
    }
    Folded { text: out, back: way_back.finish() }
}

/// The words of a query, folded, each once, the longest first. All of them must stand in one document.
pub fn words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = fold(query).text.split_whitespace().map(str::to_string).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut seen = std::collections::BTreeSet::new();
    words.retain(|word| seen.insert(word.clone()));
    words
}

/// The line around a hit as it was written, at most `most` characters of it.
pub fn snippet(folded: &str, back: &[u8], hit: Range<usize>, most: usize) -> String {
    let mut original = String::with_capacity(folded.len() + back.len());
    let (mut at, mut start, mut end) = (0, None, None);
    for stretch in stretches(folded, back) {
        let from = original.len();
        let until = at + stretch.folded;
        original.push_str(&stretch.original);
        // Inside a stretch that was something else altogether, the whole of it is meant.
        let place = |p: usize, whole: usize| if stretch.exact { from + p - at } else { whole };
        if start.is_none() && hit.start < until {
            start = Some(place(hit.start, from));
        }
        if end.is_none() && hit.end <= until && hit.end > at {
            end = Some(place(hit.end, original.len()));
        }
        at = until;
        // What follows is wanted only as far as the snippet can reach.
        if end.is_some_and(|end| original.len() > end + 4 * most) {
            break;
        }
    }
    let start = start.unwrap_or(0);
    let end = end.unwrap_or(original.len()).max(start);
    cut(&original, start..end, most)
}

/// The whole original text.
pub fn original(folded: &str, back: &[u8]) -> String {
    stretches(folded, back).map(|stretch| stretch.original).collect()
}

/// So many characters around a place, none beyond its line; a third of the room stands before it.
fn cut(text: &str, hit: Range<usize>, most: usize) -> String {
    let (Some(before), Some(after)) = (text.get(..hit.start), text.get(hit.start..)) else { return String::new() };
    let line_before = before.rsplit('\n').next().unwrap_or_default();
    let line_after = after.split('\n').next().unwrap_or_default();
    let found = text.get(hit).map_or(0, |found| found.chars().count());
    let (has_before, has_after) = (line_before.chars().count(), line_after.chars().count());
    let third = has_before.min(most.saturating_sub(found) / 3);
    let taken_after = has_after.min(most - third);
    let taken_before = has_before.min(most - taken_after);
    let snippet = line_before.chars().skip(has_before - taken_before).chain(line_after.chars().take(taken_after));
    snippet.collect::<String>().trim().to_string()
}

struct Stretch<'a> {
    folded: usize,
    original: Cow<'a, str>,
    /// Every byte of the folded text stands for the byte at the same place of the original.
    exact: bool,
}

/// The original in stretches. Bytes that make no sense end the way back: the rest is shown folded.
fn stretches<'a>(folded: &'a str, mut back: &'a [u8]) -> impl Iterator<Item = Stretch<'a>> {
    let mut at = 0;
    let mut next: Option<(usize, Option<&'a str>)> = None;
    std::iter::from_fn(move || {
        if let Some((length, other)) = next.take() {
            let piece = folded.get(at..at + length)?;
            at += length;
            return Some(match other {
                Some(other) => Stretch { folded: length, original: Cow::Borrowed(other), exact: false },
                None => {
                    let original = piece.chars().map(katakana).collect();
                    Stretch { folded: length, original: Cow::Owned(original), exact: true }
                }
            });
        }
        if at >= folded.len() && back.is_empty() {
            return None;
        }
        let same = match stretch(&mut back) {
            Some((same, length, other)) => {
                next = Some((length, other));
                same
            }
            None => {
                back = &[];
                folded.len() - at
            }
        };
        let piece = folded.get(at..at + same)?;
        at += same;
        Some(Stretch { folded: same, original: Cow::Borrowed(piece), exact: true })
    })
}

fn stretch<'a>(back: &mut &'a [u8]) -> Option<(usize, usize, Option<&'a str>)> {
    let same = take_number(back)?;
    let changed = take_number(back)?;
    let other = if changed & 1 == 1 {
        let length = take_number(back)?;
        let (words, rest) = back.split_at_checked(length)?;
        *back = rest;
        Some(std::str::from_utf8(words).ok()?)
    } else {
        None
    };
    Some((same, changed >> 1, other))
}

fn take_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0usize;
    for shift in (0..usize::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= ((byte & 0x7f) as usize).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Writes [`Folded::back`].
#[derive(Default)]
struct WayBack {
    bytes: Vec<u8>,
    same: usize,
    /// Folded bytes of the stretch that is open.
    kana: usize,
    other: usize,
    words: String,
}

impl WayBack {
    fn add(&mut self, piece: &str, length: usize, c: char, folded: char) {
        let is_kana = c != folded && katakana(folded) == c;
        // The long mark belongs to the word that it stands in; it comes back as itself.
        if is_kana || (c == 'ー' && self.kana > 0) {
            if self.other > 0 || !self.words.is_empty() {
                self.close();
            }
            self.kana += length;
        } else if c == folded {
            self.close();
            self.same += length;
        } else {
            self.other(piece, length);
        }
    }

    fn other(&mut self, piece: &str, length: usize) {
        if self.kana > 0 {
            self.close();
        }
        self.other += length;
        self.words.push_str(piece);
    }

    fn close(&mut self) {
        if self.kana > 0 {
            put_number(&mut self.bytes, self.same);
            put_number(&mut self.bytes, self.kana << 1);
        } else if !self.words.is_empty() {
            put_number(&mut self.bytes, self.same);
            put_number(&mut self.bytes, self.other << 1 | 1);
            put_number(&mut self.bytes, self.words.len());
            self.bytes.extend_from_slice(self.words.as_bytes());
        } else {
            return;
        }
        (self.same, self.kana, self.other) = (0, 0, 0);
        self.words.clear();
    }

    fn finish(mut self) -> Vec<u8> {
        self.close();
        self.bytes
    }
}

/// How many bytes of a text's beginning must be folded together: a character with the marks that join it.
fn joined(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    chars.find(|(_, c)| !joins(*c)).map_or(text.len(), |(at, _)| at)
}

fn joins(c: char) -> bool {
    // The common ones first: nearly every character of a text goes through here.
    c >= '\u{300}'
        && (matches!(c, '\u{300}'..='\u{36f}' | '\u{3099}'..='\u{309c}' | '\u{ff9e}' | '\u{ff9f}') || is_shapeless(c))
}

/// Variation selectors and zero-width marks.
fn is_shapeless(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0100}'..='\u{e01ef}')
}

/// The fold of a character that no table of Unicode's has to be asked for.
fn plain(c: char) -> Option<char> {
    match c {
        '\0'..='\x7f' => Some(c.to_ascii_lowercase()),
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' | 'ー' | '・' | '\u{3001}'..='\u{301b}' => Some(c),
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => Some(hiragana(c)),
        '\u{4e00}'..='\u{9fff}' => Some(standing_for(c)),
        _ => None,
    }
}

fn fold_whole(piece: &str, out: &mut String) {
    let marks_joinable = piece.chars().filter(|c| !is_shapeless(*c)).map(|c| match c {
        // Typed on its own it has a blank inside its compatibility form; as a combining mark it joins.
        '゛' => '\u{3099}',
        '゜' => '\u{309a}',
        c => c,
    });
    for c in ComposingNormalizer::new_nfkc().normalize_iter(marks_joinable) {
        match c {
            '\u{3099}' | '\u{309a}' => {}
            '〜' => out.push('~'),
            '−' | '‐' => out.push('-'),
            c => out.extend(standing_for(hiragana(c)).to_lowercase()),
        }
    }
}

fn hiragana(c: char) -> char {
    match c {
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => char::from_u32(c as u32 - 0x60).unwrap_or(c),
        c => c,
    }
}

fn katakana(c: char) -> char {
    match c {
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str, query: &str) -> Option<String> {
        let folded = fold(text);
        let [word] = <[String; 1]>::try_from(words(query)).ok()?;
        let at = folded.text.find(&word)?;
        Some(snippet(&folded.text, &folded.back, at..at + word.len(), 40))
    }

    #[test]
    fn one_word_however_written() {
        for (text, query) in [
            ("下肢浮腫++", "浮腫"),
            ("下肢浮腫++", "腫"),
            ("ﾌｼﾞｭｰﾙ 訪問", "フジュール"),
            ("ふじゅーる", "ﾌｼﾞｭｰﾙ"),
            ("カテーテル交換", "かてーてる"),
            ("ＳｐＯ２ ９３％", "spo2 93%"),
            ("SpO₂は93", "SPO2"),
            ("体温３８．２℃", "38.2℃"),
            ("渡邉様より電話", "渡辺"),
            ("渡辺様より電話", "渡邊"),
            ("葛\u{e0100}城市", "葛城"),
            ("ハ\u{3099}ルン交換", "バルン"),
            ("ハ゛ルン交換", "ばるん"),
            ("ハﾞルン交換", "ばるん"),
            ("９時〜１０時", "9時～10時"),
            ("−２", "-2"),
            ("２０㎎へ増量", "20mg"),
        ] {
            for word in query.split(' ') {
                assert!(found(text, word).is_some(), "{query} in {text}: {:?} {:?}", words(word), fold(text).text);
            }
        }
    }

    #[test]
    fn another_word_is_not_found() {
        for (text, query) in [
            ("ビールを飲む", "ビル"),
            ("か\u{3099}んばる", "か"),
            ("ハﾞルン", "は"),
            ("浮\n腫", "浮腫"),
            ("浮 腫", "浮腫"),
            ("ヒヤリ", "ヒャリ"),
        ] {
            assert!(found(text, query).is_none(), "{query} in {text}");
        }
        assert!(words(" \u{3000}\u{200b}\n").is_empty());
        assert_eq!(words("浮腫　発赤部 浮腫 ﾌ"), ["発赤部", "浮腫", "ふ"]);
    }

    #[test]
    fn a_snippet_is_what_was_written() {
        assert_eq!(found("ﾊﾞﾙﾝｶﾃｰﾃﾙ　交換。", "カテーテル").as_deref(), Some("ﾊﾞﾙﾝｶﾃｰﾃﾙ　交換。"));
        let long = format!("{}\n{}下肢浮腫Ａ{}", "前の行", "あ".repeat(50), "ア".repeat(50));
        let snippet = found(&long, "浮腫a").unwrap_or_default();
        assert_eq!(snippet.chars().count(), 40);
        assert!(snippet.starts_with("ああああ") && snippet.contains("下肢浮腫Ａア"), "{snippet}");
        assert_eq!(found("浮腫", "浮腫").as_deref(), Some("浮腫"));
        let at_end = format!("{}浮腫", "あ".repeat(60));
        assert_eq!(found(&at_end, "浮腫").map(|s| s.chars().count()), Some(40));
        let longer_than_all = "浮".repeat(90);
        assert_eq!(found(&longer_than_all, &longer_than_all).map(|s| s.chars().count()), Some(40));
    }

    proptest! {
        #[test]
        fn the_original_comes_back(text in "[ぁ-ゖァ-ヾｦ-ﾟ渡邊﨑㎎½A-Zａ-ｚ0-9\u{3099}゛\u{fe00}\u{e0100} ー\n〜é\u{301}]{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(original(&folded.text, &folded.back), text);
        }

        #[test]
        fn any_text_comes_back_and_a_fold_is_its_own_fold(text in "\\PC{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(original(&folded.text, &folded.back), text);
            prop_assert_eq!(&fold(&folded.text).text, &folded.text);
        }

        #[test]
        fn any_bytes_as_way_back_are_borne(text in "[ぁ-ゖ浮腫a-z]{0,20}", back in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = original(&text, &back);
            let _ = snippet(&text, &back, 0..text.len(), 40);
        }
    }
}
