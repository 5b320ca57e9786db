//! A guest and the world outside: two network namespaces with a cable between them.
//!
//! Both belong to threads and descriptors of the test, so that the kernel removes them with the test, however it ends.
//! Needs root, or user namespaces: without root a test runs itself again under `unshare -r`, as the only uid.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};

use crate::firewall::{AllReady, Firewall, Nft, Port};

/// Set in a test that runs itself again in a user namespace.
const AGAIN: &str = "BAKEHOUSE_TEST_IN_USER_NAMESPACE";
/// What is let through takes well under a millisecond; what is dropped would take for ever.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);

pub(crate) struct World {
    guest: OwnedFd,
    outside: OwnedFd,
}

/// Runs a test in a world of its own.
pub(crate) fn in_a_world(test: impl FnOnce(&World)) {
    if std::thread::scope(|scope| scope.spawn(may_unshare).join().unwrap()) {
        test(&World::new());
        return;
    }
    assert!(
        std::env::var_os(AGAIN).is_none(),
        "no network namespace in a user namespace"
    );
    let thread = std::thread::current();
    let name = thread.name().expect("a test thread has the test's name");
    let output = Command::new("unshare")
        .args(["-r", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(AGAIN, "1")
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    eprintln!("{told}");
    // Without a thread of its own (one test thread) a test does not know its name, and none would run.
    assert!(
        told.contains("1 passed"),
        "{name} failed in a user namespace"
    );
}

fn may_unshare() -> bool {
    unshare(CloneFlags::CLONE_NEWNET).is_ok()
}

fn new_namespace() -> OwnedFd {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up");
        OwnedFd::from(std::fs::File::open("/proc/thread-self/ns/net").unwrap())
    };
    std::thread::scope(|scope| scope.spawn(make).join().unwrap())
}

/// Runs a shell command in the namespace of this thread.
pub(crate) fn sh(command: &str) -> String {
    let output = Command::new("sh").args(["-ec", command]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `nft` commands in the namespace of this thread, as somebody else would.
pub(crate) fn nft(commands: &str) -> String {
    sh(&format!("nft -f - <<'END'\n{commands}\nEND"))
}

// === impl World ===

impl World {
    fn new() -> Self {
        let world = Self {
            guest: new_namespace(),
            outside: new_namespace(),
        };
        let (process, guest) = (std::process::id(), world.guest.as_raw_fd());
        world.outside(|| {
            sh(&format!(
                "ip link add outer type veth peer name inner
                 ip link set inner netns /proc/{process}/fd/{guest}
                 ip link set outer up
                 for host in 2 3 9 53; do
                   ip addr add 10.78.0.$host/24 dev outer
                   ip addr add fd78::$host/64 dev outer nodad
                 done"
            ))
        });
        world.inside(|| {
            sh("ip link set inner up
                ip addr add 10.78.0.1/24 dev inner
                ip addr add fd78::1/64 dev inner nodad");
        });
        world.wait_for_the_cable();
        world
    }

    /// A new cable takes a while to carry. Forgets the neighbours that it has found, so that tests find them again.
    fn wait_for_the_cable(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        for address in ["10.78.0.2:1", "[fd78::2]:1"] {
            let listener = self.outside(|| TcpListener::bind(address).unwrap());
            while self.inside(|| connect(address).is_none()) {
                assert!(Instant::now() < deadline, "no way to {address}");
            }
            drop(listener);
        }
        self.inside(|| sh("ip neigh flush all"));
        self.outside(|| sh("ip neigh flush all"));
    }

    /// Runs something in the guest.
    pub(crate) fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        within(&self.guest, run)
    }

    /// Runs something outside the guest.
    pub(crate) fn outside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        within(&self.outside, run)
    }

    /// Locks the guest and applies the usual rules.
    pub(crate) fn applied(&self) -> Firewall {
        self.inside(|| {
            let mut firewall = Firewall::lock(&Nft::find().unwrap()).unwrap();
            firewall.apply(&super::specs::usual()).unwrap();
            firewall
        })
    }

    /// Whether the outside gets a connection to the guest.
    pub(crate) fn reaches(&self, address: &str) -> bool {
        self.outside(|| connect(address).is_some())
    }

    /// Connects in the guest as a uid.
    pub(crate) fn connects_as(&self, uid: u32, address: &str) -> bool {
        self.bash_as(uid, "tcp", address)
    }

    /// Sends a datagram in the guest as a uid. A datagram that is dropped on its way out is an error of the sender.
    pub(crate) fn sends_as(&self, uid: u32, address: &str) -> bool {
        self.bash_as(uid, "udp", address)
    }

    fn bash_as(&self, uid: u32, protocol: &str, address: &str) -> bool {
        let address: SocketAddr = address.parse().unwrap();
        let (host, port) = (address.ip(), address.port());
        let script = format!("exec 3<>/dev/{protocol}/{host}/{port} && echo hello >&3");
        let seconds = PATIENCE.as_secs_f64().to_string();
        self.inside(|| {
            Command::new("timeout")
                .args([&seconds, "bash", "-c", &script])
                .uid(uid)
                .gid(uid)
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        })
    }

    /// Listens on TCP in the guest; what is accepted is echoed until the listener is dropped with the test's process.
    pub(crate) fn echo(&self, address: &str) {
        let listener = self.inside(|| TcpListener::bind(address).unwrap());
        echo(listener);
    }

    /// The same, outside.
    pub(crate) fn echo_outside(&self, address: &str) {
        let listener = self.outside(|| TcpListener::bind(address).unwrap());
        echo(listener);
    }
}

fn within<T: Send>(namespace: &OwnedFd, run: impl FnOnce() -> T + Send) -> T {
    let enter = || {
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        run()
    };
    std::thread::scope(|scope| scope.spawn(enter).join().unwrap())
}

fn echo(listener: TcpListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut writer = stream.try_clone().unwrap();
                std::io::copy(&mut stream, &mut writer).ok();
            });
        }
    });
}

/// Connects from the namespace of this thread.
pub(crate) fn connect(address: &str) -> Option<TcpStream> {
    match TcpStream::connect_timeout(&address.parse().unwrap(), PATIENCE) {
        Ok(stream) => Some(stream),
        Err(error) => {
            let expected = [ErrorKind::TimedOut, ErrorKind::HostUnreachable];
            assert!(expected.contains(&error.kind()), "{address}: {error}");
            None
        }
    }
}

/// A program in the place of `nft`, with the folder that it lies in.
pub(crate) fn nft_script(body: &str) -> (tempfile::TempDir, Nft) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nft");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    let nft = Nft::at(&path);
    (folder, nft)
}

/// A proof that holds for a minute.
pub(crate) fn ready() -> AllReady {
    AllReady::new(Instant::now() + Duration::from_mins(1))
}

/// Arms, and says when.
pub(crate) fn arm(port: &Port) -> Instant {
    let before = Instant::now();
    port.rearm(ready()).unwrap();
    before
}

/// Whether this process may act as other uids; tells so when it may not.
pub(crate) fn has_uids() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let mapped = |line: &str| -> Option<u64> { line.split_whitespace().nth(2)?.parse().ok() };
    let count: u64 = map.lines().filter_map(mapped).sum();
    if count < 10_000 {
        eprintln!("SKIPPED, NOT TESTED: rules by uid need root or mapped sub-ids");
    }
    count >= 10_000
}
