use super::*;
use bakehouse_contract::secret::Secret;
use bakehouse_contract::settings::Grep11Credentials;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn client(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn settings(&self, certificate: String, key: String) -> Grep11Settings {
        Grep11Settings {
            endpoints: vec![Endpoint {
                host: "192.0.2.1".into(),
                port: 9876,
                server_name: Some("grep11.example".into()),
                pin_sha256: None,
            }],
            credentials: Grep11Credentials {
                ca: self.0.pem(),
                certificate,
                key: Secret::new(key),
            },
        }
    }
}

fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn a_matching_pair_of_a_known_authority_is_accepted() {
    let authority = Authority::new("one");
    let (certificate, key) = authority.client(|_| {});
    assert_eq!(check(&authority.settings(certificate, key), now()), Ok(()));
}

#[test]
fn a_key_of_another_certificate_is_a_mismatch() {
    let authority = Authority::new("one");
    let (certificate, _) = authority.client(|_| {});
    let (_, other) = authority.client(|_| {});
    let error = check(&authority.settings(certificate, other), now()).unwrap_err();
    assert_eq!(error.code(), "credentials_mismatch");
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new("one");
    let (certificate, key) =
        authority.client(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let error = check(&authority.settings(certificate, key), now()).unwrap_err();
    assert_eq!(
        error,
        CredentialError::Validity {
            path: CERTIFICATE,
            state: "expired"
        }
    );
}

#[test]
fn a_namesake_of_the_authority_is_not_the_authority() {
    let (authority, namesake) = (Authority::new("one"), Authority::new("one"));
    let (certificate, key) = namesake.client(|_| {});
    assert_eq!(
        check(&authority.settings(certificate, key), now()),
        Err(CredentialError::Chain)
    );
}

#[test]
fn a_client_authority_of_its_own_is_no_fault() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let (certificate, key) = clients.client(|_| {});
    assert_eq!(check(&servers.settings(certificate, key), now()), Ok(()));
}

#[test]
fn a_server_name_with_a_port_needs_a_pin() {
    let authority = Authority::new("one");
    let (certificate, key) = authority.client(|_| {});
    let mut settings = authority.settings(certificate, key);
    settings.endpoints[0].server_name = Some("grep11.example:9876".into());
    assert_eq!(check(&settings, now()), Err(CredentialError::ServerName(0)));
    settings.endpoints[0].pin_sha256 = Some([0; 32]);
    assert_eq!(check(&settings, now()), Ok(()));
}

#[test]
fn text_that_is_no_pem_is_named_by_its_place() {
    let authority = Authority::new("one");
    let (certificate, key) = authority.client(|_| {});
    let settings = authority.settings(certificate, "canary".into());
    let error = check(&settings, now()).unwrap_err();
    assert_eq!(error.code(), "credentials_invalid");
    assert!(error.to_string().contains(KEY) && !error.to_string().contains("canary"));
    drop(key);
}
