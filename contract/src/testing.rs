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
  serial: 7
"#
    )
}

/// A certificate authority and what it signs, for the keys of [`pairs`].
pub(crate) mod certificates {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
        KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, date_time_ymd,
    };

    use super::Pair;

    /// The first second of the day after the one on which everything here expires: 2030-01-31.
    pub(crate) const EXPIRED: u64 = 1_896_048_001;

    fn key(pair: &Pair) -> KeyPair {
        KeyPair::from_pem_and_sign_algo(&pair.private_pem, &PKCS_RSA_SHA256).unwrap()
    }

    fn named(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        // In the future of every test's clock: it is not looked at.
        params.not_before = date_time_ymd(2029, 12, 1);
        params.not_after = date_time_ymd(2030, 1, 31);
        params
    }

    fn authority_params(name: &str) -> CertificateParams {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    /// A self-signed certificate of an authority.
    pub(crate) fn authority(pair: &Pair, name: &str) -> String {
        let certificate = authority_params(name).self_signed(&key(pair)).unwrap();
        certificate.pem()
    }

    /// A certificate of a deployer, by the authority of that name with that key.
    pub(crate) fn deployer(pair: &Pair, authority: &Pair, name: &str) -> String {
        made(pair, authority, name, |_| {})
    }

    pub(crate) fn made(
        pair: &Pair,
        authority: &Pair,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> String {
        let mut params = named("deployer");
        change(&mut params);
        let issuer = Issuer::new(authority_params(name), key(authority));
        params.signed_by(&key(pair), &issuer).unwrap().pem()
    }

    pub(crate) fn for_servers(params: &mut CertificateParams) {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    }

    pub(crate) fn for_code(params: &mut CertificateParams) {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }

    pub(crate) fn for_encryption(params: &mut CertificateParams) {
        params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    }

    pub(crate) fn with_unknown_demand(params: &mut CertificateParams) {
        let mut extension =
            rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    }
}
