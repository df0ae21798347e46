//! The fields of 訪問看護記録書Ⅱ (参考様式2; domain §3.4), their units and ranges (domain §4.1).

use crate::calendar;
use crate::form::Form;
use crate::writing::half_width_number;
use jiff::Timestamp;
use jiff::civil::{Date, Time};

/// One field: its name in command lines and documents, its type, its label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    pub label_ja: &'static str,
    pub label_en: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldKind {
    Number(NumberRange),
    /// 意識: only the steps of the Japan Coma Scale.
    Steps(&'static [u16]),
    Choice(&'static [&'static str]),
    Flag,
    /// An actual time of the visit.
    Time,
    Date,
    /// One line, replaced as a whole.
    Line,
    /// Free text that several people may edit at once; at most so many characters.
    Text(usize),
}

/// Range of a measured value. Outside `hard` it is refused, outside `soft` the nurse is asked, inside `alert` bounds it is calm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberRange {
    pub unit: &'static str,
    pub hard: (f64, f64),
    pub soft: (f64, f64),
    /// Report to the physician at or below the first, at or above the second (adult default).
    pub alert: (f64, f64),
    pub decimals: u8,
}

pub(crate) const fn number(
    unit: &'static str,
    hard: (f64, f64),
    soft: (f64, f64),
    alert: (f64, f64),
    decimals: u8,
) -> FieldKind {
    FieldKind::Number(NumberRange { unit, hard, soft, alert, decimals })
}

pub(crate) const NONE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
/// Characters that a text field takes (one screen event carries at most so many on a phone).
pub const TEXT_LIMIT: usize = 2_000;

macro_rules! fields {
    ($($name:literal, $kind:expr, $ja:literal, $en:literal;)*) => {
        &[$($crate::visit_note::fields::Field { name: $name, kind: $kind, label_ja: $ja, label_en: $en }),*]
    };
}
pub(crate) use fields;

