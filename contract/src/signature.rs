//! Whether a contract is signed, by whom, and whether that is enough.
//!
//! `envWorkloadSignature` is over the string of `workload` followed by the string of `env`, as they stand in user-data: the
//! tokens, where they are encrypted. The key that verifies it is `signingKey` inside `env`, so by itself a signature only
//! binds the two sections together; who made it is known where the image has [`Pins`].
//!
//! Half a signature is never overlooked. Expiry is judged against the later of two times: what the clock says and when the
//! image was built. A clock that was turned back gains nothing beyond the latter. `notBefore` is not looked at, for it would
//! turn a slow clock into an outage and protect nobody: who holds the key decides when to use it.

mod key;
mod sign;
mod signer;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use self::key::{Fingerprint, SigningKey, SigningKeyError};
pub use self::sign::{belongs, with_signing_key};
pub use self::signer::Signer;
use crate::contract::Opening;
use crate::document::ContractDocument;
use crate::envelope::Token;
use crate::error::{Code, ContractError, Place, Warning};
use crate::pins::Pins;
use crate::reader::View;
use crate::sections;
use crate::time::DAY;

/// Days before its expiry from which on a certificate is warned of.
const SOON: u64 = 30;
const SIGNATURE: &str = "envWorkloadSignature";
const SIGNING_KEY: &str =
    "a PEM public key, a PEM certificate, or base64 of one, up to three times over";

/// A signature that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// What the signature is over.
    pub form: Form,
    /// The key that verified it.
    pub signer: Fingerprint,
    /// When that key's certificate expires, in seconds since 1970; nothing for a bare key.
    pub expires: Option<u64>,
    /// Whether pins vouch for the key.
    pub pinned: bool,
}

/// What a signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Both strings as they stand.
    Raw,
    /// Both strings without CR and LF, as the recipe in IBM's documentation makes it.
    Stripped,
}

/// What is known of a contract once its signature was looked at.
#[derive(Debug)]
pub struct Verdict {
    /// Who signed it; nothing for a contract without a signature, which only an image without pins takes.
    pub signed: Option<Signed>,
    /// `bakehouse.serial` of its env.
    pub serial: Option<u64>,
    /// What is probably a mistake, yet no reason to refuse the contract.
    pub warnings: Vec<Warning>,
}

// === impl Form ===

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Stripped => "stripped",
        })
    }
}

/// Refuses what pins refuse before anything is decrypted.
///
/// Where the deployers' keys themselves are pinned, nothing that they did not sign is decrypted at all, so that nobody else
/// can ask the image's key anything with these two sections.
pub(crate) fn before_opening(
    document: &ContractDocument,
    pins: Option<&Pins>,
) -> Result<(), ContractError> {
    let Some(pins) = pins else { return Ok(()) };
    let Some(signature) = document.env_workload_signature() else {
        return Err(ContractError::unsigned());
    };
    if pins.has_authority() {
        return Ok(());
    }
    let signature = decoded(signature)?;
    if pins
        .keys()
        .any(|key| form(document, key, &signature).is_some())
    {
        return Ok(());
    }
    Err(ContractError::new(
        Code::SignerUnpinned,
        Place::path(SIGNATURE),
        "none of the keys that the image was built with made this signature over these sections",
    ))
}

/// Judges a document by its opened env section.
pub(crate) fn judge(
    document: &ContractDocument,
    env: &View<'_>,
    opening: &Opening<'_>,
) -> Result<Verdict, ContractError> {
    let mut verdict = Verdict {
        signed: None,
        serial: sections::serial(env)?,
        warnings: Vec::new(),
    };
    match (document.env_workload_signature(), env.optional("signingKey")) {
        (None, None) if opening.pins.is_some() => return Err(ContractError::unsigned()),
        (None, None) => verdict.warnings.push(Warning::new(
            Place::path(SIGNATURE),
            "the contract is not signed: nothing binds its sections together, and nobody vouches for them",
        )),
        (None, Some(key)) => {
            let message = "env has it, and the contract has no envWorkloadSignature";
            return Err(key.error(Code::SignatureMissing, message));
        }
        (Some(_), None) => {
            return Err(ContractError::signing_key_missing());
        }
        (Some(signature), Some(named)) => {
            let key = read_key(&named)?;
            let signed = verified(document, signature, &key, opening.pins)?;
            if let Some(pins) = opening.pins
                && !pins.vouch_for(&key)
            {
                let message = "the image was built with none that vouches for this key";
                return Err(named.error(Code::SignerUnpinned, message));
            }
            verdict.warnings.extend(expiry(&named, &key, opening)?);
            verdict.signed = Some(signed);
        }
    }
    if let Some(pins) = opening.pins {
        new_enough(env, verdict.serial, pins)?;
    }
    Ok(verdict)
}

