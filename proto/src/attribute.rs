//! Attribute values on the wire, read as tolerantly as servers of both generations need.
//!
//! Writers use the canonical case: booleans as `AttributeTF`, integers as `AttributeI`, everything
//! else as bytes. Readers also take 0/1 integers and one-byte strings for a boolean and big-endian
//! bytes for an integer. A `false` that is present stays apart from an attribute that is absent.

use std::collections::BTreeMap;

use crate::constants::Cka;
use crate::grep11::AttributeValue;
use crate::grep11::attribute_value::OneAttr;

/// An attribute map as messages carry it.
pub type AttributeMap = BTreeMap<u64, AttributeValue>;

/// A boolean as `AttributeTF`.
pub fn boolean(value: bool) -> AttributeValue {
    AttributeValue {
        one_attr: Some(OneAttr::AttributeTf(value)),
    }
}

/// An integer (class, key type, length …) as `AttributeI`.
pub fn integer(value: i64) -> AttributeValue {
    AttributeValue {
        one_attr: Some(OneAttr::AttributeI(value)),
    }
}

/// A `CK_ULONG` code as `AttributeI`; the bits are kept even above `i64::MAX`.
pub fn code(value: impl Into<u64>) -> AttributeValue {
    integer(value.into().cast_signed())
}

/// Bytes as `AttributeB`.
pub fn bytes(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue {
        one_attr: Some(OneAttr::AttributeB(value.into())),
    }
}

/// An attribute named with no value, as a `GetAttributeValue` request does.
pub fn absent() -> AttributeValue {
    AttributeValue { one_attr: None }
}

/// Reads a boolean: `AttributeTF`, an integer 0 or 1, or one byte 0 or 1.
pub fn read_bool(value: &AttributeValue) -> Option<bool> {
    match value.one_attr.as_ref()? {
        OneAttr::AttributeTf(flag) => Some(*flag),
        OneAttr::AttributeI(0) => Some(false),
        OneAttr::AttributeI(1) => Some(true),
        OneAttr::AttributeB(bytes) => match bytes.as_slice() {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        },
        OneAttr::AttributeI(_) => None,
    }
}

/// Reads an integer: `AttributeI`, or one to eight big-endian bytes.
pub fn read_integer(value: &AttributeValue) -> Option<u64> {
    match value.one_attr.as_ref()? {
        OneAttr::AttributeI(number) => Some(number.cast_unsigned()),
        OneAttr::AttributeB(bytes) => read_big_endian(bytes),
        OneAttr::AttributeTf(_) => None,
    }
}

/// Reads bytes: `AttributeB` alone.
pub fn read_bytes(value: &AttributeValue) -> Option<&[u8]> {
    match value.one_attr.as_ref()? {
        OneAttr::AttributeB(bytes) => Some(bytes),
        _ => None,
    }
}

/// The legacy byte form of `AttributesBytes` maps: one byte for a boolean, big-endian integers.
pub fn to_legacy_bytes(value: &AttributeValue) -> Vec<u8> {
    match &value.one_attr {
        Some(OneAttr::AttributeB(bytes)) => bytes.clone(),
        Some(OneAttr::AttributeTf(flag)) => vec![u8::from(*flag)],
        Some(OneAttr::AttributeI(number)) => number.to_be_bytes().to_vec(),
        None => Vec::new(),
    }
}

fn read_big_endian(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)),
    )
}

/// A key template: what is asked of a new key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template(AttributeMap);

// === impl Template ===

impl Template {
    /// An empty template.
    pub fn new() -> Self {
        Self::default()
    }

    /// A template from a message; legacy byte entries count where the new map has no entry.
    pub fn from_wire(template: AttributeMap, legacy: BTreeMap<u64, Vec<u8>>) -> Self {
        let mut map = template;
        for (attribute, value) in legacy {
            map.entry(attribute).or_insert_with(|| bytes(value));
        }
        Self(map)
    }

    /// With a boolean.
    #[must_use]
    pub fn with_bool(self, attribute: Cka, value: bool) -> Self {
        self.with(attribute, boolean(value))
    }

    /// With a code or length.
    #[must_use]
    pub fn with_code(self, attribute: Cka, value: impl Into<u64>) -> Self {
        self.with(attribute, code(value))
    }

    /// With bytes.
    #[must_use]
    pub fn with_bytes(self, attribute: Cka, value: impl Into<Vec<u8>>) -> Self {
        self.with(attribute, bytes(value))
    }

    /// With a value.
    #[must_use]
    pub fn with(mut self, attribute: Cka, value: AttributeValue) -> Self {
        self.0.insert(attribute.0, value);
        self
    }

    /// The value of an attribute.
    pub fn get(&self, attribute: Cka) -> Option<&AttributeValue> {
        self.0.get(&attribute.0)
    }

    /// The attribute as a boolean; `None` if absent or not a boolean.
    pub fn bool(&self, attribute: Cka) -> Option<bool> {
        read_bool(self.get(attribute)?)
    }

    /// The attribute as an integer; `None` if absent or not an integer.
    pub fn integer(&self, attribute: Cka) -> Option<u64> {
        read_integer(self.get(attribute)?)
    }

    /// The attribute as bytes; `None` if absent or not bytes.
    pub fn bytes(&self, attribute: Cka) -> Option<&[u8]> {
        read_bytes(self.get(attribute)?)
    }

    /// The map for a message.
    pub fn into_map(self) -> AttributeMap {
        self.0
    }
}

#[cfg(test)]
mod tests;
