//! What contract-go cannot do, told from the bytes.
//!
//! * It writes the binary fields of a token to files through a helper that trims white space, so that a field that begins or
//!   ends in white space loses it: the token does not open.
//! * It gives the password to `openssl -pass stdin`, which reads a line of C: up to the first line feed or NUL. A password that
//!   begins with a NUL, or is empty, is refused. One that was not cut by whoever made the token does not fit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why contract-go must fail on a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The first field, RSA's, begins or ends in white space.
    TrimmedPassword,
    /// The second field, AES's, ends in white space.
    TrimmedText,
    /// The password is empty, or begins with a NUL.
    NoLine,
    /// The token was made with the whole of a password that openssl cuts.
    Cut,
}

/// Why contract-go must fail on a token of ours, whose password is known to be sound.
pub(crate) fn trimmed(token: &str) -> Option<Fault> {
    let fields: Vec<&str> = token.split('.').collect();
    let is_trimmed = |field: &str| {
        let bytes = STANDARD.decode(field).unwrap();
        trim_space(&bytes).len() < bytes.len()
    };
    if is_trimmed(fields[1]) {
        Some(Fault::TrimmedPassword)
    } else if is_trimmed(fields[2]) {
        Some(Fault::TrimmedText)
    } else {
        None
    }
}

/// Why contract-go must fail on a token with a password; `whole` says that the token was made with all of it.
pub(crate) fn foretold(token: &str, password: &[u8], whole: bool) -> Option<Fault> {
    let no_line = password.first().is_none_or(|first| *first == 0);
    let cut = whole && is_cut(password);
    trimmed(token)
        .or(no_line.then_some(Fault::NoLine))
        .or(cut.then_some(Fault::Cut))
}

/// Whether what openssl reads of a password gives another key than all of it. HMAC fills a short key up with NULs, so that those
/// at its end are no loss.
fn is_cut(password: &[u8]) -> bool {
    let end = password
        .iter()
        .rposition(|b| *b != 0)
        .map_or(0, |at| at + 1);
    password[..end].iter().any(|b| matches!(b, 0 | b'\n'))
}

/// Go's `strings.TrimSpace` on bytes that need not be text: white space is whole characters of UTF-8 at either end.
pub(crate) fn trim_space(bytes: &[u8]) -> &[u8] {
    let space = |bytes: &[u8]| {
        let mut chars = std::str::from_utf8(bytes).ok()?.chars();
        let (first, second) = (chars.next()?, chars.next());
        (first.is_whitespace() && second.is_none()).then_some(bytes.len())
    };
    let mut rest = bytes;
    while let Some(len) = (1..=rest.len().min(4)).find_map(|len| space(&rest[..len])) {
        rest = &rest[len..];
    }
    while let Some(len) = (1..=rest.len().min(4)).find_map(|len| space(&rest[rest.len() - len..])) {
        rest = &rest[..rest.len() - len];
    }
    rest
}

#[test]
fn white_space_is_trimmed_as_go_does_it() {
    for (whole, trimmed) in [
        (&b" \t\n\x0b\x0c\r a b \n"[..], &b"a b"[..]),
        (b"\x85a\xa0", b"\x85a\xa0"),
        (b"\xc2\x85a\xc2\xa0", b"a"),
        (b"\xe2\x80\x83a\xe3\x80\x80 ", b"a"),
        (b"\xff a \xff", b"\xff a \xff"),
        (b" \0 ", b"\0"),
        (b" \n", b""),
        (b"", b""),
    ] {
        assert_eq!(trim_space(whole), trimmed, "{whole:?}");
    }
}
