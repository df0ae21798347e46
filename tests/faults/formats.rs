//! Every format that comes from outside, fed with bytes that nobody sane would write: an error, never a panic.
//!
//! A short run of each in every test run; `PROPTEST_CASES=100000 cargo test -p stories --test formats` runs longer.

use jiff::Timestamp;
use proptest::prelude::*;
use protocol::capsule::{self, SealedCopy};
use protocol::{
    CapsuleRequest, CapsuleResponse, EnrolRequest, EnrolResponse, EnrolUri, Series, SyncRequest, SyncResponse, codec,
};
use record::visit_note::{Actor, Draft, Encoding, SignedAct, SignedConfirmation, changes};
use record::{DeviceId, DocumentId, Form};
use std::sync::LazyLock;

/// Recorded bytes of every format of the record, to be bent.
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = stories::root().join("tests/vectors/record-1");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|f| f.path()).collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
});

const NOTE: DocumentId = DocumentId([0x4e; 16]);

/// A recorded file with some bytes changed, cut or doubled; or plain noise.
fn bent() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6);
    let bent = (any::<prop::sample::Index>(), edits, any::<prop::sample::Index>(), 0..4u8).prop_map(
        |(which, edits, cut, how)| {
            let mut bytes = SAMPLES[which.index(SAMPLES.len())].clone();
            for (at, value) in edits {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            match how {
                0 => bytes.truncate(cut.index(bytes.len())),
                1 => {
                    let tail = bytes[cut.index(bytes.len())..].to_vec();
                    bytes.extend(tail);
                }
                _ => {}
            }
            bytes
        },
    );
    prop_oneof![4 => bent, 1 => prop::collection::vec(any::<u8>(), 0..400)]
}

fn actor() -> Actor {
    Actor { device: DeviceId([9; 8]), session: [9; 8] }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bent_changes_are_refused_or_leave_a_document_that_reads(bytes in bent(), form in 0..5usize) {
        let form = Form::ALL[form];
        // Automerge's own panics are caught inside; what they print could quote the bytes.
        std::panic::set_hook(Box::new(|_| {}));
        for encoding in [Encoding::Columns, Encoding::Bundle, Encoding::Cbor] {
            if let Ok(incoming) = changes::decode(NOTE, form, encoding, &bytes) {
                let mut draft = Draft::new(NOTE, form, actor());
                if draft.apply(&incoming).is_ok() {
                    let _ = (draft.view(), draft.history(), draft.is_sound(&"p".parse().expect("an id"), &"st".parse().expect("an id")));
                }
            }
        }
        if let Ok(mut draft) = Draft::received(NOTE, form, &bytes, actor()) {
            let _ = (draft.view(), draft.history(), draft.is_sound(&"p".parse().expect("an id"), &"st".parse().expect("an id")));
        }
        let _ = changes::decode_singly(NOTE, form, std::slice::from_ref(&bytes));
        let _ = Draft::load(NOTE, form, &bytes, &[], actor()).map(|mut draft| draft.view().map(|_| ()));
        let _ = Draft::load(NOTE, form, &[], std::slice::from_ref(&bytes), actor()).map(|mut draft| draft.view().map(|_| ()));
        let _ = std::panic::take_hook();
    }

    #[test]
    fn bent_statements_never_verify(bytes in bent()) {
        if let Ok(signed) = SignedConfirmation::from_bytes(&bytes)
            && signed.open(NOTE).is_ok()
        {
            prop_assert!(SAMPLES.iter().any(|sample| SignedConfirmation::from_bytes(sample).is_ok_and(|s| s.frozen == signed.frozen)));
        }
        if let Ok(signed) = SignedAct::from_bytes(&bytes)
            && signed.open(NOTE).is_ok()
        {
            prop_assert!(SAMPLES.iter().any(|sample| SignedAct::from_bytes(sample).is_ok_and(|s| s.body == signed.body)));
        }
    }

    #[test]
    fn bent_bodies_of_the_wire_are_errors(bytes in bent()) {
        let _ = codec::decode::<SyncRequest>(&bytes).map(|_| ());
        let _ = codec::decode::<SyncResponse>(&bytes).map(|_| ());
        let _ = codec::decode::<CapsuleRequest>(&bytes).map(|_| ());
        let _ = codec::decode::<CapsuleResponse>(&bytes).map(|_| ());
        let _ = codec::decode::<EnrolRequest>(&bytes).map(|_| ());
        let _ = codec::decode::<EnrolResponse>(&bytes).map(|_| ());
        // The same behind our own framing, so that the CBOR reader meets them.
        let framed = codec::encode(&bytes).expect("bytes can be framed");
        prop_assert!(codec::decode::<SyncRequest>(&framed).is_err());
        let half = bytes.len() / 2;
        let sealed = SealedCopy { n: 1, enc: bytes[..half].to_vec(), sealed: bytes[half..].to_vec() };
        prop_assert!(capsule::open(&[7; 32], DeviceId([1; 8]), Series(NOTE), &sealed, &[3; 32]).is_err());
    }

    #[test]
    fn words_from_outside_are_read_or_refused(text in "\\PC{0,60}", query in "[A-Za-z0-9=&:/?.%-]{0,80}") {
        let _ = text.parse::<EnrolUri>();
        let _ = format!("tsutsuji://enrol?{query}").parse::<EnrolUri>();
        let _ = record::calendar::parse_date(&text);
        let _ = text.parse::<record::scales::design_r::DesignR>();
        let _ = record::writing::search_name(&text);
        let day = record::calendar::day_in_japan(Timestamp::UNIX_EPOCH);
        for field in Form::VisitNote.fields() {
            let _ = field.parse(&text, day);
        }
    }
}
