//! Requests of mainnet and of Octez' own regression tests, and everything near them that must be refused.

mod golden;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const BLOCK_12_0: &str = "117a06a7700000000c0272b9c070cec8364f71d3361b0196ff250451241dc70933fefbda3b4c0eff329700000000619d27ce0401589994c43f991baf797f80702ba7f11075ea11eaed813c3b2eaf769b42ca30000000210000000102000000040000000c0000000000000004ffffffff0000000400000000c146ae2d2ada6afc75c4e2d84d994366d0944f1d5448f8ce5c99365ab8f7aa05532d7119ff62aeeea609473addaafc033aa264c5cf6ab8af70e1154ed44cb3d800000000ef9ad9f900000000ff408781a014bbc88d879ae2847cb65e31318c61aab34cd000ae27a9103a718b5b00";
const BLOCK_11_6: &str = "117a06a7700000000b01d1c454c941a0fcbe34d309c279c401cfc1ed289313526986bcb95e036fd008b400000000619f5ac10484affb4fd02e659d927e1e4d2cdfbf2a529e5584415b5225b29c43b43459f0ee000000250000000102000000040000000b000000040000000500000004ffffffee0000000400000006c46f17069d60e70dd57878f68355c4123b2028b200a4c452361bae523175d47400d0f19b5e0b0bd159f6f7e409d5984bf809bfb588b8852b9973e096b0e797860000000506088de5000000000000";
const PREATTESTATION_11_6: &str = "127a06a770d1c454c941a0fcbe34d309c279c401cfc1ed289313526986bcb95e036fd008b41400000000000b0000000600d0f19b5e0b0bd159f6f7e409d5984bf809bfb588b8852b9973e096b0e79786";
const ATTESTATION_11_0: &str = "137a06a770fa9d62d722a910dc710e32d1e7784bc18ce3ef0e1948806457bb8b10883bc3141500000000000b0000000035dd16cfb423dfe6ba2fc7885270799fb971b3dd120437b6b24dbe205456aab0";
const WITH_DAL: &str = "137a06a7700e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8170000000005330000000200000000000000000000000000000000000000000000000000000000000000008020";
const BLS_PREATTESTATION: &str = "127a06a7700e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a82800000533000000020000000000000000000000000000000000000000000000000000000000000000";
const BLS_ATTESTATION: &str = "137a06a7700e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a82900000533000000020000000000000000000000000000000000000000000000000000000000000000";
/// Octez' golden bodies (`operation.unsigned-*`, `operation.bls_mode_unsigned_*`), without magic byte and chain.
const GOLDEN_VOTE: &str = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
const ALL: [(&str, Kind, i32, i32); 7] = [
    (BLOCK_12_0, Kind::Block, 12, 0),
    (BLOCK_11_6, Kind::Block, 11, 6),
    (PREATTESTATION_11_6, Kind::Preattestation, 11, 6),
    (ATTESTATION_11_0, Kind::Attestation, 11, 0),
    (WITH_DAL, Kind::AttestationWithDal, 1331, 2),
    (BLS_PREATTESTATION, Kind::BlsPreattestation, 1331, 2),
    (BLS_ATTESTATION, Kind::BlsAttestation, 1331, 2),
];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hex::decode(hexadecimal).unwrap()
}

fn consensus(bytes: &[u8]) -> Consensus {
    match SigningRequest::parse(bytes).unwrap() {
        SigningRequest::Consensus(consensus) => consensus,
        SigningRequest::Operation(_) => panic!("an operation"),
    }
}

#[test]
fn every_form_is_read_with_its_chain_level_round_and_digest() {
    for (text, kind, level, round) in ALL {
        let bytes = bytes(text);
        let request = consensus(&bytes);
        assert_eq!(request.kind, kind);
        assert_eq!(request.class(), kind.class());
        assert_eq!(request.height, Height { level, round });
        assert_eq!(request.chain.to_string(), "NetXdQprcVkpaWU");
        assert_eq!(request.digest, blake2b_256(&bytes));
    }
}

