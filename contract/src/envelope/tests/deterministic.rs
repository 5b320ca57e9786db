//! The same inputs and the same seed: the same token, and one that opens as every other does.

use super::super::kdf::CHEAP;
use super::*;
use crate::testing::x25519_pairs;

fn token(sealing: &Sealing<'_>, text: &str, recipient: &Recipient) -> String {
    sealing
        .seal(text.as_bytes(), recipient)
        .unwrap()
        .to_string()
}

#[test]
fn a_seed_makes_tokens_of_both_kinds_repeat() {
    let (seed, other_seed) = (Seed::new(&[1; 32]).unwrap(), Seed::new(&[2; 32]).unwrap());
    let base = Sealing {
        section: SECTION,
        serial: Some(7),
        seed: Some(&seed),
        ..Sealing::default()
    };
    let (rsa, x25519) = (pairs(), x25519_pairs());
    for [own, other] in [
        [rsa[0].recipient(), rsa[1].recipient()],
        [x25519[0].recipient(), x25519[1].recipient()],
    ] {
        let first = token(&base, TEXT, own);
        assert_eq!(first, token(&base, TEXT, own));
        let env = Sealing {
            section: "env",
            ..base
        };
        let reseeded = Sealing {
            seed: Some(&other_seed),
            ..base
        };
        let unseeded = Sealing { seed: None, ..base };
        let different = [
            token(&env, TEXT, own),
            token(&reseeded, TEXT, own),
            token(&unseeded, TEXT, own),
            token(&base, "type: workloae\n", own),
            token(&base, TEXT, other),
        ];
        // Not even a part of them is the same: neither encapsulated key nor password nor salt.
        for different in different {
            let fields = |text: &str| text.rsplit('.').map(str::to_owned).collect::<Vec<_>>();
            for (one, another) in fields(&first).iter().zip(fields(&different)) {
                assert!(
                    one.len() < 32 || one[..32] != another[..32] && one[12..24] != another[12..24]
                );
            }
        }
    }
}

#[test]
fn what_is_sealed_with_a_seed_is_opened() {
    let seed = Seed::new(b"a seed of text, 32 bytes or more").unwrap();
    let keys = [pairs()[0].key(), x25519_pairs()[0].key()];
    for serial in 1..=20 {
        let sealing = Sealing {
            section: SECTION,
            serial: Some(serial),
            seed: Some(&seed),
            prefix: Prefix::ContractBasic,
        };
        for recipient in [pairs()[0].recipient(), x25519_pairs()[0].recipient()] {
            let text = format!("type: workload\nserial: {serial}\n");
            let read = Token::parse(&token(&sealing, &text, recipient), &Limits::default());
            let opened = open(&read.unwrap(), SECTION, &keys).unwrap();
            assert_eq!(opened.expose(), text.as_bytes());
        }
    }
}

#[test]
fn passwords_never_hold_what_a_decoder_cuts_at() {
    let seed = Seed::new(&[1; 32]).unwrap();
    let key = pairs()[0].key();
    let key = key.as_rsa().unwrap();
    CHEAP.set(true);
    for seed in [None, Some(&seed)] {
        let mut passwords = std::collections::HashSet::new();
        for index in 0..cases(200) {
            let sealing = Sealing {
                seed,
                ..Sealing::default()
            };
            let sealed = sealing.seal(&index.to_be_bytes(), pairs()[0].recipient());
            let password = key.password(&basic(sealed.unwrap()).password, &mut Work::default());
            assert_eq!(password.whole().len(), 32);
            assert_eq!(password.whole(), password.cut());
            passwords.insert(password.whole().to_vec());
        }
        assert_eq!(passwords.len(), cases(200) as usize);
    }
}

/// What is encrypted with repeatable padding is decrypted by aws-lc.
#[test]
fn the_public_operation_is_that_of_every_size_of_key() {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
    let mut sizes = vec![KeySize::Rsa2048, KeySize::Rsa3072];
    if cases(8) == 8 {
        sizes.push(KeySize::Rsa4096);
    }
    let seed = Seed::new(&[1; 32]).unwrap();
    for size in sizes {
        let key = PrivateDecryptingKey::generate(size).unwrap();
        let private: Pkcs8V1Der<'static> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'static> = key.public_key().as_der().unwrap();
        let key = DecryptionKey::from_pem(&pem("PRIVATE KEY", private.as_ref())).unwrap();
        let recipient = Recipient::from_pem(&pem("PUBLIC KEY", public.as_ref())).unwrap();
        let sealing = Sealing {
            seed: Some(&seed),
            ..Sealing::default()
        };
        let token = sealing.seal(TEXT.as_bytes(), &recipient).unwrap();
        assert_eq!(open(&token, "", &[key]).unwrap().expose(), TEXT.as_bytes());
    }
}
