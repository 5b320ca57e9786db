//! What can be wrong with a contract.
//!
//! One error type for the whole crate, because the reader of a contract wants one thing: the place and the remedy. It
//! promises never to hold a value of the contract. A message is built from our own words, from names that a contract is
//! known to have, and from numbers of lines; what a library said about the input is dropped where it was said.

use std::borrow::Cow;
use std::fmt;

/// Stable names of the ways in which a contract is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// There is no contract, or it is empty.
    ContractMissing,
    /// More bytes or more nodes than a contract may have.
    ContractTooLarge,
    /// Nested deeper than a contract may be.
    ContractTooDeep,
    /// More YAML aliases than a contract may have.
    ContractAliases,
    /// Not a single, well-formed YAML mapping.
    ContractNotYaml,
    /// An encrypted section can't be opened. Never says more, so that it can't be asked about a key.
    ContractDecrypt,
    /// `signingKey` is there and `envWorkloadSignature` is not.
    SignatureMissing,
    /// `envWorkloadSignature` is there and `signingKey` is not.
    SigningKeyMissing,
    /// `signingKey` is no RSA public key or certificate.
    SigningKeyInvalid,
    /// The signature is not the signing key's over these sections.
    SignatureInvalid,
    /// Pins ask for a signature that can't be verified here, for want of the strings that it is over.
    SignatureUnverifiable,
    /// The signing key's certificate has expired.
    ContractExpired,
    /// Pins ask for a signature, and there is none.
    ContractUnsigned,
    /// The contract is signed, and not by a deployer that the image knows.
    SignerUnpinned,
    /// The contract's serial is lower than the image takes, or missing.
    ContractTooOld,
    /// A section was encrypted for a contract of another serial.
    SerialMismatch,
    /// The pins themselves can't be read.
    PinsInvalid,
    /// A key that `bakehouse:` does not have.
    KeyUnknown,
    /// A key that must be there is not.
    KeyMissing,
    /// A value is not what its key takes.
    ValueInvalid,
    /// A key stands in the section that it does not belong to.
    SectionWrong,
    /// A key stands in both sections.
    SectionBoth,
    /// `workload` or `env` is not there.
    SectionMissing,
    /// The chain id is not that of the network.
    ChainInvalid,
    /// A volume stands in one section only.
    VolumesUnmatched,
}

// === impl Code ===

impl Code {
    /// Every code, in the order of its declaration.
    pub const ALL: [Self; 25] = [
        Self::ContractMissing,
        Self::ContractTooLarge,
        Self::ContractTooDeep,
        Self::ContractAliases,
        Self::ContractNotYaml,
        Self::ContractDecrypt,
        Self::SignatureMissing,
        Self::SigningKeyMissing,
        Self::SigningKeyInvalid,
        Self::SignatureInvalid,
        Self::SignatureUnverifiable,
        Self::ContractExpired,
        Self::ContractUnsigned,
        Self::SignerUnpinned,
        Self::ContractTooOld,
        Self::SerialMismatch,
        Self::PinsInvalid,
        Self::KeyUnknown,
        Self::KeyMissing,
        Self::ValueInvalid,
        Self::SectionWrong,
        Self::SectionBoth,
        Self::SectionMissing,
        Self::ChainInvalid,
        Self::VolumesUnmatched,
    ];

    /// The name, as it stands on the console and in the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContractMissing => "contract_missing",
            Self::ContractTooLarge => "contract_too_large",
            Self::ContractTooDeep => "contract_too_deep",
            Self::ContractAliases => "contract_aliases",
            Self::ContractNotYaml => "contract_not_yaml",
            Self::ContractDecrypt => "contract_decrypt",
            Self::SignatureMissing => "signature_missing",
            Self::SigningKeyMissing => "signing_key_missing",
            Self::SigningKeyInvalid => "signing_key_invalid",
            Self::SignatureInvalid => "signature_invalid",
            Self::SignatureUnverifiable => "signature_unverifiable",
            Self::ContractExpired => "contract_expired",
            Self::ContractUnsigned => "contract_unsigned",
            Self::SignerUnpinned => "signer_unpinned",
            Self::ContractTooOld => "contract_too_old",
            Self::SerialMismatch => "serial_mismatch",
            Self::PinsInvalid => "pins_invalid",
            Self::KeyUnknown => "key_unknown",
            Self::KeyMissing => "key_missing",
            Self::ValueInvalid => "value_invalid",
            Self::SectionWrong => "section_wrong",
            Self::SectionBoth => "section_both",
            Self::SectionMissing => "section_missing",
            Self::ChainInvalid => "chain_invalid",
            Self::VolumesUnmatched => "volumes_unmatched",
        }
    }

    /// What to do about it, in one sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::ContractMissing => {
                "Give the guest a contract: the file user-data of the cidata disk."
            }
            Self::ContractTooLarge => "Make the contract smaller; large files do not belong in it.",
            Self::ContractTooDeep => "Nest the contract less deeply.",
            Self::ContractAliases => "Write the values out instead of using YAML aliases.",
            Self::ContractNotYaml => {
                "Correct the YAML at the place named, then seal the contract again."
            }
            Self::ContractDecrypt => {
                "Encrypt the section again, with the encryption certificate of the image that is to open it."
            }
            Self::SignatureMissing => {
                "Sign the contract with the key that signingKey names, or remove signingKey from env."
            }
            Self::SigningKeyMissing => {
                "Put the public key of the signature into signingKey of env before it is encrypted, then sign again."
            }
            Self::SigningKeyInvalid => {
                "Give an RSA public key of 2048 to 8192 bits or an X.509 certificate of one, as PEM or base64 of PEM."
            }
            Self::SignatureInvalid => {
                "Sign the contract again, as the last step, with the private key that belongs to signingKey."
            }
            Self::SignatureUnverifiable => {
                "Give the guest the document as it was signed, or use an image without pins."
            }
            Self::ContractExpired => {
                "Get a new certificate for the signing key, put it into signingKey, then encrypt and sign again."
            }
            Self::ContractUnsigned => {
                "Sign the contract with a deployer's key that the image was built with."
            }
            Self::SignerUnpinned => {
                "Sign the contract with a deployer's key that the image was built with, or build the image with this one's."
            }
            Self::ContractTooOld => {
                "Use the newest contract, or raise bakehouse.serial in its env, then encrypt and sign again."
            }
            Self::SerialMismatch => {
                "Encrypt every section for the serial that env has in bakehouse.serial, then sign again."
            }
            Self::PinsInvalid => "Make the pins anew with bakehouse-contract seal.",
            Self::KeyUnknown => "Remove the key or correct its name.",
            Self::KeyMissing => "Add the key.",
            Self::ValueInvalid => "Correct the value.",
            Self::SectionWrong => "Move the key to the section it belongs to.",
            Self::SectionBoth => {
                "Leave the key in the section it belongs to and remove it from the other."
            }
            Self::SectionMissing => {
                "Add the section as text: write | after its key and indent what follows."
            }
            Self::ChainInvalid => "Correct chain_id or network, whichever is wrong.",
            Self::VolumesUnmatched => {
                "Name the volume alike in workload.volumes and env.volumes, each with its own half of the secret."
            }
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a contract. Lines and columns count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Names of the keys on the way, such as `workload.bakehouse.keys[0].blob`; empty for the whole document.
    pub path: String,
    /// Line, of the document or, if `section` is given, of that section's text.
    pub line: Option<usize>,
    /// Column, in the same text.
    pub column: Option<usize>,
    /// The section whose text the line is of: lines of an encrypted section can't be lines of the document.
    pub section: Option<&'static str>,
}

