//! The digest that names a contract.
//!
//! SHA-256 over the original strings, encrypted where they were encrypted, so that anyone who holds the user-data can
//! compute it without a key. What is hashed, numbers big-endian:
//!
//! ```text
//! "bakehouse contract digest v1" 0x00
//! then for workload, env, attestationPublicKey and envWorkloadSignature, in this order:
//!   0x00                                        if the contract does not have it
//!   0x01, length in bytes (8 bytes), the bytes  if it does
//! ```
//!
//! Every field says its length, so no byte can move from one field to another without changing the digest.

use std::fmt;

use sha2::{Digest as _, Sha256};

const DOMAIN: &[u8] = b"bakehouse contract digest v1\0";

/// SHA-256 of a contract's original strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContractDigest([u8; 32]);

// === impl ContractDigest ===

impl ContractDigest {
    /// Computes it from the four fields, in the order workload, env, `attestationPublicKey`, `envWorkloadSignature`.
    pub fn of(fields: [Option<&str>; 4]) -> Self {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        for field in fields {
            let Some(text) = field else {
                hash.update([0]);
                continue;
            };
            hash.update([1]);
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        }
        Self(hash.finalize().into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContractDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut by_hand = b"bakehouse contract digest v1\0".to_vec();
        by_hand.extend(b"\x01\0\0\0\0\0\0\0\x02ab\x01\0\0\0\0\0\0\0\x01c\x00\x00");
        let expected: [u8; 32] = Sha256::digest(&by_hand).into();
        assert_eq!(
            ContractDigest::of([Some("ab"), Some("c"), None, None]).as_bytes(),
            &expected
        );
    }

    #[test]
    fn bytes_can_not_move_between_fields() {
        let one = ContractDigest::of([Some("ab"), Some("c"), None, None]);
        for other in [
            ContractDigest::of([Some("a"), Some("bc"), None, None]),
            ContractDigest::of([Some("c"), Some("ab"), None, None]),
            ContractDigest::of([Some("ab"), None, Some("c"), None]),
            ContractDigest::of([Some("ab"), Some("c"), Some(""), None]),
            ContractDigest::of([Some("ab"), Some("c\n"), None, None]),
        ] {
            assert_ne!(one, other);
        }
    }
}
