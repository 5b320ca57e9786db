//! What the signer offers beyond plain HTTP, each thing only where it is named: the binary protocol over TCP and over a
//! Unix socket, the keys that must authorize requests, and the list of known keys.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;

/// More would make a request that nobody authorized expensive to refuse.
const MAX_AUTHORIZED_KEYS: usize = 32;

/// The `protocol` of a configuration. By default nothing of it is offered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolConfig {
    /// Loopback address of the binary protocol (`tcp://` in Octez).
    #[serde(default)]
    pub tcp: Option<SocketAddr>,
    /// Unix socket of the binary protocol (`unix:` in Octez).
    #[serde(default)]
    pub unix: Option<UnixConfig>,
    /// Public keys, one of which must have signed every sign request. Without the list anyone who can connect may ask.
    #[serde(default)]
    pub authorized_keys: Option<Vec<String>>,
    /// Whether clients may ask for the list of keys.
    #[serde(default)]
    pub list_known_keys: bool,
}

/// The Unix socket of the binary protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixConfig {
    /// Where it lies; removed when the signer stops.
    pub path: PathBuf,
    /// The uids that may connect.
    pub uids: Vec<u32>,
}

// === impl ProtocolConfig ===

impl ProtocolConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |field, problem| Err(ConfigError::Value { field, problem });
        check_loopback("protocol.tcp", self.tcp)?;
        if let Some(unix) = &self.unix {
            if !unix.path.is_absolute() {
                return refuse("protocol.unix.path", "must be an absolute path");
            }
            if unix.uids.is_empty() {
                return refuse("protocol.unix.uids", "is empty");
            }
        }
        match self.authorized_keys.as_deref() {
            Some([]) => refuse("protocol.authorized_keys", "is empty"),
            Some(keys) if keys.len() > MAX_AUTHORIZED_KEYS => {
                refuse("protocol.authorized_keys", "has more than 32 keys")
            }
            _ => Ok(()),
        }
    }
}

/// An address is of this machine only, if there is one.
pub(super) fn check_loopback(
    field: &'static str,
    address: Option<SocketAddr>,
) -> Result<(), ConfigError> {
    match address {
        Some(address) if !address.ip().is_loopback() => Err(ConfigError::Value {
            field,
            problem: "is not a loopback address",
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: Value) -> ProtocolConfig {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn nothing_is_offered_by_default() {
        let config = parse(json!({}));
        assert_eq!(config, ProtocolConfig::default());
        assert!(config.tcp.is_none() && config.unix.is_none());
        assert!(config.authorized_keys.is_none() && !config.list_known_keys);
        config.check().unwrap();
    }

    #[rstest]
    #[case(json!({ "tcp": "0.0.0.0:7732" }), "protocol.tcp")]
    #[case(json!({ "unix": { "path": "s", "uids": [0] } }), "protocol.unix.path")]
    #[case(json!({ "unix": { "path": "/s", "uids": [] } }), "protocol.unix.uids")]
    #[case(json!({ "authorized_keys": [] }), "protocol.authorized_keys")]
    #[case(json!({ "authorized_keys": vec!["edpk"; 33] }), "protocol.authorized_keys")]
    fn impossible_values_are_refused(#[case] value: Value, #[case] expected: &str) {
        match parse(value).check() {
            Err(ConfigError::Value { field, .. }) => assert_eq!(field, expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        for value in [
            json!({ "surprise": 1 }),
            json!({ "unix": { "path": "/s", "uids": [0], "mode": 7 } }),
        ] {
            assert!(serde_json::from_value::<ProtocolConfig>(value).is_err());
        }
    }
}