// === impl Place ===

impl Place {
    /// A place that has a path and no line.
    pub fn path(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path.is_empty() {
            "contract"
        } else {
            &self.path
        })?;
        let Some(line) = self.line else { return Ok(()) };
        write!(f, " (line {line}")?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        if let Some(section) = self.section {
            write!(f, " of the text of {section}")?;
        }
        f.write_str(")")
    }
}

/// Why a contract is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ContractError {
    code: Code,
    place: Place,
    message: Cow<'static, str>,
}

// === impl ContractError ===

impl ContractError {
    pub(crate) fn new(code: Code, place: Place, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            place,
            message: message.into(),
        }
    }

    /// The one error of everything that has to do with decryption.
    pub(crate) fn decrypt(path: &'static str) -> Self {
        Self::new(
            Code::ContractDecrypt,
            Place::path(path),
            "can't be decrypted",
        )
    }

    /// The error of a text that no key opens; for whoever opens tokens alone.
    pub fn undecryptable() -> Self {
        Self::new(
            Code::ContractDecrypt,
            Place::default(),
            "can't be decrypted",
        )
    }

    /// The error of a contract without a signature where one is asked for.
    pub fn unsigned() -> Self {
        Self::new(
            Code::ContractUnsigned,
            Place::path("envWorkloadSignature"),
            "the contract is not signed, and only signed ones are taken here",
        )
    }

    /// The error of a contract with a signature that nothing in it verifies.
    pub(crate) fn signing_key_missing() -> Self {
        Self::new(
            Code::SigningKeyMissing,
            Place::path("envWorkloadSignature"),
            "the contract is signed, and its env has no signingKey",
        )
    }

    /// The error of a contract that is not there at all; for whoever looks for the file.
    pub fn missing() -> Self {
        Self::new(Code::ContractMissing, Place::default(), "there is none")
    }

    /// The same complaint under another name.
    pub(crate) fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// The same complaint of something that is no reason to refuse the contract.
    pub(crate) fn into_warning(self) -> Warning {
        let remedy = self.remedy();
        Warning::new(self.place, self.message).with_remedy(remedy)
    }

    /// What is wrong, as a stable name.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Where it is wrong.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is wrong, in words, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, in one sentence.
    pub fn remedy(&self) -> &'static str {
        self.code.remedy()
    }
}

/// Mistakes that are told one by one.
const WARNINGS: usize = 100;

/// Something that is probably a mistake, yet no reason to refuse the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    place: Place,
    message: Cow<'static, str>,
    remedy: Option<&'static str>,
}

// === impl Warning ===

impl Warning {
    pub(crate) fn new(place: Place, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            place,
            message: message.into(),
            remedy: None,
        }
    }

    #[must_use]
    pub(crate) fn with_remedy(mut self, remedy: &'static str) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// Adds itself to others, unless there are very many already: who writes the contract does not decide how much is said.
    pub(crate) fn note(self, others: &mut Vec<Self>) {
        match others.len() {
            0..WARNINGS => others.push(self),
            WARNINGS => others.push(Self::new(
                Place::default(),
                "there is more that is probably a mistake than is said here",
            )),
            _ => {}
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What may be wrong, in words, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, in one sentence, where that is not plain from the words.
    pub fn remedy(&self) -> Option<&'static str> {
        self.remedy
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

#[cfg(test)]
mod tests;
