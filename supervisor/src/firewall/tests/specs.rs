//! The firewall of a usual plan.

use std::net::SocketAddr;
use std::time::Duration;

use crate::plan::spec::{Destinations, EgressRule, FirewallSpec, LoopbackRule, Protocol};

pub(crate) const ROOT: u32 = 0;
pub(crate) const SIGNER: u32 = 9101;
pub(crate) const NODE: u32 = 9102;
pub(crate) const BAKER: u32 = 9103;
pub(crate) const ACCUSER: u32 = 9104;
pub(crate) const DAL: u32 = 9105;

pub(crate) const PUBLIC: u16 = 9732;
pub(crate) const DEAD_MAN: Duration = Duration::from_secs(2);

pub(crate) fn listed(list: &[&str]) -> Destinations {
    let parsed = list
        .iter()
        .map(|entry| entry.parse::<SocketAddr>().unwrap());
    Destinations::Listed(parsed.map(|entry| (entry.ip(), entry.port())).collect())
}

fn egress(purpose: &str, uids: &[u32], protocol: Protocol, to: Option<&[&str]>) -> EgressRule {
    EgressRule {
        purpose: purpose.to_owned(),
        uids: uids.to_vec(),
        protocol,
        to: to.map_or(Destinations::Any, listed),
        exclusive: purpose == "hsm",
    }
}

fn loopback(port: u16, uids: &[u32]) -> LoopbackRule {
    LoopbackRule {
        port,
        uids: uids.to_vec(),
    }
}

/// The wider rules come first here: their order must not matter.
pub(crate) fn usual() -> FirewallSpec {
    let hsm = ["10.78.0.2:9876", "[fd78::2]:9876"];
    FirewallSpec {
        port: PUBLIC,
        dead_man: DEAD_MAN,
        egress: vec![
            egress("peers", &[NODE, DAL], Protocol::Tcp, None),
            egress("logs", &[ROOT], Protocol::Tcp, Some(&["10.78.0.9:6514"])),
            egress("dns", &[ROOT], Protocol::Udp, Some(&["10.78.0.53:53"])),
            egress("hsm", &[SIGNER], Protocol::Tcp, Some(&hsm)),
        ],
        loopback: vec![
            loopback(6732, &[ROOT, BAKER]),
            loopback(8732, &[ROOT, BAKER, ACCUSER, DAL]),
            loopback(9932, &[ROOT]),
            loopback(10732, &[ROOT, BAKER]),
        ],
    }
}
