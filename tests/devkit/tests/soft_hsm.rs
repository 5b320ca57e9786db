//! The software HSM over real mutual TLS, as a client sees it.

#[cfg(test)]
#[path = "soft_hsm/client.rs"]
mod client;
#[cfg(test)]
#[path = "soft_hsm/keys.rs"]
mod keys;

use std::time::{Duration, Instant};

use bakehouse_devkit::certs::Validity;
use bakehouse_devkit::hsm::{Config, MasterKey, SoftHsm, fingerprint};
use bakehouse_proto::grep11::{
    DigestSingleRequest, GenerateRandomRequest, GetMechanismInfoRequest, GetMechanismListRequest,
    SignSingleRequest,
};
use bakehouse_proto::{
    BlobAudit, Cka, Ckm, Ckr, Curve, ErrorClass, Grep11Error, PublicKey, Template, keyblob,
    mechanism,
};
use client::{Pair, Pki, key_pair, pair_templates};

const CURVES: [Curve; 3] = [Curve::Ed25519, Curve::Secp256k1, Curve::P256];

#[tokio::test]
async fn three_curves_are_generated_sign_and_verify_in_both_key_forms() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let mut client = pki.connect(&hsm).await.unwrap();
    for curve in CURVES {
        let pair = key_pair(&mut client, curve).await;
        let audit = BlobAudit::parse(&pair.private).unwrap();
        assert!(audit.can_sign() && !audit.extractable());
        assert_eq!(audit.wkid(), &hsm.wkid());
        let key = PublicKey::parse(&pair.public).unwrap();
        assert_eq!(key.curve(), curve);

        let mech = mechanism::signing(curve);
        let both = keyblob::sign_single_request(&pair.private, mech.clone(), [7; 32]);
        let old = SignSingleRequest {
            priv_key: None,
            ..both.clone()
        };
        let new = SignSingleRequest {
            priv_key_bytes: Vec::new(),
            ..both.clone()
        };
        for request in [both, old, new] {
            let signature = client
                .sign_single(request)
                .await
                .unwrap()
                .into_inner()
                .signature;
            assert_eq!(signature.len(), 64);
            let verify = keyblob::verify_single_request(
                &pair.public,
                mech.clone(),
                [7; 32],
                signature.clone(),
            );
            client.verify_single(verify).await.unwrap();
            let wrong =
                keyblob::verify_single_request(&pair.public, mech.clone(), [8; 32], signature);
            let error = Grep11Error::from(client.verify_single(wrong).await.unwrap_err());
            assert_eq!(error.code, Ckr::SIGNATURE_INVALID);
            assert_eq!(error.class(), ErrorClass::Verification);
        }
    }
    hsm.stop().await;
}

#[tokio::test]
async fn a_generated_pair_comes_in_both_forms_with_its_spki_as_attribute() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let mut client = pki.connect(&hsm).await.unwrap();
    let (private, public) = pair_templates(Curve::P256);
    let request =
        keyblob::generate_key_pair_request(mechanism::plain(Ckm::EC_KEY_PAIR_GEN), private, public);
    let answer = client
        .generate_key_pair(request)
        .await
        .unwrap()
        .into_inner();
    let private = answer.priv_key.unwrap();
    let public = answer.pub_key.unwrap();
    assert_eq!(private.key_blobs, [answer.priv_key_bytes]);
    assert_eq!(public.key_blobs.first(), Some(&answer.pub_key_bytes));
    let spki = bakehouse_proto::attribute::read_bytes(&public.attributes[&Cka::PUBLIC_KEY_INFO.0])
        .unwrap();
    assert_eq!(spki, &answer.pub_key_bytes[..91]);
    hsm.stop().await;
}

