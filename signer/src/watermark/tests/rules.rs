//! Design rule 2 as a table.

use rstest::rstest;

use super::bench::{TZ1, TZ3, message, signature};
use crate::request::{Class, Height};
use crate::tezos::Curve;
use crate::watermark::Refusal;
use crate::watermark::rule::{Answer, Mark, Verdict, judge};

/// What the rule says to a request when the mark stands at level 10, round 5, salt 1.
fn said(
    class: Class,
    (level, round, salt): (i32, i32, u8),
    answer: Answer,
    curve: Curve,
) -> Result<Verdict, &'static str> {
    let mark = Mark::of(&message(class, 10, 5, 1));
    judge(
        Some(&mark),
        answer,
        &message(class, level, round, salt),
        curve,
    )
    .map_err(|refusal| refusal.code())
}

fn stored() -> Answer {
    Answer::Stored(signature(TZ3, 7))
}

fn replay() -> Verdict {
    Verdict::Replay(signature(TZ3, 7))
}

#[rstest]
#[case::next_level((11, 0, 1), Ok(Verdict::Advance))]
#[case::next_round((10, 6, 1), Ok(Verdict::Advance))]
#[case::far_level((1_000_000, 0, 1), Ok(Verdict::Advance))]
#[case::greatest((i32::MAX, i32::MAX, 1), Ok(Verdict::Advance))]
#[case::lower_level((9, 9, 1), Err("below_mark"))]
#[case::lower_round((10, 4, 1), Err("below_mark"))]
#[case::zero((0, 0, 1), Err("below_mark"))]
#[case::other_bytes((10, 5, 2), Err("different_data"))]
fn whatever_became_of_the_last_one(
    #[values(Class::Block, Class::Preattestation, Class::Attestation)] class: Class,
    #[values(Curve::Ed25519, Curve::Secp256k1, Curve::P256)] curve: Curve,
    #[values(stored(), Answer::InFlight, Answer::Lost)] answer: Answer,
    #[case] request: (i32, i32, u8),
    #[case] expected: Result<Verdict, &'static str>,
) {
    assert_eq!(said(class, request, answer, curve), expected);
}

#[rstest]
#[case::ecdsa_block(Class::Block, Curve::P256, stored(), Ok(replay()))]
#[case::ecdsa_block_in_flight(Class::Block, Curve::P256, Answer::InFlight, Ok(Verdict::Wait))]
#[case::ecdsa_block_lost(Class::Block, Curve::P256, Answer::Lost, Err("signature_lost"))]
#[case::tz2_block_lost(Class::Block, Curve::Secp256k1, Answer::Lost, Err("signature_lost"))]
#[case::tz1_block_lost(Class::Block, Curve::Ed25519, Answer::Lost, Ok(Verdict::Again))]
#[case::tz4_block_lost(Class::Block, Curve::Bls12_381, Answer::Lost, Ok(Verdict::Again))]
#[case::ecdsa_vote(Class::Attestation, Curve::P256, stored(), Ok(replay()))]
#[case::ecdsa_vote_in_flight(Class::Attestation, Curve::P256, Answer::InFlight, Ok(Verdict::Wait))]
#[case::ecdsa_vote_lost(Class::Attestation, Curve::P256, Answer::Lost, Ok(Verdict::Again))]
#[case::ecdsa_preattestation_lost(
    Class::Preattestation,
    Curve::P256,
    Answer::Lost,
    Ok(Verdict::Again)
)]
fn the_same_bytes_again(
    #[case] class: Class,
    #[case] curve: Curve,
    #[case] answer: Answer,
    #[case] expected: Result<Verdict, &'static str>,
) {
    assert_eq!(said(class, (10, 5, 1), answer, curve), expected);
}

#[rstest]
fn a_floor_is_equal_to_nothing_and_the_next_level_is_free(
    #[values(Class::Block, Class::Preattestation, Class::Attestation)] class: Class,
) {
    let floor = Mark::floor(10);
    let judged = |level, round| {
        judge(
            Some(&floor),
            Answer::Lost,
            &message(class, level, round, 0),
            Curve::P256,
        )
    };
    assert_eq!(judged(11, 0), Ok(Verdict::Advance));
    for round in [0, 1, i32::MAX] {
        let asked = Height { level: 10, round };
        let mark = Height {
            level: 10,
            round: i32::MAX,
        };
        assert_eq!(
            judged(10, round),
            Err(Refusal::BelowMark { class, asked, mark })
        );
    }
}

#[test]
fn heights_are_ordered_by_level_first() {
    let height = |level, round| Height { level, round };
    assert!(height(2, 0) > height(1, i32::MAX));
    assert!(height(1, 2) > height(1, 1));
}

#[test]
fn a_refusal_says_where_the_mark_is() {
    let mark = Mark::of(&message(Class::Block, 10, 5, 1));
    let refusal = judge(
        Some(&mark),
        Answer::Lost,
        &message(Class::Block, 9, 0, 1),
        Curve::P256,
    )
    .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "block at level 9, round 0 is not above the watermark (level 10, round 5)"
    );
    // The address is only here to show that tz1 and tz3 keys are told apart by their curve.
    assert_ne!(signature(TZ1, 7), signature(TZ3, 7));
}
