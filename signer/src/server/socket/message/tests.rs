use proptest::prelude::*;

use super::*;

const TZ1: &str = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
const TZ1_TAGGED: &str = "0002298c03ed7d454a101eb7022bc95f7e5f41ac78";
/// A tz4 address as sign requests have it: nested, with the version.
const TZ4: &str = "tz4R6oqYMfRxvjD7AkQiRKuttsBiMiDJ3vRP";
const TZ4_VERSIONED: &str = "0303b08f040024ca098aaa8e2453e5f59c6ac657a0f702";

fn bytes(parts: &[&str]) -> Vec<u8> {
    hex::decode(parts.concat()).unwrap()
}

fn hash(text: &str) -> PublicKeyHash {
    text.parse().unwrap()
}

#[test]
fn requests_are_read_as_octez_writes_them() {
    let key = hash(TZ1);
    let proof = "11".repeat(64);
    let cases = [
        (vec!["02"], Message::AuthorizedKeys),
        (vec!["06"], Message::KnownKeys),
        (vec!["01", TZ1_TAGGED], Message::PublicKey(key)),
        (vec!["05", TZ1_TAGGED], Message::SupportsNonces(key)),
        (vec!["07", TZ1_TAGGED, "00"], Message::ProvePossession(key)),
        (vec!["03", TZ1_TAGGED, "0000000103"], Message::Nonce),
        (
            vec!["04", TZ1_TAGGED, "0000000103", "ff", &proof],
            Message::Nonce,
        ),
    ];
    for (parts, expected) in cases {
        assert_eq!(Message::parse(&bytes(&parts)), Ok(expected), "{parts:?}");
    }
    let overridden = bytes(&["07", TZ1_TAGGED, "ff03", &"22".repeat(48)]);
    assert_eq!(
        Message::parse(&overridden),
        Ok(Message::ProvePossession(key))
    );
}

#[test]
fn sign_requests_of_every_curve_and_form_are_read() {
    let proof = [0x11; 64];
    let long = [0xff; 96];
    let text = |bytes: &[u8]| hex::encode(bytes);
    let cases: [(&str, &str, String, Option<&[u8]>); 6] = [
        (TZ1, TZ1_TAGGED, String::new(), None),
        (TZ4, TZ4_VERSIONED, String::new(), None),
        (TZ1, TZ1_TAGGED, format!("ff{}", text(&proof)), Some(&proof)),
        (TZ1, TZ1_TAGGED, text(&proof), Some(&proof)),
        (
            TZ4,
            TZ4_VERSIONED,
            format!("ff{}", text(&long)),
            Some(&long),
        ),
        (TZ4, TZ4_VERSIONED, text(&long), Some(&long)),
    ];
    for (address, encoded, end, authentication) in cases {
        let frame = bytes(&["00", encoded, "0000000403aabbcc", &end]);
        let expected = Sign {
            key: hash(address),
            data: &[3, 0xaa, 0xbb, 0xcc],
            authentication,
        };
        assert_eq!(Message::parse(&frame), Ok(Message::Sign(expected)));
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let proof = format!("ff{}", "11".repeat(64));
    let frames = [
        bytes(&["02"]),
        bytes(&["01", TZ1_TAGGED]),
        bytes(&["07", TZ1_TAGGED, "ff03", &"22".repeat(48)]),
        bytes(&["00", TZ1_TAGGED, "0000000403aabbcc"]),
        bytes(&["00", TZ4_VERSIONED, "0000000403aabbcc", &proof]),
    ];
    for frame in frames {
        let longer = [&frame[..], &[0]].concat();
        assert!(Message::parse(&longer).is_err(), "{frame:?}");
        for end in 0..frame.len() {
            let part = Message::parse(&frame[..end]);
            // A sign request is whole without its signature; and a tagged one that lost its last byte is as long as
            // one without a tag. The bytes are wrong then, and verify with no key.
            let whole =
                matches!(part, Ok(Message::Sign(_))) && [1, 65].contains(&(frame.len() - end));
            assert!(part.is_err() || whole, "{end}: {part:?}");
        }
    }
}

#[test]
fn a_tz4_address_is_nested_and_its_version_known() {
    for bad in [
        "0300b08f040024ca098aaa8e2453e5f59c6ac657a0f702",
        "0303b08f040024ca098aaa8e2453e5f59c6ac657a0f704",
        "0403b08f040024ca098aaa8e2453e5f59c6ac657a0f702",
    ] {
        let frame = bytes(&["00", bad, "0000000403aabbcc"]);
        assert!(Message::parse(&frame).is_err(), "{bad}");
    }
}

#[test]
fn answers_are_written_as_octez_reads_them() {
    let key = hash(TZ1);
    let public: PublicKey = "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav"
        .parse()
        .unwrap();
    let of_key = format!("0022{}{}", "0000", hex::encode(public.to_bytes()));
    let cases = [
        (Answer::AuthorizedKeys(None), "00020000".to_owned()),
        (
            Answer::AuthorizedKeys(Some(vec![key])),
            format!("001b000100000015{TZ1_TAGGED}"),
        ),
        (
            Answer::KnownKeys(vec![key, key]),
            format!("002f000000002a{TZ1_TAGGED}{TZ1_TAGGED}"),
        ),
        (Answer::KnownKeys(vec![]), "00050000000000".to_owned()),
        (Answer::Bool(true), "000200ff".to_owned()),
        (Answer::Bool(false), "00020000".to_owned()),
        (Answer::PublicKey(public), of_key),
    ];
    for (answer, expected) in cases {
        assert_eq!(hex::encode(answer.to_frame()), expected, "{answer:?}");
    }
}

/// BSON's own specification gives the layout: length, type 2, name, length of the text with its zero, text, zero.
#[test]
fn a_refusal_is_a_trace_of_one_bson_document() {
    let refusal = Refusal::new(StatusCode::FORBIDDEN, "no".to_owned());
    let expected = [
        "002e",
        "01",
        "00000029",
        "00000025",
        "25000000",
        "02",
        "6b696e6400",
        "08000000",
        "67656e6572696300",
        "02",
        "6572726f7200",
        "03000000",
        "6e6f00",
        "00",
    ];
    let frame = Answer::Refusal(refusal).to_frame();
    assert_eq!(hex::encode(frame), expected.concat());
}

#[test]
fn what_does_not_fit_into_a_frame_is_a_refusal_that_does() {
    let many = vec![hash(TZ1); 3121];
    let frame = Answer::KnownKeys(many).to_frame();
    assert_eq!(frame[2], ERROR);
    let long = Refusal::new(StatusCode::FORBIDDEN, "é".repeat(70_000));
    let frame = Answer::Refusal(long).to_frame();
    assert_eq!(
        usize::from(u16::from_be_bytes([frame[0], frame[1]])),
        frame.len() - 2
    );
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(frame in proptest::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(Message::Sign(sign)) = Message::parse(&frame) {
            prop_assert!(sign.data.len() < frame.len());
        }
    }
}
