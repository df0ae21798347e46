//! 利用者を探す: by reading, name, birth date, 患者番号 or town, over keys folded once.

use crate::calendar::parse_date;
use crate::ids::PatientId;
use crate::patient::Patient;
use crate::writing::{is_silent, kana_order, search_kana, search_kana_readings, search_name};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The patients of a phone, ready to be searched. Holds folded keys only, in the order of the 五十音.
///
/// That order is by folded kana, family name before given name, (semi-)voiced marks counting only between readings
/// that are otherwise the same; the long mark counts as nothing. Readings that do not begin with kana come last.
#[derive(Clone, Default)]
pub struct PatientIndex {
    entries: Vec<Entry>,
}

/// One row of the 五十音 index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KanaRow {
    /// あ か さ … わ; none for readings that do not begin with kana.
    pub row: Option<char>,
    /// In kana order. Never empty.
    pub patients: Vec<PatientId>,
}

#[derive(Clone)]
struct Entry {
    id: PatientId,
    row: Option<char>,
    kana: Words,
    name: Words,
    birth_date: Option<Date>,
    local_ids: Vec<String>,
    address: String,
}

/// Family and given name joined, and where each begins.
#[derive(Clone)]
struct Words {
    joined: String,
    starts: Vec<usize>,
}

/// What was typed, in each way it can be meant. A way that it cannot be meant is empty.
struct Query {
    readings: Vec<String>,
    text: String,
    birth_date: Option<Date>,
}

/// How well an entry answers; better ones compare smaller.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    NameBegins,
    Otherwise,
}

impl PatientIndex {
    /// Folds every key once; a search afterwards only compares.
    pub fn new(patients: &[Patient]) -> Self {
        let mut keyed: Vec<_> = patients
            .iter()
            .map(|patient| {
                let entry = Entry::of(patient);
                let reading: Vec<String> = words_of(&patient.kana).map(kana_order).collect();
                let order = (entry.row.is_none(), entry.row, reading, entry.kana.joined.clone());
                ((order, entry.name.joined.clone(), entry.id.clone()), entry)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        let entries = keyed.into_iter().map(|(_, entry)| entry).collect();
        Self { entries }
    }

    /// Who answers to `query`, best first, then in kana order. An empty query is everyone.
    ///
    /// - the beginning of the family or the given name, read or written (わた, はな, 渡邉)
    /// - kanji anywhere in the name, variants of a character being one
    /// - a birth date in any form of [`parse_date`]
    /// - the beginning of a facility's patient number, leading zeros or not
    /// - a part of the address, unless only digits were typed
    pub fn search(&self, query: &str) -> Vec<PatientId> {
        let query = Query::of(query);
        if query.is_empty() {
            return self.entries.iter().map(|entry| entry.id.clone()).collect();
        }
        let mut found: Vec<(Answer, &Entry)> =
            self.entries.iter().filter_map(|entry| Some((entry.answer(&query)?, entry))).collect();
        // Stable: equal answers stay in kana order.
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.into_iter().map(|(_, entry)| entry.id.clone()).collect()
    }

    /// The 五十音 index: rows in order, those without kana last. Rows without patients are left out.
    pub fn rows(&self) -> Vec<KanaRow> {
        self.entries
            .chunk_by(|a, b| a.row == b.row)
            .map(|entries| KanaRow {
                row: entries.first().and_then(|entry| entry.row),
                patients: entries.iter().map(|entry| entry.id.clone()).collect(),
            })
            .collect()
    }

    /// Patients whose reading or name is also another's: callers show a warning and the birth date (AT-J4).
    /// Readings are compared folded, so ミチヅカ and ミチズカ warn of each other.
    pub fn same_reading(&self) -> BTreeSet<PatientId> {
        let mut same = self.sharing(|entry| &entry.kana.joined);
        same.extend(self.sharing(|entry| &entry.name.joined));
        same
    }

    fn sharing(&self, key: fn(&Entry) -> &str) -> BTreeSet<PatientId> {
        let mut people: BTreeMap<&str, BTreeSet<&PatientId>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !key(entry).is_empty()) {
            people.entry(key(entry)).or_default().insert(&entry.id);
        }
        people.into_values().filter(|ids| ids.len() > 1).flatten().cloned().collect()
    }
}

/// Folded keys are names too: only the number of patients is shown.
impl std::fmt::Debug for PatientIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PatientIndex").field("patients", &self.entries.len()).finish_non_exhaustive()
    }
}

