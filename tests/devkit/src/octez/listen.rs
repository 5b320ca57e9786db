//! Listening sockets on `HOST:PORT`, `[::]:PORT` (IPv4 too) or `:PORT`, as Octez reads addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};

/// Why nothing listens.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Not an address.
    #[error("'{0}' is not an address and a port")]
    Address(String),
    /// The system refused.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Reads an address; `localhost` and an empty host are understood, other names are not.
pub fn parse(text: &str, default_port: u16) -> Result<SocketAddr, ListenError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bad = || ListenError::Address(text.to_owned());
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| bad())?)
        }
        _ => (text, default_port),
    };
    let ip: IpAddr = match host.trim_start_matches('[').trim_end_matches(']') {
        "" => Ipv6Addr::UNSPECIFIED.into(),
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        literal => literal.parse().map_err(|_| bad())?,
    };
    Ok(SocketAddr::new(ip, port))
}

/// Listens; `[::]` takes IPv4 as well, and falls back to `0.0.0.0` where there is no IPv6.
pub fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    match listener(address) {
        Err(error)
            if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                && error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) =>
        {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            listener(address).map_err(|source| ListenError::Bind { address, source })
        }
        other => other.map_err(|source| ListenError::Bind { address, source }),
    }
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        let socket = TcpSocket::new_v6()?;
        setsockopt(&socket, sockopt::Ipv6V6Only, &false)?;
        socket
    } else {
        TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_octez_reads_them() {
        for (text, expected) in [
            ("127.0.0.1:8732", "127.0.0.1:8732"),
            ("[::]:9732", "[::]:9732"),
            ("localhost:1", "127.0.0.1:1"),
            (":9", "[::]:9"),
            ("127.0.0.1", "127.0.0.1:7"),
            ("[::1]", "[::1]:7"),
        ] {
            assert_eq!(parse(text, 7).unwrap().to_string(), expected, "{text}");
        }
        for text in ["127.0.0.1:x", "name:1", "127.0.0.1:70000", "1:2:3:4"] {
            assert!(parse(text, 7).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn the_unspecified_address_takes_both_families() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap();
    }
}
