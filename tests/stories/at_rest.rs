//! Nobody who finds the phone, the backup or the hub's disk can read it.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use stories::{DRUG, Hub, KANA, NAME, Outcome, Phone, contains_words};

#[test]
fn no_word_of_a_patient_stands_in_clear_on_the_phone_or_in_the_hubs_database() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    hub.visit(&patient, "nurse-a")?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    assert_eq!(a.ok(&["patients"])?[0]["name"].as_str(), Some(NAME), "the words are there, sealed");
    let note = a.start_note(&patient, None)?;
    a.fill_in(&note)?;
    let written = "右踵部に発赤、皮膚科へ相談。";
    a.write_text(&note, "condition", written)?;
    a.ok(&["note", "confirm", &note])?;
    a.ok(&["sync"])?;
    let mut at_hub = Vec::new();
    for file in ["hub.db", "hub.db-wal"] {
        at_hub.extend(std::fs::read(hub.path("hub").join(file)).unwrap_or_default());
    }
    let on_phone = a.bytes_at_rest()?;
    for words in [NAME, KANA, DRUG, written, "ペニシリン", "仮青木", "00012345"] {
        assert!(!contains_words(&on_phone, words), "{words} stands in clear on the phone");
        assert!(!contains_words(&at_hub, words), "{words} stands in clear at the hub");
    }
    assert!(!contains_words(&on_phone, &patient), "even ids are hashed on the phone");
    assert!(contains_words(&at_hub, "つばき中央病院"), "the search itself works: a facility's name is no secret");
    Ok(())
}

#[test]
fn a_row_moved_to_another_place_does_not_open_and_does_not_stop_the_rest() -> Outcome {
    let (hub, patient) = Hub::with_consent()?;
    let a = hub.phone("nurse-a")?;
    a.ok(&["sync"])?;
    let db = rusqlite::Connection::open(&a.vault)?;
    let swapped = db.execute(
        "UPDATE item SET sealed = (SELECT other.sealed FROM item AS other WHERE other.kind = 4 AND other.key <> item.key LIMIT 1)
         WHERE kind = 4 AND key = (SELECT min(key) FROM item WHERE kind = 4)",
        [],
    )?;
    drop(db);
    assert_eq!(swapped, 1);
    let shown = a.ok(&["show", &patient])?;
    let count = |list: &str| shown[list].as_array().map_or(0, Vec::len);
    assert_eq!(count("allergies") + count("prescriptions") + count("labs"), 2, "two of the three are still read");
    Ok(())
}

#[test]
fn a_changed_pin_opens_and_the_old_one_does_not() -> Outcome {
    let mut hub = Hub::new()?;
    hub.serve()?;
    let a = hub.phone("nurse-a")?;
    let new = hub.path("new-pin");
    std::fs::write(&new, "97531")?;
    a.ok(&["pin", "change", "--new-pin-file", &new.display().to_string()])?;
    assert!(a.refused(&["patients"])?.contains("wrong PIN"));
    stories::Phone { vault: a.vault.clone(), pin: new }.ok(&["patients"])?;
    Ok(())
}

// ------------------------------------------------------------------------------------------------------ a thousand words

const PATIENTS: usize = 40;
const DRUGS_OF_EACH: usize = 8;
const KANJI: &str = "青木川田山石原沢島崎谷林森池浜岡坂橋藤松竹梅桜菊柳杉桐楠榎椿萩葛蓮芦菅茅稲麦粟豆瓜茄芋蒜葱韮芹蕪牛馬羊鹿熊狼狐狸兎猿";
const KATAKANA: &str = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワ";

/// splitmix64: the same words, the same delays in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    /// So long that it stands nowhere by chance in any of the encodings.
    fn word(&mut self, of: &str, length: usize) -> String {
        let letters: Vec<char> = of.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }
}

/// Words that no other test, no binary and no dictionary holds.
struct Planted {
    words: Vec<String>,
    search: AhoCorasick,
    /// Which word each pattern of the search stands for.
    word_of: Vec<usize>,
}

