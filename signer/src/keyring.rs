//! The keys that this signer serves.
//!
//! A [`Key`] ties together what the configuration says about one key: its public half, the EP11 blob that only the HSM
//! can open, its role and its policy. A key signs nothing until a self-test has *proven* that blob and public key belong
//! together, nor after the HSM has refused it, until the next self-test succeeds.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use bakehouse_proto::blob::BlobAudit;
use zeroize::Zeroizing;

use crate::config::KeyConfig;
use crate::policy::{KeyRule, Policy, Role};
use crate::tezos::{PublicKey, PublicKeyHash};
use crate::watermark::KeyFloor;

/// Why a key of the configuration was refused. Positions, not values.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A field of a key does not parse.
    #[error("the {field} of key number {position} {problem}")]
    Field {
        /// Position in the configuration, from 1.
        position: usize,
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Two keys have the same public key.
    #[error("key number {position} is there twice")]
    Twice {
        /// Position of the second one, from 1.
        position: usize,
    },
}

/// Whether blob and public key belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Not known yet, and why.
    Missing(String),
    /// A signature by the blob was verified with the public key.
    Proven,
}

/// One key.
pub struct Key {
    name: String,
    role: Role,
    public: PublicKey,
    hash: PublicKeyHash,
    blob: Zeroizing<Vec<u8>>,
    extractable: bool,
    floor: i32,
    rule: KeyRule,
    proof: RwLock<Proof>,
}

/// All keys, by address.
pub struct Keyring(BTreeMap<PublicKeyHash, Arc<Key>>);

// === impl Key ===

impl Key {
    fn parse(given: &KeyConfig, position: usize) -> Result<Self, KeyringError> {
        let refuse = |field, problem: String| KeyringError::Field {
            position,
            field,
            problem,
        };
        let role = given
            .role
            .parse::<Role>()
            .map_err(|_| refuse("role", "is not consensus, companion or manager".to_owned()))?;
        let public = PublicKey::from_str(&given.public_key)
            .map_err(|error| refuse("public_key", format!("is refused: {error}")))?;
        let blob = hex::decode(given.blob.expose())
            .map(Zeroizing::new)
            .map_err(|_| refuse("blob", "is not hex".to_owned()))?;
        let audit = BlobAudit::parse(&blob)
            .map_err(|error| refuse("blob", format!("is refused: {error}")))?;
        let policy = Policy::from_config(&given.policy)
            .map_err(|error| refuse("policy", format!("is refused: {error}")))?;
        let hash = public.hash();
        let key_rule = KeyRule::new(hash, role, policy)
            .map_err(|error| refuse("policy", format!("is refused: {error}")))?;
        Ok(Self {
            name: given.name.clone(),
            role,
            hash,
            extractable: audit.extractable(),
            blob,
            floor: given.floor,
            rule: key_rule,
            public,
            proof: RwLock::new(Proof::Missing("not tested yet".to_owned())),
        })
    }

    /// Name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its address.
    pub fn hash(&self) -> PublicKeyHash {
        self.hash
    }

    /// Its public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Its private half, sealed by the HSM.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Whether the HSM would let it be exported (keys of older tools would be).
    pub fn is_extractable(&self) -> bool {
        self.extractable
    }

    /// What it may sign.
    pub fn rule(&self) -> &KeyRule {
        &self.rule
    }

    /// Whether blob and public key are known to belong together.
    pub fn proof(&self) -> Proof {
        self.proof
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes how a self-test or a signature ended. Neither half can change, but the HSM may lose what opens the blob.
    pub fn note(&self, outcome: Result<(), String>) {
        let mut proof = self.proof.write().unwrap_or_else(PoisonError::into_inner);
        *proof = match outcome {
            Ok(()) => Proof::Proven,
            Err(reason) => Proof::Missing(reason),
        };
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("hash", &self.hash.to_string())
            .finish_non_exhaustive()
    }
}

// === impl Keyring ===

impl Keyring {
    /// Makes the keys of a configuration.
    pub fn parse(configs: &[KeyConfig]) -> Result<Self, KeyringError> {
        let mut keys = BTreeMap::new();
        for (position, given) in (1..).zip(configs) {
            let key = Key::parse(given, position)?;
            if keys.insert(key.hash, Arc::new(key)).is_some() {
                return Err(KeyringError::Twice { position });
            }
        }
        Ok(Self(keys))
    }

