//! Which role signs what; what each rule allows and refuses is in [`rules`].

mod rules;
mod texts;

use rstest::rstest;

use super::*;

const TZ3: &str = "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA";
const TZ4: &str = "tz4RzMkzuihTXjknoL2hqePPCuDqEP5iXHtA";
const OTHER: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";

fn rule(key: &str, role: Role, operations: &[&str]) -> KeyRule {
    KeyRule::new(
        key.parse().unwrap(),
        role,
        Policy::parse(operations).unwrap(),
    )
    .unwrap()
}

fn vote(magic: u8, kind: u8) -> SigningRequest {
    let slot: &[u8] = if kind < 40 { &[0, 0] } else { &[] };
    let dal: &[u8] = if kind == 23 { &[1] } else { &[] };
    let bytes = [
        &[magic, 1, 2, 3, 4][..],
        &[0; 32],
        &[kind],
        slot,
        &[0, 0, 0, 9, 0, 0, 0, 0],
        &[0; 32],
        dal,
    ];
    SigningRequest::parse(&bytes.concat()).unwrap()
}

fn block() -> SigningRequest {
    SigningRequest::parse(&hex::decode("117a06a7700000000b01d1c454c941a0fcbe34d309c279c401cfc1ed289313526986bcb95e036fd008b400000000619f5ac10484affb4fd02e659d927e1e4d2cdfbf2a529e5584415b5225b29c43b43459f0ee000000250000000102000000040000000b000000040000000500000004ffffffee0000000400000006c46f17069d60e70dd57878f68355c4123b2028b200a4c452361bae523175d47400d0f19b5e0b0bd159f6f7e409d5984bf809bfb588b8852b9973e096b0e797860000000506088de5000000000000").unwrap()).unwrap()
}

/// An operation of these contents, each given as (tag, bytes after the source).
fn operation(source: &str, contents: &[(u8, &[u8])]) -> SigningRequest {
    let source = source.parse::<PublicKeyHash>().unwrap().to_tagged();
    let mut bytes = vec![0x03];
    bytes.extend([0; 32]);
    for (tag, rest) in contents {
        bytes.push(*tag);
        bytes.extend(source);
        bytes.extend(*rest);
    }
    SigningRequest::parse(&bytes).unwrap()
}

/// fee, counter, gas, storage, no delegate.
const DELEGATION: (u8, &[u8]) = (110, &[1, 1, 1, 1, 0]);
const SET_LIMIT: (u8, &[u8]) = (112, &[1, 1, 1, 1, 0]);

fn stake(source: &str) -> SigningRequest {
    let to = source.parse::<PublicKeyHash>().unwrap().to_tagged();
    let rest = [
        &[1, 1, 1, 1, 5, 0][..],
        &to,
        &[0xff, 6, 0, 0, 0, 2, 3, 0x0b],
    ]
    .concat();
    operation(source, &[(108, &rest)])
}

fn drain(source: &str) -> SigningRequest {
    operation(source, &[(9, &[0; 42])])
}

fn code(result: Result<Approved, PolicyRefusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.code(), |_| "approved")
}

#[rstest]
#[case::block(TZ3, Role::Consensus, block(), "approved")]
#[case::preattestation(TZ3, Role::Consensus, vote(0x12, 20), "approved")]
#[case::attestation(TZ3, Role::Consensus, vote(0x13, 21), "approved")]
#[case::attestation_with_dal(TZ3, Role::Consensus, vote(0x13, 23), "approved")]
#[case::slotless_for_tz3(TZ3, Role::Consensus, vote(0x13, 41), "policy_curve")]
#[case::slotless_preattestation_for_tz3(TZ3, Role::Consensus, vote(0x12, 40), "policy_curve")]
#[case::slotless_for_tz4(TZ4, Role::Consensus, vote(0x13, 41), "approved")]
#[case::with_slot_for_tz4(TZ4, Role::Consensus, vote(0x13, 21), "approved")]
#[case::companion(TZ4, Role::Companion, vote(0x13, 41), "approved")]
#[case::companion_preattests(TZ4, Role::Companion, vote(0x12, 40), "policy_role")]
#[case::companion_with_slot(TZ4, Role::Companion, vote(0x13, 21), "policy_role")]
#[case::companion_bakes(TZ4, Role::Companion, block(), "policy_role")]
#[case::companion_stakes(TZ4, Role::Companion, stake(TZ4), "policy_role")]
#[case::companion_on_tz3(TZ3, Role::Companion, vote(0x13, 41), "policy_curve")]
#[case::manager_bakes(TZ3, Role::Manager, block(), "policy_role")]
#[case::manager_attests(TZ3, Role::Manager, vote(0x13, 21), "policy_role")]
#[case::manager_stakes_by_default(TZ3, Role::Manager, stake(TZ3), "policy_operation")]
#[case::consensus_stakes_by_default(TZ3, Role::Consensus, stake(TZ3), "policy_operation")]
#[case::consensus_drains_by_default(TZ3, Role::Consensus, drain(TZ3), "policy_operation")]
fn the_default_is_consensus_only(
    #[case] key: &str,
    #[case] role: Role,
    #[case] request: SigningRequest,
    #[case] expected: &str,
) {
    assert_eq!(code(rule(key, role, &[]).approve(request)), expected);
}

