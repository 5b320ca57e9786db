//! The list of keys that are not ours. Secrets are in it too, so that their keys are known.

use super::{
    Known, certificates, host, host_port, index, number, public_key, secret, sha256, truth, url,
    values,
};

pub(super) const BOTH: &[Known] = &[
    ("type", |text| matches!(text, "workload" | "env")),
    ("env.*variable", secret),
    ("auths.*registry.username", secret),
    ("auths.*registry.password", secret),
    ("volumes.*name.seed", secret),
    ("volumes.*name.previousSeed", secret),
];

pub(super) const WORKLOAD: &[Known] = &[
    ("volumes.*name.mount", |text| {
        values::clean_path(text).is_some()
    }),
    ("volumes.*name.filesystem", |text| {
        matches!(text, "ext4" | "xfs" | "btrfs")
    }),
    // An archive, and what is played, may hold anything.
    ("compose.archive", secret),
    ("play.archive", secret),
    ("play.resources.[]", secret),
    ("play.templates.[]", secret),
    ("images.dct.*image.notary", url),
    ("images.dct.*image.publicKey", public_key),
    ("images.rhs.*image.publicKey", public_key),
    (
        "confidential-containers.config.cosign.*name.publicKey",
        public_key,
    ),
    (
        "confidential-containers.allowedContainers.*name.allowedImages.imageNames.[]",
        secret,
    ),
    (
        "confidential-containers.allowedContainers.*name.allowedImages.imagePatterns.[]",
        secret,
    ),
    ("confidential-containers.regoValidator.policy", secret),
    ("confidential-containers.secret.verificationKey", secret),
    ("confidential-containers.secret.decryptionKey", secret),
];

pub(super) const ENV: &[Known] = &[
    ("signingKey", public_key),
    ("cacerts.[].*name", certificates),
    ("logging.logRouter.hostname", host),
    ("logging.logRouter.iamApiKey", secret),
    ("logging.logRouter.port", number),
    ("logging.logRouter.tags.[]", secret),
    ("logging.syslog.hostname", host),
    ("logging.syslog.server", certificates),
    ("logging.syslog.cert", certificates),
    ("logging.syslog.key", secret),
    ("logging.syslog.port", number),
    ("logging.logDNA.hostname", host),
    ("logging.logDNA.ingestionKey", secret),
    ("logging.logDNA.port", number),
    ("logging.logDNA.tags.[]", secret),
    ("volumes.*name.uv-secret-id", index),
    ("volumes.*name.uv-previous-secret-id", index),
    ("volumes.*name.kms.[].apiKey", secret),
    ("volumes.*name.kms.[].crn", secret),
    ("volumes.*name.kms.[].type", |text| {
        matches!(text, "public" | "private")
    }),
    ("volumes.*name.kmsTimeout", number),
    ("volumes.*name.grep11.address", host_port),
    ("volumes.*name.grep11.clientCert", certificates),
    ("volumes.*name.grep11.caCert", certificates),
    ("volumes.*name.grep11.clientKey", secret),
    ("volumes.*name.grep11.metadata.aesKeyBlob", secret),
    ("volumes.*name.grep11.metadata.previousaesKeyBlob", secret),
    ("volumes.*name.apiKey", secret),
    ("volumes.*name.volumeName", secret),
    ("volumes.*name.volumeID", secret),
    ("host-attestation.*name.description", secret),
    ("host-attestation.*name.host-key-doc", certificates),
    ("crypto-pt.lock", truth),
    ("crypto-pt.*name.type", |text| text == "secret"),
    ("crypto-pt.*name.domain-id", |text| {
        text.len() == 7 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'.')
    }),
    ("crypto-pt.*name.secret", secret),
    ("crypto-pt.*name.mkvp", |text| {
        text.strip_prefix("0x").is_some_and(sha256)
    }),
    ("confidential-containers.secret.verificationKey", secret),
    ("confidential-containers.secret.decryptionKey", secret),
];
