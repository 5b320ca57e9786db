//! IBM's keys, as its schemas name them, looked over for mistypings.
//!
//! IBM's schemas leave `env` and `workload` open and close what is below, yet some guests check nothing at all. What we do
//! not use ourselves is no reason to refuse a contract: an unknown key is a warning.

use crate::error::Warning;
use crate::reader::View;

/// What may be below a key.
enum Shape {
    /// Anything.
    Any,
    /// These keys.
    Keys(&'static [(&'static str, Shape)]),
    /// Names of the operator's own choice, or a list, and below each the same.
    Each(&'static Shape),
}

use Shape::{Any, Each, Keys};

const AUTHS: Shape = Each(&Keys(&[("username", Any), ("password", Any)]));

const CONFIDENTIAL_WORKLOAD: Shape = Keys(&[
    ("config", Any),
    ("allowedContainers", Any),
    ("regoValidator", Any),
    ("secret", Any),
]);

const WORKLOAD: &[(&str, Shape)] = &[
    ("type", Any),
    ("bakehouse", Any),
    ("compose", Keys(&[("archive", Any)])),
    (
        "play",
        Keys(&[("resources", Any), ("templates", Any), ("archive", Any)]),
    ),
    ("confidential-containers", CONFIDENTIAL_WORKLOAD),
    ("env", Any),
    ("auths", AUTHS),
    (
        "images",
        Keys(&[
            ("dct", Each(&Keys(&[("notary", Any), ("publicKey", Any)]))),
            ("rhs", Each(&Keys(&[("publicKey", Any)]))),
        ]),
    ),
    (
        "volumes",
        Each(&Keys(&[
            ("seed", Any),
            ("mount", Any),
            ("filesystem", Any),
            ("previousSeed", Any),
        ])),
    ),
];

const ENV: &[(&str, Shape)] = &[
    ("type", Any),
    ("bakehouse", Any),
    (
        "logging",
        Keys(&[
            (
                "logRouter",
                Keys(&[
                    ("hostname", Any),
                    ("iamApiKey", Any),
                    ("port", Any),
                    ("tags", Any),
                ]),
            ),
            (
                "syslog",
                Keys(&[
                    ("hostname", Any),
                    ("server", Any),
                    ("cert", Any),
                    ("key", Any),
                    ("port", Any),
                ]),
            ),
            (
                "logDNA",
                Keys(&[
                    ("ingestionKey", Any),
                    ("hostname", Any),
                    ("port", Any),
                    ("tags", Any),
                ]),
            ),
        ]),
    ),
    ("volumes", Each(&VOLUME)),
    ("auths", AUTHS),
    ("env", Any),
    ("signingKey", Any),
    ("cacerts", Any),
    (
        "host-attestation",
        Each(&Keys(&[("description", Any), ("host-key-doc", Any)])),
    ),
    ("crypto-pt", CRYPTO_PT),
    ("confidential-containers", Keys(&[("secret", Any)])),
];

const VOLUME: Shape = Keys(&[
    ("seed", Any),
    ("uv-secret-id", Any),
    ("previousSeed", Any),
    ("uv-previous-secret-id", Any),
    (
        "kms",
        Each(&Keys(&[("apiKey", Any), ("crn", Any), ("type", Any)])),
    ),
    ("kmsTimeout", Any),
    (
        "grep11",
        Keys(&[
            ("address", Any),
            ("clientCert", Any),
            ("clientKey", Any),
            ("caCert", Any),
            (
                "metadata",
                Keys(&[("aesKeyBlob", Any), ("previousaesKeyBlob", Any)]),
            ),
        ]),
    ),
    ("apiKey", Any),
    ("volumeName", Any),
    ("volumeID", Any),
]);

const INDEX: Shape = Keys(&[
    ("type", Any),
    ("domain-id", Any),
    ("secret", Any),
    ("mkvp", Any),
]);

const CRYPTO_PT: Shape = Keys(&[
    ("lock", Any),
    ("index-1", INDEX),
    ("index-2", INDEX),
    ("index-3", INDEX),
    ("index-4", INDEX),
    ("index-5", INDEX),
    ("index-6", INDEX),
    ("index-7", INDEX),
    ("index-8", INDEX),
]);

/// Warns of what a section has beside IBM's keys and ours.
pub(super) fn look(root: &View<'_>, env: bool, warnings: &mut Vec<Warning>) {
    walk(root, &Keys(if env { ENV } else { WORKLOAD }), warnings);
}

fn walk(view: &View<'_>, shape: &Shape, warnings: &mut Vec<Warning>) {
    match shape {
        Any => {}
        Each(below) => view
            .children()
            .iter()
            .for_each(|child| walk(child, below, warnings)),
        Keys(keys) => {
            if !view.is_mapping() {
                return;
            }
            let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
            view.mostly(&names, warnings);
            for (name, below) in *keys {
                if let Some(child) = view.optional(name) {
                    walk(&child, below, warnings);
                }
            }
        }
    }
}
