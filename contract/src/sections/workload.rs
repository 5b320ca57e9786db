//! Our part of `workload`: what runs, on which network, with which keys.

use std::collections::BTreeMap;

use super::env::Env;
use super::ours::form;
use super::{args, keys, tezos, values};
use crate::error::{Code, ContractError, Warning};
use crate::reader::View;
use crate::settings::{
    BakerSettings, Dal, Network, NodeSettings, Settings, Snapshot, Timing, ToggleVote,
};

pub(super) const DALS: [(&str, Dal); 2] = [("none", Dal::None), ("outbound", Dal::Outbound)];
pub(super) const VOTES: [(&str, ToggleVote); 3] = [
    ("on", ToggleVote::On),
    ("off", ToggleVote::Off),
    ("pass", ToggleVote::Pass),
];

const SIGNER: &str = "bakehouse-signer";
const NODE: &str = "octez-node";
const BAKER: &str = "octez-baker";
const ACCUSER: &str = "octez-accuser";
const DAL_NODE: &str = "octez-dal-node";

/// Reads `workload`. What comes of it lacks only what is read from `env`, and the timing, which the caller merges.
pub(super) fn read(
    ours: &View<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<impl FnOnce(Env) -> Settings + use<>, ContractError> {
    let network = network(&ours.required("network")?, warnings)?;
    let chain_id = chain_id(&ours.required("chain_id")?, &network)?;
    let dal = ours.required("dal")?.choice(&DALS)?;
    let accuser = ours.required("accuser")?.boolean()?;
    let delegate = ours
        .optional("delegate")
        .map(|view| view.parse(form::PUBLIC_KEY_HASH.expected, tezos::public_key_hash))
        .transpose()?;
    let node = node(&ours.required("node")?)?;
    let baker = baker(&ours.required("baker")?)?;
    let keys = keys::read(&ours.required("keys")?, warnings)?;
    let executables = executables(&ours.required("executables")?, dal, accuser)?;
    Ok(move |env: Env| Settings {
        network,
        chain_id,
        node,
        baker,
        dal,
        delegate,
        accuser,
        keys,
        executables,
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
    let network = view.parse(form::NETWORK.expected, |text| {
        if tezos::built_in(text).is_some() {
            return Some(Network::BuiltIn(text.to_owned()));
        }
        values::https_url(text).map(Network::Url)
    })?;
    if matches!(&network, Network::BuiltIn(name) if name == "sandbox") {
        warnings.push(view.warning(
            "the chain id of sandbox is mainnet's: what its keys sign is valid on mainnet too, so never use keys of mainnet here",
        ));
    }
    Ok(network)
}

fn chain_id(view: &View<'_>, network: &Network) -> Result<String, ContractError> {
    let id = view.parse(form::CHAIN_ID.expected, tezos::chain_id)?;
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
    let peers = view
        .optional("peers")
        .map_or(Ok(Vec::new()), |list| list.items(0..=64))?;
    Ok(NodeSettings {
        history_mode: view
            .required("history_mode")?
            .parse(form::HISTORY_MODE.expected, values::history_mode)?,
        snapshot: view
            .optional("snapshot")
            .map(|view| snapshot(&view))
            .transpose()?,
        peers: peers
            .iter()
            .map(|item| item.parse(form::HOST_PORT.expected, values::host_port))
            .collect::<Result<_, _>>()?,
        extra_args: args::read(view.optional("extra_args"), args::NODE)?,
    })
}

fn snapshot(view: &View<'_>) -> Result<Snapshot, ContractError> {
    Ok(Snapshot {
        url: view
            .required("url")?
            .parse(form::SNAPSHOT_URL.expected, values::snapshot_url)?,
        sha256: view
            .required("sha256")?
            .parse(form::SHA256.expected, values::sha256)?,
        block: view
            .required("block")?
            .parse(form::BLOCK.expected, tezos::block_hash)?,
    })
}

fn baker(view: &View<'_>) -> Result<BakerSettings, ContractError> {
    Ok(BakerSettings {
        liquidity_baking_toggle_vote: view
            .required("liquidity_baking_toggle_vote")?
            .choice(&VOTES)?,
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
    let mut digests = BTreeMap::new();
    for (name, runs) in programs {
        let digest = if runs {
            Some(view.required(name)?)
        } else {
            view.optional(name)
        };
        if let Some(digest) = digest {
            let sha256 = digest.parse(form::SHA256.expected, values::sha256)?;
            digests.insert(name.to_owned(), sha256);
        }
    }
    Ok(digests)
}
