//! One grep11 endpoint: a channel that reconnects by itself, and the calls we make on it.
//!
//! Every call has a deadline. There is no HTTP/2 keepalive (grep11 servers answer pings that come more often than every
//! five minutes with a hang-up); instead a channel that let a call run out and has not answered for a while is replaced,
//! since its TCP connection may lead nowhere and take minutes to notice.

use std::error::Error as _;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bakehouse_proto::error::{ErrorClass, ErrorOrigin, Grep11Error};
use bakehouse_proto::grep11::crypto_client::CryptoClient;
use bakehouse_proto::grep11::{
    GenerateKeyPairRequest, GenerateKeyPairResponse, GenerateRandomRequest, SignSingleRequest,
};
use rustls::crypto::CryptoProvider;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::connect::{Connector, LastFailure};
use super::credentials::Credentials;
use super::tls::{EndpointError, Target};
use crate::backend::BackendError;
use crate::config::EndpointConfig;

/// A probe that takes longer has failed.
const PROBE_DEADLINE: Duration = Duration::from_millis(800);
/// An endpoint that refused is asked after the others for this long, though it answers its probes.
const DEMOTION: Duration = Duration::from_secs(30);
/// Letters of a server's text that go into an error.
const MAX_TEXT: usize = 200;

/// One endpoint.
pub(super) struct Endpoint {
    target: Target,
    deadline: Duration,
    failure: LastFailure,
    line: RwLock<Line>,
    /// Whether the last probe was answered.
    well: AtomicBool,
    /// When it last refused a call for good, or answered it wrongly.
    refused: RwLock<Option<Instant>>,
}

/// The channel of the moment.
struct Line {
    channel: Channel,
    /// When it was made, or last answered.
    heard: Instant,
    /// Distinguishes it from the ones before.
    number: u64,
}

/// Writes down how a probe ended, also when nobody waited for its end.
struct Verdict<'a> {
    well: &'a AtomicBool,
    answered: bool,
}

// === impl Verdict ===

impl Drop for Verdict<'_> {
    fn drop(&mut self) {
        self.well.store(self.answered, Ordering::Relaxed);
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// An endpoint; nothing is sent yet.
    pub(super) fn new(
        provider: &Arc<CryptoProvider>,
        credentials: &Credentials,
        config: &EndpointConfig,
        deadline: Duration,
    ) -> Result<Self, EndpointError> {
        let target = Target::new(provider, credentials, config)?;
        let failure = LastFailure::default();
        let channel = open(&target, &failure, deadline)?;
        let line = RwLock::new(Line {
            channel,
            heard: Instant::now(),
            number: 0,
        });
        Ok(Self {
            target,
            deadline,
            failure,
            line,
            well: AtomicBool::new(true),
            refused: RwLock::new(None),
        })
    }

    /// Whether the last probe was answered and nothing was refused lately.
    pub(super) fn is_well(&self) -> bool {
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        let lately = refused.is_some_and(|when| when.elapsed() < DEMOTION);
        !lately && self.well.load(Ordering::Relaxed)
    }

    /// A call failed: the others come first, until a probe is answered or, after a refusal, for a while.
    pub(super) fn demote(&self, error: &BackendError) {
        self.well.store(false, Ordering::Relaxed);
        if !error.is_transient() {
            let mut refused = self.refused.write().unwrap_or_else(PoisonError::into_inner);
            *refused = Some(Instant::now());
        }
    }

    /// Asks for random bytes: the cheapest call that reaches the HSM itself.
    pub(super) async fn probe(&self) -> Result<(), BackendError> {
        let mut verdict = Verdict {
            well: &self.well,
            answered: false,
        };
        let request = GenerateRandomRequest { len: 32 };
        let deadline = PROBE_DEADLINE.min(self.deadline);
        let call = async |mut client: CryptoClient<Channel>| client.generate_random(request).await;
        let answer = self.call(deadline, call).await;
        verdict.answered = answer.is_ok();
        answer.map(drop)
    }

    /// The raw answer of `SignSingle`.
    pub(super) async fn sign_single(
        &self,
        request: SignSingleRequest,
    ) -> Result<Vec<u8>, BackendError> {
        let call = async |mut client: CryptoClient<Channel>| client.sign_single(request).await;
        Ok(self.call(self.deadline, call).await?.signature)
    }

    /// The answer of `GenerateKeyPair`.
    pub(super) async fn generate_key_pair(
        &self,
        request: GenerateKeyPairRequest,
    ) -> Result<GenerateKeyPairResponse, BackendError> {
        let call =
            async |mut client: CryptoClient<Channel>| client.generate_key_pair(request).await;
        self.call(self.deadline, call).await
    }

    async fn call<T, F, C>(&self, deadline: Duration, call: C) -> Result<T, BackendError>
    where
        C: FnOnce(CryptoClient<Channel>) -> F,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let (channel, number) = self.line();
        match timeout(deadline, call(CryptoClient::new(channel))).await {
            Ok(Ok(answer)) => {
                self.heard(number);
                Ok(answer.into_inner())
            }
            Ok(Err(status)) => Err(self.explain(&status, number)),
            Err(_) => {
                self.renew(number);
                Err(BackendError::Deadline(deadline.as_millis()))
            }
        }
    }

    fn line(&self) -> (Channel, u64) {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner);
        (line.channel.clone(), line.number)
    }

    fn heard(&self, number: u64) {
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        if line.number == number {
            line.heard = Instant::now();
        }
    }

    /// Replaces the channel if it is still this one and has been silent for longer than a connection takes to make.
    fn renew(&self, number: u64) {
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        if line.number != number || line.heard.elapsed() < self.deadline / 2 {
            return;
        }
        if let Ok(channel) = open(&self.target, &self.failure, self.deadline) {
            *line = Line {
                channel,
                heard: Instant::now(),
                number: number + 1,
            };
        }
    }

    fn explain(&self, status: &Status, number: u64) -> BackendError {
        let error = classify(status, self.failure.get(), self.deadline);
        if matches!(error, BackendError::Refused { .. }) {
            self.heard(number);
        }
        error
    }
}

