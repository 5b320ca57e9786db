//! Whole contracts, both ways: encrypted and signed there, opened and verified here; and encrypted here, signed there.

use bakehouse_contract::envelope::{DecryptionKey, Prefix, Recipient, seal};
use bakehouse_contract::pins::{Deployer, Pins};
use bakehouse_contract::signature::Form;
use bakehouse_contract::{Code, Contract, ContractDocument, Limits, Opening};
use bakehouse_interop::contract_go::ContractGo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::faults::trimmed;
use super::keys::{Pair, signed};
use super::sections::{self, Sections, values};
use super::{ENOUGH, contract_go, draw};

fn document(sections: &Sections) -> ContractDocument {
    ContractDocument::new(sections.workload.clone(), sections.env.clone())
}

fn parsed(yaml: &str) -> ContractDocument {
    ContractDocument::parse(yaml.as_bytes(), &Limits::default()).unwrap()
}

/// A token's text.
fn opened(token: &str) -> String {
    String::from_utf8(Pair::image().open(token).expect("it opens")).unwrap()
}

/// What contract-go says for one in 256 passwords of its own.
fn assert_unlucky(reason: &str) {
    assert!(
        reason.contains("Error reading password from BIO"),
        "{reason}"
    );
}

/// A job with what each contract needs.
fn job(what: &str, os: &str, text: &str) -> Value {
    json!({
        "do": what, "os": os, "text": text,
        "certificate": Pair::image().certificate, "key": Pair::deployer().key,
    })
}

/// Peels base64 off a signing key; gives the PEM and how many layers there were.
fn peeled(key: &str) -> (String, usize) {
    let mut text = key.to_owned();
    let mut layers = 0;
    while !text.contains("-----BEGIN") {
        text = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        layers += 1;
    }
    (text, layers)
}

/// Checks a contract that contract-go made of `made_of`: its sections, and that its signature is that of its own key.
fn check(yaml: &str, made_of: &Sections, layers: usize) {
    let made = parsed(yaml);
    assert_eq!(opened(made.workload()), made_of.workload.trim());
    let env = values(&opened(made.env()));
    let mut expected = values(&made_of.env);
    expected["signingKey"] = env["signingKey"].clone();
    assert_eq!(env, expected);

    let (signer, found) = peeled(env["signingKey"].as_str().unwrap());
    assert_eq!(found, layers);
    let message = [made.workload(), made.env()].concat();
    let signature = made.env_workload_signature().unwrap();
    assert!(signed(&message, signature, &signer));
    assert!(signed(&message, signature, &Pair::deployer().certificate));
    assert!(!signed(&message[1..], signature, &signer));
    opens_here(&made, made_of, layers == 2);
}

/// The guest's whole way: decryption, signature, our keys, with the deployer pinned.
fn opens_here(made: &ContractDocument, made_of: &Sections, expires: bool) {
    let limits = Limits::default();
    let keys = [DecryptionKey::from_pem(&Pair::image().key).unwrap()];
    // A public key is pinned as it is, a certificate as an authority: the image's key signs those that expire.
    let [deployer, other] = if expires {
        [&Pair::image().certificate, &Pair::deployer().certificate]
    } else {
        [&Pair::deployer().public, &Pair::image().public]
    }
    .map(|pem| Pins::new(vec![Deployer::from_pem(pem).unwrap()], None, 0));
    let opening = Opening {
        pins: Some(&deployer),
        now: Some(0),
        ..Opening::new(&keys, &limits)
    };
    let contract = Contract::open(made, &opening).unwrap();
    let signed = contract.signed.unwrap();
    assert_eq!((signed.form, signed.pinned), (Form::Raw, true));
    assert_eq!(signed.expires.is_some(), expires);
    let unsigned = Opening::new(&[], &limits);
    let expected = Contract::from_sections(&made_of.workload, &made_of.env, &unsigned).unwrap();
    assert_eq!(
        format!("{:?}", contract.settings),
        format!("{:?}", expected.settings)
    );

    let opening = Opening {
        pins: Some(&other),
        ..opening
    };
    let refused = Contract::open(made, &opening).unwrap_err();
    assert_eq!(refused.code(), Code::SignerUnpinned);
}

