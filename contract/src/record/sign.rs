//! Signing a record and encrypting it, as a guest does.

use super::Record;
use crate::envelope::{KeyError, Prefix, Recipient, SealError, Token, seal_printable};
use crate::signature::Signer;

/// Signs the text of a record: the bytes of `se-signature.bin`. IBM's images have keys of 4096 bits for it.
pub fn sign(record: &Record, signer: &Signer) -> Result<Vec<u8>, KeyError> {
    signer.signature(record.to_string().as_bytes())
}

/// Encrypts the text of a record for `attestationPublicKey`: `se-checksums.txt.enc`, to be written without a line break.
pub fn encrypt(record: &Record, recipient: &Recipient) -> Result<Token, SealError> {
    seal_printable(record.to_string().as_bytes(), recipient, Prefix::default())
}
