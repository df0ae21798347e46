//! **Owns**: what the stories share — a hub and phones as real processes, with real files, over real TLS.
//! **Called by**: the stories, the faults.
//! **May touch**: temporary folders, loopback, processes that it started and kills.
//! **Never**: mocks of our own stores.

pub mod line;
mod phone;
pub mod simulator;

pub use phone::Phone;

use line::Line;
use serde_json::Value;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A binary of the workspace, as cargo has just built it beside this test.
pub fn binary(name: &str) -> Outcome<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).ok_or("no target folder")?;
    let path = folder.join(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{name} is not built; run `cargo build --workspace` first").into())
    }
}

/// Waits until something is so; half a minute is too long for anything here.
pub fn until(what: &str, mut is_so: impl FnMut() -> Outcome<bool>) -> Outcome {
    let began = Instant::now();
    while !is_so()? {
        if began.elapsed() > Duration::from_secs(30) {
            return Err(format!("it never came to this: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// A free port below those that the system gives to outgoing connections: nobody takes it between two starts of a hub.
pub fn quiet_port() -> Outcome<u16> {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    for _ in 0..2_000 {
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let port = 12_000 + (std::process::id().wrapping_mul(131).wrapping_add(n.wrapping_mul(7)) % 20_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

/// How many things a list has.
pub fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// One word of each thing in a list.
pub fn strings<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|item| item[key].as_str()).collect()
}

/// Today in Japan.
pub fn today() -> jiff::civil::Date {
    record::calendar::day_in_japan(jiff::Timestamp::now())
}

fn run(mut command: Command, stdin: Option<&str>) -> Outcome<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // A command that refuses before reading closes its end; its own words say why.
        let _ = pipe.write_all(stdin.unwrap_or_default().as_bytes());
    }
    Ok(child.wait_with_output()?)
}

/// What a refused command said: one sentence, no patient's words.
#[derive(Debug)]
pub struct Said(pub String);

fn json(output: Output) -> Outcome<Result<Value, Said>> {
    if output.status.success() {
        let text = String::from_utf8(output.stdout)?;
        return Ok(Ok(if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text)? }));
    }
    Ok(Err(Said(String::from_utf8(output.stderr)?)))
}

/// A hub in a folder of its own.
pub struct Hub {
    pub folder: TempDir,
    pub port: u16,
    serving: Option<Child>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Hub {
    /// A hub with one disclosing hospital `hp`, stations `st-1` (nurse-a, nurse-b) and `st-2` (nurse-x), and one patient.
    pub fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let port = quiet_port()?;
        let hub = Self { folder, port, serving: None };
        hub.ok(&["init", "--name", "くるめ"])?;
        hub.ok(&["facility", "add", "--id", "hp", "--kind", "hospital", "--name", "つばき中央病院", "--disclosing"])?;
        for (station, staff) in [("st-1", vec!["nurse-a", "nurse-b"]), ("st-2", vec!["nurse-x"])] {
            hub.ok(&["facility", "add", "--id", station, "--kind", "station", "--name", "訪問看護ステーション"])?;
            for id in staff {
                hub.ok(&["staff", "add", "--facility", station, "--id", id, "--name", id, "--role", "nurse"])?;
            }
        }
        std::fs::write(hub.path("patient.json"), BUNDLE)?;
        let file = hub.path("patient.json").display().to_string();
        let report = hub.ok(&["intake", "--facility", "hp", &file])?;
        assert_eq!(
            (report["new"].as_u64(), report["quarantined"].as_array().map(Vec::len)),
            (Some(1), Some(0)),
            "{report}"
        );
        Ok(hub)
    }

    /// The same, serving, with the patient's consent for station `st-1`; and the patient's id.
    pub fn with_consent() -> Outcome<(Self, String)> {
        let mut hub = Self::new()?;
        let patient = hub.patient()?;
        hub.serve()?;
        hub.consent(&patient, "st-1")?;
        Ok((hub, patient))
    }

    /// The same, on a line of ours: every phone that is invited comes through it.
    pub fn behind_a_line() -> Outcome<(Self, Line, String)> {
        let mut hub = Self::new()?;
        let (patient, line) = (hub.patient()?, Line::to(hub.port)?);
        hub.serve_with(|command| {
            command.args(["--url", &line.url()]);
        })?;
        hub.consent(&patient, "st-1")?;
        Ok((hub, line, patient))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn patient(&self) -> Outcome<String> {
        Ok(self.ok(&["patient", "list"])?[0]["id"].as_str().ok_or("no patient")?.to_string())
    }

    /// An admin command, with the hub's folder and JSON.
    pub fn try_run(&self, arguments: &[&str]) -> Outcome<Result<Value, Said>> {
        let mut command = Command::new(binary("tsutsuji-hub")?);
        command.args(arguments).arg("--data").arg(self.path("hub")).arg("--json");
        json(run(command, None)?)
    }

    pub fn ok(&self, arguments: &[&str]) -> Outcome<Value> {
        self.try_run(arguments)?.map_err(|said| format!("tsutsuji-hub {arguments:?}: {}", said.0).into())
    }

    /// Serves, and waits for the line that says so.
    pub fn serve(&mut self) -> Outcome {
        self.serve_with(|_| {})
    }

    /// The same, with something more said to its process.
    pub fn serve_with(&mut self, say: impl FnOnce(&mut Command)) -> Outcome {
        let mut command = Command::new(binary("tsutsuji-hub")?);
        command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"]).arg(self.path("hub"));
        say(&mut command);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        if !line.starts_with("ready: https://") {
            let mut said = String::new();
            if let Some(mut errors) = child.stderr.take() {
                std::io::Read::read_to_string(&mut errors, &mut said)?;
            }
            return Err(format!("the hub did not start: {line}{said}").into());
        }
        self.serving = Some(child);
        Ok(())
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.serving.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// A backup under that name beside the hub's folder; its file.
    pub fn back_up(&self, name: &str) -> Outcome<String> {
        let file = self.path(name).display().to_string();
        self.ok(&["backup", &file])?;
        Ok(file)
    }

    /// The hub is put back from a backup and serves again; what the command said.
    pub fn put_back(&mut self, file: &str) -> Outcome<Value> {
        self.kill();
        let said = self.ok(&["restore", file])?;
        self.serve()?;
        Ok(said)
    }

    /// Its disk breaks: no older database knows what has come since the backup.
    pub fn lose_database(&mut self) {
        self.kill();
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.path(&format!("hub/hub.db{suffix}")));
        }
    }

    /// How many lines the audit trail has: one more after every exchange that brought something.
    pub fn exchanges(&self) -> Outcome<u64> {
        Ok(self.ok(&["audit", "verify"])?["entries"].as_u64().ok_or("no count")?)
    }

    pub fn consent(&self, patient: &str, station: &str) -> Outcome {
        self.ok(&["consent", "add", "--patient", patient, "--disclosing", "hp", "--viewing", station]).map(|_| ())
    }

    pub fn visit(&self, patient: &str, staff: &str) -> Outcome<String> {
        let date = today().to_string();
        let visit = self.ok(&[
            "visit",
            "add",
            "--patient",
            patient,
            "--staff",
            staff,
            "--date",
            &date,
            "--start",
            "09:30",
            "--minutes",
            "60",
        ])?;
        Ok(visit["visit"].as_str().ok_or("no visit")?.to_string())
    }

    pub fn invite(&self, staff: &str) -> Outcome<String> {
        Ok(self.ok(&["device", "invite", "--staff", staff])?["uri"].as_str().ok_or("no uri")?.to_string())
    }

    /// One more of station `st-1`'s staff, with a phone.
    pub fn member(&self, id: &str, role: &str) -> Outcome<Phone> {
        self.ok(&["staff", "add", "--facility", "st-1", "--id", id, "--name", id, "--role", role])?;
        self.phone(id)
    }

    /// A phone enrolled for a nurse.
    pub fn phone(&self, staff: &str) -> Outcome<Phone> {
        self.phone_in(staff, &format!("{staff}.vault"))
    }

    /// One more phone of a nurse, in a file of that name.
    pub fn phone_in(&self, staff: &str, file: &str) -> Outcome<Phone> {
        let phone = Phone { vault: self.path(file), pin: self.path("pin") };
        std::fs::write(&phone.pin, "2468\n")?;
        let uri = self.invite(staff)?;
        phone.ok(&["enrol", "--least-pin-cost", &uri])?;
        Ok(phone)
    }
}

/// Whether some words stand in bytes, in UTF-8, UTF-16 either way, Shift_JIS or ISO-2022-JP.
pub fn contains_words(bytes: &[u8], words: &str) -> bool {
    let utf16: Vec<u16> = words.encode_utf16().collect();
    let forms = [
        words.as_bytes().to_vec(),
        utf16.iter().flat_map(|u| u.to_le_bytes()).collect(),
        utf16.iter().flat_map(|u| u.to_be_bytes()).collect(),
        encoding_rs::SHIFT_JIS.encode(words).0.into_owned(),
        encoding_rs::ISO_2022_JP.encode(words).0.into_owned(),
    ];
    forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_slice()))
}

