use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rstest::rstest;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;
use crate::limits::Limits;
use crate::pins::Deployer;
use crate::testing::{self, Pair, certificates, pairs};
use crate::{Contract, look, verify};

mod pinned;
mod sign;

fn signer(pair: &Pair) -> Signer {
    Signer::from_pem(&pair.private_pem).unwrap()
}

/// The sample, with this in signingKey, encrypted where asked to, and signed with the key of the pair.
fn signed(pair: &Pair, named: &str, encrypted: bool) -> ContractDocument {
    let key = SigningKey::from_pem(named).unwrap();
    let env = with_signing_key(&testing::env(), &key, &Limits::default()).unwrap();
    let (workload, env) = (testing::workload(), env.expose().clone());
    let document = if encrypted {
        ContractDocument::new(pairs()[0].seal(&workload), pairs()[0].seal(&env))
    } else {
        ContractDocument::new(workload, env)
    };
    reread(&signer(pair).sign(document).unwrap())
}

/// As a guest gets it.
fn reread(document: &ContractDocument) -> ContractDocument {
    ContractDocument::parse(document.to_yaml().as_bytes(), &Limits::default()).unwrap()
}

fn pins(deployers: &[&str], serial: u64) -> Pins {
    let deployers = deployers.iter().map(|it| Deployer::from_pem(it).unwrap());
    Pins::new(deployers.collect(), Some(serial), 0)
}

fn open_at(
    document: &ContractDocument,
    pins: Option<&Pins>,
    now: Option<u64>,
) -> Result<Contract, ContractError> {
    let (keys, limits) = ([pairs()[0].key()], Limits::default());
    Contract::open(
        document,
        &Opening {
            pins,
            now,
            ..Opening::new(&keys, &limits)
        },
    )
}

fn open(document: &ContractDocument, pins: Option<&Pins>) -> Result<Contract, ContractError> {
    open_at(document, pins, None)
}

fn code(outcome: Result<Contract, ContractError>) -> Code {
    outcome.map(|_| ()).unwrap_err().code()
}

#[test]
fn what_is_signed_here_is_verified_here() {
    let pair = &pairs()[0];
    for encrypted in [false, true] {
        let document = signed(pair, &pair.public_pem, encrypted);
        let contract = open(&document, None).unwrap();
        let found = contract.signed.unwrap();
        assert_eq!(
            (found.form, found.expires, found.pinned),
            (Form::Raw, None, false)
        );
        assert_eq!(
            found.signer,
            SigningKey::from_pem(&pair.public_pem)
                .unwrap()
                .fingerprint()
        );
        assert_eq!(contract.warnings, []);
        let pinned = open(&document, Some(&pins(&[&pair.public_pem], 7))).unwrap();
        assert!(pinned.signed.unwrap().pinned);
    }
}

#[test]
fn any_change_to_either_section_breaks_the_signature() {
    let pair = &pairs()[0];
    let document = signed(pair, &pair.public_pem, true);
    let other = signed(pair, &pair.public_pem, true);
    let signature = document.env_workload_signature().unwrap().to_owned();
    for (workload, env) in [
        (other.workload(), document.env()),
        (document.workload(), other.env()),
    ] {
        let mixed = ContractDocument::new(workload.to_owned(), env.to_owned())
            .with_env_workload_signature(signature.clone());
        assert_eq!(code(open(&mixed, None)), Code::SignatureInvalid);
        let pins = pins(&[&pair.public_pem], 1);
        assert_eq!(code(open(&mixed, Some(&pins))), Code::SignerUnpinned);
    }
}

#[test]
fn a_signature_may_have_white_space_and_nothing_else() {
    let pair = &pairs()[0];
    let document = signed(pair, &pair.public_pem, true);
    let signature = document.env_workload_signature().unwrap().to_owned();
    let fours: Vec<_> = signature.as_bytes().chunks(4).collect();
    let spaced = String::from_utf8(fours.join(&b" \n"[..])).unwrap();
    let with = |text: String| {
        let document = ContractDocument::new(document.workload().into(), document.env().into());
        open(&reread(&document.with_env_workload_signature(text)), None)
    };
    assert!(with(spaced).is_ok());
    for bad in [
        "c2ln".to_owned(),
        "?".to_owned(),
        String::new(),
        format!("{signature}AAAA"),
        signature.trim_end_matches('=')[1..].to_owned(),
    ] {
        assert_eq!(code(with(bad)), Code::SignatureInvalid);
    }
}

#[test]
fn another_keys_signature_is_not_the_signing_keys() {
    let [one, other] = pairs();
    let document = signed(other, &one.public_pem, true);
    let error = open(&document, None).map(|_| ()).unwrap_err();
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::SignatureInvalid, "envWorkloadSignature")
    );
}

