//! An opened contract.

use std::collections::BTreeMap;

use crate::digest::ContractDigest;
use crate::document::ContractDocument;
use crate::envelope::{DecryptionKey, Token, TokenError, open_text};
use crate::error::{Code, ContractError, Place, Warning};
use crate::limits::Limits;
use crate::node::Origin;
use crate::pem;
use crate::pins::Pins;
use crate::reader::View;
use crate::secret::Secret;
use crate::sections::{self, Login, Sections, Text, Volume};
use crate::settings::Settings;
use crate::signature::{self, Signed, Verdict};

/// What a contract asks for, and which contract it is.
#[derive(Debug)]
pub struct Contract {
    /// Our parts of both sections, checked and merged.
    pub settings: Settings,
    /// The encrypted data volumes, in the order of `workload`.
    pub volumes: Vec<Volume>,
    /// The variables of `env` in both sections; those of `workload` win.
    pub environment: BTreeMap<String, Secret<String>>,
    /// The logins of `auths` in both sections, by registry; those of `workload` win.
    pub auths: BTreeMap<String, Login>,
    /// The digest of the contract's original strings.
    pub digest: ContractDigest,
    /// The key that attestation records are to be encrypted for, as PEM.
    pub attestation_public_key: Option<String>,
    /// Who signed it; nothing for a contract without a signature, or with one that only the runtime that opened it could verify.
    pub signed: Option<Signed>,
    /// What is probably a mistake, yet no reason to refuse the contract.
    pub warnings: Vec<Warning>,
}

/// What a contract is opened with.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// The private keys of the image.
    pub keys: &'a [DecryptionKey],
    /// Bounds on everything.
    pub limits: &'a Limits,
    /// What the image was built with; without pins, a contract may be signed by anybody or not at all, as with IBM's images.
    pub pins: Option<&'a Pins>,
    /// What the clock says, in seconds since 1970. Pins say when it is not before.
    pub now: Option<u64>,
}

/// A string of the contract, decrypted if it was encrypted.
struct Opened {
    text: Secret<String>,
    origin: Origin,
    /// The serial of the contract that it was encrypted for, where the token says one.
    sealed_for: Option<u64>,
}

// === impl Opening ===

impl<'a> Opening<'a> {
    /// Keys alone: no pins, no clock.
    pub fn new(keys: &'a [DecryptionKey], limits: &'a Limits) -> Self {
        Self {
            keys,
            limits,
            pins: None,
            now: None,
        }
    }
}

// === impl Contract ===

impl Contract {
    /// Opens a document with the keys of the image, if its signature is what the image asks for.
    pub fn open(document: &ContractDocument, opening: &Opening<'_>) -> Result<Self, ContractError> {
        signature::before_opening(document, opening.pins)?;
        // All are opened before the first error is looked at, so that time does not tell which of them it was.
        let workload = opened(
            "workload",
            document.workload(),
            document.workload_origin(),
            opening,
        );
        let env = opened("env", document.env(), document.env_origin(), opening);
        let attestation = document.attestation_public_key().map(|text| {
            let name = "attestationPublicKey";
            opened(name, text, Origin::Section(name), opening)
        });
        let (workload, env, attestation) = (workload?, env?, attestation.transpose()?);

        let sealed = [
            ("workload", workload.sealed_for),
            ("env", env.sealed_for),
            (
                "attestationPublicKey",
                attestation.as_ref().and_then(|it| it.sealed_for),
            ),
        ];
        let attestation_public_key = attestation
            .map(|it| public_key(it.text.expose()))
            .transpose()?;
        let judge = |env: &View<'_>| {
            let verdict = signature::judge(document, env, opening)?;
            signature::same_serial(&sealed, verdict.serial)?;
            Ok(verdict)
        };
        let read = sections::read(workload.as_text(), env.as_text(), opening.limits, judge)?;
        let mut contract = Self::of(read, document.digest(), document.warnings());
        contract.attestation_public_key = attestation_public_key;
        Ok(contract)
    }

    /// Takes both sections from a runtime that has opened them itself. The digest is then over these texts.
    ///
    /// The signature is over other strings, which are not here: with pins, such a contract is refused.
    pub fn from_sections(
        workload: &str,
        env: &str,
        opening: &Opening<'_>,
    ) -> Result<Self, ContractError> {
        let (workload_text, env_text) = (
            Text::section("workload", workload),
            Text::section("env", env),
        );
        let judge = |env: &View<'_>| signature::judge_opened(None, env, opening);
        let read = sections::read(workload_text, env_text, opening.limits, judge)?;
        let digest = ContractDigest::of([Some(workload), Some(env), None, None]);
        Ok(Self::of(read, digest, &[]))
    }

    /// Takes the document that a runtime wrote when it had opened the contract itself.
    ///
    /// If its signature is over these very texts, for nothing was encrypted, it is verified again, and pins are heeded; else
    /// it is as with [`Self::from_sections`]. A document that still has something encrypted in it is opened as any other.
    pub fn from_opened(
        document: &ContractDocument,
        opening: &Opening<'_>,
    ) -> Result<Self, ContractError> {
        if document.sealed() {
            return Self::open(document, opening);
        }
        let text = |text, origin| Text { text, origin };
        let read = sections::read(
            text(document.workload(), document.workload_origin()),
            text(document.env(), document.env_origin()),
            opening.limits,
            |env| signature::judge_opened(Some(document), env, opening),
        )?;
        let mut contract = Self::of(read, document.digest(), document.warnings());
        contract.attestation_public_key = document
            .attestation_public_key()
            .map(public_key)
            .transpose()?;
        Ok(contract)
    }

    fn of(
        (read, verdict): (Sections, Verdict),
        digest: ContractDigest,
        before: &[Warning],
    ) -> Self {
        let warnings = before
            .iter()
            .cloned()
            .chain(verdict.warnings)
            .chain(read.warnings);
        Self {
            settings: read.settings,
            volumes: read.volumes,
            environment: read.environment,
            auths: read.auths,
            digest,
            attestation_public_key: None,
            signed: verdict.signed,
            warnings: warnings.collect(),
        }
    }
}

