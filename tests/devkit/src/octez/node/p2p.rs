//! The peer-to-peer port: takes connections and sends each a toy banner, then a tick twenty times a second.
//!
//! The ticks let an observer outside see when an open connection goes dead, not only when new ones fail.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::octez::exit::Failure;

const TICK: Duration = Duration::from_millis(50);
/// More peers than this are turned away.
const MAX_PEERS: usize = 512;

/// The peers that are connected now.
#[derive(Debug, Clone, Default)]
pub(super) struct Peers(Arc<Mutex<Vec<SocketAddr>>>);

// === impl Peers ===

impl Peers {
    pub(super) fn list(&self) -> Vec<SocketAddr> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, peer: SocketAddr) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(peer);
    }

    fn remove(&self, peer: SocketAddr) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| *other != peer);
    }
}

/// Serves peers until told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    peers: Peers,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if connections.len() < MAX_PEERS => {
                    peers.add(peer);
                    let peers = peers.clone();
                    connections.spawn(async move {
                        talk(stream).await;
                        peers.remove(peer);
                    });
                }
                Ok(_) => {}
                // Out of descriptors, or the peer was gone already: let others finish.
                Err(_) => tokio::time::sleep(TICK).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Talks until the peer closes or the connection breaks.
async fn talk(mut stream: TcpStream) {
    let mut ticks = tokio::time::interval(TICK);
    let mut sink = [0_u8; 1024];
    if stream
        .write_all(b"bakehouse stand-in, no Tezos peer\n")
        .await
        .is_err()
    {
        return;
    }
    loop {
        tokio::select! {
            _ = ticks.tick() => if stream.write_all(b".").await.is_err() { return; },
            read = stream.read(&mut sink) => if !matches!(read, Ok(1..)) { return; },
        }
    }
}