impl Planted {
    fn new() -> Outcome<Self> {
        let mut dice = Dice(20_261_124);
        let mut words: Vec<String> = Vec::new();
        while words.len() < 1_000 {
            // Of each patient: family and given name, both in kana, an allergy, drugs. The rest goes into what nurses write.
            let of_patient = words.len() % (5 + DRUGS_OF_EACH);
            let is_kana = words.len() < PATIENTS * (5 + DRUGS_OF_EACH) && of_patient >= 2;
            let word = if is_kana { dice.word(KATAKANA, 8) } else { dice.word(KANJI, 6) };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let (mut patterns, mut word_of) = (Vec::new(), Vec::new());
        for (i, word) in words.iter().enumerate() {
            for form in forms(word) {
                patterns.push(form);
                word_of.push(i);
            }
        }
        let search = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns)?;
        Ok(Self { words, search, word_of })
    }

    fn found_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        self.search.find_overlapping_iter(bytes).map(|found| self.word_of[found.pattern().as_usize()]).collect()
    }

    /// Says where one stands in clear, without showing which.
    fn refuse(&self, place: &str, bytes: &[u8]) -> Outcome {
        match self.found_in(bytes).first() {
            Some(word) => Err(format!("word {word} of the planted ones stands in clear in {place}").into()),
            None => Ok(()),
        }
    }

    /// Every file under a folder, its name too; answers with how many there were.
    fn refuse_in_folder(&self, folder: &Path) -> Outcome<usize> {
        let mut files = 0;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.display().to_string();
            self.refuse("a file's name", name.as_bytes())?;
            if path.is_dir() {
                files += self.refuse_in_folder(&path)?;
            } else if let Ok(bytes) = std::fs::read(&path) {
                self.refuse(&name, &bytes)?;
                files += 1;
            }
        }
        Ok(files)
    }

    fn patient(&self, n: usize) -> &[String] {
        &self.words[n * (5 + DRUGS_OF_EACH)..(n + 1) * (5 + DRUGS_OF_EACH)]
    }

    /// What nurses write.
    fn written(&self) -> &[String] {
        &self.words[PATIENTS * (5 + DRUGS_OF_EACH)..]
    }
}

/// UTF-8, UTF-16 either way, Shift_JIS, ISO-2022-JP without its escapes; of kana also as hiragana and half-width, which is
/// how a search index folds them.
fn forms(word: &str) -> Vec<Vec<u8>> {
    let mut writings = vec![word.to_string()];
    if word.chars().all(|c| ('ァ'..='ヺ').contains(&c)) {
        writings.push(word.chars().map(|c| char::from_u32(c as u32 - 0x60).unwrap_or(c)).collect());
    }
    let mut forms = Vec::new();
    for writing in &writings {
        let utf16: Vec<u16> = writing.encode_utf16().collect();
        forms.push(writing.as_bytes().to_vec());
        forms.push(utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect());
        forms.push(utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect());
        forms.push(encoding_rs::SHIFT_JIS.encode(writing).0.into_owned());
        let jis = encoding_rs::ISO_2022_JP.encode(writing).0.into_owned();
        forms.push(jis.strip_prefix(b"\x1b$B").and_then(|j| j.strip_suffix(b"\x1b(B")).unwrap_or(&jis).to_vec());
    }
    forms
}

