//! A contract and a key that the tests share.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};

use hpke::{Deserializable as _, Kem as _, Serializable as _, kem::X25519HkdfSha256};

use crate::envelope::{DecryptionKey, Prefix, Recipient, Sealing, Token, seal};
use crate::pem::{Block, write};
use crate::secret::Secret;

pub(crate) const TZ1: &str = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav";
pub(crate) const TZ3: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";

/// A throw-away RSA key.
pub(crate) struct Pair {
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
    pub(crate) private_der: Vec<u8>,
    recipient: Recipient,
}

// === impl Pair ===

impl Pair {
    fn make() -> Self {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'static> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'static> = key.public_key().as_der().unwrap();
        let private_pem = pem("PRIVATE KEY", private.as_ref());
        let public_pem = pem("PUBLIC KEY", public.as_ref());
        Self {
            recipient: Recipient::from_pem(&public_pem).unwrap(),
            private_pem,
            public_pem,
            private_der: private.as_ref().to_vec(),
        }
    }

    pub(crate) fn key(&self) -> DecryptionKey {
        DecryptionKey::from_pem(&self.private_pem).unwrap()
    }

    pub(crate) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    pub(crate) fn seal(&self, text: &str) -> String {
        seal(text.as_bytes(), self.recipient(), Prefix::default())
            .unwrap()
            .to_string()
    }
}

/// A throw-away X25519 key, in the shape that openssl gives it.
pub(crate) struct X25519Pair {
    pub(crate) private_pem: String,
    pub(crate) public_pem: String,
    recipient: Recipient,
}

// === impl X25519Pair ===

impl X25519Pair {
    fn make(private: [u8; 32]) -> Self {
        let key = <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(&private).unwrap();
        let public = X25519HkdfSha256::sk_to_pk(&key).to_bytes();
        let [pkcs8, spki] = [
            "302e020100300506032b656e04220420",
            "302a300506032b656e032100",
        ]
        .map(|head| hex::decode(head).unwrap());
        let public_pem = pem("PUBLIC KEY", &[&spki, public.as_slice()].concat());
        Self {
            recipient: Recipient::from_pem(&public_pem).unwrap(),
            private_pem: pem("PRIVATE KEY", &[&pkcs8, private.as_slice()].concat()),
            public_pem,
        }
    }

    pub(crate) fn key(&self) -> DecryptionKey {
        DecryptionKey::from_pem(&self.private_pem).unwrap()
    }

    pub(crate) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    pub(crate) fn seal(&self, section: &str, serial: u64, text: &str) -> Token {
        let sealing = Sealing {
            section,
            serial: Some(serial),
            ..Sealing::default()
        };
        sealing.seal(text.as_bytes(), &self.recipient).unwrap()
    }
}

/// The image's X25519 key and another one.
pub(crate) fn x25519_pairs() -> &'static [X25519Pair; 2] {
    static PAIRS: OnceLock<[X25519Pair; 2]> = OnceLock::new();
    PAIRS.get_or_init(|| [[3; 32], [5; 32]].map(X25519Pair::make))
}

/// How many cases of a property are tried: fewer where the processor is an emulated one, and twenty times as slow.
pub(crate) const fn cases(natively: u32) -> u32 {
    if cfg!(target_arch = "s390x") {
        natively.div_ceil(8)
    } else {
        natively
    }
}

/// The image's key and another one.
pub(crate) fn pairs() -> &'static [Pair; 2] {
    static PAIRS: OnceLock<[Pair; 2]> = OnceLock::new();
    PAIRS.get_or_init(|| [Pair::make(), Pair::make()])
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut out = String::new();
    write(
        &Block {
            label: label.to_owned(),
            der: Secret::new(der.to_vec()),
        },
        &mut out,
    );
    out
}

pub(crate) fn workload() -> String {
    let (blob, digest) = ("ab".repeat(120), "0f".repeat(32));
    format!(
        r#"type: workload
bakehouse:
  network: shadownet
  chain_id: NetXsqzbfFenSTS
  node:
    history_mode: rolling
    snapshot:
      url: https://snapshots.example/shadownet/rolling
      sha256: "{digest}"
      block: {BLOCK}
    peers: ["boot.example:9732", "[2001:db8::1]:9732"]
    extra_args: ["--connections=30", "--private-mode"]
  baker: {{liquidity_baking_toggle_vote: pass, extra_args: ["--minimal-fees=0.0001"]}}
  dal: outbound
  delegate: tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx
  accuser: true
  keys:
    - name: baker
      role: consensus
      public_key: {TZ3}
      blob: {blob}
      floor: 17
      policy: {{operations: []}}
    - {{name: owner, role: manager, public_key: {TZ1}, blob: {blob}, policy: {{operations: [ballot, stake]}}}}
  executables:
    bakehouse-signer: {digest}
    octez-node: {digest}
    octez-baker: {digest}
    octez-accuser: {digest}
    octez-dal-node: {digest}
  timing: {{dead_man_seconds: 3}}
"#
    )
}

pub(crate) const BLOCK: &str = "BLockGenesisGenesisGenesisGenesisGenesisf79b5d1CoW2";

pub(crate) fn env() -> String {
    let certificate = pem("CERTIFICATE", &[7; 90]).replace('\n', "\n        ");
    let key = pem("PRIVATE KEY", &[9; 90]).replace('\n', "\\n");
    let pin = "1a".repeat(32);
    format!(
        r#"type: env
bakehouse:
  state: {{path: /var/lib/bakehouse}}
  grep11:
    endpoints:
      - {{address: "hsm.example:9876", server_name: grep11.svc.net, pin_sha256: "{pin}"}}
      - address: 10.0.0.7:9876
    credentials:
      ca: |
        {certificate}
      certificate: |
        {certificate}
      key: "{key}"
  egress:
    dns: [10.0.0.53, "2001:db8::53"]
    ntp: [10.0.0.1]
    logs: ["10.0.0.9:6514"]
  powers: {{state: delegated, firewall: delegated}}
  timing: {{dead_man_seconds: 5, drain_seconds: 60}}
"#
    )
}
