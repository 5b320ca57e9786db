//! What each rule of a policy allows and refuses.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const P1: &str = "PsUshuai9QapM5TGj1JpuVGkdxz5GykdnEvS6Rh8SUVrARvZLCY";
const P2: &str = "PtTALLiNtPec7mE7yY4m3k26J8Qukef3E3ehzhfXgFZKGtDdAXu";
const CONTRACT: &str = "KT1PWx2mnDueood7fEmfbBDKx1D9BAnnXitn";
/// An Ed25519 key and a BLS key, as far as a policy looks at them.
const NEW_TZ1: [u8; 32] = [0xaa; 32];
const NEW_TZ4: [u8; 48] = [0xaa; 48];

fn config(policy: &Value) -> Result<Policy, PolicyError> {
    Policy::from_config(&serde_json::from_value(policy.clone()).unwrap())
}

/// How a manager key of this policy answers.
fn answer(policy: &Value, request: SigningRequest) -> &'static str {
    let rule = KeyRule::new(TZ3.parse().unwrap(), Role::Manager, config(policy).unwrap());
    code(rule.unwrap().approve(request))
}

fn natural(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(0x80 | (value & 0x7f) as u8);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A manager operation of TZ3: tag, fee, and what follows the header.
fn manager(tag: u8, fee: u64, body: &[u8]) -> (u8, Vec<u8>) {
    (tag, [&natural(fee)[..], &[1, 1, 1], body].concat())
}

fn request(contents: &[(u8, Vec<u8>)]) -> SigningRequest {
    let contents: Vec<_> = contents
        .iter()
        .map(|(tag, rest)| (*tag, &rest[..]))
        .collect();
    operation(TZ3, &contents)
}

fn to(address: &str) -> Vec<u8> {
    match address.parse().unwrap() {
        crate::tezos::Address::Implicit(hash) => [&[0][..], &hash.to_tagged()].concat(),
        crate::tezos::Address::Originated(hash) => [&[1][..], &hash, &[0]].concat(),
    }
}

fn pay(amount: u64, address: &str, fee: u64) -> (u8, Vec<u8>) {
    manager(108, fee, &[natural(amount), to(address), vec![0]].concat())
}

fn call(amount: u64, address: &str, entrypoint: u8) -> (u8, Vec<u8>) {
    let parameters = [0xff, entrypoint, 0, 0, 0, 2, 3, 0x0b];
    manager(
        108,
        1,
        &[&natural(amount)[..], &to(address), &parameters].concat(),
    )
}

fn originate(balance: u64, delegate: Option<&str>) -> (u8, Vec<u8>) {
    let code = [0, 0, 0, 2, 3, 0x0b].repeat(2);
    manager(
        109,
        1,
        &[natural(balance), optional(delegate), code].concat(),
    )
}

fn optional(delegate: Option<&str>) -> Vec<u8> {
    delegate.map_or(vec![0], |text| {
        [
            &[0xff][..],
            &text.parse::<PublicKeyHash>().unwrap().to_tagged(),
        ]
        .concat()
    })
}

fn delegate(to: Option<&str>) -> SigningRequest {
    request(&[manager(110, 1, &optional(to))])
}

fn protocol(text: &str) -> Vec<u8> {
    bs58::decode(text).with_check(None).into_vec().unwrap()[2..].to_vec()
}

fn ballot(proposal: &str, vote: u8) -> SigningRequest {
    request(&[(
        6,
        [&[0, 0, 0, 9][..], &protocol(proposal), &[vote]].concat(),
    )])
}

fn propose(protocols: &[&str]) -> SigningRequest {
    let list: Vec<u8> = protocols.iter().flat_map(|text| protocol(text)).collect();
    let length = u32::try_from(list.len()).unwrap().to_be_bytes();
    request(&[(5, [&[0, 0, 0, 9][..], &length, &list].concat())])
}

fn new_key(tag: u8, curve: u8, key: &[u8]) -> SigningRequest {
    request(&[manager(tag, 1, &[&[curve][..], key, &[0]].concat())])
}

#[test]
fn ballots_are_those_that_are_named() {
    let answers = |policy: &Value| [0, 1, 2].map(|vote| answer(policy, ballot(P1, vote)));
    let (yes, no) = ("approved", "policy_ballot");
    assert_eq!(answers(&json!({"operations": ["ballot"]})), [yes; 3]);
    for (ballots, expected) in [
        (json!(["yay"]), [yes, no, no]),
        (json!(["nay"]), [no, yes, no]),
        (json!(["pass", "yay"]), [yes, no, yes]),
        (json!([]), [no; 3]),
    ] {
        assert_eq!(
            answers(&json!({"operations": ["ballot"], "ballots": ballots})),
            expected
        );
    }
}

#[test]
fn proposals_bound_what_is_proposed_and_what_is_voted_on() {
    let policy = json!({"operations": ["proposals", "ballot"], "proposals": [P1]});
    assert_eq!(answer(&policy, propose(&[P1])), "approved");
    assert_eq!(answer(&policy, propose(&[])), "approved");
    assert_eq!(answer(&policy, propose(&[P2])), "policy_proposal");
    assert_eq!(answer(&policy, propose(&[P1, P2])), "policy_proposal");
    assert_eq!(answer(&policy, ballot(P1, 0)), "approved");
    assert_eq!(answer(&policy, ballot(P2, 0)), "policy_proposal");
    let open = json!({"operations": ["proposals"]});
    assert_eq!(answer(&open, propose(&[P1, P2])), "approved");
}

#[test]
fn destinations_bound_transactions_tickets_and_drains() {
    let operations = [
        "transaction",
        "transfer_ticket",
        "drain_delegate",
        "stake",
        "finalize_unstake",
    ];
    let policy = json!({"operations": operations, "destinations": [OTHER, CONTRACT]});
    let answer = |contents: (u8, Vec<u8>)| answer(&policy, request(&[contents]));
    assert_eq!(answer(pay(5, OTHER, 1)), "approved");
    assert_eq!(answer(pay(5, CONTRACT, 1)), "approved");
    assert_eq!(answer(call(5, CONTRACT, 6)), "approved");
    assert_eq!(answer(pay(5, TZ4, 1)), "policy_destination");
    assert_eq!(answer(pay(0, TZ3, 1)), "policy_destination");
    let ticket = |address: &str| {
        let unit = [0, 0, 0, 2, 3, 0x0b].repeat(2);
        manager(
            158,
            1,
            &[unit, to(TZ4), vec![1], to(address), vec![0; 4]].concat(),
        )
    };
    assert_eq!(answer(ticket(CONTRACT)), "approved");
    assert_eq!(answer(ticket(TZ4)), "policy_destination");
    let drain = |address: &str| (9, [&[0; 21][..], &to(address)[1..]].concat());
    assert_eq!(answer(drain(OTHER)), "approved");
    assert_eq!(answer(drain(TZ4)), "policy_destination");
    // Staking stays within the account, and finalizing gives others nothing but their own.
    assert_eq!(answer(call(5, TZ3, 6)), "approved");
    assert_eq!(answer(call(0, TZ4, 8)), "approved");
    assert_eq!(answer(call(1, TZ4, 8)), "policy_destination");
}

#[test]
fn amounts_are_bounded_one_by_one_and_together() {
    let operations = ["transaction", "origination", "stake"];
    let each = json!({"operations": operations, "max_amount": 100});
    assert_eq!(
        answer(&each, request(&[pay(100, OTHER, 1), pay(100, OTHER, 1)])),
        "approved"
    );
    assert_eq!(
        answer(&each, request(&[pay(1, OTHER, 1), pay(101, OTHER, 1)])),
        "policy_amount"
    );
    assert_eq!(answer(&each, request(&[originate(100, None)])), "approved");
    assert_eq!(
        answer(&each, request(&[originate(101, None)])),
        "policy_amount"
    );
    assert_eq!(answer(&each, request(&[call(101, TZ3, 6)])), "approved");
    let together = json!({"operations": operations, "max_total_amount": 100});
    let of = |amounts: [u64; 2]| request(&amounts.map(|amount| pay(amount, OTHER, 1)));
    assert_eq!(answer(&together, of([60, 40])), "approved");
    assert_eq!(answer(&together, of([60, 41])), "policy_total_amount");
    assert_eq!(
        answer(&together, of([u64::MAX >> 1, u64::MAX >> 1])),
        "policy_total_amount"
    );
    assert_eq!(
        answer(
            &together,
            request(&[pay(60, OTHER, 1), originate(41, None)])
        ),
        "policy_total_amount"
    );
    assert_eq!(
        answer(&together, request(&[pay(60, OTHER, 1), call(41, TZ3, 6)])),
        "approved"
    );
}

#[test]
fn a_sum_beyond_64_bits_is_above_the_limit() {
    let half = u64::MAX >> 1;
    let policy = json!({"operations": ["transaction"], "max_total_amount": u64::MAX - 1, "max_total_fee": 3});
    let three = request(&[
        pay(half, OTHER, 1),
        pay(half, OTHER, 1),
        pay(half, OTHER, 1),
    ]);
    assert_eq!(answer(&policy, three), "policy_total_amount");
    let policy = json!({"operations": ["transaction"], "max_total_fee": u64::MAX - 1});
    let three = request(&[
        pay(1, OTHER, half),
        pay(1, OTHER, half),
        pay(1, OTHER, half),
    ]);
    assert_eq!(answer(&policy, three), "policy_total_fee");
}

#[test]
fn fees_are_bounded_one_by_one_and_together() {
    let each = json!({"operations": ["transaction", "stake"], "max_fee": 50});
    assert_eq!(
        answer(&each, request(&[pay(1, OTHER, 50), pay(1, OTHER, 50)])),
        "approved"
    );
    assert_eq!(
        answer(&each, request(&[pay(1, OTHER, 1), pay(1, OTHER, 51)])),
        "policy_fee"
    );
    let together = json!({"operations": ["transaction", "stake"], "max_total_fee": 50});
    assert_eq!(
        answer(&together, request(&[pay(1, OTHER, 49), call(1, TZ3, 6)])),
        "approved"
    );
    assert_eq!(
        answer(&together, request(&[pay(1, OTHER, 50), call(1, TZ3, 6)])),
        "policy_total_fee"
    );
    let none = json!({"operations": ["transaction"], "max_fee": 0});
    assert_eq!(answer(&none, request(&[pay(1, OTHER, 0)])), "approved");
    assert_eq!(answer(&none, request(&[pay(1, OTHER, 1)])), "policy_fee");
}

#[test]
fn delegates_are_those_that_are_named_and_none_is_not_among_them() {
    let policy = json!({"operations": ["delegation", "origination"], "delegates": [TZ3]});
    assert_eq!(answer(&policy, delegate(Some(TZ3))), "approved");
    assert_eq!(answer(&policy, delegate(Some(OTHER))), "policy_delegate");
    assert_eq!(answer(&policy, delegate(None)), "policy_delegate");
    assert_eq!(answer(&policy, request(&[originate(0, None)])), "approved");
    assert_eq!(
        answer(&policy, request(&[originate(0, Some(TZ3))])),
        "approved"
    );
    assert_eq!(
        answer(&policy, request(&[originate(0, Some(OTHER))])),
        "policy_delegate"
    );
    let open = json!({"operations": ["delegation"]});
    assert_eq!(answer(&open, delegate(None)), "approved");
}

#[test]
fn new_keys_are_those_that_are_named_for_their_role() {
    let tz1 = PublicKeyHash::of(Curve::Ed25519, &NEW_TZ1).to_string();
    let tz4 = PublicKeyHash::of(Curve::Bls12_381, &NEW_TZ4).to_string();
    let operations = ["update_consensus_key", "update_companion_key"];
    let policy =
        json!({"operations": operations, "consensus_keys": [tz1], "companion_keys": [tz4]});
    assert_eq!(answer(&policy, new_key(114, 0, &NEW_TZ1)), "approved");
    assert_eq!(answer(&policy, new_key(115, 3, &NEW_TZ4)), "approved");
    assert_eq!(answer(&policy, new_key(114, 3, &NEW_TZ4)), "policy_new_key");
    assert_eq!(answer(&policy, new_key(115, 0, &NEW_TZ1)), "policy_new_key");
    assert_eq!(
        answer(&policy, new_key(114, 0, &[0xab; 32])),
        "policy_new_key"
    );
    // A kind of key that has no address here is on no list.
    assert_eq!(
        answer(&policy, new_key(114, 4, &[0xaa; 1312])),
        "policy_new_key"
    );
    let open = json!({"operations": operations});
    assert_eq!(answer(&open, new_key(114, 0, &[0xab; 32])), "approved");
}

#[test]
fn requests_and_chains_narrow_what_the_role_signs() {
    let rule =
        |role, policy: &Value| KeyRule::new(TZ4.parse().unwrap(), role, config(policy).unwrap());
    let votes = rule(
        Role::Consensus,
        &json!({"requests": ["attestation", "preattestation"]}),
    )
    .unwrap();
    assert_eq!(code(votes.approve(block())), "policy_request");
    assert_eq!(code(votes.approve(vote(0x13, 21))), "approved");
    assert_eq!(code(votes.approve(vote(0x13, 23))), "approved");
    assert_eq!(code(votes.approve(vote(0x13, 41))), "approved");
    assert_eq!(code(votes.approve(vote(0x12, 40))), "approved");
    let nothing = rule(Role::Companion, &json!({"requests": []})).unwrap();
    assert_eq!(code(nothing.approve(vote(0x13, 41))), "policy_request");
    let own = crate::tezos::ChainId::from_bytes([1, 2, 3, 4]).to_string();
    let chain = rule(Role::Consensus, &json!({"chains": [own]})).unwrap();
    assert_eq!(code(chain.approve(vote(0x13, 41))), "approved");
    assert_eq!(code(chain.approve(block())), "policy_chain");
}

#[test]
fn every_content_of_a_batch_is_held_to_the_rules() {
    let policy = json!({"operations": ["transaction"], "destinations": [OTHER]});
    for bad in 0..4 {
        let contents = [0, 1, 2, 3].map(|index| pay(1, if index == bad { TZ4 } else { OTHER }, 1));
        assert_eq!(answer(&policy, request(&contents)), "policy_destination");
    }
}

proptest! {
    /// Approved exactly if no amount, no fee and neither sum is above its limit.
    #[test]
    fn limits_hold_for_any_batch(
        payments in proptest::collection::vec((0..200_u64, 0..200_u64), 1..6),
        limits in (0..200_u64, 0..600_u64, 0..200_u64, 0..600_u64),
    ) {
        let (max_amount, max_total_amount, max_fee, max_total_fee) = limits;
        let policy = json!({
            "operations": ["transaction"], "max_amount": max_amount, "max_fee": max_fee,
            "max_total_amount": max_total_amount, "max_total_fee": max_total_fee,
        });
        let contents: Vec<_> = payments.iter().map(|(amount, fee)| pay(*amount, OTHER, *fee)).collect();
        let (amounts, fees): (Vec<_>, Vec<_>) = payments.into_iter().unzip();
        let within = amounts.iter().all(|amount| *amount <= max_amount)
            && fees.iter().all(|fee| *fee <= max_fee)
            && amounts.iter().sum::<u64>() <= max_total_amount
            && fees.iter().sum::<u64>() <= max_total_fee;
        prop_assert_eq!(answer(&policy, request(&contents)) == "approved", within);
    }
}
