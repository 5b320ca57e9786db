//! Where an operation sends something: an implicit account or an originated contract.

use std::fmt;
use std::str::FromStr;

use super::{PublicKeyHash, TezosError, base58};

/// An address of the chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// tz1 to tz4: the account of a key.
    Implicit(PublicKeyHash),
    /// KT1: a contract.
    Originated([u8; 20]),
}

// === impl Address ===

impl FromStr for Address {
    type Err = TezosError;

    fn from_str(text: &str) -> Result<Self, TezosError> {
        if text.starts_with("KT1") {
            base58::decode(base58::KT1, text).map(Self::Originated)
        } else {
            text.parse().map(Self::Implicit)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Implicit(hash) => fmt::Display::fmt(hash, f),
            Self::Originated(hash) => f.write_str(&base58::encode(base58::KT1, hash)),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tezos::ProtocolHash;

    #[test]
    fn addresses_and_protocols_of_mainnet_round_trip() {
        for text in [
            "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
            "tz4RzMkzuihTXjknoL2hqePPCuDqEP5iXHtA",
            "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let protocol = "PsUshuai9QapM5TGj1JpuVGkdxz5GykdnEvS6Rh8SUVrARvZLCY";
        assert_eq!(
            protocol.parse::<ProtocolHash>().unwrap().to_string(),
            protocol
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "KT1",
            "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitm",
            "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn%deposit",
            "PsUshuai9QapM5TGj1JpuVGkdxz5GykdnEvS6Rh8SUVrARvZLCY",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert!(
            "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn"
                .parse::<ProtocolHash>()
                .is_err()
        );
    }
}
