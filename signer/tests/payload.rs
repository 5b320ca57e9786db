//! Payloads that a baker would send, and one that an operator would.

pub(crate) const CHAIN: &str = "NetXdQprcVkpaWU";
pub(crate) const CHAIN_BYTES: [u8; 4] = [0x7a, 0x06, 0xa7, 0x70];

/// A tz1-3 attestation (80 bytes) of some branch.
pub(crate) fn attestation(level: i32, branch: u8) -> Vec<u8> {
    vote(0x13, 21, level, branch)
}

pub(crate) fn preattestation(level: i32, branch: u8) -> Vec<u8> {
    vote(0x12, 20, level, branch)
}

fn vote(magic: u8, kind: u8, level: i32, branch: u8) -> Vec<u8> {
    let mut bytes = vec![magic];
    bytes.extend(CHAIN_BYTES);
    bytes.extend([branch; 32]);
    bytes.extend([kind, 0, 0]);
    bytes.extend(level.to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend([9; 32]);
    bytes
}

/// A block header of round 0 without seed nonce (198 bytes), of some context.
pub(crate) fn block(level: i32, context: u8) -> Vec<u8> {
    let mut bytes = vec![0x11];
    bytes.extend(CHAIN_BYTES);
    bytes.extend(level.to_be_bytes());
    bytes.push(2);
    bytes.extend([1; 32]);
    bytes.extend(1_700_000_000_i64.to_be_bytes());
    bytes.push(4);
    bytes.extend([2; 32]);
    bytes.extend(33_u32.to_be_bytes());
    let elements: [&[u8]; 5] = [&[2], &level.to_be_bytes(), &[], &[0xff; 4], &[0; 4]];
    for element in elements {
        bytes.extend(u32::try_from(element.len()).unwrap().to_be_bytes());
        bytes.extend(element);
    }
    bytes.extend([context; 32]);
    bytes.extend([3; 32]);
    bytes.extend(0_i32.to_be_bytes());
    bytes.extend([4; 8]);
    bytes.extend([0, 0]);
    bytes
}

/// A transaction of 1 tez by `source` (tagged, 21 bytes) to itself, without the magic byte.
pub(crate) fn transaction(source: [u8; 21]) -> Vec<u8> {
    let mut bytes = vec![5; 32];
    bytes.push(108);
    bytes.extend(source);
    // fee 1000, counter 1, gas 2000, storage 0, amount 1000000, as `n` numbers.
    bytes.extend([0xe8, 0x07, 0x01, 0xd0, 0x0f, 0x00, 0xc0, 0x84, 0x3d]);
    bytes.push(0);
    bytes.extend(source);
    bytes.push(0);
    bytes
}
