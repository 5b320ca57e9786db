mod deterministic;
mod failures;
mod hpke;

use std::sync::LazyLock;

use proptest::prelude::*;
use rstest::rstest;

use super::kdf::SALT;
use super::open::open_counted as counted;
use super::recipient::Kind;
use super::seal::blob;
use super::*;
use crate::limits::Limits;
use crate::testing::{cases, pairs, pem};

const TEXT: &str = "type: workload\n";

const SECTION: &str = "workload";

fn sealed() -> Basic {
    static SEALED: LazyLock<Basic> = LazyLock::new(|| {
        let token = seal(TEXT.as_bytes(), pairs()[0].recipient(), Prefix::default()).unwrap();
        basic(token)
    });
    SEALED.clone()
}

fn basic(token: Token) -> Basic {
    match token {
        Token::Basic(token) => token,
        Token::Hpke(_) => panic!("a token for an X25519 key"),
    }
}

/// A token whose password and salt are given.
fn seal_with(
    plaintext: &[u8],
    recipient: &Recipient,
    prefix: Prefix,
    password: &[u8],
    salt: [u8; SALT],
) -> Result<Basic, SealError> {
    let Kind::Rsa(rsa) = &recipient.kind else {
        return Err(SealError::Kind);
    };
    Ok(Basic {
        prefix,
        password: rsa.encrypt(password)?,
        blob: blob(plaintext, password, salt)?,
    })
}

fn opened(token: &Basic) -> Option<Vec<u8>> {
    // Read once: that takes longer than to open a token.
    static KEY: LazyLock<[DecryptionKey; 1]> = LazyLock::new(|| [pairs()[0].key()]);
    open(&Token::Basic(token.clone()), SECTION, &*KEY)
        .ok()
        .map(|plain| plain.expose().clone())
}

fn open_counted(
    token: &Basic,
    keys: &[DecryptionKey],
) -> (Result<crate::secret::Secret<Vec<u8>>, DecryptError>, Work) {
    counted(&Token::Basic(token.clone()), SECTION, keys)
}

#[test]
fn what_is_sealed_is_opened() {
    for prefix in [Prefix::HyperProtectBasic, Prefix::ContractBasic] {
        for text in [
            &b""[..],
            b"x",
            b"sixteen bytes!!!",
            &[b'a'; 4096],
            b"\0\n\xff",
        ] {
            let token = seal(text, pairs()[0].recipient(), prefix).unwrap();
            let read = Token::parse(&token.to_string(), &Limits::default()).unwrap();
            assert_eq!(read, token);
            assert_eq!(opened(&basic(read)).as_deref(), Some(text));
        }
    }
}

#[rstest]
#[case::plain(b"0123456789abcdef0123456789abcdef", 32)]
#[case::line_feed(b"01234567\n9abcdef0123456789abcdef", 8)]
#[case::nul(b"01234567\x009abcdef0123456789abcdef", 8)]
#[case::line_feed_first(b"\n1234567", 0)]
#[case::empty(b"", 0)]
#[case::carriage_return(b"0123\r567", 8)]
fn a_password_may_be_used_cut_or_whole(#[case] password: &[u8], #[case] cut: usize) {
    // `used` is what the maker of the token derived from, `password` what it encrypted.
    for used in [&password[..cut], password] {
        let pair = &pairs()[0];
        let salt = [3; SALT];
        let mut token = seal_with(
            TEXT.as_bytes(),
            pair.recipient(),
            Prefix::default(),
            password,
            salt,
        )
        .unwrap();
        let body = seal_with(
            TEXT.as_bytes(),
            pair.recipient(),
            Prefix::default(),
            used,
            salt,
        )
        .unwrap();
        token.blob = body.blob;
        assert_eq!(opened(&token).as_deref(), Some(TEXT.as_bytes()));
    }
}