/// What a failed call says about the HSM. `failure` is why the last connection could not be made.
fn classify(status: &Status, failure: Option<String>, deadline: Duration) -> BackendError {
    let error = Grep11Error::from_status(status);
    let transient = error.class() == ErrorClass::Transient;
    match error.origin {
        ErrorOrigin::Hsm => BackendError::Refused {
            name: clip(&error.to_string()),
            transient,
        },
        ErrorOrigin::Channel(Code::DeadlineExceeded) => {
            BackendError::Deadline(deadline.as_millis())
        }
        ErrorOrigin::Channel(_) if transient => {
            BackendError::Unreachable(clip(&failure.unwrap_or_else(|| deepest(status))))
        }
        ErrorOrigin::Channel(code) => BackendError::Refused {
            name: clip(&format!("{code:?}: {}", status.message())),
            transient: false,
        },
    }
}

fn open(
    target: &Target,
    failure: &LastFailure,
    deadline: Duration,
) -> Result<Channel, EndpointError> {
    let uri = format!("http://{}", target.address);
    // What the server reads is https; what tonic reads is http, for the connector brings the TLS.
    let origin = format!("https://{}", target.address)
        .parse()
        .map_err(|_| EndpointError::Address)?;
    let endpoint = Channel::from_shared(uri)
        .map_err(|_| EndpointError::Address)?
        .origin(origin)
        .connect_timeout(deadline);
    let connector = Connector::new(target.clone(), failure.clone());
    Ok(endpoint.connect_with_connector_lazy(connector))
}

/// The innermost reason of a failed call.
fn deepest(status: &Status) -> String {
    let mut reason = status.message().to_owned();
    let mut next = status.source();
    while let Some(error) = next {
        reason = error.to_string();
        next = error.source();
    }
    reason
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bakehouse_proto::Ckr;
    use rstest::rstest;

    const DEADLINE: Duration = Duration::from_secs(1);

    fn hsm(code: Ckr) -> Status {
        Grep11Error::new(code).to_status()
    }

    #[rstest]
    #[case(hsm(Ckr::IBM_WKID_MISMATCH), "hsm_refused", false)]
    #[case(hsm(Ckr::KEY_FUNCTION_NOT_PERMITTED), "hsm_refused", false)]
    #[case(hsm(Ckr::DEVICE_ERROR), "hsm_refused", true)]
    #[case(
        Status::unknown("Got error CKR_IBM_BLOB_ERROR, from libep11.so"),
        "hsm_refused",
        false
    )]
    #[case(Status::unauthenticated("token expired"), "hsm_refused", false)]
    #[case(Status::unavailable("transport error"), "hsm_unreachable", true)]
    #[case(Status::unknown("transport error"), "hsm_unreachable", true)]
    #[case(Status::deadline_exceeded("too late"), "hsm_unreachable", true)]
    fn failures_are_told_apart(
        #[case] status: Status,
        #[case] code: &str,
        #[case] transient: bool,
    ) {
        let error = classify(&status, None, DEADLINE);
        assert_eq!(
            (error.code(), error.is_transient()),
            (code, transient),
            "{error}"
        );
    }

    #[test]
    fn the_reason_of_a_failed_connection_is_told_and_a_servers_text_is_clipped() {
        let failure = Some("invalid peer certificate: UnknownIssuer".to_owned());
        let error = classify(&Status::unavailable("transport error"), failure, DEADLINE);
        assert!(error.to_string().contains("UnknownIssuer"));
        let error = classify(
            &Status::unauthenticated("x".repeat(100_000)),
            None,
            DEADLINE,
        );
        assert!(error.to_string().len() < 2 * MAX_TEXT);
    }
}
