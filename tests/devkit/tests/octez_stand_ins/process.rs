//! How the stand-ins live and end as processes.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::{BINARY, Running, command, get};

#[test]
fn a_node_answers_like_octez_and_ends_with_127() {
    let dir = tempfile::tempdir().unwrap();
    let (mut node, net, rpc) = Running::node(dir.path(), &[]);
    assert!(node.seen[0].contains("stand-in"));
    assert_eq!(
        get(rpc, "/health/ready"),
        serde_json::json!({"ready": true})
    );
    assert_eq!(get(rpc, "/chains/main/chain_id"), "NetXsqzbfFenSTS");
    assert_eq!(get(rpc, "/version")["version"]["major"], 25);
    assert_eq!(
        get(rpc, "/config/history_mode")["history_mode"]["rolling"]["additional_cycles"],
        1
    );
    assert_eq!(
        get(rpc, "/chains/main/blocks/head/context/constants")["minimal_block_delay"],
        "1"
    );
    get(rpc, "/monitor/bootstrapped");
    let bootstrapped = get(rpc, "/chains/main/is_bootstrapped");
    assert_eq!(
        bootstrapped,
        serde_json::json!({"bootstrapped": true, "sync_state": "synced"})
    );
    let head = get(rpc, "/chains/main/blocks/head/header");
    let level = head["level"].as_i64().unwrap();
    assert!(level > 0 && head["hash"].as_str().unwrap().starts_with('B'));
    let parent = get(rpc, &format!("/chains/main/blocks/{}/header", level - 1));
    assert_eq!(parent["hash"], head["predecessor"]);
    assert_eq!(
        get(rpc, &format!("/chains/main/blocks/{}/hash", level - 1)),
        parent["hash"]
    );

    // A peer is taken over IPv4 too, counted, and hears something.
    let mut peer = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], net.port()))).unwrap();
    peer.read_exact(&mut [0; 40]).unwrap();
    assert_eq!(
        get(rpc, "/network/connections").as_array().unwrap().len(),
        1
    );

    let asked = Instant::now();
    node.signal(Signal::SIGTERM);
    let (code, rest) = node.wait();
    assert_eq!(code, 127, "{rest}");
    assert!(rest.ends_with("BYE\n"), "{rest}");
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    let mode = |file: &str| {
        fs::metadata(dir.path().join(file))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("context/toy-context") & 0o640, 0o640);
    assert_eq!(mode("identity.json"), 0o600);
}

/// A process's arguments. The kernel shows none for a moment after an exec, when the parent already runs on.
fn command_line(pid: u32) -> Vec<u8> {
    loop {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        if !line.is_empty() {
            return line;
        }
        std::thread::yield_now();
    }
}

#[test]
fn the_helper_process_dies_with_a_killed_node() {
    let dir = tempfile::tempdir().unwrap();
    let (mut node, ..) = Running::node(dir.path(), &[]);
    let seen = node
        .seen
        .iter()
        .find_map(|line| line.strip_prefix("external validator: process "));
    let pid: u32 = seen.unwrap().parse().unwrap();
    assert_eq!(command_line(pid), b"octez-validator\0");
    node.signal(Signal::SIGKILL);
    // The helper has the same stdout: its end is the end of both.
    assert_eq!(node.wait().0, 1000 + Signal::SIGKILL as i32);

    let (node, ..) = Running::node(dir.path(), &["--singleprocess"]);
    assert!(
        !node
            .seen
            .iter()
            .any(|line| line.starts_with("external validator"))
    );
}

#[test]
fn a_killed_helper_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (mut node, ..) = Running::node(dir.path(), &[]);
    let seen = node
        .seen
        .iter()
        .find_map(|line| line.strip_prefix("external validator: process "));
    let pid: i32 = seen.unwrap().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    assert_ne!(node.line("external validator: process ").parse(), Ok(pid));
}

#[test]
fn a_second_signal_counts_after_a_second_and_gives_255() {
    let dir = tempfile::tempdir().unwrap();
    let (mut node, ..) = Running::node(dir.path(), &["--shutdown-delay=60"]);
    node.signal(Signal::SIGTERM);
    node.line("Shutting down");
    // Within the grace: not listened to.
    node.signal(Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(1200));
    node.signal(Signal::SIGTERM);
    assert_eq!(node.wait().0, 255);

    let (mut node, ..) = Running::node(dir.path(), &["--shutdown-delay=1.5"]);
    node.signal(Signal::SIGTERM);
    node.line("Shutting down");
    node.signal(Signal::SIGTERM);
    assert_eq!(node.wait().0, 127);
}

#[test]
fn an_unlinked_program_runs_through_its_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("program");
    fs::copy(BINARY, &copy).unwrap();
    let program = File::open(&copy).unwrap();
    fs::remove_file(&copy).unwrap();
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    let data = dir.path().join("node");
    let args = [
        "run",
        "--data-dir",
        data.to_str().unwrap(),
        "--net-addr",
        "127.0.0.1:0",
    ];
    let mut node = Running::spawn(command(&path, "octez-node", &args));
    node.line("the Tezos node is now running");
    assert!(
        node.seen
            .iter()
            .any(|line| line.starts_with("external validator: process "))
    );
    node.signal(Signal::SIGINT);
    assert_eq!(node.wait().0, 127);
}

#[test]
fn the_port_of_another_program_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (_one, _, rpc) = Running::node(&dir.path().join("one"), &[]);
    let data = dir.path().join("two");
    let taken = rpc.to_string();
    let args = [
        "run",
        "--data-dir",
        data.to_str().unwrap(),
        "--net-addr=:0",
        "--rpc-addr",
        &taken,
    ];
    let (code, text) = crate::support::run("octez-node", &args);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&taken), "{text}");
}

#[test]
fn the_accuser_and_the_dal_node_follow_and_stop() {
    let dir = tempfile::tempdir().unwrap();
    let (_node, _, rpc) = Running::node(&dir.path().join("node"), &["--block-time=0.1"]);
    let endpoint = format!("http://{rpc}");
    let base = dir.path().to_str().unwrap();
    let mut accuser = Running::start(
        "octez-accuser",
        &["--base-dir", base, "--endpoint", &endpoint, "run", "-K"],
    );
    accuser.line("nobody to accuse");
    accuser.signal(Signal::SIGTERM);
    assert_eq!(accuser.wait().0, 127);

    let data = dir.path().join("dal");
    let mut dal = Running::start(
        "octez-dal-node",
        &[
            "run",
            "--data-dir",
            data.to_str().unwrap(),
            "--endpoint",
            &endpoint,
            "--rpc-addr=127.0.0.1:0",
            "--net-addr=127.0.0.1:0",
        ],
    );
    let address = dal.line("RPC server listening on ").parse().unwrap();
    assert_eq!(get(address, "/health")["status"], "degraded");
    while get(address, "/synchronized") != "synced" {}
    dal.signal(Signal::SIGTERM);
    assert_eq!(dal.wait().0, 127);
}
