use rstest::rstest;

use super::*;
use crate::testing::{self, pairs};

fn limits() -> Limits {
    Limits::default()
}

fn open(document: &ContractDocument, keys: &[DecryptionKey]) -> Result<Contract, ContractError> {
    Contract::open(document, &Opening::new(keys, &limits()))
}

fn refusal(document: &ContractDocument) -> ContractError {
    open(document, &[pairs()[0].key()]).map(|_| ()).unwrap_err()
}

#[test]
fn each_section_is_plain_or_sealed() {
    let (pair, keys) = (&pairs()[0], [pairs()[0].key()]);
    let (workload, env) = (testing::workload(), testing::env());
    for (workload, env) in [
        (workload.clone(), env.clone()),
        (pair.seal(&workload), env.clone()),
        (workload.clone(), pair.seal(&env)),
        (pair.seal(&workload), pair.seal(&env)),
        (format!("\n{}\n", pair.seal(&workload)), pair.seal(&env)),
    ] {
        let made = ContractDocument::new(workload, env)
            .with_attestation_public_key(pair.seal(&pair.public_pem));
        let document = ContractDocument::parse(made.to_yaml().as_bytes(), &limits()).unwrap();
        let contract = open(&document, &keys).unwrap();
        assert_eq!(contract.settings.keys.len(), 2);
        assert_eq!(
            contract.attestation_public_key.as_ref(),
            Some(&pair.public_pem)
        );
        assert_eq!(contract.digest, made.digest());
        let shown = format!("{contract:?}");
        assert!(
            shown.contains("blob: [redacted]") && shown.contains("key: [redacted]"),
            "{shown}"
        );
        assert!(
            !shown.contains("abababab") && !shown.contains("PRIVATE KEY"),
            "{shown}"
        );
    }
}

#[test]
fn the_digest_is_of_the_original_strings() {
    let pair = &pairs()[0];
    let plain = ContractDocument::new(testing::workload(), testing::env());
    let sealed = ContractDocument::new(pair.seal(&testing::workload()), testing::env());
    assert_ne!(plain.digest(), sealed.digest());
    let contract = Contract::from_sections(
        &testing::workload(),
        &testing::env(),
        &Opening::new(&[], &limits()),
    )
    .unwrap();
    assert_eq!(contract.digest, plain.digest());
}

#[rstest]
#[case::no_such_base64("hyper-protect-basic.!!!!.AAAA")]
#[case::two_fields("hyper-protect-basic.AAAA")]
#[case::four_fields("contract-basic.AAAA.AAAA.AAAA")]
#[case::no_rsa("contract-basic.AAAA.AAAA")]
fn what_can_not_be_opened_is_one_error(#[case] token: &str) {
    let document = ContractDocument::new(token.into(), testing::env());
    let error = refusal(&document);
    assert_eq!(error.to_string(), "workload: can't be decrypted");
    assert_eq!(error.code(), Code::ContractDecrypt);
    let document = ContractDocument::new(testing::workload(), testing::env())
        .with_attestation_public_key(token.into());
    assert_eq!(refusal(&document).code(), Code::ContractDecrypt);
}

#[test]
fn another_images_key_does_not_open() {
    let document = ContractDocument::new(
        pairs()[1].seal(&testing::workload()),
        pairs()[1].seal(&testing::env()),
    );
    assert_eq!(refusal(&document).code(), Code::ContractDecrypt);
    assert!(open(&document, &[pairs()[0].key(), pairs()[1].key()]).is_ok());
    assert_eq!(
        open(&document, &[]).map(|_| ()).unwrap_err().code(),
        Code::ContractDecrypt
    );
}

#[test]
fn plaintext_that_is_no_text_is_the_same_error() {
    let token = crate::envelope::seal(
        b"type: \xff",
        pairs()[0].recipient(),
        crate::envelope::Prefix::default(),
    )
    .unwrap();
    let document = ContractDocument::new(token.to_string(), testing::env());
    assert_eq!(
        refusal(&document).to_string(),
        "workload: can't be decrypted"
    );
}

#[test]
fn half_signed_contracts_are_refused() {
    for signature in ["envWorkloadSignature: c2ln\n", "envWorkloadSignature:\n"] {
        let unsigned = ContractDocument::new(testing::workload(), testing::env()).to_yaml();
        let text = format!("{unsigned}{signature}");
        let document = ContractDocument::parse(text.as_bytes(), &limits()).unwrap();
        let error = refusal(&document);
        assert_eq!(
            (error.code(), error.place().path.as_str()),
            (Code::SigningKeyMissing, "envWorkloadSignature")
        );
    }

    let env = testing::env().replace("type: env\n", "type: env\nsigningKey: abc\n");
    let document = ContractDocument::new(testing::workload(), pairs()[0].seal(&env));
    let error = refusal(&document);
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::SignatureMissing, "env.signingKey")
    );
}

