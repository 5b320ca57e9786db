//! `Boot<Sealed>` → `Boot<Opened>`: the firewall is locked, then the contract is read and opened.

use super::{Boot, ContractPlace, Phase, Sealed};
use crate::console::Event;
use crate::error::{Code, Halt};
use crate::host::{Bytes, Contract, Input, Mode, Opening, ReadError, Source};

/// The longest contract that is read.
const CONTRACT_LIMIT: usize = 4 << 20;

/// The longest key that is read.
const KEY_LIMIT: usize = 64 << 10;

/// The longest pins that are read.
const PINS_LIMIT: usize = 256 << 10;

/// An open contract.
#[derive(Debug)]
pub struct Opened {
    pub(super) contract: Contract,
    /// True when this guest's firewall is somebody else's, by contract.
    pub(super) delegated: bool,
}

// === impl Boot ===

impl Boot<Sealed> {
    /// Locks the firewall, reads the contract and opens it. A firewall that could not be locked for want of power is fatal
    /// unless the contract says that somebody else guards the port.
    pub async fn open(self) -> Result<Boot<Opened>, Halt> {
        let context = self.context;
        let locked = context.host.wall.lock().await;
        let unlocked = match locked {
            Ok(()) => None,
            Err(halt) if halt.code == Code::PowerMissing => Some(halt),
            Err(halt) => return Err(halt),
        };
        if unlocked.is_none() {
            context.console.emit(Event::FirewallLocked);
        }
        context.host.fs.core_pattern()?;
        let given = match &context.places.contract {
            ContractPlace::Document(source) => {
                let bytes = read(&context, source, CONTRACT_LIMIT, Code::ContractMissing)?;
                input(context.places.mode, context.places.key.is_some(), bytes)
            }
            ContractPlace::Given(given) => {
                let mut given = given
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                given
                    .take()
                    .ok_or_else(|| Halt::new(Code::ContractMissing, "no section given"))?
            }
        };
        let key = match &context.places.key {
            Some(source) => Some(read(&context, source, KEY_LIMIT, Code::ContractDecrypt)?),
            None => None,
        };
        let pins = match &context.places.pins {
            Some(source) => Some(read(&context, source, PINS_LIMIT, Code::PinsInvalid)?),
            None => None,
        };
        let now = context.host.now();
        let opening = Opening { key, pins, now };
        let contract = context.host.opener.open(given, opening)?;
        for message in &contract.warnings {
            let message = message.clone();
            context.console.emit(Event::ContractWarning { message });
        }
        let delegated = delegate(&context, &contract, unlocked)?;
        context.enter(Phase::Opened);
        Ok(Boot {
            context,
            state: Opened {
                contract,
                delegated,
            },
        })
    }
}

/// What a document is: in a container of IBM's runtime, that runtime has opened it, unless we are given a key to do it.
pub(crate) fn input(mode: Mode, keyed: bool, bytes: Bytes) -> Input {
    if mode == Mode::Workload && !keyed {
        Input::Opened(bytes)
    } else {
        Input::Document(bytes)
    }
}

fn read(
    context: &super::Context,
    source: &Source,
    limit: usize,
    missing: Code,
) -> Result<Bytes, Halt> {
    let what = match missing {
        Code::ContractMissing => "the contract",
        Code::PinsInvalid => "the file of pins",
        _ => "the contract key",
    };
    context.host.fs.read(source, limit).map_err(|error| {
        let code = match error {
            ReadError::TooLarge if missing == Code::ContractMissing => Code::ContractTooLarge,
            _ => missing,
        };
        Halt::new(code, format!("{what} {error}"))
    })
}

/// Tells the firewall's waiver (the state's is told when the volume is looked at), and decides whether the boot may go on without a firewall of its own.
fn delegate(
    context: &super::Context,
    contract: &Contract,
    unlocked: Option<Halt>,
) -> Result<bool, Halt> {
    let waived = &contract.settings.powers.delegated;
    context
        .board
        .update(|status| status.waived.clone_from(waived));
    let firewall = waived.iter().any(|power| power == "firewall");
    if firewall {
        let detail = match &unlocked {
            Some(_) => "no firewall of ours: whoever runs this guest guards its ports",
            None => "not needed: this guest has its firewall all the same",
        };
        context.console.emit(Event::PowerWaived {
            power: "firewall".to_owned(),
            detail: detail.to_owned(),
        });
    }
    match unlocked {
        None => Ok(false),
        Some(_) if firewall => {
            context.board.update(|status| status.port = "delegated");
            Ok(true)
        }
        Some(halt) => Err(halt),
    }
}
