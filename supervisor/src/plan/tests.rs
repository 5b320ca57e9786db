use super::*;
use bakehouse_contract::secret::Secret;
use bakehouse_contract::settings::*;
use std::collections::BTreeMap;

const CANARY: &str = "canary-7f3a";

fn settings() -> Settings {
    let names = [
        "bakehouse-signer",
        "octez-node",
        "octez-baker",
        "octez-accuser",
        "octez-dal-node",
    ];
    let executables: BTreeMap<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), [7u8; 32]))
        .collect();
    Settings {
        network: Network::BuiltIn("shadownet".into()),
        chain_id: "NetXsqzbfFenSTS".into(),
        node: NodeSettings {
            history_mode: "rolling".into(),
            snapshot: None,
            peers: vec![("boot.example".into(), 9732), ("2001:db8::1".into(), 9732)],
            extra_args: vec!["--connections=30".into()],
        },
        baker: BakerSettings {
            liquidity_baking_toggle_vote: ToggleVote::Pass,
            extra_args: vec!["--keep-alive".into(), "--minimal-fees=0.0001".into()],
        },
        dal: Dal::Outbound,
        delegate: None,
        accuser: true,
        keys: vec![KeySettings {
            name: "baker".into(),
            role: KeyRole::Consensus,
            public_key: "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk".into(),
            public_key_hash: "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA".into(),
            blob: Secret::new(CANARY.as_bytes().to_vec()),
            floor: 12,
            policy: Policy::default(),
        }],
        executables,
        state: StateSettings {
            path: "/var/lib/bakehouse".into(),
        },
        grep11: Grep11Settings {
            endpoints: vec![Endpoint {
                host: "hsm.example".into(),
                port: 9876,
                server_name: Some("grep11.svc.net".into()),
                pin_sha256: None,
            }],
            credentials: Grep11Credentials {
                ca: "CA".into(),
                certificate: "CERTIFICATE".into(),
                key: Secret::new(CANARY.into()),
            },
        },
        egress: Egress {
            dns: vec!["192.0.2.53".parse().unwrap()],
            ntp: vec!["192.0.2.123".parse().unwrap()],
            logs: vec![("logs.example".into(), 6514)],
        },
        powers: Powers::default(),
        serial: None,
        timing: Timing::default(),
    }
}

fn facts() -> Facts {
    Facts {
        host: "bench".into(),
        runtime_dir: "/run/bakehouse".into(),
        pins: None,
    }
}

fn resolution() -> Resolution {
    let mut resolution = Resolution::default();
    for (host, address) in [
        ("hsm.example", "192.0.2.9"),
        ("logs.example", "192.0.2.10"),
        ("boot.example", "192.0.2.11"),
        ("2001:db8::1", "2001:db8::1"),
    ] {
        resolution.insert(host, vec![address.parse().unwrap()]);
    }
    resolution
}

#[test]
fn the_whole_plan() {
    insta::assert_json_snapshot!(plan(&settings(), "00", &facts()).unwrap());
}

#[test]
fn a_plan_holds_no_secret_and_its_digest_is_stable() {
    let plan = plan(&settings(), "00", &facts()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains(CANARY) && !text.contains(&hex::encode(CANARY)));
    assert_eq!(digest(&plan), digest(&plan));
    let mut other = plan.clone();
    other.chain_id = "NetXdQprcVkpaWU".into();
    assert_ne!(digest(&plan), digest(&other));
}

#[test]
fn an_undeclared_executable_is_named() {
    let mut settings = settings();
    settings.executables.remove("octez-baker");
    let error = plan(&settings, "00", &facts()).unwrap_err();
    assert_eq!(error, PlanError::ExecutableUndeclared("octez-baker".into()));
}

#[test]
fn a_baker_needs_a_consensus_key() {
    let mut settings = settings();
    settings.keys[0].role = KeyRole::Manager;
    assert_eq!(
        plan(&settings, "00", &facts()),
        Err(PlanError::NoConsensusKey)
    );
}

#[test]
fn names_become_addresses_for_firewall_node_and_signer() {
    let settings = settings();
    let plan = plan(&settings, "00", &facts()).unwrap();
    assert_eq!(
        plan.hosts(),
        ["2001:db8::1", "boot.example", "hsm.example", "logs.example"]
    );
    let resolved = resolve(&settings, &plan, &resolution()).unwrap();
    assert!(!format!("{:?}", resolved.firewall).contains("Named"));
    let node = resolved
        .units
        .iter()
        .find(|unit| unit.name.0 == "node")
        .unwrap();
    assert!(node.args.contains(&"--peer=192.0.2.11:9732".to_owned()));
    assert!(node.args.contains(&"--peer=[2001:db8::1]:9732".to_owned()));
    let config = resolved
        .files
        .iter()
        .find(|file| file.path.ends_with("signer.json"))
        .unwrap();
    let config: serde_json::Value = serde_json::from_slice(config.bytes.expose()).unwrap();
    assert_eq!(
        config["grep11"]["endpoints"][0]["address"],
        "192.0.2.9:9876"
    );
    assert_eq!(
        config["grep11"]["endpoints"][0]["server_name"],
        "grep11.svc.net"
    );
}

#[test]
fn a_name_without_an_address_is_an_error() {
    let settings = settings();
    let plan = plan(&settings, "00", &facts()).unwrap();
    let error = resolve(&settings, &plan, &Resolution::default()).unwrap_err();
    assert_eq!(error.code(), "name_unresolved");
}

#[test]
fn every_file_of_the_plan_has_bytes_and_the_other_way_round() {
    let settings = settings();
    let plan = plan(&settings, "00", &facts()).unwrap();
    let resolved = resolve(&settings, &plan, &resolution()).unwrap();
    let mut planned: Vec<_> = plan.files.iter().map(|file| &file.path).collect();
    let mut given: Vec<_> = resolved.files.iter().map(|file| &file.path).collect();
    planned.sort();
    given.sort();
    assert_eq!(planned, given);
}

#[test]
fn only_the_signer_reaches_the_hsm_and_it_comes_first() {
    let plan = plan(&settings(), "00", &facts()).unwrap();
    let first = &plan.firewall.egress[0];
    assert_eq!(
        (
            first.purpose.as_str(),
            first.uids.as_slice(),
            first.exclusive
        ),
        ("hsm", &[9101][..], true)
    );
}

#[test]
fn no_unit_is_root_and_none_has_an_environment() {
    for unit in plan(&settings(), "00", &facts()).unwrap().units {
        assert!(
            unit.account.uid != 0 && unit.env.is_empty(),
            "{:?}",
            unit.name
        );
    }
}
