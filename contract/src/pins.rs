//! What an image is built with so that not everybody can drive it.
//!
//! The key that verifies a contract lies inside the contract, and anybody can encrypt one for an image. Pins lie inside the
//! image: whose signature it takes, the least serial, and when it was built. They are a YAML file that is read as strictly
//! as a contract is, and once: what it says is what its digest is of.

mod authority;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use self::authority::Authority;
use crate::envelope::SERIALS;
use crate::error::{Code, ContractError, Place};
use crate::limits::Limits;
use crate::node::{Node, Origin};
use crate::pem::{self, PemError};
use crate::reader::View;
use crate::signature::{SigningKey, SigningKeyError};
use crate::time;

/// Bytes that a file of pins may have.
const BYTES: usize = 256 * 1024;
const DEPLOYERS: usize = 8;
const DEPLOYER: &str = "the PEM of a public key or of a certificate authority";
const BUILT_AT: &str = "a time in UTC such as 2026-01-31T12:00:00Z";

/// Whose contracts an image takes, and from when on.
#[derive(Debug)]
pub struct Pins {
    deployers: Vec<Deployer>,
    minimum_serial: Option<u64>,
    built_at: u64,
    digest: [u8; 32],
}

/// One whose signature is taken.
#[derive(Debug)]
pub struct Deployer(Kind);

#[derive(Debug)]
enum Kind {
    /// This key.
    Key(SigningKey),
    /// Every key whose certificate this authority signed.
    Authority(Authority),
}

/// Why a text names no deployer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeployerError {
    /// Not the one PEM block that it should be.
    #[error("there is {0}")]
    Pem(#[from] PemError),
    /// More than one block.
    #[error("there is more than one PEM block")]
    Several,
    /// A public key that verifies no contract.
    #[error("{0}")]
    Key(#[from] SigningKeyError),
    /// A certificate that can't be read.
    #[error("the certificate can't be read")]
    Certificate,
    /// A certificate that signs no others.
    #[error(
        "the certificate is no authority's (CA:TRUE, and its use may be to sign certificates): give the public key instead"
    )]
    NoAuthority,
}

// === impl Pins ===

impl Pins {
    /// Pins of these deployers. Without a serial every contract is new enough; `built_at` is in seconds since 1970.
    pub fn new(deployers: Vec<Deployer>, minimum_serial: Option<u64>, built_at: u64) -> Self {
        let mut pins = Self {
            deployers,
            minimum_serial,
            built_at,
            digest: [0; 32],
        };
        pins.digest = Sha256::digest(pins.to_yaml()).into();
        pins
    }

    /// Reads a file of pins.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContractError> {
        Self::read(bytes).map_err(|error| error.with_code(Code::PinsInvalid))
    }

    fn read(bytes: &[u8]) -> Result<Self, ContractError> {
        let whole =
            |message: String| ContractError::new(Code::PinsInvalid, Place::path("pins"), message);
        if bytes.len() > BYTES {
            return Err(whole(format!("has more than the {BYTES} bytes allowed")));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| whole("is not UTF-8 text".to_owned()))?;
        let limits = Limits {
            document_bytes: BYTES,
            section_bytes: BYTES,
            depth: 3,
            nodes: 64,
            aliases: 0,
        };
        let origin = Origin::Section("pins");
        let tree = Node::parse(text, &limits, origin)?;
        let root = View::new(&tree, "pins", origin);
        root.only(&["deployers", "minimum_serial", "built_at"])?;
        let deployers = root
            .required("deployers")?
            .items(1..=DEPLOYERS)?
            .iter()
            .map(|item| {
                Deployer::from_pem(item.text(DEPLOYER)?)
                    .map_err(|error| item.must_be(format_args!("{DEPLOYER}; {error}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            deployers,
            minimum_serial: Some(root.required("minimum_serial")?.number(SERIALS)?),
            built_at: root.required("built_at")?.parse(BUILT_AT, time::parse)?,
            digest: Sha256::digest(bytes).into(),
        })
    }

    /// The pins as a file, from which [`Self::parse`] reads the same.
    pub fn to_yaml(&self) -> String {
        let mut out = String::from(
            "# Pins of an image: the contracts that it takes. Made by bakehouse-contract seal.\ndeployers:\n",
        );
        for deployer in &self.deployers {
            out.push_str("  - |\n");
            for line in deployer.to_pem().lines() {
                out.push_str("    ");
                out.push_str(line);
                out.push('\n');
            }
        }
        // Writing to a String never fails.
        if let Some(serial) = self.minimum_serial {
            writeln!(out, "minimum_serial: {serial}").unwrap_or_default();
        }
        writeln!(out, "built_at: {}", time::format(self.built_at)).unwrap_or_default();
        out
    }

    /// The least serial of a contract.
    pub fn minimum_serial(&self) -> Option<u64> {
        self.minimum_serial
    }

    /// When the image was built, in seconds since 1970: it never is earlier than that.
    pub fn built_at(&self) -> u64 {
        self.built_at
    }

    /// SHA-256 of the file, as 64 hexadecimal digits.
    pub fn digest(&self) -> String {
        hex::encode(self.digest)
    }

    /// Each of the deployers, for people.
    pub fn deployers(&self) -> impl Iterator<Item = &Deployer> {
        self.deployers.iter()
    }

    /// Whether a signer may be known by its certificate alone.
    pub(crate) fn has_authority(&self) -> bool {
        self.deployers
            .iter()
            .any(|deployer| matches!(deployer.0, Kind::Authority(_)))
    }

    /// The keys that are known themselves.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.deployers
            .iter()
            .filter_map(|deployer| match &deployer.0 {
                Kind::Key(key) => Some(key),
                Kind::Authority(_) => None,
            })
    }

    /// Whether a deployer has this key, or an authority has signed its certificate.
    pub(crate) fn vouch_for(&self, key: &SigningKey) -> bool {
        self.deployers.iter().any(|deployer| match &deployer.0 {
            Kind::Key(known) => known.fingerprint() == key.fingerprint(),
            Kind::Authority(authority) => key.certificate().is_some_and(|it| authority.signed(it)),
        })
    }
}

// === impl Deployer ===

impl Deployer {
    /// Reads the one block of a PEM text: a public key, or the certificate of an authority.
    pub fn from_pem(text: &str) -> Result<Self, DeployerError> {
        let blocks = pem::blocks(text)?;
        let [block] = blocks.as_slice() else {
            return Err(DeployerError::Several);
        };
        if block.label == "CERTIFICATE" {
            return Authority::from_der(block.der.expose()).map(|it| Self(Kind::Authority(it)));
        }
        Ok(Self(Kind::Key(SigningKey::from_pem(text)?)))
    }

    fn to_pem(&self) -> String {
        match &self.0 {
            Kind::Key(key) => key.to_pem(),
            Kind::Authority(authority) => authority.to_pem(),
        }
    }

    /// `key` or `authority`, and the SHA-256 of its public key (DER).
    pub fn describe(&self) -> (&'static str, String) {
        match &self.0 {
            Kind::Key(key) => ("key", key.fingerprint().to_string()),
            Kind::Authority(authority) => ("authority", authority.fingerprint()),
        }
    }
}

#[cfg(test)]
mod tests;
