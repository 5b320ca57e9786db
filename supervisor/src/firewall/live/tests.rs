use std::net::IpAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::plan::spec::{Destinations, EgressRule, FirewallSpec, LoopbackRule, Protocol};

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)]
}

fn destinations() -> impl Strategy<Value = Destinations> {
    prop_oneof![
        Just(Destinations::Any),
        vec((any::<IpAddr>(), any::<u16>()), 0..5).prop_map(Destinations::Listed),
    ]
}

fn egress() -> impl Strategy<Value = EgressRule> {
    (
        ".{0,200}",
        vec(any::<u32>(), 0..4),
        protocol(),
        destinations(),
        any::<bool>(),
    )
        .prop_map(|(purpose, uids, protocol, to, exclusive)| EgressRule {
            purpose,
            uids,
            protocol,
            to,
            exclusive,
        })
}

fn loopback() -> impl Strategy<Value = LoopbackRule> {
    (any::<u16>(), vec(any::<u32>(), 0..4)).prop_map(|(port, uids)| LoopbackRule { port, uids })
}

prop_compose! {
    fn spec()(
        port in any::<u16>(),
        seconds in 1..=10_u64,
        egress in vec(egress(), 0..5),
        loopback in vec(loopback(), 0..5),
    ) -> FirewallSpec {
        FirewallSpec { port, dead_man: Duration::from_secs(seconds), egress, loopback }
    }
}

/// What the kernel's listing would add and change.
fn as_listed(ruleset: &Ruleset) -> Vec<u8> {
    let rendered = serde_json::to_value(ruleset.render()).unwrap();
    let objects = rendered["nftables"].as_array().unwrap();
    let added = objects.iter().filter_map(|object| object.get("add"));
    let handled = added.enumerate().map(|(handle, object)| {
        let mut object = object.clone();
        let body = object.as_object_mut().unwrap().values_mut().next().unwrap();
        body["handle"] = json!(handle);
        if let Some(statements) = body.get_mut("expr").and_then(Value::as_array_mut) {
            statements.insert(0, json!({"counter": {"packets": handle, "bytes": 7}}));
        }
        object
    });
    let mut list = vec![json!({"metainfo": {"version": "1.0.6"}})];
    list.extend(handled);
    serde_json::to_vec(&json!({ "nftables": list })).unwrap()
}

proptest! {
    #[test]
    fn rendered_rules_read_back_without_difference(spec in spec()) {
        let ruleset = Ruleset::of(&spec).unwrap();
        let drift = ruleset.diff(Some(&as_listed(&ruleset))).unwrap();
        prop_assert!(drift.is_empty(), "{drift}");
    }

    #[test]
    fn rules_of_two_plans_differ_where_they_are_not_the_same(one in spec(), two in spec()) {
        let (one, two) = (Ruleset::of(&one).unwrap(), Ruleset::of(&two).unwrap());
        let drift = one.diff(Some(&as_listed(&two))).unwrap();
        let same = one.input == two.input && one.output == two.output;
        prop_assert_eq!(drift.is_empty(), same);
    }

    #[test]
    fn one_rule_less_is_found(spec in spec(), at in any::<prop::sample::Index>()) {
        let ruleset = Ruleset::of(&spec).unwrap();
        let mut less = ruleset.clone();
        less.output.remove(at.index(ruleset.output.len()));
        let drift = ruleset.diff(Some(&as_listed(&less))).unwrap();
        prop_assert_eq!(drift.missing.len(), 1);
        prop_assert!(drift.extra.is_empty());
    }

    #[test]
    fn no_listing_makes_the_comparison_fail(text in "[\\[\\]{}:,\"a-z0-9]{0,60}") {
        let listed = format!("{{\"nftables\": [{text}]}}");
        // Unreadable or different, never a panic and never "no difference".
        if let Ok(drift) = Ruleset::locked().diff(Some(listed.as_bytes())) {
            prop_assert!(!drift.is_empty());
        }
    }
}

#[test]
fn nothing_at_all_is_a_difference() {
    let drift = Ruleset::locked().diff(None).unwrap();
    // The table, the set, three chains and two rules.
    assert_eq!(drift.missing.len(), 7);
}

#[test]
fn other_spellings_of_the_same_rule_are_no_difference() {
    let pairs = [
        (
            json!({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}),
            json!({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": 6}}),
        ),
        (
            json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["related", "established"]}}),
            json!({"match": {"op": "==", "left": {"ct": {"key": "state"}}, "right": {"set": ["established", "related"]}}}),
        ),
        (
            json!({"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}}),
            json!({"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": {"set": [0]}}}),
        ),
        (
            json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "daddr"}}, "right": "::1.2.3.4"}}),
            json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "daddr"}}, "right": "::102:304"}}),
        ),
        (json!({"flags": "timeout"}), json!({"flags": ["timeout"]})),
    ];
    for (one, two) in pairs {
        assert_eq!(normal(&one), normal(&two));
    }
    let is = json!({"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}});
    let not = json!({"match": {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": 0}});
    assert_ne!(normal(&not), normal(&is));
}
