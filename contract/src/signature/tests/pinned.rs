use super::*;

#[test]
fn a_clock_that_is_turned_back_gains_nothing_past_the_build() {
    let pair = &pairs()[0];
    let document = signed(pair, &certificates::deployer(pair, &pairs()[1], "ca"), true);
    let built = |at| {
        Pins::new(
            vec![Deployer::from_pem(&pair.public_pem).unwrap()],
            None,
            at,
        )
    };
    for now in [None, Some(0)] {
        assert!(open_at(&document, Some(&built(certificates::EXPIRED - 1)), now).is_ok());
        let outcome = open_at(&document, Some(&built(certificates::EXPIRED)), now);
        assert_eq!(code(outcome), Code::ContractExpired);
    }
    let outcome = open_at(&document, Some(&built(0)), Some(certificates::EXPIRED));
    assert_eq!(code(outcome), Code::ContractExpired);
}

#[test]
fn pins_refuse_what_is_unsigned_before_anything_is_opened() {
    let pins = pins(&[&pairs()[0].public_pem], 1);
    let unsigned = ContractDocument::new("contract-basic.AAAA.AAAA".into(), testing::env());
    assert_eq!(code(open(&unsigned, Some(&pins))), Code::ContractUnsigned);
    assert_eq!(code(open(&unsigned, None)), Code::ContractDecrypt);

    // Neither section can be opened, and nobody is told.
    let other = signer(&pairs()[1]).sign(unsigned).unwrap();
    assert_eq!(code(open(&other, Some(&pins))), Code::SignerUnpinned);

    let plain = ContractDocument::new(testing::workload(), testing::env());
    let warnings = open(&plain, None).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].place().path, "envWorkloadSignature");
}

#[test]
fn pins_take_the_deployers_key_whatever_it_comes_in() {
    let [one, other] = pairs();
    let certificate = certificates::deployer(one, other, "ca");
    for named in [&one.public_pem, &certificate] {
        let document = signed(one, named, true);
        assert!(open(&document, Some(&pins(&[&one.public_pem], 7))).is_ok());
        assert!(
            open(
                &document,
                Some(&pins(&[&other.public_pem, &one.public_pem], 7))
            )
            .is_ok()
        );
        let outcome = open(&document, Some(&pins(&[&other.public_pem], 7)));
        assert_eq!(code(outcome), Code::SignerUnpinned);
    }
}

#[test]
fn a_pinned_authority_makes_deployers_by_certificates_alone() {
    let [one, other] = pairs();
    let authority = certificates::authority(other, "ca");
    let outcome = |named: &str| {
        let document = signed(one, named, true);
        open(&document, Some(&pins(&[&authority], 7))).map(|it| it.signed.unwrap().pinned)
    };
    assert_eq!(outcome(&certificates::deployer(one, other, "ca")), Ok(true));
    let refused = |named: &str| outcome(named).unwrap_err();
    let error = refused(&one.public_pem);
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::SignerUnpinned, "env.signingKey")
    );
    for other in [
        certificates::deployer(one, one, "ca"),
        certificates::deployer(one, other, "another"),
        certificates::authority(one, "ca"),
    ] {
        assert_eq!(refused(&other).code(), Code::SignerUnpinned);
    }
    // The same key beside an authority that does not know it.
    let both = pins(&[&authority, &one.public_pem], 7);
    assert!(open(&signed(one, &one.public_pem, true), Some(&both)).is_ok());
}

#[test]
fn pins_turn_older_contracts_down() {
    let pair = &pairs()[0];
    let sealed = signed(pair, &pair.public_pem, false);
    for least in [1, 6, 7] {
        assert!(open(&sealed, Some(&pins(&[&pair.public_pem], least))).is_ok());
    }
    let error = open(&sealed, Some(&pins(&[&pair.public_pem], 8)))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::ContractTooOld, "env.bakehouse.serial")
    );
    let without = sealed.env().replace("  serial: 7\n", "");
    let without = ContractDocument::new(testing::workload(), without);
    let without = signer(pair).sign(without).unwrap();
    assert!(open(&without, None).is_ok());
    let error = open(&without, Some(&pins(&[&pair.public_pem], 1)))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (Code::ContractTooOld, "env.bakehouse")
    );
}

#[test]
fn a_section_for_another_serial_is_refused() {
    let judged = |sealed, serial| same_serial(&[("workload", None), ("env", sealed)], serial);
    assert_eq!(judged(None, None), Ok(()));
    assert_eq!(judged(None, Some(7)), Ok(()));
    assert_eq!(judged(Some(7), Some(7)), Ok(()));
    for (sealed, serial) in [(Some(6), Some(7)), (Some(8), Some(7)), (Some(7), None)] {
        let error = judged(sealed, serial).unwrap_err();
        assert_eq!(
            (error.code(), error.place().path.as_str()),
            (Code::SerialMismatch, "env")
        );
    }
}