/// The row of the 五十音 that a reading stands in: あ か さ た な は ま や ら わ. ガ is か, ヴ is あ, ヲ and ン are わ.
pub fn gojuon_row(kana: &str) -> Option<char> {
    // Folded for searching these sound as イエオ, but a register keeps them under わ.
    if kana.chars().find(|c| !is_silent(*c)).is_some_and(|c| "ゐゑをヰヱヲｦ".contains(c)) {
        return Some('わ');
    }
    match search_kana(kana).chars().next()? {
        'ア'..='オ' | 'ヴ' => Some('あ'),
        'カ'..='ゴ' => Some('か'),
        'サ'..='ゾ' => Some('さ'),
        'タ'..='ド' => Some('た'),
        'ナ'..='ノ' => Some('な'),
        'ハ'..='ポ' => Some('は'),
        'マ'..='モ' => Some('ま'),
        'ヤ'..='ヨ' => Some('や'),
        'ラ'..='ロ' => Some('ら'),
        'ワ'..='ン' | 'ヷ'..='ヺ' => Some('わ'),
        _ => None,
    }
}

impl Entry {
    fn of(patient: &Patient) -> Self {
        Self {
            id: patient.id.clone(),
            row: gojuon_row(&patient.kana),
            kana: Words::of(&patient.kana, search_kana),
            name: Words::of(&patient.name, search_name),
            birth_date: patient.birth_date,
            local_ids: patient.local_ids.iter().map(|local| search_name(&local.id)).collect(),
            address: patient.address.as_deref().map(search_name).unwrap_or_default(),
        }
    }

    fn answer(&self, query: &Query) -> Option<Answer> {
        if query.readings.iter().any(|reading| self.kana.begin_with(reading)) || self.name.begin_with(&query.text) {
            return Some(Answer::NameBegins);
        }
        let otherwise = self.name.joined.contains(&query.text)
            || self.kana_not_parted_contains(query)
            || (query.birth_date.is_some() && query.birth_date == self.birth_date)
            || self.local_ids.iter().any(|number| number_begins(number, &query.text))
            || (query.names_a_place() && self.address.contains(&query.text));
        otherwise.then_some(Answer::Otherwise)
    }

    /// A reading stored without a blank hides where the given name begins.
    fn kana_not_parted_contains(&self, query: &Query) -> bool {
        self.kana.starts.len() < 2 && query.readings.iter().any(|reading| self.kana.joined.contains(reading))
    }
}

impl Words {
    fn of(text: &str, fold: fn(&str) -> String) -> Self {
        let mut words = Self { joined: String::new(), starts: Vec::new() };
        for word in words_of(text) {
            words.starts.push(words.joined.len());
            words.joined.push_str(&fold(word));
        }
        words
    }

    fn begin_with(&self, query: &str) -> bool {
        self.starts.iter().any(|start| self.joined.get(*start..).is_some_and(|rest| rest.starts_with(query)))
    }
}

impl Query {
    fn of(typed: &str) -> Self {
        let readings = search_kana_readings(typed).into_iter().filter(|reading| !reading.is_empty()).collect();
        Self { readings, text: search_name(typed), birth_date: parse_date(typed).ok() }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// 12 would be a part of every other address.
    fn names_a_place(&self) -> bool {
        self.text.chars().any(|c| !c.is_ascii_digit() && c != '-')
    }
}

fn number_begins(number: &str, typed: &str) -> bool {
    number.starts_with(typed) || number.trim_start_matches('0').starts_with(typed)
}

fn words_of(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| c.is_whitespace() || matches!(c, '・' | '･')).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::{LocalId, Sex};
    use jiff::civil::date;
    use proptest::prelude::*;

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    fn patient(id: &str, name: &str, kana: &str) -> Result<Patient, Box<dyn std::error::Error>> {
        Ok(Patient {
            id: id.parse()?,
            name: name.into(),
            kana: kana.into(),
            birth_date: None,
            sex: Sex::Unknown,
            address: None,
            phone: None,
            local_ids: Vec::new(),
        })
    }

