//! Every layout of protocol 025: operations forged by taquito, which nobody here wrote, and for what taquito does not
//! forge, the layouts that Octez generates from its own encodings.

use super::*;

/// `name: hex` per line: branch and contents, forged by `@taquito/local-forging`.
const FORGED: &str = include_str!("../vectors/taquito-24.2.0-operation-unsigned.txt");

/// The forged operations: name of the kind, bytes.
pub(super) fn forged() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    FORGED.lines().map(|line| {
        let (name, text) = line.split_once(": ").unwrap();
        let kind = match name {
            "transaction-call" => "transaction",
            "set_deposits_limit-none" => "set_deposits_limit",
            other => other,
        };
        (kind, hex::decode(text).unwrap())
    })
}

/// What is not forged: name of the kind, bytes.
pub(super) fn generated() -> Vec<(&'static str, Vec<u8>)> {
    let twenty = "aa".repeat(20);
    let hash = "bb".repeat(32);
    let rollup = format!("{HEADER}{twenty}");
    let game = format!("cc{rollup}00{twenty}");
    let reveal = format!("{game}018002010000000199ff01");
    let list = |text: &str| format!("{:08x}{text}", text.len() / 2);
    let scalars = list(&hash.repeat(2));
    let input = format!("{}{scalars}{hash}", list("6162"));
    let zk = |op: &str| format!("fb{rollup}{}", list(op));
    let layer2 = format!("00000007{hash}c10100{twenty}{twenty}{scalars}");
    let annotations = list("2561");
    let nodes = [
        "004a".to_owned(),
        format!("01{}", list("61")),
        format!("02{}", list("03060306")),
        "0306".to_owned(),
        format!("0406{annotations}"),
        "05070306".to_owned(),
        format!("06070306{annotations}"),
        "070703060306".to_owned(),
        format!("080703060306{annotations}"),
        format!("0907{}{annotations}", list("030603060306")),
        format!("0907{}{}", list(""), list("")),
        format!("0a{}", list("00ff")),
    ];
    let one_of_each = format!("02{}", list(&nodes.concat()));
    let rows = [
        ("vdf_revelation", format!("08{}", "aa".repeat(200))),
        (
            "smart_rollup_originate",
            format!("c8{HEADER}000000000000000002036900"),
        ),
        ("smart_rollup_cement", format!("ca{rollup}")),
        (
            "smart_rollup_publish",
            format!("cb{rollup}{hash}00000001{hash}{}", "cc".repeat(8)),
        ),
        ("smart_rollup_refute", format!("{game}00{hash}{hash}")),
        (
            "smart_rollup_refute",
            format!(
                "{game}010200{}",
                list(&format!("ff{hash}000007ff{hash}8001"))
            ),
        ),
        (
            "smart_rollup_refute",
            format!("{game}018002010000000199ff00000000108101{}", list("0102")),
        ),
        ("smart_rollup_refute", format!("{game}01800201000000019900")),
        ("smart_rollup_refute", format!("{reveal}0000030a0b0c")),
        ("smart_rollup_refute", format!("{reveal}01")),
        (
            "smart_rollup_refute",
            format!("{reveal}0200000100050007{}", list("ee")),
        ),
        ("smart_rollup_refute", format!("{reveal}03")),
        (
            "smart_rollup_refute",
            format!("{game}018002010000000199ff02"),
        ),
        (
            "smart_rollup_timeout",
            format!("cd{rollup}00{twenty}03{twenty}"),
        ),
        ("smart_rollup_recover_bond", format!("cf{rollup}00{twenty}")),
        (
            "zk_rollup_origination",
            format!(
                "fa{HEADER}{}{}{scalars}00000005",
                list("00"),
                list("0000000161000000000002")
            ),
        ),
        ("zk_rollup_publish", zk("")),
        (
            "zk_rollup_publish",
            zk(&format!("{layer2}00{layer2}0103690306{TO_CONTRACT}")),
        ),
        (
            "zk_rollup_update",
            format!(
                "fc{rollup}{}{}{scalars}{}",
                list(&format!("{input}ff{input}00")),
                list(&input),
                list("77")
            ),
        ),
        (
            "register_global_constant",
            format!("6f{HEADER}{}", list(&one_of_each)),
        ),
    ];
    rows.into_iter()
        .map(|(name, text)| (name, hex::decode(format!("{BRANCH}{text}")).unwrap()))
        .collect()
}

#[test]
fn every_forged_and_generated_layout_is_decoded_as_its_kind() {
    let mut kinds = std::collections::BTreeSet::new();
    for (name, bytes) in forged().chain(generated()) {
        let operation = Operation::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(operation.contents.len(), 1, "{name}");
        assert_eq!(operation.contents[0].name(), name);
        kinds.insert(operation.contents[0].kind);
    }
    kinds.extend(golden().filter_map(|(name, _)| expected(name).ok()));
    let all: std::collections::BTreeSet<_> = OperationKind::all().collect();
    assert_eq!(kinds, all, "every kind has an example");
}

#[test]
fn manager_kinds_are_those_with_a_fee() {
    for (name, bytes) in forged().chain(generated()).chain(golden()) {
        if let Ok(operation) = Operation::decode(&bytes) {
            let content = &operation.contents[0];
            assert_eq!(content.kind.is_manager(), content.fee.is_some(), "{name}");
        }
    }
}

