//! The golden operations of Octez (protocol 025), every one of them; and what is told apart within a kind.

mod exhaustive;
mod layouts;

use rstest::rstest;

use super::*;

/// `name: hex` per line: branch and contents. From the protocol's encoding regression tests.
const GOLDEN: &str = include_str!("vectors/octez-u025-operation-unsigned.txt");
const SOURCE: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
const BRANCH: &str = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
/// A header of SOURCE after the tag: source, fee 3617, counter 12134, gas 44621, storage 34 or so; the exact values don't matter.
const HEADER: &str = "0002298c03ed7d454a101eb7022bc95f7e5f41ac7821dc05edecc004adcacdb7d401";
const TO_SOURCE: &str = "000002298c03ed7d454a101eb7022bc95f7e5f41ac78";
const TO_OTHER: &str = "0000ffffff03ed7d454a101eb7022bc95f7e5f41ac78";
const TO_CONTRACT: &str = "0138560805b4c8d7b7fbbafad5c59dbfa3878ca70500";

fn golden() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    GOLDEN.lines().map(|line| {
        let (name, text) = line.split_once(": ").unwrap();
        (
            name.strip_prefix("operation.unsigned-").unwrap(),
            hex::decode(text).unwrap(),
        )
    })
}

fn decode(text: &str) -> Result<Operation, OperationError> {
    Operation::decode(&hex::decode(format!("{BRANCH}{text}")).unwrap())
}

fn kind(text: &str) -> OperationKind {
    let operation = decode(text).unwrap();
    assert_eq!(operation.contents.len(), 1);
    operation.contents[0].kind
}

/// What each golden line is; the name alone for consensus messages.
fn expected(name: &str) -> Result<OperationKind, &'static str> {
    use OperationKind as K;
    Ok(match name {
        "activate-account" => K::ActivateAccount,
        "ballot" => K::Ballot,
        "dal-entrapment-aggregate-evidence" | "dal-entrapment-evidence" => K::DalEntrapmentEvidence,
        "delegation" | "delegation-withdrawal" => K::Delegation,
        "double-attestation-aggregate-evidence"
        | "double-attestation-evidence"
        | "double-consensus-operation-evidence"
        | "double-preattestation-aggregate-evidence"
        | "double-preattestation-evidence" => K::DoubleConsensusOperationEvidence,
        "double-baking-evidence" => K::DoubleBakingEvidence,
        "origination" => K::Origination,
        "proposals" => K::Proposals,
        "reveal" | "reveal-with-proof" => K::Reveal,
        "seed-nonce-revelation" => K::SeedNonceRevelation,
        "transaction-to-implicit" | "transaction-to-originated" => K::Transaction,
        "update-companion-key" => K::UpdateCompanionKey,
        "updated-consensus-key" => K::UpdateConsensusKey,
        "attestation" => return Err("attestation"),
        "attestation-with-dal" => return Err("attestation_with_dal"),
        "attestations-aggregate" => return Err("attestations_aggregate"),
        "preaatestation" => return Err("preattestation"),
        "preattestation-aggregate" => return Err("preattestations_aggregate"),
        other => panic!("a golden line without an expectation: {other}"),
    })
}

#[test]
fn every_golden_operation_is_of_its_kind_and_consensus_is_refused_by_name() {
    let mut count = 0;
    for (name, bytes) in golden() {
        match (Operation::decode(&bytes), expected(name)) {
            (Ok(operation), Ok(kind)) => {
                assert_eq!(operation.contents.len(), 1, "{name}");
                assert_eq!(operation.contents[0].kind, kind, "{name}");
                assert_eq!(operation.branch, bytes[..32], "{name}");
            }
            (Err(OperationError::Consensus(decoded)), Err(kind)) => {
                assert_eq!(decoded, kind, "{name}");
            }
            (decoded, _) => panic!("{name}: {decoded:?}"),
        }
        count += 1;
    }
    assert_eq!(count, 26);
}

