//! Mistakes in a policy, and the words of its refusals: they are documented, and say nothing of values.

use serde_json::{Value, json};

use super::*;

fn config(policy: &Value) -> Result<Policy, PolicyError> {
    Policy::from_config(&serde_json::from_value(policy.clone()).unwrap())
}

#[rstest]
#[case(json!({"operations": ["stake", "*"]}), PolicyError::UnknownOperation(2))]
#[case(json!({"operations": ["all"]}), PolicyError::UnknownOperation(1))]
#[case(json!({"requests": ["block", "attestation_with_dal"]}), PolicyError::Entry { rule: "requests", position: 2 })]
#[case(json!({"chains": ["main"]}), PolicyError::Entry { rule: "chains", position: 1 })]
#[case(json!({"operations": ["ballot"], "ballots": ["aye"]}), PolicyError::Entry { rule: "ballots", position: 1 })]
#[case(json!({"operations": ["ballot"], "proposals": [TZ3]}), PolicyError::Entry { rule: "proposals", position: 1 })]
#[case(json!({"operations": ["transaction"], "destinations": [TZ3, "tz1"]}), PolicyError::Entry { rule: "destinations", position: 2 })]
#[case(json!({"operations": ["delegation"], "delegates": [""]}), PolicyError::Entry { rule: "delegates", position: 1 })]
#[case(json!({"operations": ["update_consensus_key"], "consensus_keys": ["edpk"]}), PolicyError::Entry { rule: "consensus_keys", position: 1 })]
#[case(json!({"operations": ["update_companion_key"], "companion_keys": ["BLpk"]}), PolicyError::Entry { rule: "companion_keys", position: 1 })]
#[case(json!({"ballots": []}), PolicyError::Unused("ballots"))]
#[case(json!({"operations": ["stake"], "proposals": []}), PolicyError::Unused("proposals"))]
#[case(json!({"operations": ["stake"], "destinations": []}), PolicyError::Unused("destinations"))]
#[case(json!({"operations": ["stake"], "max_amount": 1}), PolicyError::Unused("max_amount"))]
#[case(json!({"operations": ["stake"], "max_total_amount": 1}), PolicyError::Unused("max_total_amount"))]
#[case(json!({"operations": ["ballot"], "max_fee": 1}), PolicyError::Unused("max_fee"))]
#[case(json!({"max_total_fee": 1}), PolicyError::Unused("max_total_fee"))]
#[case(json!({"operations": ["stake"], "delegates": []}), PolicyError::Unused("delegates"))]
#[case(json!({"operations": ["update_companion_key"], "consensus_keys": []}), PolicyError::Unused("consensus_keys"))]
#[case(json!({"operations": ["update_consensus_key"], "companion_keys": []}), PolicyError::Unused("companion_keys"))]
fn a_policy_that_cannot_hold_is_refused(#[case] policy: Value, #[case] error: PolicyError) {
    assert_eq!(config(&policy), Err(error));
}

#[test]
fn today_s_policies_are_read_as_before() {
    for operations in [json!([]), json!(["transaction", "reveal"])] {
        let names: Vec<String> = serde_json::from_value(operations.clone()).unwrap();
        assert_eq!(
            config(&json!({"operations": operations})),
            Policy::parse(&names)
        );
    }
    assert_eq!(config(&json!({})), Ok(Policy::default()));
}

#[rstest]
#[case(Role::Manager, json!({"requests": ["block"]}), "class")]
#[case(Role::Companion, json!({"requests": ["preattestation"]}), "class")]
#[case(Role::Companion, json!({"requests": ["attestation", "block"]}), "class")]
#[case(Role::Companion, json!({"operations": ["reveal"]}), "operations")]
#[case(Role::Manager, json!({"chains": []}), "unused")]
#[case(Role::Manager, json!({"requests": []}), "fits")]
#[case(Role::Companion, json!({"requests": ["attestation"], "chains": []}), "fits")]
#[case(Role::Consensus, json!({"requests": ["block", "preattestation", "attestation"]}), "fits")]
fn a_policy_must_fit_the_role(#[case] role: Role, #[case] policy: Value, #[case] expected: &str) {
    let answer = match KeyRule::new(TZ4.parse().unwrap(), role, config(&policy).unwrap()) {
        Ok(_) => "fits",
        Err(PolicyError::Class { .. }) => "class",
        Err(PolicyError::CompanionOperations) => "operations",
        Err(PolicyError::Unused("chains")) => "unused",
        Err(other) => panic!("{other}"),
    };
    assert_eq!(answer, expected);
}

/// One refusal of each rule.
fn refusals() -> [PolicyRefusal; 15] {
    use OperationKind as K;
    use PolicyRefusal as R;
    [
        R::Role {
            role: Role::Manager,
            request: "block",
        },
        R::Curve {
            request: "bls_attestation",
            prefix: "tz3",
        },
        R::Request("block"),
        R::Chain("block"),
        R::Operation(K::DrainDelegate),
        R::Source(K::Transaction),
        R::Ballot("nay"),
        R::Proposal(K::Ballot),
        R::Destination(K::Transaction),
        R::Amount(K::Transaction),
        R::TotalAmount,
        R::Fee(K::Transaction),
        R::TotalFee,
        R::Delegate(K::Delegation),
        R::NewKey(K::UpdateConsensusKey),
    ]
}

#[test]
fn every_refusal_stands_in_the_documentation_with_its_code_and_text() {
    let page = include_str!("../../../../docs/policy.md");
    for refusal in refusals() {
        let row = format!("| `{}` | {refusal} |", refusal.code());
        assert!(page.contains(&row), "docs/policy.md lacks: {row}");
    }
    let companion = PolicyRefusal::NewKey(OperationKind::UpdateCompanionKey);
    assert!(companion.to_string().contains("`companion_keys`"));
}

#[test]
fn every_kind_and_every_rule_stands_in_the_documentation() {
    let page = include_str!("../../../../docs/policy.md");
    for kind in OperationKind::all() {
        assert!(page.contains(&format!("`{kind}`")), "{kind}");
    }
    let default = format!("{:?}", crate::config::PolicyConfig::default());
    let fields = default.trim_start_matches("PolicyConfig {").split(',');
    let names: Vec<_> = fields.filter_map(|field| field.split(':').next()).collect();
    assert_eq!(names.len(), 13);
    for name in names {
        let row = format!("| `{}` |", name.trim());
        assert!(page.contains(&row), "docs/policy.md lacks: {row}");
    }
}

#[test]
fn every_example_of_the_documentation_is_a_policy_of_its_role() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        role: Role,
        policy: crate::config::PolicyConfig,
    }
    let page = include_str!("../../../../docs/policy.md");
    let examples: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 6);
    for text in examples {
        let example: Example = serde_json::from_str(text).unwrap();
        let policy = Policy::from_config(&example.policy).unwrap();
        KeyRule::new(TZ4.parse().unwrap(), example.role, policy).unwrap();
    }
}
