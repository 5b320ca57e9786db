//! New flows to the outside, by uid: the most specific first, whatever their order in the plan.
//!
//! 1. exclusive destinations: their uids, 2. nobody else, 3. listed destinations, 4. hosts with an exclusive destination:
//!    nobody, on any port, 5. anywhere.
//!
//! So neither a wider rule nor another service's rule opens the HSM to anybody but the signer.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ruleset::{Match, Rule, Verdict};
use crate::plan::spec::{Destinations, EgressRule};

/// Renders all egress rules in the order above.
pub(super) fn egress(all: &[EgressRule]) -> Vec<Rule> {
    let exclusive = || all.iter().filter(|rule| rule.exclusive);
    let shared = || all.iter().filter(|rule| !rule.exclusive);
    let mut rules = Vec::new();
    rules.extend(exclusive().flat_map(|rule| listed(rule, Who::Listed)));
    rules.extend(exclusive().flat_map(|rule| listed(rule, Who::Others)));
    rules.extend(shared().flat_map(|rule| listed(rule, Who::Listed)));
    rules.extend(out_of_bounds(exclusive()));
    rules.extend(exclusive().filter_map(|rule| anywhere(rule, Who::Listed)));
    rules.extend(exclusive().filter_map(|rule| anywhere(rule, Who::Others)));
    rules.extend(shared().filter_map(|rule| anywhere(rule, Who::Listed)));
    rules
}

/// Whom a rule is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Accept the uids of the rule.
    Listed,
    /// Drop everybody.
    Others,
}

/// One rule for each address family that occurs; none for "anywhere", for no destination, or for nobody.
fn listed(rule: &EgressRule, who: Who) -> Vec<Rule> {
    let Targets { v4, v6 } = Targets::of(rule);
    let v4 = (!v4.is_empty()).then_some(Match::ToV4(rule.protocol, v4));
    let v6 = (!v6.is_empty()).then_some(Match::ToV6(rule.protocol, v6));
    let there = [v4, v6].into_iter().flatten();
    there.filter_map(|there| permit(rule, there, who)).collect()
}

fn anywhere(rule: &EgressRule, who: Who) -> Option<Rule> {
    match rule.to {
        Destinations::Any => permit(rule, Match::Transport(rule.protocol), who),
        Destinations::Listed(_) | Destinations::Named(_) => None,
    }
}

fn permit(rule: &EgressRule, there: Match, who: Who) -> Option<Rule> {
    match who {
        Who::Listed => {
            let uids = Match::uids(&rule.uids)?;
            Some(Rule::new(&rule.purpose, [there, uids], Verdict::Accept))
        }
        Who::Others => {
            let comment = format!("{}, all others", rule.purpose);
            Some(Rule::new(&comment, [there], Verdict::Drop))
        }
    }
}

/// Hosts with an exclusive destination.
fn out_of_bounds<'a>(exclusive: impl Iterator<Item = &'a EgressRule>) -> Vec<Rule> {
    let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
    for rule in exclusive {
        let targets = Targets::of(rule);
        v4.extend(targets.v4.into_iter().map(|(host, _)| host));
        v6.extend(targets.v6.into_iter().map(|(host, _)| host));
    }
    let v4 = (!v4.is_empty()).then_some(Match::HostV4(v4));
    let v6 = (!v6.is_empty()).then_some(Match::HostV6(v6));
    let hosts = [v4, v6].into_iter().flatten();
    hosts
        .map(|hosts| Rule::new("exclusive hosts, all others", [hosts], Verdict::Drop))
        .collect()
}

#[derive(Default)]
struct Targets {
    v4: BTreeSet<(Ipv4Addr, u16)>,
    v6: BTreeSet<(Ipv6Addr, u16)>,
}

// === impl Targets ===

impl Targets {
    fn of(rule: &EgressRule) -> Self {
        let mut targets = Self::default();
        if let Destinations::Listed(list) = &rule.to {
            for (address, port) in list {
                // An IPv4 address in IPv6 clothes goes out as IPv4.
                match address.to_canonical() {
                    IpAddr::V4(address) => targets.v4.insert((address, *port)),
                    IpAddr::V6(address) => targets.v6.insert((address, *port)),
                };
            }
        }
        targets
    }
}
