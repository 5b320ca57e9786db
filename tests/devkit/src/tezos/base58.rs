//! Base58check with Tezos' prefixes: the text form of every key, hash and signature.
//!
//! Promises that [`decode`] gives back exactly what [`encode`] was given, and that a wrong prefix, length or checksum is an error.

use thiserror::Error;

/// Prefix of `Net…` chain ids (4 bytes).
pub const CHAIN_ID: &[u8] = &[87, 82, 0];
/// Prefix of `B…` block hashes (32 bytes).
pub const BLOCK: &[u8] = &[1, 52];
/// Prefix of `o…` operation hashes (32 bytes).
pub const OPERATION: &[u8] = &[5, 116];
/// Prefix of `LLo…` hashes of lists of operation lists (32 bytes).
pub const OPERATIONS: &[u8] = &[29, 159, 109];
/// Prefix of `Co…` context hashes (32 bytes).
pub const CONTEXT: &[u8] = &[79, 199];
/// Prefix of `vh…` payload hashes (32 bytes).
pub const PAYLOAD: &[u8] = &[1, 106, 242];
/// Prefix of `id…` peer ids (16 bytes).
pub const PEER: &[u8] = &[153, 103];
/// Prefix of `sig…` signatures of any of the first three curves (64 bytes).
pub const SIGNATURE: &[u8] = &[0x04, 0x82, 0x2b];

/// Why a text is not what it should be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Base58Error {
    /// Not base58, or the checksum is wrong.
    #[error("not a base58check text")]
    Check,
    /// Another kind of value.
    #[error("a base58check text of another kind")]
    Prefix,
    /// Right prefix, wrong number of bytes.
    #[error("a base58check text of the wrong length")]
    Length,
}

/// `prefix ‖ payload`, with its checksum, in base58.
pub fn encode(prefix: &[u8], payload: &[u8]) -> String {
    bs58::encode([prefix, payload].concat())
        .with_check()
        .into_string()
}

/// The payload of `text`, which must have this prefix and hold `N` bytes.
pub fn decode<const N: usize>(prefix: &[u8], text: &str) -> Result<[u8; N], Base58Error> {
    let bytes = bs58::decode(text)
        .with_check(None)
        .into_vec()
        .map_err(|_| Base58Error::Check)?;
    let payload = bytes.strip_prefix(prefix).ok_or(Base58Error::Prefix)?;
    payload.try_into().map_err(|_| Base58Error::Length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_known_chain_ids_are_rendered() {
        assert_eq!(
            encode(CHAIN_ID, &[0x7a, 0x06, 0xa7, 0x70]),
            "NetXdQprcVkpaWU"
        );
        assert_eq!(
            encode(CHAIN_ID, &[0xd0, 0x52, 0x21, 0x8e]),
            "NetXsqzbfFenSTS"
        );
        assert_eq!(
            encode(CHAIN_ID, &[0xaf, 0x18, 0x64, 0xd9]),
            "NetXnHfVqm9iesp"
        );
    }

    #[test]
    fn each_hash_has_the_letters_of_its_kind() {
        let kinds: [(&[u8], &str); 5] = [
            (BLOCK, "B"),
            (OPERATION, "o"),
            (OPERATIONS, "LLo"),
            (CONTEXT, "Co"),
            (PAYLOAD, "vh"),
        ];
        for (prefix, letters) in kinds {
            assert!(encode(prefix, &[7; 32]).starts_with(letters), "{letters}");
        }
        assert!(encode(PEER, &[7; 16]).starts_with("id"));
        assert!(encode(SIGNATURE, &[7; 64]).starts_with("sig"));
    }

    #[test]
    fn wrong_kind_length_and_checksum_are_told_apart() {
        assert_eq!(
            decode::<4>(BLOCK, "NetXdQprcVkpaWU"),
            Err(Base58Error::Prefix)
        );
        assert_eq!(
            decode::<5>(CHAIN_ID, "NetXdQprcVkpaWU"),
            Err(Base58Error::Length)
        );
        assert_eq!(
            decode::<4>(CHAIN_ID, "NetXdQprcVkpaWW"),
            Err(Base58Error::Check)
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(payload: [u8; 32]) {
            prop_assert_eq!(decode::<32>(BLOCK, &encode(BLOCK, &payload)), Ok(payload));
        }

        #[test]
        fn any_text_is_decoded_or_refused_without_a_panic(text: String) {
            prop_assert!(decode::<32>(BLOCK, &text).is_err());
        }
    }
}
