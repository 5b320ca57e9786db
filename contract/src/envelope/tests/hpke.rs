//! Our own token, from key files to plaintext.

use proptest::prelude::*;

use super::super::open::open_counted;
use super::*;
use crate::testing::{self, x25519_pairs};
use crate::{Code, Contract, ContractDocument};

/// Every key of the image, as one file has them: RSA and X25519, current and previous.
fn image_keys() -> Vec<DecryptionKey> {
    let ([rsa, old_rsa], [x25519, old_x25519]) = (pairs(), x25519_pairs());
    let file = [
        rsa.private_pem.as_str(),
        &x25519.private_pem,
        &old_rsa.private_pem,
        &old_x25519.private_pem,
    ];
    DecryptionKey::all_from_pem(&file.concat()).unwrap()
}

#[test]
fn what_is_sealed_for_an_x25519_key_is_opened() {
    let keys = image_keys();
    for pair in x25519_pairs() {
        for text in ["", "x", TEXT, &"long ".repeat(2000)] {
            let token = pair.seal(SECTION, 7, text);
            let read = Token::parse(&token.to_string(), &Limits::default()).unwrap();
            assert_eq!(read, token);
            assert_eq!(read.serial(), Some(7));
            assert_eq!(
                open(&read, SECTION, &keys).unwrap().expose(),
                text.as_bytes()
            );
        }
    }
}

#[test]
fn one_file_holds_keys_of_both_kinds_and_each_opens_its_own() {
    let keys = image_keys();
    assert_eq!(keys.len(), 4);
    let (rsa, ours): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.as_rsa().is_some());
    assert_eq!((rsa.len(), ours.len()), (2, 2));
    let tokens = [
        Token::Basic(sealed()),
        x25519_pairs()[1].seal(SECTION, 1, TEXT),
    ];
    for (token, own, other) in [(&tokens[0], &rsa, &ours), (&tokens[1], &ours, &rsa)] {
        assert!(open(token, SECTION, own).is_ok());
        assert_eq!(open(token, SECTION, other).map(|_| ()), Err(DecryptError));
    }
}

#[test]
fn keys_of_the_other_kind_cost_nothing_and_change_nothing() {
    let (alone, with_rsa) = (
        [x25519_pairs()[0].key()],
        [pairs()[0].key(), x25519_pairs()[0].key()],
    );
    let token = x25519_pairs()[0].seal(SECTION, 1, TEXT);
    let expected = Work {
        kem: 2,
        aead: 1,
        ..Work::default()
    };
    for keys in [&alone[..], &with_rsa] {
        let (opened, work) = open_counted(&token, SECTION, keys);
        assert_eq!(opened.unwrap().expose(), TEXT.as_bytes());
        assert_eq!(work, expected);
    }
}

#[test]
fn a_token_is_bound_to_its_section_and_to_its_serial() {
    let keys = image_keys();
    for (section, other) in [
        ("workload", "env"),
        ("env", "attestationPublicKey"),
        ("attestationPublicKey", "workload"),
        ("env", ""),
        ("env", "env\0"),
    ] {
        let token = x25519_pairs()[0].seal(section, 258, TEXT);
        assert!(open(&token, section, &keys).is_ok());
        assert!(open(&token, other, &keys).is_err(), "{section} as {other}");
    }
    let text = x25519_pairs()[0].seal(SECTION, 258, TEXT).to_string();
    for serial in ["257", "259", "2", "25", "2581", "1"] {
        let moved = text.replace(".258.", &format!(".{serial}."));
        let token = Token::parse(&moved, &Limits::default()).unwrap();
        assert!(open(&token, SECTION, &keys).is_err(), "{serial}");
    }
}

