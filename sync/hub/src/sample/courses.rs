//! What the people have: diseases with their drugs, the results that move, and the words of a letter.

/// A laboratory test: name, JLAC10 code, unit, normal range, decimals.
pub(super) struct Test {
    pub name: &'static str,
    pub code: &'static str,
    pub unit: &'static str,
    pub low: f64,
    pub high: f64,
    pub decimals: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lab {
    Hemoglobin,
    Platelets,
    Albumin,
    Creatinine,
    Potassium,
    Crp,
    Bnp,
    HbA1c,
}
use Lab::*;

impl Lab {
    #[rustfmt::skip]
    pub fn test(self) -> Test {
        let test = |name, code, unit, low, high, decimals| Test { name, code, unit, low, high, decimals };
        match self {
            Hemoglobin => test("ヘモグロビン", "2A030000001930101", "g/dL", 11.6, 14.8, 1),
            Platelets => test("血小板数", "2A050000001930101", "10^4/μL", 15.8, 34.8, 1),
            Albumin => test("アルブミン", "3A015000002327101", "g/dL", 4.1, 5.1, 1),
            Creatinine => test("クレアチニン", "3C015000002327101", "mg/dL", 0.46, 1.07, 2),
            Potassium => test("カリウム", "3H015000002326101", "mEq/L", 3.6, 4.8, 1),
            Crp => test("CRP", "5C070000002306201", "mg/dL", 0.0, 0.14, 2),
            Bnp => test("BNP", "4Z271000002205101", "pg/mL", 0.0, 18.4, 1),
            HbA1c => test("HbA1c", "3D046000001920402", "%", 4.9, 6.0, 1),
        }
    }
}

/// Start, end after two years, and how far single results sway.
pub(super) type Trend = (Lab, f64, f64, f64);

impl Test {
    pub fn range(&self, between: &str) -> String {
        format!("{:.*}{between}{:.*}", self.decimals, self.low, self.decimals, self.high)
    }

    /// The material stands in the tenth to twelfth digit of a JLAC10 code.
    pub fn specimen(&self) -> (&'static str, &'static str) {
        match &self.code[9..12] {
            "019" => ("019", "全血(添加物入り)"),
            "022" => ("022", "血漿"),
            _ => ("023", "血清"),
        }
    }
}

/// Everybody's panel; a course's own trends take their place.
pub(super) const USUAL: &[Trend] = &[
    (Hemoglobin, 12.4, 11.8, 0.5),
    (Platelets, 21.0, 20.1, 2.4),
    (Albumin, 4.0, 3.7, 0.2),
    (Creatinine, 0.78, 0.86, 0.06),
    (Potassium, 4.2, 4.3, 0.3),
    (Crp, 0.10, 0.18, 0.12),
];

/// A drug as it is prescribed; `dose` is one dose.
pub(super) struct Drug {
    pub name: &'static str,
    pub dose: &'static str,
    pub unit: &'static str,
    pub usage: &'static str,
    pub times: u32,
}

/// Disease masters are not ours to redistribute; ICD-10 is the only code.
pub(super) struct Disease {
    pub name: &'static str,
    pub icd: &'static str,
    pub ended: bool,
}

impl Drug {
    /// What a number of days takes.
    pub fn amount(&self, days: u32) -> String {
        let dose: f64 = self.dose.parse().unwrap_or_default();
        (dose * f64::from(self.times * days)).to_string()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    HeartFailure,
    Hypertension,
    Diabetes,
    Kidney,
    Dementia,
    Stroke,
    Lung,
    Parkinson,
    Ulcer,
    Cancer,
    Als,
    Arthritis,
    SpinalCord,
    Child,
    Eyes,
}
use Course::*;

const fn drug(name: &'static str, dose: &'static str, unit: &'static str, usage: &'static str, times: u32) -> Drug {
    Drug { name, dose, unit, usage, times }
}

const fn disease(name: &'static str, icd: &'static str) -> Disease {
    Disease { name, icd, ended: false }
}

const fn past(name: &'static str, icd: &'static str) -> Disease {
    Disease { name, icd, ended: true }
}

const MORNING: &str = "内服・１日１回朝食後";
const TWICE: &str = "内服・１日２回朝夕食後";
const THRICE: &str = "内服・１日３回毎食後";
const BEDTIME: &str = "内服・１日１回就寝前";

impl Course {
    pub fn diseases(self) -> &'static [Disease] {
        match self {
            HeartFailure => const { &[disease("慢性心不全", "I509"), disease("心房細動", "I48")] },
            Hypertension => const { &[disease("本態性高血圧症", "I10")] },
            Diabetes => const { &[disease("２型糖尿病", "E11"), disease("糖尿病性腎症の疑い", "E112")] },
            Kidney => const { &[disease("慢性腎臓病", "N189"), disease("腎性貧血", "D638")] },
            Dementia => const { &[disease("アルツハイマー型認知症", "G309"), past("誤嚥性肺炎", "J690")] },
            Stroke => const { &[disease("脳梗塞後遺症", "I693"), disease("嚥下障害", "R13")] },
            Lung => const { &[disease("慢性閉塞性肺疾患", "J449"), disease("慢性呼吸不全", "J961")] },
            Parkinson => const { &[disease("パーキンソン病", "G20"), disease("起立性低血圧", "I951")] },
            Ulcer => const { &[disease("仙骨部褥瘡", "L899"), past("大腿骨頸部骨折", "S7200")] },
            Cancer => {
                const { &[disease("膵癌", "C259"), disease("癌性疼痛", "R522"), disease("肝転移の疑い", "C787")] }
            }
            Als => const { &[disease("筋萎縮性側索硬化症", "G122"), disease("慢性呼吸不全", "J961")] },
            Arthritis => const { &[disease("関節リウマチ", "M0690"), disease("骨粗鬆症", "M8199")] },
            SpinalCord => const { &[disease("頸髄損傷後遺症", "T913"), disease("神経因性膀胱", "N319")] },
            Child => const { &[disease("脳性麻痺", "G809"), disease("症候性てんかん", "G408")] },
            Eyes => const { &[disease("原発開放隅角緑内障", "H401")] },
        }
    }

