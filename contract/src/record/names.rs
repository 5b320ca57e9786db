//! What the lines of a record are called, and in which order they stand.

/// The strings of a contract, in the order of the current runtime.
pub(super) const CONTRACT: [&str; 4] = [
    "workload",
    "env",
    "attestationPublicKey",
    "envWorkloadSignature",
];

/// What stands before them since version 24.11; before that, nothing did, or this and a space.
const PREFIX: &str = "contract:";

/// The rest, in the order of the current runtime. `None` stands for every name that is not known.
const ORDER: [Option<&str>; 12] = [
    Some("certificate_expiry_date.json"),
    Some("AP("),
    Some("uv_firmware.state"),
    Some("root.tar.gz"),
    Some("baseimage"),
    Some("sbom"),
    None,
    Some("/dev/disk/by-label/cidata"),
    Some("cidata/meta-data"),
    Some("cidata/user-data"),
    Some("cidata/vendor-data"),
    Some("cidata/network-config"),
];

/// The current form of a name, in whichever form it stands.
pub(super) fn current(name: &str) -> String {
    let name = name.trim();
    let bare = name.strip_prefix(PREFIX).map_or(name, str::trim_start);
    if bare.len() != name.len() || CONTRACT.contains(&bare) {
        format!("{PREFIX}{bare}")
    } else {
        name.to_owned()
    }
}

/// Where a name, in its current form, stands among the others.
pub(super) fn rank(name: &str) -> usize {
    let unknown = || ORDER.iter().position(Option::is_none);
    let listed = |wanted: &str| {
        ORDER.iter().position(|listed| {
            listed.is_some_and(|it| it == wanted || (it == "AP(" && wanted.starts_with(it)))
        })
    };
    let last = ORDER.len();
    match name.strip_prefix(PREFIX) {
        Some(bare) => CONTRACT
            .iter()
            .position(|it| *it == bare)
            .map_or(usize::MAX, |at| last.saturating_add(at)),
        None => listed(name).or_else(unknown).unwrap_or(last),
    }
}
