//! What a private or secret EP11 blob says about itself without any HSM.
//!
//! The head of a blob is in the clear: which master key wraps it (WKID) and what the key may do.
//! So a signer can refuse an extractable key, and tell a blob of another HSM domain, before the
//! first call. The head is not authenticated here: only the HSM can check the MAC.

use crate::constants::Cka;

/// The shortest blob taken for one, in bytes.
pub const MIN_LEN: usize = 100;
/// `MAX_BLOB_SIZE` of EP11, in bytes.
pub const MAX_LEN: usize = 9216;
/// The clear head, in bytes; the key's ciphertext follows.
pub const HEAD_LEN: usize = 80;
/// The MAC at the end, in bytes.
pub const MAC_LEN: usize = 32;
/// The two version bytes at offset 64.
pub const VERSION: [u8; 2] = [0x12, 0x34];

/// Why bytes are not a private or secret key's blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Shorter than 100 or longer than 9216 bytes.
    #[error("a key blob has {MIN_LEN} to {MAX_LEN} bytes, this one has {0}")]
    Length(usize),
    /// An SPKI was given.
    #[error("this is a public key, not a key blob")]
    PublicKey,
    /// The version at offset 64 is not `1234`.
    #[error("this is not an EP11 key blob (no version mark at byte 64)")]
    Version,
    /// The ciphertext is not whole AES blocks, as when the end is cut off.
    #[error("the key blob is cut off (its ciphertext is not whole blocks)")]
    Cut,
}

/// The attribute bits of a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlobAttributes(pub u64);

/// The clear head of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobAudit {
    session: [u8; 32],
    wkid: [u8; 16],
    attributes: BlobAttributes,
    mode: u64,
}

// === impl BlobAttributes ===

impl BlobAttributes {
    /// May be wrapped by another key and so leave the HSM.
    pub const EXTRACTABLE: Self = Self(0x1);
    /// Never was extractable.
    pub const NEVER_EXTRACTABLE: Self = Self(0x2);
    /// May be changed.
    pub const MODIFIABLE: Self = Self(0x4);
    /// Never was modifiable.
    pub const NEVER_MODIFIABLE: Self = Self(0x8);
    /// Attributes may be removed.
    pub const RESTRICTABLE: Self = Self(0x10);
    /// Generated in this HSM.
    pub const LOCAL: Self = Self(0x20);
    /// Wrapped only together with its attributes.
    pub const ATTRBOUND: Self = Self(0x40);
    /// May be used as data in a derivation.
    pub const USE_AS_DATA: Self = Self(0x80);
    /// May sign.
    pub const SIGN: Self = Self(0x100);
    /// May sign with recovery.
    pub const SIGN_RECOVER: Self = Self(0x200);
    /// May decrypt.
    pub const DECRYPT: Self = Self(0x400);
    /// May encrypt.
    pub const ENCRYPT: Self = Self(0x800);
    /// May derive.
    pub const DERIVE: Self = Self(0x1000);
    /// May unwrap.
    pub const UNWRAP: Self = Self(0x2000);
    /// May wrap.
    pub const WRAP: Self = Self(0x4000);
    /// May verify.
    pub const VERIFY: Self = Self(0x8000);
    /// May verify with recovery.
    pub const VERIFY_RECOVER: Self = Self(0x1_0000);
    /// Trusted to wrap.
    pub const TRUSTED: Self = Self(0x2_0000);
    /// Wrapped only by a trusted key.
    pub const WRAP_WITH_TRUSTED: Self = Self(0x4_0000);
    /// Retained in the HSM.
    pub const RETAINED: Self = Self(0x8_0000);
    /// Always was retained.
    pub const ALWAYS_RETAINED: Self = Self(0x10_0000);
    /// May become a protected key.
    pub const PROTKEY_EXTRACTABLE: Self = Self(0x20_0000);
    /// Never may become a protected key.
    pub const PROTKEY_NEVER_EXTRACTABLE: Self = Self(0x40_0000);

