//! Keys in an HSM that speaks grep11.
//!
//! One channel per endpoint; a call goes to the endpoints in the order of the configuration, those that answered their
//! last probe and refused nothing lately first, and on to the next whatever the failure is: each endpoint may lead to a
//! domain of its own, and one that lost its master key must not stop the others. Requests carry the key in both wire
//! generations. An answer leaves only when it is a low-s signature of the right key over the right digest, and only the
//! first one does.

use std::sync::Arc;
use std::time::Duration;

use bakehouse_proto::grep11::{GenerateKeyPairRequest, GenerateKeyPairResponse, SignSingleRequest};
use bakehouse_proto::{keyblob, mechanism};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::credentials::{Credentials, CredentialsError};
use self::endpoint::Endpoint;
use self::tls::{EndpointError, provider};
use super::{Backend, BackendError, BackendFuture};
use crate::config::Grep11Config;
use crate::keyring::{Key, Keyring};
use crate::tezos::{Curve, Digest, PublicKey, Signature, blake2b_256};
use crate::watermark::Permit;

mod connect;
pub mod credentials;
mod endpoint;
pub mod tls;

/// What a self-test signs begins with this, which no Tezos payload does (its first byte would be a magic byte).
const PROOF_TEXT: &[u8] =
    b"bakehouse-signer: test that a key pair belongs together; no Tezos payload\n";

/// How much later than the first endpoint the others may answer a probe.
const PROBE_GRACE: Duration = Duration::from_millis(100);

/// Why the backend cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Grep11SetupError {
    /// The credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// An endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// The endpoints of one HSM domain.
pub struct Client {
    endpoints: Vec<Arc<Endpoint>>,
}

/// Signs with the keys of a keyring.
pub struct Grep11 {
    client: Client,
    keyring: Arc<Keyring>,
}

// === impl Client ===

impl Client {
    /// Reads and checks the credentials and prepares the channels. Nothing is sent yet.
    pub fn new(config: &Grep11Config) -> Result<Self, Grep11SetupError> {
        let provider = provider();
        let credentials = Credentials::load(
            &provider,
            &config.ca_file,
            &config.certificate_file,
            &config.key_file,
        )?;
        let open = |endpoint| Endpoint::new(&provider, &credentials, endpoint, config.timeout());
        let endpoints = config
            .endpoints
            .iter()
            .map(|endpoint| open(endpoint).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { endpoints })
    }

    /// Whether an endpoint answers now. All are asked, so that signing knows which to ask first; those that are much
    /// slower than the first to answer count as not answering.
    pub async fn probe(&self) -> Result<(), BackendError> {
        let mut probes = JoinSet::new();
        for endpoint in &self.endpoints {
            let endpoint = Arc::clone(endpoint);
            probes.spawn(async move { endpoint.probe().await });
        }
        let mut failure = no_endpoint();
        while let Some(ended) = probes.join_next().await {
            match ended {
                Ok(Ok(())) => {
                    let others = async { while probes.join_next().await.is_some() {} };
                    // Late or not, the set ends here and takes the probes that are still out with it.
                    drop(timeout(PROBE_GRACE, others).await);
                    return Ok(());
                }
                Ok(Err(error)) => failure = error,
                Err(_) => {}
            }
        }
        Err(failure)
    }

    /// A verified signature over a digest.
    async fn sign(
        &self,
        blob: &[u8],
        public_key: &PublicKey,
        digest: &Digest,
    ) -> Result<Signature, BackendError> {
        let request = sign_request(blob, public_key.curve(), digest)?;
        self.first_answer(|endpoint| {
            let request = request.clone();
            async move {
                let raw = endpoint.sign_single(request).await?;
                public_key
                    .accept(digest, &raw)
                    .map_err(|error| BackendError::WrongSignature(error.to_string()))
            }
        })
        .await
    }

    /// Shows that a blob and a public key belong together.
    pub async fn prove(&self, blob: &[u8], public_key: &PublicKey) -> Result<(), BackendError> {
        let mut nonce = [0; 32];
        aws_lc_rs::rand::fill(&mut nonce)
            .map_err(|_| BackendError::Unreachable("no random numbers".to_owned()))?;
        let address = public_key.hash().to_string();
        let digest = blake2b_256(&[PROOF_TEXT, address.as_bytes(), &nonce].concat());
        self.sign(blob, public_key, &digest).await.map(drop)
    }

    /// A new key pair.
    pub async fn generate_key_pair(
        &self,
        request: GenerateKeyPairRequest,
    ) -> Result<GenerateKeyPairResponse, BackendError> {
        self.first_answer(|endpoint| {
            let request = request.clone();
            async move { endpoint.generate_key_pair(request).await }
        })
        .await
    }

    /// Asks one endpoint after the other until one gives what was asked for; otherwise tells the worst of the failures.
    async fn first_answer<T, F>(&self, ask: impl Fn(Arc<Endpoint>) -> F) -> Result<T, BackendError>
    where
        F: Future<Output = Result<T, BackendError>>,
    {
        let (well, ill): (Vec<_>, Vec<_>) = self.endpoints.iter().partition(|e| e.is_well());
        let mut failure = no_endpoint();
        for endpoint in well.into_iter().chain(ill) {
            match ask(Arc::clone(endpoint)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    endpoint.demote(&error);
                    failure = failure.or_worse(error);
                }
            }
        }
        Err(failure)
    }
}

// === impl Grep11 ===

impl Grep11 {
    /// A backend for these keys.
    pub fn new(client: Client, keyring: Arc<Keyring>) -> Self {
        Self { client, keyring }
    }

    async fn sign_permitted(&self, permit: Permit) -> Result<Signature, BackendError> {
        let key = self
            .keyring
            .get(&permit.key())
            .ok_or(BackendError::UnknownKey)?;
        self.client
            .sign(key.blob(), key.public_key(), permit.digest())
            .await
    }
}

impl Backend for Grep11 {
    fn sign(&self, permit: Permit) -> BackendFuture<'_, Signature> {
        Box::pin(self.sign_permitted(permit))
    }

    fn prove<'a>(&'a self, key: &'a Key) -> BackendFuture<'a, ()> {
        Box::pin(self.client.prove(key.blob(), key.public_key()))
    }

    fn probe(&self) -> BackendFuture<'_, ()> {
        Box::pin(self.client.probe())
    }
}

fn sign_request(
    blob: &[u8],
    curve: Curve,
    digest: &Digest,
) -> Result<SignSingleRequest, BackendError> {
    let curve = match curve {
        Curve::Ed25519 => bakehouse_proto::Curve::Ed25519,
        Curve::Secp256k1 => bakehouse_proto::Curve::Secp256k1,
        Curve::P256 => bakehouse_proto::Curve::P256,
        // A tz4 key signs the payload, not its digest; it never gets here.
        Curve::Bls12_381 => return Err(BackendError::UnknownKey),
    };
    let mechanism = mechanism::signing(curve);
    Ok(keyblob::sign_single_request(
        blob,
        mechanism,
        digest.as_bytes().to_vec(),
    ))
}

fn no_endpoint() -> BackendError {
    BackendError::Unreachable("no endpoint answered".to_owned())
}