/// Every field of a note that is one value, in the order of the form.
pub const FIELDS: &[Field] = fields! {
    "payer", FieldKind::Choice(&["medical", "care", "self"]), "保険区分", "Payer";
    "visit_kind", FieldKind::Choice(&["regular", "emergency", "special_order", "discharge_day", "phone"]), "訪問区分", "Kind of visit";
    "profession", FieldKind::Choice(PROFESSIONS), "訪問職種", "Profession";
    "companion", FieldKind::Line, "同行者", "Companion";
    "companion_profession", FieldKind::Choice(PROFESSIONS), "同行者の職種", "Companion's profession";
    "planned_start", FieldKind::Time, "予定開始時刻", "Planned start";
    "planned_minutes", number("分", (1.0, 1_440.0), NONE, NONE, 0), "予定時間", "Planned length";
    "started_at", FieldKind::Time, "訪問開始時刻", "Started at";
    "ended_at", FieldKind::Time, "訪問終了時刻", "Ended at";
    "temperature_c", number("℃", (25.0, 45.0), (34.0, 41.0), (35.0, 38.0), 1), "体温", "Temperature";
    "pulse_bpm", number("/分", (20.0, 250.0), (40.0, 150.0), (50.0, 111.0), 0), "脈拍", "Pulse";
    "pulse_rhythm", FieldKind::Choice(&["regular", "irregular"]), "脈の整・不整", "Pulse rhythm";
    "respiration_bpm", number("/分", (3.0, 80.0), (8.0, 35.0), (11.0, 21.0), 0), "呼吸", "Respiration";
    "systolic_mmhg", number("mmHg", (40.0, 300.0), (80.0, 200.0), (100.0, 180.0), 0), "血圧(上)", "Systolic pressure";
    "diastolic_mmhg", number("mmHg", (20.0, 200.0), NONE, NONE, 0), "血圧(下)", "Diastolic pressure";
    "pressure_site", FieldKind::Choice(&["right_arm", "left_arm", "right_leg", "left_leg"]), "血圧の測定部位", "Where the pressure was taken";
    "pressure_posture", FieldKind::Choice(&["lying", "sitting", "standing"]), "血圧の測定体位", "Posture at the measurement";
    "spo2_percent", number("%", (40.0, 100.0), (85.0, 100.0), (93.0, f64::INFINITY), 0), "SpO₂", "SpO₂";
    "oxygen_l_per_min", number("L/分", (0.0, 15.0), NONE, NONE, 1), "酸素", "Oxygen";
    "weight_kg", number("kg", (1.0, 300.0), NONE, NONE, 1), "体重", "Weight";
    "pain_nrs", number("NRS", (0.0, 10.0), NONE, (f64::NEG_INFINITY, 4.0), 0), "疼痛", "Pain";
    "blood_glucose_mg_dl", number("mg/dL", (10.0, 1000.0), (50.0, 500.0), (69.0, 301.0), 0), "血糖", "Blood glucose";
    "consciousness_jcs", FieldKind::Steps(&[0, 1, 2, 3, 10, 20, 30, 100, 200, 300]), "意識(JCS)", "Consciousness (JCS)";
    "consciousness_acvpu", FieldKind::Choice(&["A", "C", "V", "P", "U"]), "意識(ACVPU)", "Consciousness (ACVPU)";
    "gaf", number("点", (1.0, 100.0), NONE, NONE, 0), "GAF", "GAF";
    "stool.last_on", FieldKind::Date, "最終排便日", "Last bowel movement";
    "stool.times", number("回", (0.0, 30.0), NONE, NONE, 0), "排便回数", "Bowel movements";
    "stool.bristol", number("型", (1.0, 7.0), NONE, NONE, 0), "便の性状(ブリストル)", "Bristol stool type";
    "stool.amount", FieldKind::Choice(&["none", "small", "normal", "large"]), "便の量", "Amount of stool";
    "urine.times", number("回", (0.0, 50.0), NONE, NONE, 0), "排尿回数", "Urinations";
    "urine.amount_ml", number("mL", (0.0, 10_000.0), (0.0, 4_000.0), NONE, 0), "尿量", "Urine";
    "urine.appearance", FieldKind::Line, "尿の性状", "Appearance of urine";
    "catheter.changed", FieldKind::Flag, "バルン交換", "Catheter changed";
    "catheter.size_fr", number("Fr", (3.0, 30.0), NONE, NONE, 0), "カテーテルのサイズ", "Catheter size";
    "oral.denture", FieldKind::Choice(&["none", "upper", "lower", "both"]), "義歯", "Dentures";
    "oral.bleeding", FieldKind::Flag, "口腔内の出血", "Oral bleeding";
    "oral.dryness", FieldKind::Flag, "口腔内の乾燥", "Oral dryness";
    "oral.swallowing", FieldKind::Choice(&["good", "choking", "difficult"]), "嚥下", "Swallowing";
    "medication.remaining", number("回分", (0.0, 999.0), NONE, NONE, 0), "残薬数", "Doses left over";
    "medication.missed", number("回", (0.0, 999.0), NONE, NONE, 0), "飲み忘れ", "Missed doses";
    "medication.set_until", FieldKind::Date, "服薬セット(いつまで)", "Doses set out until";
    "insulin.units", number("単位", (0.0, 300.0), (0.0, 100.0), NONE, 1), "インスリン", "Insulin";
    "care.observation", FieldKind::Flag, "全身状態観察", "General observation";
    "care.bedbath", FieldKind::Flag, "清拭", "Bed bath";
    "care.bathing", FieldKind::Flag, "入浴介助", "Bathing";
    "care.shampoo", FieldKind::Flag, "洗髪", "Hair washing";
    "care.perineal", FieldKind::Flag, "陰部洗浄", "Perineal care";
    "care.footbath", FieldKind::Flag, "足浴", "Foot bath";
    "care.oral", FieldKind::Flag, "口腔ケア", "Oral care";
    "care.bowel", FieldKind::Flag, "排便ケア", "Bowel care";
    "care.disimpaction", FieldKind::Flag, "摘便", "Disimpaction";
    "care.enema", FieldKind::Flag, "浣腸", "Enema";
    "care.laxative", FieldKind::Flag, "下剤の調整", "Laxatives";
    "care.urination", FieldKind::Flag, "排尿ケア", "Urination care";
    "care.catheterization", FieldKind::Flag, "導尿", "Catheterization";
    "care.catheter", FieldKind::Flag, "バルン管理", "Catheter care";
    "care.medication", FieldKind::Flag, "服薬管理", "Medication";
    "care.infusion", FieldKind::Flag, "点滴・注射", "Drip or injection";
    "care.blood", FieldKind::Flag, "採血", "Blood sampling";
    "care.wound", FieldKind::Flag, "創処置", "Wound care";
    "care.ulcer", FieldKind::Flag, "褥瘡処置", "Pressure ulcer care";
    "care.stoma", FieldKind::Flag, "ストーマ", "Stoma";
    "care.tube", FieldKind::Flag, "胃ろう・経管", "Tube feeding";
    "care.suction", FieldKind::Flag, "吸引", "Suction";
    "care.tracheostomy", FieldKind::Flag, "気管切開", "Tracheostomy";
    "care.oxygen", FieldKind::Flag, "酸素点検", "Oxygen check";
    "care.ventilator", FieldKind::Flag, "人工呼吸器点検", "Ventilator check";
    "care.pain", FieldKind::Flag, "疼痛管理", "Pain control";
    "care.insulin", FieldKind::Flag, "血糖・インスリン", "Glucose and insulin";
    "care.rehabilitation", FieldKind::Flag, "リハビリ", "Rehabilitation";
    "care.dementia", FieldKind::Flag, "認知症ケア", "Dementia care";
    "care.family", FieldKind::Flag, "家族指導", "Family guidance";
    "care.terminal", FieldKind::Flag, "ターミナルケア", "Terminal care";
    "care.grief", FieldKind::Flag, "グリーフケア", "Grief care";
    "care.environment", FieldKind::Flag, "環境整備", "Environment";
    "care.liaison", FieldKind::Flag, "他職種連絡", "Liaison";
    "next_visit", FieldKind::Date, "次回訪問予定日", "Next visit";
    "plan_changed", FieldKind::Flag, "計画変更の有無", "Plan changed";
    "cautions_shared", FieldKind::Flag, "ケアの留意点を共有する", "Share the cautions";
    "end_of_life_consent", FieldKind::Flag, "人生の最終段階の希望の共有に同意", "Consent to share end-of-life wishes";
    "eligibility_checked_on", FieldKind::Date, "資格確認日", "Eligibility checked on";
    "outcome", FieldKind::Choice(OUTCOMES), "訪問の結果", "What became of the visit";
    "outcome_reason", FieldKind::Line, "その理由", "Reason";
    "copied_from", FieldKind::Line, "複写元の記録", "Copied from";
    "copied_to", FieldKind::Line, "複写先の記録", "Copied to";
    "life.rhythm", FieldKind::Line, "生活リズム", "Rhythm of life";
    "life.meals", FieldKind::Line, "食生活", "Meals";
    "life.cleanliness", FieldKind::Line, "清潔", "Cleanliness";
    "life.sleep", FieldKind::Line, "睡眠", "Sleep";
    "life.room", FieldKind::Line, "部屋の整頓", "Tidiness of the room";
    "life.relations", FieldKind::Line, "作業・対人関係", "Work and relations";
};

