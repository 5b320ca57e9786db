//! A throw-away RSA key in the place of the one that a sealed image holds.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The contract key of a bench.
#[derive(Debug)]
pub struct ImageKey {
    private: String,
    public: String,
}

/// The key could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no RSA key could be made")]
pub struct ImageKeyError;

// === impl ImageKey ===

impl ImageKey {
    /// Makes a new RSA-4096 key.
    pub fn generate() -> Result<Self, ImageKeyError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).map_err(|_| ImageKeyError)?;
        let private: Pkcs8V1Der<'_> = key.as_der().map_err(|_| ImageKeyError)?;
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| ImageKeyError)?;
        Ok(Self {
            private: pem("PRIVATE KEY", private.as_ref()),
            public: pem("PUBLIC KEY", public.as_ref()),
        })
    }

    /// PKCS#8 PEM.
    pub fn private_pem(&self) -> &str {
        &self.private
    }

    /// `SubjectPublicKeyInfo` PEM.
    pub fn public_pem(&self) -> &str {
        &self.public
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let body: String = STANDARD
        .encode(der)
        .chars()
        .enumerate()
        .flat_map(|(index, letter)| {
            (index > 0 && index % 64 == 0)
                .then_some('\n')
                .into_iter()
                .chain([letter])
        })
        .collect();
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}
