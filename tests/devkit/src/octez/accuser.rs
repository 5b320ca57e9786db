//! octez-accuser's stand-in: follows the node's heads, accuses nobody.

use super::args::{Dialect, Opt, Takes};
use super::baker::cli::{GLOBAL, base, base_dir};
use super::exit::{self, End, Failure};
use super::monitor::{Node, NodeError, RETRY};
use super::say;

const DIALECT: Dialect = Dialect::Clic;

const RUN: &[Opt] = &[
    (&["preserved-levels"], Takes::Value),
    (&["keep-alive", "K"], Takes::Flag),
    (&["pidfile", "P"], Takes::Value),
];

/// Runs octez-accuser's command line (without `argv[0]`).
pub(super) fn main(args: &[String]) -> Result<End, Failure> {
    if args.first().is_some_and(|arg| arg == "--version") {
        let (major, minor) = super::VERSION;
        say::line(&format!(
            "bakehouse-stand-in (Octez {major}.{minor} is claimed) octez-accuser"
        ));
        return Ok(End::Done);
    }
    say::banner("octez-accuser");
    let (global, rest) = DIALECT.parse_front(GLOBAL, args)?;
    base_dir(global.value("base-dir"))?;
    let endpoint = base(global.value("endpoint").unwrap_or("http://localhost:8732"))?;
    let options = DIALECT.parse(RUN, rest)?;
    if options.words != ["run"] {
        return Err(DIALECT.refuse("Unrecognized command."));
    }
    options.read::<u32>(DIALECT, "preserved-levels")?;
    if let Some(file) = options.value("pidfile") {
        std::fs::write(file, format!("{}\n", std::process::id()))
            .map_err(|error| Failure::new(format!("{file}: {error}")))?;
    }
    let keep_alive = options.flag("keep-alive");
    exit::daemon(|stop| async move {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            failure = watch(Node::new(endpoint), keep_alive) => Err(failure),
        }
    })
}

/// Watches until the node is lost and may not be waited for.
async fn watch(node: Node, keep_alive: bool) -> Failure {
    loop {
        let reason = match follow(&node).await {
            Ok(()) => "the stream of heads ended".to_owned(),
            Err(error) => error.to_string(),
        };
        if !keep_alive {
            return Failure::new(format!("Lost the connection to the node: {reason}"));
        }
        say::line(&format!(
            "Lost the connection to the node ({reason}), retrying"
        ));
        tokio::time::sleep(RETRY).await;
    }
}

async fn follow(node: &Node) -> Result<(), NodeError> {
    while !node.bootstrapped().await? {
        tokio::time::sleep(RETRY).await;
    }
    let mut heads = node.heads().await?;
    say::line("Accuser started.");
    while let Some(head) = heads.next().await? {
        if head.level % 10 == 0 {
            say::line(&format!("nobody to accuse up to level {}", head.level));
        }
    }
    Ok(())
}