    fn index(people: &[(&str, &str, &str)]) -> Result<PatientIndex, Box<dyn std::error::Error>> {
        let patients = people.iter().map(|(id, name, kana)| patient(id, name, kana)).collect::<Result<Vec<_>, _>>()?;
        Ok(PatientIndex::new(&patients))
    }

    fn found(index: &PatientIndex, query: &str) -> Vec<String> {
        index.search(query).into_iter().map(String::from).collect()
    }

    const WATANABES: [(&str, &str, &str); 5] = [
        ("old", "渡邊 花", "ワタナベ ハナ"),
        ("older", "渡邉 一郎", "ワタナベ イチロウ"),
        ("new", "渡辺 京子", "ワタナベ キョウコ"),
        ("other", "渡部 花江", "ワタベ ハナエ"),
        ("far", "山田 太郎", "ヤマダ タロウ"),
    ];

    #[test]
    fn at_j2_every_way_to_type_watanabe_finds_every_way_to_write_it() -> TestResult {
        let index = index(&WATANABES)?;
        for typed in ["ﾜﾀﾅﾍﾞ", "わたなべ", "ワタナベ", "わたな", "渡邊", "渡邉", "渡辺", "渡邉\u{e0101}"]
        {
            assert_eq!(found(&index, typed), ["older", "new", "old"], "{typed}");
        }
        assert_eq!(found(&index, "わたなべ　はな"), ["old"]);
        assert_eq!(found(&index, "わたなべはな"), ["old"]);
        Ok(())
    }

