//! Contracts, by the contract crate.

use bakehouse_contract::envelope::DecryptionKey;
use bakehouse_contract::{ContractDocument, ContractError, Limits, Pins};

use crate::error::{Code, Halt};
use crate::host::{Bytes, Contract, Input, Opener, Opening, utc};

/// Opens contracts for real.
#[derive(Debug, Clone, Copy)]
pub struct RealOpener;

// === impl RealOpener ===

impl Opener for RealOpener {
    fn open(&self, input: Input, opening: Opening) -> Result<Contract, Halt> {
        let limits = Limits::default();
        let pins = opening.pins.map(|bytes| Pins::parse(&bytes)).transpose()?;
        let keys = keys(opening.key)?;
        let opening = bakehouse_contract::Opening {
            keys: &keys,
            limits: &limits,
            pins: pins.as_ref(),
            now: Some(utc::no_earlier_than_this_version(opening.now)),
        };
        let opened = match input {
            Input::Document(bytes) => {
                let document = ContractDocument::parse(&bytes, &limits)?;
                bakehouse_contract::Contract::open(&document, &opening)
            }
            Input::Opened(bytes) => {
                let document = ContractDocument::parse(&bytes, &limits)?;
                bakehouse_contract::Contract::from_opened(&document, &opening)
            }
            Input::Sections { workload, env } => {
                let (workload, env) = (text(&workload)?, text(&env)?);
                bakehouse_contract::Contract::from_sections(workload, env, &opening)
            }
        }?;
        Ok(Contract {
            digest: opened.digest.to_string(),
            pins: pins.map(|pins| pins.digest()),
            warnings: opened.warnings.iter().map(ToString::to_string).collect(),
            settings: opened.settings,
        })
    }
}

fn keys(key: Option<Bytes>) -> Result<Vec<DecryptionKey>, Halt> {
    let unreadable = |_| {
        Halt::new(
            Code::ContractDecrypt,
            "the contract key is not a PEM private key",
        )
    };
    let Some(bytes) = key else {
        return Ok(Vec::new());
    };
    let pem = std::str::from_utf8(&bytes)
        .map_err(|_| Halt::new(Code::ContractDecrypt, "the contract key is not PEM text"))?;
    DecryptionKey::all_from_pem(pem).map_err(unreadable)
}

fn text(bytes: &Bytes) -> Result<&str, Halt> {
    std::str::from_utf8(bytes)
        .map_err(|_| Halt::new(Code::ContractNotYaml, "a section is not text"))
}

// === impl Halt ===

impl From<ContractError> for Halt {
    // The contract's own error, which names place and code and never shows a value.
    fn from(error: ContractError) -> Self {
        Self::new(Code::of(error.code().as_str()), error.to_string())
    }
}
