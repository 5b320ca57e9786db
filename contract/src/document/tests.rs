use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::testing::pairs;

fn parse(text: &str) -> Result<ContractDocument, ContractError> {
    ContractDocument::parse(text.as_bytes(), &Limits::default())
}

fn refusal(text: &str) -> ContractError {
    parse(text).map(|_| ()).unwrap_err()
}

#[test]
fn the_strings_are_kept_to_the_byte() {
    let text = "workload: |\n  type: workload\n  # kept\n\nenv: \"type: env\\n\"\nattestationPublicKey: abc\n";
    let document = parse(text).unwrap();
    assert_eq!(document.workload(), "type: workload\n# kept\n");
    assert_eq!(document.env(), "type: env\n");
    assert_eq!(document.attestation_public_key(), Some("abc"));
    assert_eq!(document.env_workload_signature(), None);
}

#[rstest]
#[case("|", "a\n")]
#[case("|-", "a")]
#[case("|+", "a\n\n")]
#[case(">", "a\n")]
fn block_scalars_keep_what_yaml_keeps(#[case] head: &str, #[case] expected: &str) {
    let text = format!("workload: {head}\n  a\n\nenv: x\n");
    assert_eq!(parse(&text).unwrap().workload(), expected);
}

#[test]
fn nothing_is_a_missing_contract() {
    for text in ["", " \n\t\n"] {
        assert_eq!(refusal(text).code(), Code::ContractMissing);
    }
}

#[rstest]
#[case("env: x", "workload")]
#[case("workload: x", "env")]
#[case("workload: x\nenv:", "env")]
#[case("workload: x\nenv: ~", "env")]
fn a_section_that_is_not_there_is_named(#[case] text: &str, #[case] path: &str) {
    let error = refusal(text);
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::SectionMissing, path)
    );
}

#[rstest]
#[case("workload: {type: workload}\nenv: x", "workload")]
#[case("workload:\n  type: workload\nenv: x", "workload")]
#[case("workload: x\nenv: [x]", "env")]
#[case(
    "workload: x\nenv: y\nattestationPublicKey: {}",
    "attestationPublicKey"
)]
fn a_section_that_is_not_text_is_refused_with_the_remedy(#[case] text: &str, #[case] path: &str) {
    let error = refusal(text);
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::ValueInvalid, path)
    );
    assert!(
        error.to_string().contains("write | after the key"),
        "{error}"
    );
}

#[rstest]
#[case("just text")]
#[case("[workload, env]")]
#[case("workload: x\nenv: y\nworkload: z")]
#[case("workload: x\nenv: y\n---\nenv: z")]
fn other_yaml_is_refused(#[case] text: &str) {
    assert_eq!(refusal(text).code(), Code::ContractNotYaml);
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    let error = ContractDocument::parse(b"workload: x\nenv: \xff\n", &Limits::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        (error.code(), error.place().line),
        (Code::ContractNotYaml, Some(2))
    );
}

#[test]
fn size_is_checked_before_anything_is_read() {
    let limits = Limits {
        document_bytes: 10,
        ..Limits::default()
    };
    let error = ContractDocument::parse(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", &limits)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.code(), Code::ContractTooLarge);
}

#[test]
fn unknown_keys_are_warnings() {
    let document = parse("workload: x\nenv: y\nenvworkloadSignature: z\nboot: b\n").unwrap();
    let texts: Vec<String> = document
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0].contains("line 3") && texts[0].contains("`envWorkloadSignature`"),
        "{texts:?}"
    );
}

#[test]
fn an_empty_signature_is_still_a_signature() {
    for value in ["", " ~", " \"\""] {
        let document = parse(&format!(
            "workload: x\nenv: y\nenvWorkloadSignature:{value}\n"
        ))
        .unwrap();
        assert!(document.env_workload_signature().is_some());
    }
}

#[test]
fn a_made_document_is_yaml_that_people_can_read() {
    let token = pairs()[0].seal("type: env\n");
    let document = ContractDocument::new(
        "type: workload\nbakehouse:\n  dal: none\n".into(),
        token.clone(),
    )
    .with_attestation_public_key("  odd \u{e9}\r\n".into());
    assert!(document.sealed());
    assert_eq!(
        document.to_yaml(),
        format!(
            "attestationPublicKey: \"  odd \\U000000e9\\U0000000d\\n\"\nenv: {token}\nworkload: |\n  type: workload\n  \
             bakehouse:\n    dal: none\n"
        )
    );
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\n]{0,60}",
        "[a-c:#\\-|>&*!%@`\"' \n\t]{0,30}",
        any::<String>(),
        Just("null".to_owned()),
        Just("\n\n".to_owned()),
        "[A-Za-z0-9+/=.]{21,90}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

    #[test]
    fn what_is_written_is_read_back_to_the_byte(workload in text(), env in text(), key in text()) {
        let made = ContractDocument::new(workload, env).with_attestation_public_key(key);
        let yaml = made.to_yaml();
        let read = parse(&yaml).unwrap();
        prop_assert_eq!(read.workload(), made.workload(), "{}", yaml);
        prop_assert_eq!(read.env(), made.env(), "{}", yaml);
        prop_assert_eq!(read.attestation_public_key(), made.attestation_public_key(), "{}", yaml);
        prop_assert_eq!(read.digest(), made.digest());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(ContractDocument::parse(&bytes, &Limits::default()));
    }
}
