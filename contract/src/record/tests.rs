//! Records of all styles, real in their shape, and texts that are none.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::certificate::Report as CertificateReport;
use crate::document::ContractDocument;
use crate::limits::Limits;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn hash(name: &str, byte: u8) -> Hash {
    Hash {
        name: name.to_owned(),
        digest: digest(byte),
    }
}

fn hex_of(byte: u8) -> String {
    digest(byte).to_string()
}

fn pairs(record: &Record) -> Vec<(usize, &str, Digest)> {
    record
        .hashes()
        .map(|(line, hash)| (line, hash.name.as_str(), hash.digest))
        .collect()
}

#[test]
fn all_four_label_styles_come_out_the_same() {
    for style in [
        "contract: workload",
        "workload",
        "contract:workload ",
        "contract:workload",
        "  contract:workload",
        "contract:\tworkload\r",
    ] {
        let text = format!(
            "24.11.0\nMachine Type/Plant/Serial: 8562/02/4C598\n{} {style}\n",
            hex_of(7)
        );
        let record = Record::parse(&text).unwrap();
        assert_eq!(record.version(), "24.11.0");
        assert_eq!(
            pairs(&record),
            [(3, "contract:workload", digest(7))],
            "{style:?}"
        );
    }
}

#[test]
fn every_string_of_a_contract_is_known_bare_and_other_files_stay_what_they_are() {
    let names = [
        ("env", "contract:env"),
        ("attestationPublicKey", "contract:attestationPublicKey"),
        (
            "contract: envWorkloadSignature",
            "contract:envWorkloadSignature",
        ),
        ("cidata/meta-data", "cidata/meta-data"),
        ("AP(1):secret", "AP(1):secret"),
        ("a file with spaces", "a file with spaces"),
        ("Workload", "Workload"),
    ];
    for (written, read) in names {
        let record = Record::parse(&format!("0.0.0\n{} {written}", hex_of(1).to_uppercase()));
        assert_eq!(pairs(&record.unwrap()), [(2, read, digest(1))]);
    }
}

#[test]
fn what_is_not_understood_is_kept_and_proves_nothing() {
    let short = &hex_of(1)[1..];
    let notes = [
        String::from("Image age: 12 days since creation."),
        String::new(),
        format!("{short} root.tar.gz"),
        hex_of(1),
        format!("{}   ", hex_of(1)),
        format!("{}g root.tar.gz", &hex_of(1)[1..]),
        format!(" {} root.tar.gz", hex_of(1)),
        format!("{}*root.tar.gz", hex_of(1)),
    ];
    let text = format!("26.7.1\n{}\n{} baseimage\n", notes.join("\n"), hex_of(2));
    let record = Record::parse(&text).unwrap();
    assert_eq!(record.notes().collect::<Vec<_>>(), notes);
    assert_eq!(pairs(&record), [(10, "baseimage", digest(2))]);
    assert_eq!(record.to_string(), text);
}

#[test]
fn equal_hashes_do_not_collapse() {
    let (empty, text) = (hex_of(3), "26.7.1\n");
    let record = Record::parse(&format!(
        "{text}{empty} cidata/vendor-data\n{empty} cidata/meta-data\n"
    ));
    assert_eq!(
        pairs(&record.unwrap()),
        [
            (2, "cidata/vendor-data", digest(3)),
            (3, "cidata/meta-data", digest(3))
        ]
    );
}

#[test]
fn one_name_with_two_hashes_is_refused_in_whatever_styles() {
    for second in ["workload", "contract: workload", "contract:workload"] {
        let text = format!(
            "1\n{} contract:workload\nx\n{} {second}",
            hex_of(1),
            hex_of(2)
        );
        assert_eq!(
            Record::parse(&text),
            Err(RecordError::Duplicate { line: 4, first: 2 })
        );
        let same = format!(
            "1\n{} contract:workload\nx\n{} {second}",
            hex_of(1),
            hex_of(1)
        );
        assert_eq!(pairs(&Record::parse(&same).unwrap()).len(), 2);
    }
}

