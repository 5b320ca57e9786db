//! Why a boot ends: stable codes, what to do about each, and the code that the process exits with.
//!
//! Scripts and operators match on [`Code`] and [`Exit`], so neither is ever renamed. A [`Halt`] carries a message that was
//! made for the console: it holds no secret, for every library error was mapped before it came here.

use serde::{Serialize, Serializer};

/// Exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Drained cleanly.
    Drained = 0,
    /// Wrong command line.
    Usage = 64,
    /// The contract was refused.
    Contract = 65,
    /// There is no contract.
    ContractMissing = 66,
    /// A unit or the HSM could not be brought up, or failed for good.
    Unavailable = 69,
    /// A fault of ours.
    Internal = 70,
    /// The firewall could not be set, or kept.
    Firewall = 71,
    /// The state volume is not fit.
    State = 73,
    /// A power is missing that the contract does not waive.
    Power = 77,
    /// Credentials or executables are not what the contract says.
    Material = 78,
}

/// Declares the codes with their text, exit code and remedy in one place.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $exit:ident, $remedy:literal;)+) => {
        /// A stable code, as printed in `halted`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The text that stands in console lines and status.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),+ }
            }

            /// The exit code that goes with it.
            pub fn exit(self) -> Exit {
                match self { $(Code::$name => Exit::$exit),+ }
            }

            /// What the operator can do.
            pub fn remedy(self) -> &'static str {
                match self { $(Code::$name => $remedy),+ }
            }
        }
    };
}

