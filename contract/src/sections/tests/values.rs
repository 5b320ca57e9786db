use rstest::rstest;

use super::refusal;
use crate::error::Code;
use crate::testing::{TZ1, TZ3};

#[rstest]
#[case("network: shadownet", "network: moonnet", "workload.bakehouse.network")]
#[case(
    "network: shadownet",
    "network: http://a/",
    "workload.bakehouse.network"
)]
#[case("NetXsqzbfFenSTS", "NetXsqzbfFenSTT", "workload.bakehouse.chain_id")]
#[case(
    "history_mode: rolling",
    "history_mode: [rolling]",
    "workload.bakehouse.node.history_mode"
)]
#[case(
    "https://snapshots",
    "http://snapshots",
    "workload.bakehouse.node.snapshot.url"
)]
#[case(
    "sha256: \"0f",
    "sha256: \"zz",
    "workload.bakehouse.node.snapshot.sha256"
)]
#[case("block: BL", "block: BM", "workload.bakehouse.node.snapshot.block")]
#[case(
    "boot.example:9732",
    "boot.example",
    "workload.bakehouse.node.peers[0]"
)]
#[case(
    "--connections=30",
    "--connections",
    "workload.bakehouse.node.extra_args[0]"
)]
#[case(
    "--connections=30",
    "--rpc-addr=0.0.0.0",
    "workload.bakehouse.node.extra_args[0]"
)]
#[case(
    "--connections=30",
    "--private-mode",
    "workload.bakehouse.node.extra_args[1]"
)]
#[case(
    "--minimal-fees=0.0001",
    "--minimal-fees=a",
    "workload.bakehouse.baker.extra_args[0]"
)]
#[case(
    "vote: pass",
    "vote: maybe",
    "workload.bakehouse.baker.liquidity_baking_toggle_vote"
)]
#[case("dal: outbound", "dal: inbound", "workload.bakehouse.dal")]
#[case("accuser: true", "accuser: yes", "workload.bakehouse.accuser")]
#[case("accuser: true", "accuser: \"true\"", "workload.bakehouse.accuser")]
#[case("delegate: tz1", "delegate: tz9", "workload.bakehouse.delegate")]
#[case("name: baker", "name: -baker", "workload.bakehouse.keys[0].name")]
#[case("name: owner", "name: baker", "workload.bakehouse.keys[1].name")]
#[case("role: consensus", "role: boss", "workload.bakehouse.keys[0].role")]
#[case(TZ1, TZ3, "workload.bakehouse.keys[1].public_key")]
#[case("blob: abab", "blob: abax", "workload.bakehouse.keys[0].blob")]
#[case("floor: 17", "floor: -1", "workload.bakehouse.keys[0].floor")]
#[case("floor: 17", "floor: 2147483648", "workload.bakehouse.keys[0].floor")]
#[case(
    "[ballot, stake]",
    "[ballot, steak]",
    "workload.bakehouse.keys[1].policy.operations[1]"
)]
#[case(
    "[ballot, stake]",
    "[ballot, attestation]",
    "workload.bakehouse.keys[1].policy.operations[1]"
)]
#[case(
    "[ballot, stake]",
    "[stake, stake]",
    "workload.bakehouse.keys[1].policy.operations[1]"
)]
#[case(
    "octez-node: 0f",
    "octez-node: 0",
    "workload.bakehouse.executables.octez-node"
)]
#[case(
    "dead_man_seconds: 3",
    "dead_man_seconds: 11",
    "workload.bakehouse.timing.dead_man_seconds"
)]
#[case(
    "dead_man_seconds: 3",
    "dead_man_seconds: 0",
    "workload.bakehouse.timing.dead_man_seconds"
)]
#[case("type: env", "type: workload", "env.type")]
#[case("path: /var", "path: var", "env.bakehouse.state.path")]
#[case(
    "hsm.example:9876",
    "hsm.example:0",
    "env.bakehouse.grep11.endpoints[0].address"
)]
#[case(
    "10.0.0.7:9876",
    "HSM.example:9876",
    "env.bakehouse.grep11.endpoints[1]"
)]
#[case(
    "server_name: grep11.svc.net",
    "server_name: \"a b\"",
    "env.bakehouse.grep11.endpoints[0].server_name"
)]
#[case(
    "pin_sha256: \"1a",
    "pin_sha256: \"1",
    "env.bakehouse.grep11.endpoints[0].pin_sha256"
)]
#[case(
    "key: \"-----BEGIN",
    "key: \"-----BEGUN",
    "env.bakehouse.grep11.credentials.key"
)]
#[case("ca: |", "ca: x # |", "env.bakehouse")]
#[case("10.0.0.53", "dns.example", "env.bakehouse.egress.dns[0]")]
#[case("10.0.0.9:6514", "10.0.0.9", "env.bakehouse.egress.logs[0]")]
#[case(
    "firewall: delegated",
    "firewall: true",
    "env.bakehouse.powers.firewall"
)]
#[case("state: delegated", "uids: delegated", "env.bakehouse.powers.uids")]
#[case(
    "state: delegated",
    "credentials: delegated",
    "env.bakehouse.powers.credentials"
)]
fn values_are_checked(#[case] from: &str, #[case] to: &str, #[case] path: &str) {
    let error = refusal(from, to);
    if path == "env.bakehouse" {
        // What follows is not YAML any more.
        assert_eq!(error.code(), Code::ContractNotYaml, "{error}");
        return;
    }
    assert_eq!(error.code(), Code::ValueInvalid, "{error}");
    assert_eq!(error.place().path, path, "{error}");
    assert!(
        error.place().line.is_some() && error.place().column.is_some(),
        "{error}"
    );
}