#[test]
fn sizes_are_bounded_and_a_version_must_come_first() {
    let lines = |count: usize| "1\n".repeat(count);
    assert!(Record::parse(&lines(MAX_LINES)).is_ok());
    assert_eq!(
        Record::parse(&lines(MAX_LINES + 1)),
        Err(RecordError::TooManyLines)
    );
    let long = |count: usize| format!("1\n{}", "x".repeat(count - 2));
    assert!(Record::parse(&long(MAX_BYTES)).is_ok());
    assert_eq!(
        Record::parse(&long(MAX_BYTES + 1)),
        Err(RecordError::TooLarge)
    );
    let hash_first = format!("{} baseimage", hex_of(1));
    for text in [
        "",
        "\n",
        "\n26.7.1",
        "two words",
        &hash_first,
        &hex_of(1),
        &"1".repeat(65),
        "26.7.1\u{1b}[2J",
    ] {
        assert_eq!(Record::parse(text), Err(RecordError::Version), "{text:?}");
    }
    assert_eq!(Record::parse(" 26.7.1 \r\n").unwrap().version(), "26.7.1");
}

/// The layout that is published for a guest of 26.7.1, with hashes of our own.
#[test]
fn a_record_is_written_in_the_order_and_with_the_labels_of_today() {
    let names = [
        "certificate_expiry_date.json",
        "AP(1):secret",
        "uv_firmware.state",
        "root.tar.gz",
        "baseimage",
        "sbom",
        "plan",
        "/dev/disk/by-label/cidata",
        "cidata/meta-data",
        "cidata/user-data",
        "cidata/vendor-data",
        "cidata/network-config",
        "contract:workload",
        "contract:env",
        "contract:attestationPublicKey",
        "contract:envWorkloadSignature",
        "contract:other",
    ];
    let notes = vec![
        "Machine Type/Plant/Serial: 8562/02/4C598".to_owned(),
        "Image age: 12 days since creation.".to_owned(),
    ];
    let hashes: Vec<Hash> = names
        .iter()
        .zip(0..)
        .map(|(name, byte)| hash(name, byte))
        .collect();
    let mut expected = format!("26.7.1\n{}\n{}\n", notes[0], notes[1]);
    for hash in &hashes {
        writeln!(expected, "{} {}", hash.digest, hash.name).unwrap();
    }
    let backwards = hashes.into_iter().rev().collect();
    let record = Record::new("26.7.1", notes, backwards).unwrap();
    assert_eq!(record.to_string(), expected);
}

#[test]
fn what_would_be_read_as_something_else_is_not_written() {
    let note = |text: &str| Record::new("1", vec!["fine".to_owned(), text.to_owned()], Vec::new());
    let like_a_hash = format!("{} x", hex_of(1));
    for text in ["a\nb", "a\r", &like_a_hash] {
        assert_eq!(note(text), Err(RecordError::Note { number: 2 }), "{text:?}");
    }
    let name = |text: &str| Record::new("1", Vec::new(), vec![hash("sbom", 1), hash(text, 2)]);
    for text in [
        "",
        " ",
        " x",
        "x ",
        "a\nb",
        "workload",
        "contract: env",
        "x\r",
    ] {
        assert_eq!(name(text), Err(RecordError::Name { number: 2 }), "{text:?}");
    }
    assert!(matches!(
        name("sbom"),
        Err(RecordError::Duplicate { line: 3, first: 2 })
    ));
    assert_eq!(
        Record::new("a b", Vec::new(), Vec::new()),
        Err(RecordError::Version)
    );
    let many = vec![String::new(); MAX_LINES];
    assert_eq!(
        Record::new("1", many, Vec::new()),
        Err(RecordError::TooManyLines)
    );
    assert_eq!(note(&"x".repeat(MAX_BYTES)), Err(RecordError::TooLarge));
}

/// `sha256sum` of the same bytes.
#[test]
fn strings_are_hashed_as_passed_and_tokens_without_what_surrounds_them() {
    let document = ContractDocument::parse(
        b"workload: |\n  type: workload\nenv: |\n  contract-basic.AAEC.AwQF\n\n",
        &Limits::default(),
    )
    .unwrap();
    let hashes = contract_hashes(&document);
    assert_eq!(
        hashes
            .iter()
            .map(|hash| (hash.name.as_str(), hash.digest))
            .collect::<Vec<_>>(),
        [
            ("contract:workload", sha256(b"type: workload\n")),
            ("contract:env", sha256(b"contract-basic.AAEC.AwQF")),
        ]
    );
    assert_eq!(
        sha256(b"#cloud-config\nusers:\n  - default\n").to_string()[..8],
        *"284a331a"
    );
}

