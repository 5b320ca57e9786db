use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use proptest::prelude::*;
use tonic::metadata::MetadataMap;

use super::*;

/// What a real server's client suite accepts for `CKR_SIGNATURE_INVALID`.
const GOLDEN: &str = "CAISFUNLUl9TSUdOQVRVUkVfSU5WQUxJRBpECiZ0eXBlLmdvb2dsZWFwaXMuY29tL2dyZXAxMS5HcmVwMTFFcnJvchIaCMABEhVDS1JfU0lHTkFUVVJFX0lOVkFMSUQ=";

#[test]
fn the_golden_details_are_written_and_read() {
    let status = Grep11Error::new(Ckr::SIGNATURE_INVALID).to_status();
    assert_eq!(status.code(), Code::Unknown);
    assert_eq!(status.message(), "CKR_SIGNATURE_INVALID");
    assert_eq!(STANDARD.encode(status.details()), GOLDEN);
    let read = Grep11Error::from_status(&status);
    assert_eq!(read, Grep11Error::new(Ckr::SIGNATURE_INVALID));
    assert_eq!(read.class(), ErrorClass::Verification);
}

#[test]
fn the_header_is_the_same_without_its_padding() {
    let status = Grep11Error::new(Ckr::SIGNATURE_INVALID).to_status();
    let headers = status.into_http::<()>().into_parts().0.headers;
    let details = MetadataMap::from_headers(headers);
    let header = details.get_bin("grpc-status-details-bin").unwrap();
    assert_eq!(
        header.as_encoded_bytes(),
        GOLDEN.trim_end_matches('=').as_bytes()
    );
}

#[test]
fn the_name_is_found_in_the_text_of_older_servers() {
    for (text, code) in [
        ("CKR_KEY_SIZE_RANGE", Ckr::KEY_SIZE_RANGE),
        (
            "Got error CKR_IBM_WK_NOT_INITIALIZED, from libep11.so in m_UnwrapKey",
            Ckr::IBM_WK_NOT_INITIALIZED,
        ),
        (
            "GRPC Message: [CKR_IBM_WKID_MISMATCH]",
            Ckr::IBM_WKID_MISMATCH,
        ),
    ] {
        let error = Grep11Error::from_status(&Status::unknown(text));
        assert_eq!(
            (error.code, error.origin),
            (code, ErrorOrigin::Hsm),
            "{text}"
        );
        assert_eq!(error.class(), ErrorClass::Permanent);
        assert_eq!(error.detail, text);
    }
}

#[test]
fn details_win_over_the_text() {
    let details = Grep11Error::new(Ckr::DEVICE_ERROR)
        .to_status()
        .details()
        .to_vec();
    let status = Status::with_details(Code::Unknown, "CKR_DATA_INVALID", details.into());
    assert_eq!(Grep11Error::from_status(&status).code, Ckr::DEVICE_ERROR);
}

#[test]
fn other_details_than_exactly_one_of_ours_are_passed_over() {
    let any = |type_url: &str| Any {
        type_url: type_url.to_owned(),
        value: grep11::Grep11Error {
            code: 0xc0,
            ..Default::default()
        }
        .encode_to_vec(),
    };
    for details in [
        vec![],
        vec![any("other")],
        vec![any(TYPE_URL), any(TYPE_URL)],
    ] {
        let bytes = RpcStatus {
            code: 2,
            message: String::new(),
            details,
        }
        .encode_to_vec();
        let status = Status::with_details(Code::Unknown, "no name", bytes.into());
        let error = Grep11Error::from_status(&status);
        assert_eq!(error.code, Ckr::GENERAL_ERROR);
        assert_eq!(error.class(), ErrorClass::Transient);
    }
}

#[test]
fn a_status_of_the_channel_has_the_class_of_its_code() {
    for (status, class) in [
        (Status::unavailable("refused"), ErrorClass::Transient),
        (Status::deadline_exceeded("late"), ErrorClass::Transient),
        (Status::unauthenticated("who"), ErrorClass::Permanent),
        (Status::unimplemented("what"), ErrorClass::Permanent),
    ] {
        let error = Grep11Error::from_status(&status);
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(error.origin, ErrorOrigin::Channel(status.code()));
    }
}

#[test]
fn codes_have_the_classes_of_the_table() {
    let permanent = [
        0x13,
        0x20,
        0x21,
        0x60,
        0x62,
        0x63,
        0x68,
        0x6a,
        0x70,
        0x71,
        0xd0,
        0xd1,
        0x140,
        0x8001_0001,
        0x8001_0004,
        0x8001_0009,
    ];
    let transient = [
        0x2,
        0x5,
        0x6,
        0x30,
        0x31,
        0x32,
        0xb0,
        0xe0,
        0x8001_0002,
        0x8001_0003,
        0x8001_000b,
        0x8001_0010,
        0x8001_0101,
    ];
    for code in permanent {
        assert_eq!(
            Grep11Error::new(Ckr(code)).class(),
            ErrorClass::Permanent,
            "{code:#x}"
        );
    }
    for code in transient {
        assert_eq!(
            Grep11Error::new(Ckr(code)).class(),
            ErrorClass::Transient,
            "{code:#x}"
        );
        assert!(Grep11Error::new(Ckr(code)).retry);
    }
}

#[test]
fn an_unknown_code_follows_the_servers_hint() {
    let mut error = Grep11Error::new(Ckr(0x7777));
    assert_eq!(error.class(), ErrorClass::Permanent);
    error.retry = true;
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[test]
fn the_text_names_the_code_once() {
    assert_eq!(
        Grep11Error::new(Ckr::DATA_INVALID).to_string(),
        "CKR_DATA_INVALID"
    );
    let error = Grep11Error::from_status(&Status::unavailable("connection refused"));
    assert_eq!(
        error.to_string(),
        "CKR_GENERAL_ERROR (Unavailable: connection refused)"
    );
}

proptest! {
    #[test]
    fn any_details_are_read_without_panic(
        data in proptest::collection::vec(any::<u8>(), 0..200), text in ".*",
    ) {
        let status = Status::with_details(Code::Unknown, text, data.into());
        Grep11Error::from_status(&status).class();
    }

    #[test]
    fn any_error_reads_back(code in any::<u64>(), detail in ".*", retry in any::<bool>()) {
        let error = Grep11Error { code: Ckr(code), detail, retry, origin: ErrorOrigin::Hsm };
        prop_assert_eq!(Grep11Error::from_status(&error.to_status()), error);
    }
}

#[test]
fn the_golden_header_reads_with_and_without_padding() {
    let padded = STANDARD.decode(GOLDEN).unwrap();
    let bare = STANDARD_NO_PAD
        .decode(GOLDEN.trim_end_matches('='))
        .unwrap();
    assert_eq!(padded, bare);
}
