//! What an operating system does to a phone: its clock is wrong, or jumps; it suspends a process in the middle of things.

use device::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use stories::line::Weather;
use stories::{Hub, Outcome, Phone, until};

const DAY_S: i64 = 86_400;

/// `system.c`, to be loaded before a program.
struct System {
    library: PathBuf,
}

impl System {
    fn beside(hub: &Hub) -> Outcome<Self> {
        let library = hub.path("system.so");
        let source = stories::root().join("tests/faults/system.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output()?;
        if !compiled.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&compiled.stderr)).into());
        }
        Ok(Self { library })
    }

    /// The process's calendar is so many days off.
    fn shift(&self, command: &mut Command, days: i64) {
        command.env("LD_PRELOAD", &self.library).env("TSUTSUJI_CLOCK_SHIFT", (days * DAY_S).to_string());
    }

    fn run(&self, days: i64, phone: &Phone, arguments: &[&str]) -> Outcome<Value> {
        let mut command = phone.command(arguments)?;
        self.shift(&mut command, days);
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(format!("{days} days, {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn signal(name: &str, child: &Child) -> Outcome {
    // The shell's own: there need be no program of that name.
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status()?;
    if sent.success() { Ok(()) } else { Err(format!("kill -{name}").into()) }
}

/// Waits until a process is suspended, or has ended; says whether it is suspended.
fn is_suspended(child: &Child) -> Outcome<bool> {
    let mut state = String::new();
    until("the process is suspended, or has ended", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        state = stat.rsplit(") ").next().and_then(|rest| rest.get(..1)).unwrap_or_default().to_string();
        Ok(state == "T" || state == "Z")
    })?;
    Ok(state == "T")
}

#[test]
fn a_clock_that_is_wrong_and_jumps_in_the_middle_of_a_visit_stops_nothing() -> Outcome {
    for days in [1, -400] {
        let (hub, patient) = Hub::with_consent()?;
        let system = System::beside(&hub)?;
        let visit = hub.visit(&patient, "nurse-a")?;
        let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
        a.ok(&["sync"])?;
        let note = a.start_note(&patient, Some(&visit))?;
        a.ok(&["note", "set", &note, "started_at", "09:32"])?;
        a.ok(&["note", "set", &note, "temperature_c", "36.5"])?;
        // The clock jumps, and later back again.
        system.run(days, &a, &["note", "set", &note, "temperature_c", "36.9"])?;
        assert_eq!(system.run(days, &a, &["sync"])?["unsent"], json!(0));
        assert!(system.run(days, &a, &["status"])?["clock"].is_string(), "and it is said");
        assert_eq!(system.run(days, &a, &["show", &patient])?["lease_lapsed"], json!(false));
        a.ok(&["note", "set", &note, "temperature_c", "37.2"])?;
        a.ok(&["note", "set", &note, "ended_at", "10:28"])?;
        system.run(days, &a, &["note", "confirm", &note])?;
        let synced = system.run(days, &a, &["sync"])?;
        assert_eq!((&synced["unsent"], &synced["held"]), (&json!(0), &json!(0)));
        b.ok(&["sync"])?;
        let seen = b.ok(&["note", "show", &note])?;
        assert_eq!((&seen["state"], &seen["conflicts"]), (&json!("confirmed"), &json!([])));
        assert_eq!(seen["fields"]["temperature_c"], json!(37.2), "what was written last, not what is dated last");
        let history = b.ok(&["note", "history", &note])?;
        let versions = history.as_array().into_iter().flatten().filter_map(|version| version["changed"].as_array());
        let changes = versions.flatten().filter(|change| change["field"] == json!("temperature_c"));
        let values: Vec<&Value> = changes.map(|change| &change["after"]).collect();
        assert_eq!(values, [&json!(36.5), &json!(36.9), &json!(37.2)]);
        // The receipt is by the hub's clock.
        let shown = a.ok(&["note", "show", &note])?;
        let received: Timestamp = shown["receipt"]["received_at"].as_str().ok_or("no receipt")?.parse()?;
        assert!(Timestamp::now().duration_since(received).abs() < SignedDuration::from_mins(10));
        assert_eq!(hub.ok(&["note", "verify", &note])?["verdict"], json!("valid"));
    }
    Ok(())
}

#[test]
fn a_phone_a_month_beyond_its_lease_is_closed_still_writes_and_opens_at_the_next_contact() -> Outcome {
    let mut hub = Hub::new()?;
    let (system, patient) = (System::beside(&hub)?, hub.patient()?);
    let consent = ["consent", "add", "--patient", &patient, "--disclosing", "hp", "--viewing", "st-1"];
    hub.ok(&[&consent[..], &["--offline-hours", "24"]].concat())?;
    let visit = hub.visit(&patient, "nurse-a")?;
    hub.serve()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    // By the calendar alone it closes, and a date that is set right again opens it: nothing was destroyed.
    for (days, lapsed) in [(0, false), (2, true), (31, true), (0, false)] {
        let shown = system.run(days, &a, &["show", &patient])?;
        let labs = shown["labs"].as_array().map(Vec::len);
        assert_eq!((&shown["lease_lapsed"], labs), (&json!(lapsed), Some(usize::from(!lapsed))), "{days} days");
    }
    let note = system.run(31, &a, &["note", "start", "--patient", &patient, "--visit", &visit])?;
    let note = note["note"].as_str().ok_or("no note")?;
    for (field, value) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "36.5")] {
        system.run(31, &a, &["note", "set", note, field, value])?;
    }
    system.run(31, &a, &["note", "confirm", note])?;
    // The month has passed for the hub as well: what was kept goes, and what is allowed now comes anew.
    hub.kill();
    hub.serve_with(|command| system.shift(command, 31))?;
    let synced = system.run(31, &a, &["sync"])?;
    assert_eq!((&synced["sent"], &synced["unsent"], &synced["round_trips"]), (&json!(2), &json!(0), &json!(2)));
    assert!(synced["received"].as_u64() >= Some(3), "{synced}");
    let shown = system.run(31, &a, &["show", &patient])?;
    assert_eq!((&shown["lease_lapsed"], &shown["allergy_knowledge"]), (&json!(false), &json!("recorded")));
    assert_eq!(hub.ok(&["note", "verify", note])?["verdict"], json!("valid"));
    Ok(())
}

