//! The tables: which keys IBM's schemas know, and what is to stand under each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Need::{May, Must, OneOf, Rival, With};
use super::Shape::{Any, Keys, List, Named, Text, Truth, Whole, Words};
use super::{Member, Rule, Shape};
use crate::pem;
use crate::sections::values;

const ANY_TEXT: Shape = Text(Rule("text", |_| true));
const BASE64: Shape = Text(Rule("base64", is_base64));
const ARCHIVE: Shape = Text(Rule(
    "base64 of a gzip tar, at least 4 characters",
    |text| {
        let body = text.trim_end_matches('=');
        let padding = text.len().saturating_sub(body.len());
        text.len() >= 4 && padding <= 3 && body.bytes().all(|b| alphanumeric_or(b, b"-+/"))
    },
));
const API_KEY: Shape = Text(Rule("an API key of at least 10 characters", |text| {
    text.chars().count() >= 10
}));
const HOST: Shape = Text(Rule("a host name or an IP address", |text| {
    values::host(text).is_some()
}));
const PORT: Shape = Whole(1, 65_535);
const CERTIFICATES: Shape = Text(Rule("PEM certificates, or base64 of them", |text| {
    pem::normalise(text, &["CERTIFICATE"]).is_ok()
}));
const PRIVATE_KEY: Shape = Text(Rule("a PEM private key, or base64 of one", |text| {
    pem::normalise(text, &["PRIVATE KEY", "RSA PRIVATE KEY"]).is_ok()
}));
const INDEX_NAME: Shape = Text(Rule("index-1 to index-8", |text| {
    matches!(
        text.strip_prefix("index-").map(str::as_bytes),
        Some([b'1'..=b'8'])
    )
}));