#[tokio::test]
async fn refusals_are_typed_and_permanent() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let mut client = pki.connect(&hsm).await.unwrap();
    let Pair { private, .. } = key_pair(&mut client, Curve::P256).await;
    let other = pki.start().await;
    let mut elsewhere = pki.connect(&other).await.unwrap();
    let foreign = key_pair(&mut elsewhere, Curve::P256).await.private;
    let mut damaged = private.clone();
    damaged[90] ^= 1;

    let ecdsa = mechanism::plain(Ckm::ECDSA);
    let ed25519 = mechanism::plain(Ckm::IBM_ED25519_SHA512);
    let rsa = mechanism::plain(Ckm::SHA256_RSA_PKCS);
    for (key, mech, code) in [
        (foreign, &ecdsa, Ckr::IBM_WKID_MISMATCH),
        (damaged, &ecdsa, Ckr::IBM_BLOB_ERROR),
        (private.clone(), &ed25519, Ckr::KEY_TYPE_INCONSISTENT),
        (private.clone(), &rsa, Ckr::MECHANISM_INVALID),
        (vec![], &ecdsa, Ckr::ARGUMENTS_BAD),
    ] {
        let request = keyblob::sign_single_request(&key, mech.clone(), [7; 32]);
        let error = Grep11Error::from(client.sign_single(request).await.unwrap_err());
        assert_eq!(error, Grep11Error::new(code));
        assert_eq!(error.class(), ErrorClass::Permanent);
    }
    let digest = DigestSingleRequest::default();
    let error = Grep11Error::from(client.digest_single(digest).await.unwrap_err());
    assert_eq!(error.code, Ckr::FUNCTION_NOT_SUPPORTED);
    hsm.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn templates_are_checked() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let mut client = pki.connect(&hsm).await.unwrap();
    let unknown = Template::new().with_bytes(Cka::EC_PARAMS, [6, 1, 1]);
    let bls = Template::new().with_bytes(Cka::EC_PARAMS, Curve::Bls12_381.oid());
    for (public, code) in [
        (Template::new(), Ckr::TEMPLATE_INCOMPLETE),
        (unknown, Ckr::CURVE_NOT_SUPPORTED),
        (bls, Ckr::CURVE_NOT_SUPPORTED),
    ] {
        let request = keyblob::generate_key_pair_request(
            mechanism::plain(Ckm::EC_KEY_PAIR_GEN),
            Template::new(),
            public,
        );
        let error = Grep11Error::from(client.generate_key_pair(request).await.unwrap_err());
        assert_eq!(error.code, code);
    }

    let (_, public) = pair_templates(Curve::P256);
    let silent = Template::new().with_bool(Cka::SIGN, false);
    let request =
        keyblob::generate_key_pair_request(mechanism::plain(Ckm::EC_KEY_PAIR_GEN), silent, public);
    let answer = client
        .generate_key_pair(request)
        .await
        .unwrap()
        .into_inner();
    let mech = mechanism::plain(Ckm::ECDSA);
    let request = keyblob::sign_single_request(&answer.priv_key_bytes, mech, [7; 32]);
    let error = Grep11Error::from(client.sign_single(request).await.unwrap_err());
    assert_eq!(error.code, Ckr::KEY_FUNCTION_NOT_PERMITTED);
    hsm.stop().await;
}

#[tokio::test]
async fn mechanisms_and_random_numbers_answer_as_probes_expect() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let mut client = pki.connect(&hsm).await.unwrap();
    let list = client
        .get_mechanism_list(GetMechanismListRequest {})
        .await
        .unwrap()
        .into_inner()
        .mechs;
    assert_eq!(list[0], Ckm::RSA_PKCS.0);
    for needed in [Ckm::EC_KEY_PAIR_GEN, Ckm::ECDSA, Ckm::IBM_ED25519_SHA512] {
        assert!(list.contains(&needed.0), "{needed}");
    }
    assert!(!list.contains(&Ckm::IBM_ECDSA_OTHER.0));
    let info = client
        .get_mechanism_info(GetMechanismInfoRequest { mech: 1 })
        .await
        .unwrap();
    let info = info.into_inner().mech_info.unwrap();
    assert_eq!((info.min_key_size, info.max_key_size), (512, 4096));

    let random = client
        .generate_random(GenerateRandomRequest { len: 32 })
        .await
        .unwrap();
    assert_eq!(random.into_inner().rnd.len(), 32);
    for len in [0, 1_000_001] {
        let refused = client
            .generate_random(GenerateRandomRequest { len })
            .await
            .unwrap_err();
        assert_eq!(Grep11Error::from(refused).code, Ckr::ARGUMENTS_BAD);
    }
    hsm.stop().await;
}

#[tokio::test]
async fn every_call_is_in_the_journal_before_its_answer() {
    let pki = Pki::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.jsonl");
    let mut config = Config::for_tests(pki.tls()).unwrap();
    config.journal = Some(path.clone());
    let hsm = SoftHsm::start(config).await.unwrap();
    let mut client = pki.connect(&hsm).await.unwrap();
    let Pair { private, .. } = key_pair(&mut client, Curve::P256).await;
    let mech = mechanism::plain(Ckm::ECDSA);
    for data in [[7; 32], [8; 32]] {
        let request = keyblob::sign_single_request(&private, mech.clone(), data);
        client.sign_single(request).await.unwrap();
        let line = std::fs::read_to_string(&path).unwrap();
        assert!(line.lines().last().unwrap().contains(&hex::encode(data)));
    }
    hsm.fail_next(Ckr::DEVICE_ERROR);
    let request = keyblob::sign_single_request(&private, mech, [9; 32]);
    let error = Grep11Error::from(client.sign_single(request).await.unwrap_err());
    assert_eq!(error.class(), ErrorClass::Transient);

    let journal = hsm.journal();
    let calls: Vec<_> = journal
        .iter()
        .map(|entry| (entry.rpc.as_str(), entry.result.as_str()))
        .collect();
    assert_eq!(
        calls,
        [
            ("GenerateKeyPair", "ok"),
            ("SignSingle", "ok"),
            ("SignSingle", "ok"),
            ("SignSingle", "CKR_DEVICE_ERROR"),
        ]
    );
    assert_eq!(journal[1].mechanism, Some(4161));
    assert_eq!(journal[1].key, fingerprint(&private));
    assert!(journal[1].ts_ms <= journal[2].ts_ms);
    hsm.stop().await;
}

