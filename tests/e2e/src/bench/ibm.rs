//! The bench's contract, made by IBM's own tool in place of ours.
//!
//! The sections are those that an operator would write for us, and beside our keys what IBM's schema demands: an archive for
//! `compose` and a receiver for `logging`. contract-go encrypts them for the image's certificate and signs them with a
//! throw-away key of the deployer.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow, bail};
use bakehouse_devkit::image_key::ImageKey;
use bakehouse_interop::contract_go::ContractGo;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use super::Recipe;
use crate::process::output;

/// Whose tool makes the contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ContractFrom {
    /// `bakehouse-contract`.
    #[default]
    Bakehouse,
    /// IBM's contract-go.
    Ibm,
}

/// The platform whose schema knows `compose`.
const PLATFORM: &str = "ccrt";

/// One password in 256 begins with a NUL, and openssl refuses it; each contract takes two.
const ATTEMPTS: usize = 5;

/// Makes a signed and encrypted contract in `folder`, where the image's key lies too.
pub(super) fn contract(recipe: &Recipe, image_key: &Path, folder: &Path) -> Result<String> {
    let mut go = ContractGo::start().map_err(|reason| anyhow!("contract-go: {reason}"))?;
    let mut ask = |job: &Value| go.ask(job);
    let failed = |reason: String| anyhow!("contract-go failed: {reason}");

    let compose = folder.join("compose");
    std::fs::create_dir_all(&compose)?;
    std::fs::write(
        compose.join("docker-compose.yaml"),
        "services: {bakehouse: {image: \"bakehouse@sha256:0\"}}\n",
    )?;
    let archive = ask(&json!({ "do": "archive", "text": compose })).map_err(failed)?;
    std::fs::remove_dir_all(&compose)?;

    let workload = format!("{}compose:\n  archive: {archive}\n", recipe.workload());
    let server = Value::from(recipe.ca.as_str());
    let env = format!(
        "{}logging:\n  syslog:\n    hostname: logs.example\n    port: 6514\n    server: {server}\n",
        recipe.env()
    );
    let sections = bakehouse_contract::ContractDocument::new(workload, env).to_yaml();
    let job = json!({
        "do": "contract", "os": PLATFORM, "text": sections,
        "certificate": certificate(image_key)?, "key": ImageKey::generate()?.private_pem(),
    });
    for _ in 0..ATTEMPTS {
        match ask(&job) {
            Err(reason) if reason.contains("reading password") => {}
            made => return made.map_err(failed),
        }
    }
    bail!("contract-go drew {ATTEMPTS} passwords that openssl refuses")
}

/// A certificate of the image's key, as IBM publishes one for each of its images.
fn certificate(image_key: &Path) -> Result<String> {
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-new", "-subj", "/CN=image", "-days", "2"])
        .arg("-key")
        .arg(image_key);
    output("openssl req", command)
}
