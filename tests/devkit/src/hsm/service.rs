//! The gRPC face: delay, injected faults, journal, and one method per RPC.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bakehouse_proto::grep11::crypto_server::Crypto;
use bakehouse_proto::grep11::{self as wire, Mechanism};
use bakehouse_proto::{Ckr, Grep11Error, keyblob};
use tonic::{Request, Response, Status};

use super::engine::{self, Engine};
use super::journal::{Call, Journal};

/// What all connections share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) journal: Journal,
    latency_ns: AtomicU64,
    faults: Mutex<VecDeque<Ckr>>,
}

/// The service of one server.
#[derive(Clone)]
pub(super) struct Service(pub(super) Arc<Shared>);

// === impl Shared ===

impl Shared {
    pub(super) fn new(engine: Engine, journal: Journal, latency: Duration) -> Self {
        let shared = Self {
            engine,
            journal,
            latency_ns: AtomicU64::new(0),
            faults: Mutex::default(),
        };
        shared.set_latency(latency);
        shared
    }

    pub(super) fn set_latency(&self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.store(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn fail_next(&self, code: Ckr) {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(code);
    }

    /// Waits as long as the HSM would, does the work unless a fault is due, and records the call
    /// before its answer leaves.
    async fn call<T>(
        &self,
        call: Call<'_>,
        work: impl FnOnce(&Engine) -> Result<T, Ckr>,
    ) -> Result<Response<T>, Status> {
        let latency = Duration::from_nanos(self.latency_ns.load(Ordering::Relaxed));
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let fault = self
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let result = fault.map_or_else(|| work(&self.engine), Err);
        self.journal
            .record(&call, result.as_ref().map(|_| ()).map_err(|code| *code))
            .map_err(|error| Status::internal(format!("the journal cannot be written: {error}")))?;
        result
            .map(Response::new)
            .map_err(|code| Grep11Error::new(code).to_status())
    }
}

fn number(mechanism: Option<&Mechanism>) -> Option<u64> {
    mechanism.map(|mechanism| mechanism.mechanism)
}

/// Methods that answer `CKR_FUNCTION_NOT_SUPPORTED`, in the form that `async_trait` makes of an
/// `async fn`, which it cannot do inside a macro.
macro_rules! unsupported {
    ($($method:ident, $name:literal, $request:ident, $response:ident;)+) => {$(
        fn $method<'life0, 'async_trait>(
            &'life0 self,
            _request: Request<wire::$request>,
        ) -> Pin<
            Box<
                dyn Future<Output = Result<Response<wire::$response>, Status>>
                    + Send
                    + 'async_trait,
            >,
        >
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                let call = Call { rpc: $name, ..Call::default() };
                self.0.call(call, |_| Err(Ckr::FUNCTION_NOT_SUPPORTED)).await
            })
        }
    )+};
}

// === impl Service ===

#[tonic::async_trait]
impl Crypto for Service {
    async fn generate_random(
        &self,
        request: Request<wire::GenerateRandomRequest>,
    ) -> Result<Response<wire::GenerateRandomResponse>, Status> {
        let length = request.get_ref().len;
        let call = Call {
            rpc: "GenerateRandom",
            ..Call::default()
        };
        self.0.call(call, |_| engine::generate_random(length)).await
    }

    async fn get_mechanism_list(
        &self,
        _request: Request<wire::GetMechanismListRequest>,
    ) -> Result<Response<wire::GetMechanismListResponse>, Status> {
        let call = Call {
            rpc: "GetMechanismList",
            ..Call::default()
        };
        self.0.call(call, |_| Ok(engine::mechanism_list())).await
    }

    async fn get_mechanism_info(
        &self,
        request: Request<wire::GetMechanismInfoRequest>,
    ) -> Result<Response<wire::GetMechanismInfoResponse>, Status> {
        let mech = request.get_ref().mech;
        let call = Call {
            rpc: "GetMechanismInfo",
            mechanism: Some(mech),
            ..Call::default()
        };
        self.0.call(call, |_| engine::mechanism_info(mech)).await
    }

