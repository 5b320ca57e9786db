//! IBM's schema and IBM's sample contracts, beside our own rules.

use bakehouse_contract::envelope::Token;
use bakehouse_contract::network_config::NetworkConfig;
use bakehouse_contract::{Contract, ContractDocument, Limits, Opening};
use bakehouse_interop::ibm::Repository::ContractGo;
use serde_json::json;

use super::contract_go;
use super::keys::Pair;
use super::sections::{self, Sections};

/// A sample with our keys added to its sections.
fn with_our_keys(sample: &str) -> ContractDocument {
    let document = ContractDocument::parse(sample.as_bytes(), &Limits::default()).unwrap();
    let section = |text: &str, ours: String| format!("{}\n{ours}", text.trim_end());
    ContractDocument::new(
        section(document.workload(), sections::workload()),
        section(document.env(), sections::env()),
    )
}

#[test]
fn ibms_schema_takes_our_keys() {
    let Some(mut go) = contract_go("ibms_schema_takes_our_keys") else {
        return;
    };
    for os in ["hpvs", "ccrt", "ccrv"] {
        let Sections { workload, env, .. } = Sections::plain(os);
        let mut verdict = |workload: &str, env: &str| {
            let document = ContractDocument::new(workload.to_owned(), env.to_owned());
            go.ask(&json!({ "do": "verify-contract", "os": os, "text": document.to_yaml() }))
        };
        assert_eq!(verdict(&workload, &env), Ok(String::new()));
        // It does look: what IBM demands is demanded still.
        for (from, to) in [("type: workload", "type: env"), ("archive:", "archives:")] {
            let other = workload.replace(from, to);
            assert!(verdict(&other, &env).is_err(), "{os} {from}");
        }
        assert!(verdict(&workload, &env.replace("syslog:", "sislog:")).is_err());
        assert!(verdict(&workload, &env.replace("hostname:", "host:")).is_err());
    }
}

#[test]
fn what_ibms_schema_refuses_in_a_sample_is_said_here_too() {
    let Some(mut go) = contract_go("IBM's sample contracts") else {
        return;
    };
    let file = |name: &str| ContractGo.text("IBM's sample contracts", &format!("samples/{name}"));
    let (Some(sound), Some(broken)) = (
        file("simple_contract.yaml"),
        file("simple_contract_invalid.yaml"),
    ) else {
        return;
    };
    for (sample, complaints) in [
        (sound, &[][..]),
        (
            broken,
            &[
                "workload.compose.archive",
                "env.logging.logRouter.iamApiKey",
            ],
        ),
    ] {
        let document = with_our_keys(&sample);
        let job = json!({ "do": "verify-contract", "os": "ccrt", "text": document.to_yaml() });
        assert_eq!(go.ask(&job).is_ok(), complaints.is_empty());
        // IBM's keys mean nothing to a guest of ours: what is wrong with them is said, at its place, and is no refusal.
        let opened = Contract::open(&document, &Opening::new(&[], &Limits::default())).unwrap();
        let places: Vec<&str> = opened
            .warnings
            .iter()
            .map(|warning| warning.place().path.as_str())
            .filter(|path| *path != "envWorkloadSignature")
            .collect();
        assert_eq!(places, complaints);
    }
}

#[test]
fn network_configs_are_judged_alike() {
    let Some(mut go) = contract_go("network_configs_are_judged_alike") else {
        return;
    };
    let file = |name: &str| ContractGo.text("network configs", &format!("samples/network/{name}"));
    let (Some(sound), Some(broken)) = (
        file("network_config.yaml"),
        file("network_config_invalid.yaml"),
    ) else {
        return;
    };
    for (text, is_sound) in [
        (sound.clone(), true),
        (broken, false),
        (sound.replace("dhcp4: false", "dhcp4: true"), false),
        (sound.replace("addresses:", "address:"), false),
    ] {
        let job = json!({ "do": "verify-network", "text": text });
        assert_eq!(go.ask(&job).is_ok(), is_sound, "{text}");
        let ours = NetworkConfig::parse(text.as_bytes(), &Limits::default());
        assert_eq!(ours.is_ok(), is_sound, "{ours:?}\n{text}");
    }
}

#[test]
fn tokens_of_other_images_are_kept_to_the_byte_and_do_not_open() {
    // Their key is made by the program that contract-go needs too.
    if contract_go("tokens of other images").is_none() {
        return;
    }
    for path in ["sign/contract.enc.yaml", "ccco/signed-encrypt-ccco.yaml"] {
        let Some(sample) = ContractGo.text("tokens of other images", &format!("samples/{path}"))
        else {
            return;
        };
        let document = ContractDocument::parse(sample.as_bytes(), &Limits::default()).unwrap();
        for section in [document.workload(), document.env()] {
            let token = Token::parse(section, &Limits::default()).unwrap();
            assert_eq!(token.to_string(), section.trim());
            assert_eq!(Pair::image().open(section), None, "{path}");
        }
    }
}
