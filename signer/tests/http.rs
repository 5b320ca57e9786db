//! An HTTP client as small as Octez's use of it: a new connection for every call, chunked bodies, no library that could
//! be kind to the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The text of an Octez error trace.
    pub(crate) fn trace(&self) -> String {
        let trace = self.json();
        assert_eq!(trace[0]["kind"], "temporary", "{self:?}");
        assert_eq!(trace[0]["id"], "failure", "{self:?}");
        trace[0]["msg"].as_str().unwrap().to_owned()
    }

    pub(crate) fn signature(&self) -> Option<String> {
        (self.status == 200).then(|| self.json()["signature"].as_str().unwrap().to_owned())
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    read_answer(&mut stream)
}

/// Posts a JSON string as octez-client does, in two chunks.
pub(crate) fn post_chunked(address: SocketAddr, path: &str, text: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         accept: application/json;q=1,application/bson;q=0.100,application/octet-stream;q=0.200\r\n\
         transfer-encoding: chunked\r\n\r\n"
    )?;
    let body = format!("\"{text}\"");
    // The body is never shorter than its two quotes, so neither chunk is empty; the empty one ends it.
    let (first, second) = body.split_at(body.len() / 2);
    for chunk in [first, second, ""] {
        write!(stream, "{:x}\r\n{chunk}\r\n", chunk.len())?;
    }
    read_answer(&mut stream)
}

pub(crate) fn admin_get(socket: &Path, path: &str) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
    )?;
    read_answer(&mut stream)
}

pub(crate) fn admin_post(socket: &Path, path: &str, body: &Value) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    read_answer(&mut stream)
}

fn read_answer(stream: &mut impl Read) -> std::io::Result<Answer> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let cut = || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no whole answer");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(cut)?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")
            .map(|n| n.trim().to_owned())
    });
    if length
        .and_then(|n| n.parse::<usize>().ok())
        .is_some_and(|n| n != body.len())
    {
        return Err(cut());
    }
    Ok(Answer {
        status,
        body: body.to_owned(),
    })
}
