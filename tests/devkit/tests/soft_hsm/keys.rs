//! Keys that enter, leave and are derived, against the software HSM.

use std::collections::BTreeMap;

use bakehouse_devkit::hsm::SoftHsm;
use bakehouse_proto::grep11::btc_derive_parm::BtcDeriveType;
use bakehouse_proto::grep11::{GetAttributeValueRequest, UnwrapKeyResponse};
use bakehouse_proto::{
    BlobAudit, Cka, Ckk, Ckm, Cko, Ckr, Curve, Grep11Error, PublicKey, Template, attribute,
    keyblob, mechanism,
};

use crate::client::{Client, Pki, key_pair};

/// taquito's tz3 key in the import format.
const TZ3: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104203cdee0ff28337463455cd1cc43d29b1bf749d9615576525853ccc02b83c8b433a1440342000430ef59d5da4547c684aa0d5b7d8c1527fceab462cfd8d4a3529319c469b0d4d7896fd6b04882b4736eb99a1e60c1547dee3d180e85c72ec9ec55f50777214341";
const TZ3_POINT: &str = "0430ef59d5da4547c684aa0d5b7d8c1527fceab462cfd8d4a3529319c469b0d4d7896fd6b04882b4736eb99a1e60c1547dee3d180e85c72ec9ec55f50777214341";
const IV: [u8; 16] = *b"0123456789abcdef";
const HARDENED: u64 = 0x8000_0000;

async fn connected() -> (SoftHsm, Client) {
    let pki = Pki::new();
    let hsm = pki.start().await;
    let client = pki.connect(&hsm).await.unwrap();
    (hsm, client)
}

async fn kek(client: &mut Client) -> Vec<u8> {
    let template = Template::new()
        .with_code(Cka::VALUE_LEN, 32_u64)
        .with_bool(Cka::WRAP, true)
        .with_bool(Cka::UNWRAP, true)
        .with_bool(Cka::ENCRYPT, true)
        .with_bool(Cka::DECRYPT, true)
        .with_bool(Cka::EXTRACTABLE, false);
    let request = keyblob::generate_key_request(mechanism::plain(Ckm::AES_KEY_GEN), template);
    let answer = client.generate_key(request).await.unwrap().into_inner();
    assert_eq!(answer.check_sum[3..], 256_u32.to_be_bytes());
    answer.key_bytes
}

async fn import(
    client: &mut Client,
    kek: &[u8],
    plain: &str,
    template: Template,
) -> Result<UnwrapKeyResponse, Grep11Error> {
    let mech = mechanism::with_bytes(Ckm::AES_CBC_PAD, IV);
    let plain = hex::decode(plain).unwrap();
    let encrypt = keyblob::encrypt_single_request(kek, mech.clone(), plain);
    let wrapped = client
        .encrypt_single(encrypt)
        .await
        .unwrap()
        .into_inner()
        .ciphered;
    let unwrap = keyblob::unwrap_key_request(wrapped, kek, mech, template);
    Ok(client.unwrap_key(unwrap).await?.into_inner())
}

fn private_template(extractable: bool) -> Template {
    Template::new()
        .with_code(Cka::CLASS, Cko::PRIVATE_KEY)
        .with_code(Cka::KEY_TYPE, Ckk::EC)
        .with_bool(Cka::SIGN, true)
        .with_bool(Cka::EXTRACTABLE, extractable)
}

#[tokio::test]
async fn a_known_key_enters_signs_and_leaves_unchanged() {
    let (hsm, mut client) = connected().await;
    let kek = kek(&mut client).await;
    let imported = import(&mut client, &kek, TZ3, private_template(true))
        .await
        .unwrap();
    let key = PublicKey::parse(&imported.check_sum).unwrap();
    assert_eq!(hex::encode(key.point()), TZ3_POINT);
    assert_eq!(
        imported.check_sum[imported.check_sum.len() - 4..],
        256_u32.to_be_bytes()
    );

    // The public key enters bare, and verifies what the private one signs.
    let bring = keyblob::unwrap_key_request(
        key.to_spki(),
        &kek,
        mechanism::plain(Ckm::IBM_TRANSPORTKEY),
        Template::new(),
    );
    let public = client
        .unwrap_key(bring)
        .await
        .unwrap()
        .into_inner()
        .unwrapped_bytes;
    let ecdsa = mechanism::plain(Ckm::ECDSA);
    let sign = keyblob::sign_single_request(&imported.unwrapped_bytes, ecdsa.clone(), [7; 32]);
    let signature = client
        .sign_single(sign)
        .await
        .unwrap()
        .into_inner()
        .signature;
    let verify = keyblob::verify_single_request(&public, ecdsa, [7; 32], signature);
    client.verify_single(verify).await.unwrap();

    let mech = mechanism::with_bytes(Ckm::AES_CBC_PAD, IV);
    let wrap = keyblob::wrap_key_request(&imported.unwrapped_bytes, &kek, mech.clone());
    let wrapped = client.wrap_key(wrap).await.unwrap().into_inner().wrapped;
    let decrypt = keyblob::decrypt_single_request(&kek, mech, wrapped);
    let plain = client
        .decrypt_single(decrypt)
        .await
        .unwrap()
        .into_inner()
        .plain;
    assert_eq!(hex::encode(plain), TZ3);
    hsm.stop().await;
}

