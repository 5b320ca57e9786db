//! What the stand-ins refuse, and with which exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{BINARY, Running, command, done, run};

const HASH: &str = "tz3LUdmLdpj2ZpVY7uTQfYuxarVykqYXxvPA";
const KEY: &str = "p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk";

/// Writes a wallet with one remote key.
pub(crate) fn wallet(base_dir: &Path, hash: &str, key: &str, locator: &str) {
    for (file, value) in [
        ("public_key_hashs", serde_json::json!(hash)),
        (
            "public_keys",
            serde_json::json!({"locator": locator, "key": key}),
        ),
        ("secret_keys", serde_json::json!(locator)),
    ] {
        let text = serde_json::json!([{"name": "baker", "value": value}]).to_string();
        fs::write(base_dir.join(file), text).unwrap();
    }
}

fn refused(name: &str, line: &str, code: i32, words: &str) {
    let args: Vec<&str> = line.split_whitespace().collect();
    let (seen, text) = run(name, &args);
    assert_eq!(seen, code, "{name} {line}: {text}");
    assert!(text.contains(words), "{name} {line}: {text}");
}

#[test]
fn the_name_decides_and_others_are_refused() {
    for name in [
        "octez-node",
        "octez-baker",
        "octez-accuser",
        "octez-dal-node",
    ] {
        assert!(done(name, &["--version"]).contains("stand-in"), "{name}");
        assert!(done("x", &["--as", name, "--version"]).contains(name));
        assert!(done(&format!("/some/where/{name}"), &["--version"]).contains(name));
    }
    refused("octez-client", "", 2, "octez-client");
}

#[test]
fn the_node_refuses_what_octez_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("node");
    let data = data.to_str().unwrap();
    for (line, code, words) in [
        ("", 124, "COMMAND"),
        ("bake", 124, "unknown command"),
        ("run", 1, "--data-dir"),
        ("run --data-dir D --nope", 124, "--nope"),
        ("run --data-dir D extra", 124, "extra"),
        ("run --data-dir D --network nonet", 124, "nonet"),
        ("run --data-dir D --history-mode light", 124, "light"),
        ("run --data-dir D --connections many", 124, "many"),
        ("run --data-dir D --rpc-addr here:there", 1, "here:there"),
        ("run --data-dir D --block-time 0.01", 1, "--block-time"),
        ("run --data-dir D --log-output relative", 124, "log-output"),
        ("config update --data-dir D", 1, "Missing configuration"),
        ("config make --data-dir D", 124, "make"),
        (
            "config init --data-dir D --singleprocess",
            124,
            "singleprocess",
        ),
        ("identity show --data-dir D", 1, "identity"),
        ("upgrade storage --data-dir D", 1, "no store"),
        ("snapshot info /nonexistent", 1, "nonexistent"),
        ("snapshot import --data-dir D", 124, "FILE"),
    ] {
        refused(
            "octez-node",
            &line.replace(" D", &format!(" {data}")),
            code,
            words,
        );
    }
}

#[test]
fn the_network_and_history_mode_of_a_data_directory_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node");
    let data = path.to_str().unwrap();
    done(
        "octez-node",
        &[
            "config",
            "init",
            "--data-dir",
            data,
            "--network",
            "shadownet",
            "--history-mode=rolling:2",
        ],
    );
    let config = fs::read_to_string(path.join("config.json")).unwrap();
    assert!(
        config.contains("\"shadownet\"") && config.contains("rolling:2"),
        "{config}"
    );
    refused(
        "octez-node",
        &format!("config init --data-dir {data}"),
        1,
        "Pre-existing",
    );
    refused(
        "octez-node",
        &format!("run --data-dir {data} --network ghostnet"),
        1,
        "cannot be changed",
    );
    done("octez-node", &["identity", "generate", "--data-dir", data]);
    refused(
        "octez-node",
        &format!("identity generate --data-dir {data}"),
        1,
        "already exists",
    );

    let (node, _, _) = Running::node(&path, &[]);
    refused("octez-node", &format!("run --data-dir {data}"), 1, "locked");
    drop(node);
    refused(
        "octez-node",
        &format!("run --data-dir {data} --history-mode archive"),
        1,
        "Cannot switch",
    );
    // The configuration may be rewritten, the chain in the directory may not.
    done(
        "octez-node",
        &["config", "reset", "--data-dir", data, "--network=mainnet"],
    );
    refused(
        "octez-node",
        &format!("run --data-dir {data}"),
        1,
        "belongs to the network shadownet",
    );
}

#[test]
fn a_snapshot_goes_into_an_empty_directory_of_its_network_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("snapshot");
    let file = file.to_str().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (name, network) in [("a", "shadownet"), ("b", "shadownet"), ("c", "ghostnet")] {
        done(
            "octez-node",
            &["config", "init", "-d", &path(name), "--network", network],
        );
    }
    let text = done(
        "octez-node",
        &["snapshot", "export", file, "--data-dir", &path("a")],
    );
    let head = text.trim_end().rsplit(' ').next().unwrap();
    assert!(done("octez-node", &["snapshot", "info", file]).contains(head));

    let other = format!("snapshot import {file} --data-dir {}", path("b"));
    refused(
        "octez-node",
        &format!("{other} --block BLx"),
        1,
        "instead of BLx",
    );
    let (b, c) = (path("b"), path("c"));
    refused(
        "octez-node",
        &format!("snapshot import {file} --data-dir {c}"),
        1,
        "network",
    );
    done(
        "octez-node",
        &[
            "snapshot",
            "import",
            file,
            "--data-dir",
            &b,
            "--block",
            head,
        ],
    );
    refused("octez-node", &other, 1, "not empty");
    let damaged = fs::read_to_string(file)
        .unwrap()
        .replace("level: ", "level: 1");
    fs::write(file, damaged).unwrap();
    refused(
        "octez-node",
        &format!("snapshot import {file} -d {}", path("a")),
        1,
        "inconsistent",
    );
    Running::node(&dir.path().join("b"), &[]);
}