    async fn generate_key_pair(
        &self,
        request: Request<wire::GenerateKeyPairRequest>,
    ) -> Result<Response<wire::GenerateKeyPairResponse>, Status> {
        let request = request.get_ref();
        let mechanism = number(request.mech.as_ref());
        let call = Call {
            rpc: "GenerateKeyPair",
            mechanism,
            ..Call::default()
        };
        self.0
            .call(call, |engine| engine.generate_key_pair(request))
            .await
    }

    async fn generate_key(
        &self,
        request: Request<wire::GenerateKeyRequest>,
    ) -> Result<Response<wire::GenerateKeyResponse>, Status> {
        let request = request.get_ref();
        let mechanism = number(request.mech.as_ref());
        let call = Call {
            rpc: "GenerateKey",
            mechanism,
            ..Call::default()
        };
        self.0
            .call(call, |engine| engine.generate_key(request))
            .await
    }

    async fn sign_single(
        &self,
        request: Request<wire::SignSingleRequest>,
    ) -> Result<Response<wire::SignSingleResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.priv_key.as_ref(), &request.priv_key_bytes);
        let call = Call {
            rpc: "SignSingle",
            mechanism: number(request.mech.as_ref()),
            data: &request.data,
            key: key.unwrap_or_default(),
        };
        self.0
            .call(call, |engine| engine.sign_single(request))
            .await
    }

    async fn verify_single(
        &self,
        request: Request<wire::VerifySingleRequest>,
    ) -> Result<Response<wire::VerifySingleResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.pub_key.as_ref(), &request.pub_key_bytes);
        let call = Call {
            rpc: "VerifySingle",
            mechanism: number(request.mech.as_ref()),
            data: &request.data,
            key: key.unwrap_or_default(),
        };
        self.0
            .call(call, |engine| engine.verify_single(request))
            .await
    }

    async fn encrypt_single(
        &self,
        request: Request<wire::EncryptSingleRequest>,
    ) -> Result<Response<wire::EncryptSingleResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.key.as_ref(), &request.key_bytes).unwrap_or_default();
        let mechanism = number(request.mech.as_ref());
        let call = Call {
            rpc: "EncryptSingle",
            mechanism,
            key,
            ..Call::default()
        };
        self.0
            .call(call, |engine| engine.encrypt_single(request))
            .await
    }

    async fn decrypt_single(
        &self,
        request: Request<wire::DecryptSingleRequest>,
    ) -> Result<Response<wire::DecryptSingleResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.key.as_ref(), &request.key_bytes).unwrap_or_default();
        let mechanism = number(request.mech.as_ref());
        let call = Call {
            rpc: "DecryptSingle",
            mechanism,
            key,
            ..Call::default()
        };
        self.0
            .call(call, |engine| engine.decrypt_single(request))
            .await
    }

    async fn wrap_key(
        &self,
        request: Request<wire::WrapKeyRequest>,
    ) -> Result<Response<wire::WrapKeyResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.key.as_ref(), &request.key_bytes).unwrap_or_default();
        let mechanism = number(request.mech.as_ref());
        let call = Call {
            rpc: "WrapKey",
            mechanism,
            key,
            ..Call::default()
        };
        self.0.call(call, |engine| engine.wrap_key(request)).await
    }

    async fn unwrap_key(
        &self,
        request: Request<wire::UnwrapKeyRequest>,
    ) -> Result<Response<wire::UnwrapKeyResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.kek.as_ref(), &request.kek_bytes).unwrap_or_default();
        let mechanism = number(request.mech.as_ref());
        let call = Call {
            rpc: "UnwrapKey",
            mechanism,
            key,
            ..Call::default()
        };
        self.0.call(call, |engine| engine.unwrap_key(request)).await
    }

    async fn derive_key(
        &self,
        request: Request<wire::DeriveKeyRequest>,
    ) -> Result<Response<wire::DeriveKeyResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.base_key.as_ref(), &request.base_key_bytes);
        let mechanism = number(request.mech.as_ref());
        let key = key.unwrap_or_default();
        let call = Call {
            rpc: "DeriveKey",
            mechanism,
            key,
            ..Call::default()
        };
        self.0.call(call, |engine| engine.derive_key(request)).await
    }

    async fn get_attribute_value(
        &self,
        request: Request<wire::GetAttributeValueRequest>,
    ) -> Result<Response<wire::GetAttributeValueResponse>, Status> {
        let request = request.get_ref();
        let call = Call {
            rpc: "GetAttributeValue",
            key: &request.object,
            ..Call::default()
        };
        self.0
            .call(call, |engine| engine.attribute_value(request))
            .await
    }

    async fn rewrap_key_blob(
        &self,
        request: Request<wire::RewrapKeyBlobRequest>,
    ) -> Result<Response<wire::RewrapKeyBlobResponse>, Status> {
        let request = request.get_ref();
        let key = keyblob::raw(request.wrapped_key.as_ref(), &request.wrapped_key_bytes);
        let key = key.unwrap_or_default();
        let call = Call {
            rpc: "RewrapKeyBlob",
            key,
            ..Call::default()
        };
        self.0.call(call, |engine| engine.rewrap(request)).await
    }

    unsupported! {
        digest_init, "DigestInit", DigestInitRequest, DigestInitResponse;
        digest, "Digest", DigestRequest, DigestResponse;
        digest_update, "DigestUpdate", DigestUpdateRequest, DigestUpdateResponse;
        digest_key, "DigestKey", DigestKeyRequest, DigestKeyResponse;
        digest_final, "DigestFinal", DigestFinalRequest, DigestFinalResponse;
        digest_single, "DigestSingle", DigestSingleRequest, DigestSingleResponse;
        encrypt_init, "EncryptInit", EncryptInitRequest, EncryptInitResponse;
        decrypt_init, "DecryptInit", DecryptInitRequest, DecryptInitResponse;
        encrypt_update, "EncryptUpdate", EncryptUpdateRequest, EncryptUpdateResponse;
        decrypt_update, "DecryptUpdate", DecryptUpdateRequest, DecryptUpdateResponse;
        encrypt, "Encrypt", EncryptRequest, EncryptResponse;
        decrypt, "Decrypt", DecryptRequest, DecryptResponse;
        encrypt_final, "EncryptFinal", EncryptFinalRequest, EncryptFinalResponse;
        decrypt_final, "DecryptFinal", DecryptFinalRequest, DecryptFinalResponse;
        reencrypt_single, "ReencryptSingle", ReencryptSingleRequest, ReencryptSingleResponse;
        sign_init, "SignInit", SignInitRequest, SignInitResponse;
        verify_init, "VerifyInit", VerifyInitRequest, VerifyInitResponse;
        sign_update, "SignUpdate", SignUpdateRequest, SignUpdateResponse;
        verify_update, "VerifyUpdate", VerifyUpdateRequest, VerifyUpdateResponse;
        sign_final, "SignFinal", SignFinalRequest, SignFinalResponse;
        verify_final, "VerifyFinal", VerifyFinalRequest, VerifyFinalResponse;
        sign, "Sign", SignRequest, SignResponse;
        verify, "Verify", VerifyRequest, VerifyResponse;
        set_attribute_value, "SetAttributeValue", SetAttributeValueRequest, SetAttributeValueResponse;
        login, "Login", LoginRequest, LoginResponse;
        logout, "Logout", LogoutRequest, LogoutResponse;
        re_encrypt, "ReEncrypt", ReEncryptRequest, ReEncryptResponse;
    }
}