#[test]
fn a_merge_key_does_not_hide_a_signature() {
    let signed = "workload: x\nenv: y\n<<: {envWorkloadSignature: c2ln}\n";
    let error = ContractDocument::parse(signed.as_bytes(), &limits()).unwrap_err();
    assert_eq!(error.code(), Code::ContractNotYaml);
    assert_eq!(
        (error.place().line, error.place().column),
        (Some(3), Some(1))
    );
}

#[test]
fn lines_are_the_documents_where_the_document_has_them() {
    let workload = testing::workload().replace("network: shadownet", "netwrok: shadownet");
    let line = |document: &ContractDocument| {
        let document = ContractDocument::parse(document.to_yaml().as_bytes(), &limits()).unwrap();
        let error = refusal(&document);
        assert_eq!(error.code(), Code::KeyUnknown);
        (error.place().line.unwrap(), error.place().section)
    };
    let plain = ContractDocument::new(workload.clone(), testing::env());
    let in_document = plain
        .to_yaml()
        .lines()
        .position(|line| line.contains("netwrok"))
        .unwrap()
        + 1;
    assert_eq!(line(&plain), (in_document, None));
    let in_section = workload
        .lines()
        .position(|line| line.contains("netwrok"))
        .unwrap()
        + 1;
    let sealed = ContractDocument::new(pairs()[0].seal(&workload), testing::env());
    assert_eq!(line(&sealed), (in_section, Some("workload")));
}

#[test]
fn decrypted_sections_have_limits_too() {
    let small = Limits {
        section_bytes: 64,
        ..limits()
    };
    let sealed = ContractDocument::new(pairs()[0].seal(&testing::workload()), testing::env());
    for document in [
        &sealed,
        &ContractDocument::new(testing::workload(), testing::env()),
    ] {
        let error = Contract::open(document, &Opening::new(&[pairs()[0].key()], &small))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.code(), Code::ContractTooLarge);
    }
}

#[test]
fn an_attestation_key_must_be_a_public_key() {
    let document = ContractDocument::new(testing::workload(), testing::env());
    let document = document.with_attestation_public_key(pairs()[0].private_pem.clone());
    let error = refusal(&document);
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::ValueInvalid, "attestationPublicKey")
    );
}

#[test]
fn a_document_can_be_looked_at_without_a_key() {
    let pair = &pairs()[0];
    let (workload, env) = (testing::workload(), testing::env());
    let seen = |workload: &str, env: &str| {
        look(
            &ContractDocument::new(workload.into(), env.into()),
            &Opening::new(&[], &limits()),
        )
        .map(|(warnings, sealed)| (warnings.len(), sealed))
    };
    // Unsigned, which is warned of wherever env can be seen.
    assert_eq!(seen(&workload, &env), Ok((1, vec![])));
    assert_eq!(seen(&pair.seal(&workload), &env), Ok((1, vec!["workload"])));
    assert_eq!(
        seen(&pair.seal(&workload), &pair.seal(&env)),
        Ok((0, vec!["workload", "env"]))
    );
    let code = |workload: &str, env: &str| seen(workload, env).unwrap_err().code();
    assert_eq!(
        code(&pair.seal(&workload), &env.replace("dns:", "dsn:")),
        Code::KeyUnknown
    );
    assert_eq!(
        code(
            &workload.replace("network:", "state: {}\n  network:"),
            &pair.seal(&env)
        ),
        Code::SectionWrong
    );
    assert_eq!(code("contract-basic.A.A", &env), Code::ContractDecrypt);
}

#[rstest]
#[case("workload: |\n  type: workload\n  bakehose: {}\nenv: x\n", 3)]
#[case(
    "# one\nworkload: |-\n\n\n  type: workload\n  bakehose: {}\nenv: x\n",
    6
)]
#[case("env: x\nworkload:\n  |2\n  type: workload\n  bakehose: {}\n", 5)]
#[case(
    "env: x\nworkload: | # why\n      type: workload\n\n      bakehose: {}\n",
    5
)]
fn lines_of_a_block_are_counted_from_its_first_line(#[case] text: &str, #[case] line: usize) {
    let document = ContractDocument::parse(text.as_bytes(), &limits()).unwrap();
    let origin = document.workload_origin();
    let text = Text {
        text: document.workload(),
        origin,
    };
    let mut warnings = Vec::new();
    let tree = crate::node::Node::parse(text.text, &limits(), origin).unwrap();
    crate::reader::View::new(&tree, "workload", origin)
        .mostly(&["type", "bakehouse"], &mut warnings);
    assert_eq!(warnings[0].place().line, Some(line));
}