#[test]
fn a_phone_suspended_in_the_middle_of_a_write_goes_on_or_is_as_it_was() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let system = System::beside(&hub)?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let note = a.start_note(&patient, None)?;
    let (mut there, mut suspended) = (Value::Null, 0);
    for flush in 1.. {
        let mut has_ended = false;
        for (name, value) in [("CONT", 60 + flush), ("KILL", 120 + flush)] {
            let mut set = a.command(&["note", "set", &note, "pulse_bpm", &value.to_string()])?;
            set.env("LD_PRELOAD", &system.library).env("TSUTSUJI_SUSPEND_AT", flush.to_string());
            let mut set = set.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            let sleeps = is_suspended(&set)?;
            if sleeps {
                suspended += 1;
                signal(name, &set)?;
            }
            has_ended |= !sleeps;
            let was_said = set.wait()?.success();
            assert_eq!(was_said, !sleeps || name == "CONT", "flush {flush}, {name}");
            let now = a.ok(&["note", "show", &note])?["fields"]["pulse_bpm"].clone();
            assert!(now == json!(value) || (!was_said && now == there), "flush {flush}, {name}: {now}");
            there = now;
        }
        if has_ended {
            break;
        }
        assert!(flush < 40, "it never ends");
    }
    assert!(suspended >= 8, "suspended {suspended} times only");
    assert_eq!(a.ok(&["doctor"])?["sound"], json!(true));
    assert_eq!(a.ok(&["sync"])?["unsent"], json!(0));
    Ok(())
}

#[test]
fn a_phone_suspended_in_the_middle_of_a_sync_sends_nothing_twice() -> Outcome {
    let (hub, line, patient) = Hub::behind_a_line()?;
    let (a, b) = (hub.phone("nurse-a")?, hub.phone("nurse-b")?);
    a.ok(&["sync"])?;
    for (round, (name, loses_the_line)) in [("CONT", false), ("CONT", true), ("KILL", false)].into_iter().enumerate() {
        let note = a.start_note(&patient, None)?;
        a.write_text(&note, "condition", &format!("{round}回目。"))?;
        let sync = a.half_synced(&hub, &line)?;
        signal("STOP", &sync)?;
        assert!(is_suspended(&sync)?);
        // While it sleeps the answer comes, or the signal goes.
        if loses_the_line {
            line.cut();
        }
        line.becomes(Weather::Clear);
        signal(name, &sync)?;
        let done = sync.wait_with_output()?.status.success();
        assert_eq!(done, name == "CONT" && !loses_the_line, "round {round}");
        let synced = a.ok(&["sync"])?;
        assert_eq!((&synced["unsent"], &synced["sent"]), (&json!(0), &json!(u64::from(!done))), "round {round}");
        b.ok(&["sync"])?;
        assert_eq!(b.ok(&["note", "show", &note])?["fields"]["condition"], json!(format!("{round}回目。")));
    }
    assert_eq!(super::entries(&hub)?, (3, 3, 3));
    Ok(())
}
