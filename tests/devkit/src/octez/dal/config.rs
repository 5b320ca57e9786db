//! The DAL node's `config.json`, as far as the stand-in needs it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::octez::args::{Dialect, Parsed};
use crate::octez::baker::cli::base;
use crate::octez::exit::Failure;
use crate::octez::listen;
use crate::octez::node::data_dir::{make_directory, write_file};
use crate::tezos::base58;

const DIALECT: Dialect = Dialect::Cmdliner;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Config {
    pub(super) endpoint: Option<String>,
    pub(super) rpc_addr: String,
    pub(super) net_addr: String,
    pub(super) metrics_addr: Option<String>,
    pub(super) public_addr: Option<String>,
    #[serde(default)]
    pub(super) attester_profiles: Vec<String>,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: None,
            rpc_addr: "127.0.0.1:10732".to_owned(),
            net_addr: "0.0.0.0:11732".to_owned(),
            metrics_addr: None,
            public_addr: None,
            attester_profiles: Vec::new(),
        }
    }
}

impl Config {
    pub(super) fn patch(mut self, options: &Parsed) -> Result<Self, Failure> {
        let given = |key: &str| options.value(key).map(str::to_owned);
        if let Some(url) = given("endpoint") {
            base(&url)?;
            self.endpoint = Some(url);
        }
        for (key, place) in [
            ("rpc-addr", &mut self.rpc_addr),
            ("net-addr", &mut self.net_addr),
        ] {
            if let Some(text) = given(key) {
                check_address(&text)?;
                *place = text;
            }
        }
        for (key, place) in [
            ("metrics-addr", &mut self.metrics_addr),
            ("public-addr", &mut self.public_addr),
        ] {
            if let Some(text) = given(key) {
                check_address(&text)?;
                *place = Some(text);
            }
        }
        if let Some(text) = given("attester-profiles") {
            self.attester_profiles = text.split(',').map(str::to_owned).collect();
            for profile in &self.attester_profiles {
                if !is_address(profile) {
                    return Err(DIALECT.refuse(format!(
                        "option '--attester-profiles': '{profile}' is no public key hash"
                    )));
                }
            }
        }
        options.read::<bool>(DIALECT, "fetch-trusted-setup")?;
        Ok(self)
    }

    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let failed = |reason: String| Failure::new(format!("{}: {reason}", file.display()));
        let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), Failure> {
        if let Some(parent) = file.parent() {
            make_directory(parent)?;
        }
        write_file(file, 0o640, self.render().as_bytes())
    }

    pub(super) fn render(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

fn check_address(text: &str) -> Result<(), Failure> {
    listen::parse(text, 0)
        .map(drop)
        .map_err(|error| DIALECT.refuse(error.to_string()))
}

/// An address of tz1 to tz4: the profile is the delegate's, whose curve does not matter here.
fn is_address(text: &str) -> bool {
    let prefixes: [[u8; 3]; 4] = [
        [0x06, 0xa1, 0x9f],
        [0x06, 0xa1, 0xa1],
        [0x06, 0xa1, 0xa4],
        [0x06, 0xa1, 0xa6],
    ];
    prefixes
        .iter()
        .any(|prefix| base58::decode::<20>(prefix, text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_addresses_of_any_curve() {
        assert!(is_address("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx"));
        assert!(is_address("tz4RzMkzuihTXjknoL2hqePPCuDqEP5iXHtA"));
        assert!(!is_address("tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSy"));
        assert!(!is_address("alice"));
    }
}
