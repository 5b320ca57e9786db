//! A client of the binary protocol, made of the protocol's bytes and no code of the signer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use crate::http;
use crate::payload::{attestation, block};
use crate::support::{Bench, Signer, TestKey, eventually};

const HEAD: i32 = 1000;

/// A connection of either kind.
struct Line<S>(S);

impl Line<TcpStream> {
    fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self(stream)
    }
}

impl Line<UnixStream> {
    fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self(stream)
    }
}

impl<S: Read + Write> Line<S> {
    fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.try_ask(message).unwrap()
    }

    fn try_ask(&mut self, message: &[u8]) -> std::io::Result<Vec<u8>> {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&length, message].concat())?;
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut answer)?;
        Ok(answer)
    }

    /// The signature, or the text of the refusal.
    fn sign(&mut self, key: &TestKey, payload: &[u8], proof: &[u8]) -> Result<[u8; 64], String> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let request = [&[0], &key.tagged_hash()[..], &length, payload, proof].concat();
        let answer = self.ask(&request);
        if answer[0] == 0 {
            return Ok(answer[1..].try_into().unwrap());
        }
        // Tag, two lengths, the document up to the text, the text and its zero, the document's.
        let text = &answer[9 + 4 + 19 + 6 + 4..answer.len() - 2];
        Err(String::from_utf8(text.to_vec()).unwrap())
    }
}

/// The address in this event of the log.
fn address(signer: &Signer, name: &str) -> SocketAddr {
    let log = signer.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines
        .filter(|line| line["event"] == "signer.listening")
        .find(|line| line["name"] == name);
    line.unwrap()["address"].as_str().unwrap().parse().unwrap()
}

fn offering(bench: &Bench, key: &TestKey) -> Value {
    let mut config = bench.config(&[(key, "consensus", &[])]);
    config["protocol"] = json!({
        "tcp": "127.0.0.1:0",
        "unix": { "path": bench.file("signer.sock"), "uids": [nix::unistd::getuid().as_raw()] },
    });
    config["metrics_listen"] = json!("127.0.0.1:0");
    config
}

fn generic(raw: [u8; 64]) -> String {
    bs58::encode([&[0x04, 0x82, 0x2b], &raw[..]].concat())
        .with_check()
        .into_string()
}

fn verifies(key: &TestKey, payload: &[u8], raw: [u8; 64]) -> bool {
    key.verifies(payload, &generic(raw))
}

#[test]
fn tcp_unix_and_http_give_one_and_the_same_signature() {
    let bench = Bench::new();
    for curve in ["tz1", "tz2", "tz3"] {
        let key = bench.create(curve);
        let signer = bench.serve(&offering(&bench, &key), HEAD);
        let mut tcp = Line::tcp(address(&signer, "tcp"));
        let mut unix = Line::unix(&bench.file("signer.sock"));
        for level in HEAD + 3..HEAD + 6 {
            let payload = block(level, 1);
            assert_eq!(tcp.ask(&[2]), [0, 0]);
            let raw = tcp.sign(&key, &payload, &[]).unwrap();
            assert!(verifies(&key, &payload, raw), "{curve}");
            assert_eq!(unix.sign(&key, &payload, &[]), Ok(raw));
            let by_http = signer.sign(&key, &payload).signature().unwrap();
            assert!(by_http.starts_with(match curve {
                "tz1" => "edsig",
                "tz2" => "spsig1",
                _ => "p2sig",
            }));
            let refused = unix.sign(&key, &block(level, 2), &[]).unwrap_err();
            assert!(refused.starts_with("different_data: "), "{refused}");
        }
        let public = unix.ask(&[&[1], &key.tagged_hash()[..]].concat());
        assert_eq!(public[1], key.tagged_hash()[0]);
        assert!(signer.terminate().success());
        assert!(!bench.file("signer.sock").exists(), "removed at the end");
        std::fs::remove_dir_all(bench.file("state")).unwrap();
        std::fs::create_dir(bench.file("state")).unwrap();
    }
}

#[test]
fn nothing_listens_that_was_not_asked_for() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    assert!(signer.event("signer.listening").is_none());
    assert!(!bench.file("signer.sock").exists());
    assert_eq!(signer.get("/metrics").status, 404, "not for everybody");
}

#[test]
fn a_unix_socket_is_for_its_uids() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let mut config = offering(&bench, &key);
    config["protocol"]["unix"]["uids"] = json!([4_000_000]);
    let signer = bench.spawn(&config).serving();
    let mut line = Line::unix(&bench.file("signer.sock"));
    assert!(line.try_ask(&[2]).is_err(), "hung up on");
    eventually("it is told", || signer.event("socket.refused"));
}

