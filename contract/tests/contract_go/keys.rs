//! Throw-away keys and certificates, made by `openssl`; and RSA and signatures by means that are not the library's.

use std::sync::OnceLock;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use aws_lc_rs::{pbkdf2, rand};
use bakehouse_contract::envelope::{DecryptionKey, Token, open};
use bakehouse_contract::{Limits, pem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::openssl::openssl;

/// A private key, its public half and a certificate of that, as PEM.
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) public: String,
    pub(crate) certificate: String,
}

// === impl Pair ===

impl Pair {
    fn make(bits: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let new = format!(
            "req -x509 -newkey rsa:{bits} -nodes -keyout key.pem -out cert.pem -subj /CN=throw-away -days 365"
        );
        for args in [new.as_str(), "pkey -in key.pem -pubout -out public.pem"] {
            openssl(dir.path(), args, b"").unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        Self {
            key: read("key.pem"),
            public: read("public.pem"),
            certificate: read("cert.pem"),
        }
    }

    /// The image's: of the size that IBM's images have.
    pub(crate) fn image() -> &'static Self {
        static PAIR: OnceLock<Pair> = OnceLock::new();
        PAIR.get_or_init(|| Self::make(4096))
    }

    /// The deployer's, who signs.
    pub(crate) fn deployer() -> &'static Self {
        static PAIR: OnceLock<Pair> = OnceLock::new();
        PAIR.get_or_init(|| Self::make(2048))
    }

    /// Opens a token with the library.
    pub(crate) fn open(&self, token: &str) -> Option<Vec<u8>> {
        let token = Token::parse(token, &Limits::default()).unwrap();
        let key = DecryptionKey::from_pem(&self.key).unwrap();
        // Which section it is means nothing to tokens of IBM's kind.
        Some(open(&token, "env", &[key]).ok()?.expose().clone())
    }

    /// The password of a token.
    pub(crate) fn password(&self, token: &str) -> Vec<u8> {
        let ciphertext = STANDARD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let block = &pem::blocks(&self.key).unwrap()[0];
        let key = PrivateDecryptingKey::from_pkcs8(block.der.expose()).unwrap();
        let key = Pkcs1PrivateDecryptingKey::new(key).unwrap();
        let mut plain = vec![0; key.min_output_size()];
        key.decrypt(&ciphertext, &mut plain).unwrap().to_vec()
    }

    /// A token with a password of one's choice: RSA takes `password`, the text's key comes from `derived_from`.
    pub(crate) fn craft(&self, text: &[u8], password: &[u8], derived_from: &[u8]) -> String {
        let block = &pem::blocks(&self.certificate).unwrap()[0];
        let (_, certificate) = X509Certificate::from_der(block.der.expose()).unwrap();
        let public = PublicEncryptingKey::from_der(certificate.public_key().raw).unwrap();
        let public = Pkcs1PublicEncryptingKey::new(public).unwrap();
        let mut ciphertext = vec![0; public.ciphertext_size()];
        public.encrypt(password, &mut ciphertext).unwrap();

        let mut salt = [0; 8];
        rand::fill(&mut salt).unwrap();
        let mut out = [0; 48];
        let iterations = 10_000.try_into().unwrap();
        let function = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(function, iterations, &salt, derived_from, &mut out);
        let key = UnboundCipherKey::new(&AES_256, &out[..32]).unwrap();
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
        let iv: [u8; 16] = out[32..].try_into().unwrap();
        let mut body = text.to_vec();
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        key.less_safe_encrypt(&mut body, context).unwrap();
        format!(
            "hyper-protect-basic.{}.{}",
            STANDARD.encode(ciphertext),
            STANDARD.encode([b"Salted__", &salt[..], &body].concat())
        )
    }
}

/// Whether a signature (base64) over a message is that of the key in a PEM certificate or a PEM public key.
pub(crate) fn signed(message: &str, signature: &str, signer: &str) -> bool {
    let block = &pem::blocks(signer).unwrap()[0];
    let der = block.der.expose();
    let key = if block.label == "CERTIFICATE" {
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        certificate.public_key().subject_public_key.data.to_vec()
    } else {
        let (_, key) = x509_parser::x509::SubjectPublicKeyInfo::from_der(der).unwrap();
        key.subject_public_key.data.to_vec()
    };
    let signature = STANDARD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(message.as_bytes(), &signature)
        .is_ok()
}
