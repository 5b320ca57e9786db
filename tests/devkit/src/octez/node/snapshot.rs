//! Toy snapshots: a text file that names a network and a head.
//!
//! ```text
//! toy snapshot of an octez-node stand-in
//! network: shadownet
//! chain_id: NetXsqzbfFenSTS
//! history_mode: rolling
//! level: 33436800
//! head: BL…
//! ```

use std::path::Path;
use std::time::Duration;

use crate::octez::args::Dialect;
use crate::octez::chain::{Chain, Network};
use crate::octez::exit::{End, Failure};
use crate::octez::say;
use crate::tezos::base58;

use super::cli::{NodeArgs, read_network};
use super::config::HistoryMode;
use super::data_dir::DataDir;

const DIALECT: Dialect = Dialect::Cmdliner;
const TITLE: &str = "toy snapshot of an octez-node stand-in";

/// A snapshot's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    network: String,
    chain_id: String,
    history_mode: String,
    level: i32,
    head: String,
}

/// `snapshot info|import|export …`
pub(super) fn main(args: &NodeArgs) -> Result<End, Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["info", file] => {
            say::line(&Snapshot::read(Path::new(file))?.render());
            Ok(End::Done)
        }
        ["import", file] => import(args, Path::new(file)).map(|()| End::Done),
        ["export", file] => export(args, Path::new(file)).map(|()| End::Done),
        ["info" | "import" | "export"] => Err(DIALECT.refuse("required argument FILE is missing")),
        other => Err(DIALECT.refuse(format!("invalid arguments: {}", other.join(" ")))),
    }
}

fn import(args: &NodeArgs, file: &Path) -> Result<(), Failure> {
    let directory = DataDir::new(&args.data_dir);
    directory.create()?;
    let _lock = directory.lock()?;
    if directory.has_store() {
        return Err(Failure::new(format!(
            "The data directory {} is not empty: a snapshot is imported into an empty one",
            args.data_dir.display()
        )));
    }
    let config = args.current()?;
    let snapshot = Snapshot::read(file)?;
    let network = read_network(&config.network)?;
    if network.chain_id_text() != snapshot.chain_id {
        return Err(Failure::new(format!(
            "The snapshot is of the network {} ({}), the node of {} ({})",
            snapshot.network,
            snapshot.chain_id,
            network.name,
            network.chain_id_text()
        )));
    }
    match args.value("block") {
        Some(block) if block != snapshot.head => {
            return Err(Failure::new(format!(
                "The block contained in the file is {} instead of {block}.",
                snapshot.head
            )));
        }
        Some(_) => {}
        None => say::line(
            "You may consider using the --block <block_hash> argument to verify that the block \
             imported is the one you expect.",
        ),
    }
    if !args.flag("no-check") {
        snapshot.check(&network)?;
    }
    let mode = snapshot
        .history_mode
        .parse::<HistoryMode>()
        .map_err(Failure::new)?;
    directory.ensure_chain(&network, mode, false)?;
    say::line(&format!("Successful import from file {}", file.display()));
    Ok(())
}

fn export(args: &NodeArgs, file: &Path) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::new(format!("{} exists already", file.display())));
    }
    let config = args.current()?;
    let network = read_network(&config.network)?;
    let pace = args.seconds("block-time", Duration::from_secs(1))?;
    let chain = Chain::new(network.clone(), pace);
    let head = chain.head();
    let snapshot = Snapshot {
        network: network.name.clone(),
        chain_id: network.chain_id_text(),
        history_mode: config.shell.history_mode.to_string(),
        level: head.level,
        head: base58::encode(base58::BLOCK, &head.hash),
    };
    std::fs::write(file, snapshot.render())
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    say::line(&format!(
        "Successful export to {}: block {}",
        file.display(),
        snapshot.head
    ));
    Ok(())
}

// === impl Snapshot ===

impl Snapshot {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
        Self::parse(&text)
            .ok_or_else(|| Failure::new(format!("{} is not a valid snapshot", file.display())))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let mut field = |name: &str| {
            let value = lines.next()?.strip_prefix(name)?.strip_prefix(": ")?;
            Some(value.to_owned())
        };
        let snapshot = Self {
            network: field("network")?,
            chain_id: field("chain_id")?,
            history_mode: field("history_mode")?,
            level: field("level")?.parse().ok()?,
            head: field("head")?,
        };
        lines.next().is_none().then_some(snapshot)
    }

    fn render(&self) -> String {
        let Self {
            network,
            chain_id,
            history_mode,
            level,
            head,
        } = self;
        format!(
            "{TITLE}\nnetwork: {network}\nchain_id: {chain_id}\nhistory_mode: {history_mode}\nlevel: {level}\nhead: {head}\n"
        )
    }

    /// The head must be a block of the toy chain.
    fn check(&self, network: &Network) -> Result<(), Failure> {
        let chain = Chain::new(network.clone(), Duration::from_secs(1));
        if base58::encode(base58::BLOCK, &chain.hash(self.level)) == self.head {
            Ok(())
        } else {
            Err(Failure::new(
                "The snapshot is inconsistent: its head is no block of its chain",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_snapshot_is_read_back_and_its_head_checked() {
        let network = Network::parse("shadownet").unwrap();
        let chain = Chain::new(network.clone(), Duration::from_secs(1));
        let mut snapshot = Snapshot {
            network: "shadownet".into(),
            chain_id: network.chain_id_text(),
            history_mode: "rolling".into(),
            level: 7,
            head: base58::encode(base58::BLOCK, &chain.hash(7)),
        };
        assert_eq!(Snapshot::parse(&snapshot.render()).unwrap(), snapshot);
        snapshot.check(&network).unwrap();
        snapshot.level = 8;
        assert!(snapshot.check(&network).is_err());
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(text: String) {
            prop_assert_eq!(Snapshot::parse(&text), None);
        }
    }
}
