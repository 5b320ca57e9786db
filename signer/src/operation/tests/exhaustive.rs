//! Every operation at hand, cut short at each byte, made longer by each byte, and with each byte changed to each other.

use proptest::prelude::*;

use super::layouts::{forged, generated};
use super::*;

fn all() -> Vec<(&'static str, Vec<u8>)> {
    golden().chain(forged()).chain(generated()).collect()
}

#[test]
fn none_is_decoded_when_cut_short_or_with_a_byte_too_many() {
    for (name, bytes) in all() {
        for length in 0..bytes.len() {
            let cut = Operation::decode(&bytes[..length]);
            assert!(
                matches!(cut, Err(OperationError::Form(_) | OperationError::Empty)),
                "{length} bytes of {name}"
            );
        }
        for extra in 0..=u8::MAX {
            let long = [bytes.clone(), vec![extra]].concat();
            assert!(Operation::decode(&long).is_err(), "{extra} after {name}");
        }
    }
}

#[test]
fn one_lost_or_doubled_byte_is_refused_or_makes_another_valid_operation() {
    for (_, bytes) in all() {
        for at in 0..bytes.len() {
            for other in [
                [&bytes[..at], &bytes[at + 1..]].concat(),
                [&bytes[..=at], &bytes[at..]].concat(),
            ] {
                if let Ok(operation) = Operation::decode(&other) {
                    assert!(!operation.contents.is_empty());
                }
            }
        }
    }
}

/// The two shards are read by their length alone and would take most of the time.
#[test]
fn each_byte_changed_to_each_other_never_breaks_the_decoder() {
    let mut decoded = 0;
    for (_, mut bytes) in all().into_iter().filter(|(_, bytes)| bytes.len() < 1000) {
        for at in 32..bytes.len() {
            let original = bytes[at];
            for value in 0..=u8::MAX {
                bytes[at] = value;
                decoded += usize::from(Operation::decode(&bytes).is_ok());
            }
            bytes[at] = original;
        }
    }
    assert!(decoded > 0);
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoder(tag in any::<u8>(), tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(Operation::decode(&[vec![0; 32], vec![tag], tail].concat()));
    }

    /// Random bytes hardly ever reach beyond a manager's header, so it is given.
    #[test]
    fn no_body_breaks_the_decoder(
        tag in prop_oneof![107..=115_u8, Just(158), 200..=207_u8, Just(230), 250..=252_u8],
        body in proptest::collection::vec(prop_oneof![3 => 0..12_u8, 1 => any::<u8>()], 0..200),
    ) {
        let head = hex::decode(format!("{BRANCH}{tag:02x}{HEADER}")).unwrap();
        if let Ok(operation) = Operation::decode(&[head, body].concat()) {
            prop_assert!(operation.contents.iter().all(|content| content.fee.is_some()));
        }
    }

    /// A batch is decoded content by content: as many as were put in, each as alone.
    #[test]
    fn a_batch_is_the_sum_of_its_contents(picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..6)) {
        let managers: Vec<_> = forged()
            .filter(|(name, _)| OperationKind::from_name(name).unwrap().is_manager())
            .collect();
        let mut bytes = vec![7; 32];
        let mut contents = Vec::new();
        for pick in picks {
            let (_, one) = pick.get(&managers);
            contents.extend(Operation::decode(one).unwrap().contents);
            bytes.extend(&one[32..]);
        }
        prop_assert_eq!(Operation::decode(&bytes).unwrap().contents, contents);
    }
}
