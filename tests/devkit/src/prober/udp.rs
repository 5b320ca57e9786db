//! Probing one UDP target: a datagram each 200 ms, and whether anything comes back.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{ProberError, now_ms};

const EVERY: Duration = Duration::from_millis(200);

/// Datagrams sent, and when replies came.
pub(super) async fn probe(
    target: SocketAddr,
    stop: CancellationToken,
) -> Result<(u64, Vec<f64>), ProberError> {
    let local = match target {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(local).await.map_err(ProberError::System)?;
    // Without a connection, ICMP errors of one datagram do not spoil the next.
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut sent, mut replies) = (0, Vec::new());
    let mut buffer = [0_u8; 2048];
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok((sent, replies)),
            _ = ticks.tick() => {
                if socket.send_to(b"bakehouse prober", target).await.is_ok() {
                    sent += 1;
                }
            }
            received = socket.recv_from(&mut buffer) => {
                if received.is_ok_and(|(_, from)| from == target) {
                    replies.push(now_ms());
                }
            }
        }
    }
}