#[test]
fn every_other_tag_is_unknown() {
    const KNOWN: [u8; 39] = [
        1, 2, 3, 4, 5, 6, 8, 9, 17, 20, 21, 23, 24, 30, 31, 40, 41, 107, 108, 109, 110, 111, 112,
        113, 114, 115, 158, 200, 201, 202, 203, 204, 205, 206, 207, 230, 250, 251, 252,
    ];
    for tag in 0..=u8::MAX {
        let result = decode(&format!("{tag:02x}"));
        if KNOWN.contains(&tag) {
            assert!(
                matches!(result, Err(OperationError::Form(BinaryError::Short { .. }))),
                "{tag}: {result:?}"
            );
        } else {
            assert_eq!(result, Err(OperationError::Tag(tag)));
        }
    }
    assert_eq!(decode(""), Err(OperationError::Empty));
}

/// A global constant of this value.
fn value(text: &str) -> Result<Operation, OperationError> {
    decode(&format!("6f{HEADER}{:08x}{text}", text.len() / 2))
}

#[rstest]
#[case::unit("030b", true)]
#[case::nothing("", false)]
#[case::two_expressions("030b030b", false)]
#[case::unknown_node("0b", false)]
#[case::no_primitive("03", false)]
#[case::no_second_argument("070303060306", true)]
#[case::one_argument_of_two("07030306", false)]
#[case::a_list_that_ends_within_an_element("020000000103060306", false)]
#[case::a_list_that_ends_within_a_nested_list("0200000005020000000103", false)]
#[case::a_list_longer_than_the_value("0200000003030b", false)]
#[case::the_greatest_length("02ffffffff030b", false)]
#[case::annotations_missing("0403", false)]
#[case::number_with_a_zero_group("008000", false)]
fn micheline_ends_where_its_length_says(#[case] text: &str, #[case] fits: bool) {
    assert_eq!(value(text).is_ok(), fits, "{:?}", value(text));
}

#[test]
fn deep_micheline_costs_no_stack() {
    let depth = 300_000;
    let nested = format!("{}030b", "0506".repeat(depth));
    assert!(value(&nested).is_ok());
    assert!(value(&"0506".repeat(depth)).is_err());
    let lists: Vec<_> = (0..20_000_u32)
        .rev()
        .map(|level| format!("02{:08x}", level * 5))
        .collect();
    assert!(value(&lists.concat()).is_ok());
}

/// A content that is right but for one thing, and the field that must be named.
fn near_misses() -> Vec<(&'static str, String)> {
    let (twenty, hash) = ("aa".repeat(20), "bb".repeat(32));
    let game = format!("cc{HEADER}{twenty}00{twenty}");
    let proof = format!("{game}010001000000 00ff0100");
    let vote = format!("{}00000001", &HEADER[..42]);
    let attestation = format!("{hash}15{}", "00".repeat(42));
    let twice = |text: &str| format!("020000{0}{0}", format!("{:08x}{text}", text.len() / 2));
    vec![
        ("refutation", format!("{game}02{hash}{hash}")),
        ("step", format!("{game}010002")),
        ("raw data", format!("{proof}1001{}", "cc".repeat(4097))),
        ("input proof", format!("{game}01000100000000ff03")),
        ("reveal proof", format!("{game}01000100000000ff0104")),
        (
            "kind of rollup",
            format!("c8{HEADER}03000000000000000203 6900"),
        ),
        (
            "commitment proof",
            format!("e6{HEADER}05{}", "aa".repeat(96)),
        ),
        ("public key", format!("6b{HEADER}05{hash}00")),
        (
            "proof of possession",
            format!("6b{HEADER}00{hash}ff0000005f{}", "bb".repeat(95)),
        ),
        (
            "entrypoint",
            format!("6c{HEADER}00{TO_SOURCE}ffff20{hash}00000002030b"),
        ),
        (
            "entrypoint",
            format!("6c{HEADER}00{TO_SOURCE}ff0a00000002030b"),
        ),
        (
            "entrypoint",
            format!("9e{HEADER}00000002030b00000002030b{TO_CONTRACT}01{TO_SOURCE}00000020{hash}"),
        ),
        (
            "destination",
            format!("6c{HEADER}00{}0100", &TO_CONTRACT[..42]),
        ),
        (
            "destination",
            format!("6c{HEADER}0002{}00", &TO_CONTRACT[2..]),
        ),
        (
            "destination",
            format!("71{HEADER}0500{}", &TO_CONTRACT[2..]),
        ),
        ("proposals", format!("05{vote}000002a0{}", hash.repeat(21))),
        ("proposal", format!("05{vote}0000001f{}", &hash[2..])),
        ("ballot", format!("06{vote}{hash}03")),
        (
            "content tag",
            twice(&format!("{hash}28{}", "00".repeat(40))),
        ),
        (
            "content tag",
            twice(&format!("{hash}6b{}", "00".repeat(42))),
        ),
        ("signature", twice(&format!("{attestation}{hash}"))),
        (
            "kind of circuit",
            format!("fa{HEADER}00000000000000050000000003000000000000 0000"),
        ),
        (
            "number of operations",
            format!("fa{HEADER}00000000000000000000000040000000"),
        ),
        (
            "new state",
            format!("fc{HEADER}{twenty}00000007000000000000000000"),
        ),
    ]
}

#[test]
fn near_misses_are_refused_where_they_miss() {
    let wrong: Vec<_> = near_misses()
        .into_iter()
        .filter_map(|(expected, text)| match decode(&text.replace(' ', "")) {
            Err(OperationError::Form(
                BinaryError::Malformed { field, .. } | BinaryError::Short { field, .. },
            )) if field == expected => None,
            other => Some((expected, other)),
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn evidence_may_lack_the_signature() {
    let inlined = format!("0000004b{}15{}", "aa".repeat(32), "00".repeat(42));
    assert_eq!(
        kind(&format!("020000{inlined}{inlined}")).name(),
        "double_consensus_operation_evidence"
    );
}
