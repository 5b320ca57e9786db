//! Directory records (ECMA-119 §9.1) and what Rock Ridge adds to them (SUSP 1.12, RRIP 1991A).
//!
//! Rock Ridge is written as `genisoimage -rock` writes it, since that is the recipe guests are fed by.

use super::descriptor::{both32, ucs2};
use super::{File, Layout};

/// 1980-01-01, midnight UTC: years since 1900, month, day, hours, minutes, seconds, quarters of an hour from Greenwich.
const DATE: [u8; 7] = [80, 1, 1, 0, 0, 0, 0];
const DIRECTORY: u8 = 2;
const FILE: u8 = 0;
/// The identifiers of a directory itself and of its parent.
const SELF: &[u8] = &[0];
const PARENT: &[u8] = &[1];

/// POSIX modes: a directory and a file that everyone may read and nobody write.
const DIRECTORY_MODE: u32 = 0o040_555;
const FILE_MODE: u32 = 0o100_444;

/// Which Rock Ridge fields a record has, for its `RR` field.
const HAS_PX: u8 = 0x01;
const HAS_NM: u8 = 0x08;
const HAS_TF: u8 = 0x80;

/// The identification that RRIP prescribes.
const EXTENSION: &[u8] = b"RRIP_1991A";
const DESCRIPTION: &[u8] =
    b"THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS";
const SOURCE: &[u8] = b"PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.";

/// The root directory with Rock Ridge.
pub(super) fn root(layout: &Layout, files: &[File<'_>]) -> Vec<u8> {
    let [at, _] = layout.roots;
    let of_directory = || {
        [
            rock_ridge(HAS_PX | HAS_TF),
            posix(DIRECTORY_MODE, 2),
            dates(),
        ]
        .concat()
    };
    let first = [
        sharing_protocol(),
        of_directory(),
        continued(layout.continuation),
    ]
    .concat();
    let mut out = record(at, 2048, DIRECTORY, SELF, &first);
    out.extend(record(at, 2048, DIRECTORY, PARENT, &of_directory()));
    for (file, at) in files.iter().zip(&layout.files) {
        let extra = [
            rock_ridge(HAS_PX | HAS_NM | HAS_TF),
            name(file.name),
            posix(FILE_MODE, 1),
            dates(),
        ]
        .concat();
        out.extend(record(*at, file.size, FILE, file.short.as_bytes(), &extra));
    }
    out
}

/// The root directory of Joliet.
pub(super) fn joliet_root(layout: &Layout, files: &[File<'_>]) -> Vec<u8> {
    let [_, at] = layout.roots;
    let mut out = record(at, 2048, DIRECTORY, SELF, &[]);
    out.extend(record(at, 2048, DIRECTORY, PARENT, &[]));
    for (file, at) in files.iter().zip(&layout.files) {
        out.extend(record(*at, file.size, FILE, &ucs2(file.name), &[]));
    }
    out
}

/// The record of a root directory as volume descriptors have it.
pub(super) fn plain_root(at: u32) -> Vec<u8> {
    record(at, 2048, DIRECTORY, SELF, &[])
}

/// The sector that the root directory's first record continues in: which extension this is (`ER`).
pub(super) fn continuation() -> Vec<u8> {
    let sizes = [EXTENSION, DESCRIPTION, SOURCE].map(|text| text.len().to_le_bytes()[0]);
    let body = [&sizes[..], &[1], EXTENSION, DESCRIPTION, SOURCE].concat();
    field(*b"ER", &body)
}

fn record(at: u32, size: u32, flags: u8, identifier: &[u8], extra: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(both32(at));
    out.extend(both32(size));
    out.extend(DATE);
    // Not interleaved; volume 1 of the set.
    out.extend([flags, 0, 0, 1, 0, 0, 1, identifier.len().to_le_bytes()[0]]);
    out.extend(identifier);
    even(&mut out);
    out.extend(extra);
    even(&mut out);
    with_length(out, 0)
}

/// A system use field: signature, length, version 1, body.
fn field(signature: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut out = signature.to_vec();
    out.extend([0, 1]);
    out.extend(body);
    with_length(out, 2)
}

/// Writes how long something is into its own byte for that. Nothing here is longer than that byte says: a test measures.
fn with_length(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let [length, ..] = bytes.len().to_le_bytes();
    if let Some(byte) = bytes.get_mut(at) {
        *byte = length;
    }
    bytes
}

fn even(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(2), 0);
}

fn sharing_protocol() -> Vec<u8> {
    field(*b"SP", &[0xbe, 0xef, 0])
}

fn rock_ridge(fields: u8) -> Vec<u8> {
    field(*b"RR", &[fields])
}

/// Mode, links, and root as owner and group.
fn posix(mode: u32, links: u32) -> Vec<u8> {
    field(*b"PX", &[mode, links, 0, 0].map(both32).concat())
}

fn name(name: &str) -> Vec<u8> {
    field(*b"NM", &[&[0], name.as_bytes()].concat())
}

/// Modified, accessed, changed.
fn dates() -> Vec<u8> {
    field(*b"TF", &[&[0x0e][..], &DATE, &DATE, &DATE].concat())
}

fn continued(at: u32) -> Vec<u8> {
    let length = u32::try_from(continuation().len()).unwrap_or(u32::MAX);
    field(*b"CE", &[at, 0, length].map(both32).concat())
}
