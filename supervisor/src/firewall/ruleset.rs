//! The rules, as data. Pure: from nothing (locked) or a [`FirewallSpec`] to chains of typed rules, in the order that the
//! promises need.
//!
//! A ruleset is rendered for `nft` by [`Ruleset::render`] and compared with what the kernel has by [`Ruleset::diff`].

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::egress::egress;
use super::error::FirewallError;
use crate::plan::spec::{Destinations, EgressRule, FirewallSpec, LoopbackRule, Protocol};

/// Our table, of family `inet`.
pub(super) const TABLE: &str = "bakehouse";
/// The set of open ports.
pub(super) const OPEN: &str = "open";

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    pub(super) gate: Option<Gate>,
    pub(super) input: Vec<Rule>,
    pub(super) output: Vec<Rule>,
}

/// The element that the set of open ports may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gate {
    pub(super) port: u16,
    pub(super) dead_man: Duration,
}

/// All matches must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) comment: String,
    pub(super) matches: Vec<Match>,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    /// It came in over loopback.
    FromLoopback,
    /// It goes out over loopback, or not.
    ToLoopback(bool),
    /// A TCP or UDP port.
    Port(Protocol, End, u16),
    /// A TCP port in the set of open ports, or not.
    Open(End, bool),
    /// It belongs to a known flow.
    Established,
    /// It goes against the direction in which its flow began.
    Reply,
    Icmp(&'static [&'static str]),
    Icmpv6(&'static [&'static str]),
    /// The socket's owner. Never holds for a packet without a socket.
    Uid(BTreeSet<u32>),
    ToV4(Protocol, BTreeSet<(Ipv4Addr, u16)>),
    ToV6(Protocol, BTreeSet<(Ipv6Addr, u16)>),
    HostV4(BTreeSet<Ipv4Addr>),
    HostV6(BTreeSet<Ipv6Addr>),
    Transport(Protocol),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
}

/// Errors about our own packets. Also those about replies on the open port, which are not replies themselves.
const ICMP: &[&str] = &[
    "destination-unreachable",
    "time-exceeded",
    "parameter-problem",
];
/// RFC 4890 §4.4.1, without echo: errors, neighbour discovery, and the query that keeps multicast (and with it
/// neighbour discovery) alive behind switches that snoop.
const ICMPV6_IN: &[&str] = &[
    "destination-unreachable",
    "packet-too-big",
    "time-exceeded",
    "parameter-problem",
    "mld-listener-query",
    "nd-router-advert",
    "nd-neighbor-solicit",
    "nd-neighbor-advert",
];
const ICMPV6_OUT: &[&str] = &[
    "mld-listener-report",
    "mld-listener-done",
    "nd-router-solicit",
    "nd-neighbor-solicit",
    "nd-neighbor-advert",
    "mld2-listener-report",
];

// === impl Ruleset ===

impl Ruleset {
    /// Nothing passes but loopback. The set of open ports is there, and no rule looks at it.
    pub fn locked() -> Self {
        Self {
            gate: None,
            input: vec![accept("loopback", [Match::FromLoopback])],
            output: vec![accept("loopback", [Match::ToLoopback(true)])],
        }
    }

    /// The rules of a plan, whose names have all been resolved.
    pub fn of(spec: &FirewallSpec) -> Result<Self, FirewallError> {
        let named = |rule: &&EgressRule| matches!(rule.to, Destinations::Named(_));
        if let Some(rule) = spec.egress.iter().find(named) {
            return Err(FirewallError::Unresolved(rule.purpose.clone()));
        }
        Ok(Self {
            gate: Some(Gate {
                port: spec.port,
                dead_man: spec.dead_man,
            }),
            input: input(spec.port),
            output: output(spec),
        })
    }
}

fn input(port: u16) -> Vec<Rule> {
    let to_port = Match::Port(Protocol::Tcp, End::Destination, port);
    let open = Match::Open(End::Destination, true);
    vec![
        // What may go over loopback is decided where it is sent.
        accept("loopback", [Match::FromLoopback]),
        accept("the port, while open", [to_port.clone(), open]),
        // Before anything that lets known flows pass: open connections end with the port.
        drop("the port, while closed", [to_port]),
        accept("replies", [Match::Established, Match::Reply]),
        accept("errors", [Match::Icmp(ICMP)]),
        accept("errors and neighbour discovery", [Match::Icmpv6(ICMPV6_IN)]),
    ]
}

fn output(spec: &FirewallSpec) -> Vec<Rule> {
    let mut rules = vec![
        // Only a drop: while open, the rules below decide, so that this source port is no way around them.
        drop(
            "the port, while closed",
            [
                Match::ToLoopback(false),
                Match::Port(Protocol::Tcp, End::Source, spec.port),
                Match::Open(End::Source, false),
            ],
        ),
        // A closed socket has no uid any more: without this its queued data and its FIN are lost.
        accept("known flows", [Match::Established]),
        accept("neighbour discovery", [Match::Icmpv6(ICMPV6_OUT)]),
    ];
    rules.extend(spec.loopback.iter().filter_map(loopback));
    rules.push(drop("loopback, all others", [Match::ToLoopback(true)]));
    rules.extend(egress(&spec.egress));
    rules
}

fn loopback(rule: &LoopbackRule) -> Option<Rule> {
    let uids = Match::uids(&rule.uids)?;
    Some(accept(
        "loopback",
        [
            Match::ToLoopback(true),
            Match::Port(Protocol::Tcp, End::Destination, rule.port),
            uids,
        ],
    ))
}

// === impl Rule ===

fn accept(comment: &str, matches: impl IntoIterator<Item = Match>) -> Rule {
    Rule::new(comment, matches, Verdict::Accept)
}

fn drop(comment: &str, matches: impl IntoIterator<Item = Match>) -> Rule {
    Rule::new(comment, matches, Verdict::Drop)
}

impl Rule {
    pub(super) fn new(
        comment: &str,
        matches: impl IntoIterator<Item = Match>,
        verdict: Verdict,
    ) -> Self {
        // The kernel holds 128 bytes, nft cuts nothing, and a purpose comes from the plan.
        let safe = |letter: &char| letter.is_ascii_alphanumeric() || " ,-_".contains(*letter);
        Self {
            comment: comment.chars().filter(safe).take(100).collect(),
            matches: matches.into_iter().collect(),
            verdict,
        }
    }
}

// === impl Match ===

impl Match {
    /// `None` for nobody.
    pub(super) fn uids(uids: &[u32]) -> Option<Self> {
        (!uids.is_empty()).then(|| Self::Uid(uids.iter().copied().collect()))
    }
}