const ANY_NAME: Rule = Rule("a name", |_| true);
const NAME: Rule = Rule("a name of letters, digits, '_' and '-'", |text| {
    !text.is_empty() && text.bytes().all(|b| alphanumeric_or(b, b"_-"))
});
const VARIABLE: Rule = Rule(
    "the name of a variable: letters, digits and '_', no digit first",
    |text| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(|b| alphanumeric_or(b, b"_"))
    },
);
const VOLUME_NAME: Rule = Rule(
    "the name of a volume: lower case letters, digits, '_' and '-', a letter or '_' first",
    |text| {
        text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && text
                .bytes()
                .all(|b| alphanumeric_or(b, b"_-") && !b.is_ascii_uppercase())
    },
);
const REGISTRY: Rule = Rule(
    "a registry: host, host:port or https://index.docker.io/v1/",
    |text| {
        text == "https://index.docker.io/v1/"
            || values::host(text).is_some()
            || values::host_port(text).is_some()
    },
);
const SEED: Shape = Text(Rule(
    "a seed: 15 characters or more of letters, digits and !@#$%^&*(),.?\":{}|<>_-",
    |text| {
        text.len() >= 15
            && text
                .bytes()
                .all(|b| alphanumeric_or(b, br#"!@#$%^&*(),.?":{}|<>_-"#))
    },
));

const VARIABLES: Shape = Named(VARIABLE, &ANY_TEXT);
const AUTHS: Shape = Named(
    REGISTRY,
    &Keys(&[
        ("username", Must, CREDENTIAL),
        ("password", Must, CREDENTIAL),
    ]),
);
const CREDENTIAL: Shape = Text(Rule("text of at least 3 characters", |text| {
    text.chars().count() >= 3
}));
const CONFIDENTIAL_SECRET: Shape = Keys(&[
    ("verificationKey", Must, ANY_TEXT),
    ("decryptionKey", Must, ANY_TEXT),
]);
const RESOURCES: Shape = List(0, usize::MAX, &Named(ANY_NAME, &Any));
const TEXTS: Shape = List(0, usize::MAX, &ANY_TEXT);

pub(super) const WORKLOAD: &[Member] = &[
    // Ours; checked elsewhere, as `type` is.
    ("type", May, Any),
    ("bakehouse", May, Any),
    ("compose", Rival, Keys(&[("archive", Must, ARCHIVE)])),
    (
        "play",
        Rival,
        Keys(&[
            ("resources", May, RESOURCES),
            ("templates", May, RESOURCES),
            ("archive", May, ARCHIVE),
        ]),
    ),
    ("confidential-containers", Rival, CONFIDENTIAL),
    ("env", May, VARIABLES),
    ("auths", May, AUTHS),
    ("images", May, IMAGES),
    (
        "volumes",
        May,
        Named(
            VOLUME_NAME,
            &Keys(&[
                ("seed", Must, SEED),
                ("mount", May, MOUNT),
                ("filesystem", May, Words(&["ext4", "xfs", "btrfs"])),
                ("previousSeed", May, ANY_TEXT),
            ]),
        ),
    ),
];

const MOUNT: Shape = Text(Rule("an absolute path without an empty part", |text| {
    text.strip_prefix('/')
        .is_some_and(|path| path.split('/').all(|part| !part.is_empty()))
}));
const NOTARY: Shape = Text(Rule("the address of a notary, with its scheme", |text| {
    text.split_once("://")
        .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
}));
const IMAGES: Shape = Keys(&[
    (
        "dct",
        May,
        Named(
            ANY_NAME,
            &Keys(&[("notary", Must, NOTARY), ("publicKey", Must, BASE64)]),
        ),
    ),
    (
        "rhs",
        May,
        Named(ANY_NAME, &Keys(&[("publicKey", Must, BASE64)])),
    ),
]);
const CONFIDENTIAL: Shape = Keys(&[
    (
        "config",
        May,
        Keys(&[(
            "cosign",
            May,
            Named(NAME, &Keys(&[("publicKey", May, ANY_TEXT)])),
        )]),
    ),
    (
        "allowedContainers",
        May,
        Named(
            ANY_NAME,
            &Keys(&[(
                "allowedImages",
                May,
                Keys(&[("imageNames", May, TEXTS), ("imagePatterns", May, TEXTS)]),
            )]),
        ),
    ),
    ("regoValidator", May, Keys(&[("policy", Must, BASE64)])),
    ("secret", May, CONFIDENTIAL_SECRET),
]);

pub(super) const ENV: &[Member] = &[
    ("type", May, Any),
    ("bakehouse", May, Any),
    ("logging", May, LOGGING),
    ("volumes", May, Named(VOLUME_NAME, &VOLUME)),
    ("auths", May, AUTHS),
    ("env", May, VARIABLES),
    // Read where signatures are verified.
    ("signingKey", May, Any),
    ("cacerts", May, List(0, 1, &Named(ANY_NAME, &BASE64))),
    (
        "host-attestation",
        May,
        Named(
            NAME,
            &Keys(&[
                ("description", Must, ANY_TEXT),
                ("host-key-doc", Must, BASE64),
            ]),
        ),
    ),
    ("crypto-pt", May, CRYPTO_PT),
    (
        "confidential-containers",
        May,
        Keys(&[("secret", May, CONFIDENTIAL_SECRET)]),
    ),
];

const INGESTION_KEY: Shape = Text(Rule("32 lower case letters and digits", |text| {
    text.len() == 32
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}));
const LOGGING: Shape = Keys(&[
    (
        "logRouter",
        OneOf,
        Keys(&[
            ("hostname", Must, HOST),
            ("iamApiKey", Must, ANY_TEXT),
            ("port", May, PORT),
            ("tags", May, TEXTS),
        ]),
    ),
    (
        "syslog",
        OneOf,
        Keys(&[
            ("hostname", Must, HOST),
            ("server", Must, CERTIFICATES),
            ("cert", May, CERTIFICATES),
            ("key", May, PRIVATE_KEY),
            ("port", May, PORT),
        ]),
    ),
    (
        "logDNA",
        OneOf,
        Keys(&[
            ("ingestionKey", May, INGESTION_KEY),
            ("hostname", May, HOST),
            ("port", May, PORT),
            ("tags", May, TEXTS),
        ]),
    ),
]);

const CRN: Shape = Text(Rule(
    "the CRN of a key: crn:v1:bluemix or staging:public, dedicated or local:…:key:…",
    |text| {
        let parts: Vec<&str> = text.splitn(5, ':').collect();
        matches!(
            parts[..],
            ["crn", "v1", "bluemix" | "staging", "public" | "dedicated" | "local", rest]
                if rest.contains(":key:")
        )
    },
));
const KEY_BLOB: Shape = Text(Rule("base64, or asterisks alone", |text| {
    is_base64(text) || (!text.is_empty() && text.bytes().all(|b| b == b'*'))
}));
const ADDRESS: Shape = Text(Rule("host:port", |text| values::host_port(text).is_some()));
const VOLUME: Shape = Keys(&[
    ("seed", OneOf, SEED),
    ("uv-secret-id", OneOf, INDEX_NAME),
    ("previousSeed", May, ANY_TEXT),
    ("uv-previous-secret-id", With("uv-secret-id"), INDEX_NAME),
    (
        "kms",
        May,
        List(
            1,
            5,
            &Keys(&[
                ("apiKey", May, API_KEY),
                ("crn", May, CRN),
                ("type", May, Words(&["public", "private"])),
            ]),
        ),
    ),
    // Minutes: the schema says 20 at most, the documentation 1000.
    ("kmsTimeout", May, Whole(0, 1000)),
    (
        "grep11",
        May,
        Keys(&[
            ("address", May, ADDRESS),
            ("clientCert", May, BASE64),
            ("clientKey", May, BASE64),
            ("caCert", May, BASE64),
            (
                "metadata",
                May,
                Keys(&[
                    ("aesKeyBlob", Must, KEY_BLOB),
                    ("previousaesKeyBlob", May, KEY_BLOB),
                ]),
            ),
        ]),
    ),
    ("apiKey", May, API_KEY),
    ("volumeName", May, ANY_TEXT),
    ("volumeID", May, ANY_TEXT),
]);

const INDEX: Shape = Keys(&[
    ("type", May, Words(&["secret"])),
    (
        "domain-id",
        May,
        Text(Rule(
            "card.domain in hexadecimal, such as 03.0011",
            |text| {
                let hex = |part: &str, len| part.len() == len && values::bytes(part).is_some();
                text.split_once('.')
                    .is_some_and(|(card, domain)| hex(card, 2) && hex(domain, 4))
            },
        )),
    ),
    (
        "secret",
        May,
        Text(Rule("base64 of 32 bytes", |text| {
            STANDARD.decode(text).is_ok_and(|secret| secret.len() == 32)
        })),
    ),
    (
        "mkvp",
        May,
        Text(Rule("0x and 64 hexadecimal digits", |text| {
            text.strip_prefix("0x")
                .is_some_and(|digits| values::sha256(digits).is_some())
        })),
    ),
]);
const CRYPTO_PT: Shape = Keys(&[
    ("lock", May, Truth),
    ("index-1", May, INDEX),
    ("index-2", May, INDEX),
    ("index-3", May, INDEX),
    ("index-4", May, INDEX),
    ("index-5", May, INDEX),
    ("index-6", May, INDEX),
    ("index-7", May, INDEX),
    ("index-8", May, INDEX),
]);

fn alphanumeric_or(byte: u8, others: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || others.contains(&byte)
}

/// Base64 as most have it; line breaks in it do not count.
fn is_base64(text: &str) -> bool {
    let text: String = text.split_ascii_whitespace().collect();
    !text.is_empty() && STANDARD.decode(text).is_ok()
}
