//! A SYN scanner: one raw socket sends a SYN to every port twice, another listens for SYN-ACKs.
//!
//! The kernel, which knows nothing of these connections, answers each SYN-ACK with a reset, so none is left half open.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recvfrom, sendto,
    setsockopt, socket, sockopt,
};

/// Our port; whatever is sent to it is an answer.
const SOURCE_PORT: u16 = 61_000;

/// Probes in one burst, and the pause after it: at most 40,000 a second, and every port is probed twice.
const BURST: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// How long late answers are waited for.
const LINGER: Duration = Duration::from_millis(700);

const HEADER: usize = 20;
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;

/// Ports of `target` that answer a SYN with a SYN-ACK.
pub(super) fn scan(
    source: IpAddr,
    target: IpAddr,
    ports: RangeInclusive<u16>,
) -> Result<BTreeSet<u16>> {
    let socket = raw_socket(target)?;
    let to = address(target);
    let mut open = BTreeSet::new();
    for _ in 0..2 {
        for (index, port) in ports.clone().enumerate() {
            send(&socket, &syn(source, target, port), &to)?;
            if index % BURST == BURST - 1 {
                collect(&socket, target, &mut open)?;
                std::thread::sleep(PAUSE);
            }
        }
    }
    let until = Instant::now() + LINGER;
    while Instant::now() < until {
        collect(&socket, target, &mut open)?;
        std::thread::sleep(PAUSE);
    }
    Ok(open)
}

fn raw_socket(target: IpAddr) -> Result<OwnedFd> {
    let family = if target.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let socket = socket(
        family,
        SockType::Raw,
        SockFlag::SOCK_NONBLOCK,
        SockProtocol::Tcp,
    )
    .context("a raw socket (needs CAP_NET_RAW)")?;
    setsockopt(&socket, sockopt::RcvBuf, &(8 << 20)).context("a large receive buffer")?;
    Ok(socket)
}

/// Raw sockets take no port.
fn address(target: IpAddr) -> SockaddrStorage {
    SockaddrStorage::from(std::net::SocketAddr::new(target, 0))
}

fn send(socket: &OwnedFd, segment: &[u8], to: &SockaddrStorage) -> Result<()> {
    loop {
        match sendto(socket.as_raw_fd(), segment, to, MsgFlags::empty()) {
            Ok(_) => return Ok(()),
            Err(Errno::EAGAIN | Errno::ENOBUFS) => std::thread::sleep(PAUSE),
            Err(error) => return Err(error).context("sending a probe"),
        }
    }
}

fn collect(socket: &OwnedFd, target: IpAddr, open: &mut BTreeSet<u16>) -> Result<()> {
    let mut packet = [0u8; 256];
    loop {
        match recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut packet) {
            Ok((length, from)) if from.as_ref().and_then(ip) == Some(target) => {
                open.extend(answer(target, packet.get(..length).unwrap_or_default()));
            }
            // Other hosts answer this port too: the one with the control port.
            Ok(_) => {}
            Err(Errno::EAGAIN) => return Ok(()),
            Err(error) => return Err(error).context("receiving an answer"),
        }
    }
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Some(v4.ip().into()),
        (_, Some(v6)) => Some(v6.ip().into()),
        _ => None,
    }
}

/// The port that a packet shows to be open. IPv4 packets come with their header, IPv6 without.
fn answer(target: IpAddr, packet: &[u8]) -> Option<u16> {
    let segment = match target {
        IpAddr::V4(_) => packet.get(usize::from(packet.first()? & 0x0f) * 4..)?,
        IpAddr::V6(_) => packet,
    };
    let port = |at: usize| {
        Some(u16::from_be_bytes([
            *segment.get(at)?,
            *segment.get(at + 1)?,
        ]))
    };
    (port(2)? == SOURCE_PORT && segment.get(13)? & SYN_ACK == SYN_ACK).then_some(port(0)?)
}

fn syn(source: IpAddr, target: IpAddr, port: u16) -> [u8; HEADER] {
    let mut segment = [0u8; HEADER];
    segment[0..2].copy_from_slice(&SOURCE_PORT.to_be_bytes());
    segment[2..4].copy_from_slice(&port.to_be_bytes());
    segment[4..8].copy_from_slice(&u32::from(port).to_be_bytes());
    segment[12] = 5 << 4;
    segment[13] = SYN;
    segment[14..16].copy_from_slice(&1024u16.to_be_bytes());
    let sum = checksum(source, target, &segment);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    segment
}

/// The TCP checksum, over the pseudo header and the segment.
fn checksum(source: IpAddr, target: IpAddr, segment: &[u8]) -> u16 {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let (source, target) = (octets(source), octets(target));
    let words = [source.as_slice(), &target, segment]
        .into_iter()
        .flat_map(|part| part.chunks(2));
    let sum = words.fold(0u32, |sum, word| {
        sum + u32::from(u16::from_be_bytes([
            word[0],
            word.get(1).copied().unwrap_or(0),
        ]))
    });
    let mut sum = sum + 6 + u32::try_from(segment.len()).unwrap_or(u32::MAX);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum & 0xffff).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_a_whole_segment_is_zero() {
        for (source, target) in [("10.0.0.1", "10.0.0.2"), ("fd77::1", "fd77::2")] {
            let (source, target) = (source.parse().unwrap(), target.parse().unwrap());
            assert_eq!(checksum(source, target, &syn(source, target, 9732)), 0);
        }
    }

    #[test]
    fn only_a_syn_ack_to_our_port_is_an_answer() {
        let target: IpAddr = "10.0.0.2".parse().unwrap();
        let mut packet = vec![
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
        ];
        let mut segment = [0u8; HEADER];
        segment[0..2].copy_from_slice(&9732u16.to_be_bytes());
        segment[2..4].copy_from_slice(&SOURCE_PORT.to_be_bytes());
        segment[13] = SYN_ACK;
        packet.extend(segment);
        assert_eq!(answer(target, &packet), Some(9732));
        packet[33] = 0x14; // a reset
        assert_eq!(answer(target, &packet), None);
        assert_eq!(answer(target, &packet[..30]), None);
    }
}