    /// The bit of a boolean attribute, if blobs have one.
    pub fn of(attribute: Cka) -> Option<Self> {
        Some(match attribute {
            Cka::EXTRACTABLE => Self::EXTRACTABLE,
            Cka::NEVER_EXTRACTABLE => Self::NEVER_EXTRACTABLE,
            Cka::MODIFIABLE => Self::MODIFIABLE,
            Cka::IBM_NEVER_MODIFIABLE => Self::NEVER_MODIFIABLE,
            Cka::IBM_RESTRICTABLE => Self::RESTRICTABLE,
            Cka::LOCAL => Self::LOCAL,
            Cka::IBM_ATTRBOUND => Self::ATTRBOUND,
            Cka::IBM_USE_AS_DATA => Self::USE_AS_DATA,
            Cka::SIGN => Self::SIGN,
            Cka::SIGN_RECOVER => Self::SIGN_RECOVER,
            Cka::DECRYPT => Self::DECRYPT,
            Cka::ENCRYPT => Self::ENCRYPT,
            Cka::DERIVE => Self::DERIVE,
            Cka::UNWRAP => Self::UNWRAP,
            Cka::WRAP => Self::WRAP,
            Cka::VERIFY => Self::VERIFY,
            Cka::VERIFY_RECOVER => Self::VERIFY_RECOVER,
            Cka::TRUSTED => Self::TRUSTED,
            Cka::WRAP_WITH_TRUSTED => Self::WRAP_WITH_TRUSTED,
            Cka::IBM_RETAINKEY => Self::RETAINED,
            Cka::IBM_PROTKEY_EXTRACTABLE => Self::PROTKEY_EXTRACTABLE,
            Cka::IBM_PROTKEY_NEVER_EXTRACTABLE => Self::PROTKEY_NEVER_EXTRACTABLE,
            _ => return None,
        })
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set or cleared.
    #[must_use]
    pub const fn with(self, other: Self, on: bool) -> Self {
        Self(if on {
            self.0 | other.0
        } else {
            self.0 & !other.0
        })
    }
}

impl std::fmt::Debug for BlobAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

// === impl BlobAudit ===

impl BlobAudit {
    /// Reads the head of a blob and checks the shape of the rest.
    pub fn parse(blob: &[u8]) -> Result<Self, BlobError> {
        if blob.first() == Some(&0x30) {
            return Err(BlobError::PublicKey);
        }
        if !(MIN_LEN..=MAX_LEN).contains(&blob.len()) {
            return Err(BlobError::Length(blob.len()));
        }
        let short = || BlobError::Length(blob.len());
        let (session, rest) = blob.split_first_chunk().ok_or_else(short)?;
        let (wkid, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (attributes, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (mode, rest) = rest.split_first_chunk().ok_or_else(short)?;
        if !rest.starts_with(&VERSION) {
            return Err(BlobError::Version);
        }
        let ciphertext = blob
            .len()
            .checked_sub(HEAD_LEN + MAC_LEN)
            .ok_or(BlobError::Cut)?;
        if ciphertext == 0 || !ciphertext.is_multiple_of(16) {
            return Err(BlobError::Cut);
        }
        Ok(Self {
            session: *session,
            wkid: *wkid,
            attributes: BlobAttributes(u64::from_be_bytes(*attributes)),
            mode: u64::from_be_bytes(*mode),
        })
    }

    /// The session that the blob is bound to; `None` for the usual blob without one.
    pub fn session(&self) -> Option<&[u8; 32]> {
        (self.session != [0; 32]).then_some(&self.session)
    }

    /// The first half of the wrapping key's verification pattern: which master key this blob needs.
    pub fn wkid(&self) -> &[u8; 16] {
        &self.wkid
    }

    /// The attribute bits.
    pub fn attributes(&self) -> BlobAttributes {
        self.attributes
    }

    /// The compliance mode (1 = FIPS 2009).
    pub fn mode(&self) -> u64 {
        self.mode
    }

    /// Whether the key could leave the HSM.
    pub fn extractable(&self) -> bool {
        self.attributes.has(BlobAttributes::EXTRACTABLE)
    }

    /// Whether the key may sign.
    pub fn can_sign(&self) -> bool {
        self.attributes.has(BlobAttributes::SIGN)
    }
}

#[cfg(test)]
mod tests;
