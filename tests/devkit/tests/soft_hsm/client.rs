//! A client as an operator's signer is: mutual TLS with an X.509 v1 certificate.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bakehouse_devkit::certs::{Authority, Identity, ServerNames, Validity};
use bakehouse_devkit::hsm::{Config, SoftHsm, Tls};
use bakehouse_proto::grep11::GetMechanismListRequest;
use bakehouse_proto::grep11::crypto_client::CryptoClient;
use bakehouse_proto::{Cka, Ckm, Curve, Template, keyblob, mechanism};
use hyper_util::rt::TokioIo;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};

pub(crate) type Client = CryptoClient<Channel>;

/// A CA, and a server and a client of it.
pub(crate) struct Pki {
    pub(crate) authority: Authority,
    server: Identity,
    client: Identity,
}

/// The two blobs of a key pair.
pub(crate) struct Pair {
    pub(crate) private: Vec<u8>,
    pub(crate) public: Vec<u8>,
}

// === impl Pki ===

impl Pki {
    pub(crate) fn new() -> Self {
        let authority = Authority::new("test CA").unwrap();
        let names = ServerNames::like_deployed(&["127.0.0.1".parse().unwrap()], 9876);
        let server = authority.server(&names, Validity::days(1)).unwrap();
        let client = authority.client("baker", Validity::days(1)).unwrap();
        Self {
            authority,
            server,
            client,
        }
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls {
            certificate: self.server.certificate_pem.clone(),
            key: self.server.key_pem.clone(),
            client_ca: self.authority.certificate_pem(),
        }
    }

    pub(crate) async fn start(&self) -> SoftHsm {
        SoftHsm::start(Config::for_tests(self.tls()).unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn connect(&self, hsm: &SoftHsm) -> Result<Client, tonic::transport::Error> {
        self.channel(Some(&self.client), hsm, rustls::ALL_VERSIONS)
            .await
    }

    /// Connects with another identity and makes one call.
    pub(crate) async fn call_as(
        &self,
        identity: Option<&Identity>,
        hsm: &SoftHsm,
    ) -> Result<(), Status> {
        self.call_with(identity, hsm, rustls::ALL_VERSIONS).await
    }

    pub(crate) async fn call_with(
        &self,
        identity: Option<&Identity>,
        hsm: &SoftHsm,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<(), Status> {
        let mut client = self
            .channel(identity, hsm, versions)
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        client
            .get_mechanism_list(GetMechanismListRequest {})
            .await
            .map(|_| ())
    }

    async fn channel(
        &self,
        identity: Option<&Identity>,
        hsm: &SoftHsm,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Client, tonic::transport::Error> {
        let connector = Connector {
            address: hsm.address(),
            tls: TlsConnector::from(Arc::new(self.config(identity, versions))),
        };
        let endpoint = Endpoint::from_static("http://grep11.svc.net");
        Ok(CryptoClient::new(
            endpoint.connect_with_connector(connector).await?,
        ))
    }

    fn config(
        &self,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        let ca = self.authority.certificate_pem();
        roots
            .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
            .unwrap();
        let key = identity.map(|identity| {
            let chain =
                vec![CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
            let key = provider.key_provider.load_private_key(key).unwrap();
            Arc::new(CertifiedKey::new(chain, key))
        });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(Presented(key)));
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

/// Asks for a non-extractable key pair.
pub(crate) async fn key_pair(client: &mut Client, curve: Curve) -> Pair {
    let (private, public) = pair_templates(curve);
    let request =
        keyblob::generate_key_pair_request(mechanism::plain(Ckm::EC_KEY_PAIR_GEN), private, public);
    let answer = client
        .generate_key_pair(request)
        .await
        .unwrap()
        .into_inner();
    let (private, public) = keyblob::generated_pair(&answer).unwrap();
    Pair {
        private: private.to_vec(),
        public: public.to_vec(),
    }
}

/// The templates of a non-extractable signing key, private then public.
pub(crate) fn pair_templates(curve: Curve) -> (Template, Template) {
    let private = Template::new()
        .with_bool(Cka::SIGN, true)
        .with_bool(Cka::PRIVATE, true)
        .with_bool(Cka::SENSITIVE, true)
        .with_bool(Cka::EXTRACTABLE, false);
    let public = Template::new()
        .with_bool(Cka::VERIFY, true)
        .with_bytes(Cka::EC_PARAMS, curve.oid());
    (private, public)
}

/// Presents one certificate, whatever its version.
#[derive(Debug)]
struct Presented(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Presented {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

#[derive(Clone)]
struct Connector {
    address: SocketAddr,
    tls: TlsConnector,
}

impl tonic::codegen::Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let Self { address, tls } = self.clone();
        Box::pin(async move {
            let name = ServerName::try_from("grep11.svc.net").unwrap();
            let stream = TcpStream::connect(address).await?;
            Ok(TokioIo::new(tls.connect(name, stream).await?))
        })
    }
}
