//! A contract that is good, with credentials made for the test.

use bakehouse_contract::secret::Secret;
use bakehouse_contract::settings::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A secret that must be seen nowhere.
pub(crate) const CANARY: &str = "canary0123456789canary0123456789canary";

pub(crate) fn settings() -> Settings {
    let names = [
        "bakehouse-signer",
        "octez-node",
        "octez-baker",
        "octez-accuser",
    ];
    Settings {
        network: Network::BuiltIn("shadownet".into()),
        chain_id: "NetXsqzbfFenSTS".into(),
        node: NodeSettings {
            history_mode: "rolling".into(),
            snapshot: None,
            peers: vec![],
            extra_args: vec![],
        },
        baker: BakerSettings {
            liquidity_baking_toggle_vote: ToggleVote::Pass,
            extra_args: vec![],
        },
        dal: Dal::None,
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
        executables: names
            .iter()
            .map(|name| ((*name).to_owned(), [7; 32]))
            .collect(),
        state: StateSettings {
            path: "/var/lib/bakehouse".into(),
        },
        grep11: grep11(),
        egress: Egress {
            dns: vec!["192.0.2.53".parse().unwrap()],
            ntp: vec![],
            logs: vec![],
        },
        powers: Powers::default(),
        serial: None,
        timing: Timing {
            node_start: std::time::Duration::from_mins(5),
            ..Timing::default()
        },
    }
}

fn grep11() -> Grep11Settings {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec![])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    Grep11Settings {
        endpoints: vec![Endpoint {
            host: "hsm.example".into(),
            port: 9876,
            server_name: Some("grep11.example".into()),
            pin_sha256: None,
        }],
        credentials: Grep11Credentials {
            ca: authority.pem(),
            certificate: client.pem(),
            key: Secret::new(key.serialize_pem()),
        },
    }
}
