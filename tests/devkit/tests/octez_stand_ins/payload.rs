//! The baker's bytes against a second reading of the layouts, which itself is checked against Octez' own payloads.

use std::time::Duration;

use bakehouse_devkit::octez::baker::payload::{Class, Header, vote};
use bakehouse_devkit::octez::chain::{Chain, Network};
use proptest::prelude::*;

const BLOCK_12: &str = "117a06a7700000000c0272b9c070cec8364f71d3361b0196ff250451241dc70933fefbda3b4c0eff329700000000619d27ce0401589994c43f991baf797f80702ba7f11075ea11eaed813c3b2eaf769b42ca30000000210000000102000000040000000c0000000000000004ffffffff0000000400000000c146ae2d2ada6afc75c4e2d84d994366d0944f1d5448f8ce5c99365ab8f7aa05532d7119ff62aeeea609473addaafc033aa264c5cf6ab8af70e1154ed44cb3d800000000ef9ad9f900000000ff408781a014bbc88d879ae2847cb65e31318c61aab34cd000ae27a9103a718b5b00";
const BLOCK_11_6: &str = "117a06a7700000000b01d1c454c941a0fcbe34d309c279c401cfc1ed289313526986bcb95e036fd008b400000000619f5ac10484affb4fd02e659d927e1e4d2cdfbf2a529e5584415b5225b29c43b43459f0ee000000250000000102000000040000000b000000040000000500000004ffffffee0000000400000006c46f17069d60e70dd57878f68355c4123b2028b200a4c452361bae523175d47400d0f19b5e0b0bd159f6f7e409d5984bf809bfb588b8852b9973e096b0e797860000000506088de5000000000000";
const PREATTESTATION_11_6: &str = "127a06a770d1c454c941a0fcbe34d309c279c401cfc1ed289313526986bcb95e036fd008b41400000000000b0000000600d0f19b5e0b0bd159f6f7e409d5984bf809bfb588b8852b9973e096b0e79786";
const ATTESTATION_11_0: &str = "137a06a770fa9d62d722a910dc710e32d1e7784bc18ce3ef0e1948806457bb8b10883bc3141500000000000b0000000035dd16cfb423dfe6ba2fc7885270799fb971b3dd120437b6b24dbe205456aab0";

/// What a payload says, read by fixed offsets (tezos.md §2.2, §2.3) and nothing of the devkit's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) class: Class,
    pub(crate) chain: [u8; 4],
    pub(crate) level: i32,
    pub(crate) round: i32,
    pub(crate) slot: Option<u16>,
    pub(crate) payload: Vec<u8>,
    pub(crate) parent: Vec<u8>,
}

fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Reads a payload to its last byte.
pub(crate) fn read(bytes: &[u8]) -> Option<Read> {
    let chain = bytes.get(1..5)?.try_into().ok()?;
    match bytes[0] {
        0x11 => {
            let fitness = usize::try_from(int(bytes, 83)).ok()?;
            let locked = fitness.checked_sub(33)?;
            let end = 87 + fitness;
            let level = int(bytes, 5);
            let round = int(bytes, 83 + fitness);
            let nonce = *bytes.get(end + 76)?;
            let length = end + 32 + 32 + 4 + 8 + 1 + if nonce == 0xff { 32 } else { 0 } + 1;
            let good = bytes.len() == length
                && [0, 4].contains(&locked)
                && bytes[50] == 4
                && bytes[87..92] == [0, 0, 0, 1, 2]
                && int(bytes, 92) == 4
                && int(bytes, 96) == level
                && usize::try_from(int(bytes, 100)).ok()? == locked
                && int(bytes, 104 + locked) == 4
                && int(bytes, 112 + locked) == 4
                && (nonce == 0 || nonce == 0xff)
                && int(bytes, end + 64) <= round;
            good.then(|| Read {
                class: Class::Block,
                chain,
                level,
                round,
                slot: None,
                payload: bytes[end + 32..end + 64].to_vec(),
                parent: bytes[10..42].to_vec(),
            })
        }
        magic @ (0x12 | 0x13) => {
            let (class, kind) = match magic {
                0x12 => (Class::Preattestation, 20),
                _ => (Class::Attestation, 21),
            };
            (bytes.len() == 80 && bytes[37] == kind).then(|| Read {
                class,
                chain,
                level: int(bytes, 40),
                round: int(bytes, 44),
                slot: Some(u16::from_be_bytes([bytes[38], bytes[39]])),
                payload: bytes[48..80].to_vec(),
                parent: bytes[5..37].to_vec(),
            })
        }
        _ => None,
    }
}