    #[rustfmt::skip]
    pub fn drugs(self) -> &'static [Drug] {
        match self {
            HeartFailure => const { &[
                drug("フロセミド錠20mg", "1", "錠", MORNING, 1), drug("スピロノラクトン錠25mg", "1", "錠", MORNING, 1),
                drug("カルベジロール錠2.5mg", "1", "錠", TWICE, 2), drug("エドキサバン錠30mg", "1", "錠", MORNING, 1)] },
            Hypertension => const { &[drug("アムロジピンOD錠5mg", "1", "錠", MORNING, 1)] },
            Diabetes => const { &[
                drug("メトホルミン塩酸塩錠250mg", "1", "錠", TWICE, 2), drug("リナグリプチン錠5mg", "1", "錠", MORNING, 1),
                drug("インスリン グラルギン注ソロスター", "8", "単位", "皮下注・１日１回就寝前", 1)] },
            Kidney => const { &[
                drug("炭酸水素ナトリウム錠500mg", "1", "錠", THRICE, 3), drug("ポリスチレンスルホン酸カルシウム経口ゼリー", "1", "個", MORNING, 1)] },
            Dementia => const { &[drug("ドネペジル塩酸塩OD錠5mg", "1", "錠", MORNING, 1), drug("酸化マグネシウム錠330mg", "1", "錠", THRICE, 3)] },
            Stroke => const { &[drug("クロピドグレル錠75mg", "1", "錠", MORNING, 1), drug("ランソプラゾールOD錠15mg", "1", "錠", MORNING, 1)] },
            Lung => const { &[drug("チオトロピウム吸入カプセル18μg", "1", "カプセル", "吸入・１日１回朝", 1), drug("カルボシステイン錠500mg", "1", "錠", THRICE, 3)] },
            Parkinson => const { &[drug("レボドパ・カルビドパ配合錠L100", "1", "錠", THRICE, 3), drug("ドロキシドパOD錠100mg", "1", "錠", TWICE, 2)] },
            Ulcer => const { &[drug("ブクラデシンナトリウム軟膏3%", "1", "g", "外用・１日１回 仙骨部に塗布", 1), drug("アセトアミノフェン錠200", "2", "錠", "内服・疼痛時 １回２錠", 2)] },
            Cancer => const { &[
                drug("オキシコドン徐放錠10mg", "1", "錠", "内服・１日２回12時間毎", 2), drug("オキシコドン散2.5mg", "1", "包", "内服・疼痛時 １回１包", 3),
                drug("ナルデメジン錠0.2mg", "1", "錠", MORNING, 1), drug("ベタメタゾン錠0.5mg", "2", "錠", MORNING, 1)] },
            Als => const { &[drug("リルゾール錠50mg", "1", "錠", TWICE, 2), drug("エンテラル配合経腸用液250mL", "1", "本", "経管・１日３回", 3)] },
            Arthritis => const { &[drug("メトトレキサートカプセル2mg", "2", "カプセル", "内服・週１回 月曜朝食後", 1), drug("葉酸錠5mg", "1", "錠", "内服・週１回 水曜朝食後", 1), drug("セレコキシブ錠100mg", "1", "錠", TWICE, 2)] },
            SpinalCord => const { &[drug("バクロフェン錠10mg", "1", "錠", THRICE, 3), drug("ソリフェナシン錠5mg", "1", "錠", BEDTIME, 1)] },
            Child => const { &[drug("バルプロ酸ナトリウムシロップ5%", "4", "mL", TWICE, 2), drug("レベチラセタムドライシロップ50%", "0.5", "g", TWICE, 2)] },
            Eyes => const { &[drug("ラタノプロスト点眼液0.005%", "1", "滴", "点眼・１日１回 両眼", 1)] },
        }
    }

