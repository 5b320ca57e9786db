//! A thousand bad ciphertexts of each kind: one error, the same work.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;

use super::super::kdf::CHEAP;
use super::super::open::open_text_counted;
use super::super::random::Random;
use super::*;
use crate::testing::x25519_pairs;

/// What IBM's token takes with one key, whatever is wrong.
const BASIC: Work = Work {
    rsa: 1,
    mac: 1,
    kdf: 2,
    cipher: 2,
    kem: 0,
    aead: 0,
};
/// What ours takes with two keys.
const OURS: Work = Work {
    rsa: 0,
    mac: 0,
    kdf: 0,
    cipher: 0,
    kem: 3,
    aead: 2,
};

fn random(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    Random::system().fill("test", &mut out).unwrap();
    out
}

/// A number below a bound, drawn.
fn below(bound: usize) -> usize {
    let [high, low] = random(2)[..] else {
        unreachable!()
    };
    usize::from(u16::from_be_bytes([high, low])) % bound
}

/// Opens a thousand texts and returns the one thing they all came to.
fn all_alike(section: &str, keys: &[DecryptionKey], bad: impl Fn(usize) -> String) -> Work {
    let limits = Limits::default();
    let mut seen = std::collections::BTreeSet::new();
    let mut works = Vec::new();
    for index in 0..cases(1000) as usize {
        let (opened, work) = open_text_counted(&bad(index), section, keys, &limits);
        seen.insert(format!("{:?}", opened.map(|_| "opened")));
        works.push(work);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["Err(Damaged)"]);
    assert!(works.iter().all(|work| work == &works[0]));
    works[0]
}

/// The password's padding, encrypted as it stands: what a maker of bad paddings sends.
fn padded(index: usize) -> Vec<u8> {
    let Kind::Rsa(rsa) = &pairs()[0].recipient().kind else {
        unreachable!()
    };
    let mut block = random(256);
    for byte in &mut block {
        *byte |= 1;
    }
    block[0] = 0;
    match index % 4 {
        // The other block type, no end of the padding, one too short, and one that is not led by zero.
        0 => (block[1], block[223]) = (1, 0),
        1 => block[1] = 2,
        2 => (block[1], block[5]) = (2, 0),
        _ => (block[0], block[1], block[223]) = (1, 2, 0),
    }
    rsa.numbers.raised(&block).unwrap()
}

#[rstest]
#[case::rsa_random(|_, token: &mut Basic| token.password = random(256))]
#[case::rsa_padding(|index, token: &mut Basic| token.password = padded(index))]
#[case::rsa_length(|_, token: &mut Basic| token.password = random(257 + below(255)))]
#[case::rsa_truncated(|_, token: &mut Basic| token.password.truncate(1 + below(255)))]
#[case::aes_padding(|_, token: &mut Basic| {
    // The last byte of the padding becomes one that no padding ends in.
    let at = token.blob.len() - 17;
    let byte = u8::try_from(17 + below(239)).unwrap();
    token.blob[at] ^= 1 ^ byte;
})]
#[case::aes_length(|_, token: &mut Basic| {
    let len = 16 + 16 * below(3) + 1 + below(15);
    token.blob = [&token.blob[..16], &random(len)].concat();
})]
#[case::aes_header(|_, token: &mut Basic| token.blob[..8].copy_from_slice(&random(8)))]
fn a_thousand_bad_tokens_of_ibms_are_one_error(#[case] harm: fn(usize, &mut Basic)) {
    CHEAP.set(true);
    let keys = [pairs()[0].key()];
    // 31 bytes: the padding is one byte, 0x01.
    let text = [b'a'; 31];
    let sound = basic(seal(&text, pairs()[0].recipient(), Prefix::default()).unwrap());
    let work = all_alike(SECTION, &keys, |index| {
        let mut token = sound.clone();
        harm(index, &mut token);
        assert_ne!(token, sound);
        Token::Basic(token).to_string()
    });
    assert_eq!(work, BASIC);
    let (opened, work) = counted(&Token::Basic(sound), SECTION, &keys);
    assert_eq!(
        (opened.unwrap().expose().as_slice(), work),
        (&text[..], BASIC)
    );
}

#[rstest]
#[case::enc_random(|_, body: &mut Vec<u8>| body[..32].copy_from_slice(&random(32)))]
#[case::enc_of_small_order(|index, body: &mut Vec<u8>| {
    body[..32].fill(0);
    body[0] = u8::from(index % 2 == 0);
})]
#[case::ciphertext_flipped(|_, body: &mut Vec<u8>| {
    let at = 32 + below(body.len() - 32);
    body[at] ^= 1 << below(8);
})]
#[case::truncated(|_, body: &mut Vec<u8>| body.truncate(1 + below(body.len() - 1)))]
#[case::lengthened(|_, body: &mut Vec<u8>| body.extend(random(1 + below(64))))]
#[case::random(|_, body: &mut Vec<u8>| *body = random(1 + below(200)))]
fn a_thousand_bad_tokens_of_ours_are_one_error(#[case] harm: fn(usize, &mut Vec<u8>)) {
    let Token::Hpke(sound) = x25519_pairs()[0].seal(SECTION, 7, TEXT) else {
        unreachable!()
    };
    let work = all_alike(SECTION, &our_keys(), |index| {
        let mut token = sound.clone();
        harm(index, &mut token.body);
        assert_ne!(token, sound);
        Token::Hpke(token).to_string()
    });
    assert_eq!(work, OURS);
    let (opened, work) = counted(&Token::Hpke(sound), SECTION, &our_keys());
    assert_eq!((opened.is_ok(), work), (true, OURS));
}

fn our_keys() -> [DecryptionKey; 2] {
    [0, 1].map(|index| x25519_pairs()[index].key())
}

#[test]
fn a_thousand_misplaced_tokens_of_ours_are_the_same_error() {
    let seal = |section, serial| x25519_pairs()[0].seal(section, serial, TEXT).to_string();
    let swapped = all_alike("env", &our_keys(), |_| seal("workload", 7));
    let reissued = all_alike("env", &our_keys(), |index| {
        seal("env", 7).replace(".7.", &format!(".{}.", index + 8))
    });
    assert_eq!((swapped, reissued), (OURS, OURS));
}

#[test]
fn a_thousand_texts_that_are_no_tokens_cost_the_same() {
    CHEAP.set(true);
    let both = [
        pairs()[0].key(),
        x25519_pairs()[0].key(),
        x25519_pairs()[1].key(),
    ];
    let damaged = |prefix: &str| format!("{prefix}.{}", STANDARD.encode(random(60)));
    let ours = all_alike(SECTION, &both, |_| damaged("bakehouse-hpke"));
    let zero = all_alike(SECTION, &both, |_| damaged("bakehouse-hpke.0"));
    assert_eq!((ours, zero), (OURS, OURS));
    assert_eq!(
        all_alike(SECTION, &both, |_| damaged("contract-basic")),
        BASIC
    );
}
