//! Words as hospitals write them: kana widths, one-line details, XHTML, "none" and "suspected".

use record::RecordFlag;

/// フリガナ in full-width katakana, one space between family and given name: `ﾜﾀﾅﾍﾞ　ﾊﾅ`, `わたなべ はな` → `ワタナベ ハナ`.
pub(crate) fn full_width_katakana(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﾞ' | '゛' | '\u{3099}' => join_mark(&mut out, VOICED, 'ﾞ'),
            'ﾟ' | '゜' | '\u{309A}' => join_mark(&mut out, HALF_VOICED, 'ﾟ'),
            'ぁ'..='ゖ' => out.push(char::from_u32(c as u32 + 0x60).unwrap_or(c)),
            '\u{FF61}'..='\u{FF9F}' => out.push(full_width(c)),
            _ => out.push(c),
        }
    }
    one_line(&out)
}

const HALF_WIDTH: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";
const VOICED: (&str, &str) =
    ("カキクケコサシスセソタチツテトハヒフヘホウワヲ", "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴヷヺ");
const HALF_VOICED: (&str, &str) = ("ハヒフヘホ", "パピプペポ");

fn full_width(c: char) -> char {
    HALF_WIDTH.chars().nth(c as usize - 0xFF61).unwrap_or(c)
}

/// A (half-)voiced mark after a kana is one kana: ハ + ﾞ = バ.
fn join_mark(out: &mut String, (plain, marked): (&str, &str), alone: char) {
    let joined =
        out.chars().last().and_then(|last| plain.chars().position(|p| p == last)).and_then(|i| marked.chars().nth(i));
    match joined {
        Some(kana) => {
            out.pop();
            out.push(kana);
        }
        None => out.push(alone),
    }
}

/// Runs of white space, line ends included, become one space.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Longest detail: one line that a person reads.
const MAX_DETAIL_BYTES: usize = 2000;

/// What else a source said, on one line: `None` if it said nothing. The same words are not said twice.
pub(crate) fn detail(parts: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    let mut length = 0;
    for part in parts.into_iter().flatten() {
        let part = one_line(&part);
        if part.is_empty() || said.contains(&part) {
            continue;
        }
        if length + part.len() > MAX_DETAIL_BYTES {
            let room = part.floor_char_boundary(MAX_DETAIL_BYTES - length);
            said.push(format!("{}…", &part[..room]));
            break;
        }
        length += part.len();
        said.push(part);
    }
    (!said.is_empty()).then(|| said.join(" / "))
}

/// `label value`, if there is a value.
pub(crate) fn labelled(label: &str, value: Option<impl AsRef<str>>) -> Option<String> {
    let value = value?;
    let value = value.as_ref().trim();
    (!value.is_empty()).then(|| format!("{label} {value}"))
}

/// Words of an XHTML narrative: tags stripped, blocks on lines of their own, entities resolved.
pub(crate) fn plain_text(xhtml: &str) -> String {
    let mut out = String::with_capacity(xhtml.len() / 2);
    let mut rest = xhtml;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with('<') { skip_tag(rest, &mut out) } else { read_entity(rest, &mut out) };
    }
    out.push_str(rest);
    let lines: Vec<String> = out.lines().map(one_line).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

fn skip_tag<'a>(rest: &'a str, out: &mut String) -> &'a str {
    if let Some(after) = rest.strip_prefix("<!--") {
        return after.split_once("-->").map_or("", |(_, after)| after);
    }
    // "体温 < 37" written without care is words, not a tag.
    if !rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) {
        out.push('<');
        return &rest[1..];
    }
    let Some((tag, after)) = rest[1..].split_once('>') else { return "" };
    let name: String = tag
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match name.as_str() {
        "br" | "p" | "div" | "tr" | "li" | "ul" | "ol" | "table" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "dt"
        | "dd" | "pre" | "hr" => out.push('\n'),
        "td" | "th" => out.push(' '),
        "style" | "script" if !tag.starts_with('/') && !tag.ends_with('/') => {
            return after.find("</").map_or("", |end| &after[end..]);
        }
        _ => {}
    }
    after
}