#[test]
fn a_signature_over_tokens_of_another_serial_is_not_called_good() {
    let (pair, image) = (&pairs()[0], &testing::x25519_pairs()[0]);
    let key = SigningKey::from_pem(&pair.public_pem).unwrap();
    let env = with_signing_key(&testing::env(), &key, &Limits::default()).unwrap();
    let keys = [image.key()];
    let limits = Limits::default();
    let verified = |serial| {
        let workload = image.seal("workload", serial, &testing::workload());
        let document = ContractDocument::new(
            workload.to_string(),
            image.seal("env", 7, env.expose()).to_string(),
        );
        let document = signer(pair).sign(document).unwrap();
        verify(&document, &Opening::new(&keys, &limits)).map(|it| it.serial)
    };
    assert_eq!(verified(7).unwrap(), Some(7));
    assert_eq!(verified(6).unwrap_err().code(), Code::SerialMismatch);
}

#[test]
fn sections_that_a_runtime_opened_are_taken_without_pins_only() {
    let pair = &pairs()[0];
    let limits = Limits::default();
    let known = pins(&[&pair.public_pem], 7);
    let opening = |pins| Opening {
        pins,
        now: Some(certificates::EXPIRED),
        ..Opening::new(&[], &limits)
    };
    let plain = signed(pair, &pair.public_pem, false);
    let sections = |pins| Contract::from_sections(plain.workload(), plain.env(), &opening(pins));
    let contract = sections(None).unwrap();
    assert_eq!((contract.signed, contract.warnings.len()), (None, 1));
    assert_eq!(code(sections(Some(&known))), Code::SignatureUnverifiable);

    // The runtime's document: its signature is over the tokens that it opened, or over these very texts.
    let sealed = signed(pair, &pair.public_pem, true);
    let opened = ContractDocument::new(plain.workload().into(), plain.env().into())
        .with_env_workload_signature(sealed.env_workload_signature().unwrap().into());
    let outcome = |document, pins| Contract::from_opened(document, &opening(pins));
    assert_eq!(outcome(&opened, None).unwrap().signed, None);
    assert_eq!(
        code(outcome(&opened, Some(&known))),
        Code::SignatureUnverifiable
    );
    assert!(
        outcome(&plain, Some(&known))
            .unwrap()
            .signed
            .unwrap()
            .pinned
    );
    // No runtime takes a signature without a key, so this document is not what one wrote.
    let half = ContractDocument::new(plain.workload().into(), testing::env())
        .with_env_workload_signature(sealed.env_workload_signature().unwrap().into());
    assert_eq!(code(outcome(&half, None)), Code::SigningKeyMissing);
    let strange = pins(&[&pairs()[1].public_pem], 7);
    assert_eq!(code(outcome(&plain, Some(&strange))), Code::SignerUnpinned);
    assert_eq!(code(outcome(&sealed, None)), Code::ContractDecrypt);

    // The runtime judged the expiry once, at its boot; this is judged at each of ours.
    let certificate = certificates::deployer(pair, &pairs()[1], "ca");
    let expired = signed(pair, &certificate, false);
    let outcome = Contract::from_sections(expired.workload(), expired.env(), &opening(None));
    assert_eq!(code(outcome), Code::ContractExpired);
}

#[test]
fn a_signature_is_seen_without_a_key_where_env_is_plain() {
    let pair = &pairs()[0];
    let limits = Limits::default();
    let plain = signed(pair, &pair.public_pem, false);
    let half = ContractDocument::new(pair.seal(plain.workload()), plain.env().into());
    let good = signer(pair).sign(half).unwrap();
    let opening = Opening::new(&[], &limits);
    assert_eq!(look(&good, &opening), Ok((vec![], vec!["workload"])));
    assert!(verify(&good, &opening).unwrap().signed.is_some());
    let bad = ContractDocument::new(good.workload().into(), format!("{}\n", good.env()))
        .with_env_workload_signature(good.env_workload_signature().unwrap().into());
    assert_eq!(
        look(&bad, &opening).unwrap_err().code(),
        Code::SignatureInvalid
    );
    let pins = pins(&[&pairs()[1].public_pem], 1);
    let opening = Opening {
        pins: Some(&pins),
        ..opening
    };
    assert_eq!(
        look(&good, &opening).unwrap_err().code(),
        Code::SignerUnpinned
    );
}