#[test]
fn the_checker_reads_octez_own_payloads() {
    for (hex, class, level, round) in [
        (BLOCK_12, Class::Block, 12, 0),
        (BLOCK_11_6, Class::Block, 11, 6),
        (PREATTESTATION_11_6, Class::Preattestation, 11, 6),
        (ATTESTATION_11_0, Class::Attestation, 11, 0),
    ] {
        let bytes = hex::decode(hex).unwrap();
        let seen = read(&bytes).unwrap();
        assert_eq!((seen.class, seen.level, seen.round), (class, level, round));
        assert_eq!(seen.chain, [0x7a, 0x06, 0xa7, 0x70]);
        assert_eq!(read(&[&bytes[..], &[0]].concat()), None, "a byte too many");
        assert_eq!(read(&bytes[..bytes.len() - 1]), None, "a byte too few");
    }
}

/// The maker must give Octez' bytes when it is given Octez' fields.
#[test]
fn a_header_with_the_fields_of_a_real_one_has_its_bytes() {
    let real = hex::decode(BLOCK_12).unwrap();
    let part = |from: usize| -> [u8; 32] { real[from..from + 32].try_into().unwrap() };
    let header = Header {
        level: 12,
        predecessor: part(10),
        timestamp: i64::from_be_bytes(real[42..50].try_into().unwrap()),
        operations: part(51),
        context: part(120),
        payload: part(152),
        nonce: real[188..196].try_into().unwrap(),
        seed_nonce_hash: Some(part(197)),
        votes: 0,
    };
    let mut made = header.message([0x7a, 0x06, 0xa7, 0x70]).bytes;
    assert_eq!(made[9], 25, "the toy chain's protocol level");
    made[9] = real[9];
    assert_eq!(hex::encode(made), BLOCK_12);
}

#[test]
fn an_attestation_differs_from_a_real_one_in_its_values_only() {
    let chain = Chain::new(Network::parse("mainnet").unwrap(), Duration::from_secs(1));
    let made = vote(&chain, Class::Attestation, 11, 0).bytes;
    let real = hex::decode(ATTESTATION_11_0).unwrap();
    assert_eq!(made[..5], real[..5]);
    assert_eq!(made[37..48], real[37..48]);
    assert_eq!(made.len(), real.len());
}

proptest! {
    #[test]
    fn everything_the_baker_makes_is_read_back(level in 1_i32..i32::MAX, slot: u16, byte in 0_u8..3) {
        let chain = Chain::new(Network::parse("shadownet").unwrap(), Duration::from_secs(1));
        let block = chain.block(level);
        for class in [Class::Preattestation, Class::Attestation] {
            let message = vote(&chain, class, level, slot);
            prop_assert_eq!(read(&message.bytes), Some(Read {
                class,
                chain: [0xd0, 0x52, 0x21, 0x8e],
                level,
                round: 0,
                slot: Some(slot),
                payload: block.payload.to_vec(),
                parent: block.predecessor.to_vec(),
            }));
        }
        let message = Header::propose(&chain, level, "tz3", byte).message(chain.network.chain_id);
        let length = if level % 112 == 0 { 230 } else { 198 };
        prop_assert_eq!(message.bytes.len(), length);
        let seen = read(&message.bytes).unwrap();
        prop_assert_eq!((seen.level, seen.round), (level, 0));
        prop_assert_eq!(seen.parent, block.predecessor.to_vec());
    }
}