#[tokio::test]
async fn a_call_takes_at_least_the_latency() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let mut client = pki.connect(&hsm).await.unwrap();
    hsm.set_latency(Duration::from_millis(23));
    let started = Instant::now();
    client
        .generate_random(GenerateRandomRequest { len: 1 })
        .await
        .unwrap();
    assert!(started.elapsed() >= Duration::from_millis(23));
    hsm.stop().await;
}

#[tokio::test]
async fn only_clients_of_the_ca_are_served() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    assert!(pki.connect(&hsm).await.is_ok());
    assert!(pki.call_as(None, &hsm).await.is_err(), "no certificate");
    let expired = pki.authority.client("late", Validity::expired()).unwrap();
    assert!(pki.call_as(Some(&expired), &hsm).await.is_err(), "expired");
    // A CA of the same name but another key.
    let stranger = Pki::new()
        .authority
        .client("baker", Validity::days(1))
        .unwrap();
    assert!(
        pki.call_as(Some(&stranger), &hsm).await.is_err(),
        "stranger"
    );
    let mut mixed = pki.authority.client("mixed", Validity::days(1)).unwrap();
    mixed.key_pem = stranger.key_pem;
    assert!(
        pki.call_as(Some(&mixed), &hsm).await.is_err(),
        "another's certificate"
    );
    let good = pki.authority.client("baker", Validity::days(1)).unwrap();
    assert!(pki.call_as(Some(&good), &hsm).await.is_ok());
    hsm.stop().await;
}

#[tokio::test]
async fn tls_1_2_clients_are_served_too() {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let good = pki.authority.client("baker", Validity::days(1)).unwrap();
    let versions = &[&rustls::version::TLS12];
    assert!(pki.call_with(Some(&good), &hsm, versions).await.is_ok());
    let stranger = Pki::new()
        .authority
        .client("baker", Validity::days(1))
        .unwrap();
    assert!(
        pki.call_with(Some(&stranger), &hsm, versions)
            .await
            .is_err()
    );
    let mut mixed = good;
    mixed.key_pem = stranger.key_pem;
    let refused = pki.call_with(Some(&mixed), &hsm, versions).await;
    assert!(refused.is_err(), "another's certificate");
    hsm.stop().await;
}

#[tokio::test]
async fn blobs_outlive_the_process_with_the_master_key_and_go_over_to_the_next() {
    let pki = Pki::new();
    let started = |master, next_master| {
        let mut config = Config::for_tests(pki.tls()).unwrap();
        config.master = MasterKey::from_bytes(&master).unwrap();
        config.next_master = next_master;
        SoftHsm::start(config)
    };
    let hsm = started([1; 32], None).await.unwrap();
    let mut client = pki.connect(&hsm).await.unwrap();
    let pair = key_pair(&mut client, Curve::P256).await;
    hsm.stop().await;

    let next = MasterKey::from_bytes(&[2; 32]).unwrap();
    let hsm = started([1; 32], Some(next)).await.unwrap();
    let mut client = pki.connect(&hsm).await.unwrap();
    let mech = mechanism::plain(Ckm::ECDSA);
    let request = keyblob::sign_single_request(&pair.private, mech.clone(), [7; 32]);
    client.sign_single(request).await.unwrap();
    let rewrapped = client
        .rewrap_key_blob(keyblob::rewrap_key_blob_request(&pair.private))
        .await
        .unwrap()
        .into_inner()
        .rewrapped_key_bytes;
    hsm.stop().await;

    let hsm = started([2; 32], None).await.unwrap();
    let mut client = pki.connect(&hsm).await.unwrap();
    for (blob, works) in [(pair.private, false), (rewrapped, true)] {
        let request = keyblob::sign_single_request(&blob, mech.clone(), [7; 32]);
        assert_eq!(client.sign_single(request).await.is_ok(), works);
    }
    hsm.stop().await;
}