#[test]
fn kinds_21_23_and_41_are_one_class_and_20_and_40_another() {
    assert_eq!(Kind::Attestation.class(), Class::Attestation);
    assert_eq!(Kind::AttestationWithDal.class(), Class::Attestation);
    assert_eq!(Kind::BlsAttestation.class(), Class::Attestation);
    assert_eq!(
        Kind::Preattestation.class(),
        Kind::BlsPreattestation.class()
    );
}

#[test]
fn the_digest_of_another_chain_is_another() {
    let mut other = bytes(ATTESTATION_11_0);
    other[2] = 0xf6;
    assert_eq!(consensus(&other).chain.to_string(), "NetXdZvMwNeVq1p");
    assert_ne!(
        consensus(&other).digest,
        consensus(&bytes(ATTESTATION_11_0)).digest
    );
}

#[rstest]
#[case(
    "13",
    "15000000000533000000000000000000000000000000000000000000000000000000000000000000000000",
    Kind::Attestation
)]
#[case(
    "13",
    "170000000005330000000000000000000000000000000000000000000000000000000000000000000000008020",
    Kind::AttestationWithDal
)]
#[case(
    "12",
    "14000000000533000000000000000000000000000000000000000000000000000000000000000000000000",
    Kind::Preattestation
)]
#[case(
    "12",
    "2800000533000000000000000000000000000000000000000000000000000000000000000000000000",
    Kind::BlsPreattestation
)]
#[case(
    "13",
    "2900000533000000000000000000000000000000000000000000000000000000000000000000000000",
    Kind::BlsAttestation
)]
fn golden_votes_of_octez_are_read(#[case] magic: &str, #[case] body: &str, #[case] kind: Kind) {
    let request = consensus(&bytes(&format!("{magic}7a06a770{GOLDEN_VOTE}{body}")));
    assert_eq!(
        (request.kind, request.height),
        (
            kind,
            Height {
                level: 1331,
                round: 0
            }
        )
    );
}

#[rstest]
#[case("", "request_empty")]
#[case("01b3d79f990000028a", "magic_refused")]
#[case(
    "029feab277d4b686c59365261c4210f21d916fbb09f5e47e092a14b94e39fab6190000000277",
    "magic_refused"
)]
#[case(
    "04010002298c03ed7d454a101eb7022bc95f7e5f41ac7803aabbcc",
    "magic_refused"
)]
#[case("0501000000021234", "magic_refused")]
#[case("14", "magic_refused")]
#[case("15", "magic_refused")]
#[case("ff", "magic_refused")]
#[case("11", "request_malformed")]
#[case("12", "request_malformed")]
#[case("13", "request_malformed")]
#[case("03", "operation_malformed")]
#[case("03aabbcc", "operation_malformed")]
fn everything_else_is_refused(#[case] text: &str, #[case] code: &str) {
    assert_eq!(
        SigningRequest::parse(&bytes(text)).unwrap_err().code(),
        code
    );
}

#[test]
fn no_form_is_read_one_byte_short_or_one_byte_long() {
    for (text, ..) in ALL {
        let whole = bytes(text);
        for length in 0..whole.len() {
            assert!(
                SigningRequest::parse(&whole[..length]).is_err(),
                "{length} bytes of {text}"
            );
        }
        for extra in [0x00, 0x01, 0xff] {
            let long = [whole.clone(), vec![extra]].concat();
            assert!(
                SigningRequest::parse(&long).is_err(),
                "{extra} after {text}"
            );
        }
    }
}

