use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::testing::{self, cases, pairs};

fn outline(workload: &str, env: &str) -> Outline {
    let document = ContractDocument::new(workload.into(), env.into());
    Outline::of(&document, &[], &Limits::default()).unwrap()
}

/// Everything that an outline and a comparison of it let out.
fn shown(outline: &Outline) -> String {
    let mut out = String::new();
    for (path, value) in outline.values() {
        writeln!(out, "{path}: {value:?}").unwrap();
    }
    let empty = self::outline("type: workload", "type: env");
    for difference in [empty.differences(outline), outline.differences(&empty)].concat() {
        writeln!(out, "{difference:?}").unwrap();
    }
    out
}

fn value(outline: &Outline, path: &str) -> Option<Value> {
    outline
        .values()
        .find(|(found, _)| *found == path)
        .map(|(_, value)| value)
}

fn public(text: &str) -> Value {
    Value::Public(text.into())
}

const IBM: &str = r#"
env: {TOKEN: CANARY-1, "CANARY 2": x}
auths: {icr.io: {username: CANARY3, password: CANARY4}}
volumes: {data: {seed: CANARY5CANARY5CANARY5, previousSeed: CANARY6, kms: [{apiKey: CANARY7CANARY7, crn: CANARY8}], uv-secret-id: index-1}}
logging: {logRouter: {hostname: logs.example, iamApiKey: CANARY9, tags: [CANARY10]}}
crypto-pt: {lock: true, index-1: {type: secret, domain-id: "03.0011", secret: CANARY11}}
CANARY12: {a: CANARY13, b: [CANARY14]}
logging2: CANARY15
"#;

#[test]
fn public_values_are_shown_and_secret_ones_masked() {
    let env = testing::env() + IBM;
    let outline = outline(&testing::workload(), &env);
    for (path, text) in [
        ("workload.bakehouse.network", "shadownet"),
        ("workload.bakehouse.keys[baker].floor", "17"),
        ("workload.bakehouse.node.extra_args[1]", "--private-mode"),
        ("workload.bakehouse.keys[baker].policy.operations", "[]"),
        ("env.bakehouse.state.path", "/var/lib/bakehouse"),
        (
            "env.bakehouse.grep11.endpoints[10.0.0.7:9876].address",
            "10.0.0.7:9876",
        ),
        ("env.volumes.data.uv-secret-id", "index-1"),
        ("env.crypto-pt.index-1.domain-id", "\"03.0011\""),
        ("env.logging.logRouter.hostname", "logs.example"),
    ] {
        assert_eq!(value(&outline, path), Some(public(text)), "{path}");
    }
    for path in [
        "workload.bakehouse.keys[owner].blob",
        "env.bakehouse.grep11.credentials.key",
        "env.env.TOKEN",
        "env.auths.icr.io.password",
        "env.volumes.data.seed",
        "env.(unknown key 1).(unknown key 2)[0]",
    ] {
        assert_eq!(value(&outline, path), Some(Value::Masked), "{path}");
    }
    let shown = shown(&outline);
    assert!(!shown.contains("CANARY"), "{shown}");
    assert!(!shown.contains(&"ab".repeat(120)), "{shown}");
}

/// Every scalar and every key replaced by something that fits nothing: it is never shown.
#[test]
fn what_fits_nothing_is_never_shown() {
    let sections = [testing::workload(), testing::env() + IBM];
    for (which, section) in sections.iter().enumerate() {
        let words: Vec<&str> = section
            .split(|c: char| c.is_whitespace() || "{}[],\"".contains(c))
            .filter(|word| !word.is_empty() && !word.ends_with(':') && *word != "|" && *word != "-")
            .collect();
        assert!(words.len() > 30);
        for word in words {
            let spoilt = section.replacen(word, "'hunter 2 CANARY'", 1);
            let pair = match which {
                0 => [spoilt.as_str(), &sections[1]],
                _ => [&sections[0], spoilt.as_str()],
            };
            let document = ContractDocument::new(pair[0].into(), pair[1].into());
            let said = match Outline::of(&document, &[], &Limits::default()) {
                Ok(outline) => shown(&outline),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!said.contains("CANARY"), "{word}: {said}");
        }
    }
}