/// 訪問職種 (記録書Ⅱ).
pub const PROFESSIONS: &[&str] = &["public_health_nurse", "midwife", "nurse", "assistant_nurse", "pt", "ot", "st"];

/// What became of a visit, or of its note. Absent = carried out.
pub const OUTCOMES: &[&str] = &["carried_out", "cancelled", "absent", "wrong_patient", "duplicate", "discarded"];

/// Outcomes after which the note is closed: kept with its reason, no longer written.
pub const CLOSING: &[&str] = &["wrong_patient", "duplicate", "discarded"];

/// The free texts. Root v1 of every note holds exactly these; a later one is a change of its own on the root.
pub const TEXT_FIELDS: &[Field] = fields! {
    "condition", FieldKind::Text(TEXT_LIMIT), "利用者の状態", "Condition";
    "care_given", FieldKind::Text(TEXT_LIMIT), "実施した看護・リハビリテーションの内容", "Care given";
    "family", FieldKind::Text(TEXT_LIMIT), "家族・介護者の状況", "Family and caregivers";
    "goal_evaluation", FieldKind::Text(TEXT_LIMIT), "目標の評価", "Goal evaluation";
    "assessment", FieldKind::Text(TEXT_LIMIT), "アセスメント", "Assessment";
    "plan", FieldKind::Text(TEXT_LIMIT), "計画", "Plan";
    "plan_change_summary", FieldKind::Text(TEXT_LIMIT), "計画変更の概要", "What changed in the plan";
    "cautions", FieldKind::Text(TEXT_LIMIT), "ケアの留意点", "Cautions";
    "end_of_life_wishes", FieldKind::Text(TEXT_LIMIT), "人生の最終段階の希望", "End-of-life wishes";
    "remarks", FieldKind::Text(TEXT_LIMIT), "備考", "Remarks";
};

