//! Forms of text: in words for whoever reads an error, as a pattern for whoever reads the schema.
//!
//! A pattern takes everything that the reader takes, and more where a pattern can't tell, such as with checksums.

/// A form of text.
pub(crate) struct Form {
    /// What is expected, as it stands in an error.
    pub(crate) expected: &'static str,
    /// A regular expression of the whole text.
    pub(crate) pattern: Option<&'static str>,
    /// Characters.
    pub(crate) length: (usize, usize),
    /// Whether a text of this form may be shown: never, where it is a secret.
    pub(crate) shown: fn(&str) -> bool,
}

const fn of(expected: &'static str, pattern: &'static str, shown: fn(&str) -> bool) -> Form {
    Form {
        pattern: Some(pattern),
        ..pem(expected, shown)
    }
}

const fn pem(expected: &'static str, shown: fn(&str) -> bool) -> Form {
    Form {
        expected,
        pattern: None,
        length: (1, usize::MAX),
        shown,
    }
}

/// The forms by name.
pub(crate) mod form {
    use super::{Form, of, pem};
    use crate::sections::public::{certificates, host, host_port, network, secret, sha256, url};
    use crate::sections::{tezos, values};

    pub(crate) const SHA256: Form = of(
        "a SHA-256: 64 hexadecimal digits",
        "^[0-9A-Fa-f]{64}$",
        sha256,
    );
    pub(crate) const NETWORK: Form = of(
        "mainnet, ghostnet, shadownet, sandbox or an https:// address of a network configuration",
        r#"^(mainnet|ghostnet|shadownet|sandbox|https://[^\s"'\\<>#@]+)$"#,
        network,
    );
    pub(crate) const CHAIN_ID: Form = of(
        "a chain id: NetX…, with a sound checksum",
        "^Net[1-9A-HJ-NP-Za-km-z]{12}$",
        |text| tezos::chain_id(text).is_some(),
    );
    pub(crate) const BLOCK: Form = of(
        "a block hash: B…, with a sound checksum",
        "^B[1-9A-HJ-NP-Za-km-z]{50}$",
        |text| tezos::block_hash(text).is_some(),
    );
    pub(crate) const PUBLIC_KEY_HASH: Form = of(
        "a public key hash: tz1… to tz4…, with a sound checksum",
        "^tz[1-4][1-9A-HJ-NP-Za-km-z]{33}$",
        |text| tezos::public_key_hash(text).is_some(),
    );
    pub(crate) const PUBLIC_KEY: Form = of(
        "a public key: edpk…, sppk… or p2pk…, with a sound checksum",
        "^(edpk[1-9A-HJ-NP-Za-km-z]{50}|(sppk|p2pk)[1-9A-HJ-NP-Za-km-z]{51})$",
        |text| tezos::public_key(text).is_some(),
    );
    pub(crate) const KEY_NAME: Form = of(
        "1 to 64 letters, digits, '_', '-' and '.', of which the first is a letter or a digit",
        "^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$",
        |text| values::key_name(text).is_some(),
    );
    pub(crate) const BLOB: Form = Form {
        expected: "the hexadecimal digits of an EP11 blob of 100 to 9216 bytes",
        pattern: Some("^([0-9A-Fa-f]{2})+$"),
        length: (200, 18_432),
        shown: secret,
    };
    pub(crate) const HISTORY_MODE: Form = of(
        "rolling, rolling:N, full, full:N or archive",
        "^(archive|(rolling|full)(:[0-9]{1,4})?)$",
        |text| values::history_mode(text).is_some(),
    );
    pub(crate) const SNAPSHOT_URL: Form = Form {
        expected: "an https:// address or file:/// and an absolute path",
        pattern: Some(r#"^(https://[^\s"'\\<>#@]+|file://(/[0-9A-Za-z._-]+)+)$"#),
        length: (1, 2048),
        shown: url,
    };
    pub(crate) const HOST_PORT: Form = of(
        "host:port, where an IPv6 address stands in brackets",
        r"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):[1-9][0-9]{0,4}$",
        host_port,
    );
    pub(crate) const HOST: Form = of(
        "a host name or an IP address",
        "^([0-9A-Fa-f:.]+|[0-9A-Za-z.-]+)$",
        host,
    );
    pub(crate) const ADDRESS: Form = of("an IP address", "^[0-9A-Fa-f:.]+$", |text| {
        values::ip(text).is_some()
    });
    pub(crate) const PATH: Form = Form {
        expected: "an absolute path of letters, digits, '.', '_' and '-', without '.' or '..' as a part",
        pattern: Some("^(/[0-9A-Za-z._-]+)+$"),
        length: (2, 255),
        shown: |text| values::clean_path(text).is_some(),
    };
    pub(crate) const CERTIFICATES: Form = pem(
        "one or more PEM certificates, or base64 of them",
        certificates,
    );
    pub(crate) const PRIVATE_KEY: Form =
        pem("an unencrypted PEM private key, or base64 of one", secret);
    pub(crate) const OPERATION: &str =
        "a kind of operation by Tezos's name, such as reveal, ballot or stake";
}