#[test]
fn errors_say_the_line_and_the_remedy_and_nothing_of_the_record() {
    for (error, line) in [
        (RecordError::TooLarge, None),
        (RecordError::TooManyLines, None),
        (RecordError::Version, Some(1)),
        (RecordError::Duplicate { line: 7, first: 3 }, Some(7)),
        (RecordError::Note { number: 1 }, None),
        (RecordError::Name { number: 1 }, None),
    ] {
        assert_eq!(error.line(), line);
        assert!(error.code().starts_with("record_") && error.remedy().ends_with('.'));
    }
}

fn report(lines: Vec<LineReport>, signature: SignatureState) -> Report {
    Report {
        version: "26.7.1".to_owned(),
        notes: vec!["\u{1b}[2Jnote".to_owned()],
        signature,
        certificate: CertificateReport {
            certificates: Vec::new(),
            checks: Vec::new(),
            warnings: Vec::new(),
        },
        lines,
    }
}

fn line(state: LineState) -> LineReport {
    LineReport {
        name: "cidata/\u{7}meta-data".to_owned(),
        state,
        line: (state != LineState::Missing).then_some(12),
        recorded: (state != LineState::Missing).then_some(digest(1)),
        expected: matches!(state, LineState::Differing | LineState::Missing).then_some(digest(2)),
        form: None,
    }
}

#[test]
fn a_report_says_each_line_and_escapes_what_a_guest_wrote() {
    let mut shortened = line(LineState::Matched);
    shortened.form = Some(Form::WithoutFinalLineBreak);
    let lines = vec![
        line(LineState::Matched),
        shortened,
        line(LineState::Differing),
        line(LineState::NotChecked),
        line(LineState::Unexpected),
        line(LineState::Missing),
    ];
    insta::assert_snapshot!(report(lines, SignatureState::Invalid));
}

#[test]
fn only_what_is_wrong_makes_a_report_fail() {
    for (state, passes) in [
        (LineState::Matched, true),
        (LineState::NotChecked, true),
        (LineState::Differing, false),
        (LineState::Missing, false),
        (LineState::Unexpected, false),
    ] {
        let lines = vec![line(LineState::Matched), line(state)];
        assert_eq!(
            report(lines.clone(), SignatureState::Valid).passed(),
            passes
        );
        assert!(!report(lines, SignatureState::Invalid).passed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

    #[test]
    fn what_is_written_is_read_back(
        version in "[0-9a-z._+-]{1,20}",
        notes in prop::collection::vec("[^\n\r]{0,40}", 0..8),
        names in prop::collection::btree_set(
            "(contract:)?(workload2|env3|[a-z/(:)][ -~]{0,20}[!-~])|contract:(workload|env)", 0..12),
        byte in any::<u8>(),
    ) {
        let hashes: Vec<Hash> = names.iter().zip(0..).map(|(name, more)| hash(name, byte.wrapping_add(more))).collect();
        let Ok(record) = Record::new(&version, notes, hashes) else {
            return Ok(());
        };
        prop_assert_eq!(record.hashes().count(), names.len());
        prop_assert_eq!(Record::parse(&record.to_string()).unwrap(), record);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,300}") {
        drop(Record::parse(&text));
    }

    #[test]
    fn any_text_like_a_record_is_read_and_what_was_read_is_written_the_same(
        lines in prop::collection::vec("([0-9a-f]{63,65})?[ \t\r]{0,2}(contract:)?[ ]?(workload|env|\u{85}x|é)?[ \r]?", 0..20),
    ) {
        if let Ok(record) = Record::parse(&format!("26.7.1\n{}", lines.join("\n"))) {
            prop_assert_eq!(Record::parse(&record.to_string()).unwrap(), record);
        }
    }
}