fn bundle(n: usize, words: &[String]) -> Value {
    let representation = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation";
    let name = |code: &str, family: &str, given: &str| {
        json!({
            "extension": [{"url": representation, "valueCode": code}],
            "text": format!("{family} {given}"), "family": family, "given": [given],
        })
    };
    let mut entries = vec![
        json!({"fullUrl": "urn:uuid:p", "resource": {
            "resourceType": "Patient", "id": format!("p{n}"), "gender": "female", "birthDate": "1940-01-01",
            "identifier": [{"system": "urn:oid:1.2.392.100495.20.3.51.11311234567", "value": format!("9{n:07}")}],
            "name": [name("IDE", &words[0], &words[1]), name("SYL", &words[2], &words[3])],
        }}),
        json!({"fullUrl": "urn:uuid:a", "resource": {
            "resourceType": "AllergyIntolerance", "id": "a", "identifier": [{"system": "urn:x", "value": format!("al-{n}")}],
            "category": ["medication"], "criticality": "high", "code": {"text": words[4]},
            "patient": {"reference": "urn:uuid:p"}, "recordedDate": "2026-01-10",
        }}),
    ];
    for (i, drug) in words[5..].iter().enumerate() {
        entries.push(json!({"fullUrl": format!("urn:uuid:m{i}"), "resource": {
            "resourceType": "MedicationRequest", "id": format!("m{i}"), "status": "active", "intent": "order",
            "identifier": [{"system": "urn:x", "value": format!("rx-{n}-{i}")}],
            "medicationCodeableConcept": {"text": format!("{drug}錠5mg")},
            "subject": {"reference": "urn:uuid:p"}, "authoredOn": "2026-11-20",
            "dosageInstruction": [{"text": "1日1回 朝食後"}],
        }}));
    }
    json!({"resourceType": "Bundle", "type": "collection", "timestamp": "2026-11-20T09:00:00+09:00", "entry": entries})
}

/// A hub with all planted patients, and a phone in a folder of its own, where its temporary files go too.
fn planted_phone(planted: &Planted) -> Outcome<(Hub, Phone, PathBuf, Vec<String>)> {
    let mut hub = Hub::new()?;
    let mut files = Vec::new();
    for n in 0..PATIENTS {
        let file = hub.path(&format!("planted-{n}.json"));
        std::fs::write(&file, bundle(n, planted.patient(n)).to_string())?;
        files.push(file.display().to_string());
    }
    let mut intake = vec!["intake", "--facility", "hp"];
    intake.extend(files.iter().map(String::as_str));
    let report = hub.ok(&intake)?;
    assert_eq!(report["new"], json!(PATIENTS), "{report}");
    planted.refuse("the intake's report", report.to_string().as_bytes())?;
    hub.serve()?;
    let list = hub.ok(&["patient", "list"])?;
    let patients: Vec<String> =
        list.as_array().into_iter().flatten().filter_map(|p| p["id"].as_str().map(str::to_string)).collect();
    for patient in &patients {
        hub.consent(patient, "st-1")?;
    }
    let folder = hub.path("phone");
    std::fs::create_dir_all(folder.join("tmp"))?;
    let phone = Phone { vault: folder.join("a.vault"), pin: hub.path("pin") };
    std::fs::write(&phone.pin, "2468")?;
    phone.ok(&["enrol", "--least-pin-cost", &hub.invite("nurse-a")?])?;
    phone.ok(&["sync"])?;
    Ok((hub, phone, folder, patients))
}

/// Runs a command as loudly as it can be made to speak; answers with (done, standard output, standard error).
fn run_loud(phone: &Phone, folder: &Path, arguments: &[&str], stdin: &str) -> Outcome<(bool, Vec<u8>, Vec<u8>)> {
    let mut child = phone
        .command(arguments)?
        .env("TSUTSUJI_LOG", "trace")
        .env("TMPDIR", folder.join("tmp"))
        .env("SQLITE_TMPDIR", folder.join("tmp"))
        .env("RUST_BACKTRACE", "full")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        let _ = std::io::Write::write_all(&mut pipe, stdin.as_bytes());
    }
    let output = child.wait_with_output()?;
    Ok((output.status.success(), output.stdout, output.stderr))
}

