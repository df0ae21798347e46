//! The forms a station keeps as documents that several people edit: which fields each has.
//!
//! 記録書Ⅱ is the visit note; the others are the board (申し送り), 記録書Ⅰ, 計画書 and 報告書 (domain §§3.3, 3.6, 3.7).

use crate::visit_note::fields::{
    FIELDS, Field, FieldError, FieldKind, Group, NONE, PROFESSIONS, SUB_RECORDS, TEXT_FIELDS, fields, number,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// Which form a document is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// 訪問看護記録書Ⅱ: one a visit.
    #[default]
    VisitNote,
    /// 申し送り: one board a patient.
    Handover,
    /// 訪問看護記録書Ⅰ: one a patient.
    IntakeRecord,
    /// 訪問看護計画書: one a patient and month.
    CarePlan,
    /// 訪問看護報告書: one a patient and month.
    VisitReport,
}

/// A word that names no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the forms are: visit_note, handover, intake_record, care_plan, visit_report")]
pub struct UnknownForm;

impl Form {
    pub const ALL: [Form; 5] = [Form::VisitNote, Form::Handover, Form::IntakeRecord, Form::CarePlan, Form::VisitReport];

    pub fn as_str(self) -> &'static str {
        match self {
            Form::VisitNote => "visit_note",
            Form::Handover => "handover",
            Form::IntakeRecord => "intake_record",
            Form::CarePlan => "care_plan",
            Form::VisitReport => "visit_report",
        }
    }

    /// Its name on the form itself.
    pub fn label_ja(self) -> &'static str {
        match self {
            Form::VisitNote => "訪問看護記録書Ⅱ",
            Form::Handover => "申し送り",
            Form::IntakeRecord => "訪問看護記録書Ⅰ",
            Form::CarePlan => "訪問看護計画書",
            Form::VisitReport => "訪問看護報告書",
        }
    }

    /// The number of its entries' kind on the wire (`protocol::Kind`). Never changes.
    pub fn tag(self) -> u8 {
        match self {
            Form::VisitNote => 1,
            Form::Handover => 11,
            Form::IntakeRecord => 12,
            Form::CarePlan => 13,
            Form::VisitReport => 14,
        }
    }

    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.tag() == tag)
    }

    /// Whether documents of this form are confirmed (確定). The board is not: it lives.
    pub fn is_confirmed(self) -> bool {
        self != Form::Handover
    }

    /// The texts that root v1 of its documents holds. Never changes: a later text is a change of its own on the root.
    pub fn root_texts(self) -> &'static [Field] {
        match self {
            Form::VisitNote => TEXT_FIELDS,
            Form::Handover => BOARD_TEXTS,
            Form::IntakeRecord => INTAKE_TEXTS,
            Form::CarePlan => PLAN_TEXTS,
            Form::VisitReport => REPORT_TEXTS,
        }
    }

    fn scalars(self) -> &'static [Field] {
        match self {
            Form::VisitNote => FIELDS,
            Form::Handover => &[],
            Form::IntakeRecord => INTAKE_FIELDS,
            Form::CarePlan => PLAN_FIELDS,
            Form::VisitReport => REPORT_FIELDS,
        }
    }

    /// Its sub-records and numbered rows.
    pub fn groups(self) -> &'static [Group] {
        match self {
            Form::VisitNote => SUB_RECORDS,
            Form::Handover => &[],
            Form::IntakeRecord => INTAKE_ROWS,
            Form::CarePlan => PLAN_ROWS,
            Form::VisitReport => REPORT_ROWS,
        }
    }

    /// Every field that a command line or a screen may write, in the order of the form; rows numbered out.
    pub fn fields(self) -> &'static [Field] {
        &catalogue(self).fields
    }

    /// A field by name.
    pub fn field(self, name: &str) -> Result<&'static Field, FieldError> {
        let catalogue = catalogue(self);
        catalogue.by_name.get(name).map(|at| &catalogue.fields[*at]).ok_or(FieldError::Unknown)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Form {
    type Err = UnknownForm;
    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == text).ok_or(UnknownForm)
    }
}

struct Catalogue {
    fields: Vec<Field>,
    by_name: HashMap<&'static str, usize>,
}

fn catalogue(form: Form) -> &'static Catalogue {
    static ALL: LazyLock<HashMap<Form, Catalogue>> =
        LazyLock::new(|| Form::ALL.into_iter().map(|form| (form, write_out(form))).collect());
    &ALL[&form]
}