#[test]
fn the_baker_refuses_what_octez_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let (node, base) = (dir.path().join("node"), dir.path().join("baker"));
    fs::create_dir(&base).unwrap();
    wallet(&base, HASH, KEY, &format!("http://127.0.0.1:6732/{HASH}"));
    drop(Running::node(&node, &[]));
    let (node, base) = (node.to_str().unwrap(), base.to_str().unwrap());
    let vote = "--liquidity-baking-toggle-vote pass";
    for (line, words) in [
        ("", "--base-dir"),
        (
            "--base-dir /nonexistent run with local node N",
            "does not exist",
        ),
        ("--nope run with local node N", "--nope"),
        ("--base-dir B bake", "Unrecognized"),
        (
            "--base-dir=B run with local node N VOTE --without-dal",
            "--base-dir=B",
        ),
        (
            "--base-dir B run with local node N --without-dal",
            "toggle vote",
        ),
        (
            "--base-dir B run with local node N --liquidity-baking-toggle-vote maybe --without-dal",
            "maybe",
        ),
        (
            "--base-dir B run with local node N VOTE",
            "No_dal_node_endpoint",
        ),
        (
            "--base-dir B run with local node N VOTE --without-dal --dal-node http://127.0.0.1:1",
            "Incompatible_dal_options",
        ),
        (
            "--base-dir B run with local node N VOTE --without-dal --adaptive-issuance-vote on",
            "adaptive",
        ),
        (
            "--base-dir B run with local node N alice VOTE --without-dal",
            "alias named alice",
        ),
        (
            "--base-dir B run with local node /nonexistent VOTE --without-dal",
            "data directory",
        ),
        (
            "--base-dir B --endpoint https://x run with local node N VOTE --without-dal",
            "https://x",
        ),
        (
            "--base-dir B --endpoint http://127.0.0.1:1 run with local node N VOTE --without-dal",
            "cannot reach the node",
        ),
        (
            "--base-dir B run with local node N VOTE --without-dal --votefile /nonexistent",
            "votes file",
        ),
    ] {
        let line = line
            .replace("VOTE", vote)
            .replace("-dir B", &format!("-dir {base}"))
            .replace("node N", &format!("node {node}"));
        refused("octez-baker", &line, 1, words);
    }
}

/// As another uid than the node's, outside its group, the baker must not get through.
#[test]
fn the_baker_cannot_start_without_the_nodes_files() {
    use std::os::unix::process::CommandExt as _;
    if !nix::unistd::Uid::effective().is_root() {
        // Needs a second uid; as an ordinary user everything is owned by one.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The build's folder may be closed to other users.
    let program = dir.path().join("octez-stand-in");
    fs::copy(BINARY, &program).unwrap();
    let (node, base) = (dir.path().join("node"), dir.path().join("baker"));
    fs::create_dir(&base).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
    wallet(&base, HASH, KEY, &format!("http://127.0.0.1:6732/{HASH}"));
    drop(Running::node(&node, &[]));
    let line = [
        "--base-dir",
        base.to_str().unwrap(),
        "--endpoint",
        "http://127.0.0.1:1",
        "run",
        "with",
        "local",
        "node",
        node.to_str().unwrap(),
        "--liquidity-baking-toggle-vote",
        "pass",
        "--without-dal",
    ];
    let ends_with = |gid: u32| {
        let mut command = command(program.to_str().unwrap(), "octez-baker", &line);
        let output = command.uid(9103).gid(gid).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(ends_with(9103).contains("Permission denied"));
    // A member of the node's group gets past the files, to the node that is not there.
    assert!(ends_with(0).contains("cannot reach the node"));
}

#[test]
fn the_accuser_and_the_dal_node_refuse_what_octez_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().to_str().unwrap();
    let dal = dir.path().join("dal");
    let dal = dal.to_str().unwrap();
    for (line, words) in [
        ("run", "--base-dir"),
        ("--base-dir B", "Unrecognized"),
        ("--base-dir B run --preserved-levels many", "many"),
        ("--base-dir B run --nope", "--nope"),
        (
            "--base-dir B --endpoint http://127.0.0.1:1 run",
            "Lost the connection",
        ),
    ] {
        refused(
            "octez-accuser",
            &line.replace(" B", &format!(" {base}")),
            1,
            words,
        );
    }
    refused("octez-dal-node", "run", 1, "--data-dir");
    refused(
        "octez-dal-node",
        &format!("run --data-dir {dal}"),
        1,
        "--endpoint",
    );
    refused(
        "octez-dal-node",
        &format!("config init --data-dir {dal} --nope"),
        124,
        "--nope",
    );
    let init = format!("config init --data-dir {dal} --endpoint http://127.0.0.1:8732");
    refused(
        "octez-dal-node",
        &format!("{init} --attester-profiles=alice"),
        124,
        "alice",
    );
    let good = format!("{init} --attester-profiles={HASH}");
    done("octez-dal-node", &good.split(' ').collect::<Vec<_>>());
    refused("octez-dal-node", &good, 1, "already exists");
    assert!(done("octez-dal-node", &["config", "show", "--data-dir", dal]).contains(HASH));
}