/// Verifies a document's signature, and that it is over tokens of one serial: also of contracts that have nothing of ours in
/// them.
pub fn verify(
    document: &ContractDocument,
    opening: &Opening<'_>,
) -> Result<Verdict, ContractError> {
    signature::before_opening(document, opening.pins)?;
    let env = opened("env", document.env(), document.env_origin(), opening)?;
    // What the tokens say of themselves: a guest that opens them would refuse another serial in spite of the signature.
    let stated = |text: Option<&str>| text.and_then(Token::serial_in);
    let sealed = [
        ("workload", stated(Some(document.workload()))),
        ("env", env.sealed_for),
        (
            "attestationPublicKey",
            stated(document.attestation_public_key()),
        ),
    ];
    sections::judged(env.as_text(), opening.limits, |env| {
        let verdict = signature::judge(document, env, opening)?;
        signature::same_serial(&sealed, verdict.serial)?;
        Ok(verdict)
    })
}

/// Looks at a document without a key: at each section that is not encrypted. Says which of them are.
pub fn look(
    document: &ContractDocument,
    opening: &Opening<'_>,
) -> Result<(Vec<Warning>, Vec<&'static str>), ContractError> {
    if !document.sealed() {
        return Contract::open(document, opening).map(|contract| (contract.warnings, Vec::new()));
    }
    signature::before_opening(document, opening.pins)?;
    let limits = opening.limits;
    let mut warnings = document.warnings().to_vec();
    let mut sealed = Vec::new();
    for (name, text, origin) in [
        ("workload", document.workload(), document.workload_origin()),
        ("env", document.env(), document.env_origin()),
    ] {
        if Token::is_meant(text) {
            Token::parse(text, limits).map_err(|error| refused(name, error))?;
            sealed.push(name);
            continue;
        }
        let text = Text { text, origin };
        if name == "env" {
            let judge = |env: &View<'_>| signature::judge(document, env, opening);
            warnings.extend(sections::judged(text, limits, judge)?.warnings);
        }
        warnings.extend(sections::look(name, text, limits)?);
    }
    Ok((warnings, sealed))
}

/// A section that can be read.
pub(crate) struct Readable {
    pub(crate) name: &'static str,
    pub(crate) text: Secret<String>,
    pub(crate) origin: Origin,
    /// Whether it is encrypted in the document.
    pub(crate) sealed: bool,
}

/// The sections that are not encrypted, and with a key those that it opens.
pub(crate) fn readable(document: &ContractDocument, opening: &Opening<'_>) -> Vec<Readable> {
    [
        ("workload", document.workload(), document.workload_origin()),
        ("env", document.env(), document.env_origin()),
    ]
    .into_iter()
    .filter_map(|(name, text, origin)| {
        let Opened {
            text: open, origin, ..
        } = opened(name, text, origin, opening).ok()?;
        Some(Readable {
            name,
            text: open,
            origin,
            sealed: Token::is_meant(text),
        })
    })
    .collect()
}

// === impl Opened ===

impl Opened {
    fn as_text(&self) -> Text<'_> {
        Text {
            text: self.text.expose(),
            origin: self.origin,
        }
    }
}

fn opened(
    name: &'static str,
    text: &str,
    origin: Origin,
    opening: &Opening<'_>,
) -> Result<Opened, ContractError> {
    if !Token::is_meant(text) {
        return Ok(Opened {
            text: Secret::new(text.to_owned()),
            origin,
            sealed_for: None,
        });
    }
    let plain = open_text(text, name, opening.keys, opening.limits)
        .map_err(|error| refused(name, error))?;
    Ok(Opened {
        text: plain,
        origin: Origin::Section(name),
        sealed_for: Token::serial_in(text),
    })
}

fn refused(name: &'static str, error: TokenError) -> ContractError {
    match error {
        TokenError::TooLarge => ContractError::new(
            Code::ContractTooLarge,
            Place::path(name),
            "the encrypted section is too large",
        ),
        TokenError::Plain | TokenError::Damaged => ContractError::decrypt(name),
    }
}

fn public_key(text: &str) -> Result<String, ContractError> {
    let name = "attestationPublicKey";
    let normal = pem::normalise(text, &["PUBLIC KEY"]).map_err(|error| {
        let message = format!("must be a PEM public key, or base64 of one; there is {error}");
        ContractError::new(Code::ValueInvalid, Place::path(name), message)
    })?;
    Ok(normal.expose().clone())
}

#[cfg(test)]
mod tests;