    /// The key with this address.
    pub fn get(&self, hash: &PublicKeyHash) -> Option<&Arc<Key>> {
        self.0.get(hash)
    }

    /// All keys, in the order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.0.values()
    }

    /// The first key that is not proven, and why.
    pub fn unproven(&self) -> Option<(&Arc<Key>, String)> {
        self.iter().find_map(|key| match key.proof() {
            Proof::Missing(reason) => Some((key, reason)),
            Proof::Proven => None,
        })
    }

    /// The floors that the watermark must know.
    pub fn floors(&self) -> Vec<KeyFloor> {
        self.iter()
            .map(|key| KeyFloor {
                key: key.hash,
                floor: key.floor,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a blob as EP11 makes it, with `attributes`, and a body of `blocks` cipher blocks.
    fn blob(attributes: &str, blocks: usize) -> String {
        let head = ["00".repeat(32), "5a".repeat(16), attributes.to_owned()].concat();
        let rest = [
            "0000000000000001",
            "1234",
            &"11".repeat(14),
            &"22".repeat(16 * blocks + 32),
        ];
        head + &rest.concat()
    }

    fn config() -> KeyConfig {
        serde_json::from_value(serde_json::json!({
            "name": "baker", "role": "consensus", "blob": blob("0000000000400126", 4),
            "public_key": "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk",
        }))
        .unwrap()
    }

    #[test]
    fn a_key_is_found_by_its_address_and_starts_unproven() {
        let keyring = Keyring::parse(&[config()]).unwrap();
        let hash = "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA".parse().unwrap();
        let key = keyring.get(&hash).unwrap();
        assert!(keyring.unproven().is_some());
        key.note(Err("hsm_unreachable".to_owned()));
        assert_eq!(key.proof(), Proof::Missing("hsm_unreachable".to_owned()));
        key.note(Ok(()));
        assert_eq!(key.proof(), Proof::Proven);
        assert!(keyring.unproven().is_none());
        key.note(Err("hsm_refused".to_owned()));
        assert_eq!(key.proof(), Proof::Missing("hsm_refused".to_owned()));
    }

    #[test]
    fn an_extractable_key_is_told_apart() {
        let mut old = config();
        old.blob = blob("0000000000400125", 4).into();
        let keyring = Keyring::parse(&[old]).unwrap();
        assert!(keyring.iter().all(|key| key.is_extractable()));
        let keyring = Keyring::parse(&[config()]).unwrap();
        assert!(keyring.iter().all(|key| !key.is_extractable()));
    }

    #[test]
    fn the_same_key_twice_is_refused() {
        let twice = [config(), config()];
        assert!(matches!(
            Keyring::parse(&twice),
            Err(KeyringError::Twice { position: 2 })
        ));
    }

    #[test]
    fn bad_fields_are_named_without_their_value() {
        type Spoil = fn(&mut KeyConfig);
        let cases: [(&str, Spoil); 6] = [
            ("policy", |key| {
                key.policy.operations = vec!["canary".to_owned()];
            }),
            ("role", |key| key.role = "canary".to_owned()),
            ("public_key", |key| key.public_key = "canary".to_owned()),
            ("blob", |key| key.blob = "canary".to_owned().into()),
            ("blob", |key| key.blob = "00".repeat(200).into()),
            ("blob", |key| {
                key.blob = blob("0000000000400126", 600).into();
            }),
        ];
        for (expected, spoil) in cases {
            let mut bad = config();
            spoil(&mut bad);
            let error = Keyring::parse(&[bad]).err().unwrap();
            assert!(
                matches!(&error, KeyringError::Field { field, position: 1, .. } if *field == expected)
            );
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
