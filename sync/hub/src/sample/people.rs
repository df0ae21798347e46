//! Who: fictitious people of an area around Kurume, most of them old.

use super::courses::Course::{self, *};
use super::{PatientRef, facility_id};
use jiff::civil::Date;
use record::patient::Sex::{self, Female as F, Male as M};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hospital {
    Tsubaki,
    Yanagi,
    Sakura,
}
use Hospital::{Sakura, Tsubaki, Yanagi};

pub(super) const HOSPITALS: [Hospital; 3] = [Tsubaki, Yanagi, Sakura];

impl Hospital {
    pub fn id(self) -> &'static str {
        match self {
            Tsubaki => "hp-tsubaki",
            Yanagi => "hp-yanagi",
            Sakura => "hp-sakura",
        }
    }
    pub fn name(self) -> &'static str {
        match self {
            Tsubaki => "つばき中央病院",
            Yanagi => "やなぎ病院",
            Sakura => "さくら総合病院",
        }
    }
    /// 医療機関番号, of no institution (prefecture 00).
    pub fn institution(self) -> &'static str {
        match self {
            Tsubaki => "0010000001",
            Yanagi => "0010000002",
            Sakura => "0010000003",
        }
    }
}

/// What is written of allergies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allergies {
    NotRecorded,
    NoneKnown,
    /// Allergen, kind (HL7 table 0127), reaction, forbidden (禁忌).
    Known(&'static [(&'static str, &'static str, &'static str, bool)]),
}
use Allergies::{Known, NoneKnown, NotRecorded};

pub(super) struct Person {
    /// The place in the table; `care` plans by it.
    number: usize,
    family: (&'static str, &'static str),
    given: (&'static str, &'static str),
    born: (i16, i8, i8),
    sex: Sex,
    town: &'static str,
    hospital: Hospital,
    courses: &'static [Course],
    allergies: Allergies,
    /// An admission in the last two years.
    stay: bool,
    /// Also known to another hospital, under a family name that it writes its own way.
    also: Option<(Hospital, &'static str)>,
}

/// One hospital's chart of one person.
pub(super) struct Chart {
    pub hospital: Hospital,
    pub local_id: String,
    pub family: (&'static str, &'static str),
    pub given: (&'static str, &'static str),
    pub born: Date,
    pub sex: Sex,
    pub address: String,
    pub phone: String,
    pub courses: &'static [Course],
    pub allergies: Allergies,
    pub stay: bool,
}

const PENICILLIN: Allergies = Known(&[("ペニシリン系抗菌薬", "DA", "全身の発疹", true)]);
const IODINE: Allergies = Known(&[("ヨード造影剤", "DA", "呼吸困難", true)]);
const FOOD: Allergies = Known(&[("そば", "FA", "じんましん", true), ("キウイフルーツ", "FA", "口の中のかゆみ", false)]);
const LATEX: Allergies = Known(&[("ラテックス", "MA", "接触部の発赤", false)]);

macro_rules! people {
    ($($number:literal $family:literal $family_kana:literal $given:literal $given_kana:literal $y:literal-$m:literal-$d:literal $sex:ident
       $town:literal $hospital:ident $courses:expr, $allergies:expr, $stay:literal, $also:expr;)*) => {
        &[$(Person { number: $number, family: ($family, $family_kana), given: ($given, $given_kana), born: ($y, $m, $d), sex: $sex, town: $town,
            hospital: $hospital, courses: &$courses, allergies: $allergies, stay: $stay, also: $also }),*]
    };
}

#[rustfmt::skip]
pub(super) const PEOPLE: &[Person] = people! {
     0 "髙橋" "タカハシ" "トメ" "トメ" 1936-4-12 F "津福本町" Tsubaki [HeartFailure, Hypertension], PENICILLIN, true, Some((Yanagi, "高橋"));
     1 "渡邊" "ワタナベ" "正一" "ショウイチ" 1941-9-3 M "合川町" Yanagi [Diabetes, Kidney], NoneKnown, true, None;
     2 "田中" "タナカ" "ハル" "ハル" 1939-1-8 F "御井町" Sakura [Dementia, Hypertension], NotRecorded, false, None;
     3 "田中" "タナカ" "ハル" "ハル" 1944-7-21 F "荒木町" Tsubaki [Stroke], NoneKnown, false, None;
     4 "長曾我部" "チョウソカベ" "勘左衛門之丞重義" "カンザエモンノジョウシゲヨシ" 1932-12-24 M "三潴町高三潴" Yanagi [HeartFailure, Kidney], IODINE, true, None;
     5 "緒方" "オガタ" "ミツ子" "ミツコ" 1945-3-30 F "城島町" Sakura [Lung], LATEX, true, Some((Tsubaki, "緒方"));
     6 "中島" "ナカシマ" "清" "キヨシ" 1938-6-15 M "善導寺町" Tsubaki [Parkinson], NoneKnown, false, None;
     7 "古賀" "コガ" "スミエ" "スミエ" 1934-10-2 F "北野町" Yanagi [Ulcer, Dementia], FOOD, true, None;
     8 "江﨑" "エザキ" "良子" "リョウコ" 1949-5-19 F "田主丸町" Sakura [Cancer], PENICILLIN, true, None;
     9 "井上" "イノウエ" "健太" "ケンタ" 1974-2-11 M "東町" Tsubaki [Als], NoneKnown, true, None;
    10 "堤" "ツツミ" "フジ子" "フジコ" 1937-8-8 F "大善寺町" Yanagi [Hypertension, Arthritis], NotRecorded, false, Some((Sakura, "堤"));
    11 "宮﨑" "ミヤザキ" "武" "タケシ" 1940-11-27 M "諏訪野町" Sakura [Lung, HeartFailure], NoneKnown, true, None;
    12 "野田" "ノダ" "キクエ" "キクエ" 1933-1-1 F "宮ノ陣町" Tsubaki [HeartFailure], NotRecorded, false, None;
    13 "齋藤" "サイトウ" "昭" "アキラ" 1929-12-31 M "山川町" Yanagi [Stroke, Hypertension], NoneKnown, false, None;
    14 "平川" "ヒラカワ" "ヨシ子" "ヨシコ" 1943-4-4 F "安武町" Sakura [Diabetes], FOOD, false, None;
    15 "永松" "ナガマツ" "勝" "マサル" 1946-9-9 M "高良内町" Tsubaki [Cancer], NoneKnown, true, Some((Sakura, "永松"));
    16 "樋口" "ヒグチ" "サヨ" "サヨ" 1935-2-28 F "草野町" Yanagi [Dementia], PENICILLIN, false, None;
    17 "吉武" "ヨシタケ" "大輔" "ダイスケ" 1988-6-6 M "国分町" Sakura [SpinalCord], LATEX, false, None;
    18 "松尾" "マツオ" "千代" "チヨ" 1931-7-7 F "上津町" Tsubaki [Ulcer], NoneKnown, true, None;
    19 "山下" "ヤマシタ" "茂" "シゲル" 1947-10-10 M "梅満町" Yanagi [Parkinson], NotRecorded, false, None;
    20 "鶴" "ツル" "絹代" "キヌヨ" 1942-5-5 F "白山町" Sakura [Arthritis], IODINE, false, None;
    21 "執行" "シギョウ" "忠" "タダシ" 1939-3-3 M "長門石" Tsubaki [Kidney, Hypertension], NoneKnown, false, None;
    22 "藤﨑" "フジサキ" "ひなた" "ヒナタ" 2017-8-20 F "櫛原町" Sakura [Child], FOOD, true, None;
    23 "川﨑" "カワサキ" "ツヤ子" "ツヤコ" 1936-12-1 F "小森野" Yanagi [HeartFailure, Diabetes], NoneKnown, true, None;
    24 "久保山" "クボヤマ" "進" "ススム" 1944-1-15 M "通町" Tsubaki [Stroke, Diabetes], NotRecorded, false, None;
    25 "德永" "トクナガ" "静江" "シズエ" 1940-8-30 F "花畑" Sakura [Hypertension, Dementia], NoneKnown, false, None;
};

impl Person {
    pub fn number(&self) -> usize {
        self.number
    }

