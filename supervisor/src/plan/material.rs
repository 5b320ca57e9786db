//! The bytes of the files that a plan names: credentials and the signer's configuration, which no plan may hold, and the
//! baker's wallet.

use std::path::PathBuf;

use bakehouse_contract::secret::Secret;
use bakehouse_contract::settings::{KeyRole, KeySettings, Settings};
use serde::Serialize;
use serde_json::json;

use super::resolve::Resolution;
use super::spec::Plan;
use super::{PlanError, units};

pub(super) const CA: &str = "grep11-ca.pem";
pub(super) const CERTIFICATE: &str = "grep11-client.pem";
pub(super) const KEY: &str = "grep11-client.key";
pub(super) const SIGNER_CONFIG: &str = "signer.json";

/// Files of the credentials' tmpfs, all for the signer alone.
pub(super) const CREDENTIALS: [&str; 4] = [CA, CERTIFICATE, KEY, SIGNER_CONFIG];

/// How long one HSM call may take.
const HSM_TIMEOUT_MS: u64 = 2000;

/// The bytes of one file of the plan.
#[derive(Debug)]
pub struct Content {
    /// The path of its [`FileSpec`](super::spec::FileSpec).
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Secret<Vec<u8>>,
}

#[derive(Serialize)]
struct SignerEndpoint {
    address: String,
    server_name: String,
    pin_sha256: Option<String>,
}

#[derive(Serialize)]
struct SignerKey<'a> {
    name: &'a str,
    role: &'static str,
    public_key: &'a str,
    blob: String,
    floor: u32,
    policy: serde_json::Value,
}

/// All files of the plan.
pub(super) fn contents(
    settings: &Settings,
    plan: &Plan,
    resolution: &Resolution,
) -> Result<Vec<Content>, PlanError> {
    let credentials = &settings.grep11.credentials;
    let secret = |name: &str, bytes: Vec<u8>| Content {
        path: plan.credentials_path.join(name),
        bytes: Secret::new(bytes),
    };
    let mut contents = vec![
        secret(CA, credentials.ca.clone().into_bytes()),
        secret(CERTIFICATE, credentials.certificate.clone().into_bytes()),
        secret(KEY, credentials.key.expose().clone().into_bytes()),
        secret(SIGNER_CONFIG, signer_config(settings, plan, resolution)?),
    ];
    for (name, bytes) in wallet(settings)? {
        contents.push(Content {
            path: plan.state_path.join("baker").join(name),
            bytes: Secret::new(bytes),
        });
    }
    Ok(contents)
}

fn signer_config(
    settings: &Settings,
    plan: &Plan,
    resolution: &Resolution,
) -> Result<Vec<u8>, PlanError> {
    let mut endpoints = Vec::new();
    for endpoint in &settings.grep11.endpoints {
        for address in resolution.addresses(&endpoint.host)? {
            endpoints.push(SignerEndpoint {
                address: std::net::SocketAddr::new(*address, endpoint.port).to_string(),
                server_name: endpoint
                    .server_name
                    .clone()
                    .unwrap_or_else(|| endpoint.host.clone()),
                pin_sha256: endpoint.pin_sha256.map(hex::encode),
            });
        }
    }
    let keys: Vec<_> = settings.keys.iter().map(signer_key).collect();
    let path = |name: &str| plan.credentials_path.join(name);
    let config = json!({
        "listen": units::SIGNER_HTTP,
        "admin_socket": units::admin_socket(plan),
        "admin_uids": [0],
        "state_dir": plan.state_path.join("signer"),
        "chains": [settings.chain_id],
        "grep11": {
            "endpoints": endpoints,
            "ca_file": path(CA),
            "certificate_file": path(CERTIFICATE),
            "key_file": path(KEY),
            "timeout_ms": HSM_TIMEOUT_MS,
        },
        "keys": keys,
    });
    serde_json::to_vec(&config).map_err(|_| PlanError::Render)
}

fn signer_key(key: &KeySettings) -> SignerKey<'_> {
    SignerKey {
        name: &key.name,
        role: match key.role {
            KeyRole::Consensus => "consensus",
            KeyRole::Companion => "companion",
            KeyRole::Manager => "manager",
        },
        public_key: &key.public_key,
        blob: hex::encode(key.blob.expose()),
        floor: key.floor,
        policy: json!({ "operations": key.policy.operations }),
    }
}

/// The three wallet files of the baker's base directory, each key behind the signer.
pub(super) fn wallet(settings: &Settings) -> Result<Vec<(&'static str, Vec<u8>)>, PlanError> {
    let mut hashes = Vec::new();
    let mut public_keys = Vec::new();
    let mut secret_keys = Vec::new();
    for key in units::baking_keys(settings) {
        let locator = format!("http://{}/{}", units::SIGNER_HTTP, key.public_key_hash);
        hashes.push(json!({ "name": key.name, "value": key.public_key_hash }));
        public_keys.push(
            json!({ "name": key.name, "value": { "locator": locator, "key": key.public_key } }),
        );
        secret_keys.push(json!({ "name": key.name, "value": locator }));
    }
    [
        ("public_key_hashs", hashes),
        ("public_keys", public_keys),
        ("secret_keys", secret_keys),
    ]
    .into_iter()
    .map(|(name, list)| {
        serde_json::to_vec_pretty(&list)
            .map(|bytes| (name, bytes))
            .map_err(|_| PlanError::Render)
    })
    .collect()
}