/// Numbers the rows out: `ulcer.1.depth`. The names live as long as the program, like the ones written in code.
fn write_out(form: Form) -> Catalogue {
    let mut fields: Vec<Field> = form.scalars().iter().chain(form.root_texts()).copied().collect();
    for group in form.groups() {
        let numbers: Vec<String> =
            if group.most == 0 { vec![String::new()] } else { (1..=group.most).map(|n| format!("{n}.")).collect() };
        for number in numbers {
            for part in group.parts {
                let name: &'static str = format!("{}.{number}{}", group.name, part.name).leak();
                fields.push(Field { name, ..*part });
            }
        }
    }
    let by_name = fields.iter().enumerate().map(|(at, field)| (field.name, at)).collect();
    Catalogue { fields, by_name }
}

/// 日常生活自立度(寝たきり度)
const BED_REST: &[&str] = &["independent", "J1", "J2", "A1", "A2", "B1", "B2", "C1", "C2"];
/// 認知症高齢者の日常生活自立度
const DEMENTIA: &[&str] = &["independent", "I", "IIa", "IIb", "IIIa", "IIIb", "IV", "M"];
/// 要介護認定の状況
const CARE_LEVEL: &[&str] = &["none", "applying", "support1", "support2", "care1", "care2", "care3", "care4", "care5"];
const ADL: &[&str] = &["independent", "partial", "full"];

const BOARD_TEXTS: &[Field] = fields! {
    "board", FieldKind::Text(4_000), "申し送り", "Handover";
};

const INTAKE_FIELDS: &[Field] = fields! {
    "care_level", FieldKind::Choice(CARE_LEVEL), "要介護認定の状況", "Care level";
    "first_visit_on", FieldKind::Date, "初回訪問年月日", "First visit";
    "first_visit_started_at", FieldKind::Time, "初回訪問の開始時刻", "First visit started at";
    "first_visit_ended_at", FieldKind::Time, "初回訪問の終了時刻", "First visit ended at";
    "visitor", FieldKind::Line, "看護師等氏名", "Visited by";
    "profession", FieldKind::Choice(PROFESSIONS), "訪問職種", "Profession";
    "physician_name", FieldKind::Line, "主治医氏名", "Physician";
    "physician_facility", FieldKind::Line, "主治医の医療機関", "Physician's facility";
    "physician_address", FieldKind::Line, "主治医の所在地", "Physician's address";
    "physician_phone", FieldKind::Line, "主治医の電話", "Physician's telephone";
    "adl.moving", FieldKind::Choice(ADL), "移動", "Moving";
    "adl.moving_note", FieldKind::Line, "移動の状況", "Moving in words";
    "adl.meals", FieldKind::Choice(ADL), "食事", "Meals";
    "adl.meals_note", FieldKind::Line, "食事の状況", "Meals in words";
    "adl.excretion", FieldKind::Choice(ADL), "排泄", "Excretion";
    "adl.excretion_note", FieldKind::Line, "排泄の状況", "Excretion in words";
    "adl.bathing", FieldKind::Choice(ADL), "入浴", "Bathing";
    "adl.bathing_note", FieldKind::Line, "入浴の状況", "Bathing in words";
    "adl.dressing", FieldKind::Choice(ADL), "着替", "Dressing";
    "adl.dressing_note", FieldKind::Line, "着替の状況", "Dressing in words";
    "adl.grooming", FieldKind::Choice(ADL), "整容", "Grooming";
    "adl.grooming_note", FieldKind::Line, "整容の状況", "Grooming in words";
    "adl.communication", FieldKind::Choice(ADL), "意思疎通", "Communication";
    "adl.communication_note", FieldKind::Line, "意思疎通の状況", "Communication in words";
    "bed_rest_level", FieldKind::Choice(BED_REST), "寝たきり度", "Bed-rest level";
    "dementia_level", FieldKind::Choice(DEMENTIA), "認知症の状況", "Dementia level";
    "care_manager_office", FieldKind::Line, "居宅介護支援事業所", "Care-management office";
    "care_manager_name", FieldKind::Line, "介護支援専門員", "Care manager";
    "care_manager_phone", FieldKind::Line, "居宅介護支援事業所の電話", "Care manager's telephone";
    "outcome", FieldKind::Choice(&["discarded"]), "記録の扱い", "What became of the record";
    "outcome_reason", FieldKind::Line, "その理由", "Reason";
};

