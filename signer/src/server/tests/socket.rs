//! The binary protocol on real sockets, by a client made of bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::authorization::Client;
use super::*;
use crate::server::listen;
use crate::server::socket::Binary;
use crate::task::TaskPanicked;

struct Line {
    stream: TcpStream,
    stop: CancellationToken,
    task: JoinHandle<Result<(), TaskPanicked>>,
}

impl Line {
    async fn to(bench: &Bench) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let binary = Binary::new(Arc::clone(&bench.service), Transport::Tcp);
        let task = tokio::spawn(listen::serve("tcp", listener, binary, stop.clone()));
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, stop, task }
    }

    async fn send(&mut self, message: &[u8]) {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        self.stream.write_all(&length).await.unwrap();
        self.stream.write_all(message).await.unwrap();
    }

    async fn receive(&mut self) -> Vec<u8> {
        let length = self.stream.read_u16().await.unwrap();
        let mut message = vec![0; usize::from(length)];
        self.stream.read_exact(&mut message).await.unwrap();
        message
    }

    async fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.send(message).await;
        self.receive().await
    }

    /// The server has hung up, without a word.
    async fn hung_up(mut self) {
        let mut rest = Vec::new();
        drop(self.stream.read_to_end(&mut rest).await);
        assert_eq!(rest, b"");
        self.stop.cancel();
        assert_eq!(self.task.await.unwrap(), Ok(()));
    }
}

fn sign(bench: &Bench, payload: &[u8], proof: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let key = bench.backend.key().hash().to_tagged();
    [&[0], &key[..], &length, payload, proof].concat()
}

/// The text of an error.
fn refusal(message: &[u8]) -> String {
    assert_eq!(message[0], 1);
    let size = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((size(1), size(5)), (message.len() - 5, message.len() - 9));
    let document = &message[9..];
    let declared = u32::from_le_bytes(document[..4].try_into().unwrap());
    assert_eq!(declared as usize, document.len());
    let (head, rest) = document[4..].split_at(19);
    assert_eq!(head, b"\x02kind\0\x08\0\0\0generic\0\x02");
    let text = rest.strip_prefix(b"error\0").unwrap();
    let length = u32::from_le_bytes(text[..4].try_into().unwrap()) as usize;
    assert_eq!(text[4 + length - 1..], [0, 0]);
    String::from_utf8(text[4..4 + length - 1].to_vec()).unwrap()
}

#[tokio::test]
async fn one_connection_carries_what_octez_client_asks_and_more() {
    let bench = Bench::armed(&[]).await;
    let mut line = Line::to(&bench).await;
    let key = bench.backend.key();
    for level in HEAD + 3..HEAD + 6 {
        assert_eq!(line.ask(&[2]).await, [0, 0]);
        let payload = attestation(level, 1);
        let answer = line.ask(&sign(&bench, &payload, &[])).await;
        let (ok, raw) = answer.split_first().unwrap();
        assert_eq!(*ok, 0);
        let raw = raw.try_into().unwrap();
        let digest = blake2b_256(&payload);
        key.public_key().verify(&digest, raw).unwrap();
    }
    let public = line
        .ask(&[&[1], &key.hash().to_tagged()[..]].concat())
        .await;
    assert_eq!(public[..2], [0, 2]);
    assert_eq!(public[2..], key.public_key().to_bytes());
    let nonces = line
        .ask(&[&[5], &key.hash().to_tagged()[..]].concat())
        .await;
    assert_eq!(nonces, [0, 0]);
}

#[tokio::test]
async fn http_and_sockets_share_marks_and_signatures() {
    let bench = Bench::armed(&[]).await;
    let mut line = Line::to(&bench).await;
    let payload = attestation(HEAD + 3, 1);
    let by_http = bench.sign(&payload).await.signature();
    let by_socket = line.ask(&sign(&bench, &payload, &[])).await;
    assert_eq!(by_socket[1..], by_http.to_bytes());
    let other = line
        .ask(&sign(&bench, &attestation(HEAD + 3, 2), &[]))
        .await;
    assert!(refusal(&other).starts_with("different_data: "));
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_refused_has_its_reason_and_the_connection_goes_on() {
    let bench = Bench::armed(&[]).await;
    let mut line = Line::to(&bench).await;
    let payload = attestation(HEAD + 3, 1);
    let mut foreign = sign(&bench, &payload, &[]);
    foreign[1] = 0;
    let key = bench.backend.key().hash().to_tagged();
    let cases: [(Vec<u8>, &str); 10] = [
        (vec![], "request_malformed: "),
        (vec![9], "request_malformed: "),
        (vec![2, 0], "request_malformed: "),
        (sign(&bench, &payload, &[1, 2]), "request_malformed: "),
        (sign(&bench, &payload[..79], &[]), "request_malformed: "),
        (
            sign(&bench, &payload, &[1; 64]),
            "authentication_not_configured: ",
        ),
        (foreign, "key_unknown: "),
        (vec![6], "List known keys request not allowed."),
        (
            [&[7], &key[..], &[0]].concat(),
            "Request to prove possession is not allowed.",
        ),
        (
            [&[3], &key[..], &[0; 4]].concat(),
            "Deterministic nonces are not supported.",
        ),
    ];
    for (message, expected) in cases {
        let text = refusal(&line.ask(&message).await);
        assert!(text.starts_with(expected), "{message:?}: {text}");
    }
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 0);
    assert_eq!(line.ask(&sign(&bench, &payload, &[])).await[0], 0);
}

