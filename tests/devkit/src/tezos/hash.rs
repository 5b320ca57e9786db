//! `BLAKE2b` as Tezos uses it: 32 bytes for blocks, operations and messages, 20 for addresses.

use blake2::digest::consts::{U20, U32};
use blake2::{Blake2b, Digest as _};

/// BLAKE2b-256 of the concatenated parts.
pub fn blake2b_256(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Blake2b::<U32>::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

/// BLAKE2b-160: the hash in an address.
pub fn blake2b_160(bytes: &[u8]) -> [u8; 20] {
    Blake2b::<U20>::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_hashed_as_one_message() {
        assert_eq!(blake2b_256(&[b"ab", b"c"]), blake2b_256(&[b"abc"]));
        // RFC 7693's message under a 32-byte digest, as `b2sum -l 256` gives it.
        assert_eq!(
            hex::encode(blake2b_256(&[b"abc"])),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
        );
    }
}
