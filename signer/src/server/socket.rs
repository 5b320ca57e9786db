//! The protocol over Octez's binary sockets, `tcp://` and `unix:`.
//!
//! A connection carries frames: a length of two bytes, big-endian, and a message. Every request gets one answer, in
//! order; octez-client sends *authorized keys* and *sign* on one connection. What a message says is read in
//! [`message`]; who may have what is decided where HTTP's requests are decided too.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::authentication::Presented;
use super::listen::Converse;
use super::{Asked, NO_LIST, NO_PROOF, Service, Transport};
use crate::metrics::Phase;
use message::{Answer, Message, Refusal};

mod message;

/// A connection that asks nothing for so long is closed. Between its two requests a client may have to ask a person for
/// the password of a key.
const IDLE: Duration = Duration::from_mins(1);
/// A frame that has begun must be complete within this time.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// Speaks the binary protocol on the connections of one listener.
#[derive(Clone)]
pub(crate) struct Binary {
    service: Arc<Service>,
    transport: Transport,
}

// === impl Binary ===

impl Binary {
    pub(crate) fn new(service: Arc<Service>, transport: Transport) -> Self {
        Self { service, transport }
    }

    async fn exchange<I>(&self, io: &mut I, stop: &CancellationToken) -> io::Result<()>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send,
    {
        loop {
            let Some(frame) = stop.run_until_cancelled(read_frame(io)).await else {
                return Ok(());
            };
            let Some(frame) = frame? else { return Ok(()) };
            let began = Instant::now();
            let (route, answer) = self.answer(&frame, began).await;
            let decided = Instant::now();
            io.write_all(&answer.to_frame()).await?;
            io.flush().await?;
            self.note(route, &answer, began, decided);
        }
    }

    fn note(&self, route: &'static str, answer: &Answer, began: Instant, decided: Instant) {
        let (metrics, transport) = (&self.service.metrics, self.transport.name());
        let status = answer.status().as_u16();
        metrics.answered(transport, route, status);
        if route == message::SIGN {
            metrics.phase(Phase::Reply, decided.elapsed());
        } else {
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            debug!(event = "request.answered", transport, route, status, micros);
        }
    }

    /// The name of what was asked, and the answer.
    async fn answer(&self, frame: &[u8], began: Instant) -> (&'static str, Answer) {
        let route = message::route(frame);
        let message = match Message::parse(frame) {
            Ok(message) => message,
            Err(error) => {
                let status = StatusCode::BAD_REQUEST;
                let reason = error.to_string();
                if route == message::SIGN {
                    (self.service).unreadable(self.transport, began, status, &reason);
                }
                return (route, Answer::refuse(status, "request_malformed", &reason));
            }
        };
        let answer = match message {
            Message::Sign(sign) => {
                let asked = Asked {
                    transport: self.transport,
                    key: sign.key,
                    payload: sign.data.to_vec(),
                    began,
                };
                let presented = sign.authentication.map(Presented::Bytes);
                match self.service.sign(asked, presented).await {
                    Ok(signature) => Answer::Signature(signature),
                    Err(error) => Answer::refuse(error.status(), error.code(), &error.to_string()),
                }
            }
            other => self.tell(&other),
        };
        (route, answer)
    }

    /// What needs no signature.
    fn tell(&self, message: &Message<'_>) -> Answer {
        let unknown = || {
            let text = "this signer does not hold the key";
            Answer::refuse(StatusCode::NOT_FOUND, "key_unknown", text)
        };
        let not_allowed = |text: &str| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Answer::Refusal(Refusal::new(status, text.to_owned()))
        };
        match message {
            Message::PublicKey(hash) => match self.service.key(hash) {
                Some(key) => Answer::PublicKey(key.public_key().clone()),
                None => unknown(),
            },
            Message::AuthorizedKeys => Answer::AuthorizedKeys(self.service.authorized_keys()),
            Message::SupportsNonces(hash) => match self.service.key(hash) {
                Some(_) => Answer::Bool(false),
                None => unknown(),
            },
            Message::KnownKeys => match self.service.known_keys() {
                Some(keys) => Answer::KnownKeys(keys),
                None => not_allowed(NO_LIST),
            },
            Message::ProvePossession(_) => not_allowed(NO_PROOF),
            Message::Nonce | Message::Sign(_) => {
                not_allowed("Deterministic nonces are not supported.")
            }
        }
    }
}

impl Converse for Binary {
    async fn converse<I>(self, mut io: I, stop: CancellationToken)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Err(error) = self.exchange(&mut io, &stop).await {
            let transport = self.transport.name();
            debug!(event = "connection.broken", transport, reason = %error);
        }
    }
}

/// The next frame; none when the other side has hung up between two.
async fn read_frame<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<Option<Vec<u8>>> {
    let mut first = [0];
    if timeout(IDLE, io.read(&mut first)).await?? == 0 {
        return Ok(None);
    }
    let [high] = first;
    let rest = async {
        let low = io.read_u8().await?;
        let mut frame = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        io.read_exact(&mut frame).await?;
        Ok(Some(frame))
    };
    timeout(FRAME_TIMEOUT, rest).await?
}