/// Sub-records of the note, each under its own name: `ulcer.1.depth`, `terminal.place`.
pub const SUB_RECORDS: &[Group] = &[
    Group {
        name: "ulcer",
        most: 9,
        label_ja: "褥瘡",
        label_en: "Pressure ulcer",
        parts: fields! {
            "site", FieldKind::Line, "部位", "Site";
            "depth", FieldKind::Choice(&["d0", "d1", "d2", "D3", "D4", "D5", "DDTI", "DU"]), "深さ", "Depth";
            "exudate", FieldKind::Choice(&["e0", "e1", "e3", "E6"]), "滲出液", "Exudate";
            "length_cm", number("cm", (0.0, 60.0), (0.0, 30.0), NONE, 1), "長径", "Length";
            "width_cm", number("cm", (0.0, 60.0), (0.0, 30.0), NONE, 1), "短径", "Width";
            "size", FieldKind::Choice(&["s0", "s3", "s6", "s8", "s9", "s12", "S15"]), "大きさ", "Size";
            "infection", FieldKind::Choice(&["i0", "i1", "I3C", "I3", "I9"]), "炎症・感染", "Inflammation or infection";
            "granulation", FieldKind::Choice(&["g0", "g1", "g3", "G4", "G5", "G6"]), "肉芽組織", "Granulation";
            "necrosis", FieldKind::Choice(&["n0", "N3", "N6"]), "壊死組織", "Necrotic tissue";
            "pocket", FieldKind::Choice(&["p0", "P6", "P9", "P12", "P24"]), "ポケット", "Pocket";
            "pocket_length_cm", number("cm", (0.0, 60.0), (0.0, 30.0), NONE, 1), "ポケットの長径", "Length with the pocket";
            "pocket_width_cm", number("cm", (0.0, 60.0), (0.0, 30.0), NONE, 1), "ポケットの短径", "Width with the pocket";
            "care", FieldKind::Text(400), "処置", "Care of the ulcer";
        },
    },
    Group {
        name: "emergency",
        most: 0,
        label_ja: "緊急訪問",
        label_en: "Emergency visit",
        parts: fields! {
            "requested_at", FieldKind::Time, "要請日時", "Requested at";
            "caller", FieldKind::Line, "要請者", "Requested by";
            "instructed_by", FieldKind::Line, "指示した医師", "Physician who instructed";
            "request", FieldKind::Text(400), "要請の内容", "The request";
            "response", FieldKind::Text(400), "対応", "The response";
        },
    },
    Group {
        name: "terminal",
        most: 0,
        label_ja: "ターミナルケア",
        label_en: "Terminal care",
        parts: fields! {
            "died_at", FieldKind::Time, "死亡日時", "Died at";
            "place", FieldKind::Choice(&["home", "facility", "hospital", "other"]), "死亡場所", "Place of death";
            "place_detail", FieldKind::Line, "死亡場所の詳細", "Place in detail";
            "present", FieldKind::Line, "立会者", "Present";
            "confirmed_by", FieldKind::Line, "死亡を確認した医師", "Physician who confirmed death";
            "course", FieldKind::Text(1_000), "経過", "Course";
        },
    },
    Group {
        name: "drip",
        most: 0,
        label_ja: "点滴",
        label_en: "Drip",
        parts: fields! {
            "order_from", FieldKind::Date, "点滴指示の開始日", "Order from";
            "order_until", FieldKind::Date, "点滴指示の終了日", "Order until";
            "order_attached", FieldKind::Flag, "指示書を添付", "Order attached";
            "site", FieldKind::Line, "穿刺部位", "Site";
            "started_at", FieldKind::Time, "点滴開始", "Drip started";
            "ended_at", FieldKind::Time, "点滴終了", "Drip ended";
            "given", FieldKind::Text(400), "実施した薬剤・量", "What was given";
        },
    },
    Group {
        name: "phone",
        most: 0,
        label_ja: "24時間電話対応",
        label_en: "24-hour call",
        parts: fields! {
            "called_at", FieldKind::Time, "電話を受けた時刻", "Called at";
            "caller", FieldKind::Line, "電話をかけた人", "Caller";
            "visit_needed", FieldKind::Flag, "訪問の要否", "Visit needed";
            "content", FieldKind::Text(400), "相談の内容", "What was asked";
            "advice", FieldKind::Text(400), "助言", "Advice";
        },
    },
    Group {
        name: "photo",
        most: 20,
        label_ja: "写真",
        label_en: "Photo",
        parts: fields! {
            "hash", FieldKind::Line, "写真の識別子", "The photo's name";
            "body_site", FieldKind::Line, "撮影部位", "Body site";
            "taken_at", FieldKind::Time, "撮影日時", "Taken at";
            "consent", FieldKind::Flag, "撮影の同意", "Consent to the photo";
            "caption", FieldKind::Line, "写真の説明", "Caption";
            "bytes", number("B", (1.0, 8_388_608.0), NONE, NONE, 0), "写真の大きさ", "Size of the photo";
            "media_type", FieldKind::Line, "写真の形式", "Format of the photo";
        },
    },
];

