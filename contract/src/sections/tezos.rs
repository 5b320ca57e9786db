//! Tezos's own texts: base58check with a prefix that says what it is, and the networks that Octez has built in.

use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest as _};

const CHAIN_ID: [u8; 3] = [0x57, 0x52, 0x00];
const BLOCK_HASH: [u8; 2] = [0x01, 0x34];
const BLPK: [u8; 4] = [0x06, 0x95, 0x87, 0xcc];
/// The longest text that any of these may be, by far.
const LONGEST: usize = 120;

/// A curve: prefix of its public keys, their length, the bytes they may begin with, prefix of their hashes.
struct Curve {
    public_key: [u8; 4],
    len: usize,
    first: Option<[u8; 2]>,
    hash: [u8; 3],
}

const CURVES: [Curve; 3] = [
    Curve {
        public_key: [0x0d, 0x0f, 0x25, 0xd9],
        len: 32,
        first: None,
        hash: [0x06, 0xa1, 0x9f],
    },
    Curve {
        public_key: [0x03, 0xfe, 0xe2, 0x56],
        len: 33,
        first: Some([2, 3]),
        hash: [0x06, 0xa1, 0xa1],
    },
    Curve {
        public_key: [0x03, 0xb2, 0x8b, 0x7f],
        len: 33,
        first: Some([2, 3]),
        hash: [0x06, 0xa1, 0xa4],
    },
];
const TZ4: [u8; 3] = [0x06, 0xa1, 0xa6];

/// What a text is, if it is meant to be a public key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// tz1, tz2 or tz3, with its hash as text.
    Hash(String),
    /// tz4, which can't be served yet.
    Bls,
}

/// The id of a network that Octez knows by name.
pub(crate) fn built_in(network: &str) -> Option<&'static str> {
    match network {
        "mainnet" | "sandbox" => Some("NetXdQprcVkpaWU"),
        "ghostnet" => Some("NetXnHfVqm9iesp"),
        "shadownet" => Some("NetXsqzbfFenSTS"),
        _ => None,
    }
}

/// A chain id, `NetX…`.
pub(super) fn chain_id(text: &str) -> Option<String> {
    (payload(text, &CHAIN_ID)?.len() == 4).then(|| text.to_owned())
}

/// A block hash, `B…`.
pub(super) fn block_hash(text: &str) -> Option<String> {
    (payload(text, &BLOCK_HASH)?.len() == 32).then(|| text.to_owned())
}

/// A public key, `edpk…`, `sppk…`, `p2pk…` or `BLpk…`.
pub(super) fn public_key(text: &str) -> Option<PublicKey> {
    if payload(text, &BLPK).is_some_and(|key| key.len() == 48) {
        return Some(PublicKey::Bls);
    }
    CURVES.iter().find_map(|curve| {
        let key = payload(text, &curve.public_key)?;
        let begins = curve
            .first
            .is_none_or(|allowed| key.first().is_some_and(|first| allowed.contains(first)));
        (key.len() == curve.len && begins).then(|| PublicKey::Hash(hash(&key, curve.hash)))
    })
}

/// A public key hash, `tz1…` to `tz4…`.
pub(super) fn public_key_hash(text: &str) -> Option<String> {
    let mut prefixes = CURVES.iter().map(|curve| curve.hash).chain([TZ4]);
    prefixes
        .any(|prefix| payload(text, &prefix).is_some_and(|hash| hash.len() == 20))
        .then(|| text.to_owned())
}

fn hash(key: &[u8], prefix: [u8; 3]) -> String {
    let digest = Blake2b::<U20>::digest(key);
    bs58::encode([prefix.as_slice(), digest.as_slice()].concat())
        .with_check()
        .into_string()
}

fn payload(text: &str, prefix: &[u8]) -> Option<Vec<u8>> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = bs58::decode(text).with_check(None).into_vec().ok()?;
    bytes.strip_prefix(prefix).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [(&str, &str); 2] = [
        (
            "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
            "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
        ),
        (
            "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk",
            "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA",
        ),
    ];

    #[test]
    fn built_in_chain_ids_are_sound() {
        for network in ["mainnet", "sandbox", "ghostnet", "shadownet"] {
            assert!(chain_id(built_in(network).unwrap()).is_some(), "{network}");
        }
        for bad in [
            "",
            "NetXdQprcVkpaWV",
            "NetXdQprcVkpaW",
            "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
        ] {
            assert_eq!(chain_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn public_keys_of_three_curves_give_their_hashes() {
        for (key, hash) in KEYS {
            assert_eq!(public_key(key), Some(PublicKey::Hash(hash.to_owned())));
            assert!(public_key_hash(hash).is_some());
        }
        let sppk = "sppk7cXzUGMoqqa3MNc5zUZrwuqCAtmxQYcQA82f1xRyZFnzyzYUS5Z";
        assert!(matches!(public_key(sppk), Some(PublicKey::Hash(hash)) if hash.starts_with("tz2")));
    }

    #[test]
    fn points_that_can_not_be_and_damaged_texts_are_refused() {
        let text = |prefix: &[u8], body: &[u8]| {
            bs58::encode([prefix, body].concat())
                .with_check()
                .into_string()
        };
        let p2pk = &CURVES[2].public_key;
        assert!(public_key(&text(p2pk, &[2; 33])).is_some());
        assert_eq!(public_key(&text(p2pk, &[4; 33])), None);
        assert_eq!(public_key(&text(p2pk, &[2; 32])), None);
        assert_eq!(public_key(&text(&BLPK, &[1; 48])), Some(PublicKey::Bls));
        assert_eq!(public_key(&"1".repeat(200)), None);
        assert!(block_hash(&text(&BLOCK_HASH, &[1; 32])).is_some_and(|hash| hash.starts_with('B')));
        assert_eq!(block_hash(&text(&BLOCK_HASH, &[1; 31])), None);
        assert!(public_key_hash(&text(&TZ4, &[1; 20])).is_some_and(|hash| hash.starts_with("tz4")));
    }
}