#[tokio::test]
async fn authorized_keys_hold_on_sockets_too() {
    let client = Client::new(1);
    let bench = Bench::authorizing(std::slice::from_ref(&client.public)).await;
    let mut line = Line::to(&bench).await;
    let hash = client.public.hash().to_tagged();
    assert_eq!(
        line.ask(&[2]).await,
        [&[0, 1, 0, 0, 0, 21], &hash[..]].concat()
    );
    let key = bench.backend.key().hash();
    let known = line.ask(&[6]).await;
    assert_eq!(known, [&[0, 0, 0, 0, 21], &key.to_tagged()[..]].concat());

    let payload = attestation(HEAD + 3, 1);
    let good = client.authorize(key, &payload).to_bytes();
    let stranger = Client::new(2).authorize(key, &payload).to_bytes();
    let old = client.authorize(key, &attestation(HEAD + 3, 2)).to_bytes();
    let cases: [(&[u8], &str); 4] = [
        (&[], "authentication_missing"),
        (&stranger, "authentication_wrong"),
        (&old, "authentication_wrong"),
        (&[1; 96], "authentication_malformed"),
    ];
    for (proof, code) in cases {
        let text = refusal(&line.ask(&sign(&bench, &payload, proof)).await);
        assert!(text.starts_with(code), "{text}");
    }
    assert_eq!(bench.backend.calls.load(Ordering::SeqCst), 0);
    // With and without the tag of an optional field.
    let tagged = [&[0xff], &good[..]].concat();
    let first = line.ask(&sign(&bench, &payload, &tagged)).await;
    assert_eq!(first[0], 0);
    assert_eq!(line.ask(&sign(&bench, &payload, &good)).await, first);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let bench = Bench::armed(&[]).await;
    let mut line = Line::to(&bench).await;
    let payload = attestation(HEAD + 3, 1);
    line.send(&[2]).await;
    line.send(&sign(&bench, &payload, &[])).await;
    line.send(&[6]).await;
    assert_eq!(line.receive().await, [0, 0]);
    assert_eq!(line.receive().await.len(), 65);
    assert_eq!(line.receive().await[0], 1);
}

#[tokio::test]
async fn the_longest_frame_is_read_and_refused() {
    let bench = Bench::armed(&[]).await;
    let mut line = Line::to(&bench).await;
    let text = refusal(&line.ask(&vec![0x7f; 65535]).await);
    assert!(text.starts_with("request_malformed"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_does_not_end_is_hung_up_on() {
    for part in [&[0][..], &[0, 22], &[0, 22, 1, 2]] {
        let bench = Bench::unarmed(&[]);
        let mut line = Line::to(&bench).await;
        line.stream.write_all(part).await.unwrap();
        // With a paused clock, this returns as soon as nothing but the timeout is left to wait for.
        line.hung_up().await;
    }
}

#[tokio::test]
async fn stopping_closes_idle_connections_at_once() {
    let bench = Bench::unarmed(&[]);
    let mut line = Line::to(&bench).await;
    assert_eq!(line.ask(&[2]).await, [0, 0]);
    line.stop.cancel();
    line.hung_up().await;
}

#[tokio::test]
async fn a_signature_under_way_is_answered_though_the_signer_stops() {
    let bench = Bench::armed(&[]).await;
    bench.backend.gate.forget_permits(Semaphore::MAX_PERMITS);
    let mut line = Line::to(&bench).await;
    line.send(&sign(&bench, &attestation(HEAD + 3, 1), &[]))
        .await;
    while bench.backend.calls.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    line.stop.cancel();
    tokio::task::yield_now().await;
    bench.backend.gate.add_permits(1);
    assert_eq!(line.receive().await.len(), 65);
    line.hung_up().await;
}