    #[cfg(test)]
    pub fn name(&self) -> String {
        format!("{} {}", self.family.0, self.given.0)
    }

    fn local_id(&self, hospital: Hospital) -> String {
        let number = self.number + 1;
        match hospital {
            Tsubaki => format!("00{:05}", 10_000 + number * 37),
            Yanagi => format!("55{:08}", 200_000 + number * 113),
            Sakura => format!("{}", 300_000 + number * 59),
        }
    }

    pub fn patient_ref(&self) -> PatientRef {
        self.known_to(self.hospital)
    }

    fn known_to(&self, hospital: Hospital) -> PatientRef {
        PatientRef { facility: facility_id(hospital.id()), local_id: self.local_id(hospital) }
    }

    /// Every hospital that knows the person, with the number that it gave.
    pub fn refs(&self) -> impl Iterator<Item = PatientRef> {
        let other = self.also.map(|(hospital, _)| self.known_to(hospital));
        std::iter::once(self.patient_ref()).chain(other)
    }

    pub fn link(&self) -> Option<(PatientRef, PatientRef)> {
        Some((self.patient_ref(), self.known_to(self.also?.0)))
    }

    pub fn charts(&self) -> impl Iterator<Item = Chart> {
        let main = self.chart(self.hospital, self.family.0, self.courses, self.stay);
        // The second hospital looks after one thing, and knows of no allergy.
        let also = self
            .also
            .map(|(hospital, family)| Chart { allergies: NotRecorded, ..self.chart(hospital, family, &[Eyes], false) });
        std::iter::once(main).chain(also)
    }

    fn chart(&self, hospital: Hospital, family: &'static str, courses: &'static [Course], stay: bool) -> Chart {
        let (year, month, day) = self.born;
        let number = self.number + 1;
        Chart {
            hospital,
            local_id: self.local_id(hospital),
            family: (family, self.family.1),
            given: self.given,
            born: Date::new(year, month, day).expect("birth dates of the table are days of the calendar"),
            sex: self.sex,
            address: format!("福岡県久留米市{}99丁目{number}番{}号", self.town, number * 3 % 20 + 1),
            phone: format!("000-0000-{number:04}"),
            courses,
            allergies: self.allergies,
            stay,
        }
    }
}
