//! The little DER that keys and certificates need: one element at a time, no recursion, no copying.
//!
//! The reader takes lengths below 64 KiB in their shortest form and single-byte tags, which is all
//! that EP11 writes.

/// One element and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// The tag byte.
    pub tag: u8,
    /// The whole element, header included.
    pub whole: &'a [u8],
    /// What the element holds.
    pub content: &'a [u8],
    /// What follows it.
    pub rest: &'a [u8],
}

/// `INTEGER`
pub const INTEGER: u8 = 0x02;
/// `BIT STRING`
pub const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`
pub const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`
pub const OID: u8 = 0x06;
/// `SEQUENCE`
pub const SEQUENCE: u8 = 0x30;

/// Reads the first element; `None` if it is truncated or its length is not DER.
pub fn read(input: &[u8]) -> Option<Element<'_>> {
    let (&tag, after_tag) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, after_first) = after_tag.split_first()?;
    let (length, body) = match first {
        0..=0x7f => (usize::from(first), after_first),
        0x81 => {
            let (&length, body) = after_first.split_first()?;
            (usize::from(length), body)
        }
        0x82 => {
            let (length, body) = after_first.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), body)
        }
        _ => return None,
    };
    let minimal = match first {
        0x81 => length > 0x7f,
        0x82 => length > 0xff,
        _ => true,
    };
    if !minimal {
        return None;
    }
    let (content, rest) = body.split_at_checked(length)?;
    let whole = input.get(..input.len() - rest.len())?;
    Some(Element {
        tag,
        whole,
        content,
        rest,
    })
}

/// Reads the first element if it has this tag.
pub fn expect(input: &[u8], tag: u8) -> Option<Element<'_>> {
    read(input).filter(|element| element.tag == tag)
}

/// Writes an element. Contents here are far below 64 KiB; a longer one yields `None`.
pub fn write(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let mut out = match length {
        0..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    out.extend_from_slice(content);
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_shortest_length_is_read() {
        assert_eq!(read(&[0x04, 0x01, 7, 8]).unwrap().rest, [8]);
        assert!(read(&[0x04, 0x81, 0x01, 7]).is_none());
        assert!(read(&[0x04, 0x82, 0x00, 0x01, 7]).is_none());
        assert!(read(&[0x04, 0x80, 7]).is_none());
        assert!(read(&[0x04, 0x02, 7]).is_none());
        assert!(read(&[0x1f, 0x01, 7]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            content in proptest::collection::vec(any::<u8>(), 0..700),
            rest in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let mut bytes = write(OCTET_STRING, &content).unwrap();
            let length = bytes.len();
            bytes.extend_from_slice(&rest);
            let element = expect(&bytes, OCTET_STRING).unwrap();
            prop_assert_eq!(element.content, content);
            prop_assert_eq!(element.whole.len(), length);
            prop_assert_eq!(element.rest, rest);
        }
    }
}
