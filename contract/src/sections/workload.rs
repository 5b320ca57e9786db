//! Our part of `workload`: what runs, on which network, with which keys.

use std::collections::BTreeMap;

use super::env::Env;
use super::{args, keys, tezos, values};
use crate::error::{Code, ContractError, Warning};
use crate::reader::View;
use crate::settings::{
    BakerSettings, Dal, Network, NodeSettings, Settings, Snapshot, Timing, ToggleVote,
};

const SIGNER: &str = "bakehouse-signer";
const NODE: &str = "octez-node";
const BAKER: &str = "octez-baker";
const ACCUSER: &str = "octez-accuser";
const DAL_NODE: &str = "octez-dal-node";

/// Reads `workload` and joins it with what was read from `env`. The timing is merged by the caller.
pub(super) fn read(
    ours: &View<'_>,
    env: Env,
    warnings: &mut Vec<Warning>,
) -> Result<Settings, ContractError> {
    let network = network(&ours.required("network")?, warnings)?;
    let chain_id = chain_id(&ours.required("chain_id")?, &network)?;
    let dal = ours
        .required("dal")?
        .choice(&[("none", Dal::None), ("outbound", Dal::Outbound)])?;
    let accuser = ours.required("accuser")?.boolean()?;
    let delegate = ours
        .optional("delegate")
        .map(|view| {
            view.parse(
                "a public key hash: tz1… to tz4…, with a sound checksum",
                tezos::public_key_hash,
            )
        })
        .transpose()?;
    Ok(Settings {
        network,
        chain_id,
        node: node(&ours.required("node")?)?,
        baker: baker(&ours.required("baker")?)?,
        dal,
        delegate,
        accuser,
        keys: keys::read(&ours.required("keys")?, warnings)?,
        executables: executables(&ours.required("executables")?, dal, accuser)?,
        state: env.state,
        grep11: env.grep11,
        egress: env.egress,
        powers: env.powers,
        serial: env.serial,
        timing: Timing::default(),
    })
}

/// Whether a text names a network.
pub(crate) fn is_network(text: &str) -> bool {
    tezos::built_in(text).is_some() || values::https_url(text).is_some()
}

fn network(view: &View<'_>, warnings: &mut Vec<Warning>) -> Result<Network, ContractError> {
    let network = view.parse(
        "mainnet, ghostnet, shadownet, sandbox or an https:// address of a network configuration",
        |text| {
            if tezos::built_in(text).is_some() {
                return Some(Network::BuiltIn(text.to_owned()));
            }
            values::https_url(text).map(Network::Url)
        },
    )?;
    if matches!(&network, Network::BuiltIn(name) if name == "sandbox") {
        warnings.push(view.warning(
            "the chain id of sandbox is mainnet's: what its keys sign is valid on mainnet too, so never use keys of mainnet here",
        ));
    }
    Ok(network)
}

fn chain_id(view: &View<'_>, network: &Network) -> Result<String, ContractError> {
    let id = view.parse("a chain id: NetX…, with a sound checksum", tezos::chain_id)?;
    if let Network::BuiltIn(name) = network
        && let Some(own) = tezos::built_in(name)
        && own != id
    {
        return Err(view.error(
            Code::ChainInvalid,
            format!("is not the chain id of {name}, which is {own}"),
        ));
    }
    Ok(id)
}

fn node(view: &View<'_>) -> Result<NodeSettings, ContractError> {
    view.only(&["history_mode", "snapshot", "peers", "extra_args"])?;
    let peers = view
        .optional("peers")
        .map_or(Ok(Vec::new()), |list| list.items(0..=64))?;
    Ok(NodeSettings {
        history_mode: view.required("history_mode")?.parse(
            "rolling, rolling:N, full, full:N or archive",
            values::history_mode,
        )?,
        snapshot: view
            .optional("snapshot")
            .map(|view| snapshot(&view))
            .transpose()?,
        peers: peers
            .iter()
            .map(|item| {
                item.parse(
                    "host:port, where an IPv6 address stands in brackets",
                    values::host_port,
                )
            })
            .collect::<Result<_, _>>()?,
        extra_args: args::read(view.optional("extra_args"), args::NODE)?,
    })
}

fn snapshot(view: &View<'_>) -> Result<Snapshot, ContractError> {
    view.only(&["url", "sha256", "block"])?;
    Ok(Snapshot {
        url: view.required("url")?.parse(
            "an https:// address or file:/// and an absolute path",
            values::snapshot_url,
        )?,
        sha256: view
            .required("sha256")?
            .parse("a SHA-256: 64 hexadecimal digits", values::sha256)?,
        block: view
            .required("block")?
            .parse("a block hash: B…, with a sound checksum", tezos::block_hash)?,
    })
}

fn baker(view: &View<'_>) -> Result<BakerSettings, ContractError> {
    view.only(&["liquidity_baking_toggle_vote", "extra_args"])?;
    let votes = [
        ("on", ToggleVote::On),
        ("off", ToggleVote::Off),
        ("pass", ToggleVote::Pass),
    ];
    Ok(BakerSettings {
        liquidity_baking_toggle_vote: view
            .required("liquidity_baking_toggle_vote")?
            .choice(&votes)?,
        extra_args: args::read(view.optional("extra_args"), args::BAKER)?,
    })
}

/// Every program that runs must be named with its digest; those that do not run may be.
fn executables(
    view: &View<'_>,
    dal: Dal,
    accuser: bool,
) -> Result<BTreeMap<String, [u8; 32]>, ContractError> {
    let programs = [
        (SIGNER, true),
        (NODE, true),
        (BAKER, true),
        (ACCUSER, accuser),
        (DAL_NODE, dal == Dal::Outbound),
    ];
    view.only(&programs.map(|(name, _)| name))?;
    let mut digests = BTreeMap::new();
    for (name, runs) in programs {
        let digest = if runs {
            Some(view.required(name)?)
        } else {
            view.optional(name)
        };
        if let Some(digest) = digest {
            let sha256 = digest.parse("a SHA-256: 64 hexadecimal digits", values::sha256)?;
            digests.insert(name.to_owned(), sha256);
        }
    }
    Ok(digests)
}
