//! Writes a chart as an SS-MIX2 standard storage: HL7 v2.5 in ISO-2022-JP, one file an event.

use super::history::{Appointment, DRIP, History, LabResult, SUPPLY_DAYS};
use super::people::{Allergies, Chart};
use super::{SampleFile, facility_id};
use jiff::civil::Date;
use record::patient::Sex;
use std::collections::BTreeMap;

pub(super) fn write(chart: &Chart, history: &History, yesterday: Date, files: &mut Vec<SampleFile>) {
    let mut storage = Storage { chart, files };
    storage.add(None, "ADT-00", "ADT^A08^ADT_A01", "999999999999999", yesterday, 1700, profile(chart));
    let first = history.appointments.first().map_or(yesterday, |a| a.day);
    storage.add(None, "PPR-01", "PPR^ZD1^PPR_ZD1", &number(first, 9), first, 1600, problems(history));
    for appointment in &history.appointments {
        let day = appointment.day;
        let visit = vec![format!("PV1|0001|O|01^^^^^C|||||||01{}{}0830", "|".repeat(34), hl7(day))];
        storage.add(Some(day), "ADT-12", "ADT^A04^ADT_A01", &number(day, 1), day, 830, visit);
        storage.add(Some(day), "OML-11", "OUL^R22^OUL_R22", &number(day, 2), day, 1130, results(appointment));
        storage.add(Some(day), "OMP-01", "RDE^O11^RDE_O11", &number(day, 3), day, 1200, prescription(chart, day));
    }
    if let Some(stay) = &history.stay {
        let bed = |time_field: usize, day: Date| {
            vec![format!("PV1|0001|I|{}^512^2^^^N{}{}1000", stay.ward, "|".repeat(time_field - 3), hl7(day))]
        };
        storage.add(
            Some(stay.from),
            "ADT-22",
            "ADT^A01^ADT_A01",
            &number(stay.from, 4),
            stay.from,
            1000,
            bed(44, stay.from),
        );
        storage.add(
            Some(stay.until),
            "ADT-52",
            "ADT^A03^ADT_A03",
            &number(stay.until, 5),
            stay.until,
            1000,
            bed(45, stay.until),
        );
        for day in stay.drip_days() {
            storage.add(Some(day), "OMP-02", "RDE^O11^RDE_O11", &number(day, 6), day, 900, drip(day));
        }
    }
}

struct Storage<'a> {
    chart: &'a Chart,
    files: &'a mut Vec<SampleFile>,
}

impl Storage<'_> {
    /// `day` is the folder's; `written` and `clock` (HHMM) are when the file was made.
    #[allow(clippy::too_many_arguments)] // the seven parts of a file's name and its content
    fn add(
        &mut self,
        day: Option<Date>,
        kind: &str,
        event: &str,
        key: &str,
        written: Date,
        clock: u16,
        segments: Vec<String>,
    ) {
        let chart = self.chart;
        let id = &chart.local_id;
        let time = format!("{}{clock:04}00", hl7(written));
        let day = day.map_or("-".to_owned(), hl7);
        let department = if day == "-" { "-" } else { "01" };
        let header = format!(
            "MSH|^~\\&|HIS|{sender}|GW|RCV|{time}||{event}|{key}|P|2.5||||||~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO",
            sender = chart.hospital.institution(),
        );
        let mut message = vec![header, identity(chart)];
        message.extend(segments);
        let name = format!("{id}_{day}_{kind}_{key}_{time}000_{department}_1");
        self.files.push(SampleFile {
            facility: facility_id(chart.hospital.id()),
            path: format!("ssmix2/{}/{}/{id}/{day}/{kind}/{name}", &id[..3], &id[3..6]),
            bytes: encoding_rs::ISO_2022_JP.encode(&(message.join("\r") + "\r")).0.into_owned(),
        });
    }
}

fn hl7(day: Date) -> String {
    day.strftime("%Y%m%d").to_string()
}

/// An order's number, of its day and what it orders.
fn number(day: Date, of: u8) -> String {
    format!("{}{of:07}", hl7(day))
}

fn identity(chart: &Chart) -> String {
    let Chart { family, given, .. } = chart;
    let sex = match chart.sex {
        Sex::Male => "M",
        Sex::Female => "F",
        Sex::Other => "O",
        Sex::Unknown => "U",
    };
    format!(
        "PID|0001||{}||{}^{}^^^^^L^I~{}^{}^^^^^L^P||{}|{sex}|||^^^^000-0000^JPN^H^{}||^PRN^PH^^^^^^^^^{}",
        chart.local_id,
        family.0,
        given.0,
        family.1,
        given.1,
        hl7(chart.born),
        chart.address,
        chart.phone,
    )
}

