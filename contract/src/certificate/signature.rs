//! RSA signatures on certificates, revocation lists and records.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, UnparsedPublicKey,
};
use x509_parser::oid_registry::{
    OID_PKCS1_RSAENCRYPTION, OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA,
};
use x509_parser::prelude::X509Certificate;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// What there is to say of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    Valid,
    Invalid,
    /// Of an algorithm that is not known here, or said to be of two.
    Unknown,
}

/// Whether a certificate is signed by a key.
pub(super) fn certificate(
    certificate: &X509Certificate<'_>,
    key: &SubjectPublicKeyInfo<'_>,
) -> Signed {
    let tbs = &certificate.tbs_certificate;
    signed(
        [&certificate.signature_algorithm, &tbs.signature],
        key,
        tbs.as_ref(),
        &certificate.signature_value.data,
    )
}

/// Whether a revocation list is signed by a key.
pub(super) fn revocation_list(
    list: &CertificateRevocationList<'_>,
    key: &SubjectPublicKeyInfo<'_>,
) -> Signed {
    let tbs = &list.tbs_cert_list;
    signed(
        [&list.signature_algorithm, &tbs.signature],
        key,
        tbs.as_ref(),
        &list.signature_value.data,
    )
}

/// Whether a text is signed by a key, with SHA-256.
pub(super) fn rsa_sha256(key: &SubjectPublicKeyInfo<'_>, text: &[u8], signature: &[u8]) -> bool {
    rsa(&RSA_PKCS1_2048_8192_SHA256, key, text, signature) == Signed::Valid
}

fn signed(
    [outer, inner]: [&AlgorithmIdentifier<'_>; 2],
    key: &SubjectPublicKeyInfo<'_>,
    text: &[u8],
    signature: &[u8],
) -> Signed {
    // The outer one is not covered by the signature.
    if outer != inner {
        return Signed::Unknown;
    }
    let algorithm = [
        (OID_PKCS1_SHA256WITHRSA, &RSA_PKCS1_2048_8192_SHA256),
        (OID_PKCS1_SHA384WITHRSA, &RSA_PKCS1_2048_8192_SHA384),
        (OID_PKCS1_SHA512WITHRSA, &RSA_PKCS1_2048_8192_SHA512),
    ]
    .into_iter()
    .find(|(oid, _)| *oid == outer.algorithm);
    match algorithm {
        Some((_, algorithm)) => rsa(algorithm, key, text, signature),
        None => Signed::Unknown,
    }
}

fn rsa(
    algorithm: &'static RsaParameters,
    key: &SubjectPublicKeyInfo<'_>,
    text: &[u8],
    signature: &[u8],
) -> Signed {
    if key.algorithm.algorithm != OID_PKCS1_RSAENCRYPTION {
        return Signed::Unknown;
    }
    let verified = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data)
        .verify(text, signature)
        .is_ok();
    if verified {
        Signed::Valid
    } else {
        Signed::Invalid
    }
}
