use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::*;

use super::{Authority, ServerNames, Validity, write_all};

fn parse<T>(pem: &str, look: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    look(&certificate)
}

#[test]
fn ca_and_client_certificates_are_v1_without_extensions() {
    let authority = Authority::new("CA").unwrap();
    let client = authority.client("baker", Validity::days(1)).unwrap();
    for pem in [authority.certificate_pem(), client.certificate_pem] {
        parse(&pem, |certificate| {
            assert_eq!(certificate.version(), X509Version::V1);
            assert!(certificate.extensions().is_empty());
            assert!(certificate.validity().is_valid());
        });
    }
}

#[test]
fn the_server_certificate_is_v3_with_the_odd_names_of_deployments() {
    let authority = Authority::new("CA").unwrap();
    let names = ServerNames::like_deployed(&["10.78.0.2".parse().unwrap()], 9876);
    let server = authority.server(&names, Validity::days(1)).unwrap();
    parse(&server.certificate_pem, |certificate| {
        assert_eq!(certificate.version(), X509Version::V3);
        assert_eq!(certificate.issuer().to_string(), "CN=CA");
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        let names: Vec<String> = names
            .value
            .general_names
            .iter()
            .map(|name| match name {
                GeneralName::DNSName(name) => format!("DNS:{name}"),
                GeneralName::IPAddress(bytes) => format!("IP:{}", hex::encode(bytes)),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(
            names,
            [
                "DNS:grep11.svc.net:9876",
                "DNS:grep11.svc.net",
                "DNS:10.78.0.2:9876",
                "DNS:10.78.0.2",
                "IP:0a4e0002",
            ]
        );
    });
}

#[test]
fn an_expired_certificate_can_be_made() {
    let authority = Authority::new("CA").unwrap();
    let client = authority.client("baker", Validity::expired()).unwrap();
    parse(&client.certificate_pem, |certificate| {
        assert!(!certificate.validity().is_valid());
    });
}

#[test]
fn key_files_are_private_and_a_second_run_replaces_them() {
    let directory = tempfile::tempdir().unwrap();
    let names = ServerNames::like_deployed(&["127.0.0.1".parse().unwrap()], 9876);
    write_all(directory.path(), &names).unwrap();
    write_all(directory.path(), &names).unwrap();
    for (name, mode) in [
        ("ca.pem", 0o644),
        ("server.pem", 0o644),
        ("server.key", 0o600),
        ("client.pem", 0o644),
        ("client.key", 0o600),
    ] {
        let metadata = std::fs::metadata(directory.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn openssl_verifies_server_and_client_where_it_is_installed() {
    let directory = tempfile::tempdir().unwrap();
    let names = ServerNames::like_deployed(&["127.0.0.1".parse().unwrap()], 9876);
    write_all(directory.path(), &names).unwrap();
    let openssl = |arguments: &[&str]| {
        Command::new("openssl")
            .args(arguments)
            .current_dir(directory.path())
            .output()
    };
    let Ok(found) = openssl(&["version"]) else {
        return;
    };
    assert!(found.status.success());
    for name in ["server.pem", "client.pem"] {
        let verified = openssl(&["verify", "-CAfile", "ca.pem", name]).unwrap();
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
    let text = openssl(&["x509", "-in", "client.pem", "-noout", "-text"]).unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("Version: 1 (0x0)"));
}

#[test]
fn debug_shows_no_key() {
    let client = Authority::new("CA")
        .unwrap()
        .client("baker", Validity::days(1))
        .unwrap();
    assert_eq!(format!("{client:?}"), "Identity { .. }");
}
