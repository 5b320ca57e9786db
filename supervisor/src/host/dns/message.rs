//! DNS messages: one question out, addresses in (RFC 1035, RFC 3596).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    A = 1,
    Aaaa = 28,
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// These, perhaps none.
    Addresses(Vec<IpAddr>),
    /// Ask again over TCP.
    Truncated,
}

/// A recursive question; `None` when `name` is not a host name.
pub(super) fn query(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut bytes = Vec::with_capacity(HEADER + name.len() + 6);
    bytes.extend(id.to_be_bytes());
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    for label in name.split('.') {
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        if !plain {
            return None;
        }
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend((kind as u16).to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
    Some(bytes)
}

/// Reads an answer to exactly this question; `None` when it is anything else.
pub(super) fn reply(question: &[u8], bytes: &[u8]) -> Option<Reply> {
    let mut reader = Reader { bytes, at: 0 };
    let (id, flags) = (reader.u16()?, reader.u16()?);
    let (questions, answers) = (reader.u16()?, reader.u16()?);
    reader.skip(4)?;
    let asked = u16::from_be_bytes([*question.first()?, *question.get(1)?]);
    let echoed = bytes.get(HEADER..question.len())?;
    let same = echoed.eq_ignore_ascii_case(question.get(HEADER..)?);
    if id != asked || flags & 0x8000 == 0 || questions != 1 || !same {
        return None;
    }
    if flags & 0x0200 != 0 {
        return Some(Reply::Truncated);
    }
    reader.at = question.len();
    let mut found = Vec::new();
    for _ in 0..answers {
        reader.name()?;
        let (kind, class) = (reader.u16()?, reader.u16()?);
        reader.skip(4)?;
        let length = usize::from(reader.u16()?);
        let data = reader.take(length)?;
        match (kind, class) {
            (1, CLASS_IN) => found.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            (28, CLASS_IN) => found.push(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            // A CNAME on the way; its target's records follow.
            _ => {}
        }
    }
    Some(Reply::Addresses(found))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let piece = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(piece)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)
            .and_then(|pair| pair.try_into().ok())
            .map(u16::from_be_bytes)
    }

    /// Steps over a name; a pointer ends it, so nothing is followed.
    fn name(&mut self) -> Option<()> {
        loop {
            let length = *self.take(1)?.first()?;
            match length {
                0 => return Some(()),
                1..=63 => self.skip(usize::from(length))?,
                0xC0.. => return self.skip(1),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_has_the_bytes_of_rfc_1035() {
        let bytes = query(0x1234, "a.bc.", Kind::Aaaa).unwrap();
        let expected = [
            0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 2, b'b', b'c', 0, 0, 28, 0, 1,
        ];
        assert_eq!(bytes, expected);
        for name in ["", ".", "a..b", "a b", &"x".repeat(64), &"x.".repeat(130)] {
            assert_eq!(query(1, name, Kind::A), None, "{name}");
        }
    }

    #[test]
    fn addresses_behind_a_cname_are_found() {
        let question = query(7, "a.bc", Kind::A).unwrap();
        let mut bytes = question.clone();
        bytes[2] = 0x81;
        bytes[7] = 2;
        bytes.extend([0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, b'd', 0]);
        bytes.extend([1, b'd', 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 1, 2, 3]);
        let expected = vec![IpAddr::from([10, 1, 2, 3])];
        assert_eq!(reply(&question, &bytes), Some(Reply::Addresses(expected)));
        for cut in 0..bytes.len() {
            assert_eq!(reply(&question, &bytes[..cut]), None, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), tail: bool) {
            let question = query(7, "a.bc", Kind::A).unwrap();
            let bytes = if tail { [&question[..], &bytes[..]].concat() } else { bytes };
            let _seen = reply(&question, &bytes);
        }
    }
}
