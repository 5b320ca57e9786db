//! What a program starts with, and what this process itself starts with.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::process::Stdio;

use bakehouse_supervisor::process::{ExitReason, sanitise, shed_environment, take_sections};
use bakehouse_supervisor::spawner::{SpawnerError, StartOutcome, Step};

use crate::runner::{Scene, role};
use crate::stage::{Stage, UID, prepare, read_all, read_lossy};

pub(crate) const SCENES: &[Scene] = &[
    (
        "environment_holds_the_plan_and_nothing_else",
        environment_is_planned,
    ),
    (
        "only_three_descriptors_are_open",
        only_three_descriptors_are_open,
    ),
    (
        "argv_zero_is_the_name_and_cwd_the_planned_one",
        argv_and_cwd,
    ),
    ("both_streams_arrive_apart", both_streams_arrive_apart),
    ("pid_is_the_supervisors_view", pid_is_the_supervisors_view),
    (
        "preparations_are_skipped_by_what_the_unit_itself_sees",
        preparations_are_skipped,
    ),
    (
        "a_start_that_fails_names_the_step",
        a_start_that_fails_names_the_step,
    ),
    (
        "own_environment_is_shed_by_exec",
        own_environment_is_shed_by_exec,
    ),
    ("own_descriptors_are_closed", own_descriptors_are_closed),
];

pub(crate) const ROLES: &[Scene] = &[("shed", role_shed), ("sanitise", role_sanitise)];

fn environment_is_planned() {
    let stage = Stage::new();
    let mut unit = stage.unit("cat", &["/proc/self/environ"]);
    assert!(
        std::env::vars_os().next().is_some(),
        "the test itself has an environment"
    );
    unit.env = vec![
        ("HOME".into(), "/nowhere".into()),
        ("EMPTY".into(), String::new()),
    ];
    assert_eq!(stage.outcome(unit).0, "HOME=/nowhere\0EMPTY=\0");
    let stage = Stage::new();
    let unit = stage.unit("cat", &["/proc/self/environ"]);
    assert_eq!(stage.outcome(unit).0, "");
}

fn only_three_descriptors_are_open() {
    let stage = Stage::new();
    let unit = stage.unit("ls", &["-l", "/proc/self/fd"]);
    let text = stage.outcome(unit).0;
    let links: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(" -> ").nth(1))
        .collect();
    assert_eq!(links.len(), 4, "{text}");
    assert_eq!(links[0], "/dev/null");
    assert!(
        links[1].starts_with("pipe:") && links[2].starts_with("pipe:"),
        "{text}"
    );
    // ls itself has the folder open that it lists
    assert!(links[3].starts_with("/proc/"), "{text}");
}

fn argv_and_cwd() {
    let stage = Stage::new();
    let mut unit = stage.script("echo $0; pwd; echo \"$@\"");
    unit.args = ["-c", "/bin/cat /proc/$$/cmdline; echo; pwd"]
        .map(str::to_owned)
        .to_vec();
    unit.cwd = stage.path("state");
    let expected = format!("sh\0-c\0{}\0\n{}\n", unit.args[1], unit.cwd.display());
    assert_eq!(stage.outcome(unit).0, expected);
}

fn both_streams_arrive_apart() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let unit = stage.script("echo out; echo err >&2; cat");
        show.handle.load(stage.load(vec![unit])).await.unwrap();
        let started = show.started(0).await;
        assert_eq!(read_all(started.stdout).await, "out\n");
        assert_eq!(read_all(started.stderr).await, "err\n");
        // cat ends at once: standard input is /dev/null
        assert_eq!(show.exited().await.reason, ExitReason::Exited(0));
    });
}

fn pid_is_the_supervisors_view() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle
            .load(stage.load(vec![stage.unit("sleep", &["1000"])]))
            .await
            .unwrap();
        let pid = show.started(0).await.pid;
        let line = read_lossy(format!("/proc/{pid}/cmdline").as_ref()).unwrap();
        assert_eq!(line, "sleep\x001000\0");
    });
}

fn preparations_are_skipped() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let file = stage.path("state/own/identity");
        let mut unit = stage.script("exit 0");
        let script = format!("echo made > {}", file.display());
        unit.prepare = vec![prepare(&["-c", &script], file.clone())];
        let mut load = stage.load(vec![unit]);
        load.directories = vec![stage.folder("state/own", UID, 0o700)];
        show.handle.load(load).await.unwrap();
        let first = show.handle.start(0, Step::Prepare(0)).await.unwrap();
        assert!(matches!(first, StartOutcome::Running(_)));
        let exited = show.exited().await;
        assert_eq!(
            (exited.step, exited.reason),
            (Step::Prepare(0), ExitReason::Exited(0))
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "made\n");
        let second = show.handle.start(0, Step::Prepare(0)).await.unwrap();
        assert!(matches!(second, StartOutcome::Skipped));
    });
}

fn a_start_that_fails_names_the_step() {
    let stage = Stage::new();
    std::fs::copy(stage.path("units/cat"), stage.path("units/locked")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(stage.path("units/locked"), mode).unwrap();
    std::fs::write(stage.path("units/text"), "no program").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(stage.path("units/text"), mode).unwrap();
    stage.play(async |stage, show| {
        let mut lost = stage.script("exit 0");
        lost.cwd = stage.path("nowhere");
        let units = vec![lost, stage.unit("locked", &[]), stage.unit("text", &[])];
        show.handle.load(stage.load(units)).await.unwrap();
        let expected = [
            ("cwd", nix::libc::ENOENT),
            ("exec", nix::libc::EACCES),
            ("exec", nix::libc::ENOEXEC),
        ];
        for (unit, (name, number)) in expected.into_iter().enumerate() {
            match show.handle.start(unit, Step::Main).await.unwrap_err() {
                SpawnerError::StartFailed { step, errno } => {
                    assert_eq!((step.as_str(), errno), (name, number));
                }
                other => panic!("{other}"),
            }
        }
    });
}

fn own_environment_is_shed_by_exec() {
    let mut child = role("shed")
        .env("BAKEHOUSE_WORKLOAD", "workload: canary-one")
        .env("BAKEHOUSE_ENV", "env: canary-two")
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(text, "environ []\nworkload: canary-one\nenv: canary-two\n");
}

fn role_shed() {
    shed_environment().unwrap();
    let arguments: Vec<String> = std::env::args().collect();
    assert_eq!(arguments[1], "--sections-fd");
    let fd = arguments[2].parse().unwrap();
    sanitise(&[fd]).unwrap();
    let sections = take_sections(fd).unwrap();
    assert!(take_sections(fd).is_err(), "the descriptor is closed");
    println!("environ {:?}", std::fs::read("/proc/self/environ").unwrap());
    println!("{}", *sections.workload.unwrap());
    println!("{}", *sections.env.unwrap());
}

fn own_descriptors_are_closed() {
    let mut child = role("sanitise")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(
        text,
        "kept true\nstray false\nstdin /dev/null\numask 0077\n"
    );
}

fn role_sanitise() {
    let [kept, stray] = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()]
        .map(std::os::fd::IntoRawFd::into_raw_fd);
    sanitise(&[kept]).unwrap();
    let open = |fd: i32| std::fs::metadata(format!("/proc/self/fd/{fd}")).is_ok();
    println!("kept {}\nstray {}", open(kept), open(stray));
    let stdin = std::fs::read_link(format!("/proc/self/fd/{}", std::io::stdin().as_raw_fd()));
    println!("stdin {}", stdin.unwrap().display());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("umask {}", crate::stage::field(&status, "Umask"));
}