#[tokio::test]
async fn a_key_that_is_not_extractable_does_not_leave() {
    let (hsm, mut client) = connected().await;
    let kek = kek(&mut client).await;
    let pair = key_pair(&mut client, Curve::P256).await;
    let imported = import(&mut client, &kek, TZ3, private_template(false))
        .await
        .unwrap();
    let mech = mechanism::with_bytes(Ckm::AES_CBC_PAD, IV);
    for blob in [pair.private, imported.unwrapped_bytes] {
        assert!(!BlobAudit::parse(&blob).unwrap().extractable());
        let wrap = keyblob::wrap_key_request(&blob, &kek, mech.clone());
        let error = Grep11Error::from(client.wrap_key(wrap).await.unwrap_err());
        assert_eq!(error.code, Ckr::KEY_UNEXTRACTABLE);
    }
    hsm.stop().await;
}

#[tokio::test]
async fn what_cannot_be_unwrapped_is_refused() {
    let (hsm, mut client) = connected().await;
    let kek = kek(&mut client).await;
    let no_class = Template::new().with_code(Cka::KEY_TYPE, Ckk::EC);
    let rsa = Template::new()
        .with_code(Cka::CLASS, Cko::PRIVATE_KEY)
        .with_code(Cka::KEY_TYPE, Ckk::RSA);
    for (plain, template, code) in [
        (TZ3, no_class, Ckr::TEMPLATE_INCOMPLETE),
        (TZ3, rsa, Ckr::TEMPLATE_INCONSISTENT),
        ("", private_template(false), Ckr::WRAPPED_KEY_INVALID),
    ] {
        let refused = import(&mut client, &kek, plain, template).await;
        assert_eq!(refused.unwrap_err().code, code);
    }
    let pair = key_pair(&mut client, Curve::P256).await;
    for (key, mech, code) in [
        (
            &pair.private,
            mechanism::with_bytes(Ckm::AES_CBC_PAD, IV),
            Ckr::KEY_TYPE_INCONSISTENT,
        ),
        (
            &kek,
            mechanism::with_bytes(Ckm::AES_CBC_PAD, [0; 8]),
            Ckr::MECHANISM_PARAM_INVALID,
        ),
        (
            &kek,
            mechanism::plain(Ckm::AES_CBC_PAD),
            Ckr::MECHANISM_PARAM_INVALID,
        ),
        (&kek, mechanism::plain(Ckm::AES_ECB), Ckr::MECHANISM_INVALID),
    ] {
        let encrypt = keyblob::encrypt_single_request(key, mech, [1]);
        let error = Grep11Error::from(client.encrypt_single(encrypt).await.unwrap_err());
        assert_eq!(error.code, code);
    }
    hsm.stop().await;
}

