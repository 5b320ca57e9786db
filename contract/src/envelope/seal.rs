//! Making a token.

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::kdf::{self, MAGIC, SALT};
use super::random::{Random, Seed};
use super::recipient::{Kind, Recipient, Rsa};
use super::{Basic, Prefix, SERIALS, Token};
use crate::pem;

/// Bytes of a password, as IBM's tools draw them.
const PASSWORD: usize = 32;

/// What a token is made for, beside its recipient.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sealing<'a> {
    /// The section: `workload`, `env` or `attestationPublicKey`. Our token is bound to it.
    pub section: &'a str,
    /// The contract's serial, which our token is bound to and can't do without.
    pub serial: Option<u64>,
    /// What IBM's token is to begin with.
    pub prefix: Prefix,
    /// Makes the same inputs give the same token; random bytes are the system's without it.
    pub seed: Option<&'a Seed>,
}

/// Why no token can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not PEM.
    #[error("the encryption certificate is not PEM: {0}")]
    Pem(#[from] pem::PemError),
    /// Not a `CERTIFICATE` or `PUBLIC KEY`.
    #[error("the encryption certificate is not a PEM block named CERTIFICATE or PUBLIC KEY")]
    Kind,
    /// A certificate that can't be read.
    #[error("the encryption certificate can't be read")]
    Certificate,
    /// Neither an RSA key of 2048 to 8192 bits nor an X25519 key.
    #[error("the encryption key is neither a sound RSA key of 2048 to 8192 bits nor an X25519 key")]
    Unsound,
    /// An X25519 key, and no serial from 1 to 2^53.
    #[error("tokens for an X25519 key need the contract's serial, a number from 1 to 2^53")]
    Serial,
    /// A seed too short to be one.
    #[error("the seed has fewer than 32 bytes")]
    Seed,
    /// The cryptographic library failed.
    #[error("the encryption failed")]
    Failed,
}

/// Encrypts a text as IBM's tools do, for a recipient with an RSA key. [`Sealing`] is for all else.
///
/// The password has no 0x00 and no 0x0A, so that decoders that cut there and decoders that do not agree.
pub fn seal(plaintext: &[u8], recipient: &Recipient, prefix: Prefix) -> Result<Token, SealError> {
    let sealing = Sealing {
        prefix,
        ..Sealing::default()
    };
    sealing.seal(plaintext, recipient)
}

// === impl Sealing ===

impl Sealing<'_> {
    /// Encrypts a text for a recipient: IBM's token for an RSA key, ours for an X25519 key.
    pub fn seal(&self, plaintext: &[u8], recipient: &Recipient) -> Result<Token, SealError> {
        match &recipient.kind {
            Kind::X25519(key) => {
                let serial = self
                    .serial
                    .filter(|serial| SERIALS.contains(serial))
                    .ok_or(SealError::Serial)?;
                let mut random = self.random("bakehouse-hpke", serial, plaintext, recipient);
                key.seal(plaintext, self.section, serial, &mut random)
                    .map(Token::Hpke)
            }
            Kind::Rsa(rsa) => {
                // IBM's token does not hold the serial, so it does not depend on it.
                let mut random = self.random(self.prefix.as_str(), 0, plaintext, recipient);
                let mut password = Zeroizing::new([0; PASSWORD]);
                random.fill_without("password", &[0, b'\n'], &mut *password)?;
                let mut salt = [0; SALT];
                random.fill("salt", &mut salt)?;
                let encrypted = match self.seed {
                    None => rsa.encrypt(&*password)?,
                    Some(_) => rsa.numbers.encrypt(&*password, &mut random)?,
                };
                let blob = blob(plaintext, &*password, salt)?;
                Ok(Token::Basic(Basic {
                    prefix: self.prefix,
                    password: encrypted,
                    blob,
                }))
            }
        }
    }

    fn random(&self, kind: &str, serial: u64, plaintext: &[u8], recipient: &Recipient) -> Random {
        let Some(seed) = self.seed else {
            return Random::system();
        };
        let inputs: [&[u8]; 5] = [
            kind.as_bytes(),
            self.section.as_bytes(),
            &serial.to_be_bytes(),
            &recipient.digest,
            &Sha256::digest(plaintext),
        ];
        Random::seeded(seed, &inputs)
    }
}

// === impl Rsa ===

impl Rsa {
    pub(super) fn encrypt(&self, password: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut encrypted = vec![0; self.key.ciphertext_size()];
        self.key
            .encrypt(password, &mut encrypted)
            .map_err(|_| SealError::Failed)?;
        Ok(encrypted)
    }
}

/// `Salted__`, salt and the text under the password.
pub(super) fn blob(
    plaintext: &[u8],
    password: &[u8],
    salt: [u8; SALT],
) -> Result<Vec<u8>, SealError> {
    let derived = kdf::derive(password, salt);
    let key = UnboundCipherKey::new(&AES_256, &*derived.key).map_err(|_| SealError::Failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(|_| SealError::Failed)?;
    // Room for the padding, so that no copy of the plaintext is left behind by growth.
    let mut body = Zeroizing::new(Vec::with_capacity(
        plaintext.len().saturating_add(kdf::BLOCK),
    ));
    body.extend_from_slice(plaintext);
    let context = EncryptionContext::Iv128(FixedLength::from(derived.iv));
    key.less_safe_encrypt(&mut *body, context)
        .map_err(|_| SealError::Failed)?;
    Ok([MAGIC.as_slice(), &salt, &body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_certificate_are_refused() {
        assert_eq!(
            Recipient::from_pem("?").unwrap_err(),
            SealError::Pem(pem::PemError::Missing)
        );
        for (label, expected) in [
            ("CERTIFICATE", SealError::Certificate),
            ("PUBLIC KEY", SealError::Unsound),
            ("PRIVATE KEY", SealError::Kind),
        ] {
            let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
            assert_eq!(Recipient::from_pem(&text).unwrap_err(), expected);
        }
    }
}