    pub fn trends(self) -> &'static [Trend] {
        match self {
            HeartFailure => &[(Bnp, 168.0, 412.0, 60.0), (Potassium, 4.3, 5.0, 0.4), (Creatinine, 0.98, 1.42, 0.12)],
            Diabetes => &[(HbA1c, 8.2, 7.1, 0.3)],
            Kidney => &[(Creatinine, 1.61, 2.48, 0.15), (Potassium, 4.7, 5.3, 0.3), (Hemoglobin, 11.2, 9.8, 0.5)],
            Ulcer => &[(Albumin, 3.2, 2.7, 0.2), (Crp, 0.6, 1.9, 0.9)],
            Cancer => &[(Albumin, 3.6, 2.4, 0.2), (Crp, 0.8, 5.6, 1.5), (Hemoglobin, 11.4, 8.9, 0.6)],
            Lung => &[(Crp, 0.3, 0.7, 0.5), (Bnp, 32.0, 58.0, 12.0)],
            Arthritis => &[(Crp, 1.8, 0.5, 0.6)],
            Eyes => &[(HbA1c, 5.7, 5.8, 0.1)],
            Hypertension | Dementia | Stroke | Parkinson | Als | SpinalCord | Child => &[],
        }
    }

    /// 経過, 訪問看護で見てほしいこと
    #[rustfmt::skip]
    pub fn story(self) -> (&'static str, &'static str) {
        match self {
            HeartFailure => ("塩分の多い食事のあとに体重が増え、夜間の息苦しさで受診されました。利尿薬を調整し、下腿の浮腫は改善しています。",
                "毎朝の体重を確認してください。３日で２kg以上増えたとき、または夜間に横になれないときはご連絡ください。"),
            Hypertension => ("家庭血圧は130/70前後で落ち着いています。", "収縮期160mmHg以上または100mmHg未満が続くときはご連絡ください。"),
            Diabetes => ("自己注射の単位の取り違えがあり、ご家族の見守りで続けています。", "低血糖の症状と注射部位、足の傷の有無を見てください。"),
            Kidney => ("腎機能は緩やかに低下しています。透析についてはご本人と話し合いを始めました。", "果物と生野菜のとりすぎ、浮腫、尿量の減少に注意してください。"),
            Dementia => ("日付の見当識低下があり、服薬はお薬カレンダーで続けています。", "食事中のむせと、残薬の数を確認してください。"),
            Stroke => ("右片麻痺が残り、屋内は伝い歩きです。水分にはとろみが必要です。", "転倒の有無、口腔内の清潔、とろみの濃さを確認してください。"),
            Lung => ("在宅酸素は安静時1L/分、労作時2L/分です。", "酸素を自分で増やさないよう伝えてください。痰の色が変わったときはご連絡ください。"),
            Parkinson => ("午後に動きにくい時間帯があり、服薬時刻を見直しました。", "立ちくらみと転倒、薬が切れる時刻を記録してください。"),
            Ulcer => ("仙骨部の褥瘡は縮小しましたが、滲出液が続いています。", "創の大きさと滲出液の量、体位変換の間隔を記録してください。"),
            Cancer => ("ご本人は自宅で過ごすことを望まれ、ご家族と方針を共有しています。", "頓用の使用回数と便通を記録し、痛みが強い日は夜間もご連絡ください。"),
            Als => ("夜間に人工呼吸器（鼻マスク）を使用しています。胃ろうからの栄養は安定しています。", "マスクによる皮膚の赤みと、文字盤での訴えを確認してください。"),
            Arthritis => ("関節の腫れは落ち着いています。", "メトトレキサートは週１回です。毎日飲んでいないか必ず残薬を確認してください。"),
            SpinalCord => ("間欠導尿を続け、尿路感染の再発はありません。", "血圧の急な上昇と頭痛は、膀胱や便の詰まりをまず疑ってください。"),
            Child => ("発作は月に１回程度です。気管切開はしていません。", "発作が５分を超えたときは救急要請をお願いします。"),
            Eyes => ("眼圧は安定しています。", "点眼が続いているか確認してください。"),
        }
    }
}
