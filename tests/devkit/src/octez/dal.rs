//! octez-dal-node's stand-in: configuration, the health routes, and a peer-to-peer port that says nothing.
//!
//! It has no peers, so its health says `degraded`, as a real one says that can only dial out and finds nobody.

mod config;
mod rpc;

use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::args::{Dialect, Opt, Parsed, Takes};
use super::baker::cli::base;
use super::exit::{self, End, Failure};
use super::http::Base;
use super::monitor::{Node, NodeError, RETRY};
use super::{listen, say};
use config::Config;

const DIALECT: Dialect = Dialect::Cmdliner;

const OPTIONS: &[Opt] = &[
    (&["data-dir", "d"], Takes::Value),
    (&["config-file"], Takes::Value),
    (&["endpoint"], Takes::Value),
    (&["rpc-addr"], Takes::Value),
    (&["net-addr"], Takes::Value),
    (&["public-addr"], Takes::Value),
    (&["metrics-addr"], Takes::Value),
    (&["peers"], Takes::Value),
    (&["expected-pow"], Takes::Value),
    (&["attester-profiles"], Takes::Value),
    (&["operator-profiles"], Takes::Value),
    (&["observer-profiles"], Takes::Value),
    (&["bootstrap-profile"], Takes::Flag),
    (&["history-mode"], Takes::Value),
    (&["fetch-trusted-setup"], Takes::Value),
    (&["disable-amplification"], Takes::Flag),
    (&["verbose", "v"], Takes::Flag),
];

/// Runs octez-dal-node's command line (without `argv[0]`).
pub(super) fn main(args: &[String]) -> Result<End, Failure> {
    if args.first().is_some_and(|arg| arg == "--version") {
        let (major, minor) = super::VERSION;
        say::line(&format!(
            "bakehouse-stand-in (Octez {major}.{minor} is claimed) octez-dal-node"
        ));
        return Ok(End::Done);
    }
    say::banner("octez-dal-node");
    let options = DIALECT.parse(OPTIONS, args)?;
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    let file = config_file(&options)?;
    let shown = file.display();
    match words.as_slice() {
        ["config", "init"] if file.exists() => Err(Failure::new(format!(
            "Configuration file {shown} already exists. Use `config update` or `config reset`."
        ))),
        ["config", "init" | "reset"] => Config::default()
            .patch(&options)?
            .write(&file)
            .map(|()| End::Done),
        ["config", "update"] => Config::read(&file)?
            .patch(&options)?
            .write(&file)
            .map(|()| End::Done),
        ["config", "show"] => {
            say::line(&Config::read(&file)?.patch(&options)?.render());
            Ok(End::Done)
        }
        ["run"] => {
            let config = if file.exists() {
                Config::read(&file)?
            } else {
                Config::default()
            };
            let config = config.patch(&options)?;
            let endpoint = base(config.endpoint.as_deref().ok_or_else(|| {
                Failure::new("no L1 node: give --endpoint, here or to `config init`")
            })?)?;
            exit::daemon(|stop| run(config, endpoint, stop))
        }
        [] => Err(DIALECT.refuse("required COMMAND is missing: config or run")),
        other => Err(DIALECT.refuse(format!("unknown command '{}'", other.join(" ")))),
    }
}

fn config_file(options: &Parsed) -> Result<PathBuf, Failure> {
    match (options.value("config-file"), options.value("data-dir")) {
        (Some(file), _) => Ok(PathBuf::from(file)),
        (None, Some(directory)) => Ok(PathBuf::from(directory).join("config.json")),
        (None, None) => Err(Failure::new(
            "no --data-dir: Octez would take $HOME/.tezos-dal-node, the stand-in reads no environment",
        )),
    }
}

async fn run(config: Config, endpoint: Base, stop: CancellationToken) -> Result<(), Failure> {
    let parts = stop.child_token();
    let _end = parts.clone().drop_guard();
    let status = rpc::Status::default();
    let mut tasks = JoinSet::new();
    let (listener, address) = bind(&config.net_addr, 11732)?;
    say::line(&format!("P2P: listening on {address}"));
    tasks.spawn(hold(listener));
    let (listener, address) = bind(&config.rpc_addr, 10732)?;
    say::line(&format!("RPC server listening on {address}"));
    tasks.spawn(rpc::serve(
        listener,
        rpc::routes(&config, &status),
        parts.clone(),
    ));
    if let Some(text) = &config.metrics_addr {
        let (listener, _) = bind(text, 11733)?;
        tasks.spawn(rpc::serve(listener, rpc::metrics(&status), parts.clone()));
    }
    tasks.spawn(follow(Node::new(endpoint), status));
    say::line("the DAL node is ready");
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        Some(part) = tasks.join_next() => part.unwrap_or_else(|error| Err(Failure::new(error.to_string()))),
    };
    tasks.shutdown().await;
    ended
}

fn bind(text: &str, default_port: u16) -> Result<(TcpListener, std::net::SocketAddr), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new(error.to_string());
    let wanted = listen::parse(text, default_port).map_err(|error| failed(&error))?;
    let listener = listen::bind(wanted).map_err(|error| failed(&error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    Ok((listener, address))
}

/// Takes peers and lets them go: there is nothing to say.
async fn hold(listener: TcpListener) -> Result<(), Failure> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(stream),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// Follows the node's heads; a node that is away is waited for.
async fn follow(node: Node, status: rpc::Status) -> Result<(), Failure> {
    loop {
        let followed: Result<(), NodeError> = async {
            let mut heads = node.heads().await?;
            while let Some(head) = heads.next().await? {
                status.saw(head.level);
            }
            Ok(())
        }
        .await;
        status.lost();
        if let Err(error) = followed {
            say::line(&format!("{error}, retrying"));
        }
        tokio::time::sleep(RETRY).await;
    }
}
