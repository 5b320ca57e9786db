//! Throw-away certificates in the shapes of existing grep11 deployments.
//!
//! There the CA and the client certificates are X.509 **v1** (no version field, no extensions) and
//! the server's is v3 with subject names that hold a port (`DNS:host:9876`). A TLS stack that
//! refuses any of this cannot reach such a server, so tests and the demo use exactly this.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType};

mod v1;

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// Key generation, encoding or signing failed.
    #[error("cannot make the certificate")]
    Make(#[from] rcgen::Error),
    /// A name or time does not fit a certificate.
    #[error("this does not fit a certificate: {0}")]
    Value(String),
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// The first moment.
    pub not_before: SystemTime,
    /// The last moment.
    pub not_after: SystemTime,
}

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key (PKCS #8). A secret.
    pub key_pem: String,
}

/// What a server is called.
#[derive(Clone, Debug, Default)]
pub struct ServerNames {
    /// DNS names; a name may hold a port, as deployed certificates do.
    pub dns: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

/// A certification authority for one test or one demo.
pub struct Authority {
    name: String,
    key: KeyPair,
    der: Vec<u8>,
}

// === impl Validity ===

impl Validity {
    /// From an hour ago, so that clocks may differ, for so many days.
    pub fn days(days: u64) -> Self {
        let now = SystemTime::now();
        Self {
            not_before: now - Duration::from_hours(1),
            not_after: now + Duration::from_hours(24 * days),
        }
    }

    /// Over since an hour.
    pub fn expired() -> Self {
        let now = SystemTime::now();
        Self {
            not_before: now - Duration::from_hours(48),
            not_after: now - Duration::from_hours(1),
        }
    }
}

// === impl Identity ===

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

// === impl ServerNames ===

impl ServerNames {
    /// The odd set of existing deployments: `grep11.svc.net`, each address as address and as DNS
    /// name, and all of these once more with the port.
    pub fn like_deployed(addresses: &[IpAddr], port: u16) -> Self {
        let mut dns = vec![
            format!("grep11.svc.net:{port}"),
            "grep11.svc.net".to_owned(),
        ];
        for address in addresses {
            dns.push(format!("{address}:{port}"));
            dns.push(address.to_string());
        }
        Self {
            dns,
            addresses: addresses.to_vec(),
        }
    }

    fn alternatives(&self) -> Result<Vec<SanType>, CertError> {
        let names = self.dns.iter().map(|name| {
            let name = Ia5String::try_from(name.as_str())
                .map_err(|_| CertError::Value(format!("name {name:?}")))?;
            Ok(SanType::DnsName(name))
        });
        names
            .chain(
                self.addresses
                    .iter()
                    .map(|address| Ok(SanType::IpAddress(*address))),
            )
            .collect()
    }
}

// === impl Authority ===

impl Authority {
    /// A new self-signed v1 CA, valid for a year.
    pub fn new(name: &str) -> Result<Self, CertError> {
        let key = KeyPair::generate()?;
        let der = v1::Unsigned {
            issuer: name,
            subject: name,
            validity: Validity::days(365),
            public_key: &key,
        }
        .sign(&key)?;
        Ok(Self {
            name: name.to_owned(),
            key,
            der,
        })
    }

    /// The CA's certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        v1::to_pem("CERTIFICATE", &self.der)
    }

    /// A v3 server certificate with these names.
    pub fn server(&self, names: &ServerNames, validity: Validity) -> Result<Identity, CertError> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "grep11server");
        parameters.subject_alt_names = names.alternatives()?;
        parameters.not_before = validity.not_before.into();
        parameters.not_after = validity.not_after.into();
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = rcgen::DistinguishedName::new();
        issuer
            .distinguished_name
            .push(DnType::CommonName, self.name.as_str());
        let certificate = parameters.signed_by(&key, &Issuer::from_params(&issuer, &self.key))?;
        Ok(Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// A v1 client certificate, as existing deployments have it.
    pub fn client(&self, name: &str, validity: Validity) -> Result<Identity, CertError> {
        let key = KeyPair::generate()?;
        let certificate = v1::Unsigned {
            issuer: &self.name,
            subject: name,
            validity,
            public_key: &key,
        }
        .sign(&self.key)?;
        Ok(Identity {
            certificate_pem: v1::to_pem("CERTIFICATE", &certificate),
            key_pem: key.serialize_pem(),
        })
    }
}

/// Makes a CA, a server and a client in `directory`: `ca.pem`, `server.pem`, `server.key`,
/// `client.pem`, `client.key`; the keys with mode 0600. The CA's own key is not kept.
pub fn write_all(directory: &Path, names: &ServerNames) -> Result<(), CertError> {
    std::fs::create_dir_all(directory).map_err(|source| CertError::Write {
        path: directory.display().to_string(),
        source,
    })?;
    let authority = Authority::new("Bakehouse throw-away CA")?;
    let server = authority.server(names, Validity::days(365))?;
    let client = authority.client("bakehouse", Validity::days(365))?;
    write(
        &directory.join("ca.pem"),
        &authority.certificate_pem(),
        0o644,
    )?;
    write(
        &directory.join("server.pem"),
        &server.certificate_pem,
        0o644,
    )?;
    write(&directory.join("server.key"), &server.key_pem, 0o600)?;
    write(
        &directory.join("client.pem"),
        &client.certificate_pem,
        0o644,
    )?;
    write(&directory.join("client.key"), &client.key_pem, 0o600)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertError> {
    let failed = |source| CertError::Write {
        path: path.display().to_string(),
        source,
    };
    // A file of an earlier run may have another mode, which opening it would keep.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests;