#[test]
fn the_search_sees_every_word_in_every_encoding() -> Outcome {
    let planted = Planted::new()?;
    for (i, word) in planted.words.iter().enumerate() {
        for form in forms(word) {
            let bytes = [&[0x1b, 0x24][..], &form, b"\0"].concat();
            assert_eq!(planted.found_in(&bytes), BTreeSet::from([i]));
        }
        let (japanese, _, unknown) = encoding_rs::ISO_2022_JP.encode(word);
        assert!(!unknown && planted.found_in(&japanese).contains(&i));
    }
    Ok(())
}

#[test]
fn none_of_a_thousand_planted_words_stands_in_clear_anywhere_not_even_after_kills() -> Outcome {
    let planted = Planted::new()?;
    let (hub, phone, folder, patients) = planted_phone(&planted)?;
    let patient = patients.last().ok_or("no patient")?.as_str();
    let (mut shown, mut loud) = (BTreeSet::new(), 0);
    // Whatever succeeds may say words on standard output, never on standard error; whatever fails says none at all.
    let mut run = |arguments: &[&str], stdin: &str, succeeds: bool| -> Outcome<Vec<u8>> {
        let (done, out, err) = run_loud(&phone, &folder, arguments, stdin)?;
        let command = arguments[..arguments.len().min(2)].join(" ");
        assert_eq!(done, succeeds, "{command}: {}", String::from_utf8_lossy(&err));
        planted.refuse(&format!("what `{command}` says on standard error"), &err)?;
        if done {
            shown.extend(planted.found_in(&out));
        } else {
            planted.refuse(&format!("what the refused `{command}` says"), &out)?;
        }
        loud += 1;
        Ok(out)
    };

    // What nurses write: texts, reasons, the board.
    let written = planted.written();
    let started: Value = serde_json::from_slice(&run(&["note", "start", "--patient", patient], "", true)?)?;
    let note = started["note"].as_str().ok_or("no note")?.to_string();
    for (field, value) in [("started_at", "09:32"), ("ended_at", "10:28"), ("temperature_c", "36.5")] {
        run(&["note", "set", &note, field, value], "", true)?;
    }
    let fields = ["condition", "care_given", "family", "goal_evaluation", "assessment", "plan", "cautions", "remarks"];
    let (texts, rest) = written.split_at(fields.len() * 40);
    for (field, lines) in fields.iter().zip(texts.chunks(40)) {
        run(&["note", "text", &note, field], &lines.join("\n"), true)?;
    }
    run(&["note", "confirm", &note], "", true)?;
    let (reasons, board) = rest.split_at(80);
    for (i, reason) in reasons.chunks(16).enumerate() {
        let value = format!("36.{}", i + 6);
        run(&["note", "amend", &note, "temperature_c", &value, "--reason", &reason.join("、")], "", true)?;
    }
    run(&["handover", "text", "--patient", patient], &board.join("\n"), true)?;

    // What goes wrong says no word of it.
    let word = written[0].as_str();
    let long: String = (0..400).map(|i| written[i % written.len()].as_str()).collect();
    let nothing = "00000000-0000-4000-8000-000000000000";
    let draft: Value = serde_json::from_slice(&run(&["note", "start", "--patient", patient], "", true)?)?;
    let draft = draft["note"].as_str().ok_or("no note")?.to_string();
    run(&["note", "text", &note, "condition"], word, false)?;
    run(&["note", "text", nothing, "condition"], word, false)?;
    run(&["note", "text", &draft, "temperature_c"], word, false)?;
    run(&["note", "text", &draft, "condition"], &long.repeat(4), false)?;
    run(&["note", "set", &draft, "temperature_c", word], "", false)?;
    run(&["note", "set", &draft, "payer", word], "", false)?;
    run(&["note", "set", &draft, "condition", word], "", false)?;
    run(&["note", "unmeasured", &draft, "weight_kg", "--reason", word], "", true)?;
    run(&["note", "amend", &draft, "temperature_c", "36.8", "--reason", word], "", false)?;
    run(&["note", "close", &draft, "--outcome", word, "--reason", word], "", false)?;
    run(&["note", "confirm", &draft], "", false)?;
    run(&["handover", "text", "--patient", "p-999999"], word, false)?;

    // Every one of them is there, for whoever may read.
    run(&["patients"], "", true)?;
    for patient in &patients {
        run(&["show", patient], "", true)?;
    }
    run(&["note", "show", &note], "", true)?;
    run(&["handover", "show", "--patient", patient], "", true)?;
    run(&["patients", "--search", &planted.patient(3)[2]], "", true)?;
    run(&["sync"], "", true)?;
    assert_eq!(shown.len(), planted.words.len(), "all planted words came through");
    assert!(loud > 60, "{loud}");

    assert!(planted.refuse_in_folder(&folder)? >= 3, "vault, device key, attempts");
    assert!(planted.refuse_in_folder(&hub.path("hub"))? >= 2, "database and keys");
    kill_again_and_again(&planted, &phone, &folder, patient, &draft)?;
    phone.ok(&["sync"])?;
    planted.refuse_in_folder(&folder)?;
    planted.refuse_in_folder(&hub.path("hub"))?;
    Ok(())
}