/// Fields that stand together under one name, once or numbered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    pub name: &'static str,
    /// How many of them a document holds, numbered from 1; 0 = one, without a number.
    pub most: u8,
    pub label_ja: &'static str,
    pub label_en: &'static str,
    /// Named without the group: `depth`.
    pub parts: &'static [Field],
}

/// The measured values of which at least one, or a reason, is needed to confirm.
pub const VITALS: &[&str] = &[
    "temperature_c",
    "pulse_bpm",
    "respiration_bpm",
    "systolic_mmhg",
    "diastolic_mmhg",
    "spo2_percent",
    "weight_kg",
    "pain_nrs",
    "blood_glucose_mg_dl",
    "consciousness_jcs",
    "consciousness_acvpu",
];

/// What a field holds.
#[derive(Clone, PartialEq)]
pub enum FieldValue {
    Number(f64),
    Flag(bool),
    /// A choice, a line, a whole free text; also whatever a newer version wrote that we do not know.
    Word(String),
    Time(Timestamp),
    Date(Date),
    /// 測定せず, with the reason. Blank is not zero, and neither is this.
    Unmeasured(String),
}

impl std::fmt::Debug for FieldValue {
    /// Numbers, flags and times; never words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FieldValue::Number(n) => write!(f, "Number({n})"),
            FieldValue::Flag(flag) => write!(f, "Flag({flag})"),
            FieldValue::Word(word) => write!(f, "Word({} bytes)", word.len()),
            FieldValue::Time(at) => write!(f, "Time({at})"),
            FieldValue::Date(date) => write!(f, "Date({date})"),
            FieldValue::Unmeasured(_) => write!(f, "Unmeasured"),
        }
    }
}