    #[test]
    fn at_j2_the_beginning_of_the_given_name_finds_too_and_its_middle_does_not() -> TestResult {
        let index = index(&WATANABES)?;
        assert_eq!(found(&index, "はな"), ["old", "other"]);
        assert_eq!(found(&index, "きょう"), ["new"]);
        assert_eq!(found(&index, "たなべ"), Vec::<String>::new());
        assert_eq!(found(&index, "ベハ"), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn at_j2_a_long_mark_finds_the_vowel_it_stands_for() -> TestResult {
        let index = index(&[
            ("oono", "大野 京", "オオノ キョウ"),
            ("ono", "小野 京", "オノ ケイ"),
            ("sato", "佐藤 京", "サトウ ミヤコ"),
            ("rosa", "ローザ マリー", "ローザ・マリー"),
        ])?;
        assert_eq!(found(&index, "おーの"), ["oono", "ono"]);
        assert_eq!(found(&index, "おおの"), ["oono"]);
        assert_eq!(found(&index, "サトー"), ["sato"]);
        assert_eq!(found(&index, "ろーざ"), ["rosa"]);
        assert_eq!(found(&index, "まりー"), ["rosa"]);
        Ok(())
    }

    #[test]
    fn at_j2_ji_and_zu_are_tolerated_and_vu_is_not_bu() -> TestResult {
        let index = index(&[("a", "道塚 忍", "ミチヅカ シノブ"), ("b", "安藤 ヴ", "アンドウ ヴ")])?;
        assert_eq!(found(&index, "みちずか"), ["a"]);
        assert_eq!(found(&index, "ヴ"), ["b"]);
        assert_eq!(found(&index, "ぶ"), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn at_j3_variants_match_anywhere_in_the_name_and_the_stored_form_stays() -> TestResult {
        let patients = [
            patient("taka", "髙橋 誠", "タカハシ マコト")?,
            patient("saki", "山﨑 惠", "ヤマザキ メグミ")?,
            patient("sai1", "齋藤 一", "サイトウ ハジメ")?,
            patient("sai2", "斉藤\u{e0100} 二郎", "サイトウ ジロウ")?,
        ];
        let stored = patients.clone();
        let index = PatientIndex::new(&patients);
        assert_eq!(found(&index, "高橋"), ["taka"]);
        assert_eq!(found(&index, "髙"), ["taka"]);
        assert_eq!(found(&index, "崎"), ["saki"]);
        assert_eq!(found(&index, "恵"), ["saki"]);
        for typed in ["齋藤", "斎藤", "斉藤", "齊藤"] {
            assert_eq!(found(&index, typed), ["sai2", "sai1"], "{typed}");
        }
        assert_eq!(found(&index, "佐藤"), Vec::<String>::new());
        assert_eq!(patients, stored);
        Ok(())
    }

    #[test]
    fn at_j4_who_shares_a_reading_or_a_name_is_known() -> TestResult {
        let index = index(&[
            ("a", "山田 花子", "ヤマダ ハナコ"),
            ("b", "山田 華子", "やまだ　はなこ"),
            ("c", "髙橋 幸", "タカハシ サチ"),
            ("d", "高橋 幸", "タカハシ ユキ"),
            ("e", "道塚 忍", "ミチヅカ シノブ"),
            ("f", "三塚 偲", "ミチズカ シノブ"),
            ("g", "山田 太郎", "ヤマダ タロウ"),
            ("h", "林 檎", ""),
            ("i", "森 林", ""),
        ])?;
        let same: Vec<String> = index.same_reading().into_iter().map(String::from).collect();
        assert_eq!(same, ["a", "b", "c", "d", "e", "f"]);
        Ok(())
    }

    #[test]
    fn at_j4_one_patient_listed_twice_is_not_a_namesake() -> TestResult {
        let index = index(&[("a", "山田 花子", "ヤマダ ハナコ"), ("a", "山田 花子", "ヤマダ ハナコ")])?;
        assert!(index.same_reading().is_empty());
        Ok(())
    }

    #[test]
    fn at_j5_a_birth_date_finds_in_every_form() -> TestResult {
        let mut born = patient("born", "山田 花", "ヤマダ ハナ")?;
        born.birth_date = Some(date(1935, 10, 15));
        let mut later = patient("later", "山田 梅", "ヤマダ ウメ")?;
        later.birth_date = Some(date(1935, 10, 16));
        let index = PatientIndex::new(&[born, later, patient("unknown", "山田 菊", "ヤマダ キク")?]);
        for typed in [
            "S101015",
            "s101015",
            "Ｓ１０１０１５",
            "S10.10.15",
            "昭和10年10月15日",
            "1935-10-15",
            "1935/10/15",
            "19351015",
        ] {
            assert_eq!(found(&index, typed), ["born"], "{typed}");
        }
        assert_eq!(found(&index, "S101017"), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn at_j6_a_day_outside_its_era_finds_nobody() -> TestResult {
        let mut born = patient("born", "山田 花", "ヤマダ ハナ")?;
        born.birth_date = Some(date(1989, 2, 1));
        let index = PatientIndex::new(&[born]);
        assert_eq!(found(&index, "平成元年2月1日"), ["born"]);
        assert_eq!(found(&index, "昭和64年2月1日"), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn a_facilitys_number_and_a_town_find_too() -> TestResult {
        let mut one = patient("one", "山田 花", "ヤマダ ハナ")?;
        one.local_ids = vec![LocalId { facility: "hospital".parse()?, id: "0012345".into() }];
        one.address = Some("福岡県久留米市國分町１２－３".into());
        let mut two = patient("two", "安部 梅", "アベ ウメ")?;
        two.local_ids = vec![
            LocalId { facility: "clinic".parse()?, id: "9".into() },
            LocalId { facility: "hospital".parse()?, id: "K-0077".into() },
        ];
        two.address = Some("福岡県久留米市城南町12".into());
        let index = PatientIndex::new(&[one, two]);
        assert_eq!(found(&index, "0012345"), ["one"]);
        assert_eq!(found(&index, "12345"), ["one"]);
        assert_eq!(found(&index, "００１２３"), ["one"]);
        assert_eq!(found(&index, "k-0077"), ["two"]);
        assert_eq!(found(&index, "Ｋ－００７７"), ["two"]);
        assert_eq!(found(&index, "2345"), Vec::<String>::new());
        assert_eq!(found(&index, "国分町"), ["one"]);
        assert_eq!(found(&index, "久留米"), ["two", "one"]);
        assert_eq!(found(&index, "12-3"), Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn who_begins_with_the_query_comes_before_who_lives_there() -> TestResult {
        let mut neighbour = patient("neighbour", "相川 花", "アイカワ ハナ")?;
        neighbour.address = Some("久留米市山田".into());
        let index = PatientIndex::new(&[
            neighbour,
            patient("inside", "小山田 梅", "オヤマダ ウメ")?,
            patient("named", "山田 菊", "ヤマダ キク")?,
        ]);
        assert_eq!(found(&index, "山田"), ["named", "neighbour", "inside"]);
        Ok(())
    }

    #[test]
    fn an_empty_query_is_everyone_in_kana_order() -> TestResult {
        let index = index(&[
            ("none", "John Smith", ""),
            ("wo", "ヲサム", "ヲサム"),
            ("fushimi", "伏見 光", "フシミ ヒカル"),
            ("abeno", "阿部野 明", "アベノ アキ"),
            ("fujita", "藤田 光", "フジタ ヒカル"),
            ("abe", "安部 優子", "ｱﾍﾞ ﾕｳｺ"),
            ("hata", "畑 光", "ハタ ヒカル"),
            ("bata", "馬田 光", "ばた　ひかる"),
        ])?;
        let order = ["abe", "abeno", "hata", "bata", "fujita", "fushimi", "wo", "none"];
        for typed in ["", " ", "　"] {
            assert_eq!(found(&index, typed), order);
        }
        Ok(())
    }

    #[test]
    fn a_reading_without_a_blank_still_finds_the_given_name_after_the_others() -> TestResult {
        let index = index(&[("joined", "相川花", "アイカワハナ"), ("parted", "山田 花", "ヤマダ ハナ")])?;
        assert_eq!(found(&index, "はな"), ["parted", "joined"]);
        Ok(())
    }

    #[test]
    fn every_kana_stands_in_its_row() {
        for (row, kana) in [
            ('あ', "アイウエオあぅｱヴ"),
            ('か', "カゴガがｷ"),
            ('さ', "サゾジズしｽ"),
            ('た', "タドッだｯ"),
            ('な', "ナノぬﾈ"),
            ('は', "ハバパポべﾋ"),
            ('ま', "マモむﾒ"),
            ('や', "ヤヨゃｭ"),
            ('ら', "ラロりﾚ"),
            ('わ', "ワヲンをんｦﾜヰヱ"),
        ] {
            for c in kana.chars() {
                assert_eq!(gojuon_row(&c.to_string()), Some(row), "{c}");
            }
        }
        assert_eq!(gojuon_row("　ｶﾞﾓｳ"), Some('か'));
        assert_eq!(gojuon_row("う゛"), Some('あ'));
        for none in ["", " ", "渡邊", "Smith", "1", "ー"] {
            assert_eq!(gojuon_row(none), None);
        }
    }

    #[test]
    fn the_index_lists_its_rows_in_order_and_leaves_nobody_out() -> TestResult {
        let index = index(&[
            ("w", "和田 花", "ワダ ハナ"),
            ("x", "Smith", "Smith"),
            ("g", "蒲生 花", "ガモウ ハナ"),
            ("k", "加藤 花", "カトウ ハナ"),
            ("a", "安部 花", "アベ ハナ"),
        ])?;
        let listed = index.rows();
        let got: Vec<(Option<char>, Vec<&str>)> =
            listed.iter().map(|row| (row.row, row.patients.iter().map(PatientId::as_str).collect())).collect();
        assert_eq!(
            got,
            [(Some('あ'), vec!["a"]), (Some('か'), vec!["k", "g"]), (Some('わ'), vec!["w"]), (None, vec!["x"])]
        );
        Ok(())
    }

    #[test]
    fn the_index_shows_no_name_in_a_log() -> TestResult {
        let index = index(&WATANABES)?;
        assert_eq!(format!("{index:?}"), "PatientIndex { patients: 5, .. }");
        Ok(())
    }

    /// 14,400 people, the largest network of the plan.
    fn town() -> Result<Vec<Patient>, Box<dyn std::error::Error>> {
        const FAMILY: [(&str, &str); 12] = [
            ("渡邊", "ワタナベ"),
            ("髙橋", "タカハシ"),
            ("齋藤", "サイトウ"),
            ("山﨑", "ヤマザキ"),
            ("佐々木", "ササキ"),
            ("濵田", "ハマダ"),
            ("廣瀨", "ヒロセ"),
            ("中島", "ナカシマ"),
            ("古賀", "コガ"),
            ("大野", "オオノ"),
            ("𠮷田", "ヨシダ"),
            ("龍", "リュウ"),
        ];
        const GIVEN: [(&str, &str); 12] = [
            ("花", "ハナ"),
            ("一郎", "イチロウ"),
            ("京子", "キョウコ"),
            ("すゞ", "スズ"),
            ("惠", "メグミ"),
            ("眞", "マコト"),
            ("ヨシヱ", "ヨシエ"),
            ("實", "ミノル"),
            ("壽", "ヒサシ"),
            ("櫻", "サクラ"),
            ("德", "トク"),
            ("榮", "サカエ"),
        ];
        (0..14_400usize)
            .map(|n| {
                let (family, family_kana) = FAMILY[n % 12];
                let (given, given_kana) = GIVEN[n / 12 % 12];
                let mut person = patient(
                    &format!("p-{n:05}"),
                    &format!("{family} {given}"),
                    &format!("{family_kana} {given_kana}"),
                )?;
                let day = i64::try_from(n)?;
                person.birth_date = Some(date(1920, 1, 1).checked_add(jiff::Span::new().days(day))?);
                person.address = Some(format!("福岡県久留米市{}町{}-{n}", ["國分", "城南", "津福"][n % 3], n % 40));
                person.local_ids = vec![LocalId { facility: "hospital".parse()?, id: format!("{n:08}") }];
                Ok(person)
            })
            .collect()
    }

    #[test]
    fn a_town_of_14_400_is_searched_by_everything_a_nurse_types() -> TestResult {
        let index = PatientIndex::new(&town()?);
        for (query, count) in [
            ("わたなべ", 1_200),
            ("ﾊﾅ", 1_200),
            ("渡辺", 1_200),
            ("実", 1_200),
            ("すず", 1_200),
            ("国分町", 4_800),
            ("00000123", 1),
            ("S011225", 1),
            ("さいとうさくら", 100),
            ("", 14_400),
        ] {
            assert_eq!(index.search(query).len(), count, "{query}");
        }
        assert_eq!(index.same_reading().len(), 14_400);
        Ok(())
    }

    proptest! {
        #[test]
        fn a_search_never_finds_one_patient_twice_or_a_stranger(query in "[ァ-ヴー渡邉0-9S ]{0,6}") {
            let index = index(&WATANABES).map_err(|_| TestCaseError::fail("fixture"))?;
            let ids = index.search(&query);
            let unique: BTreeSet<_> = ids.iter().collect();
            prop_assert_eq!(unique.len(), ids.len());
            prop_assert!(ids.iter().all(|id| WATANABES.iter().any(|(known, ..)| *known == id.as_str())));
        }

        #[test]
        fn every_beginning_of_a_reading_finds_its_patient(letters in 1usize..=4) {
            let index = index(&WATANABES).map_err(|_| TestCaseError::fail("fixture"))?;
            for (id, _, kana) in WATANABES {
                for word in kana.split(' ') {
                    let typed: String = word.chars().take(letters).collect();
                    prop_assert!(index.search(&typed).iter().any(|found| found.as_str() == id));
                }
            }
        }
    }
}