#[test]
fn differences_name_their_kind_and_mask_what_is_secret() {
    let (workload, env) = (testing::workload(), testing::env());
    let old = outline(&workload, &env);
    let new = outline(
        &workload.replace("floor: 17", "floor: 18").replacen(
            &"ab".repeat(120),
            &"cd".repeat(120),
            1,
        ),
        &env.replace("/var/lib/bakehouse", "/srv/bakehouse")
            .replace("    ntp: [10.0.0.1]\n", "")
            .replace(
                "drain_seconds: 60",
                "drain_seconds: 60, hsm_start_seconds: 9",
            ),
    );
    let found: Vec<(String, Change)> = old
        .differences(&new)
        .into_iter()
        .map(|it| (it.path, it.change))
        .collect();
    let text = public;
    let changed = |old, new| Change::Changed { old, new };
    let expected = [
        (
            "env.bakehouse.egress.ntp[0]",
            Change::Removed(text("10.0.0.1")),
        ),
        (
            "env.bakehouse.state.path",
            changed(text("/var/lib/bakehouse"), text("/srv/bakehouse")),
        ),
        (
            "env.bakehouse.timing.hsm_start_seconds",
            Change::Added(text("9")),
        ),
        (
            "workload.bakehouse.keys[baker].blob",
            changed(Value::Masked, Value::Masked),
        ),
        (
            "workload.bakehouse.keys[baker].floor",
            changed(text("17"), text("18")),
        ),
    ];
    let expected = expected.map(|(path, change)| (path.to_owned(), change));
    assert_eq!(found, expected);
}

#[test]
fn what_means_the_same_is_equal_and_what_does_not_is_not() {
    let with = |line: &str| outline(&testing::workload(), &format!("{}{line}\n", testing::env()));
    let base = with("env: {A: a}\nx: 1\n# a remark");
    assert_eq!(base.differences(&with("x: 1\nenv:\n  \"A\": 'a'")), []);
    for other in [
        "env: {A: b}\nx: 1",
        "env: {B: a}\nx: 1",
        "env: {A: a}\nx: \"1\"",
        // Another unknown key with the same value.
        "env: {A: a}\ny: 1",
        "env: {A: a}\nx: [1]",
        "env: {A: a}\nx: []",
        "env: {A: a}",
    ] {
        assert_ne!(base.differences(&with(other)), [], "{other}");
    }
}

#[test]
fn moving_an_item_that_has_a_name_moves_nothing_else() {
    let workload = testing::workload();
    let lines: Vec<&str> = workload.lines().collect();
    let owner = lines
        .iter()
        .position(|it| it.contains("name: owner"))
        .unwrap();
    let first = lines
        .iter()
        .position(|it| it.contains("name: baker"))
        .unwrap();
    let mut moved = lines.clone();
    let line = moved.remove(owner);
    moved.insert(first, line);
    let moved = moved.join("\n");
    let old = outline(&workload, &testing::env());
    assert_eq!(old.differences(&outline(&moved, &testing::env())), []);
    // A name that is a number is no name: it could be taken for a place in the list.
    let named = |text: &str| outline(&workload.replace("name: owner", text), &testing::env());
    assert!(value(&named("name: \"0\""), "workload.bakehouse.keys[1].role").is_some());
}

#[test]
fn tokens_are_opened_with_a_key_and_compared_as_they_are_without() {
    let pair = &pairs()[0];
    let (workload, env) = (testing::workload(), testing::env());
    let sealed = || ContractDocument::new(pair.seal(&workload), pair.seal(&env));
    let (one, two) = (sealed(), sealed());
    let limits = Limits::default();
    let of = |document, keys: &[DecryptionKey]| Outline::of(document, keys, &limits).unwrap();
    let opened = |document| of(document, &[pair.key()]);
    assert_eq!(opened(&one).differences(&opened(&two)), []);
    assert_eq!(opened(&one).differences(&outline(&workload, &env)), []);
    assert_eq!(opened(&one).sealed(), [""; 0]);

    let closed = of(&one, &[]);
    assert_eq!(closed.sealed(), ["env", "workload"]);
    assert_eq!(closed.values().count(), 0);
    assert_eq!(closed.differences(&of(&one, &[])), []);
    for other in [of(&two, &[]), outline(&workload, &env)] {
        let found = closed.differences(&other);
        assert!(found.iter().all(|it| it.change == Change::Unknown));
        assert_eq!(found.len(), 2);
    }
    let error = Outline::of(&one, &[pairs()[1].key()], &limits).map(|_| ());
    assert_eq!(error, Err(ContractError::undecryptable()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(128)))]

    #[test]
    fn any_section_is_outlined_or_refused(text in ".{0,200}") {
        let document = ContractDocument::new(text, "type: env".into());
        drop(Outline::of(&document, &[], &Limits::default()));
    }
}