/// Judges sections that a runtime has opened and, if they are signed, verified: what it verified was over other strings.
///
/// `document` is the document that the runtime wrote, where there is one: if the signature is over these very texts, as it is
/// where nothing was encrypted, it is verified again.
pub(crate) fn judge_opened(
    document: Option<&ContractDocument>,
    env: &View<'_>,
    opening: &Opening<'_>,
) -> Result<Verdict, ContractError> {
    let signature = document.and_then(ContractDocument::env_workload_signature);
    let named = env.optional("signingKey");
    if let (Some(document), Some(signature), Some(named)) = (document, signature, &named) {
        let key = read_key(named)?;
        if verified(document, signature, &key, opening.pins).is_ok() {
            return judge(document, env, opening);
        }
    }
    if signature.is_some() && named.is_none() {
        return Err(ContractError::signing_key_missing());
    }
    if opening.pins.is_some() {
        return Err(ContractError::new(
            Code::SignatureUnverifiable,
            Place::path(SIGNATURE),
            "another runtime opened the contract, and what was signed is not here",
        ));
    }
    let mut warnings = Vec::new();
    if let Some(named) = named {
        warnings.extend(expiry(&named, &read_key(&named)?, opening)?);
        let message = "the runtime that opened the contract verified its signature; here it can't be verified again";
        warnings.push(named.warning(message));
    }
    Ok(Verdict {
        signed: None,
        serial: sections::serial(env)?,
        warnings,
    })
}

/// Refuses sections that were encrypted for a contract of another serial than env says.
pub(crate) fn same_serial(
    sealed: &[(&'static str, Option<u64>)],
    serial: Option<u64>,
) -> Result<(), ContractError> {
    let other = sealed
        .iter()
        .find(|(_, sealed)| sealed.is_some() && *sealed != serial);
    match other {
        None => Ok(()),
        Some((section, _)) => Err(ContractError::new(
            Code::SerialMismatch,
            Place::path(*section),
            "was encrypted for a contract of another serial than bakehouse.serial of env",
        )),
    }
}

/// What is signed.
fn raw(workload: &str, env: &str) -> Vec<u8> {
    [workload.as_bytes(), env.as_bytes()].concat()
}

fn form(document: &ContractDocument, key: &SigningKey, signature: &[u8]) -> Option<Form> {
    let mut message = raw(document.workload(), document.env());
    if key.verifies(&message, signature) {
        return Some(Form::Raw);
    }
    let whole = message.len();
    message.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    let shorter = message.len() < whole;
    (shorter && key.verifies(&message, signature)).then_some(Form::Stripped)
}

fn verified(
    document: &ContractDocument,
    signature: &str,
    key: &SigningKey,
    pins: Option<&Pins>,
) -> Result<Signed, ContractError> {
    let refused = |message: &'static str| {
        ContractError::new(Code::SignatureInvalid, Place::path(SIGNATURE), message)
    };
    let form = form(document, key, &decoded(signature)?).ok_or_else(|| {
        refused("is not the signature that signingKey verifies over workload and env")
    })?;
    let plain = [document.workload(), document.env()]
        .into_iter()
        .any(|text| !Token::is_meant(text));
    // Without its line breaks a plain YAML text can be broken anew, and then means something else.
    if pins.is_some() && form == Form::Stripped && plain {
        return Err(refused(
            "leaves out the line breaks of a section that is not encrypted, which an image with pins does not take",
        ));
    }
    Ok(Signed {
        form,
        signer: key.fingerprint(),
        expires: key.expires(),
        pinned: pins.is_some(),
    })
}

fn decoded(signature: &str) -> Result<Vec<u8>, ContractError> {
    let compact: String = signature.split_ascii_whitespace().collect();
    STANDARD.decode(compact).map_err(|_| {
        ContractError::new(
            Code::SignatureInvalid,
            Place::path(SIGNATURE),
            "must be base64",
        )
    })
}

fn read_key(named: &View<'_>) -> Result<SigningKey, ContractError> {
    let text = named
        .text(SIGNING_KEY)
        .map_err(|error| error.with_code(Code::SigningKeyInvalid))?;
    SigningKey::from_pem(text).map_err(|error| {
        let message = format!("must be {SIGNING_KEY}; {error}");
        named.error(Code::SigningKeyInvalid, message)
    })
}

fn expiry(
    named: &View<'_>,
    key: &SigningKey,
    opening: &Opening<'_>,
) -> Result<Option<Warning>, ContractError> {
    let Some(expires) = key.expires() else {
        return Ok(None);
    };
    let Some(now) = opening.now.max(opening.pins.map(Pins::built_at)) else {
        let message = "whether the certificate has expired was not judged: no time was given";
        return Ok(Some(named.warning(message)));
    };
    let Some(left) = expires.checked_sub(now) else {
        return Err(named.error(Code::ContractExpired, "the certificate has expired"));
    };
    let message: Cow<'static, str> = match left / DAY {
        0 => "the certificate expires in less than a day".into(),
        1 => "the certificate expires in 1 day".into(),
        days if days <= SOON => format!("the certificate expires in {days} days").into(),
        _ => return Ok(None),
    };
    Ok(Some(named.warning(message)))
}

fn new_enough(env: &View<'_>, serial: Option<u64>, pins: &Pins) -> Result<(), ContractError> {
    let Some(least) = pins.minimum_serial() else {
        return Ok(());
    };
    if serial.is_some_and(|serial| serial >= least) {
        return Ok(());
    }
    let ours = env.optional("bakehouse");
    let place = ours
        .as_ref()
        .and_then(|ours| ours.optional("serial"))
        .or(ours)
        .map_or_else(|| env.place(), |view| view.place());
    let message = match serial {
        Some(_) => format!("the serial is below {least}, the least that the image takes"),
        None => format!("there is no `serial`, and the image takes none below {least}"),
    };
    Err(ContractError::new(Code::ContractTooOld, place, message))
}

#[cfg(test)]
mod tests;