/// kill -9 of an edit at a random moment: no word is left in clear, the vault opens, nothing saved is lost.
fn kill_again_and_again(planted: &Planted, phone: &Phone, folder: &Path, patient: &str, draft: &str) -> Outcome {
    let rounds = if std::env::var_os("TSUTSUJI_FULL").is_some() { 500 } else { 40 };
    let mut dice = Dice(9);
    let mut saved = std::collections::BTreeMap::from([("condition", String::new()), ("plan", String::new())]);
    saved.insert("board", phone.ok(&["handover", "show", "--patient", patient])?["text"].as_str().unwrap_or("").into());
    let (mut died_before, mut died_after) = (0, 0);
    // As long as such an edit takes here, and a little longer.
    let began = std::time::Instant::now();
    phone.write_text(draft, "condition", "")?;
    let longest = usize::try_from(began.elapsed().as_micros())? * 5 / 4;
    for round in 0..rounds {
        let target = ["condition", "plan", "board"][dice.below(3)];
        let lines: Vec<&str> =
            (0..1 + dice.below(60)).map(|_| planted.written()[dice.below(planted.written().len())].as_str()).collect();
        let text = format!("{round}\n{}", lines.join("\n"));
        let arguments = match target {
            "board" => vec!["handover", "text", "--patient", patient],
            field => vec!["note", "text", draft, field],
        };
        let mut child = phone
            .command(&arguments)?
            .env("TMPDIR", folder.join("tmp"))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            let _ = std::io::Write::write_all(&mut pipe, text.as_bytes());
        }
        std::thread::sleep(Duration::from_micros(dice.below(longest) as u64));
        let _ = child.kill();
        let output = child.wait_with_output()?;
        // As it lies there, before anything mends it.
        planted.refuse_in_folder(folder)?;
        planted.refuse("what a killed command said", &output.stderr)?;
        let there = match target {
            "board" => phone.ok(&["handover", "show", "--patient", patient])?["text"].clone(),
            field => phone.ok(&["note", "show", draft])?["fields"][field].clone(),
        };
        let there = there.as_str().unwrap_or_default();
        let was_said = !output.stdout.is_empty();
        let before = saved.get(target).map_or("", String::as_str);
        assert!(
            there == text || (there == before && !was_said),
            "round {round}: {target} is neither as before nor as saved"
        );
        if there == text {
            died_after += 1
        } else {
            died_before += 1
        }
        let now = there.to_string();
        saved.insert(target, now);
        planted.refuse_in_folder(folder)?;
    }
    let whole = phone.ok(&["note", "show", draft])?;
    for field in ["condition", "plan"] {
        assert_eq!(whole["fields"][field].as_str().unwrap_or_default(), saved[field], "{field} at the end");
    }
    println!("{rounds} kills: {died_before} before the word was kept, {died_after} after");
    assert!(died_before > 0 && died_after > 0, "killed at both sides: {died_before} before, {died_after} after");
    Ok(())
}