codes! {
    /// Stopped because it was asked to.
    Drained = "drained", Drained, "none needed";
    /// Wrong command line.
    Usage = "usage", Usage, "see bakehouse --help";
    /// No contract at the given place.
    ContractMissing = "contract_missing", ContractMissing, "give --contract an existing, readable file";
    /// Too many bytes.
    ContractTooLarge = "contract_too_large", Contract, "make the contract smaller";
    /// Nested too deep.
    ContractTooDeep = "contract_too_deep", Contract, "flatten the contract";
    /// YAML aliases.
    ContractAliases = "contract_aliases", Contract, "write values out in place of YAML aliases";
    /// Not YAML.
    ContractNotYaml = "contract_not_yaml", Contract, "correct the YAML at the line named";
    /// A token does not open.
    ContractDecrypt = "contract_decrypt", Contract, "encrypt the contract for this image's key again";
    /// A signing key without a signature.
    SignatureMissing = "signature_missing", Contract, "sign the contract, or remove signingKey from env";
    /// A signature without a signing key.
    SigningKeyMissing = "signing_key_missing", Contract, "put the public key of the signature into signingKey of env, encrypt and sign again";
    /// A signing key that is none.
    SigningKeyInvalid = "signing_key_invalid", Contract, "give signingKey an RSA public key or certificate, as PEM or base64 of PEM";
    /// A signature of another key or over other sections.
    SignatureInvalid = "signature_invalid", Contract, "sign the contract again, as the last step, with the key of signingKey";
    /// A signature that pins ask for, over strings that are not here.
    SignatureUnverifiable = "signature_unverifiable", Contract, "give the guest the document as it was signed, or leave the pins away";
    /// The signing key's certificate is out of date.
    ContractExpired = "contract_expired", Contract, "get a new certificate for the signing key, then encrypt and sign again";
    /// No signature where pins ask for one.
    ContractUnsigned = "contract_unsigned", Contract, "sign the contract with a key that the pins know";
    /// A signature of somebody whom the pins do not know.
    SignerUnpinned = "signer_unpinned", Contract, "sign the contract with a key that the pins know, or pin this one";
    /// A serial below the one that the pins ask for.
    ContractTooOld = "contract_too_old", Contract, "use the newest contract, or raise bakehouse.serial, encrypt and sign again";
    /// A section of a contract of another serial.
    SerialMismatch = "serial_mismatch", Contract, "encrypt every section for the serial in env, then sign again";
    /// Pins that can't be read.
    PinsInvalid = "pins_invalid", Contract, "make the pins anew with bakehouse-contract seal";
    /// A key that nobody reads.
    KeyUnknown = "key_unknown", Contract, "correct or remove the key named";
    /// A key that must be there.
    KeyMissing = "key_missing", Contract, "add the key named";
    /// A value that can't be.
    ValueInvalid = "value_invalid", Contract, "correct the value named";
    /// A key in the wrong section.
    SectionWrong = "section_wrong", Contract, "move the key to the section named";
    /// A key in both sections.
    SectionBoth = "section_both", Contract, "keep the key in one section only";
    /// A section that must be there.
    SectionMissing = "section_missing", Contract, "add the section named";
    /// A chain id that is not the network's.
    ChainInvalid = "chain_invalid", Contract, "give the chain id of the network named";
    /// The node follows another chain than the contract says.
    ChainMismatch = "chain_mismatch", Unavailable, "correct network or chain_id; wipe the node's folder if it holds another chain";
    /// Key and certificate do not belong together.
    CredentialsMismatch = "credentials_mismatch", Material, "put the key of this certificate into the contract";
    /// Credentials that do not parse or verify.
    CredentialsInvalid = "credentials_invalid", Material, "correct the credentials named";
    /// Credentials out of date.
    CredentialsExpired = "credentials_expired", Material, "renew the certificate, or correct the guest's clock";
    /// The HSM did not answer in time.
    HsmUnreachable = "hsm_unreachable", Unavailable, "start the HSM service, or correct its endpoint, certificate and the network in between";
    /// State would not survive.
    StateNotPersistent = "state_not_persistent", State, "mount a persistent volume at state.path";
    /// State can't be written.
    StateUnwritable = "state_unwritable", State, "make the volume at state.path writable";
    /// A program is not there.
    ExecutableMissing = "executable_missing", Material, "put the program into the units folder";
    /// A program has another digest.
    ExecutableMismatch = "executable_mismatch", Material, "use the program that the contract names, or sign a contract for this one";
    /// The kernel or the container denies a power.
    PowerMissing = "power_missing", Power, "grant the power named, or waive it in env.bakehouse.powers";
    /// The firewall could not be set.
    FirewallFailed = "firewall_failed", Firewall, "look at the kernel's nf_tables support";
    /// The firewall was changed from outside and could not be repaired.
    FirewallDrift = "firewall_drift", Firewall, "find out who else changes nf_tables in this guest";
    /// A name has no address.
    NameUnresolved = "name_unresolved", Unavailable, "name the host by IP, or give egress.dns a server that knows it";
    /// A unit died too often.
    UnitFailed = "unit_failed", Unavailable, "read the unit's last lines";
    /// A unit did not become ready in time.
    UnitStartTimeout = "unit_start_timeout", Unavailable, "read the unit's last lines; raise its deadline in timing";
    /// Another supervisor holds this runtime folder.
    AlreadyRunning = "already_running", Unavailable, "stop the guest that runs, or give each guest a --runtime-dir of its own";
    /// The spawner process ended.
    SpawnerLost = "spawner_lost", Internal, "report this with the console's output";
    /// A fault of ours.
    Internal = "internal", Internal, "report this with the console's output";
    /// Cores would be handed to a program.
    CorePatternPiped = "core_pattern_piped", Power, "set kernel.core_pattern to a file name";
    /// The snapshot is not the one the contract names.
    SnapshotInvalid = "snapshot_invalid", Unavailable, "correct the snapshot's address, sha256 and block";
}

/// The end of a boot: the reason, in a form that may be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Halt {
    /// Stable code.
    pub code: Code,
    /// One sentence, without secrets.
    pub message: String,
}

// === impl Code ===

impl Code {
    /// The code of this text, as other crates' errors give it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// Like [`Self::parse`]; a text that no code has is a fault of ours.
    pub fn of(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::Internal)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

// === impl Halt ===

impl Halt {
    /// A halt with this code and message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Asked to stop, and stopped.
    pub fn drained() -> Self {
        Self::new(Code::Drained, "stopped as asked")
    }

    /// The exit code of the process.
    pub fn exit(&self) -> Exit {
        self.code.exit()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_snake_case_and_found_again() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(
                code.as_str()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_')
            );
            assert!(!code.remedy().is_empty());
        }
        assert_eq!(Code::of("no such code"), Code::Internal);
    }

    #[test]
    fn only_a_clean_drain_exits_zero() {
        for code in Code::ALL {
            assert_eq!(code.exit() as u8 == 0, *code == Code::Drained, "{code:?}");
        }
    }
}
