//! Attestation records that are written here, decrypted and verified by contract-go.

use bakehouse_contract::ContractDocument;
use bakehouse_contract::envelope::Recipient;
use bakehouse_contract::record::{Hash, Record, contract_hashes, encrypt, sha256, sign};
use bakehouse_contract::signature::Signer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::faults::trimmed;
use super::keys::Pair;
use super::sections::{self, Sections};
use super::{contract_go, draw};

/// How many records are tried; each takes some ten processes.
const RECORDS: usize = 25;

fn record(sections: &Sections, age: u16) -> Record {
    let document = ContractDocument::new(sections.workload.clone(), sections.env.clone());
    let mut hashes = contract_hashes(&document);
    hashes.push(Hash {
        name: "root.tar.gz".to_owned(),
        digest: sha256(sections.os.as_bytes()),
    });
    let notes = vec![
        "Machine Type/Plant/Serial: 9175/02/8A3B8".to_owned(),
        format!("Image age: {age} days since creation."),
    ];
    Record::new("26.7.1", notes, hashes).unwrap()
}

#[test]
fn records_that_are_written_here_are_decrypted_and_verified_by_contract_go() {
    let Some(mut go) = contract_go("records_that_are_written_here") else {
        return;
    };
    // The reader's key and the runtime's: records are encrypted for the one and signed with the other.
    let (reader, runtime) = (Pair::deployer(), Pair::image());
    let recipient = Recipient::from_pem(&reader.public).unwrap();
    let signer = Signer::from_pem(&runtime.key).unwrap();
    let mut runner = TestRunner::default();
    let mut decrypted = 0;
    for _ in 0..RECORDS {
        let sections = draw(&mut runner, &sections::contract());
        let record = record(&sections, draw(&mut runner, &any::<u16>()));
        let text = record.to_string();
        let token = encrypt(&record, &recipient).unwrap().to_string();
        let plain = go.ask(&json!({ "do": "attestation", "text": token, "key": reader.key }));
        let fault = trimmed(&token);
        assert_eq!(
            plain.as_ref() == Ok(&text),
            fault.is_none(),
            "{fault:?} {token}"
        );
        decrypted += usize::from(fault.is_none());

        let signature = sign(&record, &signer).unwrap();
        let mut verdict = |text: &str, signature: &[u8], signer: &Pair| {
            go.ask(&json!({
                "do": "verify-attestation", "text": text, "signature": STANDARD.encode(signature),
                "certificate": signer.certificate,
            }))
        };
        assert_eq!(verdict(&text, &signature, runtime), Ok(String::new()));
        assert!(verdict(&text.replace("26.7.1", "26.7.2"), &signature, runtime).is_err());
        assert!(verdict(text.trim_end(), &signature, runtime).is_err());
        assert!(verdict(&text, &signature[1..], runtime).is_err());
        assert!(verdict(&text, &signature, reader).is_err());
    }
    assert!(decrypted > RECORDS / 2);
}
