//! From names to addresses: the last step before a plan is carried out.
//!
//! The supervisor alone resolves names. What it finds goes into the firewall's address sets, the signer's configuration
//! and the node's `--peer` arguments; TLS still checks the name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bakehouse_contract::settings::Settings;

use super::PlanError;
use super::material::{self, Content};
use super::spec::{Destinations, FirewallSpec, Plan, UnitSpec};

/// Addresses by host name.
#[derive(Debug, Clone, Default)]
pub struct Resolution(BTreeMap<String, Vec<IpAddr>>);

/// A plan with addresses in place of names, and the bytes of its files.
#[derive(Debug)]
pub struct Resolved {
    /// The firewall.
    pub firewall: FirewallSpec,
    /// The units.
    pub units: Vec<UnitSpec>,
    /// The files.
    pub files: Vec<Content>,
}

// === impl Resolution ===

impl Resolution {
    /// Records what a name stands for.
    pub fn insert(&mut self, host: &str, addresses: Vec<IpAddr>) {
        self.0.insert(host.to_owned(), addresses);
    }

    /// The addresses of a host; an IP address stands for itself.
    pub(super) fn addresses(&self, host: &str) -> Result<&[IpAddr], PlanError> {
        match self.0.get(host).map(Vec::as_slice) {
            Some(addresses) if !addresses.is_empty() => Ok(addresses),
            _ => Err(PlanError::Unresolved(host.to_owned())),
        }
    }
}

// === impl Plan ===

impl Plan {
    /// Every host of the plan that is a name or an address to be recorded, without repeats.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        for rule in &self.firewall.egress {
            if let Destinations::Named(named) = &rule.to {
                hosts.extend(named.iter().map(|(host, _)| host.clone()));
            }
        }
        hosts.extend(self.units.iter().flat_map(peers).map(|(host, _)| host));
        hosts.sort();
        hosts.dedup();
        hosts
    }
}

/// Fills in addresses and renders the files.
pub fn resolve(
    settings: &Settings,
    plan: &Plan,
    resolution: &Resolution,
) -> Result<Resolved, PlanError> {
    let mut firewall = plan.firewall.clone();
    for rule in &mut firewall.egress {
        if let Destinations::Named(named) = &rule.to {
            rule.to = Destinations::Listed(listed(named, resolution)?);
        }
    }
    let units = plan
        .units
        .iter()
        .map(|unit| with_addresses(unit, resolution))
        .collect::<Result<_, _>>()?;
    Ok(Resolved {
        firewall,
        units,
        files: material::contents(settings, plan, resolution)?,
    })
}

fn listed(
    named: &[(String, u16)],
    resolution: &Resolution,
) -> Result<Vec<(IpAddr, u16)>, PlanError> {
    let mut listed = Vec::new();
    for (host, port) in named {
        listed.extend(
            resolution
                .addresses(host)?
                .iter()
                .map(|address| (*address, *port)),
        );
    }
    listed.sort();
    listed.dedup();
    Ok(listed)
}

/// Hosts and ports of a unit's `--peer` arguments.
fn peers(unit: &UnitSpec) -> Vec<(String, u16)> {
    unit.args.iter().filter_map(|arg| peer(arg)).collect()
}

fn peer(arg: &str) -> Option<(String, u16)> {
    let (host, port) = arg.strip_prefix("--peer=")?.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
}

fn with_addresses(unit: &UnitSpec, resolution: &Resolution) -> Result<UnitSpec, PlanError> {
    let mut args = Vec::with_capacity(unit.args.len());
    for arg in &unit.args {
        match peer(arg) {
            None => args.push(arg.clone()),
            Some((host, port)) => {
                for address in resolution.addresses(&host)? {
                    args.push(format!("--peer={}", SocketAddr::new(*address, port)));
                }
            }
        }
    }
    Ok(UnitSpec {
        args,
        ..unit.clone()
    })
}