/// Why a value was not taken. Says what the field takes; never repeats what was typed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FieldError {
    #[error("there is no field of that name; `note fields` lists them")]
    Unknown,
    #[error("{field} is a text: give it with `note text`")]
    IsText { field: &'static str },
    #[error("{field} is not a text: give it with `note set`")]
    IsNotText { field: &'static str },
    #[error("{field} takes a number in {unit}")]
    NotANumber { field: &'static str, unit: &'static str },
    #[error("{field} takes {low} to {high} {unit}; measure again or check the decimal point")]
    OutOfRange {
        field: &'static str,
        unit: &'static str,
        low: f64,
        high: f64,
        /// A likely meaning (365 → 36.5), to be offered, never taken silently.
        suggestion: Option<f64>,
    },
    #[error("{field} takes one of: {choices}")]
    NotAChoice { field: &'static str, choices: String },
    #[error("{field} takes true or false")]
    NotAFlag { field: &'static str },
    #[error("{field} takes a time such as 09:32")]
    NotATime { field: &'static str },
    #[error("{field} takes a date such as 2026-11-24")]
    NotADate { field: &'static str },
    #[error("{field} takes one line of at most 200 characters")]
    LineTooLong { field: &'static str },
    #[error("{field} takes at most {limit} characters; shorten it or continue under remarks")]
    TextTooLong { field: &'static str, limit: usize },
    #[error(
        "the upper pressure must be higher than the lower one; check both, and set the other one first if it is wrong"
    )]
    PressureReversed,
    #[error("{field} is not measured with an instrument; only measured fields can be marked as not measured")]
    NotMeasurable { field: &'static str },
    #[error("a note is closed with `note close`, which asks for the reason")]
    Closing,
    #[error("give the reason why it was not measured (refused, absent, no instrument …)")]
    ReasonMissing,
    #[error("a note holds 20 photos; take one away that is not needed, or leave this one out")]
    TooManyPhotos,
}

impl Field {
    /// A field of the visit note by name: scalar, text or part of a sub-record.
    pub fn named(name: &str) -> Result<&'static Field, FieldError> {
        Form::VisitNote.field(name)
    }

    pub fn is_text(&self) -> bool {
        matches!(self.kind, FieldKind::Text(_))
    }

    /// Reads what a person typed. `day` is the visit's day, for times given without one.
    pub fn parse(&'static self, typed: &str, day: Date) -> Result<FieldValue, FieldError> {
        let field = self.name;
        let text = typed.trim();
        match self.kind {
            FieldKind::Number(range) => parse_number(field, range, text),
            FieldKind::Steps(steps) => {
                let choices = || steps.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
                let step: u16 = half_width_number(text)
                    .parse()
                    .map_err(|_| FieldError::NotAChoice { field, choices: choices() })?;
                if steps.contains(&step) {
                    Ok(FieldValue::Number(step.into()))
                } else {
                    Err(FieldError::NotAChoice { field, choices: choices() })
                }
            }
            FieldKind::Choice(choices) => choices
                .iter()
                .find(|c| **c == text)
                .map(|c| FieldValue::Word(c.to_string()))
                .ok_or_else(|| FieldError::NotAChoice { field, choices: choices.join(", ") }),
            FieldKind::Flag => match text {
                "true" => Ok(FieldValue::Flag(true)),
                "false" => Ok(FieldValue::Flag(false)),
                _ => Err(FieldError::NotAFlag { field }),
            },
            FieldKind::Time => parse_time(text, day).map(FieldValue::Time).ok_or(FieldError::NotATime { field }),
            FieldKind::Date => {
                calendar::parse_date(text).map(FieldValue::Date).map_err(|_| FieldError::NotADate { field })
            }
            FieldKind::Line if text.chars().count() > 200 || text.contains('\n') => {
                Err(FieldError::LineTooLong { field })
            }
            FieldKind::Line => Ok(FieldValue::Word(text.to_string())),
            FieldKind::Text(_) => Err(FieldError::IsText { field }),
        }
    }

    /// "Not measured" with its reason, for a field that is measured.
    pub fn unmeasured(&'static self, reason: &str) -> Result<FieldValue, FieldError> {
        match self.kind {
            FieldKind::Number(_) | FieldKind::Steps(_) if reason.trim().is_empty() => Err(FieldError::ReasonMissing),
            FieldKind::Number(_) | FieldKind::Steps(_) => Ok(FieldValue::Unmeasured(reason.trim().to_string())),
            _ => Err(FieldError::NotMeasurable { field: self.name }),
        }
    }
}

fn parse_number(field: &'static str, range: NumberRange, text: &str) -> Result<FieldValue, FieldError> {
    let not_a_number = FieldError::NotANumber { field, unit: range.unit };
    let typed = half_width_number(text);
    // "nan", "inf" and "1e3" are no way to write a temperature.
    if typed.is_empty() || !typed.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-') {
        return Err(not_a_number);
    }
    let value: f64 = typed.parse().map_err(|_| not_a_number)?;
    let scale = 10f64.powi(range.decimals.into());
    let value = (value * scale).round() / scale;
    let (low, high) = range.hard;
    if value < low || value > high {
        let tenth = value / 10.0;
        let suggestion = (range.decimals > 0 && (range.soft.0..=range.soft.1).contains(&tenth)).then_some(tenth);
        return Err(FieldError::OutOfRange { field, unit: range.unit, low, high, suggestion });
    }
    Ok(FieldValue::Number(value))
}

fn parse_time(text: &str, day: Date) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let typed = half_width_number(text);
    let (hour, minute) = match typed.split_once(':') {
        Some(parts) => parts,
        // Where the pad has no colon: 932 is 9:32, 1028 is 10:28.
        None if matches!(typed.len(), 3 | 4) && typed.bytes().all(|b| b.is_ascii_digit()) => {
            typed.split_at(typed.len() - 2)
        }
        None => return None,
    };
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    calendar::instant_in_japan(day.to_datetime(time))
}

/// Whether a measured value lies at or beyond the bounds at which a nurse reports it.
pub fn is_alert(range: &NumberRange, value: f64) -> bool {
    value <= range.alert.0 || value >= range.alert.1
}

/// Whether a value is possible but rare enough to ask "is this right?".
pub fn is_unusual(range: &NumberRange, value: f64) -> bool {
    value < range.soft.0 || value > range.soft.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const DAY: Date = date(2026, 11, 22);

    fn parse(name: &str, typed: &str) -> Result<FieldValue, FieldError> {
        Field::named(name)?.parse(typed, DAY)
    }

    #[test]
    fn full_width_digits_are_taken_as_written_on_paper() {
        assert_eq!(parse("temperature_c", "３６．５"), Ok(FieldValue::Number(36.5)));
    }

    #[test]
    fn at_v1_365_is_refused_with_a_suggestion_and_never_changed_silently() {
        assert!(matches!(
            parse("temperature_c", "365"),
            Err(FieldError::OutOfRange { suggestion: Some(s), .. }) if s == 36.5
        ));
    }

    #[test]
    fn nothing_that_only_a_machine_calls_a_number_is_a_vital() {
        for typed in ["", "nan", "inf", "1e2", "36,5", "--3"] {
            assert!(matches!(parse("temperature_c", typed), Err(FieldError::NotANumber { .. })), "{typed}");
        }
        assert!(parse("consciousness_jcs", "4").is_err());
        assert_eq!(parse("consciousness_jcs", "200"), Ok(FieldValue::Number(200.0)));
    }

    #[test]
    fn a_time_is_the_visits_day_in_japan() {
        assert_eq!(
            parse("started_at", "９：３２").map(|v| serde_json::to_string(&v).unwrap_or_default()),
            Ok("\"2026-11-22T09:32:00+09:00\"".to_string())
        );
    }

    #[test]
    fn a_time_needs_no_colon() {
        for (typed, with_colon) in [("932", "9:32"), ("0932", "9:32"), ("２３５９", "23:59"), ("000", "0:00")] {
            let read = parse("started_at", typed);
            assert!(read.is_ok(), "{typed}");
            assert_eq!(read, parse("started_at", with_colon), "{typed}");
        }
        for typed in ["", "9", "32", "960", "2400", "09320", "-932", "9.32", "9h32", "9:", "24:00"] {
            assert_eq!(parse("started_at", typed), Err(FieldError::NotATime { field: "started_at" }), "{typed}");
        }
    }

    #[test]
    fn a_date_is_taken_as_people_write_it() {
        let written =
            ["R8.11.24", "ｒ８．１１．２４", "令和8年11月24日", "20261124", "２０２６／１１／２４", "2026-11-24"];
        for typed in written {
            assert_eq!(parse("next_visit", typed), Ok(FieldValue::Date(date(2026, 11, 24))), "{typed}");
        }
        for typed in ["", "1124", "11/24", "2026-11-31", "H38.11.24", "tomorrow"] {
            assert_eq!(parse("next_visit", typed), Err(FieldError::NotADate { field: "next_visit" }), "{typed}");
        }
    }

    #[test]
    fn no_error_repeats_what_was_typed() {
        for field in FIELDS.iter().chain(TEXT_FIELDS) {
            if let Err(error) = field.parse("仮山花子", DAY) {
                assert!(!error.to_string().contains("仮山"));
            }
        }
    }
}
