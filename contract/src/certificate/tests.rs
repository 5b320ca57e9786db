//! Rules that no certificate of openssl's reaches: the publisher, kinds of strings in names, lists cut into several.

use std::sync::OnceLock;

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CrlScope, CustomExtension, DistinguishedName, DnType, DnValue,
    IsCa, Issuer, KeyIdMethod, KeyPair, PKCS_RSA_SHA384, RevokedCertParams, RsaKeySize,
    SerialNumber, date_time_ymd,
};

use super::chain::check_under;
use super::*;
use crate::record::sha256;

/// 2026-06-01
const NOW: u64 = 1_780_272_000;
const IBM: &str = "International Business Machines Corporation";

/// One key is enough for all: names tell the certificates apart.
fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA384, RsaKeySize::_2048).unwrap())
}

fn params(parts: &[(DnType, DnValue)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in parts {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.serial_number = Some(SerialNumber::from(7_u64));
    params
}

fn utf8(text: &str) -> DnValue {
    DnValue::Utf8String(text.to_owned())
}

fn printable(text: &str) -> DnValue {
    DnValue::PrintableString(text.try_into().unwrap())
}

fn named(organisation: &str) -> CertificateParams {
    params(&[(DnType::OrganizationName, utf8(organisation))])
}

fn authority() -> CertificateParams {
    let mut params = named("Root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn certificate(params: &CertificateParams, issuer: &CertificateParams) -> Certificate {
    let issuer = Issuer::from_params(issuer, key());
    let made = params.signed_by(key(), &issuer).unwrap();
    Certificate::from_der(made.der().to_vec()).unwrap()
}

fn chain(intermediate: &CertificateParams) -> (Certificate, Chain) {
    let root = authority();
    let chain = Chain {
        intermediate: Some(certificate(intermediate, &root)),
        authorities: vec![certificate(&root, &root)],
        revocation_lists: Vec::new(),
    };
    (certificate(&named("Leaf"), intermediate), chain)
}

fn outcome(report: &Report, name: CheckName, role: Role) -> Option<Outcome> {
    let found = |check: &&Check| check.name == name && check.role == role;
    report.checks.iter().find(found).map(|check| check.outcome)
}

#[test]
fn below_the_public_root_the_intermediate_must_be_ibms() {
    let two = params(&[
        (DnType::OrganizationName, utf8("Other")),
        (DnType::OrganizationalUnitName, utf8(IBM)),
    ]);
    for (intermediate, expected) in [
        (named(IBM), Outcome::Passed),
        (
            params(&[(DnType::OrganizationName, printable(IBM))]),
            Outcome::Passed,
        ),
        (named("International Business Machines"), Outcome::Failed),
        (params(&[(DnType::CommonName, utf8(IBM))]), Outcome::Failed),
        (two, Outcome::Failed),
    ] {
        let (leaf, chain) = chain(&intermediate);
        let root = sha256(&chain.authorities[0].0);
        let report = check_under(&leaf, &chain, NOW, Some(root));
        assert_eq!(
            outcome(&report, CheckName::Publisher, Role::Intermediate),
            Some(expected)
        );
        assert_eq!(report.passed(), expected == Outcome::Passed, "{report}");
        // Below any other root the operator knows who it is.
        let report = check(&leaf, &chain, NOW);
        assert_eq!(
            outcome(&report, CheckName::Publisher, Role::Intermediate),
            None
        );
        assert!(
            report.passed()
                && report
                    .warnings
                    .iter()
                    .any(|it| it.contains("trusted because it was given"))
        );
    }
}

#[test]
fn names_are_the_same_whichever_kind_of_string_they_are() {
    let kinds = [
        utf8("Maker"),
        printable("Maker"),
        utf8("maker"),
        utf8("Maker "),
    ];
    for (other, same) in kinds.into_iter().zip([true, true, false, false]) {
        let (leaf, mut chain) = chain(&named("Maker"));
        let renamed = params(&[(DnType::OrganizationName, other)]);
        chain.intermediate = Some(certificate(&renamed, &authority()));
        let report = check(&leaf, &chain, NOW);
        let expected = if same {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        assert_eq!(
            outcome(&report, CheckName::Issuer, Role::Leaf),
            Some(expected)
        );
        assert_eq!(
            outcome(&report, CheckName::Signature, Role::Leaf),
            Some(Outcome::Passed)
        );
    }
}

#[test]
fn what_is_critical_and_not_understood_is_refused() {
    for critical in [false, true] {
        let intermediate = named("Maker");
        let mut leaf = named("Leaf");
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(critical);
        leaf.custom_extensions.push(extension);
        let leaf = certificate(&leaf, &intermediate);
        let report = check(&leaf, &chain(&intermediate).1, NOW);
        assert_eq!(report.passed(), !critical);
        assert_eq!(
            outcome(&report, CheckName::Extensions, Role::Leaf).is_some(),
            critical
        );
    }
}

#[test]
fn a_name_can_not_steer_a_terminal() {
    let (leaf, chain) = chain(&named("\u{1b}[2JMaker\u{9b}é"));
    let text = check(&leaf, &chain, NOW).to_string();
    assert!(text.contains("O=\\u{1b}[2JMaker\\u{9b}é"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

fn list(issuer: &CertificateParams, scope: Option<CrlScope>, uri: Option<&str>) -> RevocationList {
    let point = uri.map(|uri| CrlIssuingDistributionPoint {
        distribution_point: CrlDistributionPoint {
            uris: vec![uri.to_owned()],
        },
        scope,
    });
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 5, 1),
        next_update: date_time_ymd(2026, 7, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: point,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(7_u64),
            revocation_time: date_time_ymd(2026, 4, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&Issuer::from_params(issuer, key())).unwrap();
    RevocationList::from_bytes(list.der()).unwrap()
}

#[test]
fn a_list_that_is_cut_into_several_speaks_for_its_own_part() {
    let mut maker = authority();
    maker.distinguished_name = named("Maker").distinguished_name;
    let place = "http://lists.example/1";
    let mut leaf = named("Leaf");
    leaf.crl_distribution_points.push(CrlDistributionPoint {
        uris: vec![place.to_owned()],
    });
    let leaf = certificate(&leaf, &maker);
    for (scope, uri, expected) in [
        (None, None, Outcome::Failed),
        (None, Some(place), Outcome::Failed),
        (Some(CrlScope::UserCertsOnly), Some(place), Outcome::Failed),
        (
            Some(CrlScope::CaCertsOnly),
            Some(place),
            Outcome::NotChecked,
        ),
        (None, Some("http://lists.example/2"), Outcome::NotChecked),
    ] {
        let mut chain = chain(&maker).1;
        chain.revocation_lists = vec![list(&maker, scope, uri)];
        let report = check(&leaf, &chain, NOW);
        assert_eq!(
            outcome(&report, CheckName::Revocation, Role::Leaf),
            Some(expected),
            "{uri:?}\n{report}"
        );
    }
}

#[test]
fn a_list_of_the_future_is_no_list() {
    let mut maker = authority();
    maker.distinguished_name = named("Maker").distinguished_name;
    let (leaf, mut chain) = chain(&maker);
    chain.revocation_lists = vec![list(&maker, None, None)];
    // 2026-03-01: within the certificates' dates, before the list's.
    let report = check(&leaf, &chain, 1_772_323_200);
    assert!(
        report
            .to_string()
            .contains("the revocation list is of the future"),
        "{report}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Certificate::from_der(bytes.clone()));
        drop(RevocationList::from_bytes(&bytes));
    }

    #[test]
    fn any_damage_is_refused_or_fails(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        static MADE: OnceLock<(Certificate, Chain)> = OnceLock::new();
        let (leaf, chain) = MADE.get_or_init(|| chain(&named("Maker")));
        let mut der = leaf.0.clone();
        let at = at.index(der.len());
        der[at] ^= 1 << bit;
        if let Ok(damaged) = Certificate::from_der(der) {
            prop_assert!(!check(&damaged, chain, NOW).passed());
        }
    }
}
