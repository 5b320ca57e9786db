//! The few nfnetlink messages that open and close the port, and the answers to them.
//!
//! Written by hand: three messages are enough, and the generated bindings that we looked at (netlink-bindings 0.3.5) put
//! a set element's timeout into host order, which only a big-endian machine sends right. Netlink's own headers are in
//! host order, what is inside nfnetlink's attributes is big-endian.

/// `NLMSG_ERROR`: an acknowledgement (0) or a refusal.
const ERROR: u16 = 2;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NFTABLES: u16 = 10;
const NEW_ELEMENT: u16 = (NFTABLES << 8) + 12;
const DELETE_ELEMENT: u16 = (NFTABLES << 8) + 14;

const REQUEST: u16 = 0x01;
const ACK: u16 = 0x04;
const CREATE: u16 = 0x400;

const UNSPECIFIED: u8 = 0;
const INET: u8 = 1;

const NESTED: u16 = 0x8000;
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_TIMEOUT: u16 = 4;
const DATA_VALUE: u16 = 1;

/// `struct nlmsghdr`.
const HEADER: usize = 16;

/// A change of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Add the port with this timeout; nothing happens when it is there already.
    Add {
        /// Milliseconds.
        timeout: u64,
    },
    /// Take the port out; refused with `ENOENT` when it is absent.
    Delete,
}

/// Which element of which set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) table: &'a str,
    pub(super) set: &'a str,
    pub(super) port: u16,
}

/// One transaction: all changes or none. Only the last change asks for an acknowledgement; it has the sequence number
/// `first + changes.len()`. Refusals come for each.
pub(super) fn transaction(element: Element<'_>, changes: &[Change], first: u32) -> Vec<u8> {
    let mut batch = Vec::with_capacity(512);
    let mut sequence = first;
    envelope(&mut batch, BATCH_BEGIN, sequence);
    for (index, change) in changes.iter().enumerate() {
        sequence = sequence.wrapping_add(1);
        let ack = if index + 1 == changes.len() { ACK } else { 0 };
        let (kind, flags, timeout) = match change {
            Change::Add { timeout } => (NEW_ELEMENT, REQUEST | CREATE | ack, Some(*timeout)),
            Change::Delete => (DELETE_ELEMENT, REQUEST | ack, None),
        };
        message(&mut batch, kind, flags, sequence, |out| {
            family(out, INET, 0);
            attribute(out, LIST_TABLE, |out| text(out, element.table));
            attribute(out, LIST_SET, |out| text(out, element.set));
            attribute(out, LIST_ELEMENTS | NESTED, |out| {
                attribute(out, LIST_ELEMENT | NESTED, |out| {
                    key_and_timeout(out, element.port, timeout);
                });
            });
        });
    }
    envelope(&mut batch, BATCH_END, sequence.wrapping_add(1));
    batch
}

fn key_and_timeout(out: &mut Vec<u8>, port: u16, timeout: Option<u64>) {
    attribute(out, ELEMENT_KEY | NESTED, |out| {
        attribute(out, DATA_VALUE, |out| out.extend(port.to_be_bytes()));
    });
    if let Some(timeout) = timeout {
        attribute(out, ELEMENT_TIMEOUT, |out| {
            out.extend(timeout.to_be_bytes());
        });
    }
}

fn envelope(out: &mut Vec<u8>, kind: u16, sequence: u32) {
    message(out, kind, REQUEST, sequence, |out| {
        family(out, UNSPECIFIED, NFTABLES);
    });
}

fn message(out: &mut Vec<u8>, kind: u16, flags: u16, seq: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::with_capacity(128);
    body(&mut content);
    let length = u32::try_from(HEADER + content.len()).unwrap_or(u32::MAX);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(seq.to_ne_bytes());
    out.extend(0_u32.to_ne_bytes());
    out.append(&mut content);
}

/// `struct nfgenmsg`.
fn family(out: &mut Vec<u8>, family: u8, resource: u16) {
    out.extend([family, 0]);
    out.extend(resource.to_be_bytes());
}

fn attribute(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    body(&mut content);
    let length = u16::try_from(4 + content.len()).unwrap_or(u16::MAX);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.append(&mut content);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn text(out: &mut Vec<u8>, value: &str) {
    out.extend(value.as_bytes());
    out.push(0);
}

/// The kernel's word on one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The message's sequence number.
    pub(super) sequence: u32,
    /// 0 when it was carried out, else a positive errno.
    pub(super) errno: i32,
}

/// All acknowledgements and refusals in a datagram; whatever else it holds is passed over.
pub(super) fn answers(mut datagram: &[u8]) -> Vec<Answer> {
    let mut found = Vec::new();
    while let Some(length) = host_u32(datagram, 0).and_then(|length| usize::try_from(length).ok()) {
        let Some(message) = datagram.get(..length).filter(|_| length >= HEADER) else {
            break;
        };
        if let (Some(ERROR), Some(sequence), Some(code)) = (
            host_u16(message, 4),
            host_u32(message, 8),
            host_u32(message, HEADER),
        ) {
            let errno = code.cast_signed().saturating_neg();
            found.push(Answer { sequence, errno });
        }
        datagram = datagram
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    found
}

fn host_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(four.try_into().ok()?))
}

fn host_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(two.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ELEMENT: Element<'_> = Element {
        table: "bakehouse",
        set: "open",
        port: 9732,
    };

    #[test]
    fn key_and_timeout_are_big_endian_on_every_machine() {
        let mut out = Vec::new();
        key_and_timeout(&mut out, 9732, Some(2000));
        // The value of the key (after two headers) and of the timeout (after its header).
        assert_eq!(out.get(8..10), Some([0x26, 0x04].as_slice()));
        assert_eq!(
            out.get(16..24),
            Some([0, 0, 0, 0, 0, 0, 0x07, 0xd0].as_slice())
        );
        assert_eq!(out.len(), 24);
    }

    #[test]
    fn every_message_is_aligned_and_only_the_last_change_is_acknowledged() {
        let changes = [Change::Add { timeout: 1 }, Change::Delete];
        let batch = transaction(ELEMENT, &changes, u32::MAX);
        let mut rest = batch.as_slice();
        let mut seen = Vec::new();
        while !rest.is_empty() {
            let length = host_u32(rest, 0).unwrap() as usize;
            assert_eq!(length % 4, 0);
            let flags = host_u16(rest, 6).unwrap();
            seen.push((
                host_u16(rest, 4).unwrap(),
                flags & ACK != 0,
                host_u32(rest, 8).unwrap(),
            ));
            rest = &rest[length..];
        }
        assert_eq!(
            seen,
            [
                (BATCH_BEGIN, false, u32::MAX),
                (NEW_ELEMENT, false, 0),
                (DELETE_ELEMENT, true, 1),
                (BATCH_END, false, 2),
            ]
        );
    }

    fn answer(sequence: u32, errno: i32) -> Vec<u8> {
        let mut out = Vec::new();
        message(&mut out, ERROR, 0, sequence, |out| {
            out.extend(errno.wrapping_neg().to_ne_bytes());
        });
        out
    }

    proptest! {
        #[test]
        fn answers_are_read_back(pairs in proptest::collection::vec((any::<u32>(), 0..=4095_i32), 0..6)) {
            let datagram: Vec<u8> = pairs.iter().flat_map(|(seq, errno)| answer(*seq, *errno)).collect();
            let read: Vec<_> = answers(&datagram).into_iter().map(|a| (a.sequence, a.errno)).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn no_datagram_makes_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(answers(&bytes).len() <= bytes.len() / HEADER);
        }
    }
}