#[test]
fn contracts_that_contract_go_makes_are_opened_here_and_their_signatures_hold() {
    let test = "contracts_that_contract_go_makes";
    let Some(mut go) = contract_go(test) else {
        return;
    };
    let mut runner = TestRunner::default();
    let attestation = &Pair::deployer().public;
    let mut made = 0;
    while made < ENOUGH {
        let sections = draw(&mut runner, &sections::contract());
        let with_key = draw(&mut runner, &any::<bool>());
        let mut document = document(&sections);
        if with_key {
            document = document.with_attestation_public_key(attestation.clone());
        }
        let yaml = match go.ask(&job("contract", sections.os, &document.to_yaml())) {
            Ok(yaml) => yaml,
            Err(reason) => {
                assert_unlucky(&reason);
                continue;
            }
        };
        check(&yaml, &sections, 1);
        let key = parsed(&yaml).attestation_public_key().map(opened);
        let expected = with_key.then(|| attestation.trim().to_owned());
        assert_eq!(key, expected);
        made += 1;
    }
}

#[test]
fn contracts_that_expire_carry_a_certificate_in_two_layers_of_base64() {
    let test = "contracts_that_expire";
    let Some(mut go) = contract_go(test) else {
        return;
    };
    let request = json!({
        "country": "CH", "state": "Zug", "location": "Zug", "org": "A bakery", "unit": "Ovens",
        "domain": "bakery.example", "mail": "baker@bakery.example",
    });
    for os in ["hpvs", "ccrt", "ccrv"] {
        let sections = Sections::plain(os);
        let mut job = job("contract-expiry", os, &document(&sections).to_yaml());
        job["authority"] = Pair::image().certificate.clone().into();
        job["authority_key"] = Pair::image().key.clone().into();
        job["request"] = request.to_string().into();
        job["days"] = 30.into();
        let yaml = loop {
            match go.ask(&job) {
                Ok(yaml) => break yaml,
                Err(reason) => assert_unlucky(&reason),
            }
        };
        check(&yaml, &sections, 2);
    }
}

/// contract-go writes `env` anew to put the signing key into it, and its YAML encoder writes such a text as a block whose first
/// line feed every reader takes for the end of the block's head.
#[test]
fn a_line_feed_at_the_start_of_a_variable_is_lost_by_contract_go() {
    let Some(mut go) = contract_go("a_line_feed_at_the_start_of_a_variable") else {
        return;
    };
    let mut sections = Sections::plain("ccrt");
    sections
        .env
        .push_str("env: {A: \"\\nb\\nc\", B: \"b\\nc\"}\n");
    let text = document(&sections).to_yaml();
    let yaml = loop {
        match go.ask(&job("contract", sections.os, &text)) {
            Ok(yaml) => break yaml,
            Err(reason) => assert_unlucky(&reason),
        }
    };
    let env = values(&opened(parsed(&yaml).env()));
    assert_eq!(
        values(&sections.env)["env"],
        json!({ "A": "\nb\nc", "B": "b\nc" })
    );
    assert_eq!(env["env"], json!({ "A": "b\nc", "B": "b\nc" }));
}

fn reopened(go: &mut ContractGo, token: &str) -> Result<String, String> {
    go.ask(&json!({ "do": "decrypt-text", "text": token, "key": Pair::image().key }))
}

#[test]
fn contracts_that_are_made_here_are_opened_and_signed_by_contract_go() {
    let test = "contracts_that_are_made_here";
    let Some(mut go) = contract_go(test) else {
        return;
    };
    let recipient = Recipient::from_pem(&Pair::image().certificate).unwrap();
    let mut runner = TestRunner::default();
    let mut failed = 0;
    for _ in 0..ENOUGH {
        let sections = draw(&mut runner, &sections::contract());
        let prefix = draw(
            &mut runner,
            &prop::sample::select(vec![Prefix::HyperProtectBasic, Prefix::ContractBasic]),
        );
        let sealed = |text: &str| {
            seal(text.as_bytes(), &recipient, prefix)
                .unwrap()
                .to_string()
        };
        let made = ContractDocument::new(sealed(&sections.workload), sealed(&sections.env));
        for (token, text) in [
            (made.workload(), &sections.workload),
            (made.env(), &sections.env),
        ] {
            let plain = reopened(&mut go, token);
            let fault = trimmed(token);
            assert_eq!(
                plain.as_ref() == Ok(text),
                fault.is_none(),
                "{fault:?} {token}"
            );
            failed += usize::from(fault.is_some());
        }
        let signed_there = go.ask(&job("sign", sections.os, &made.to_yaml())).unwrap();
        let signed_there = parsed(&signed_there);
        assert_eq!(signed_there.workload(), made.workload());
        assert_eq!(signed_there.env(), made.env());
        let message = [made.workload(), made.env()].concat();
        let signature = signed_there.env_workload_signature().unwrap();
        assert!(signed(&message, signature, &Pair::deployer().certificate));
    }
    println!(
        "{ENOUGH} contracts; {failed} of their tokens could not be opened by contract-go, as foretold"
    );
}
