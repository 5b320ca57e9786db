//! Runs each scene as a process, with a deadline.

use std::env;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A test: its name says the behaviour.
pub(crate) type Scene = (&'static str, fn());

const DEADLINE: Duration = Duration::from_mins(1);
const SCENE: &str = "--scene";
const ROLE: &str = "--role";

/// Runs what the command line asks for.
pub(crate) fn run(scenes: &[Scene], roles: &[Scene]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    for (flag, table) in [(SCENE, scenes), (ROLE, roles)] {
        if let Some(at) = arguments.iter().position(|argument| argument == flag) {
            let wanted = &arguments[at + 1];
            let (_, act) = table
                .iter()
                .find(|(name, _)| name == wanted)
                .expect("a known name");
            act();
            return ExitCode::SUCCESS;
        }
    }
    let filters: Vec<&String> = arguments
        .iter()
        .filter(|text| !text.starts_with('-'))
        .collect();
    let chosen: Vec<&Scene> = scenes
        .iter()
        .filter(|(name, _)| filters.is_empty() || filters.iter().any(|text| name.contains(*text)))
        .collect();
    if arguments.iter().any(|argument| argument == "--list") {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED {} spawner scenes: they need root", chosen.len());
        return ExitCode::SUCCESS;
    }
    perform_all(&chosen)
}

/// Starts this program in a role that a scene needs another process for.
pub(crate) fn role(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(ROLE).arg(name);
    command
}

/// Waits for a child's end; kills it, and fails, after the deadline.
pub(crate) fn wait_for(child: &mut Child) -> ExitStatus {
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let timeout = Timespec::try_from(DEADLINE).unwrap();
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    if rustix::io::retry_on_intr(|| poll(&mut fds, Some(&timeout))).unwrap() == 0 {
        child.kill().unwrap();
    }
    child.wait().unwrap()
}

fn perform_all(chosen: &[&Scene]) -> ExitCode {
    println!("\nrunning {} scenes", chosen.len());
    let mut failed = 0;
    for (name, _) in chosen {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([SCENE, name])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let status = wait_for(&mut child);
        if status.success() {
            println!("scene {name} ... ok");
        } else {
            println!("scene {name} ... FAILED ({status})");
            failed += 1;
        }
    }
    println!(
        "\nscenes: {} passed; {failed} failed\n",
        chosen.len() - failed
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