#[test]
fn sources_and_fees_are_read() {
    let source: PublicKeyHash = SOURCE.parse().unwrap();
    for (name, bytes) in golden() {
        if let Ok(operation) = Operation::decode(&bytes)
            && matches!(name, "ballot" | "proposals" | "delegation" | "reveal")
        {
            assert_eq!(operation.contents[0].source, Some(source), "{name}");
        }
        if name == "delegation" {
            // 0x21 is 33.
            assert_eq!(Operation::decode(&bytes).unwrap().contents[0].fee, Some(33));
        }
    }
}

#[rstest]
#[case("00")]
#[case("01")]
#[case("02")]
fn ballots_of_a_running_signer_are_read(#[case] ballot: &str) {
    let head = "d144833e2b0d12be5c424ffb5f024a9a18664518b050aa7af13406fb47cd650406008cf825f71b4ca4055bd2c1d4b33df8c114a8b24f00000049d0a3f07b8adfcf61f5ca60f244ca9a876e76cbad9140980f6c88d0bf900ac6d8";
    let bytes = hex::decode(format!("{head}{ballot}")).unwrap();
    assert_eq!(
        Operation::decode(&bytes).unwrap().contents[0].name(),
        "ballot"
    );
    let with_more = [bytes, vec![0x07]].concat();
    assert!(Operation::decode(&with_more).is_err());
}

#[test]
fn a_ballot_that_is_neither_yay_nor_nay_nor_pass_is_refused() {
    let head = "d144833e2b0d12be5c424ffb5f024a9a18664518b050aa7af13406fb47cd650406008cf825f71b4ca4055bd2c1d4b33df8c114a8b24f00000049d0a3f07b8adfcf61f5ca60f244ca9a876e76cbad9140980f6c88d0bf900ac6d8";
    assert!(Operation::decode(&hex::decode(format!("{head}03")).unwrap()).is_err());
}

#[rstest]
#[case(TO_SOURCE, "06", OperationKind::Stake)]
#[case(TO_SOURCE, "07", OperationKind::Unstake)]
#[case(TO_SOURCE, "08", OperationKind::FinalizeUnstake)]
#[case(TO_SOURCE, "09", OperationKind::SetDelegateParameters)]
#[case(TO_OTHER, "06", OperationKind::Transaction)]
#[case(TO_OTHER, "07", OperationKind::Transaction)]
#[case(TO_OTHER, "09", OperationKind::Transaction)]
#[case(TO_CONTRACT, "06", OperationKind::Transaction)]
#[case(TO_CONTRACT, "08", OperationKind::Transaction)]
#[case(TO_SOURCE, "00", OperationKind::Transaction)]
#[case::stake_by_name(TO_SOURCE, "ff057374616b65", OperationKind::Stake)]
#[case::unstake_by_name(TO_SOURCE, "ff07756e7374616b65", OperationKind::Unstake)]
#[case::action(TO_SOURCE, "ff06616374696f6e", OperationKind::Transaction)]
fn stake_operations_are_told_from_transactions(
    #[case] destination: &str,
    #[case] entrypoint: &str,
    #[case] expected: OperationKind,
) {
    let text = format!("6c{HEADER}8a01{destination}ff{entrypoint}00000002030b");
    assert_eq!(kind(&text), expected);
}

#[test]
fn unstaking_is_finalized_for_another_account_only_without_an_amount() {
    let call = |amount: &str, to: &str| format!("6c{HEADER}{amount}{to}ff0800000002030b");
    assert_eq!(kind(&call("00", TO_OTHER)), OperationKind::FinalizeUnstake);
    assert_eq!(kind(&call("01", TO_OTHER)), OperationKind::Transaction);
    assert_eq!(kind(&call("00", TO_CONTRACT)), OperationKind::Transaction);
}

