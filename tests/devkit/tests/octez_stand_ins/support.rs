//! Starts stand-ins as a supervisor does: a name in `argv[0]`, no environment, `/` as working directory.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_octez-stand-in");
pub(crate) const PROBER: &str = env!("CARGO_BIN_EXE_bakehouse-prober");

/// Nothing that a test waits for takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<String>,
    pub(crate) seen: Vec<String>,
}

pub(crate) fn command(program: &str, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .arg0(name)
        .args(args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

/// Runs to the end; gives the exit code and all output.
pub(crate) fn run(name: &str, args: &[&str]) -> (i32, String) {
    let output = command(BINARY, name, args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

/// Runs to the end, which must be a good one.
pub(crate) fn done(name: &str, args: &[&str]) -> String {
    let (code, text) = run(name, args);
    assert_eq!(code, 0, "{name} {args:?}: {text}");
    text
}

impl Running {
    pub(crate) fn start(name: &str, args: &[&str]) -> Self {
        Self::spawn(command(BINARY, name, args))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, stdout) = channel();
        std::thread::spawn(move || {
            // Ends with the program, or with the test that no longer listens.
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self {
            child,
            stdout,
            seen: Vec::new(),
        }
    }

    /// A node on free ports; gives it with the addresses of P2P and RPC.
    pub(crate) fn node(data_dir: &Path, more: &[&str]) -> (Self, SocketAddr, SocketAddr) {
        let mut args = vec!["run", "--data-dir", data_dir.to_str().unwrap()];
        args.extend([
            "--network=shadownet",
            "--net-addr=[::]:0",
            "--rpc-addr",
            "127.0.0.1:0",
        ]);
        args.extend(more);
        let mut node = Self::start("octez-node", &args);
        let net = node.line("P2P: listening on ").parse().unwrap();
        let rpc = node.line("Starting local RPC server at ").parse().unwrap();
        node.line("the Tezos node is now running");
        (node, net, rpc)
    }

    /// Reads up to a line that begins so; gives the rest of it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        loop {
            let line = match self.stdout.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(end) => panic!("{end} before '{start}': {:#?}", self.seen),
            };
            self.seen.push(line.clone());
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, signal).unwrap();
    }

    /// Waits for the end: exit code (or 1000 + signal), and what was still printed.
    pub(crate) fn wait(&mut self) -> (i32, String) {
        let mut rest = String::new();
        loop {
            match self.stdout.recv_timeout(PATIENCE) {
                Ok(line) => rest.extend([line.as_str(), "\n"]),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {rest}"),
            }
        }
        let status = self.child.wait().unwrap();
        (
            status
                .code()
                .unwrap_or_else(|| 1000 + status.signal().unwrap()),
            rest,
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// GET over a socket of its own; gives the JSON body.
pub(crate) fn get(address: SocketAddr, path: &str) -> serde_json::Value {
    let base = bakehouse_devkit::octez::http::Base::parse(&format!("http://{address}")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reply = runtime.block_on(base.get(path)).unwrap();
    assert_eq!(reply.status, 200, "{path}");
    reply.json().unwrap()
}