fn profile(chart: &Chart) -> Vec<String> {
    let (height, weight) = if chart.sex == Sex::Male { ("163.0", "56.4") } else { ("149.5", "45.8") };
    let mut segments = vec![
        "PV1|0001|O".to_owned(),
        format!("OBX|1|NM|9N001000000000001^身長^JC10||{height}|cm^cm^ISO+|||||F"),
        format!("OBX|2|NM|9N006000000000001^体重^JC10||{weight}|kg^kg^ISO+|||||F"),
        "OBX|3|CWE|5H010000001999911^血液型-ABO式^JC10||O^O型^JSHR002||||||F".to_owned(),
    ];
    match chart.allergies {
        Allergies::NotRecorded => {}
        Allergies::NoneKnown => segments.push("AL1|1|DA^薬物アレルギー^HL70127|^アレルギーなし^99TJ".to_owned()),
        Allergies::Known(list) => {
            segments.extend(list.iter().enumerate().map(|(i, (name, kind, reaction, forbidden))| {
                let severity = if *forbidden { "SV" } else { "MO" };
                format!("AL1|{}|{kind}|{}{}^{name}^99TJ|{severity}|{reaction}", i + 1, kind.to_lowercase(), i + 1)
            }))
        }
    }
    segments
}

fn problems(history: &History) -> Vec<String> {
    let of = |(i, (disease, onset)): (usize, &(&super::courses::Disease, Date))| {
        let number = i + 1;
        let onset = hl7(*onset);
        let ended = if disease.ended { format!("{onset}1200") } else { String::new() };
        format!(
            "PRB|AD|{onset}|S{number:03}^{}^99TJ|{number:015}|||{onset}||{ended}|{}^^I10||||||{onset}",
            disease.name, disease.icd,
        )
    };
    history.diseases.iter().enumerate().map(of).collect()
}

/// One specimen after the other, as the laboratory sends them.
fn results(appointment: &Appointment) -> Vec<String> {
    let day = hl7(appointment.day);
    let order = number(appointment.day, 2);
    let mut by_specimen: BTreeMap<_, Vec<&LabResult>> = BTreeMap::new();
    for result in &appointment.results {
        by_specimen.entry(result.test.specimen()).or_default().push(result);
    }
    let mut segments = vec!["PV1|0001|O|01^^^^^C".to_owned()];
    for (number, ((code, name), results)) in by_specimen.into_iter().enumerate() {
        segments.extend([
            format!("SPM|{}|{order}||{code}^{name}^JC10{}{day}0910", number + 1, "|".repeat(13)),
            format!("OBR|{}|{order}|{order}|3^検体検査^99TJ|||{day}0910", number + 1),
            format!("ORC|SC|{order}|{order}||CM||||{day}1130"),
        ]);
        segments.extend(results.iter().enumerate().map(|(i, LabResult { test, value, flag })| {
            let (unit, flag, range) = (test.unit, flag.unwrap_or(""), test.range("-"));
            format!("OBX|{}|NM|{}^{}^JC10||{value}|{unit}^{unit}^99TJ|{range}|{flag}|||F", i + 1, test.code, test.name)
        }));
    }
    segments
}

fn prescription(chart: &Chart, day: Date) -> Vec<String> {
    let order = number(day, 3);
    let date = hl7(day);
    let mut segments = vec!["PV1|0001|O|01^^^^^C".to_owned()];
    for (i, drug) in chart.drugs().enumerate() {
        let (daily, total) = (drug.amount(1), drug.amount(SUPPLY_DAYS));
        let unit = drug.unit;
        segments.extend([
            format!("ORC|NW|{order}|{order}|{order}_{:02}_001|||||{date}1200", i + 1),
            format!(
                "RXE||T{i:03}{}^{}^99TJ|{}||U^{unit}^99TJ|{}{total}|U^{unit}^99TJ{}{daily}^U&{unit}&99TJ",
                drug.times,
                drug.name,
                drug.dose,
                "|".repeat(4),
                "|".repeat(8),
            ),
            format!("TQ1|1||U{}&{}&99TJ|||{SUPPLY_DAYS}^d|{date}", drug.times, drug.usage),
        ]);
    }
    segments
}

fn drip(day: Date) -> Vec<String> {
    let (order, date) = (number(day, 6), hl7(day));
    let mut segments = vec![
        "PV1|0001|I|5B^512^2^^^N".to_owned(),
        format!("ORC|NW|{order}|{order}|{order}_01_001|||||{date}0900"),
        // A mixture's own code is a placeholder; its components follow.
        "RXE||00^一般^99I02|500||ML^mL^MR9P|INJ^注射剤^MR9P||||500|ML^mL^MR9P".to_owned(),
        format!("TQ1|1||||||{date}1000|{date}1400"),
        "RXR|IV^静脈内^HL70162".to_owned(),
    ];
    segments.extend(DRIP.iter().enumerate().map(|(i, (name, amount, unit))| {
        let kind = if i == 0 { "B" } else { "A" };
        format!("RXC|{kind}|T9{i:02}^{name}^99TJ|{amount}|U^{unit}^99TJ")
    }));
    segments
}