/// Lengths as the field's own database gives them (domain §3.3).
const INTAKE_TEXTS: &[Field] = fields! {
    "main_diseases", FieldKind::Text(200), "主たる傷病名", "Main diagnoses";
    "condition", FieldKind::Text(350), "病状・治癒状態", "Condition";
    "present_illness", FieldKind::Text(350), "現病歴", "Present illness";
    "past_history", FieldKind::Text(350), "既往歴", "Past history";
    "life_history", FieldKind::Text(350), "生活歴", "Life history";
    "treatment", FieldKind::Text(350), "療養状況", "How treatment goes";
    "home_care", FieldKind::Text(350), "介護状況", "How care goes";
    "main_caregiver", FieldKind::Text(200), "主な介護者", "Main caregiver";
    "housing", FieldKind::Text(200), "住環境", "Housing";
    "purpose", FieldKind::Text(300), "訪問看護の依頼目的", "Purpose of the request";
    "emergency_contacts", FieldKind::Text(450), "緊急時の連絡先", "Emergency contacts";
    "services", FieldKind::Text(350), "保健・福祉サービス等の利用状況", "Services in use";
};

const INTAKE_ROWS: &[Group] = &[
    Group {
        name: "family",
        most: 6,
        label_ja: "家族構成",
        label_en: "Family",
        parts: fields! {
            "name", FieldKind::Line, "氏名", "Name";
            "age", number("歳", (0.0, 130.0), NONE, NONE, 0), "年齢", "Age";
            "relation", FieldKind::Line, "続柄", "Relation";
            "occupation", FieldKind::Line, "職業", "Occupation";
            "remarks", FieldKind::Line, "特記", "Remarks";
        },
    },
    Group {
        name: "agency",
        most: 4,
        label_ja: "関係機関",
        label_en: "Agencies",
        parts: fields! {
            "contact", FieldKind::Line, "連絡先", "Contact";
            "person", FieldKind::Line, "担当", "Person in charge";
            "remarks", FieldKind::Line, "備考", "Remarks";
        },
    },
];

const PLAN_FIELDS: &[Field] = fields! {
    "month", FieldKind::Line, "対象月", "Month";
    "care_level", FieldKind::Choice(CARE_LEVEL), "要介護認定の状況", "Care level";
    "materials_needed", FieldKind::Flag, "衛生材料等が必要な処置の有無", "Procedures that need materials";
    "author_1", FieldKind::Line, "作成者1 氏名", "Author 1";
    "author_1_profession", FieldKind::Choice(PROFESSIONS), "作成者1 職種", "Author 1's profession";
    "author_2", FieldKind::Line, "作成者2 氏名", "Author 2";
    "author_2_profession", FieldKind::Choice(PROFESSIONS), "作成者2 職種", "Author 2's profession";
    "created_on", FieldKind::Date, "作成年月日", "Drawn up on";
    "manager", FieldKind::Line, "管理者氏名", "Manager";
    "physician", FieldKind::Line, "宛先 主治医", "To the physician";
    "agreed_on", FieldKind::Date, "同意年月日", "Agreed on";
    "agreed_by", FieldKind::Line, "同意者", "Agreed by";
    "copy_given", FieldKind::Flag, "写しの交付", "Copy handed over";
    "outcome", FieldKind::Choice(&["discarded"]), "記録の扱い", "What became of the record";
    "outcome_reason", FieldKind::Line, "その理由", "Reason";
};

const PLAN_TEXTS: &[Field] = fields! {
    "goals", FieldKind::Text(650), "看護・リハビリテーションの目標", "Goals";
    "materials_procedure", FieldKind::Text(300), "処置の内容", "Procedures";
    "remarks", FieldKind::Text(250), "備考", "Remarks";
};

const PLAN_ROWS: &[Group] = &[
    Group {
        name: "problem",
        most: 10,
        label_ja: "問題点・解決策・評価",
        label_en: "Problems",
        parts: fields! {
            "on", FieldKind::Date, "年月日", "Date";
            "problem", FieldKind::Text(1_000), "問題点・解決策", "Problem and solution";
            "evaluation", FieldKind::Text(1_000), "評価", "Evaluation";
        },
    },
    Group {
        name: "material",
        most: 6,
        label_ja: "衛生材料等",
        label_en: "Materials",
        parts: fields! {
            "kind", FieldKind::Line, "衛生材料(種類・サイズ)等", "Kind and size";
            "monthly_amount", FieldKind::Line, "必要量(1か月)", "Needed a month";
        },
    },
];

