//! The packet filter of the guest: everything is dropped but what the plan names, and the one public port is open only
//! while somebody proves, again and again, that every unit is ready.
//!
//! * [`Firewall::lock`] comes first of all: nothing passes but loopback, before the contract is read.
//! * [`Firewall::apply`] puts the plan's rules in place, in one transaction, and reads them back.
//! * [`Port::rearm`] opens the port for one dead-man's interval. It takes an [`AllReady`] by value. When re-arming stops,
//!   for whatever reason, the kernel closes the port, for established connections too.
//! * [`Firewall::check_drift`] compares with the kernel while running, and repairs.
//!
//! There is one table, `inet bakehouse`; other tables are neither read nor written. They can drop what we accept, but
//! not accept what we drop: a drop is final, an accept is so only in its own chain.
//!
//! All functions block for milliseconds. Dropping a [`Firewall`] leaves its table in place.

mod egress;
mod error;
mod live;
mod netlink;
mod nft;
mod port;
mod proof;
mod render;
mod ruleset;

#[cfg(test)]
mod tests;

pub use self::error::FirewallError;
pub use self::live::Drift;
pub use self::nft::Nft;
pub use self::port::Port;
pub use self::proof::AllReady;
pub use self::ruleset::Ruleset;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use nftables::schema::Nftables;

use self::render::removal;
use self::ruleset::TABLE;
use crate::plan::spec::{Destinations, EgressRule, FirewallSpec, LoopbackRule, Protocol};

/// The guest's table in the kernel, as it should be.
#[derive(Debug)]
pub struct Firewall {
    nft: Nft,
    expected: Ruleset,
    port: Port,
}

// === impl Firewall ===

impl Firewall {
    /// Lets nothing pass but loopback, whatever table of ours an earlier run has left, and proves that this kernel can do
    /// all that will be asked of it later. A guest that lacks a power is left without a table, for somebody else may be
    /// its firewall; after any other failure nothing passes.
    pub fn lock(nft: &Nft) -> Result<Self, FirewallError> {
        let expected = Ruleset::locked();
        nft.transact(&encode(&expected)?)?;
        let port = match prove(nft, &expected) {
            Ok(port) => port,
            Err(error @ FirewallError::PowerMissing { .. }) => {
                nft.transact(&json(&removal())?)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            nft: nft.clone(),
            expected,
            port,
        })
    }

    /// Puts the rules of a plan in place of those before. The port is closed afterwards.
    pub fn apply(&mut self, spec: &FirewallSpec) -> Result<(), FirewallError> {
        let expected = Ruleset::of(spec)?;
        self.port.unaim();
        self.nft.transact(&encode(&expected)?)?;
        read_back(&self.nft, &expected)?;
        self.expected = expected;
        self.port.aim(spec.port, spec.dead_man);
        Ok(())
    }

    /// See [`Port::rearm`].
    pub fn rearm(&mut self, proof: AllReady) -> Result<(), FirewallError> {
        self.port.rearm(proof)
    }

    /// See [`Port::close`].
    pub fn close(&mut self) -> Result<(), FirewallError> {
        self.port.close()
    }

    /// A handle that opens and closes the port while another thread is busy with the rules.
    pub fn port(&self) -> Port {
        self.port.clone()
    }

    /// Compares the rules with those that should be there. What differs, a table that is gone too, has been put right when
    /// this returns, in one transaction. The port is closed then, and only a proof that is made afterwards opens it again.
    pub fn check_drift(&mut self) -> Result<Option<Drift>, FirewallError> {
        let listed = self.nft.list(TABLE)?;
        let drift = self.expected.diff(listed.as_deref())?;
        if drift.is_empty() {
            return Ok(None);
        }
        self.nft.transact(&encode(&self.expected)?)?;
        // Somebody may have re-armed since, on the word of a proof from before the repair.
        self.port.close()?;
        read_back(&self.nft, &self.expected)?;
        Ok(Some(drift))
    }
}

/// That the rules are in place, and that all that comes later will work.
fn prove(nft: &Nft, locked: &Ruleset) -> Result<Port, FirewallError> {
    read_back(nft, locked)?;
    let port = Port::connect()?;
    port.rehearse()?;
    nft.check(&encode(&Ruleset::of(&every_kind_of_rule())?)?)?;
    Ok(port)
}

/// Lists what has just been written, and compares.
fn read_back(nft: &Nft, ruleset: &Ruleset) -> Result<(), FirewallError> {
    let listed = nft.list(TABLE)?;
    let drift = ruleset.diff(listed.as_deref())?;
    if drift.is_empty() {
        return Ok(());
    }
    Err(FirewallError::Mismatch(drift))
}

fn encode(ruleset: &Ruleset) -> Result<Vec<u8>, FirewallError> {
    json(&ruleset.render())
}

fn json(transaction: &Nftables<'_>) -> Result<Vec<u8>, FirewallError> {
    serde_json::to_vec(transaction).map_err(|error| FirewallError::Unreadable(error.to_string()))
}

/// A spec whose rules use every expression that any plan's rules use; only ever checked by the kernel.
fn every_kind_of_rule() -> FirewallSpec {
    let egress = |protocol, exclusive, to| EgressRule {
        purpose: "check".to_owned(),
        uids: vec![0, 1],
        protocol,
        to,
        exclusive,
    };
    let hosts = vec![
        (IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
        (IpAddr::V4(Ipv4Addr::LOCALHOST), 2),
        (IpAddr::V6(Ipv6Addr::LOCALHOST), 1),
    ];
    FirewallSpec {
        port: 1,
        dead_man: Duration::from_secs(1),
        egress: vec![
            egress(Protocol::Tcp, true, Destinations::Listed(hosts.clone())),
            egress(Protocol::Udp, false, Destinations::Listed(hosts)),
            egress(Protocol::Tcp, false, Destinations::Any),
        ],
        loopback: vec![LoopbackRule {
            port: 1,
            uids: vec![0, 1],
        }],
    }
}
