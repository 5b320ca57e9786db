//! Whether a certificate is on its issuer's revocation list.

use x509_parser::extensions::{
    DistributionPointName, GeneralName, IssuingDistributionPoint, ParsedExtension,
};
use x509_parser::prelude::X509Certificate;
use x509_parser::revocation_list::CertificateRevocationList;

use super::path::same_name;
use super::report::Outcome;
use super::signature::{self, Signed};
use crate::time;

/// Looks for a certificate on those of the lists that its issuer made. A list that does not hold is a failure, too: leaving it
/// out would turn a forged or outdated one into none at all.
pub(super) fn check(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    lists: &[CertificateRevocationList<'_>],
    now: i64,
) -> (Outcome, String) {
    let mut current = None;
    for list in lists {
        if !same_name(list.issuer(), issuer.subject()) || !covers(list, certificate) {
            continue;
        }
        if let Err(reason) = sound(list, issuer, now) {
            return (Outcome::Failed, format!("the revocation list {reason}"));
        }
        let entry = list
            .iter_revoked_certificates()
            .find(|entry| entry.raw_serial() == certificate.raw_serial());
        if let Some(entry) = entry {
            let since = time::format(entry.revocation_date.timestamp());
            return (Outcome::Failed, format!("revoked since {since}"));
        }
        current = Some(time::format(list.last_update().timestamp()));
    }
    match current {
        Some(since) => (
            Outcome::Passed,
            format!("not on the revocation list of {since}"),
        ),
        None => (
            Outcome::NotChecked,
            "whether it is revoked: no revocation list of its issuer was given".to_owned(),
        ),
    }
}

/// Whether a list is of one of these issuers.
pub(super) fn belongs(
    list: &CertificateRevocationList<'_>,
    issuers: &[&X509Certificate<'_>],
) -> bool {
    issuers
        .iter()
        .any(|issuer| same_name(list.issuer(), issuer.subject()))
}

fn sound(
    list: &CertificateRevocationList<'_>,
    issuer: &X509Certificate<'_>,
    now: i64,
) -> Result<(), String> {
    match signature::revocation_list(list, issuer.public_key()) {
        Signed::Valid => {}
        Signed::Invalid => return Err("is not signed by the issuer's key".to_owned()),
        Signed::Unknown => return Err("is signed with an algorithm that is not known".to_owned()),
    }
    let unknown = list.extensions().iter().any(|extension| {
        extension.critical
            && !matches!(
                extension.parsed_extension(),
                ParsedExtension::IssuingDistributionPoint(_)
            )
    });
    if unknown
        || point(list).is_some_and(|point| point.indirect_crl || point.only_some_reasons.is_some())
    {
        return Err("is not a whole one: it needs others beside it".to_owned());
    }
    if list.last_update().timestamp() > now {
        return Err("is of the future".to_owned());
    }
    match list.next_update().map(|time| time.timestamp()) {
        None => Err("does not say when the next one comes".to_owned()),
        Some(next) if next < now => Err(format!(
            "is outdated: the next one came at {}",
            time::format(next)
        )),
        Some(_) => Ok(()),
    }
}

fn point<'a>(list: &'a CertificateRevocationList<'_>) -> Option<&'a IssuingDistributionPoint<'a>> {
    list.extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::IssuingDistributionPoint(point) => Some(point),
            _ => None,
        })
}

/// Whether a list that an authority has cut into several would have this certificate.
fn covers(list: &CertificateRevocationList<'_>, certificate: &X509Certificate<'_>) -> bool {
    let Some(point) = point(list) else {
        return true;
    };
    let kind = if certificate.is_ca() {
        !point.only_contains_user_certs
    } else {
        !point.only_contains_ca_certs
    };
    let place = point
        .distribution_point
        .as_ref()
        .is_none_or(|wanted| names_point(certificate, wanted));
    kind && place && !point.only_contains_attribute_certs
}

fn names_point(certificate: &X509Certificate<'_>, wanted: &DistributionPointName<'_>) -> bool {
    let wanted = addresses(wanted);
    certificate
        .iter_extensions()
        .filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => Some(points),
            _ => None,
        })
        .flat_map(|points| points.iter())
        .filter_map(|point| point.distribution_point.as_ref())
        .flat_map(addresses)
        .any(|address| wanted.contains(&address))
}

fn addresses<'a>(name: &'a DistributionPointName<'_>) -> Vec<&'a str> {
    let DistributionPointName::FullName(names) = name else {
        return Vec::new();
    };
    names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(address) => Some(*address),
            _ => None,
        })
        .collect()
}
