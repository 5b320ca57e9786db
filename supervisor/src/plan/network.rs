//! Which packets may pass: the firewall's part of a plan.

use bakehouse_contract::settings::{Network, Settings};

use super::account;
use super::spec::{Destinations, EgressRule, FirewallSpec, LoopbackRule, Protocol};
use super::units;

/// The one port that the world may reach.
const PEER_PORT: u16 = 9732;
const DNS_PORT: u16 = 53;
const NTP_PORT: u16 = 123;
const HTTPS_PORT: u16 = 443;
const SUPERVISOR: u32 = 0;

pub(super) fn firewall(settings: &Settings) -> FirewallSpec {
    FirewallSpec {
        port: PEER_PORT,
        dead_man: settings.timing.dead_man,
        egress: egress(settings),
        loopback: loopback(settings),
    }
}

/// The most specific first: the HSM is the signer's alone, and peers are the widest.
fn egress(settings: &Settings) -> Vec<EgressRule> {
    let rule = |purpose: &str, uids: Vec<u32>, protocol, to, exclusive| EgressRule {
        purpose: purpose.to_owned(),
        uids,
        protocol,
        to,
        exclusive,
    };
    let hsm = settings
        .grep11
        .endpoints
        .iter()
        .map(|e| (e.host.clone(), e.port))
        .collect();
    let mut rules = vec![rule(
        "hsm",
        vec![account("signer").uid],
        Protocol::Tcp,
        Destinations::Named(hsm),
        true,
    )];
    if !settings.egress.logs.is_empty() {
        let logs = Destinations::Named(settings.egress.logs.clone());
        rules.push(rule("logs", vec![SUPERVISOR], Protocol::Tcp, logs, false));
    }
    if !settings.egress.dns.is_empty() {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let servers = settings
                .egress
                .dns
                .iter()
                .map(|ip| (*ip, DNS_PORT))
                .collect();
            rules.push(rule(
                "dns",
                vec![SUPERVISOR],
                protocol,
                Destinations::Listed(servers),
                false,
            ));
        }
    }
    if !settings.egress.ntp.is_empty() {
        let servers = settings
            .egress
            .ntp
            .iter()
            .map(|ip| (*ip, NTP_PORT))
            .collect();
        rules.push(rule(
            "ntp",
            vec![SUPERVISOR],
            Protocol::Udp,
            Destinations::Listed(servers),
            false,
        ));
    }
    if let Some(host) = snapshot_host(settings) {
        let to = Destinations::Named(vec![host]);
        rules.push(rule("snapshot", vec![SUPERVISOR], Protocol::Tcp, to, false));
    }
    if let Network::Url(url) = &settings.network
        && let Some(host) = https_host(url)
    {
        let to = Destinations::Named(vec![host]);
        rules.push(rule(
            "network",
            vec![account("node").uid],
            Protocol::Tcp,
            to,
            false,
        ));
    }
    let mut peers = vec![account("node").uid];
    if units::runs_dal(settings) {
        peers.push(account("dal").uid);
    }
    rules.push(rule(
        "peers",
        peers,
        Protocol::Tcp,
        Destinations::Any,
        false,
    ));
    rules
}

fn snapshot_host(settings: &Settings) -> Option<(String, u16)> {
    https_host(&settings.node.snapshot.as_ref()?.url)
}

/// Host and port of an `https://` address.
pub(crate) fn https_host(url: &str) -> Option<(String, u16)> {
    let authority = url.strip_prefix("https://")?.split('/').next()?;
    if let Some((host, port)) = authority.rsplit_once(':')
        && let Ok(port) = port.parse()
    {
        return Some((host.trim_matches(['[', ']']).to_owned(), port));
    }
    Some((authority.trim_matches(['[', ']']).to_owned(), HTTPS_PORT))
}

fn loopback(settings: &Settings) -> Vec<LoopbackRule> {
    let uid = |unit: &str| account(unit).uid;
    let mut node_clients = vec![SUPERVISOR, uid("baker")];
    if settings.accuser {
        node_clients.push(uid("accuser"));
    }
    if units::runs_dal(settings) {
        node_clients.push(uid("dal"));
    }
    let mut rules = vec![
        LoopbackRule {
            port: units::SIGNER_PORT,
            uids: vec![SUPERVISOR, uid("baker")],
        },
        LoopbackRule {
            port: units::NODE_RPC_PORT,
            uids: node_clients,
        },
        LoopbackRule {
            port: units::NODE_METRICS_PORT,
            uids: vec![SUPERVISOR],
        },
    ];
    if units::runs_dal(settings) {
        rules.push(LoopbackRule {
            port: units::DAL_RPC_PORT,
            uids: vec![SUPERVISOR, uid("baker")],
        });
    }
    rules
}
