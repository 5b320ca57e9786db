//! The private keys that sign: a deployer's for contracts, a guest's for records.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{SigningKey, raw};
use crate::document::ContractDocument;
use crate::envelope::{KeyError, decrypted_pkcs8};
use crate::pem::{self, Block};
use crate::secret::Secret;

/// An RSA private key, 2048 to 8192 bits, that signs: RSASSA-PKCS1-v1_5 with SHA-256.
pub struct Signer(KeyPair);

// === impl Signer ===

impl Signer {
    /// Reads the first block of a PEM text, PKCS#8 or PKCS#1.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::blocks(text)?
            .into_iter()
            .next()
            .ok_or(KeyError::Kind)?;
        let der = block.der.expose();
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(der),
            "RSA PRIVATE KEY" => KeyPair::from_der(der)
                .map(Self)
                .map_err(|_| KeyError::Unsound),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            _ => Err(KeyError::Kind),
        }
    }

    /// Reads the private key of a PEM text whose PKCS#8 is encrypted with a passphrase.
    pub fn from_encrypted_pem(text: &str, passphrase: &Secret<String>) -> Result<Self, KeyError> {
        Self::from_pkcs8(decrypted_pkcs8(text, passphrase)?.expose())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(der)
            .map(Self)
            .map_err(|_| KeyError::Unsound)
    }

    /// The public half.
    pub fn public(&self) -> Result<SigningKey, KeyError> {
        let der: PublicKeyX509Der<'static> = self
            .0
            .public_key()
            .as_der()
            .map_err(|_| KeyError::Unsound)?;
        let block = Block {
            label: "PUBLIC KEY".to_owned(),
            der: Secret::new(der.as_ref().to_vec()),
        };
        let mut text = String::new();
        pem::write(&block, &mut text);
        SigningKey::from_pem(&text).map_err(|_| KeyError::Unsound)
    }

    /// Signs a document, over whose strings no more may be changed then. A signature that is there is replaced.
    pub fn sign(&self, document: ContractDocument) -> Result<ContractDocument, KeyError> {
        let signature = self.signature(&raw(document.workload(), document.env()))?;
        Ok(document.with_env_workload_signature(STANDARD.encode(&signature)))
    }

    /// The signature of a message.
    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| KeyError::Unsound)?;
        Ok(signature)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer([redacted])")
    }
}
