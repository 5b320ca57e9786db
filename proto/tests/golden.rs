//! Golden encodings of the union .proto, and that both wire generations read what is written.

use bakehouse_proto::grep11::btc_derive_parm::BtcDeriveType;
use bakehouse_proto::grep11::{GenerateKeyPairRequest, GenerateKeyRequest, SignSingleRequest};
use bakehouse_proto::{Cka, Ckm, Template, attribute, constants::oid, keyblob, mechanism};
use prost::Message;

const BLOB: [u8; 3] = [0, 1, 2];

fn digest() -> Vec<u8> {
    (0..32).collect()
}

fn hexed(message: &impl Message) -> String {
    hex::encode(message.encode_to_vec())
}

#[test]
fn mechanisms() {
    assert_eq!(hexed(&mechanism::plain(Ckm::ECDSA)), "08c120");
    assert_eq!(
        hexed(&mechanism::plain(Ckm::IBM_ED25519_SHA512)),
        "089c80848008"
    );
    assert_eq!(hexed(&mechanism::bls()), "08b1808480083a020806");
    let step = mechanism::btc_derive(
        BtcDeriveType::CkSlip0010prv2prv,
        44 + 0x8000_0000,
        vec![0; 32],
    );
    let expected = format!(
        "0881809c8008322c080510ac808080081a20{}2001",
        "00".repeat(32)
    );
    assert_eq!(hexed(&step), expected);
}

#[test]
fn sign_single_in_the_new_form_alone() {
    let request = SignSingleRequest {
        mech: Some(mechanism::plain(Ckm::ECDSA)),
        data: digest(),
        priv_key: Some(keyblob::key_blob(BLOB)),
        ..SignSingleRequest::default()
    };
    let expected = format!("120308c1201a20{}2a052a03000102", hex::encode(digest()));
    assert_eq!(hexed(&request), expected);
}

#[test]
fn sign_single_in_both_forms() {
    let request = keyblob::sign_single_request(&BLOB, mechanism::plain(Ckm::ECDSA), digest());
    let expected = format!(
        "0a03000102120308c1201a20{}2a052a03000102",
        hex::encode(digest())
    );
    assert_eq!(hexed(&request), expected);
}

#[test]
fn generate_key_pair_keeps_a_present_false() {
    let request = keyblob::generate_key_pair_request(
        mechanism::plain(Ckm::EC_KEY_PAIR_GEN),
        Template::new()
            .with_bool(Cka::SIGN, true)
            .with_bool(Cka::EXTRACTABLE, false),
        Template::new()
            .with_bool(Cka::VERIFY, true)
            .with_bytes(Cka::EC_PARAMS, oid::P256),
    );
    assert_eq!(
        hexed(&request),
        "0a0308c0203a07088802120210013a0708e202120210004207088a02120210014211088003120c0a0a06082a8648ce3d030107"
    );
    let read = GenerateKeyPairRequest::decode(request.encode_to_vec().as_slice()).unwrap();
    let extractable = &read.priv_key_template[&Cka::EXTRACTABLE.0];
    assert_eq!(attribute::read_bool(extractable), Some(false));
}

#[test]
fn an_integer_attribute_is_a_varint() {
    let request = GenerateKeyRequest {
        template: Template::new().with_code(Cka::VALUE_LEN, 32_u64).into_map(),
        ..GenerateKeyRequest::default()
    };
    assert_eq!(hexed(&request), "320708e10212021820");
}

/// `SignSingleRequest` as the stubs of 2021-22 have it.
#[derive(Clone, PartialEq, Message)]
struct OldSignSingle {
    #[prost(bytes = "vec", tag = "1")]
    priv_key: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    mech: Option<bakehouse_proto::grep11::Mechanism>,
    #[prost(bytes = "vec", tag = "3")]
    data: Vec<u8>,
}

#[test]
fn an_old_server_reads_a_request_in_both_forms_and_an_old_request_is_read() {
    let request = keyblob::sign_single_request(&BLOB, mechanism::plain(Ckm::ECDSA), digest());
    let old = OldSignSingle::decode(request.encode_to_vec().as_slice()).unwrap();
    assert_eq!(
        (old.priv_key.as_slice(), old.data.clone()),
        (&BLOB[..], digest())
    );

    let new = SignSingleRequest::decode(old.encode_to_vec().as_slice()).unwrap();
    assert_eq!(
        keyblob::raw(new.priv_key.as_ref(), &new.priv_key_bytes),
        Some(&BLOB[..])
    );
}
