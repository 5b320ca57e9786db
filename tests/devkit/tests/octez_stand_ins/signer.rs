//! A signer to test the baker with: blocking, one request per connection, and bad on demand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bakehouse_devkit::tezos::hash::blake2b_256;
use bakehouse_devkit::tezos::key::{Curve, PublicKey};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};

/// How the signer answers a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Good,
    /// 403 with a trace.
    Refuse,
    /// A signature by another key.
    OtherKey,
    /// A signature over other bytes.
    OtherBytes,
    /// Never answers.
    Silent,
    /// Valid in plain ECDSA, but the second form.
    HighS,
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) chunked: bool,
    pub(crate) message: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct FakeSigner {
    pub(crate) address: SocketAddr,
    pub(crate) key: PublicKey,
    mode: Arc<Mutex<Mode>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

fn signing_key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

impl FakeSigner {
    /// Serves until the test process ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let point = signing_key(7).verifying_key().to_sec1_point(true);
        let signer = Self {
            address: listener.local_addr().unwrap(),
            key: PublicKey::from_bytes(Curve::P256, point.as_bytes()).unwrap(),
            mode: Arc::new(Mutex::new(Mode::Good)),
            seen: Arc::default(),
        };
        let server = signer.clone();
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                silent.extend(server.serve(stream.unwrap()));
            }
        });
        signer
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Requests in order, each of which had a connection of its own.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn serve(&self, stream: TcpStream) -> Option<TcpStream> {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (line, chunked) = head(&mut reader)?;
        let body = if chunked && line.starts_with("POST") {
            chunks(&mut reader)
        } else {
            Vec::new()
        };
        let message = match body.as_slice() {
            [b'"', digits @ .., b'"'] => hex::decode(digits).unwrap(),
            _ => Vec::new(),
        };
        let is_sign = line.starts_with("POST");
        self.seen.lock().unwrap().push(Seen {
            line,
            chunked,
            message: message.clone(),
        });
        let mode = *self.mode.lock().unwrap();
        let (status, body) = match (is_sign, mode) {
            (false, _) => ("200 OK", "{}".to_owned()),
            (true, Mode::Silent) => return Some(stream),
            (true, Mode::Refuse) => (
                "403 Forbidden",
                r#"[{"kind":"temporary","id":"failure","msg":"not today"}]"#.to_owned(),
            ),
            (true, mode) => ("200 OK", self.signed(&message, mode)),
        };
        // Asks for another request, so that a client which reuses connections would be seen.
        let reply = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        (&stream).write_all(reply.as_bytes()).ok()?;
        // A second request on this connection would be lost here, and its slot missed.
        None
    }

    fn signed(&self, message: &[u8], mode: Mode) -> String {
        let (key, digest) = match mode {
            Mode::OtherKey => (signing_key(8), blake2b_256(&[message])),
            Mode::OtherBytes => (signing_key(7), blake2b_256(&[message, b"x"])),
            _ => (signing_key(7), blake2b_256(&[message])),
        };
        let signature: Signature = key.sign_prehash(&digest).unwrap();
        let low = signature.normalize_s();
        let (r, s) = low.split_scalars();
        let chosen = match mode {
            Mode::HighS => Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap(),
            _ => low,
        };
        let raw: [u8; 64] = chosen.to_bytes().into();
        format!("{{\"signature\":\"{}\"}}", self.key.render_signature(&raw))
    }
}

fn head(reader: &mut BufReader<TcpStream>) -> Option<(String, bool)> {
    let mut first = String::new();
    let mut chunked = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Some((first, chunked));
        }
        chunked |= line.eq_ignore_ascii_case("transfer-encoding: chunked");
        if first.is_empty() {
            line.clone_into(&mut first);
        }
    }
}

fn chunks(reader: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).unwrap();
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return body;
        }
    }
}
