//! Signing, on the operator's desk.
//!
//! The signature is over the strings as they stand in the document, so it is made last. The public half must be inside `env`
//! before that is encrypted: [`with_signing_key`] puts it there without touching anything else of the text.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Signer, SigningKey};
use crate::error::{Code, ContractError, Place};
use crate::limits::Limits;
use crate::node::{Kind, Node, Origin};
use crate::secret::Secret;

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
