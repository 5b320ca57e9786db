//! The golden encodings of Octez (protocol 025) as a client sends them: magic byte, chain id for what has one, and the
//! line of the file.

use super::*;

const OPERATIONS: &str = include_str!("../../operation/vectors/octez-u025-operation-unsigned.txt");
const BLS_MODE: &str = include_str!("../vectors/octez-u025-operation-bls-mode-unsigned.txt");
const HEADER: &str = include_str!("../vectors/octez-u025-block-header-unsigned.txt");

/// What a line must be: a vote, an operation of a kind, or a consensus message that is only ever sent within one.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Vote(Kind),
    Operation(&'static str),
    Aggregate(&'static str),
}

/// Every line of the files of operations: its name, its request and what it is.
fn golden() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let lines = OPERATIONS.lines().chain(BLS_MODE.lines());
    lines
        .map(|line| {
            let (name, body) = line.split_once(": ").unwrap();
            let expected = expected(name);
            let head = match expected {
                Expected::Vote(kind) if kind.class() == Class::Preattestation => "127a06a770",
                Expected::Vote(_) => "137a06a770",
                Expected::Operation(_) | Expected::Aggregate(_) => "03",
            };
            (name, bytes(&format!("{head}{body}")), expected)
        })
        .collect()
}

fn expected(name: &str) -> Expected {
    use Expected::{Aggregate, Operation, Vote};
    match name.split_once("unsigned").unwrap().1 {
        "_attestation" => Vote(Kind::BlsAttestation),
        "_preattestation" => Vote(Kind::BlsPreattestation),
        "-attestation" => Vote(Kind::Attestation),
        "-attestation-with-dal" => Vote(Kind::AttestationWithDal),
        "-preaatestation" => Vote(Kind::Preattestation),
        "-attestations-aggregate" => Aggregate("attestations_aggregate"),
        "-preattestation-aggregate" => Aggregate("preattestations_aggregate"),
        "-activate-account" => Operation("activate_account"),
        "-ballot" => Operation("ballot"),
        "-dal-entrapment-aggregate-evidence" | "-dal-entrapment-evidence" => {
            Operation("dal_entrapment_evidence")
        }
        "-delegation" | "-delegation-withdrawal" => Operation("delegation"),
        "-double-attestation-aggregate-evidence"
        | "-double-attestation-evidence"
        | "-double-consensus-operation-evidence"
        | "-double-preattestation-aggregate-evidence"
        | "-double-preattestation-evidence" => Operation("double_consensus_operation_evidence"),
        "-double-baking-evidence" => Operation("double_baking_evidence"),
        "-origination" => Operation("origination"),
        "-proposals" => Operation("proposals"),
        "-reveal" | "-reveal-with-proof" => Operation("reveal"),
        "-seed-nonce-revelation" => Operation("seed_nonce_revelation"),
        "-transaction-to-implicit" | "-transaction-to-originated" => Operation("transaction"),
        "-update-companion-key" => Operation("update_companion_key"),
        "-updated-consensus-key" => Operation("update_consensus_key"),
        other => panic!("a golden line without an expectation: {other}"),
    }
}

/// What a request decodes to, as the name of its only content or of its kind.
fn decoded(request: &SigningRequest) -> &'static str {
    match request {
        SigningRequest::Consensus(consensus) => consensus.kind.name(),
        SigningRequest::Operation(request) => {
            assert_eq!(request.operation.contents.len(), 1);
            request.operation.contents[0].name()
        }
    }
}

#[test]
fn every_golden_line_is_of_the_kind_it_names() {
    let golden = golden();
    assert_eq!(golden.len(), 28);
    for (name, bytes, expected) in golden {
        let request = SigningRequest::parse(&bytes);
        match expected {
            Expected::Vote(kind) => {
                let request = consensus(&bytes);
                assert_eq!(request.kind, kind, "{name}");
                let level = Height {
                    level: 1331,
                    round: 0,
                };
                assert_eq!(request.height, level, "{name}");
                assert_eq!(request.chain.to_string(), "NetXdQprcVkpaWU");
            }
            Expected::Operation(kind) => {
                let request = request.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(decoded(&request), kind, "{name}");
            }
            Expected::Aggregate(kind) => assert_eq!(
                request,
                Err(RequestError::Operation(OperationError::Consensus(kind))),
                "{name}"
            ),
        }
    }
}

#[test]
fn the_header_with_its_old_fitness_is_refused() {
    let body = HEADER
        .trim()
        .strip_prefix("block_header.unsigned: ")
        .unwrap();
    // The line begins with the level; the chain id goes before it.
    for head in ["117a06a770", "11"] {
        let error = SigningRequest::parse(&bytes(&format!("{head}{body}"))).unwrap_err();
        assert_eq!(error.code(), "request_malformed", "{error}");
    }
    let error = SigningRequest::parse(&bytes(&format!("117a06a770{body}"))).unwrap_err();
    assert_eq!(
        error,
        RequestError::Header("the fitness is not of version 2 (Tenderbake)")
    );
}

/// Only what may be of any length to its end may become another valid message: the set of DAL slots.
#[test]
fn every_truncation_and_every_extension_is_refused_or_another_valid_message() {
    for (name, whole, expected) in golden() {
        let may_end_elsewhere = matches!(expected, Expected::Vote(Kind::AttestationWithDal));
        let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
        let long = (0..=u8::MAX).map(|extra| [whole.clone(), vec![extra]].concat());
        for other in cut.chain(long) {
            match SigningRequest::parse(&other) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(request) => {
                    assert!(may_end_elsewhere, "{name}, {} bytes", other.len());
                    assert_eq!(decoded(&request), Kind::AttestationWithDal.name());
                    assert_eq!(*request.digest(), blake2b_256(&other));
                }
            }
        }
    }
}

/// Under another magic byte a line is refused, or is what that byte says.
#[test]
fn no_line_is_read_under_a_wrong_magic_byte() {
    for (name, mut bytes, expected) in golden() {
        let own = bytes[0];
        for magic in (0..=u8::MAX).filter(|magic| *magic != own) {
            bytes[0] = magic;
            let read = SigningRequest::parse(&bytes);
            assert!(read.is_err(), "{name} under {magic:02x}: {expected:?}");
        }
    }
}
