use super::*;

#[rstest]
#[case("type: env\n", 1)]
#[case("# words\n\n---\ntype: env\nvolumes: {}\n", 4)]
#[case("  type: env\n  logging: |+\n    x\n\n", 1)]
#[case("type: env\r\nlogging: {}\r\n", 1)]
#[case("type: env", 1)]
fn a_signing_key_is_one_line_more(#[case] env: &str, #[case] line: usize) {
    let key = SigningKey::from_pem(&pairs()[0].public_pem).unwrap();
    let limits = Limits::default();
    let with = with_signing_key(env, &key, &limits).unwrap();
    let mut lines: Vec<&str> = with.expose().split_inclusive('\n').collect();
    let added = lines.remove(line - 1);
    assert_eq!(lines.concat(), env);
    assert_eq!(
        added.trim(),
        format!("signingKey: {}", STANDARD.encode(&pairs()[0].public_pem))
    );
    // Once more changes nothing; another key is not overlooked.
    let again = with_signing_key(with.expose(), &key, &limits).unwrap();
    assert_eq!(again.expose(), with.expose());
    let other = SigningKey::from_pem(&pairs()[1].public_pem).unwrap();
    let error = with_signing_key(with.expose(), &other, &limits).unwrap_err();
    assert_eq!(error.place().path, "env.signingKey");
}

#[rstest]
#[case("{type: env}\n")]
#[case("? type\n: env\n")]
#[case("[type]\n")]
#[case("&a {type: env}\n")]
#[case("{}\n")]
fn a_signing_key_is_put_nowhere_that_would_change_the_rest(#[case] env: &str) {
    let key = SigningKey::from_pem(&pairs()[0].public_pem).unwrap();
    let error = with_signing_key(env, &key, &Limits::default());
    assert!(
        error
            .map(|_| ())
            .unwrap_err()
            .place()
            .path
            .starts_with("env")
    );
}

#[test]
fn a_certificate_must_be_the_signers() {
    let [one, other] = pairs();
    let certificate = certificates::deployer(one, other, "ca");
    let certificate = SigningKey::from_pem(&certificate).unwrap();
    assert_eq!(belongs(&certificate, &signer(one)), Ok(()));
    let error = belongs(&certificate, &signer(other)).unwrap_err();
    assert_eq!(error.code(), Code::SigningKeyInvalid);
}
