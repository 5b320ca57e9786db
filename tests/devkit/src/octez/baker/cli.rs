//! octez-baker's command line: global options, `run with local node DIR`, aliases, and what must be chosen.

use std::path::PathBuf;

use crate::octez::args::{Dialect, Opt, Takes};
use crate::octez::exit::Failure;
use crate::octez::http::Base;

use super::votes::{Toggle, Votes};

const DIALECT: Dialect = Dialect::Clic;

/// Options in front of the command; the accuser has them as well.
pub(crate) const GLOBAL: &[Opt] = &[
    (&["base-dir", "d"], Takes::Value),
    (&["config-file", "c"], Takes::Value),
    (&["endpoint", "E"], Takes::Value),
    (&["remote-signer", "R"], Takes::Value),
    (&["password-filename", "f"], Takes::Value),
    (&["media-type", "m"], Takes::Value),
    (&["chain"], Takes::Value),
    (&["log-requests", "l"], Takes::Flag),
    (&["timings", "t"], Takes::Flag),
    (&["better-errors"], Takes::Flag),
];

const RUN: &[Opt] = &[
    (&["liquidity-baking-toggle-vote"], Takes::Value),
    (&["votefile"], Takes::Value),
    (&["dal-node"], Takes::Value),
    (&["without-dal"], Takes::Flag),
    (&["keep-alive", "K"], Takes::Flag),
    (&["remote-calls-timeout"], Takes::Value),
    (&["pre-emptive-forge-time"], Takes::Value),
    (&["operations-pool"], Takes::Value),
    (&["context"], Takes::Value),
    (&["pidfile", "P"], Takes::Value),
    (&["minimal-fees"], Takes::Value),
    (&["minimal-nanotez-per-gas-unit"], Takes::Value),
    (&["minimal-nanotez-per-byte"], Takes::Value),
    (&["force-apply-from-round"], Takes::Value),
    (&["node-version-check-bypass"], Takes::Flag),
    (&["node-version-allowed"], Takes::Value),
    (&["extra-node"], Takes::Values),
    (&["record-state"], Takes::Flag),
];

/// A command line of octez-baker, its values read.
#[derive(Debug)]
pub(super) struct BakerArgs {
    pub(super) base_dir: PathBuf,
    pub(super) node_dir: PathBuf,
    pub(super) endpoint: Base,
    pub(super) remote_signer: Option<Base>,
    pub(super) aliases: Vec<String>,
    pub(super) votes: Votes,
    pub(super) dal: Option<Base>,
    pub(super) keep_alive: bool,
    pub(super) any_node_version: bool,
    pub(super) pidfile: Option<PathBuf>,
}

// === impl BakerArgs ===

impl BakerArgs {
    pub(super) fn parse(args: &[String]) -> Result<Self, Failure> {
        let (global, rest) = DIALECT.parse_front(GLOBAL, args)?;
        let base_dir = base_dir(global.value("base-dir"))?;
        let options = DIALECT.parse(RUN, rest)?;
        let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
        let (node_dir, aliases) = match words.as_slice() {
            ["run", "with", "local", "node", directory, aliases @ ..] => (directory, aliases),
            ["run", "remotely" | "vdf" | "accuser", ..] | ["dal", ..] => {
                return Err(DIALECT.refuse("the stand-in knows only: run with local node"));
            }
            _ => return Err(DIALECT.refuse("Unrecognized command.")),
        };
        for key in ["remote-calls-timeout", "pre-emptive-forge-time"] {
            options.read::<f64>(DIALECT, key)?;
        }
        for key in [
            "minimal-fees",
            "minimal-nanotez-per-gas-unit",
            "minimal-nanotez-per-byte",
            "force-apply-from-round",
        ] {
            options.read::<f64>(DIALECT, key)?;
        }
        let toggle = options.read::<Toggle>(DIALECT, "liquidity-baking-toggle-vote")?;
        let votefile = options.value("votefile").map(PathBuf::from);
        let votes = Votes::choose(toggle, votefile, &base_dir)?;
        let dal = match (options.value("dal-node"), options.flag("without-dal")) {
            (Some(_), true) => {
                return Err(Failure::new(
                    "Incompatible_dal_options: --dal-node and --without-dal exclude each other",
                ));
            }
            (None, false) => {
                return Err(Failure::new(
                    "No_dal_node_endpoint: give --dal-node ENDPOINT, or --without-dal to opt out",
                ));
            }
            (Some(url), false) => Some(base(url)?),
            (None, true) => None,
        };
        Ok(Self {
            node_dir: PathBuf::from(node_dir),
            endpoint: base(global.value("endpoint").unwrap_or("http://localhost:8732"))?,
            remote_signer: global.value("remote-signer").map(base).transpose()?,
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            votes,
            dal,
            keep_alive: options.flag("keep-alive"),
            any_node_version: options.flag("node-version-check-bypass")
                || options.value("node-version-allowed").is_some(),
            pidfile: options.value("pidfile").map(PathBuf::from),
            base_dir,
        })
    }
}

/// The base directory, which must exist.
pub(crate) fn base_dir(given: Option<&str>) -> Result<PathBuf, Failure> {
    let Some(text) = given else {
        return Err(Failure::new(
            "no --base-dir: Octez would take $HOME/.tezos-client, the stand-in reads no environment",
        ));
    };
    let path = PathBuf::from(text);
    if path.is_dir() {
        return Ok(path);
    }
    Err(Failure::new(format!(
        "Specified --base-dir {text} does not exist. Please create the directory and try again."
    )))
}

/// An endpoint.
pub(crate) fn base(url: &str) -> Result<Base, Failure> {
    Base::parse(url).map_err(|error| Failure::new(error.to_string()))
}
