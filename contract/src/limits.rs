//! How much of everything a contract may have.
//!
//! The host chooses the bytes of a contract, so each bound is checked before the thing that it bounds is allocated.

use crate::error::{Code, ContractError, Place};

/// Bounds on a contract. [`Limits::default`] is what a guest uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub document_bytes: usize,
    /// Bytes of one section, after decryption where it is encrypted.
    pub section_bytes: usize,
    /// Collections inside one another.
    pub depth: usize,
    /// Scalars and collections together; what an alias stands for counts each time.
    pub nodes: usize,
    /// YAML aliases.
    pub aliases: usize,
}

/// Characters of base64 in a token's first field. An RSA-8192 ciphertext takes 1368 and each line break one or two.
pub(crate) const RSA_FIELD_CHARS: usize = 2048;

/// Bytes of an OpenSSL `Salted__` header, its salt, and the padding, beside the plaintext.
pub(crate) const BLOB_OVERHEAD: usize = 32;

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 256 * 1024,
            section_bytes: 256 * 1024,
            depth: 32,
            // Both sections' trees stand at the same time, and a node takes up to 130 bytes: see tests/memory.rs.
            nodes: 8_000,
            aliases: 16,
        }
    }
}

impl Limits {
    /// Refuses a document of too many bytes.
    pub fn check_document(&self, bytes: usize) -> Result<(), ContractError> {
        within(bytes, self.document_bytes, Place::default())
    }

    /// Refuses a section of too many bytes.
    pub fn check_section(&self, bytes: usize, path: &'static str) -> Result<(), ContractError> {
        within(bytes, self.section_bytes, Place::path(path))
    }

    /// Characters of base64 that a token's second field may have. Line breaks may double them at the very worst.
    pub(crate) fn blob_field_chars(&self) -> usize {
        self.section_bytes
            .saturating_add(BLOB_OVERHEAD)
            .saturating_mul(8)
            / 3
    }
}

fn within(bytes: usize, limit: usize, place: Place) -> Result<(), ContractError> {
    if bytes > limit {
        let message = format!("has more than the {limit} bytes allowed");
        return Err(ContractError::new(Code::ContractTooLarge, place, message));
    }
    Ok(())
}
