use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::testing::{self, certificates, pairs};

const BUILT: u64 = 1_767_225_600;

fn sample() -> Pins {
    let authority = certificates::authority(&pairs()[1], "ca");
    let deployers = [&pairs()[0].public_pem, &authority].map(|it| Deployer::from_pem(it).unwrap());
    Pins::new(deployers.into(), Some(3), BUILT)
}

fn vouched(authority: &str, certificate: &str) -> bool {
    let pins = Pins::new(vec![Deployer::from_pem(authority).unwrap()], None, 0);
    pins.vouch_for(&SigningKey::from_pem(certificate).unwrap())
}

#[test]
fn what_is_written_is_read_back() {
    let pins = sample();
    let text = pins.to_yaml();
    assert!(
        text.ends_with("minimum_serial: 3\nbuilt_at: 2026-01-01T00:00:00Z\n"),
        "{text}"
    );
    let read = Pins::parse(text.as_bytes()).unwrap();
    assert_eq!(read.to_yaml(), text);
    assert_eq!((read.minimum_serial(), read.built_at()), (Some(3), BUILT));
    assert_eq!(read.digest(), pins.digest());
    assert_eq!(read.digest(), hex::encode(Sha256::digest(&text)));
    let kinds: Vec<_> = read.deployers().map(|it| it.describe().0).collect();
    assert_eq!(kinds, ["key", "authority"]);
    assert_eq!(
        read.deployers().next().unwrap().describe().1,
        SigningKey::from_pem(&pairs()[0].public_pem)
            .unwrap()
            .fingerprint()
            .to_string()
    );
}

#[rstest]
#[case(
    "minimum_serial: 3",
    "minimum_seral: 3",
    "did you mean `minimum_serial`?"
)]
#[case("minimum_serial: 3\n", "", "the key `minimum_serial` is missing")]
#[case(
    "minimum_serial: 3",
    "minimum_serial: 0",
    "a whole number from 1 to 9007199254740992"
)]
#[case("minimum_serial: 3", "minimum_serial: \"3\"", "without quotes")]
#[case(
    "built_at: 2026-01-01T00:00:00Z\n",
    "",
    "the key `built_at` is missing"
)]
#[case(
    "built_at: 2026-01-01T00:00:00Z",
    "built_at: 1767225600",
    "a time in UTC"
)]
#[case(
    "built_at: 2026-01-01T00:00:00Z",
    "built_at: 2026-01-01T00:00:00Z\nmore: x",
    "unknown key"
)]
#[case("deployers:", "deployer:", "did you mean `deployers`?")]
#[case("BEGIN PUBLIC KEY", "BEGIN PRIVATE KEY", "damaged")]
#[case("deployers:\n", "deployers: []\nx:\n", "unknown key")]
#[case("#", "[]\n#", "")]
#[case("deployers:", "a: &a 1\nb: *a\ndeployers:", "")]
fn pins_are_read_strictly(#[case] from: &str, #[case] to: &str, #[case] words: &str) {
    let text = sample().to_yaml();
    assert!(text.contains(from));
    let error = Pins::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
    assert_eq!(error.code(), Code::PinsInvalid);
    assert!(error.to_string().contains(words), "{error}");
    let line = error.place().line;
    assert!(line.is_some_and(|line| line > 0), "{error}");
    assert_eq!(error.place().section, Some("pins"), "{error}");
}

#[test]
fn pins_have_limits() {
    let error = Pins::parse(&vec![b'#'; BYTES + 1]).unwrap_err();
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::PinsInvalid, "pins")
    );
    let whole = sample().to_yaml();
    let item = &whole[whole.find("  - |").unwrap()..whole.rfind("minimum").unwrap()];
    let many = whole.replacen(item, &item.repeat(5), 1);
    let error = Pins::parse(many.as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("a list of 1 to 8 items"),
        "{error}"
    );
    assert_eq!(Pins::parse(&[0xff]).unwrap_err().code(), Code::PinsInvalid);
    assert_eq!(Pins::parse(b"").unwrap_err().code(), Code::PinsInvalid);
}

#[test]
fn a_deployer_is_one_key_or_one_authority() {
    let [one, other] = pairs();
    let reason = |text: &str| Deployer::from_pem(text).map(|_| ()).unwrap_err();
    let authority = certificates::authority(one, "ca");
    assert_eq!(
        reason(&certificates::deployer(one, other, "ca")),
        DeployerError::NoAuthority
    );
    assert_eq!(
        reason(&format!("{authority}{authority}")),
        DeployerError::Several
    );
    assert_eq!(
        reason(&one.private_pem),
        DeployerError::Key(SigningKeyError::Kind)
    );
    assert_eq!(
        reason(&testing::pem("CERTIFICATE", &[9; 9])),
        DeployerError::Certificate
    );
    assert_eq!(reason("?"), DeployerError::Pem(PemError::Missing));
    assert_eq!(
        Deployer::from_pem(&authority).unwrap().describe().0,
        "authority"
    );
}

#[test]
fn an_authority_vouches_for_what_may_sign_contracts() {
    let [one, other] = pairs();
    let authority = certificates::authority(other, "ca");
    let made =
        |change: fn(&mut rcgen::CertificateParams)| certificates::made(one, other, "ca", change);
    assert!(vouched(&authority, &made(|_| {})));
    assert!(vouched(&authority, &made(certificates::for_code)));
    assert!(!vouched(&authority, &made(certificates::for_servers)));
    assert!(!vouched(&authority, &made(certificates::for_encryption)));
    assert!(!vouched(
        &authority,
        &made(certificates::with_unknown_demand)
    ));
    assert!(!vouched(&authority, &pairs()[0].public_pem));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testing::cases(128)))]

    #[test]
    fn any_damage_is_read_or_refused(at in any::<prop::sample::Index>(), with in "\\PC{0,4}", cut in 0usize..30) {
        static WHOLE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| sample().to_yaml());
        let start = at.index(whole.len());
        let end = (start + cut).min(whole.len());
        let spoilt = [&whole[..start], &with, &whole[end..]].concat();
        if let Err(error) = Pins::parse(spoilt.as_bytes()) {
            prop_assert_eq!(error.code(), Code::PinsInvalid);
        }
    }
}
