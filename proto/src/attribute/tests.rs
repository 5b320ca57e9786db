use proptest::prelude::*;
use prost::Message;

use super::*;

#[test]
fn a_present_false_is_not_an_absent_attribute() {
    assert_eq!(boolean(false).encode_to_vec(), [0x10, 0x00]);
    assert!(absent().encode_to_vec().is_empty());
    assert_eq!(read_bool(&boolean(false)), Some(false));
    assert_eq!(read_bool(&absent()), None);
}

#[test]
fn a_boolean_is_read_from_every_form_in_use() {
    for (value, expected) in [
        (integer(0), Some(false)),
        (integer(1), Some(true)),
        (integer(2), None),
        (bytes([0]), Some(false)),
        (bytes([1]), Some(true)),
        (bytes([2]), None),
        (bytes([0, 1]), None),
    ] {
        assert_eq!(read_bool(&value), expected, "{value:?}");
    }
}

#[test]
fn an_integer_is_read_from_a_varint_or_big_endian_bytes() {
    assert_eq!(read_integer(&integer(32)), Some(32));
    assert_eq!(read_integer(&bytes([0x01, 0x00, 0x01])), Some(65_537));
    assert_eq!(read_integer(&bytes([0; 9])), None);
    assert_eq!(read_integer(&bytes([])), None);
    assert_eq!(read_integer(&boolean(true)), None);
}

#[test]
fn a_legacy_template_entry_counts_only_where_the_new_map_is_silent() {
    let template = Template::from_wire(
        Template::new().with_bool(Cka::SIGN, true).into_map(),
        BTreeMap::from([(Cka::SIGN.0, vec![0]), (Cka::VERIFY.0, vec![1])]),
    );
    assert_eq!(template.bool(Cka::SIGN), Some(true));
    assert_eq!(template.bool(Cka::VERIFY), Some(true));
    assert_eq!(template.bool(Cka::DERIVE), None);
}

proptest! {
    #[test]
    fn legacy_bytes_read_back_as_the_same_value(number in any::<i64>(), flag in any::<bool>()) {
        let legacy = bytes(to_legacy_bytes(&integer(number)));
        prop_assert_eq!(read_integer(&legacy), Some(number.cast_unsigned()));
        prop_assert_eq!(read_bool(&bytes(to_legacy_bytes(&boolean(flag)))), Some(flag));
    }

    #[test]
    fn any_bytes_are_read_without_panic(data in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = AttributeValue::decode(data.as_slice()) {
            read_bool(&value);
            read_integer(&value);
            read_bytes(&value);
            to_legacy_bytes(&value);
        }
    }
}