const REPORT_FIELDS: &[Field] = fields! {
    "month", FieldKind::Line, "対象月", "Month";
    "care_level", FieldKind::Choice(CARE_LEVEL), "要介護認定の状況", "Care level";
    "calendar", FieldKind::Line, "訪問日", "Days of visits";
    "materials_changed", FieldKind::Flag, "衛生材料等の変更の必要性", "Materials to be changed";
    "information_to", FieldKind::Line, "情報提供先", "Information given to";
    "information_on", FieldKind::Date, "情報提供日", "Information given on";
    "gaf", number("点", (1.0, 100.0), NONE, NONE, 0), "GAF", "GAF";
    "gaf_on", FieldKind::Date, "GAF判定日", "GAF judged on";
    "barthel.feeding", FieldKind::Steps(&[0, 5, 10]), "BI 食事", "BI feeding";
    "barthel.transfer", FieldKind::Steps(&[0, 5, 10, 15]), "BI 移乗", "BI transfer";
    "barthel.grooming", FieldKind::Steps(&[0, 5]), "BI 整容", "BI grooming";
    "barthel.toilet", FieldKind::Steps(&[0, 5, 10]), "BI トイレ", "BI toilet";
    "barthel.bathing", FieldKind::Steps(&[0, 5]), "BI 入浴", "BI bathing";
    "barthel.walking", FieldKind::Steps(&[0, 5, 10, 15]), "BI 歩行", "BI walking";
    "barthel.stairs", FieldKind::Steps(&[0, 5, 10]), "BI 階段", "BI stairs";
    "barthel.dressing", FieldKind::Steps(&[0, 5, 10]), "BI 更衣", "BI dressing";
    "barthel.bowels", FieldKind::Steps(&[0, 5, 10]), "BI 排便", "BI bowels";
    "barthel.bladder", FieldKind::Steps(&[0, 5, 10]), "BI 排尿", "BI bladder";
    "author_1", FieldKind::Line, "作成者1 氏名", "Author 1";
    "author_1_profession", FieldKind::Choice(PROFESSIONS), "作成者1 職種", "Author 1's profession";
    "author_2", FieldKind::Line, "作成者2 氏名", "Author 2";
    "author_2_profession", FieldKind::Choice(PROFESSIONS), "作成者2 職種", "Author 2's profession";
    "created_on", FieldKind::Date, "作成年月日", "Drawn up on";
    "manager", FieldKind::Line, "管理者氏名", "Manager";
    "physician", FieldKind::Line, "宛先 主治医", "To the physician";
    "outcome", FieldKind::Choice(&["discarded"]), "記録の扱い", "What became of the record";
    "outcome_reason", FieldKind::Line, "その理由", "Reason";
};

const REPORT_TEXTS: &[Field] = fields! {
    "course", FieldKind::Text(350), "病状の経過", "Course";
    "care", FieldKind::Text(450), "看護・リハビリテーションの内容", "Care given";
    "home_care", FieldKind::Text(400), "家庭での介護の状況", "Care at home";
    "materials_change", FieldKind::Text(200), "衛生材料等の変更内容", "How materials change";
    "special", FieldKind::Text(300), "特記すべき事項", "Special remarks";
    "therapist_annex", FieldKind::Text(1_000), "理学療法士等による訪問(別添)", "Therapists' annex";
};

const REPORT_ROWS: &[Group] = &[Group {
    name: "material",
    most: 6,
    label_ja: "衛生材料等の使用状況",
    label_en: "Materials used",
    parts: fields! {
        "name", FieldKind::Line, "名称", "Name";
        "frequency", FieldKind::Line, "使用及び交換頻度", "How often used and changed";
        "amount", FieldKind::Line, "使用量", "Amount used";
    },
}];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_form_has_its_fields_once_and_both_languages() {
        for form in Form::ALL {
            let names: BTreeSet<&str> = form.fields().iter().map(|f| f.name).collect();
            assert_eq!(names.len(), form.fields().len(), "{form}");
            assert!(form.fields().iter().all(|f| !f.label_ja.is_empty() && !f.label_en.is_empty()));
            assert_eq!(Form::from_tag(form.tag()), Some(form));
            assert_eq!(form.as_str().parse(), Ok(form));
        }
    }

    #[test]
    fn rows_are_numbered_out() -> Result<(), FieldError> {
        assert_eq!(Form::VisitNote.field("ulcer.9.depth")?.label_ja, "深さ");
        assert!(Form::VisitNote.field("ulcer.10.depth").is_err());
        assert!(Form::VisitNote.field("terminal.place").is_ok());
        assert!(Form::IntakeRecord.field("family.6.relation").is_ok());
        assert!(Form::CarePlan.field("problem.1.evaluation")?.is_text());
        Ok(())
    }

    #[test]
    fn at_g2_a_gaf_of_0_or_101_is_refused() -> Result<(), FieldError> {
        let day = jiff::civil::date(2026, 11, 22);
        let gaf = Form::VisitNote.field("gaf")?;
        assert!(gaf.parse("0", day).is_err() && gaf.parse("101", day).is_err());
        assert!(gaf.parse("1", day).is_ok() && gaf.parse("100", day).is_ok());
        Ok(())
    }
}