#[tokio::test]
async fn a_seed_derives_the_known_keys_of_slip_0010() {
    let (hsm, mut client) = connected().await;
    let kek = kek(&mut client).await;
    let seed_template = Template::new()
        .with_code(Cka::CLASS, Cko::SECRET_KEY)
        .with_code(Cka::KEY_TYPE, Ckk::GENERIC_SECRET)
        .with_bool(Cka::DERIVE, true)
        .with_bool(Cka::IBM_USE_AS_DATA, true)
        .with_bool(Cka::EXTRACTABLE, false);
    let seed = import(
        &mut client,
        &kek,
        "000102030405060708090a0b0c0d0e0f",
        seed_template,
    )
    .await
    .unwrap()
    .unwrapped_bytes;

    // m/28578'/33941 of P-256, which passes through the retry rule; the leaf may leave.
    let template = |extractable| {
        Template::new()
            .with_bool(Cka::DERIVE, true)
            .with_bool(Cka::EXTRACTABLE, extractable)
            .with_code(Cka::KEY_TYPE, Ckk::EC)
            .with_bytes(Cka::EC_PARAMS, Curve::P256.oid())
    };
    let mut base = seed;
    let mut chain = Vec::new();
    for (step, index, extractable) in [
        (BtcDeriveType::CkSlip0010masterk, 0, false),
        (BtcDeriveType::CkSlip0010prv2prv, HARDENED + 28_578, false),
        (BtcDeriveType::CkSlip0010prv2prv, 33_941, true),
    ] {
        let mech = mechanism::btc_derive(step, index, chain.clone());
        let request = keyblob::derive_key_request(&base, mech, template(extractable));
        let answer = client.derive_key(request).await.unwrap().into_inner();
        if index == 33_941 {
            // The public child of the same step is the public key of the private child.
            let mech = mechanism::btc_derive(BtcDeriveType::CkSlip0010prv2pub, index, chain);
            let request = keyblob::derive_key_request(&base, mech, template(false));
            let public = client
                .derive_key(request)
                .await
                .unwrap()
                .into_inner()
                .new_key_bytes;
            let ecdsa = mechanism::plain(Ckm::ECDSA);
            let sign = keyblob::sign_single_request(&answer.new_key_bytes, ecdsa.clone(), [7; 32]);
            let signature = client
                .sign_single(sign)
                .await
                .unwrap()
                .into_inner()
                .signature;
            let verify = keyblob::verify_single_request(&public, ecdsa, [7; 32], signature);
            client.verify_single(verify).await.unwrap();
        }
        base = answer.new_key_bytes;
        chain = answer.check_sum;
    }
    assert_eq!(
        hex::encode(&chain),
        "9e87fe95031f14736774cd82f25fd885065cb7c358c1edf813c72af535e83071"
    );
    let mech = mechanism::with_bytes(Ckm::AES_CBC_PAD, IV);
    let wrap = keyblob::wrap_key_request(&base, &kek, mech.clone());
    let wrapped = client.wrap_key(wrap).await.unwrap().into_inner().wrapped;
    let decrypt = keyblob::decrypt_single_request(&kek, mech, wrapped);
    let plain = client
        .decrypt_single(decrypt)
        .await
        .unwrap()
        .into_inner()
        .plain;
    assert!(
        hex::encode(plain)
            .contains("092154eed4af83e078ff9b84322015aefe5769e31270f62c3f66c33888335f3a")
    );
    hsm.stop().await;
}

#[tokio::test]
async fn a_key_without_the_right_to_derive_derives_nothing() {
    let (hsm, mut client) = connected().await;
    let pair = key_pair(&mut client, Curve::P256).await;
    let mech = mechanism::btc_derive(BtcDeriveType::CkSlip0010prv2prv, HARDENED, [0; 32]);
    let template = Template::new().with_bytes(Cka::EC_PARAMS, Curve::P256.oid());
    let request = keyblob::derive_key_request(&pair.private, mech, template);
    let error = Grep11Error::from(client.derive_key(request).await.unwrap_err());
    assert_eq!(error.code, Ckr::KEY_FUNCTION_NOT_PERMITTED);
    hsm.stop().await;
}

#[tokio::test]
async fn attributes_are_told_in_both_forms() {
    let (hsm, mut client) = connected().await;
    let pair = key_pair(&mut client, Curve::Ed25519).await;
    let ask = |object: &[u8], names: &[Cka]| GetAttributeValueRequest {
        object: object.to_vec(),
        attributes: names
            .iter()
            .map(|name| (name.0, attribute::absent()))
            .collect(),
        attributes_bytes: BTreeMap::from([(Cka::KEY_TYPE.0, Vec::new())]),
    };
    let names = [Cka::EXTRACTABLE, Cka::SIGN, Cka::EC_PARAMS];
    let answer = client
        .get_attribute_value(ask(&pair.private, &names))
        .await
        .unwrap();
    let answer = answer.into_inner();
    let read = |name: Cka| attribute::read_bool(&answer.attributes[&name.0]);
    assert_eq!(
        (read(Cka::EXTRACTABLE), read(Cka::SIGN)),
        (Some(false), Some(true))
    );
    assert_eq!(
        attribute::read_bytes(&answer.attributes[&Cka::EC_PARAMS.0]),
        Some(Curve::Ed25519.oid())
    );
    assert_eq!(
        answer.attributes_bytes[&Cka::KEY_TYPE.0],
        Ckk::EC.0.to_be_bytes()
    );

    let public = client
        .get_attribute_value(ask(&pair.public, &[Cka::CLASS]))
        .await
        .unwrap();
    let class = attribute::read_integer(&public.into_inner().attributes[&Cka::CLASS.0]);
    assert_eq!(class, Some(Cko::PUBLIC_KEY.0));
    let unknown = ask(&pair.public, &[Cka::LABEL]);
    let error = Grep11Error::from(client.get_attribute_value(unknown).await.unwrap_err());
    assert_eq!(error.code, Ckr::ATTRIBUTE_TYPE_INVALID);
    hsm.stop().await;
}
