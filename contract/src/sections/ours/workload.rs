//! The keys of `workload`'s `bakehouse:`.

use super::Kind::{Argument, List, Mapping, Text, Truth, Whole, Words};
use super::{Key, Kind, form, words};
use crate::sections::args;
use crate::sections::keys::{LEVELS, MOST_KEYS, OPERATIONS, ROLES};
use crate::sections::workload::{DALS, VOTES};

const HOST_PORT: Kind = Text(&form::HOST_PORT);
const SHA256: Kind = Text(&form::SHA256);

pub(in crate::sections) const WORKLOAD: &[Key] = &[
    Key::must(
        "network",
        Text(&form::NETWORK),
        "Tezos network, by the name that Octez has built in or by the address of its configuration.",
    ),
    Key::must(
        "chain_id",
        Text(&form::CHAIN_ID),
        "Id of the chain; for a network that is built in, its own.",
    ),
    Key::must(
        "dal",
        Words(&words(&DALS)),
        "Whether a DAL node runs; one that does dials out only.",
    ),
    Key::must("accuser", Truth, "Whether an accuser runs."),
    Key::may(
        "delegate",
        Text(&form::PUBLIC_KEY_HASH),
        "the manager key's, else the first consensus key's",
        "Public key hash of the delegate, for the DAL node's attester profile.",
    ),
    Key::must("node", Mapping(NODE), "The Octez node."),
    Key::must("baker", Mapping(BAKER), "The baker."),
    Key::must(
        "keys",
        List(1, MOST_KEYS, &Mapping(KEY)),
        "The keys that the signer serves; names and public keys are unique.",
    ),
    Key::must(
        "executables",
        Mapping(EXECUTABLES),
        "SHA-256 of every program that runs; those of others may be given.",
    ),
];

const NODE: &[Key] = &[
    Key::must(
        "history_mode",
        Text(&form::HISTORY_MODE),
        "How much of the chain's history is kept; N is a number of cycles.",
    ),
    Key::may(
        "snapshot",
        Mapping(SNAPSHOT),
        "none",
        "Snapshot that is imported once, into an empty data directory.",
    ),
    Key::may(
        "peers",
        List(0, 64, &HOST_PORT),
        "none",
        "Peers to dial beside the network's own; the supervisor resolves their names.",
    ),
    Key::may(
        "extra_args",
        List(0, args::NODE.len(), &Argument(args::NODE)),
        "none",
        "Further arguments of octez-node run, each at most once.",
    ),
];

const SNAPSHOT: &[Key] = &[
    Key::must(
        "url",
        Text(&form::SNAPSHOT_URL),
        "Where the snapshot is: https://… or file:///….",
    ),
    Key::must("sha256", SHA256, "SHA-256 of the file."),
    Key::must(
        "block",
        Text(&form::BLOCK),
        "Hash of the block that the snapshot must end in.",
    ),
];

const BAKER: &[Key] = &[
    Key::must(
        "liquidity_baking_toggle_vote",
        Words(&words(&VOTES)),
        "The vote that every block must carry.",
    ),
    Key::may(
        "extra_args",
        List(0, args::BAKER.len(), &Argument(args::BAKER)),
        "none",
        "Further arguments of octez-baker run, each at most once.",
    ),
];

const KEY: &[Key] = &[
    Key::must(
        "name",
        Text(&form::KEY_NAME),
        "Alias in the baker's wallet.",
    ),
    Key::must(
        "role",
        Words(&words(&ROLES)),
        "What the key is for; a companion key signs no operations.",
    ),
    Key::must("public_key", Text(&form::PUBLIC_KEY), "The public key."),
    Key::must(
        "blob",
        Text(&form::BLOB),
        "The HSM's blob of the private key, in hexadecimal. A secret.",
    ),
    Key::may(
        "floor",
        Whole(*LEVELS.start(), *LEVELS.end()),
        "0",
        "Nothing at or below this level is ever signed.",
    )
    .unit("level"),
    Key::may(
        "policy",
        Mapping(POLICY),
        "consensus operations only",
        "What the key may sign beside consensus operations.",
    ),
];

const POLICY: &[Key] = &[Key::may(
    "operations",
    List(0, OPERATIONS.len(), &Words(&OPERATIONS)),
    "none",
    "Kinds of operations by Tezos's names, each once.",
)];

const EXECUTABLES: &[Key] = &[
    Key::must("bakehouse-signer", SHA256, "The signer."),
    Key::must("octez-node", SHA256, "The Octez node."),
    Key::must("octez-baker", SHA256, "The baker."),
    Key::may(
        "octez-accuser",
        SHA256,
        "",
        "The accuser; must be here if accuser is true.",
    ),
    Key::may(
        "octez-dal-node",
        SHA256,
        "",
        "The DAL node; must be here if dal is outbound.",
    ),
];