#[test]
fn an_authorized_key_opens_http_and_sockets_and_a_replay_opens_nothing_else() {
    let bench = Bench::new();
    let key = bench.create("tz3");
    let client = SigningKey::from_bytes(&[3; 32]);
    let public = [
        &[0x0d, 0x0f, 0x25, 0xd9],
        &client.verifying_key().to_bytes()[..],
    ]
    .concat();
    let public = bs58::encode(public).with_check().into_string();
    let mut config = offering(&bench, &key);
    config["protocol"]["authorized_keys"] = json!([public]);
    let signer = bench.serve(&config, HEAD);
    let authorize = |payload: &[u8]| {
        let bytes = [&[4, 1], &key.tagged_hash()[..], payload].concat();
        client.sign(&blake2b(&bytes)).to_bytes()
    };
    let post = |payload: &[u8], proof: Option<[u8; 64]>| {
        let proof = proof.map_or_else(String::new, |raw| {
            format!("authentication={}&", generic(raw))
        });
        let path = format!("{}?{proof}version=3", key.path());
        http::post_chunked(signer.address, &path, &hex::encode(payload)).unwrap()
    };
    let told = signer.get("/authorized_keys").json();
    assert!(
        told["authorized_keys"][0]
            .as_str()
            .unwrap()
            .starts_with("tz1")
    );

    let (first, second) = (attestation(HEAD + 3, 1), attestation(HEAD + 4, 1));
    assert_eq!(post(&first, None).status, 401);
    assert_eq!(post(&first, Some([5; 64])).status, 403);
    let signature = post(&first, Some(authorize(&first))).signature().unwrap();
    assert!(key.verifies(&first, &signature));
    // Heard by another process: good for the same bytes only, and they have their signature already.
    let heard = authorize(&first);
    assert_eq!(post(&second, Some(heard)).status, 403);
    assert_eq!(post(&first, Some(heard)).signature(), Some(signature));

    let mut line = Line::tcp(address(&signer, "tcp"));
    assert_eq!(line.ask(&[2])[..6], [0, 1, 0, 0, 0, 21]);
    assert!(
        line.sign(&key, &second, &[])
            .unwrap_err()
            .starts_with("authentication_missing")
    );
    assert!(
        line.sign(&key, &second, &heard)
            .unwrap_err()
            .starts_with("authentication_wrong")
    );
    let raw = line.sign(&key, &second, &authorize(&second)).unwrap();
    assert!(verifies(&key, &second, raw));
}

fn blake2b(bytes: &[u8]) -> [u8; 32] {
    use blake2::Digest as _;
    blake2::Blake2b::<blake2::digest::consts::U32>::digest(bytes).into()
}

#[test]
fn who_sends_half_a_request_is_hung_up_on_and_holds_nobody_up() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench.serve(&offering(&bench, &key), HEAD);
    let tcp = address(&signer, "tcp");
    let post = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n\"",
        key.path()
    );
    let halves: [(SocketAddr, &[u8]); 4] = [
        (signer.address, b"GET /authorized_keys HT"),
        (signer.address, post.as_bytes()),
        (tcp, &[0]),
        (tcp, &[0, 200, 0, 0]),
    ];
    let began = Instant::now();
    let mut slow: Vec<_> = (0..25)
        .flat_map(|_| halves)
        .map(|(address, half)| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            stream.write_all(half).unwrap();
            stream
        })
        .collect();
    let payload = attestation(HEAD + 3, 1);
    assert_eq!(signer.sign(&key, &payload).status, 200);
    assert!(Line::tcp(tcp).sign(&key, &payload, &[]).is_ok());
    assert!(began.elapsed() < Duration::from_secs(5), "nobody waited");
    for stream in &mut slow {
        let mut rest = Vec::new();
        // Reset or closed, after a refusal or without a word; but never left open.
        drop(stream.read_to_end(&mut rest));
        let text = String::from_utf8_lossy(&rest);
        assert!(!text.starts_with("HTTP/1.1 2"), "{text}");
    }
    let took = began.elapsed();
    assert!((9..18).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn http_connections_are_kept_for_those_who_use_them() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let signer = bench.serve(&bench.config(&[(&key, "consensus", &[])]), HEAD);
    let mut stream = TcpStream::connect(signer.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    for level in HEAD + 3..HEAD + 6 {
        write!(stream, "GET /authorized_keys HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(read_kept(&mut stream), (200, "{}".to_owned()));
        let body = format!("\"{}\"", hex::encode(attestation(level, 1)));
        let (path, length) = (key.path(), body.len());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        assert_eq!(read_kept(&mut stream).0, 200);
    }
}

/// One answer of a connection that stays open: its length is told.
fn read_kept(stream: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(
        head.contains("content-type: application/json\r\n"),
        "{head}"
    );
    assert!(!head.contains("connection: close"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (
        head[9..12].parse().unwrap(),
        String::from_utf8(body).unwrap(),
    )
}

#[test]
fn an_address_that_is_taken_ends_the_signer() {
    let bench = Bench::new();
    let key = bench.create("tz1");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for place in ["/protocol/tcp", "/metrics_listen"] {
        let mut config = offering(&bench, &key);
        *config.pointer_mut(place).unwrap() = json!(taken.local_addr().unwrap());
        let mut signer = bench.spawn(&config);
        assert_eq!(signer.wait().code(), Some(69), "{place}");
    }
}
