//! The golden operations of Octez (protocol 025), every one of them, and what is near them.

use proptest::prelude::*;
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

/// What each golden line is; none for consensus messages.
fn expected(name: &str) -> Option<OperationKind> {
    use OperationKind as K;
    Some(match name {
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
        "attestation"
        | "attestation-with-dal"
        | "attestations-aggregate"
        | "preaatestation"
        | "preattestation-aggregate" => return None,
        other => panic!("a golden line without an expectation: {other}"),
    })
}

#[test]
fn every_golden_operation_is_decoded_to_the_last_byte_and_consensus_is_refused() {
    let mut count = 0;
    for (name, bytes) in golden() {
        let decoded = Operation::decode(&bytes);
        match expected(name) {
            Some(kind) => {
                let operation = decoded.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(operation.contents.len(), 1, "{name}");
                assert_eq!(operation.contents[0].kind, kind, "{name}");
                assert_eq!(operation.branch, bytes[..32], "{name}");
            }
            None => assert!(
                matches!(decoded, Err(OperationError::Consensus(_))),
                "{name}"
            ),
        }
        count += 1;
    }
    assert_eq!(count, 26);
}

#[test]
fn no_golden_operation_is_decoded_when_cut_short_or_with_a_byte_too_many() {
    for (name, bytes) in golden().filter(|(name, _)| expected(name).is_some()) {
        for length in 0..bytes.len() {
            assert!(
                Operation::decode(&bytes[..length]).is_err(),
                "{length} bytes of {name}"
            );
        }
        for extra in [0x00, 0x07, 0xff] {
            let long = [bytes.clone(), vec![extra]].concat();
            assert!(Operation::decode(&long).is_err(), "{extra} after {name}");
        }
    }
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
#[case(TO_OTHER, "08", OperationKind::FinalizeUnstake)]
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
fn a_transaction_without_parameters_to_itself_is_a_transaction() {
    assert_eq!(
        kind(&format!("6c{HEADER}00{TO_SOURCE}00")),
        OperationKind::Transaction
    );
}

/// Layouts without golden lines.
#[rstest]
#[case("register_global_constant", &format!("6f{HEADER}00000002030b"))]
#[case("set_deposits_limit", &format!("70{HEADER}00"))]
#[case("set_deposits_limit", &format!("70{HEADER}ff8001"))]
#[case("increase_paid_storage", &format!("71{HEADER}05{TO_CONTRACT}"))]
#[case("transfer_ticket", &format!("9e{HEADER}0000000103000000010b{TO_CONTRACT}01{TO_SOURCE}00000000"))]
#[case("smart_rollup_originate", &format!("c8{HEADER}00000000010a000000010b00"))]
#[case("smart_rollup_originate", &format!("c8{HEADER}00000000010a000000010bff0000001500{}", "01".repeat(20)))]
#[case("smart_rollup_add_messages", &format!("c9{HEADER}000000090000000100{}", "00000000"))]
#[case("smart_rollup_cement", &format!("ca{HEADER}{}", "aa".repeat(20)))]
#[case("smart_rollup_publish", &format!("cb{HEADER}{}00000001{}{}", "aa".repeat(52), "bb".repeat(32), "cc".repeat(8)))]
#[case("smart_rollup_refute", &format!("cc{HEADER}{}00{}00{}", "aa".repeat(20), "bb".repeat(20), "cc".repeat(64)))]
#[case("smart_rollup_timeout", &format!("cd{HEADER}{}00{}00{}", "aa".repeat(20), "bb".repeat(20), "cc".repeat(20)))]
#[case("smart_rollup_execute_outbox_message", &format!("ce{HEADER}{}00000000", "aa".repeat(52)))]
#[case("smart_rollup_recover_bond", &format!("cf{HEADER}{}00{}", "aa".repeat(20), "bb".repeat(20)))]
#[case("dal_publish_commitment", &format!("e6{HEADER}05{}", "aa".repeat(96)))]
#[case("vdf_revelation", &format!("08{}", "aa".repeat(200)))]
#[case("failing_noop", "1100000003616263")]
#[case("drain_delegate", &format!("0900{}00{}00{}", "aa".repeat(20), "bb".repeat(20), "cc".repeat(20)))]
fn layouts_are_decoded_and_not_when_cut_short_or_too_long(#[case] name: &str, #[case] text: &str) {
    assert_eq!(kind(text).name(), name);
    let bytes = hex::decode(format!("{BRANCH}{text}")).unwrap();
    for length in 0..bytes.len() {
        assert!(
            Operation::decode(&bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
    assert!(Operation::decode(&[bytes, vec![0]].concat()).is_err());
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
#[case("", OperationError::Empty)]
#[case("00", OperationError::Tag(0))]
#[case("07", OperationError::Tag(7))]
#[case("14", OperationError::Consensus(20))]
#[case("15", OperationError::Consensus(21))]
#[case("17", OperationError::Consensus(23))]
#[case("1e", OperationError::Consensus(30))]
#[case("1f", OperationError::Consensus(31))]
#[case("28", OperationError::Consensus(40))]
#[case("29", OperationError::Consensus(41))]
#[case("96", OperationError::Tag(150))]
#[case("fa", OperationError::Tag(250))]
#[case("ff", OperationError::Tag(255))]
fn unknown_reserved_and_consensus_tags_are_refused(
    #[case] text: &str,
    #[case] error: OperationError,
) {
    assert_eq!(decode(text), Err(error));
}

#[test]
fn a_move_of_a_refutation_game_is_not_supported() {
    let text = format!("cc{HEADER}{}00{}01", "aa".repeat(20), "bb".repeat(20));
    assert!(matches!(decode(&text), Err(OperationError::Unsupported(_))));
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

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(tag in any::<u8>(), tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(Operation::decode(&[vec![0; 32], vec![tag], tail].concat()));
    }

    #[test]
    fn a_changed_golden_byte_never_breaks_the_decoder(
        line in 0..26usize,
        offset in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let (_, mut bytes) = golden().nth(line).unwrap();
        let offset = offset.index(bytes.len());
        bytes[offset] = value;
        drop(Operation::decode(&bytes));
    }
}