#[test]
fn an_operation_passes_only_if_every_content_is_named() {
    let both = || operation(TZ3, &[DELEGATION, SET_LIMIT]);
    for role in [Role::Manager, Role::Consensus] {
        let one = rule(TZ3, role, &["delegation"]);
        assert_eq!(
            one.approve(both()).unwrap_err(),
            PolicyRefusal::Operation(OperationKind::SetDepositsLimit)
        );
        let two = rule(TZ3, role, &["delegation", "set_deposits_limit"]);
        assert_eq!(code(two.approve(both())), "approved");
    }
}

#[test]
fn draining_needs_its_own_name() {
    let all_but: Vec<_> = OperationKind::all()
        .map(OperationKind::name)
        .filter(|name| *name != "drain_delegate")
        .collect();
    let refusal = rule(TZ3, Role::Consensus, &all_but)
        .approve(drain(TZ3))
        .unwrap_err();
    assert_eq!(
        refusal,
        PolicyRefusal::Operation(OperationKind::DrainDelegate)
    );
    assert!(refusal.to_string().contains("drain_delegate"));
    assert_eq!(
        code(rule(TZ3, Role::Consensus, &["drain_delegate"]).approve(drain(TZ3))),
        "approved"
    );
}

/// `name: hex` per line: branch and contents of tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx, forged by taquito.
const FORGED: &str = include_str!("../operation/vectors/taquito-24.2.0-operation-unsigned.txt");

#[test]
fn a_name_permits_its_kind_and_no_other() {
    let all: Vec<_> = OperationKind::all().map(OperationKind::name).collect();
    for line in FORGED.lines() {
        let (_, text) = line.split_once(": ").unwrap();
        let request = SigningRequest::parse(&hex::decode(format!("03{text}")).unwrap()).unwrap();
        let SigningRequest::Operation(operation) = &request else {
            panic!("not an operation")
        };
        let kind = operation.operation.contents[0].kind;
        for role in [Role::Consensus, Role::Manager] {
            for name in &all {
                let expected = if *name == kind.name() {
                    "approved"
                } else {
                    "policy_operation"
                };
                assert_eq!(
                    code(rule(OTHER, role, &[name]).approve(request.clone())),
                    expected,
                    "{kind} by {name}"
                );
            }
            let others: Vec<_> = all
                .iter()
                .filter(|name| **name != kind.name())
                .copied()
                .collect();
            assert_eq!(
                rule(OTHER, role, &others)
                    .approve(request.clone())
                    .unwrap_err(),
                PolicyRefusal::Operation(kind)
            );
        }
    }
}

#[test]
fn a_key_speaks_only_for_itself() {
    let manager = rule(TZ3, Role::Manager, &["delegation", "stake"]);
    assert_eq!(
        code(manager.approve(operation(OTHER, &[DELEGATION]))),
        "policy_source"
    );
    assert_eq!(code(manager.approve(stake(OTHER))), "policy_source");
}

#[test]
fn unknown_names_and_operations_for_a_companion_are_errors() {
    assert_eq!(
        Policy::parse(["stake", "steak"]),
        Err(PolicyError::UnknownOperation(2))
    );
    assert!(Policy::parse(["attestation"]).is_err());
    let stake = Policy::parse(["stake"]).unwrap();
    assert_eq!(
        KeyRule::new(TZ4.parse().unwrap(), Role::Companion, stake),
        Err(PolicyError::CompanionOperations)
    );
    assert_eq!(Role::Companion.name().parse(), Ok(Role::Companion));
    assert_eq!("consensus".parse(), Ok(Role::Consensus));
    assert!("baker".parse::<Role>().is_err());
}
