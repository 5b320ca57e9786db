//! A small DNS client that asks the contract's servers and nobody else.
//!
//! The C library's resolver reads host files (`resolv.conf`, `hosts`, `nsswitch.conf`); nothing outside the contract may
//! change what a name stands for. Answers are not trusted for more than an address: TLS checks the name afterwards.

mod message;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use message::{Kind, Reply, query, reply};

const PORT: u16 = 53;
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a name has no address now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The contract names no server.
    #[error("the contract names no DNS server")]
    NoServer,
    /// Not a name.
    #[error("it is not a host name")]
    Name,
    /// No server gave an address.
    #[error("no DNS server of the contract gave an address")]
    NoAddress,
}

/// The addresses of a name, IPv4 first. An address stands for itself.
pub async fn resolve(servers: &[IpAddr], name: &str) -> Result<Vec<IpAddr>, DnsError> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    if servers.is_empty() {
        return Err(DnsError::NoServer);
    }
    let servers: Vec<_> = servers
        .iter()
        .map(|ip| SocketAddr::new(*ip, PORT))
        .collect();
    resolve_at(&servers, name).await
}

async fn resolve_at(servers: &[SocketAddr], name: &str) -> Result<Vec<IpAddr>, DnsError> {
    for server in servers {
        let (v4, v6) = tokio::join!(ask(*server, name, Kind::A), ask(*server, name, Kind::Aaaa));
        if v4 == Err(DnsError::Name) {
            return Err(DnsError::Name);
        }
        let found: Vec<_> = [v4, v6].into_iter().flatten().flatten().collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(DnsError::NoAddress)
}

async fn ask(server: SocketAddr, name: &str, kind: Kind) -> Result<Vec<IpAddr>, DnsError> {
    let mut id = [0; 2];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| DnsError::NoAddress)?;
    let question = query(u16::from_be_bytes(id), name, kind).ok_or(DnsError::Name)?;
    let timed = tokio::time::timeout(TIMEOUT, over_udp(server, &question)).await;
    match timed {
        Ok(Ok(Reply::Addresses(found))) => Ok(found),
        Ok(Ok(Reply::Truncated)) => {
            let timed = tokio::time::timeout(TIMEOUT, over_tcp(server, &question)).await;
            match timed {
                Ok(Ok(Reply::Addresses(found))) => Ok(found),
                _ => Err(DnsError::NoAddress),
            }
        }
        _ => Err(DnsError::NoAddress),
    }
}

async fn over_udp(server: SocketAddr, question: &[u8]) -> std::io::Result<Reply> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    // A connected socket takes answers from this server only.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let bytes = buffer.get(..length).unwrap_or_default();
        // What does not answer this question is somebody's forgery, or late: wait on.
        if let Some(reply) = reply(question, bytes) {
            return Ok(reply);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(std::io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(question).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    reply(question, &answer).ok_or_else(|| std::io::Error::other("not an answer"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// An answer to `question` with one record of this type and data.
    fn answer(question: &[u8], flags: u16, kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = question.to_vec();
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[6..8].copy_from_slice(&u16::from(!data.is_empty()).to_be_bytes());
        if !data.is_empty() {
            bytes.extend([0xC0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60]);
            bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }

    fn kind_of(question: &[u8]) -> u16 {
        u16::from_be_bytes(
            question[question.len() - 4..question.len() - 2]
                .try_into()
                .unwrap(),
        )
    }

    #[tokio::test]
    async fn both_families_are_asked_and_forgeries_ignored() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let serve = async {
            for _ in 0..2 {
                let mut buffer = [0; 512];
                let (length, client) = server.recv_from(&mut buffer).await.unwrap();
                let question = &buffer[..length];
                let mut forged = answer(question, 0x8180, 1, &[6, 6, 6, 6]);
                forged[0] ^= 1;
                server.send_to(&forged, client).await.unwrap();
                let kind = kind_of(question);
                let data: &[u8] = if kind == 1 { &[10, 0, 0, 7] } else { &[0; 16] };
                server
                    .send_to(&answer(question, 0x8180, kind, data), client)
                    .await
                    .unwrap();
            }
        };
        let servers = [address];
        let (found, ()) = tokio::join!(resolve_at(&servers, "hsm.example"), serve);
        assert_eq!(
            found.unwrap(),
            ["10.0.0.7".parse::<IpAddr>().unwrap(), "::".parse().unwrap()]
        );
    }

    #[tokio::test]
    async fn a_truncated_answer_is_asked_for_again_over_tcp() {
        let stream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = stream.local_addr().unwrap();
        let server = UdpSocket::bind(address).await.unwrap();
        let udp = async {
            for _ in 0..2 {
                let mut buffer = [0; 512];
                let (length, client) = server.recv_from(&mut buffer).await.unwrap();
                let flags = if kind_of(&buffer[..length]) == 1 {
                    0x8380
                } else {
                    0x8180
                };
                let bytes = answer(&buffer[..length], flags, 1, &[]);
                server.send_to(&bytes, client).await.unwrap();
            }
        };
        let tcp = async {
            let (mut stream, _) = stream.accept().await.unwrap();
            let length = stream.read_u16().await.unwrap();
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.unwrap();
            let bytes = answer(&question, 0x8180, 1, &[10, 0, 0, 9]);
            stream
                .write_u16(u16::try_from(bytes.len()).unwrap())
                .await
                .unwrap();
            stream.write_all(&bytes).await.unwrap();
        };
        let servers = [address];
        let (found, (), ()) = tokio::join!(resolve_at(&servers, "hsm.example"), udp, tcp);
        assert_eq!(found.unwrap(), ["10.0.0.9".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn an_address_needs_no_server_and_a_name_does() {
        assert_eq!(
            resolve(&[], "10.0.0.1").await.unwrap(),
            ["10.0.0.1".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(resolve(&[], "hsm.example").await, Err(DnsError::NoServer));
        let server = "127.0.0.1".parse().unwrap();
        assert_eq!(resolve(&[server], "not a name").await, Err(DnsError::Name));
    }
}
