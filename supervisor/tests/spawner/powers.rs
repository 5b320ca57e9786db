//! Powers: which ones the supervisor and the spawner keep, and what happens where they are missing.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use bakehouse_supervisor::sandbox::drop_supervisor_capabilities;
use bakehouse_supervisor::spawner::{CredentialsMount, Spawner, SpawnerError};
use nix::sched::{CloneFlags, unshare};

use crate::runner::{Scene, role, wait_for};
use crate::stage::{Show, Stage, UID, field, read_lossy, runtime};

pub(crate) const SCENES: &[Scene] = &[
    (
        "the_supervisor_keeps_net_admin_only",
        the_supervisor_keeps_net_admin_only,
    ),
    (
        "the_spawner_keeps_five_powers_after_loading",
        the_spawner_keeps_five_powers,
    ),
    (
        "missing_powers_are_refused_by_name",
        missing_powers_are_refused_by_name,
    ),
    (
        "unmapped_ids_are_a_missing_power",
        unmapped_ids_are_a_missing_power,
    ),
    (
        "mapped_ids_and_ramfs_serve_in_a_user_namespace",
        mapped_ids_serve,
    ),
];

pub(crate) const ROLES: &[Scene] = &[("one-id", role_one_id), ("many-ids", role_many_ids)];

/// Bits of the kernel's capability numbers.
const CHOWN: u64 = 1 << 0;
const KILL: u64 = 1 << 5;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const NET_ADMIN: u64 = 1 << 12;
const SYS_ADMIN: u64 = 1 << 21;

fn capabilities(status: &str, set: &str) -> u64 {
    u64::from_str_radix(&field(status, set), 16).unwrap()
}

fn the_supervisor_keeps_net_admin_only() {
    let stage = Stage::new();
    assert!(drop_supervisor_capabilities().unwrap().net_admin);
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    // what an nft process would have
    let output = Command::new("/bin/cat")
        .arg("/proc/self/status")
        .env_clear()
        .output()
        .unwrap();
    let child = String::from_utf8(output.stdout).unwrap();
    for status in [own, child] {
        for set in ["CapPrm", "CapEff", "CapBnd", "CapInh"] {
            assert_eq!(capabilities(&status, set), NET_ADMIN, "{set}");
        }
        assert_eq!(field(&status, "NoNewPrivs"), "1");
    }
    assert!(unshare(CloneFlags::CLONE_NEWNS).is_err());
    // and the spawner still does what the supervisor no longer can
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        load.files = vec![stage.secret("key", UID, "canary")];
        show.handle.load(load).await.unwrap();
        show.run(0).await;
        show.handle.quit().await.unwrap();
    });
}

fn the_spawner_keeps_five_powers() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle
            .load(stage.load(vec![stage.script("exit 0")]))
            .await
            .unwrap();
        let path = format!("/proc/{}/status", show.handle.pid());
        let status = read_lossy(path.as_ref()).unwrap();
        let five = SETUID | SETGID | SYS_ADMIN | CHOWN | KILL;
        assert_eq!(capabilities(&status, "CapPrm"), five);
        assert_eq!(capabilities(&status, "CapEff"), five);
        for set in ["CapInh", "CapBnd", "CapAmb"] {
            assert_eq!(capabilities(&status, set), 0, "{set}");
        }
        assert_eq!(field(&status, "NoNewPrivs"), "1");
        assert_eq!(field(&status, "NSpid"), format!("{} 1", show.handle.pid()));
        let links = std::fs::read_dir(format!("/proc/{}/fd", show.handle.pid())).unwrap();
        let mut targets: Vec<String> = links
            .map(|entry| {
                std::fs::read_link(entry.unwrap().path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .map(|text| text.split(":[").next().unwrap().to_owned())
            .collect();
        targets.sort_unstable();
        let program = stage.path("units/sh").display().to_string();
        assert!(
            targets.iter().all(|target| {
                [
                    "/dev/null",
                    "anon_inode",
                    "anon_inode:[signalfd]",
                    "socket",
                    &program,
                ]
                .contains(&target.as_str())
            }),
            "{targets:?}"
        );
    });
}

fn missing_powers_are_refused_by_name() {
    let stage = Stage::without_spawner();
    drop_supervisor_capabilities().unwrap();
    let error = Spawner::fork(&stage.paths()).unwrap_err();
    assert_eq!(
        (error.code(), error.power()),
        ("power_missing", Some("capabilities"))
    );
    let text = error.to_string();
    assert!(
        text.contains("SYS_ADMIN") && text.contains("SETUID"),
        "{text}"
    );
}

fn unmapped_ids_are_a_missing_power() {
    in_user_namespace("one-id", "0 0 1\n");
}

fn mapped_ids_serve() {
    in_user_namespace("many-ids", "0 0 65536\n");
}

/// Plays a role in a user namespace with these mappings.
fn in_user_namespace(name: &str, mapping: &str) {
    let mut child = role(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    if line.trim() == "skipped" {
        println!("SKIPPED {name}: user namespaces are not permitted here");
        wait_for(&mut child);
        return;
    }
    for file in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{}/{file}", child.id()), mapping).unwrap();
    }
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert!(wait_for(&mut child).success());
}

fn enter_user_namespace() -> bool {
    if unshare(CloneFlags::CLONE_NEWUSER).is_err() {
        println!("skipped");
        return false;
    }
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line == "go\n"
}

fn role_one_id() {
    if !enter_user_namespace() {
        return;
    }
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let error = show
            .handle
            .load(stage.load(vec![stage.script("exit 0")]))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.power()),
            ("power_missing", Some("uids"))
        );
        assert!(matches!(error, SpawnerError::Refused(_)));
    });
}

fn role_many_ids() {
    if !enter_user_namespace() {
        return;
    }
    let stage = Stage::without_spawner();
    let spawner = Spawner::fork(&stage.paths()).unwrap();
    runtime().block_on(async {
        let mut show = Show::of(spawner);
        let path = stage.path("run/credentials/key");
        let mut load = stage.load(vec![stage.unit("cat", &[path.to_str().unwrap()])]);
        load.files = vec![stage.secret("key", UID, "canary")];
        let loaded = show.handle.load(load).await.unwrap();
        // noswap is for the first user namespace only
        assert_eq!(loaded.credentials, CredentialsMount::Ramfs);
        assert_eq!(show.run(0).await.0, "canary");
        show.handle.quit().await.unwrap();
        show.ended().await;
    });
}
