//! The small texts of a contract: hashes, hosts, paths, addresses.
//!
//! Each function says what it made of a text, or nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of hexadecimal, in either case.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok()
}

/// A SHA-256, 64 hexadecimal digits.
pub(super) fn sha256(text: &str) -> Option<[u8; 32]> {
    bytes(text)?.try_into().ok()
}

/// `host:port`; an IPv6 address stands in brackets and is returned without.
pub(super) fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner?.parse::<Ipv6Addr>().ok()?.to_string(),
        None => host
            .parse::<Ipv4Addr>()
            .ok()
            .map(|ip| ip.to_string())
            .or_else(|| host_name(host))?,
    };
    Some((host, port_number(port)?))
}

/// A name as RFC 1123 has them, in lower case; never one that looks like an address.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.len() <= 253 && text.split('.').all(label);
    let top = text.rsplit('.').next()?;
    (name && !top.bytes().all(|b| b.is_ascii_digit())).then(|| text.to_ascii_lowercase())
}

/// A name or an address.
pub(super) fn host(text: &str) -> Option<String> {
    text.parse::<IpAddr>()
        .ok()
        .map(|ip| ip.to_string())
        .or_else(|| host_name(text))
}

/// An address of either family.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

fn port_number(text: &str) -> Option<u16> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if canonical { text.parse().ok() } else { None }
}

/// An absolute path of at most 255 harmless characters, with nothing in it to be resolved.
pub(super) fn clean_path(text: &str) -> Option<String> {
    let parts = text.strip_prefix('/')?;
    let harmless = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    (text.len() <= 255 && parts.split('/').all(harmless)).then(|| text.to_owned())
}

/// `https://host[:port]/…`, without user, fragment or white space.
pub(super) fn https_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://")?;
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let named = host_port(authority).is_some()
        || host_name(authority).is_some()
        || ip(authority).is_some_and(|ip| ip.is_ipv4());
    (named && harmless_url(text)).then(|| text.to_owned())
}

/// `https://…`, or `file:///…` with a clean path.
pub(super) fn snapshot_url(text: &str) -> Option<String> {
    match text.strip_prefix("file://") {
        Some(path) => clean_path(path).map(|_| text.to_owned()),
        None => https_url(text),
    }
}

fn harmless_url(text: &str) -> bool {
    text.len() <= 2048
        && text.bytes().all(|b| {
            b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'#' | b'@')
        })
}

/// `rolling`, `rolling:N`, `full`, `full:N` or `archive`.
pub(super) fn history_mode(text: &str) -> Option<String> {
    let (mode, cycles) = text
        .split_once(':')
        .map_or((text, None), |(mode, cycles)| (mode, Some(cycles)));
    let known = match cycles {
        None => matches!(mode, "rolling" | "full" | "archive"),
        Some(cycles) => {
            matches!(mode, "rolling" | "full")
                && cycles.len() <= 4
                && crate::reader::decimal(cycles).is_some()
        }
    };
    known.then(|| text.to_owned())
}

/// The name of a key, which becomes an alias of the baker's wallet and a word of its command line.
pub(super) fn key_name(text: &str) -> Option<String> {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    (first && rest && text.len() <= 64).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("hsm.Example:9876", "hsm.example", 9876),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[2001:DB8::1]:65535", "2001:db8::1", 65535),
            ("localhost:80", "localhost", 80),
        ] {
            assert_eq!(host_port(text), Some((host.to_owned(), port)), "{text}");
        }
        for text in [
            "",
            ":1",
            "a",
            "a:",
            "a:0",
            "a:01",
            "a:65536",
            "a:+1",
            "a b:1",
            "::1:80",
            "[::1]",
            "[10.0.0.1]:1",
            "[::1:1",
            "10.0.0.256:1",
            "1.2.3:4",
            "-a:1",
            "a-:1",
            "a..b:1",
            "a.:1",
            "user@a:1",
            "a/b:1",
            "[fe80::1%eth0]:1",
        ] {
            assert_eq!(host_port(text), None, "{text}");
        }
        assert_eq!(host_name(&"a".repeat(64)), None);
        assert_eq!(host_name(&["a"; 128].join(".")), None);
    }

    #[test]
    fn paths_have_nothing_to_resolve() {
        assert!(clean_path("/var/lib/bake-house_1.d").is_some());
        for text in [
            "",
            "/",
            "var",
            "/var/",
            "//var",
            "/var/../etc",
            "/var/./x",
            "/a b",
            "/a\n",
            "/$HOME",
            "/é",
        ] {
            assert_eq!(clean_path(text), None, "{text}");
        }
        assert_eq!(clean_path(&format!("/{}", "a".repeat(255))), None);
    }

    #[test]
    fn addresses_of_files_and_networks() {
        for good in [
            "https://teztnets.com/shadownet",
            "https://a.b:8443/x?y=1",
            "https://a",
            "https://10.0.0.1/x",
        ] {
            assert!(https_url(good).is_some(), "{good}");
        }
        for bad in [
            "http://a/",
            "https://",
            "https:///x",
            "https://u@a/",
            "https://a/ b",
            "https://a/#x",
            "ftp://a",
            "https://a:0/",
        ] {
            assert_eq!(https_url(bad), None, "{bad}");
        }
        assert!(snapshot_url("file:///srv/rolling.snapshot").is_some());
        for bad in ["file://srv/x", "file:///../x", "file:///", "/srv/x"] {
            assert_eq!(snapshot_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn history_modes() {
        for good in ["rolling", "rolling:5", "full", "full:0", "archive"] {
            assert!(history_mode(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "rolling:",
            "rolling:-1",
            "archive:1",
            "Rolling",
            "full:1:2",
            "rolling:99999",
        ] {
            assert_eq!(history_mode(bad), None, "{bad}");
        }
    }

    #[test]
    fn key_names_are_harmless_words() {
        assert!(key_name("baker_1.main-key").is_some());
        for bad in ["", "-baker", "a b", "a/b", "a:b", "é", ".a"] {
            assert_eq!(key_name(bad), None, "{bad}");
        }
    }
}
