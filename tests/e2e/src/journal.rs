//! What the other processes wrote down: the HSM each call, the baker each request, the prober each change of the port.
//!
//! Every figure of the demo's report comes from here, none from the supervisor's own word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One call of the HSM.
#[derive(Debug, Deserialize)]
pub struct HsmCall {
    /// Unix time in milliseconds.
    pub ts_ms: f64,
    /// Name of the RPC.
    pub rpc: String,
    /// `Data` of the request, hex.
    #[serde(default)]
    pub data: Option<String>,
    /// `ok` or the CKR name.
    pub result: String,
}

/// One request of the baker.
#[derive(Debug, Deserialize)]
pub struct BakerRequest {
    /// Unix time in milliseconds.
    pub ts_ms: f64,
    /// `block`, `preattestation` or `attestation`.
    pub class: String,
    /// Level.
    pub level: i64,
    /// Round.
    pub round: i64,
    /// BLAKE2b-256 of the payload, hex.
    pub digest: String,
    /// `signed` or `missed`.
    pub outcome: String,
    /// Why it was missed.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One change of the port, seen from outside.
#[derive(Debug, Clone, Deserialize)]
pub struct PortChange {
    /// Unix time in milliseconds of the first connect of the new state.
    pub ts_ms: f64,
    /// `address:port`.
    pub target: String,
    /// `open` or `closed`.
    pub state: String,
}

/// Reads a journal of JSON lines; a file that is not there is empty, a torn last line is left out.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))
        })
        .collect()
}

/// Accepted signatures that do not match exactly one successful `SignSingle` of their digest.
pub fn unmatched(baker: &[BakerRequest], hsm: &[HsmCall]) -> usize {
    let mut signed: BTreeMap<&str, usize> = BTreeMap::new();
    for call in hsm
        .iter()
        .filter(|call| call.rpc == "SignSingle" && call.result == "ok")
    {
        if let Some(data) = &call.data {
            *signed.entry(data.as_str()).or_default() += 1;
        }
    }
    let accepted = baker.iter().filter(|request| request.outcome == "signed");
    accepted
        .filter(|request| signed.get(request.digest.as_str()) != Some(&1))
        .count()
}

/// Levels at which one class was signed with two different payloads.
pub fn signed_twice(baker: &[BakerRequest]) -> Vec<String> {
    let mut digests: BTreeMap<(String, i64, i64), BTreeSet<&str>> = BTreeMap::new();
    for request in baker.iter().filter(|request| request.outcome == "signed") {
        let place = (request.class.clone(), request.level, request.round);
        digests.entry(place).or_default().insert(&request.digest);
    }
    digests
        .into_iter()
        .filter(|(_, digests)| digests.len() > 1)
        .map(|((class, level, round), _)| format!("{class} {level}/{round}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(level: i64, digest: &str, outcome: &str) -> BakerRequest {
        BakerRequest {
            ts_ms: 0.0,
            class: "block".into(),
            level,
            round: 0,
            digest: digest.into(),
            outcome: outcome.into(),
            reason: None,
        }
    }

    fn call(data: &str, result: &str) -> HsmCall {
        HsmCall {
            ts_ms: 0.0,
            rpc: "SignSingle".into(),
            data: Some(data.into()),
            result: result.into(),
        }
    }

    #[test]
    fn a_signature_matches_exactly_one_call() {
        let baker = [
            request(1, "aa", "signed"),
            request(2, "bb", "signed"),
            request(3, "cc", "missed"),
        ];
        assert_eq!(unmatched(&baker, &[call("aa", "ok"), call("bb", "ok")]), 0);
        assert_eq!(unmatched(&baker, &[call("aa", "ok")]), 1);
        assert_eq!(
            unmatched(
                &baker,
                &[call("aa", "ok"), call("bb", "ok"), call("bb", "ok")]
            ),
            1
        );
        assert_eq!(
            unmatched(&baker, &[call("aa", "ok"), call("bb", "CKR_DEVICE_ERROR")]),
            1
        );
    }

    #[test]
    fn two_payloads_at_one_level_are_seen() {
        assert!(signed_twice(&[request(1, "aa", "signed"), request(1, "aa", "signed")]).is_empty());
        assert_eq!(
            signed_twice(&[request(1, "aa", "signed"), request(1, "bb", "signed")]),
            ["block 1/0"]
        );
        assert!(signed_twice(&[request(1, "aa", "signed"), request(1, "bb", "missed")]).is_empty());
    }

    #[test]
    fn a_torn_last_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(
            &path,
            "{\"ts_ms\":1,\"target\":\"a\",\"state\":\"open\"}\n{\"ts_",
        )
        .unwrap();
        assert_eq!(read::<PortChange>(&path).unwrap().len(), 1);
        assert!(
            read::<PortChange>(&folder.path().join("none"))
                .unwrap()
                .is_empty()
        );
    }
}
