//! Volume descriptors and path tables (ECMA-119 §8 and §9.4; Joliet for the second).

use super::record;
use super::{LABEL, Layout};

/// The date of everything: 1980-01-01, midnight UTC, since no clock is asked.
const DATE: &[u8; 17] = b"1980010100000000\0";
const NO_DATE: &[u8; 17] = b"0000000000000000\0";
const SYSTEM: &str = "LINUX";
const APPLICATION: &str = "BAKEHOUSE-CONTRACT";

/// The two kinds of volume that the image is at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Volume {
    Primary,
    Joliet,
}

pub(super) fn primary(layout: &Layout) -> Vec<u8> {
    volume(Volume::Primary, layout)
}

pub(super) fn joliet(layout: &Layout) -> Vec<u8> {
    volume(Volume::Joliet, layout)
}

/// The descriptor that says there are no more.
pub(super) fn end() -> Vec<u8> {
    b"\xffCD001\x01".to_vec()
}

/// The path table of a volume with nothing but a root, which is its own parent.
pub(super) fn path_table(root: [u8; 4], parent: [u8; 2]) -> Vec<u8> {
    let mut out = vec![1, 0];
    out.extend(root);
    out.extend(parent);
    out.extend([0, 0]);
    out
}

fn volume(kind: Volume, layout: &Layout) -> Vec<u8> {
    let [little, big, joliet_little, joliet_big] = layout.tables;
    let [root, joliet_root] = layout.roots;
    let (number, escape, tables, root) = match kind {
        Volume::Primary => (1, &b""[..], (little, big), root),
        // UCS-2, level 3
        Volume::Joliet => (2, &b"%/E"[..], (joliet_little, joliet_big), joliet_root),
    };
    let mut out = vec![number];
    out.extend(b"CD001\x01\0");
    kind.text(SYSTEM, 32, &mut out);
    kind.text(LABEL, 32, &mut out);
    out.extend([0; 8]);
    out.extend(both32(layout.total));
    padded(escape, 32, &mut out);
    // One volume, the first of one, in blocks of 2048 bytes; one path table entry of 10 bytes.
    out.extend(both16(1));
    out.extend(both16(1));
    out.extend(both16(2048));
    out.extend(both32(10));
    out.extend(tables.0.to_le_bytes());
    out.extend([0; 4]);
    out.extend(tables.1.to_be_bytes());
    out.extend([0; 4]);
    out.extend(record::plain_root(root));
    kind.text("", 128, &mut out);
    kind.text("", 128, &mut out);
    kind.text("", 128, &mut out);
    kind.text(APPLICATION, 128, &mut out);
    for _ in 0..3 {
        kind.text("", 37, &mut out);
    }
    // Created, modified, never expires, in effect.
    for date in [DATE, DATE, NO_DATE, DATE] {
        out.extend(date);
    }
    out.push(1);
    out
}

/// A 16-bit number in both orders.
fn both16(number: u16) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

/// A 32-bit number in both orders.
pub(super) fn both32(number: u32) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

/// UCS-2, big-endian, of a text without characters beyond it.
pub(super) fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn padded(bytes: &[u8], width: usize, out: &mut Vec<u8>) {
    out.extend(bytes);
    out.extend(vec![0; width.saturating_sub(bytes.len())]);
}

// === impl Volume ===

impl Volume {
    /// A text of so many bytes, filled up with spaces.
    fn text(self, text: &str, width: usize, out: &mut Vec<u8>) {
        match self {
            Self::Primary => out.extend(format!("{text:<width$}").bytes()),
            Self::Joliet => {
                let characters = width / 2;
                padded(&ucs2(&format!("{text:<characters$}")), width, out);
            }
        }
    }
}
