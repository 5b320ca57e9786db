//! What a configuration says about what a key may sign. Names are read by [`crate::policy`].

use serde::Deserialize;

/// What a key may sign. Without a word: the consensus messages of its role, and no operation.
///
/// A rule that is absent bounds nothing; an empty list permits nothing. A rule that bounds nothing that `operations`
/// names is refused, so that no rule is thought to hold that can't.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// Classes of consensus messages, out of those of the role: `block`, `preattestation`, `attestation`.
    #[serde(default)]
    pub requests: Option<Vec<String>>,
    /// Chains (`Net…`) of consensus messages, out of the configuration's.
    #[serde(default)]
    pub chains: Option<Vec<String>>,
    /// Kinds of operation contents allowed under magic byte 0x03.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Ballots that may be cast: `yay`, `nay`, `pass`.
    #[serde(default)]
    pub ballots: Option<Vec<String>>,
    /// Protocols (`P…`) that may be proposed or voted on.
    #[serde(default)]
    pub proposals: Option<Vec<String>>,
    /// Addresses (`tz…`, `KT1…`) that transactions, tickets and a drained balance may go to.
    #[serde(default)]
    pub destinations: Option<Vec<String>>,
    /// The most mutez in one transaction or origination.
    #[serde(default)]
    pub max_amount: Option<u64>,
    /// The most mutez in all transactions and originations of one operation.
    #[serde(default)]
    pub max_total_amount: Option<u64>,
    /// The highest fee of one content, in mutez.
    #[serde(default)]
    pub max_fee: Option<u64>,
    /// The highest sum of the fees of one operation, in mutez.
    #[serde(default)]
    pub max_total_fee: Option<u64>,
    /// Delegates (`tz…`) that may be chosen.
    #[serde(default)]
    pub delegates: Option<Vec<String>>,
    /// Addresses (`tz…`) of the keys that may become consensus keys.
    #[serde(default)]
    pub consensus_keys: Option<Vec<String>>,
    /// Addresses (`tz4…`) of the keys that may become companion keys.
    #[serde(default)]
    pub companion_keys: Option<Vec<String>>,
}

// === impl PolicyConfig ===

impl PolicyConfig {
    /// Whether all its chains are among these.
    pub(super) fn is_of(&self, chains: &[String]) -> bool {
        self.chains
            .iter()
            .flatten()
            .all(|chain| chains.contains(chain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_rule_an_empty_one_and_null_are_told_apart() {
        let read = |text: &str| serde_json::from_str::<PolicyConfig>(text).unwrap();
        assert_eq!(read("{}").ballots, None);
        assert_eq!(read(r#"{"ballots": null}"#).ballots, None);
        assert_eq!(read(r#"{"ballots": []}"#).ballots, Some(Vec::new()));
        assert_eq!(read("{}").max_fee, None);
        assert_eq!(read(r#"{"max_fee": 0}"#).max_fee, Some(0));
    }

    #[test]
    fn misspelt_rules_and_wrong_types_are_refused() {
        for text in [
            r#"{"balots": ["yay"]}"#,
            r#"{"ballots": "yay"}"#,
            r#"{"max_fee": -1}"#,
            r#"{"max_fee": "1000"}"#,
            r#"{"max_fee": 1.5}"#,
            r#"{"max_fee": 1, "max_fee": 2}"#,
            r#"{"operations": null}"#,
        ] {
            assert!(
                serde_json::from_str::<PolicyConfig>(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn chains_must_be_among_the_configured_ones() {
        let of = |chains: Option<Vec<String>>| PolicyConfig {
            chains,
            ..PolicyConfig::default()
        };
        let known = ["NetXa".to_owned(), "NetXb".to_owned()];
        assert!(of(None).is_of(&known));
        assert!(of(Some(vec![])).is_of(&known));
        assert!(of(Some(vec!["NetXb".to_owned()])).is_of(&known));
        assert!(!of(Some(vec!["NetXb".to_owned(), "NetXc".to_owned()])).is_of(&known));
    }
}