/// Fixture 1, from its published values: the password has a line feed at index 14, and only what is before it counts.
#[test]
fn fixture_1_opens_from_its_published_values() {
    let pair = &pairs()[0];
    let password =
        hex::decode("9ef7c61fd1db490f8269faa1f8320a9a8976d28c21a86f31c6c4ecab6d22f49a").unwrap();
    let salt = hex::decode("fa0014382c0a854a").unwrap().try_into().unwrap();
    let seal = |password: &[u8]| {
        seal_with(
            b"hello-world",
            pair.recipient(),
            Prefix::default(),
            password,
            salt,
        )
        .unwrap()
    };
    let token = Basic {
        blob: seal(&password[..14]).blob,
        ..seal(&password)
    };
    let text = Token::Basic(token.clone()).to_string();
    assert!(
        text.ends_with(".U2FsdGVkX1/6ABQ4LAqFSu1AKW0p8z69D80f59/8Byg="),
        "{text}"
    );
    assert_eq!(opened(&token).as_deref(), Some(&b"hello-world"[..]));
}

/// Fixtures 2 and 3, from what is published of them: a password of 32 printable characters, a salt, the records' sizes.
#[test]
fn attestation_records_open_with_a_password_as_the_guest_draws_it() {
    let salt: [u8; SALT] = hex::decode("0cddf767f3d2cdd4").unwrap().try_into().unwrap();
    for size in [768, 797] {
        let record = vec![b'7'; size];
        let token = seal_with(
            &record,
            pairs()[0].recipient(),
            Prefix::default(),
            b"g8:*c1qb^^Jr)ey2kNLdrL_R,u~anI$Y",
            salt,
        )
        .unwrap();
        assert_eq!(
            token.blob[..16],
            *b"Salted__\x0c\xdd\xf7\x67\xf3\xd2\xcd\xd4"
        );
        assert_eq!(token.blob.len(), 16 + (size / 16 + 1) * 16);
        let text = Token::Basic(token).to_string();
        let read = Token::parse(&text, &Limits::default()).unwrap();
        assert_eq!(opened(&basic(read)).as_deref(), Some(&record[..]));
    }
}

#[test]
fn any_of_several_keys_opens() {
    let token = Token::Basic(sealed());
    let [own, other] = pairs();
    for keys in [vec![own.key(), other.key()], vec![other.key(), own.key()]] {
        assert_eq!(
            open(&token, SECTION, &keys).unwrap().expose(),
            TEXT.as_bytes()
        );
    }
    assert!(open(&token, SECTION, &[other.key()]).is_err());
    assert!(open(&token, SECTION, &[]).is_err());
}

/// One flaw after the other, each named.
fn flawed() -> Vec<(&'static str, Basic)> {
    let sound = sealed();
    let with = |change: &dyn Fn(&mut Basic)| {
        let mut token = sound.clone();
        change(&mut token);
        token
    };
    vec![
        ("rsa padding", with(&|token| token.password[7] ^= 1)),
        (
            "rsa ciphertext short",
            with(&|token| token.password.truncate(255)),
        ),
        ("rsa ciphertext long", with(&|token| token.password.push(0))),
        (
            "rsa ciphertext not below the modulus",
            with(&|token| token.password.fill(0xff)),
        ),
        (
            "rsa ciphertext of zeros",
            with(&|token| token.password.fill(0)),
        ),
        (
            "rsa ciphertext empty",
            with(&|token| token.password.clear()),
        ),
        ("magic", with(&|token| token.blob[0] ^= 1)),
        ("salt cut off", with(&|token| token.blob.truncate(12))),
        ("blob empty", with(&|token| token.blob.clear())),
        ("no ciphertext", with(&|token| token.blob.truncate(16))),
        ("half a block", with(&|token| token.blob.truncate(24))),
        ("salt", with(&|token| token.blob[9] ^= 1)),
    ]
}

