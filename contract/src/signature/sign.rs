//! Signing, on the operator's desk.
//!
//! The signature is over the strings as they stand in the document, so it is made last. The public half must be inside `env`
//! before that is encrypted: [`with_signing_key`] puts it there without touching anything else of the text.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{SigningKey, raw};
use crate::document::ContractDocument;
use crate::envelope::{KeyError, decrypted_pkcs8};
use crate::error::{Code, ContractError, Place};
use crate::limits::Limits;
use crate::node::{Kind, Node, Origin};
use crate::pem::{self, Block};
use crate::secret::Secret;

/// The RSA private key of a deployer, 2048 to 8192 bits.
pub struct Signer(KeyPair);

// === impl Signer ===

impl Signer {
    /// Reads the one private key of a PEM text, PKCS#8 or PKCS#1.
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
        let mut signature = vec![0; self.0.public_modulus_len()];
        let message = raw(document.workload(), document.env());
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                &message,
                &mut signature,
            )
            .map_err(|_| KeyError::Unsound)?;
        Ok(document.with_env_workload_signature(STANDARD.encode(&signature)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer([redacted])")
    }
}

/// Puts `signingKey` into the text of an env section, as base64 of PEM, which is how IBM's tools write it.
///
/// One line is added before the first key and nothing else is touched; that the rest still reads as it did is checked.
pub fn with_signing_key(
    env: &str,
    key: &SigningKey,
    limits: &Limits,
) -> Result<Secret<String>, ContractError> {
    let origin = Origin::Section("env");
    limits.check_section(env.len(), "env")?;
    let tree = Node::parse(env, limits, origin)?;
    let refused = |path: &str, mark, message: &'static str| {
        ContractError::new(Code::ValueInvalid, origin.place(path, mark), message)
    };
    if let Some(there) = tree.get("signingKey") {
        let same = match &there.value.kind {
            Kind::Scalar(scalar) => SigningKey::from_pem(scalar.text.expose())
                .is_ok_and(|it| it.to_pem() == key.to_pem()),
            _ => false,
        };
        return if same {
            Ok(Secret::new(env.to_owned()))
        } else {
            let message = "is there already and is another key than the one to sign with";
            Err(refused("env.signingKey", there.mark, message))
        };
    }
    let message = "must be a mapping with one key to a line, so that signingKey can be added";
    let Kind::Mapping(entries) = &tree.kind else {
        return Err(refused("env", tree.mark, message));
    };
    let first = entries
        .first()
        .ok_or_else(|| refused("env", tree.mark, message))?;
    let indent = first.mark.column.saturating_sub(1);
    let line = format!(
        "{}signingKey: {}\n",
        " ".repeat(indent),
        STANDARD.encode(key.to_pem())
    );
    // Room for all of it, so that no copy of the text is left behind by growth.
    let mut text = String::with_capacity(env.len().saturating_add(line.len()));
    for (index, own) in env.split_inclusive('\n').enumerate() {
        if index.saturating_add(1) == first.mark.line {
            text.push_str(&line);
        }
        text.push_str(own);
    }
    let text = Secret::new(text);
    let added = Node::parse(text.expose(), limits, origin).ok();
    if added.is_some_and(|added| is_with_one_more(&tree, &added)) {
        Ok(text)
    } else {
        Err(refused("env", first.mark, message))
    }
}

/// Whether the second tree is the first with `signingKey` before its other entries.
fn is_with_one_more(before: &Node, after: &Node) -> bool {
    let (Kind::Mapping(before), Kind::Mapping(after)) = (&before.kind, &after.kind) else {
        return false;
    };
    let Some((first, rest)) = after.split_first() else {
        return false;
    };
    first.key.expose() == "signingKey"
        && rest.len() == before.len()
        && rest.iter().zip(before).all(|(one, other)| {
            one.key.expose() == other.key.expose() && alike(&one.value, &other.value)
        })
}

fn alike(one: &Arc<Node>, other: &Arc<Node>) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Scalar(one), Kind::Scalar(other)) => {
            one.style == other.style && one.text.expose() == other.text.expose()
        }
        (Kind::Sequence(one), Kind::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| alike(a, b))
        }
        (Kind::Mapping(one), Kind::Mapping(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(a, b)| a.key.expose() == b.key.expose() && alike(&a.value, &b.value))
        }
        _ => false,
    }
}

/// Checks that the certificate that is to go into a contract belongs to the key that is to sign it.
pub fn belongs(certificate: &SigningKey, signer: &Signer) -> Result<(), ContractError> {
    let public = signer.public().ok().map(|it| it.fingerprint());
    if public == Some(certificate.fingerprint()) {
        return Ok(());
    }
    Err(ContractError::new(
        Code::SigningKeyInvalid,
        Place::path("env.signingKey"),
        "the certificate is of another key than the one to sign with",
    ))
}