/// A contract's sections are opened under their own names.
#[test]
fn a_contract_opens_each_token_as_what_it_stands_for() {
    let (pair, keys) = (&x25519_pairs()[0], image_keys());
    let refused = |names: [&str; 3]| {
        let [workload, env, attestation] = names;
        let seal = |name, text: &str| pair.seal(name, 7, text).to_string();
        let document = ContractDocument::new(
            seal(workload, &testing::workload()),
            seal(env, &testing::env()),
        )
        .with_attestation_public_key(seal(attestation, &pair.public_pem));
        Contract::open(&document, &crate::Opening::new(&keys, &Limits::default()))
            .err()
            .filter(|error| error.code() == Code::ContractDecrypt)
            .map(|error| error.to_string())
    };
    let own = ["workload", "env", "attestationPublicKey"];
    assert_eq!(refused(own), None);
    for (at, name) in own.into_iter().enumerate() {
        let mut names = own;
        names[at] = own[(at + 1) % 3];
        assert_eq!(refused(names), Some(format!("{name}: can't be decrypted")));
    }
}

#[test]
fn no_token_of_our_own_is_made_without_a_serial() {
    let recipient = x25519_pairs()[0].recipient();
    assert!(recipient.is_x25519() && !pairs()[0].recipient().is_x25519());
    for serial in [None, Some(0), Some((1 << 53) + 1)] {
        let sealing = Sealing {
            section: SECTION,
            serial,
            ..Sealing::default()
        };
        assert_eq!(
            sealing.seal(b"", recipient).map(|_| ()),
            Err(SealError::Serial)
        );
    }
    assert_eq!(
        seal(b"", recipient, Prefix::default()).map(|_| ()),
        Err(SealError::Serial)
    );
}

#[test]
fn two_tokens_of_one_text_share_nothing() {
    let body = || match x25519_pairs()[0].seal(SECTION, 1, TEXT) {
        Token::Hpke(token) => token.body,
        Token::Basic(_) => unreachable!(),
    };
    let (one, other) = (body(), body());
    assert_ne!(one[..32], other[..32]);
    assert_ne!(one[32..], other[32..]);
}

#[test]
fn x25519_keys_do_not_show_themselves() {
    let pair = &x25519_pairs()[0];
    assert_eq!(format!("{:?}", pair.key()), "DecryptionKey([redacted])");
    assert_eq!(format!("{:?}", pair.recipient()), "Recipient(X25519)");
    // A public key is not taken for a private one, nor the other way round.
    assert_eq!(
        DecryptionKey::from_pem(&pair.public_pem).unwrap_err(),
        KeyError::Kind
    );
    assert_eq!(
        Recipient::from_pem(&pair.private_pem).unwrap_err(),
        SealError::Kind
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(256)))]

    #[test]
    fn any_damage_to_a_token_of_our_own_is_a_refusal(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let Token::Hpke(mut token) = x25519_pairs()[0].seal(SECTION, 7, TEXT) else {
            return Err(TestCaseError::fail("the other kind"));
        };
        let at = at.index(token.body.len());
        // X25519 takes no notice of the highest bit of a point; HPKE's key schedule does.
        token.body[at] ^= 1 << bit;
        let opened = open(&Token::Hpke(token), SECTION, &[x25519_pairs()[0].key()]);
        prop_assert_eq!(opened.map(|_| ()), Err(DecryptError));
    }
}

/// Tokens of one contract can't be used in another, though the same image opens both.
#[test]
fn a_token_for_another_serial_is_refused_by_name() {
    let (pair, keys) = (&x25519_pairs()[0], image_keys());
    let limits = Limits::default();
    let code = |workload: u64, env: u64| {
        let document = ContractDocument::new(
            pair.seal("workload", workload, &testing::workload())
                .to_string(),
            pair.seal("env", env, &testing::env()).to_string(),
        );
        Contract::open(&document, &crate::Opening::new(&keys, &limits))
            .map(|_| ())
            .map_err(|error| error.code())
    };
    // The env of the tests has serial 7.
    assert_eq!(code(7, 7), Ok(()));
    assert_eq!(code(8, 7), Err(Code::SerialMismatch));
    assert_eq!(code(7, 8), Err(Code::SerialMismatch));
    assert_eq!(code(8, 8), Err(Code::SerialMismatch));
}