#[test]
fn what_a_policy_bounds_is_read() {
    let effect = |name: &str| {
        let (_, bytes) = golden().find(|(line, _)| *line == name).unwrap();
        Operation::decode(&bytes).unwrap().contents[0]
            .effect
            .clone()
    };
    let source: PublicKeyHash = SOURCE.parse().unwrap();
    assert_eq!(
        effect("transaction-to-implicit"),
        Effect::Transfer {
            destination: Address::Implicit(source),
            amount: 407,
        }
    );
    assert_eq!(
        effect("transaction-to-originated"),
        Effect::Transfer {
            destination: "KT1DieU51jzXLerQx5AqMCiLC1SsCeM8yRat".parse().unwrap(),
            amount: 407,
        }
    );
    assert_eq!(
        effect("origination"),
        Effect::Originate {
            balance: 84_143,
            delegate: Some(source),
        }
    );
    assert_eq!(effect("delegation"), Effect::Delegate(Some(source)));
    assert_eq!(effect("delegation-withdrawal"), Effect::Delegate(None));
    let protocol = "PscqRYywd243M2eZspXZEJGsRmNchp4ZKfKmoyEZTRHeLQvVGjp"
        .parse()
        .unwrap();
    assert_eq!(effect("proposals"), Effect::Proposals(vec![protocol; 2]));
    assert_eq!(
        effect("ballot"),
        Effect::Ballot {
            proposal: protocol,
            ballot: Ballot::Yay,
        }
    );
    for name in ["updated-consensus-key", "update-companion-key"] {
        let key = "tz4H43C5DhYFVFxbRjcVkh5aoPFKCjfwyhtt".parse().unwrap();
        assert_eq!(effect(name), Effect::NewKey(Some(key)), "{name}");
    }
}

#[test]
fn a_transaction_without_parameters_to_itself_is_a_transaction() {
    assert_eq!(
        kind(&format!("6c{HEADER}00{TO_SOURCE}00")),
        OperationKind::Transaction
    );
}

#[test]
fn a_batch_of_one_source_is_decoded_content_by_content() {
    let reveal =
        format!("6b{HEADER}004798d2cc98473d7e250c898885718afd2e4efbcb1a1595ab9730761ed830de0f00");
    let delegation = format!("6e{HEADER}00");
    let operation = decode(&format!("{reveal}{delegation}")).unwrap();
    let names: Vec<_> = operation.contents.iter().map(Content::name).collect();
    assert_eq!(names, ["reveal", "delegation"]);
}

#[test]
fn a_batch_of_two_sources_or_with_something_anonymous_is_refused() {
    let mine = format!("6e{HEADER}00");
    let others = format!("6e{}00", HEADER.replacen("0002298c", "00ffffff", 1));
    assert_eq!(
        decode(&format!("{mine}{others}")),
        Err(OperationError::Sources)
    );
    let noop = "1100000003616263";
    assert_eq!(
        decode(&format!("{mine}{noop}")),
        Err(OperationError::Batch(OperationKind::FailingNoop))
    );
}

#[rstest]
#[case::trailing_zero_group("8000")]
#[case::too_great("80808080808080808001")]
fn a_fee_that_is_not_canonical_or_too_great_is_refused(#[case] fee: &str) {
    let text = format!("6e0002298c03ed7d454a101eb7022bc95f7e5f41ac78{fee}00000000");
    assert!(matches!(
        decode(&text),
        Err(OperationError::Form(BinaryError::Malformed { .. }))
    ));
}

#[test]
fn the_greatest_fee_is_read() {
    let text = "6e0002298c03ed7d454a101eb7022bc95f7e5f41ac78ffffffffffffffff7f00000000";
    assert_eq!(decode(text).unwrap().contents[0].fee, Some(u64::MAX >> 1));
}

#[test]
fn names_are_distinct_and_round_trip() {
    for kind in OperationKind::all() {
        assert_eq!(OperationKind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(OperationKind::from_name("attestation"), None);
}