/// Words of the sample patient, to be looked for where they must not stand.
pub const NAME: &str = "仮青木 澄江";
pub const KANA: &str = "カリアオキ スミエ";
pub const DRUG: &str = "アムロジピンOD錠5mg";

const BUNDLE: &str = r#"{"resourceType":"Bundle","type":"collection","timestamp":"2026-11-20T09:00:00+09:00","entry":[
{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:oid:1.2.392.100495.20.3.51.11311234567","value":"00012345"}],
 "name":[{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation","valueCode":"IDE"}],"text":"仮青木 澄江","family":"仮青木","given":["澄江"]},
         {"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation","valueCode":"SYL"}],"text":"カリアオキ スミエ","family":"カリアオキ","given":["スミエ"]}],
 "gender":"female","birthDate":"1944-10-18"}},
{"fullUrl":"urn:uuid:2","resource":{"resourceType":"AllergyIntolerance","id":"a1","identifier":[{"system":"urn:x","value":"al-1"}],"category":["medication"],"criticality":"high",
 "code":{"text":"ペニシリン"},"patient":{"reference":"urn:uuid:1"},"recordedDate":"2026-01-10"}},
{"fullUrl":"urn:uuid:3","resource":{"resourceType":"MedicationRequest","id":"m1","identifier":[{"system":"urn:x","value":"rx-1"}],"status":"active","intent":"order",
 "medicationCodeableConcept":{"text":"アムロジピンOD錠5mg"},"subject":{"reference":"urn:uuid:1"},"authoredOn":"2026-11-20",
 "dosageInstruction":[{"text":"1日1回 朝食後"}]}},
{"fullUrl":"urn:uuid:4","resource":{"resourceType":"Observation","id":"o1","identifier":[{"system":"urn:x","value":"lab-1"}],"status":"final",
 "code":{"text":"BNP"},"subject":{"reference":"urn:uuid:1"},"effectiveDateTime":"2026-11-14T09:00:00+09:00","valueQuantity":{"value":412,"unit":"pg/mL"},
 "interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"H"}]}]}}
]}"#;
