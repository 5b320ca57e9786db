//! A whole bench: a software HSM behind real mutual TLS (with an X.509 v1 client certificate), and the real signer process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bakehouse_devkit::tezos::key::PublicKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::hsm::Hsm;
use crate::http::{self, Answer};
use crate::line::Line;
use crate::payload;

const BINARY: &str = env!("CARGO_BIN_EXE_bakehouse-signer");
/// Nothing in these tests takes longer on a machine that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// A key made by `keys create`.
#[derive(Clone)]
pub(crate) struct TestKey {
    pub(crate) address: String,
    pub(crate) public_key: String,
    pub(crate) blob: String,
}

impl TestKey {
    pub(crate) fn path(&self) -> String {
        format!("/keys/{}", self.address)
    }

    /// Whether `signature` is this key's over `payload`, by code that shares nothing with the signer.
    pub(crate) fn verifies(&self, payload: &[u8], signature: &str) -> bool {
        let key = PublicKey::parse(&self.public_key).unwrap();
        let raw = key.parse_signature(signature).unwrap();
        key.verify(payload, &raw).is_ok()
    }

    /// The key's hash with its curve's tag.
    pub(crate) fn tagged_hash(&self) -> [u8; 21] {
        let bytes = bs58::decode(&self.address)
            .with_check(None)
            .into_vec()
            .unwrap();
        let tag = self.address.as_bytes()[2] - b'1';
        [&[tag], &bytes[3..]].concat().try_into().unwrap()
    }
}

/// HSM, line, credentials and state of one test.
pub(crate) struct Bench {
    pub(crate) hsm: Hsm,
    pub(crate) line: Line,
    pub(crate) dir: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let hsm = Hsm::start(dir.path());
        let line = Line::to(hsm.address());
        fs::create_dir(dir.path().join("state")).unwrap();
        Self { hsm, line, dir }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The arguments with which `keys create` reaches the HSM.
    pub(crate) fn keys_create(&self, kind: &str, out: &Path) -> Command {
        let mut command = Command::new(BINARY);
        command.args(["keys", "create", kind, "--server-name", "grep11.svc.net"]);
        command.args(["--endpoint", &self.line.address.to_string()]);
        command.arg("--ca").arg(self.file("ca.pem"));
        command.arg("--certificate").arg(self.file("client.pem"));
        command.arg("--key").arg(self.file("client.key"));
        command.arg("--out").arg(out).env_clear();
        command
    }

    pub(crate) fn create(&self, kind: &str) -> TestKey {
        let output = self.keys_create(kind, self.dir.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {text}"))
                .to_owned()
        };
        let (public_key, address) = (field("public_key: "), field("address: "));
        let blob = fs::read_to_string(self.file(&format!("{address}.sk.hex"))).unwrap();
        TestKey {
            address,
            public_key,
            blob,
        }
    }

    /// A configuration for these keys: (key, role, operations of the policy).
    pub(crate) fn config(&self, keys: &[(&TestKey, &str, &[&str])]) -> Value {
        let keys: Vec<Value> = keys
            .iter()
            .map(|(key, role, operations)| {
                json!({
                    "name": format!("{role}-{}", &key.address[..3]), "role": role, "floor": 0,
                    "public_key": key.public_key, "blob": key.blob,
                    "policy": { "operations": operations },
                })
            })
            .collect();
        json!({
            "listen": "127.0.0.1:0", "admin_socket": self.file("admin.sock"),
            "admin_uids": [nix::unistd::getuid().as_raw()], "state_dir": self.file("state"),
            "chains": [payload::CHAIN], "log_level": "debug",
            "grep11": {
                "endpoints": [{
                    "address": self.line.address.to_string(), "server_name": "grep11.svc.net",
                    "pin_sha256": null,
                }],
                "ca_file": self.file("ca.pem"), "certificate_file": self.file("client.pem"),
                "key_file": self.file("client.key"), "timeout_ms": 1000,
            },
            "keys": keys,
        })
    }

    pub(crate) fn spawn(&self, config: &Value) -> Signer {
        Signer::spawn(self, config)
    }

    /// A signer that is ready and armed at `head`.
    pub(crate) fn serve(&self, config: &Value, head: i32) -> Signer {
        let signer = self.spawn(config).serving();
        signer.await_ready(true);
        signer.arm(head);
        signer
    }
}

/// A signer process.
pub(crate) struct Signer {
    child: Child,
    log: PathBuf,
    admin: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Signer {
    fn spawn(bench: &Bench, config: &Value) -> Self {
        let number = fs::read_dir(bench.dir.path()).unwrap().count();
        let file = bench.file(&format!("config-{number}.json"));
        fs::write(&file, config.to_string()).unwrap();
        let log = bench.file(&format!("log-{number}.jsonl"));
        let child = Command::new(BINARY)
            .args(["serve", "--config"])
            .arg(&file)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let admin = bench.file("admin.sock");
        Self {
            child,
            log,
            admin,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    /// Waits until it serves, and learns its address.
    pub(crate) fn serving(mut self) -> Self {
        let address = eventually("the signer serves", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status}: {}", self.log());
            }
            let line = self.event("signer.serving")?;
            Some(line["address"].as_str().unwrap().parse().unwrap())
        });
        self.address = address;
        self
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The first log line of this event.
    pub(crate) fn event(&self, name: &str) -> Option<Value> {
        self.log()
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["event"] == name)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        http::get(self.address, path).unwrap()
    }

    /// Signs as octez-client does: authorized keys first, then the payload, each on a connection of its own.
    pub(crate) fn sign(&self, key: &TestKey, payload: &[u8]) -> Answer {
        try_sign(self.address, key, payload).unwrap()
    }

    pub(crate) fn admin(&self) -> &Path {
        &self.admin
    }

    pub(crate) fn arm(&self, head: i32) {
        let body = json!({ "chain_id": payload::CHAIN, "head_level": head });
        let answer = http::admin_post(&self.admin, "/arm", &body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), json!({ "armed": true, "floor": head + 2 }));
    }

    pub(crate) fn status(&self) -> Value {
        http::admin_get(&self.admin, "/status").unwrap().json()
    }

    /// Waits for readiness, or for its end, and tells how long it took.
    pub(crate) fn await_ready(&self, ready: bool) -> Duration {
        let began = Instant::now();
        let status = if ready { 200 } else { 503 };
        eventually("readiness", || {
            (self.get("/readyz").status == status).then_some(())
        });
        began.elapsed()
    }

    /// One check of the readiness report: (ok, reason).
    pub(crate) fn check(&self, name: &str) -> (bool, String) {
        let report = self.get("/readyz").json();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        (
            check["ok"].as_bool().unwrap(),
            check["reason"].as_str().unwrap().to_owned(),
        )
    }

    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = nix::unistd::Pid::from_raw(self.pid());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.wait()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the signer ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn try_sign(
    address: SocketAddr,
    key: &TestKey,
    payload: &[u8],
) -> std::io::Result<Answer> {
    let authorized = http::get(address, "/authorized_keys")?;
    assert_eq!((authorized.status, authorized.body.as_str()), (200, "{}"));
    http::post_chunked(
        address,
        &format!("{}?version=3", key.path()),
        &hex::encode(payload),
    )
}

/// Asks again until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