#[test]
fn every_failure_is_one_error_after_the_same_work() {
    let keys = [pairs()[0].key(), pairs()[1].key()];
    let (sound, expected) = open_counted(&sealed(), &keys);
    assert!(sound.is_ok());
    assert_eq!(
        expected,
        Work {
            rsa: 2,
            mac: 2,
            kdf: 4,
            cipher: 4,
            ..Work::default()
        }
    );
    for (flaw, token) in flawed() {
        let (outcome, work) = open_counted(&token, &keys);
        // A wrong password passes the padding check once in 256 times; it does not yield the text.
        let plain = outcome.map(|plain| plain.expose().clone());
        assert_ne!(plain.as_deref(), Ok(TEXT.as_bytes()), "{flaw}");
        assert_eq!(work, expected, "{flaw}");
    }
    let (outcome, work) = counted(&Token::stand_in(""), SECTION, &keys);
    assert_eq!(outcome.map(|_| ()), Err(DecryptError));
    assert_eq!(work, expected);
}

#[test]
fn bad_padding_is_the_same_error_after_the_same_work() {
    // A block that decrypts to a bad padding for certain: one byte of the block before the last is changed so that the last
    // byte of the padding becomes zero.
    let mut token = basic(seal(&[b'a'; 31], pairs()[0].recipient(), Prefix::default()).unwrap());
    let at = token.blob.len() - 17;
    token.blob[at] ^= 1;
    let (outcome, work) = open_counted(&token, &[pairs()[0].key()]);
    assert_eq!(outcome.map(|_| ()), Err(DecryptError));
    assert_eq!(
        work,
        Work {
            rsa: 1,
            mac: 1,
            kdf: 2,
            cipher: 2,
            ..Work::default()
        }
    );
}

#[test]
fn what_rsa_turns_down_looks_like_a_password_that_does_not_fit() {
    // The stand-in password is a function of key and ciphertext: a blob made for it opens, though RSA yielded nothing.
    let pair = &pairs()[0];
    let mut token = sealed();
    token.password[7] ^= 1;
    let mut work = Work::default();
    let key = pair.key();
    let key = key.as_rsa().unwrap();
    let password = key.password(&token.password, &mut work).whole().to_vec();
    assert_eq!(password.len(), 32);
    assert_eq!(password, key.password(&token.password, &mut work).whole());
    let made = seal_with(
        TEXT.as_bytes(),
        pair.recipient(),
        Prefix::default(),
        &password,
        [5; SALT],
    )
    .unwrap();
    token.blob = made.blob;
    assert_eq!(opened(&token).as_deref(), Some(TEXT.as_bytes()));

    // Another ciphertext, another password; another key, another password.
    token.password[7] ^= 3;
    assert_ne!(password, key.password(&token.password, &mut work).whole());
    assert!(opened(&token).as_deref() != Some(TEXT.as_bytes()));
}

#[test]
fn pkcs1_keys_open_as_pkcs8_keys_do() {
    // The PKCS#8 head of an RSA key is 26 bytes: two lengths of four, version, algorithm, octet string.
    let pkcs1 = &pairs()[0].private_der[26..];
    let key = DecryptionKey::from_pem(&pem("RSA PRIVATE KEY", pkcs1)).unwrap();
    assert_eq!(
        open(&Token::Basic(sealed()), SECTION, &[key])
            .unwrap()
            .expose(),
        TEXT.as_bytes()
    );
}

#[test]
fn keys_and_recipients_do_not_show_themselves() {
    let key = pairs()[0].key();
    assert_eq!(format!("{key:?}"), "DecryptionKey([redacted])");
    assert_eq!(
        format!("{:?}", pairs()[0].recipient()),
        "Recipient(RSA, 2048 bits)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(24)))]

    #[test]
    fn any_damage_to_a_token_is_a_refusal_and_never_the_text(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut token = sealed();
        let len = token.password.len();
        let at = at.index(len + token.blob.len());
        let byte = if at < len { &mut token.password[at] } else { &mut token.blob[at - len] };
        *byte ^= 1 << bit;
        let plain = opened(&token);
        prop_assert_ne!(plain.as_deref(), Some(TEXT.as_bytes()));
    }
}
