//! The list itself. Secrets are in it too, so that their keys are known.

use super::{
    Known, args, certificates, host, host_port, index, keys, network, number, public_key, secret,
    sha256, tezos, truth, url, values,
};

pub(super) const BOTH: &[Known] = &[
    ("type", |text| matches!(text, "workload" | "env")),
    ("env.*variable", secret),
    ("auths.*registry.username", secret),
    ("auths.*registry.password", secret),
    ("volumes.*name.seed", secret),
    ("volumes.*name.previousSeed", secret),
    ("bakehouse.timing.dead_man_seconds", number),
    ("bakehouse.timing.hsm_start_seconds", number),
    ("bakehouse.timing.node_start_seconds", number),
    ("bakehouse.timing.stop_grace_seconds", number),
    ("bakehouse.timing.drain_seconds", number),
];

pub(super) const WORKLOAD: &[Known] = &[
    ("bakehouse.network", network),
    ("bakehouse.chain_id", |text| tezos::chain_id(text).is_some()),
    ("bakehouse.node.history_mode", |text| {
        values::history_mode(text).is_some()
    }),
    ("bakehouse.node.snapshot.url", url),
    ("bakehouse.node.snapshot.sha256", sha256),
    ("bakehouse.node.snapshot.block", |text| {
        tezos::block_hash(text).is_some()
    }),
    ("bakehouse.node.peers.[]", host_port),
    ("bakehouse.node.extra_args.[]", |text| {
        args::is_allowed(text, args::NODE)
    }),
    ("bakehouse.baker.liquidity_baking_toggle_vote", |text| {
        matches!(text, "on" | "off" | "pass")
    }),
    ("bakehouse.baker.extra_args.[]", |text| {
        args::is_allowed(text, args::BAKER)
    }),
    ("bakehouse.dal", |text| matches!(text, "none" | "outbound")),
    ("bakehouse.delegate", |text| {
        tezos::public_key_hash(text).is_some()
    }),
    ("bakehouse.accuser", truth),
    ("bakehouse.keys.[].name", |text| {
        values::key_name(text).is_some()
    }),
    ("bakehouse.keys.[].role", |text| {
        matches!(text, "consensus" | "companion" | "manager")
    }),
    ("bakehouse.keys.[].public_key", |text| {
        tezos::public_key(text).is_some()
    }),
    ("bakehouse.keys.[].blob", secret),
    ("bakehouse.keys.[].floor", number),
    ("bakehouse.keys.[].policy.operations.[]", |text| {
        keys::OPERATIONS.contains(&text)
    }),
    ("bakehouse.executables.bakehouse-signer", sha256),
    ("bakehouse.executables.octez-node", sha256),
    ("bakehouse.executables.octez-baker", sha256),
    ("bakehouse.executables.octez-accuser", sha256),
    ("bakehouse.executables.octez-dal-node", sha256),
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
    ("bakehouse.serial", number),
    ("bakehouse.state.path", |text| {
        values::clean_path(text).is_some()
    }),
    ("bakehouse.grep11.endpoints.[].address", host_port),
    ("bakehouse.grep11.endpoints.[].server_name", host),
    ("bakehouse.grep11.endpoints.[].pin_sha256", sha256),
    ("bakehouse.grep11.credentials.ca", certificates),
    ("bakehouse.grep11.credentials.certificate", certificates),
    ("bakehouse.grep11.credentials.key", secret),
    ("bakehouse.egress.dns.[]", |text| values::ip(text).is_some()),
    ("bakehouse.egress.ntp.[]", |text| values::ip(text).is_some()),
    ("bakehouse.egress.logs.[]", host_port),
    ("bakehouse.powers.firewall", |text| text == "delegated"),
    ("bakehouse.powers.state", |text| text == "delegated"),
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
