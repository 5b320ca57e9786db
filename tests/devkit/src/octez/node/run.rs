//! `octez-node run`: takes the data directory, listens, and follows the toy chain until it is stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::octez::chain::{self, Chain};
use crate::octez::exit::Failure;
use crate::octez::{listen, say};

use super::cli::{METRICS_PORT, NET_PORT, NodeArgs, RPC_PORT, read_network};
use super::config::Config;
use super::data_dir::{DataDir, Lock};
use super::helper::Helper;
use super::p2p::{self, Peers};
use super::rpc;

/// How long open requests are waited for at the end.
const LINGER: Duration = Duration::from_millis(100);

/// A node whose command line, configuration and data directory are in order.
pub(super) struct Prepared {
    config: Config,
    chain: Chain,
    directory: DataDir,
    lock: Lock,
    peer_id: String,
    single_process: bool,
    shutdown_delay: Duration,
}

// === impl Prepared ===

impl Prepared {
    pub(super) fn new(args: &NodeArgs) -> Result<Self, Failure> {
        let block_time = args.seconds("block-time", Duration::from_secs(1))?;
        if block_time < chain::MIN_BLOCK_TIME {
            return Err(Failure::new("--block-time must be 0.1 or more"));
        }
        let config = args.current()?;
        let network = read_network(&config.network)?;
        let directory = DataDir::new(&args.data_dir);
        directory.create()?;
        let lock = directory.lock()?;
        if !args.config_file().exists() {
            config.write(&args.config_file())?;
        }
        let peer_id = directory.ensure_identity()?;
        let force = args.flag("force-history-mode-switch");
        directory.ensure_chain(&network, config.shell.history_mode, force)?;
        Ok(Self {
            chain: Chain::new(network, block_time),
            config,
            directory,
            lock,
            peer_id,
            single_process: args.flag("singleprocess"),
            shutdown_delay: args.seconds("shutdown-delay", Duration::ZERO)?,
        })
    }

    pub(super) async fn run(self, stop: CancellationToken) -> Result<(), Failure> {
        say::line("Starting the Octez node...");
        // Ends the parts when the node fails, too.
        let parts = stop.child_token();
        let _end = parts.clone().drop_guard();
        let peers = Peers::default();
        let rpc = Arc::new(rpc::Rpc {
            chain: self.chain.clone(),
            history_mode: self.config.shell.history_mode,
            peer_id: self.peer_id.clone(),
            started: Instant::now(),
            peers: peers.clone(),
            pool: std::sync::Mutex::default(),
            stop: parts.clone(),
        });
        let mut tasks = JoinSet::new();
        if !self.single_process {
            tasks.spawn(Helper::start()?.keep(parts.clone()));
        }
        self.listen(&mut tasks, &rpc, &peers, &parts)?;
        tasks.spawn(write_heads(
            self.directory.clone(),
            self.chain.clone(),
            parts.clone(),
        ));
        say::line(&format!("Peer's global id: {}", self.peer_id));
        say::line(&format!(
            "The network is {} ({})",
            self.config.network,
            self.chain.network.chain_id_text()
        ));
        say::line("the Tezos node is now running");
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            // A part ends by itself only by failing.
            Some(part) = tasks.join_next() => part
                .unwrap_or_else(|error| Err(Failure::new(error.to_string()))),
        };
        say::line("Shutting down the Octez node...");
        parts.cancel();
        drop(
            tokio::time::timeout(LINGER, async { while tasks.join_next().await.is_some() {} })
                .await,
        );
        tasks.shutdown().await;
        tokio::time::sleep(self.shutdown_delay).await;
        drop(self.lock);
        say::line("BYE");
        ended
    }

    fn listen(
        &self,
        tasks: &mut JoinSet<Result<(), Failure>>,
        rpc: &Arc<rpc::Rpc>,
        peers: &Peers,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let net = self
            .config
            .p2p
            .listen_addr
            .as_deref()
            .unwrap_or("[::]:9732");
        let (listener, address) = bind(net, NET_PORT)?;
        say::line(&format!("P2P: listening on {address}"));
        tasks.spawn(p2p::serve(listener, peers.clone(), stop.clone()));
        for text in &self.config.rpc.listen_addrs {
            let (listener, address) = bind(text, RPC_PORT)?;
            say::line(&format!("Starting local RPC server at {address}"));
            tasks.spawn(serve(listener, rpc::router(rpc.clone()), stop.clone()));
        }
        for text in &self.config.metrics_addr {
            let (listener, address) = bind(text, METRICS_PORT)?;
            say::line(&format!("Starting metrics server at {address}"));
            tasks.spawn(serve(listener, rpc::metrics(rpc.clone()), stop.clone()));
        }
        Ok(())
    }
}

fn bind(text: &str, default_port: u16) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::new(error.to_string());
    let wanted = listen::parse(text, default_port).map_err(|error| failed(&error))?;
    let listener = listen::bind(wanted).map_err(|error| failed(&error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    Ok((listener, address))
}

async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> Result<(), Failure> {
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| Failure::new(format!("RPC server: {error}")))
}

/// Writes each head down for the baker.
async fn write_heads(
    directory: DataDir,
    chain: Chain,
    stop: CancellationToken,
) -> Result<(), Failure> {
    loop {
        let head = chain.head();
        directory.write_head(&chain, &head)?;
        let next = chain.time_ms(head.level.saturating_add(1));
        let wait = Duration::from_millis(next.saturating_sub(chain::now_ms()).max(1));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
