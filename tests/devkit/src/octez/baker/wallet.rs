//! The wallet of a baker with a remote signer: three files in the base directory, as octez-client writes them.
//!
//! ```text
//! public_key_hashs : [ { "name": "baker", "value": "tz3…" } ]
//! public_keys      : [ { "name": "baker", "value": { "locator": "http://127.0.0.1:6732/tz3…", "key": "p2pk…" } } ]
//! secret_keys      : [ { "name": "baker", "value": "http://127.0.0.1:6732/tz3…" } ]
//! ```

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::octez::http::Base;
use crate::tezos::key::{KeyError, PublicKey, PublicKeyHash};

/// Why a wallet is of no use.
#[derive(Debug, Error)]
pub(super) enum WalletError {
    #[error("{0}: {1}")]
    File(String, String),
    #[error("no {0} alias named {1}")]
    Alias(&'static str, String),
    #[error("the key {0}: {1}")]
    Key(String, KeyError),
    #[error(
        "the key {name}: the stand-in signs through http://HOST:PORT/tz… or remote:tz… only, not '{scheme}'"
    )]
    Scheme { name: String, scheme: String },
    #[error("the key {0} is remote:, and there is no -R")]
    NoRemote(String),
    #[error("the key {0}: its address, key and locator do not belong together")]
    Mismatch(String),
}

/// A key to bake with.
#[derive(Debug, Clone)]
pub(super) struct WalletKey {
    pub(super) name: String,
    pub(super) hash: PublicKeyHash,
    /// Absent where the wallet holds the locator only: then the signer is asked.
    pub(super) key: Option<PublicKey>,
    pub(super) signer: Base,
}

#[derive(Deserialize)]
struct Entry<T> {
    name: String,
    value: T,
}

/// The keys of these aliases, in this order; all keys of the wallet when none is given.
pub(super) fn load(
    base_dir: &Path,
    aliases: &[String],
    remote: Option<&Base>,
) -> Result<Vec<WalletKey>, WalletError> {
    let hashes: Vec<Entry<String>> = read(base_dir, "public_key_hashs")?;
    let publics: Vec<Entry<Value>> = read(base_dir, "public_keys")?;
    let secrets: Vec<Entry<String>> = read(base_dir, "secret_keys")?;
    let names: Vec<&str> = if aliases.is_empty() {
        secrets.iter().map(|entry| entry.name.as_str()).collect()
    } else {
        aliases.iter().map(String::as_str).collect()
    };
    let mut keys = Vec::new();
    for name in names {
        let missing = |what| WalletError::Alias(what, name.to_owned());
        let bad = |error| WalletError::Key(name.to_owned(), error);
        let hash = find(&hashes, name).ok_or_else(|| missing("public key hash"))?;
        let hash = PublicKeyHash::parse(hash).map_err(bad)?;
        // A bare locator in place of the object means that the signer is to be asked.
        let key = find(&publics, name)
            .ok_or_else(|| missing("public key"))?
            .get("key");
        let key = key
            .and_then(Value::as_str)
            .map(PublicKey::parse)
            .transpose()
            .map_err(bad)?;
        let locator = find(&secrets, name).ok_or_else(|| missing("secret key"))?;
        let (signer, located) = split(name, locator, remote)?;
        let belongs = key.as_ref().is_none_or(|key| key.hash() == hash)
            && PublicKeyHash::parse(located).map_err(bad)? == hash;
        if !belongs {
            return Err(WalletError::Mismatch(name.to_owned()));
        }
        keys.push(WalletKey {
            name: name.to_owned(),
            hash,
            key,
            signer,
        });
    }
    Ok(keys)
}

fn find<'a, T>(entries: &'a [Entry<T>], name: &str) -> Option<&'a T> {
    entries
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| &entry.value)
}

/// A file of the wallet; a missing one is empty.
fn read<T: serde::de::DeserializeOwned>(
    base_dir: &Path,
    file: &str,
) -> Result<Vec<T>, WalletError> {
    let path = base_dir.join(file);
    let failed = |reason: String| WalletError::File(path.display().to_string(), reason);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Signer and address of a locator.
fn split<'a>(
    name: &str,
    locator: &'a str,
    remote: Option<&Base>,
) -> Result<(Base, &'a str), WalletError> {
    if let Some(address) = locator.strip_prefix("remote:") {
        let signer = remote
            .cloned()
            .ok_or_else(|| WalletError::NoRemote(name.to_owned()))?;
        return Ok((signer, address));
    }
    let parsed = locator
        .rsplit_once('/')
        .and_then(|(base, address)| Some((Base::parse(base).ok()?, address)));
    parsed.ok_or_else(|| WalletError::Scheme {
        name: name.to_owned(),
        scheme: locator.split(':').next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";
    const HASH: &str = "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA";
    const OTHER: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";

    fn wallet(hash: &str, key: &str, locator: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, value: serde_json::Value| {
            let text = serde_json::json!([{"name": "baker", "value": value}]).to_string();
            std::fs::write(dir.path().join(file), text).unwrap();
        };
        write("public_key_hashs", hash.into());
        write(
            "public_keys",
            serde_json::json!({"locator": locator, "key": key}),
        );
        write("secret_keys", locator.into());
        dir
    }

    #[test]
    fn a_remote_key_is_read_in_both_spellings() {
        let remote = Base::parse("http://127.0.0.1:1").unwrap();
        for (locator, signer) in [
            (format!("http://127.0.0.1:6732/{HASH}"), "127.0.0.1:6732"),
            (format!("remote:{HASH}"), "127.0.0.1:1"),
        ] {
            let dir = wallet(HASH, KEY, &locator);
            for aliases in [vec![], vec!["baker".to_owned()]] {
                let keys = load(dir.path(), &aliases, Some(&remote)).unwrap();
                assert_eq!(keys[0].hash.to_string(), HASH);
                assert_eq!(keys[0].signer.authority(), signer);
            }
        }
    }

    #[test]
    fn wallets_that_do_not_fit_are_refused() {
        let locator = format!("http://127.0.0.1:6732/{HASH}");
        let load = |dir: &tempfile::TempDir, alias: &str| {
            load(dir.path(), &[alias.to_owned()], None)
                .unwrap_err()
                .to_string()
        };
        let good = wallet(HASH, KEY, &locator);
        assert_eq!(load(&good, "alice"), "no public key hash alias named alice");
        assert!(load(&wallet(OTHER, KEY, &locator), "baker").contains("belong together"));
        let other = format!("http://127.0.0.1:6732/{OTHER}");
        assert!(load(&wallet(HASH, KEY, &other), "baker").contains("belong together"));
        assert!(load(&wallet(HASH, KEY, "unencrypted:edsk3"), "baker").contains("unencrypted"));
        assert!(load(&wallet(HASH, KEY, &format!("remote:{HASH}")), "baker").contains("-R"));
        std::fs::write(good.path().join("secret_keys"), "{").unwrap();
        assert!(load(&good, "baker").contains("secret_keys"));
    }

    #[test]
    fn no_wallet_is_an_empty_wallet() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(dir.path(), &[], None).unwrap().is_empty());
    }
}
