//! From an intermediate up to a root that was given.

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::X509Certificate;
use x509_parser::x509::X509Name;

use super::signature::{self, Signed};

/// Authorities that may stand above an intermediate.
const MAX_LENGTH: usize = 8;

/// The way up, and whether it ends at a root.
pub(super) struct Path<'a> {
    /// The intermediate first.
    pub(super) certificates: Vec<&'a X509Certificate<'a>>,
    pub(super) end: Result<(), PathError>,
}

/// Why there is no way up to a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    #[error("its issuer is not among the authorities")]
    NoIssuer,
    #[error("it is self-signed and not among the authorities")]
    Untrusted,
    #[error("its issuer is no authority: its extensions do not allow it to sign certificates")]
    NoAuthority,
    #[error("it is not signed by the key of its issuer")]
    Signature,
    #[error(
        "it is signed with an algorithm other than RSA PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512"
    )]
    Algorithm,
    #[error("more authorities stand above it than are followed")]
    TooLong,
}

/// Goes up from an intermediate.
pub(super) fn build<'a>(
    intermediate: &'a X509Certificate<'a>,
    authorities: &'a [X509Certificate<'a>],
) -> Path<'a> {
    let mut certificates = vec![intermediate];
    let mut current = intermediate;
    let end = loop {
        if same_name(current.subject(), current.issuer()) {
            break root(current, authorities);
        }
        if certificates.len() > MAX_LENGTH {
            break Err(PathError::TooLong);
        }
        match issuer(current, &certificates, authorities) {
            Ok(issuer) => {
                certificates.push(issuer);
                current = issuer;
            }
            Err(error) => break Err(error),
        }
    };
    Path { certificates, end }
}

fn root(
    current: &X509Certificate<'_>,
    authorities: &[X509Certificate<'_>],
) -> Result<(), PathError> {
    if authorities.iter().any(|it| it.as_raw() == current.as_raw()) {
        by_key_of(current, current)
    } else {
        Err(PathError::Untrusted)
    }
}

/// The authority that signed a certificate, or why none of those with the right name did.
fn issuer<'a>(
    current: &X509Certificate<'_>,
    below: &[&X509Certificate<'_>],
    authorities: &'a [X509Certificate<'a>],
) -> Result<&'a X509Certificate<'a>, PathError> {
    let mut problem = PathError::NoIssuer;
    for authority in authorities {
        if !same_name(authority.subject(), current.issuer()) {
            continue;
        }
        match by_key_of(current, authority) {
            Err(error) => problem = error,
            Ok(()) if !may_sign(authority, below) => problem = PathError::NoAuthority,
            Ok(()) => return Ok(authority),
        }
    }
    Err(problem)
}

fn by_key_of(
    current: &X509Certificate<'_>,
    authority: &X509Certificate<'_>,
) -> Result<(), PathError> {
    match signature::certificate(current, authority.public_key()) {
        Signed::Valid => Ok(()),
        Signed::Invalid => Err(PathError::Signature),
        Signed::Unknown => Err(PathError::Algorithm),
    }
}

/// Whether basic constraints and key usage let an authority stand above these.
fn may_sign(authority: &X509Certificate<'_>, below: &[&X509Certificate<'_>]) -> bool {
    let Ok(Some(constraints)) = authority.basic_constraints() else {
        return false;
    };
    let usage = match authority.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    let authorities = below.iter().filter(|it| it.is_ca()).count();
    let room = constraints
        .value
        .path_len_constraint
        .is_none_or(|most| u64::try_from(authorities).is_ok_and(|it| it <= u64::from(most)));
    constraints.value.ca && usage && room
}

/// Whether an authority may sign revocation lists.
pub(super) fn may_revoke(authority: &X509Certificate<'_>) -> bool {
    match authority.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.crl_sign()),
        Err(_) => false,
    }
}

/// Whether all that a certificate calls critical is understood here.
pub(super) fn understood(certificate: &X509Certificate<'_>) -> bool {
    certificate.iter_extensions().all(|extension| {
        let known = matches!(
            extension.parsed_extension(),
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::SubjectAlternativeName(_)
        );
        known || !extension.critical
    })
}

/// Whether two names are the same, whichever kind of string each of their parts is.
pub(super) fn same_name(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    if one.as_raw() == other.as_raw() {
        return true;
    }
    let parts = |name: &X509Name<'_>| -> Option<Vec<Vec<(String, String)>>> {
        name.iter()
            .map(|part| {
                part.iter()
                    .map(|it| Some((it.attr_type().to_id_string(), it.as_str().ok()?.to_owned())))
                    .collect()
            })
            .collect()
    };
    match (parts(one), parts(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}