/// The recipe of IBM's documentation: `tr -d "\n\r"` before the digest.
fn stripped(document: &ContractDocument, pair: &Pair) -> ContractDocument {
    let strip = |text: &str| text.replace(['\r', '\n'], "");
    let bare = ContractDocument::new(strip(document.workload()), strip(document.env()));
    let signature = signer(pair).sign(bare).unwrap();
    let signature = signature.env_workload_signature().unwrap().to_owned();
    ContractDocument::new(document.workload().into(), document.env().into())
        .with_env_workload_signature(signature)
}

#[test]
fn line_breaks_may_be_left_out_of_what_is_signed() {
    let pair = &pairs()[0];
    let plain = stripped(&signed(pair, &pair.public_pem, false), pair);
    assert_eq!(
        open(&plain, None).unwrap().signed.unwrap().form,
        Form::Stripped
    );
    // A plain text without line breaks under the signature could be broken into lines anew.
    let (keyed, by_authority) = (
        pins(&[&pair.public_pem], 1),
        pins(&[&certificates::authority(&pairs()[1], "ca")], 1),
    );
    assert_eq!(code(open(&plain, Some(&keyed))), Code::SignatureInvalid);
    assert_eq!(
        code(open(&plain, Some(&by_authority))),
        Code::SignatureInvalid
    );

    let sealed = signed(pair, &pair.public_pem, true);
    let folded = |text: &str| text.replace('.', ".\n");
    let sealed = ContractDocument::new(folded(sealed.workload()), folded(sealed.env()));
    let sealed = stripped(&sealed, pair);
    for pins in [None, Some(&keyed)] {
        let found = open(&sealed, pins).unwrap().signed.unwrap();
        assert_eq!(found.form, Form::Stripped);
    }
}

#[rstest]
#[case::pem(|pem: &str| pem.to_owned())]
#[case::escaped(|pem: &str| pem.replace('\n', "\\n"))]
#[case::base64(|pem: &str| STANDARD.encode(pem))]
#[case::twice(|pem: &str| STANDARD.encode(STANDARD.encode(pem)))]
#[case::thrice(|pem: &str| STANDARD.encode(STANDARD.encode(STANDARD.encode(pem))))]
#[case::escaped_inside(|pem: &str| STANDARD.encode(pem.replace('\n', "\\n")))]
fn a_signing_key_comes_in_many_shapes(#[case] shape: fn(&str) -> String) {
    let pair = &pairs()[0];
    let certificate = certificates::deployer(pair, &pairs()[1], "ca");
    let bare = SigningKey::from_pem(&shape(&pair.public_pem)).unwrap();
    let certified = SigningKey::from_pem(&shape(&certificate)).unwrap();
    assert_eq!(bare.fingerprint(), certified.fingerprint());
    assert_eq!(bare.to_pem(), pair.public_pem);
    assert_eq!(bare.expires(), None);
    assert_eq!(certified.expires(), Some(certificates::EXPIRED - 1));

    let key = format!(
        "signingKey: \"{}\"\ntype: env\n",
        shape(&certificate)
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
    );
    let env = testing::env().replacen("type: env\n", &key, 1);
    let document = ContractDocument::new(testing::workload(), env);
    let document = reread(&signer(pair).sign(document).unwrap());
    assert!(open(&document, None).unwrap().signed.is_some());
}

#[test]
fn keys_that_are_none_are_refused_by_name() {
    let reason = |text: &str| SigningKey::from_pem(text).map(|_| ()).unwrap_err();
    let pem = |label: &str, der: &[u8]| testing::pem(label, der);
    assert_eq!(
        reason(""),
        SigningKeyError::Pem(crate::pem::PemError::Missing)
    );
    assert_eq!(reason(&pairs()[0].private_pem), SigningKeyError::Kind);
    assert_eq!(reason(&pem("PUBLIC KEY", &[1])), SigningKeyError::Rsa);
    assert_eq!(
        reason(&pem("CERTIFICATE", &[1])),
        SigningKeyError::Certificate
    );
    let four =
        STANDARD.encode(STANDARD.encode(STANDARD.encode(STANDARD.encode(&pairs()[0].public_pem))));
    assert!(SigningKey::from_pem(&four).is_err());
    // A certificate with something behind it.
    let whole = certificates::deployer(&pairs()[0], &pairs()[1], "ca");
    let block = crate::pem::blocks(&whole).unwrap().remove(0);
    let longer = [block.der.expose().as_slice(), &[0]].concat();
    assert_eq!(
        reason(&pem("CERTIFICATE", &longer)),
        SigningKeyError::Certificate
    );
    // A sound key of a kind that verifies nothing here.
    let elliptic = rcgen::KeyPair::generate().unwrap();
    assert_eq!(reason(&elliptic.public_key_pem()), SigningKeyError::Rsa);
}

