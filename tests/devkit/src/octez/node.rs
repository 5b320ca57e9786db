//! octez-node's stand-in: configuration, identity, toy snapshots, and a node that follows the toy chain.

mod cli;
mod config;
pub(super) mod data_dir;
pub mod helper;
mod inject;
mod p2p;
mod rpc;
mod run;
mod snapshot;

use super::args::Dialect;
use super::exit::{self, End, Failure};
use super::say;
use cli::NodeArgs;
use data_dir::DataDir;

const CMDLINER: Dialect = Dialect::Cmdliner;

/// Runs octez-node's command line (without `argv[0]`).
pub(super) fn main(args: &[String]) -> Result<End, Failure> {
    let Some((command, rest)) = args.split_first() else {
        return Err(CMDLINER
            .refuse("required COMMAND is missing: config, identity, run, snapshot or upgrade"));
    };
    if command == "--version" {
        let (major, minor) = super::VERSION;
        say::line(&format!(
            "bakehouse-stand-in (Octez {major}.{minor} is claimed) octez-node"
        ));
        return Ok(End::Done);
    }
    say::banner("octez-node");
    match command.as_str() {
        "config" => configure(&NodeArgs::parse(rest, cli::Command::Config)?),
        "identity" => identity(&NodeArgs::parse(rest, cli::Command::Identity)?),
        "snapshot" => snapshot::main(&NodeArgs::parse(rest, cli::Command::Snapshot)?),
        "upgrade" => upgrade(&NodeArgs::parse(rest, cli::Command::Upgrade)?),
        "run" => {
            let args = NodeArgs::parse(rest, cli::Command::Run)?;
            if let [extra, ..] = args.words.as_slice() {
                return Err(CMDLINER.refuse(format!(
                    "too many arguments, don't know what to do with '{extra}'"
                )));
            }
            let node = run::Prepared::new(&args)?;
            exit::daemon(|stop| node.run(stop))
        }
        other => Err(CMDLINER.refuse(format!("unknown command '{other}'"))),
    }
}

fn configure(args: &NodeArgs) -> Result<End, Failure> {
    let file = args.config_file();
    let shown = file.display();
    match args
        .words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["init"] if file.exists() => Err(Failure::new(format!(
            "Pre-existing configuration file at {shown}, use `reset`."
        ))),
        ["init"] => {
            args.patched(None)?.write(&file)?;
            say::line(&format!(
                "Created {shown} for network: {}.",
                args.patched(None)?.network
            ));
            Ok(End::Done)
        }
        ["reset"] => args.patched(None)?.write(&file).map(|()| End::Done),
        ["update"] if file.exists() => args
            .patched(Some(config::Config::read(&file)?))?
            .write(&file)
            .map(|()| End::Done),
        ["update"] => Err(Failure::new(format!(
            "Missing configuration file at {shown}. Use `octez-node config init [options]` to generate a new file"
        ))),
        [] | ["show"] => {
            say::line(&args.current()?.render());
            Ok(End::Done)
        }
        ["validate"] => args.current().map(|_| End::Done),
        other => Err(CMDLINER.refuse(format!("invalid arguments: {}", other.join(" ")))),
    }
}

fn identity(args: &NodeArgs) -> Result<End, Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let directory = DataDir::new(&args.data_dir);
    match words.as_slice() {
        // A second word is the difficulty of the identity's proof of work.
        ["generate"] | ["generate", _] => {
            if directory.has_identity() {
                return Err(Failure::new(format!(
                    "Cannot generate identity file: a file already exists at {}",
                    directory.identity_file().display()
                )));
            }
            directory.create()?;
            let peer = directory.ensure_identity()?;
            say::line(&format!(
                "Stored the new identity ({peer}) into '{}'.",
                directory.identity_file().display()
            ));
            Ok(End::Done)
        }
        [] | ["show"] if directory.has_identity() => {
            say::line(&format!("Peer_id: {}.", directory.ensure_identity()?));
            Ok(End::Done)
        }
        [] | ["show"] => Err(Failure::new(format!(
            "No identity file at {}",
            directory.identity_file().display()
        ))),
        other => Err(CMDLINER.refuse(format!("invalid arguments: {}", other.join(" ")))),
    }
}

fn upgrade(args: &NodeArgs) -> Result<End, Failure> {
    if args.words != ["storage"] {
        return Err(CMDLINER.refuse("expected: upgrade storage"));
    }
    let directory = DataDir::new(&args.data_dir);
    if !directory.has_store() {
        return Err(Failure::new(format!(
            "no store to upgrade in {}",
            args.data_dir.display()
        )));
    }
    say::line("Node data is already up-to-date.");
    Ok(End::Done)
}