#[rstest]
#[case(ATTESTATION_11_0, 0, 0x12)]
#[case(PREATTESTATION_11_6, 0, 0x13)]
#[case(BLS_ATTESTATION, 0, 0x12)]
#[case(BLS_PREATTESTATION, 0, 0x13)]
#[case(ATTESTATION_11_0, 37, 22)]
#[case(ATTESTATION_11_0, 37, 31)]
#[case(PREATTESTATION_11_6, 37, 30)]
// A kind of another length: the bytes no longer fit.
#[case(ATTESTATION_11_0, 37, 23)]
#[case(ATTESTATION_11_0, 37, 41)]
#[case(BLS_ATTESTATION, 37, 21)]
#[case(WITH_DAL, 37, 21)]
// Negative levels and rounds.
#[case(ATTESTATION_11_0, 40, 0x80)]
#[case(ATTESTATION_11_0, 44, 0x80)]
#[case(BLS_ATTESTATION, 38, 0x80)]
#[case(BLS_ATTESTATION, 42, 0x80)]
// A DAL set that is negative, or has a group too many.
#[case(WITH_DAL, 80, 0xc0)]
#[case(WITH_DAL, 81, 0x00)]
#[case(WITH_DAL, 81, 0xa0)]
fn a_vote_with_one_wrong_byte_is_refused(
    #[case] text: &str,
    #[case] offset: usize,
    #[case] value: u8,
) {
    let mut bytes = bytes(text);
    bytes[offset] = value;
    assert!(SigningRequest::parse(&bytes).is_err());
}

#[rstest]
#[case::level(8, 0x0d)]
#[case::negative_level(5, 0x80)]
#[case::fitness_length(86, 0x22)]
#[case::version(91, 0x01)]
#[case::version_length(90, 0x00)]
#[case::level_length(95, 0x03)]
#[case::fitness_level(99, 0x0d)]
#[case::locked_length(103, 0x01)]
#[case::predecessor_not_negative(108, 0x00)]
#[case::negative_round(116, 0x80)]
#[case::payload_round_above_the_round(187, 0x01)]
#[case::negative_payload_round(184, 0x80)]
#[case::nonce_flag(196, 0x01)]
fn a_header_with_one_wrong_byte_is_refused(#[case] offset: usize, #[case] value: u8) {
    let mut bytes = bytes(BLOCK_12_0);
    assert_ne!(bytes[offset], value, "the case changes nothing");
    bytes[offset] = value;
    assert!(SigningRequest::parse(&bytes).is_err());
}

#[rstest]
#[case::equal_to_the_round(6)]
#[case::above_the_round(7)]
fn a_locked_round_that_is_not_below_the_round_is_refused(#[case] locked: u8) {
    let mut bytes = bytes(BLOCK_11_6);
    assert_eq!(bytes[107], 5);
    bytes[107] = locked;
    assert!(SigningRequest::parse(&bytes).is_err());
}

#[test]
fn the_round_is_that_of_the_fitness_and_not_of_the_payload() {
    let mut bytes = bytes(BLOCK_12_0);
    bytes[119] = 3;
    assert_eq!(
        consensus(&bytes).height,
        Height {
            level: 12,
            round: 3
        }
    );
}

#[rstest]
#[case("00")]
#[case("01")]
#[case("3f")]
#[case("8001")]
#[case("bfffffff7f")]
fn a_dal_set_of_any_size_is_read(#[case] set: &str) {
    let text = format!("{}{set}", &WITH_DAL[..160]);
    assert_eq!(consensus(&bytes(&text)).kind, Kind::AttestationWithDal);
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(SigningRequest::parse(&bytes));
    }

    #[test]
    fn no_tail_breaks_the_parser(
        magic in prop_oneof![Just(0x11u8), Just(0x12), Just(0x13), Just(0x03)],
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        drop(SigningRequest::parse(&[vec![magic], tail].concat()));
    }

    /// One changed byte gives an error or another message that is read as what the bytes say.
    #[test]
    fn one_changed_byte_is_refused_or_read_as_written(
        which in 0..ALL.len(),
        offset in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let (text, kind, ..) = ALL[which];
        let original = bytes(text);
        let mut changed = original.clone();
        let offset = offset.index(changed.len());
        changed[offset] = value;
        if let Ok(SigningRequest::Consensus(read)) = SigningRequest::parse(&changed) {
            prop_assert_eq!(read.digest == blake2b_256(&original), changed == original);
            let (level, round) = match kind {
                Kind::Block => (5, 83 + usize::from(changed[86])),
                Kind::BlsPreattestation | Kind::BlsAttestation => (38, 42),
                _ => (40, 44),
            };
            let field = |at: usize| i32::from_be_bytes(changed[at..at + 4].try_into().unwrap());
            prop_assert_eq!(read.height, Height { level: field(level), round: field(round) });
        }
    }
}