#[test]
fn a_contract_expires_with_its_certificate_and_not_before() {
    let pair = &pairs()[0];
    let certificate = certificates::deployer(pair, &pairs()[1], "ca");
    let document = signed(pair, &certificate, true);
    let at = |now| open_at(&document, None, Some(now));
    assert!(at(certificates::EXPIRED - 1).is_ok());
    let error = at(certificates::EXPIRED).map(|_| ()).unwrap_err();
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::ContractExpired, "env.signingKey")
    );

    let warned = |now| at(now).unwrap().warnings.first().map(ToString::to_string);
    // The certificate's notBefore is years ahead of this.
    assert_eq!(warned(0), None);
    assert_eq!(warned(certificates::EXPIRED - 1 - 31 * DAY), None);
    for (left, words) in [
        (31 * DAY - 1, "expires in 30 days"),
        (2 * DAY, "expires in 2 days"),
        (DAY, "expires in 1 day"),
        (DAY - 1, "expires in less than a day"),
        (0, "expires in less than a day"),
    ] {
        let warning = warned(certificates::EXPIRED - 1 - left).unwrap();
        assert!(
            warning.starts_with("env.signingKey (line 1") && warning.ends_with(words),
            "{warning}"
        );
    }
    let warning = open(&document, None).unwrap().warnings.remove(0);
    assert!(
        warning.to_string().contains("no time was given"),
        "{warning}"
    );
}

#[test]
fn a_contract_with_nothing_of_ours_can_be_verified() {
    let pair = &pairs()[0];
    let env = format!(
        "type: env\nsigningKey: {}\n",
        STANDARD.encode(&pair.public_pem)
    );
    let document = ContractDocument::new("type: workload\n".into(), env);
    let document = signer(pair).sign(document).unwrap();
    let limits = Limits::default();
    let verdict = verify(&document, &Opening::new(&[], &limits)).unwrap();
    assert_eq!(verdict.serial, None);
    assert!(verdict.signed.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(testing::cases(128)))]

    #[test]
    fn any_signing_key_is_read_or_refused(text in "(-----BEGIN (PUBLIC KEY|CERTIFICATE)-----)?[A-Za-z0-9+/=\\\\n -]{0,200}", der in prop::collection::vec(any::<u8>(), 1..200)) {
        drop(SigningKey::from_pem(&text));
        drop(SigningKey::from_pem(&testing::pem("CERTIFICATE", &der)));
        drop(SigningKey::from_pem(&testing::pem("PUBLIC KEY", &der)));
    }

    #[test]
    fn any_damage_to_a_certificate_is_read_or_refused(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        static WHOLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| {
            let text = certificates::deployer(&pairs()[0], &pairs()[1], "ca");
            crate::pem::blocks(&text).unwrap().remove(0).der.expose().clone()
        });
        let mut der = whole.clone();
        let at = at.index(der.len());
        der[at] = with;
        let text = testing::pem("CERTIFICATE", &der);
        drop(Deployer::from_pem(&text));
        let authority = pins(&[&authority()], 1);
        if let Ok(key) = SigningKey::from_pem(&text) {
            // What is outside of the part that the authority signed is framing, and may be written otherwise.
            let signed = |der: &[u8]| {
                let (_, certificate) = X509Certificate::from_der(der).unwrap();
                certificate.tbs_certificate.as_ref().to_vec()
            };
            prop_assert!(!authority.vouch_for(&key) || signed(&der) == signed(whole));
        }
    }

    #[test]
    fn no_bit_of_a_signature_or_a_section_may_differ(at in any::<prop::sample::Index>(), bit in 0u8..8, what in 0usize..3) {
        static WHOLE: std::sync::OnceLock<ContractDocument> = std::sync::OnceLock::new();
        let whole = WHOLE.get_or_init(|| {
            let env = format!("type: env\nsigningKey: {}\n", STANDARD.encode(&pairs()[0].public_pem));
            signer(&pairs()[0]).sign(ContractDocument::new("type: workload\n".into(), env)).unwrap()
        });
        let key = SigningKey::from_pem(&pairs()[0].public_pem).unwrap();
        let signature = STANDARD.decode(whole.env_workload_signature().unwrap()).unwrap();
        let mut parts = [whole.workload().as_bytes().to_vec(), whole.env().as_bytes().to_vec(), signature];
        let at = at.index(parts[what].len());
        parts[what][at] ^= 1 << bit;
        let [workload, env, signature] = parts;
        prop_assert!(!key.verifies(&[workload, env].concat(), &signature));
    }
}

fn authority() -> String {
    static AUTHORITY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    AUTHORITY
        .get_or_init(|| certificates::authority(&pairs()[1], "ca"))
        .clone()
}