fn read_entity<'a>(rest: &'a str, out: &mut String) -> &'a str {
    // The longest entity that is known is &#x10FFFF; a lone & is kept.
    let end = rest.bytes().take(12).position(|b| b == b';');
    let Some((name, after)) = end.and_then(|end| Some((rest.get(1..end)?, rest.get(end + 1..)?))) else {
        out.push('&');
        return &rest[1..];
    };
    let c = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => name
            .strip_prefix("#x")
            .or_else(|| name.strip_prefix("#X"))
            .map(|hex| u32::from_str_radix(hex, 16))
            .or_else(|| name.strip_prefix('#').map(str::parse))
            .and_then(Result::ok)
            .and_then(char::from_u32),
    };
    match c {
        Some(c) => {
            out.push(c);
            after
        }
        None => {
            out.push('&');
            &rest[1..]
        }
    }
}

/// A statement that there is no allergy — not "unknown", and not "no egg allergy".
pub(crate) fn says_none_known(text: &str) -> bool {
    const OF: [&str; 16] = [
        "",
        "特に",
        "特記",
        "特記事項",
        "特記すべきこと",
        "アレルギー",
        "アレルギー歴",
        "既知のアレルギー",
        "既知のアレルギーは",
        "アレルギーは",
        "アレルギーは特に",
        "薬物アレルギー",
        "薬剤アレルギー",
        "食物アレルギー",
        "食品アレルギー",
        "その他アレルギー",
    ];
    const ENGLISH: [&str; 7] = [
        "none",
        "nka",
        "nkda",
        "no known allergy",
        "no known allergies",
        "no known drug allergy",
        "no known drug allergies",
    ];
    let words: String = text.chars().filter(|c| !c.is_whitespace() && !"。、:：".contains(*c)).collect();
    if ENGLISH.contains(&one_line(text).to_ascii_lowercase().as_str()) {
        return true;
    }
    ["なし", "無し", "無", "ない", "ありません"]
        .iter()
        .filter_map(|ending| words.strip_suffix(ending))
        .any(|of| OF.contains(&of))
}

/// 「の疑い」 at the end of a disease's name.
pub(crate) fn says_suspected(text: &str) -> bool {
    let text = text.trim_end_matches(['）', ')', '」', ' ', '　']);
    text.ends_with("疑い") || text.ends_with("疑")
}

/// What an interpretation code (HL7 table 0078, in v2 and FHIR alike) says of a result.
pub(crate) fn interpretation_flag(code: &str) -> Option<RecordFlag> {
    match code.trim() {
        "" | "N" | "NEG" | "ND" | "S" | "\"\"" => None,
        "H" | "HU" | "HX" | ">" | "U" => Some(RecordFlag::High),
        "L" | "LU" | "LX" | "<" | "D" => Some(RecordFlag::Low),
        "HH" | "LL" | "AA" => Some(RecordFlag::Critical),
        "A" | "POS" | "DET" => Some(RecordFlag::Abnormal),
        other => Some(RecordFlag::Other(other.chars().take(16).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_width_and_hiragana_become_full_width_katakana_with_marks_joined() {
        assert_eq!(full_width_katakana("ﾜﾀﾅﾍﾞ　ﾊﾟｰﾙ"), "ワタナベ パール");
        assert_eq!(full_width_katakana("わたなべ はな"), "ワタナベ ハナ");
        assert_eq!(full_width_katakana("ｳﾞｧﾝ"), "ヴァン");
        assert_eq!(full_width_katakana("ﾞ"), "ﾞ");
    }

    #[test]
    fn only_a_statement_of_none_is_none() {
        for none in [
            "なし",
            "特になし。",
            "アレルギー なし",
            "薬剤アレルギー無し",
            "No Known Allergy",
            "既知のアレルギーはありません",
        ] {
            assert!(says_none_known(none), "{none}");
        }
        for other in ["不明", "卵アレルギーなし", "ペニシリン", "なし(花)", ""] {
            assert!(!says_none_known(other), "{other}");
        }
    }

    #[test]
    fn a_narrative_loses_its_tags_and_keeps_its_lines() {
        let xhtml = "<div xmlns=\"x\"><p>体温 &lt; 37</p><table><tr><td>A</td><td>B</td></tr></table><style>p{}</style>終&#12431;り<br/>&unknown; & </div>";
        assert_eq!(plain_text(xhtml), "体温 < 37\nA B\n終わり\n&unknown; &");
        assert_eq!(plain_text("cut <p"), "cut");
        assert_eq!(plain_text("体温 < 37"), "体温 < 37");
        assert_eq!(plain_text("&語語語語;"), "&語語語語;");
    }
}
