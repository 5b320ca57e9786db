//! The keys of `env`'s `bakehouse:`, and those that may be in both sections.

use super::Kind::{List, Mapping, Refused, Text, Whole, Words};
use super::{Key, Kind, form};
use crate::sections::timing;

const NEVER_WAIVED: &str = "this power can't be waived: only firewall or state can";

pub(in crate::sections) const ENV: &[Key] = &[
    Key::must("state", Mapping(STATE), "Where state lives."),
    Key::must("grep11", Mapping(GREP11), "The HSM, as a grep11 service."),
    Key::may(
        "egress",
        Mapping(EGRESS),
        "nothing",
        "What else may be reached from the guest.",
    ),
    Key::may(
        "powers",
        Mapping(POWERS),
        "none",
        "Powers that the guest is allowed to lack; each is announced for as long as it runs.",
    ),
    Key::may(
        "serial",
        Whole(
            *crate::envelope::SERIALS.start(),
            *crate::envelope::SERIALS.end(),
        ),
        "none",
        "Serial of the contract: a newer one has a higher one, so that an image can turn older ones down.",
    ),
];

const STATE: &[Key] = &[Key::must(
    "path",
    Text(&form::PATH),
    "A mounted, persistent volume.",
)];

const GREP11: &[Key] = &[
    Key::must(
        "endpoints",
        List(1, 16, &Mapping(ENDPOINT)),
        "The servers, each once.",
    ),
    Key::must(
        "credentials",
        Mapping(CREDENTIALS),
        "Mutual TLS with the servers.",
    ),
];

const ENDPOINT: &[Key] = &[
    Key::must("address", Text(&form::HOST_PORT), "Host and port."),
    Key::may(
        "server_name",
        Text(&form::HOST),
        "the host",
        "Name to check in the server's certificate.",
    ),
    Key::may(
        "pin_sha256",
        Text(&form::SHA256),
        "none",
        "SHA-256 of the server's certificate (DER), where its names can't be checked.",
    ),
];

const CREDENTIALS: &[Key] = &[
    Key::must(
        "ca",
        Text(&form::CERTIFICATES),
        "Certificate authority of the servers (PEM, or base64 of it).",
    ),
    Key::must(
        "certificate",
        Text(&form::CERTIFICATES),
        "Client certificate and its chain (PEM, or base64 of it).",
    ),
    Key::must(
        "key",
        Text(&form::PRIVATE_KEY),
        "Client private key, not encrypted (PEM, or base64 of it). A secret.",
    ),
];

const ADDRESSES: Kind = List(0, 16, &Text(&form::ADDRESS));

const EGRESS: &[Key] = &[
    Key::may("dns", ADDRESSES, "none", "DNS servers, port 53."),
    Key::may("ntp", ADDRESSES, "none", "NTP servers, port 123."),
    Key::may(
        "logs",
        List(0, 16, &Text(&form::HOST_PORT)),
        "none",
        "Receivers of logs.",
    ),
];

const WAIVED: Kind = Words(&["delegated"]);

const POWERS: &[Key] = &[
    Key::may(
        "firewall",
        WAIVED,
        "not waived",
        "Somebody else's firewall guards the guest.",
    ),
    Key::may(
        "state",
        WAIVED,
        "not waived",
        "State may lie on a disk that does not persist.",
    ),
    Key::may("credentials", Refused(NEVER_WAIVED), "", ""),
    Key::may("uids", Refused(NEVER_WAIVED), "", ""),
];

/// The key that may be in both sections.
pub(crate) const TIMING_KEY: Key = Key::may(
    "timing",
    Mapping(TIMING),
    "",
    "Deadlines and intervals; may be in both sections, and workload wins key by key.",
);

const fn seconds(index: usize, default: &'static str, meaning: &'static str) -> Key {
    #[allow(
        clippy::indexing_slicing,
        reason = "evaluated by the compiler, which refuses what is out of bounds"
    )]
    let (name, range) = &timing::BOUNDS[index];
    Key::may(name, Whole(*range.start(), *range.end()), default, meaning).unit("seconds")
}

const TIMING: &[Key] = &[
    seconds(0, "2", "How long 9732 stays open without being re-armed."),
    seconds(1, "600", "How long the HSM may be late."),
    seconds(
        2,
        "86400",
        "How long the node may take until it is bootstrapped.",
    ),
    seconds(
        3,
        "300",
        "How long a unit may take to stop before it is killed.",
    ),
    seconds(4, "600", "How long the whole drain may take."),
];
