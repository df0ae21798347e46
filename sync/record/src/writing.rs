//! Japanese writing: the same word written with different keys.

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

/// Kana for comparing readings: hiragana and half-width katakana become full-width katakana, dakuten are joined,
/// blanks go. The stored form is never changed.
pub fn search_kana(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            'ぁ'..='ゖ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
            '\u{ff66}'..='\u{ff9d}' => full_width(c),
            'ﾞ' | '゛' | '\u{3099}' => {
                join(&mut out, 1);
                continue;
            }
            'ﾟ' | '゜' | '\u{309a}' => {
                join(&mut out, 2);
                continue;
            }
            'ヂ' => 'ジ',
            'ヅ' => 'ズ',
            c if c.is_whitespace() => continue,
            c => c,
        };
        out.push(c);
    }
    out.chars()
        .map(|c| match c {
            'ヂ' => 'ジ',
            'ヅ' => 'ズ',
            'ァ' => 'ア',
            'ィ' => 'イ',
            'ゥ' => 'ウ',
            'ェ' => 'エ',
            'ォ' => 'オ',
            'ッ' => 'ツ',
            'ャ' => 'ヤ',
            'ュ' => 'ユ',
            'ョ' => 'ヨ',
            c => c,
        })
        .collect()
}

/// Half-width katakana in the order of JIS X 0201 from U+FF66.
const HALF_WIDTH_KATAKANA: &str =
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

fn full_width(c: char) -> char {
    HALF_WIDTH_KATAKANA.chars().nth((c as u32).saturating_sub(0xff66) as usize).unwrap_or(c)
}

/// Joins a (semi-)voiced mark to the letter before it: カ+゛=ガ. `step` 1 = dakuten, 2 = handakuten.
fn join(out: &mut String, step: u32) {
    let Some(last) = out.pop() else { return };
    let joined = match (last, step) {
        ('カ'..='ト', 1) | ('ハ'..='ホ', _) => char::from_u32(last as u32 + step),
        ('ウ', 1) => Some('ヴ'),
        _ => None,
    };
    out.push(joined.unwrap_or(last));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_width_digits_are_digits() {
        assert_eq!(half_width_number(" ３６．５ "), "36.5");
    }

    #[test]
    fn at_j2_one_reading_however_typed() {
        for typed in ["ﾜﾀﾅﾍﾞ", "わたなべ", "ワタナベ", "ワタ ナベ"] {
            assert_eq!(search_kana(typed), "ワタナベ");
        }
        assert_eq!(search_kana("ｶﾞｯﾂﾎﾟﾝ"), "ガツツポン");
    }
}
