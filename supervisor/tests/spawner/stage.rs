//! What scenes are played on: a folder with programs, a spawner, and units to put into a plan.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bakehouse_supervisor::plan::spec::{
    Account, DirectorySpec, ExecutableSpec, FileSpec, PrepareSpec, ProbeSpec, RestartSpec,
    StopSpec, UnitName, UnitSpec,
};
use bakehouse_supervisor::process::ExitReason;
use bakehouse_supervisor::spawner::{
    Exited, LoadFile, LoadSpec, Spawner, SpawnerDriver, SpawnerEnd, SpawnerEvents, SpawnerHandle,
    SpawnerPaths, StartOutcome, Started, Step,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

pub(crate) const UID: u32 = 9101;
pub(crate) const OTHER_UID: u32 = 9102;
pub(crate) const SHARED_GID: u32 = 9100;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with a units' folder, a runtime folder and a state folder, and a spawner that knows them.
pub(crate) struct Stage {
    pub(crate) home: TempDir,
    spawner: Option<Spawner>,
}

/// A spawner at work.
pub(crate) struct Show {
    pub(crate) handle: SpawnerHandle,
    pub(crate) events: SpawnerEvents,
    driver: JoinHandle<SpawnerEnd>,
}

// === impl Stage ===

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self::without_spawner();
        let spawner = Spawner::fork(&stage.paths()).unwrap();
        Self {
            spawner: Some(spawner),
            ..stage
        }
    }

    pub(crate) fn without_spawner() -> Self {
        let home = tempfile::Builder::new()
            .prefix("spawner-scene-")
            .tempdir()
            .unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for folder in ["units", "run", "state"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        for program in ["sh", "cat", "ls", "sleep"] {
            let to = home.path().join("units").join(program);
            fs::copy(Path::new("/bin").join(program), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            home,
            spawner: None,
        }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    pub(crate) fn paths(&self) -> SpawnerPaths {
        SpawnerPaths {
            runtime_dir: self.path("run"),
            units_dir: self.path("units"),
        }
    }

    /// A load of these units and nothing else.
    pub(crate) fn load(&self, units: Vec<UnitSpec>) -> LoadSpec {
        LoadSpec {
            credentials_path: self.path("run/credentials"),
            directories: Vec::new(),
            files: Vec::new(),
            units,
        }
    }

    /// A unit that runs a program of the units' folder.
    pub(crate) fn unit(&self, program: &str, args: &[&str]) -> UnitSpec {
        let bytes = fs::read(self.path("units").join(program)).unwrap();
        let second = Duration::from_secs(1);
        UnitSpec {
            name: UnitName(format!("unit-{program}")),
            executable: ExecutableSpec {
                name: program.to_owned(),
                sha256: hex::encode(Sha256::digest(bytes)),
            },
            args: args.iter().map(ToString::to_string).collect(),
            env: Vec::new(),
            account: account(UID),
            cwd: "/".into(),
            umask: 0o027,
            prepare: Vec::new(),
            needs: Vec::new(),
            probe: ProbeSpec::Alive { stable_for: second },
            probe_interval: second,
            up_deadline: second,
            synced_deadline: second,
            restart: RestartSpec {
                backoff_min: second,
                backoff_max: second,
                stable_after: second,
                max_deaths: 1,
                window: second,
            },
            stop: StopSpec {
                grace: second,
                success: Vec::new(),
            },
        }
    }

    /// A unit that runs a shell script.
    pub(crate) fn script(&self, text: &str) -> UnitSpec {
        self.unit("sh", &["-c", text])
    }

    /// A secret for an account.
    pub(crate) fn secret(&self, name: &str, uid: u32, content: &str) -> LoadFile {
        let path = self.path("run/credentials").join(name);
        let spec = FileSpec {
            path,
            uid,
            gid: uid,
            mode: 0o400,
            sha256: None,
            secret: true,
        };
        LoadFile {
            spec,
            content: Zeroizing::new(content.as_bytes().to_vec()),
        }
    }

    /// A folder for an account.
    pub(crate) fn folder(&self, below: &str, uid: u32, mode: u32) -> DirectorySpec {
        DirectorySpec {
            path: self.path(below),
            uid,
            gid: uid,
            mode,
        }
    }

    /// Plays a scene with the spawner at work; at the end the spawner is asked to end and everything with it.
    pub(crate) fn play<F: AsyncFnOnce(&Self, &mut Show)>(mut self, scene: F) {
        let spawner = self.spawner.take().unwrap();
        runtime().block_on(async {
            let mut show = Show::of(spawner);
            scene(&self, &mut show).await;
            show.finish().await;
        });
    }

    /// Loads these units, starts the first and gives what it wrote, with its end.
    pub(crate) fn outcome(self, unit: UnitSpec) -> (String, ExitReason) {
        let mut outcome = None;
        self.play(async |stage, show| {
            show.handle.load(stage.load(vec![unit])).await.unwrap();
            outcome = Some(show.run(0).await);
        });
        outcome.unwrap()
    }
}

// === impl Show ===

impl Show {
    pub(crate) fn of(spawner: Spawner) -> Self {
        let (handle, driver, events) = spawner.into_async().unwrap();
        Self {
            handle,
            events,
            driver: tokio::spawn(SpawnerDriver::run(driver)),
        }
    }

    pub(crate) async fn started(&self, unit: usize) -> Started {
        match self.handle.start(unit, Step::Main).await.unwrap() {
            StartOutcome::Running(started) => started,
            StartOutcome::Skipped => panic!("the main step is never skipped"),
        }
    }

    /// Starts a unit's main step and gives what it wrote to its standard output, with its end.
    pub(crate) async fn run(&mut self, unit: usize) -> (String, ExitReason) {
        let started = self.started(unit).await;
        let text = read_all(started.stdout).await;
        let exited = self.exited().await;
        assert_eq!((exited.unit, exited.step), (unit, Step::Main));
        (text, exited.reason)
    }

    pub(crate) async fn exited(&mut self) -> Exited {
        patiently(self.events.next())
            .await
            .expect("the spawner lives")
    }

    /// Waits for the spawner's own end.
    pub(crate) async fn ended(self) -> SpawnerEnd {
        drop(self.handle);
        patiently(self.driver).await.unwrap()
    }

    async fn finish(self) {
        // scenes that end the spawner themselves find it gone
        let _gone = self.handle.quit().await;
        self.ended().await;
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("in time")
}

/// Reads a stream to its end.
pub(crate) async fn read_all(stream: OwnedFd) -> String {
    let mut text = String::new();
    let mut stream = pipe::Receiver::from_owned_fd(stream).unwrap();
    patiently(stream.read_to_string(&mut text)).await.unwrap();
    text
}

/// Reads one line.
pub(crate) async fn read_line(stream: &mut pipe::Receiver) -> String {
    let mut line = Vec::new();
    loop {
        match patiently(stream.read_u8()).await.unwrap() {
            b'\n' => return String::from_utf8(line).unwrap(),
            byte => line.push(byte),
        }
    }
}

pub(crate) fn account(uid: u32) -> Account {
    Account {
        uid,
        gid: uid,
        groups: vec![SHARED_GID],
    }
}

pub(crate) fn prepare(args: &[&str], unless_exists: PathBuf) -> PrepareSpec {
    let args = args.iter().map(ToString::to_string).collect();
    PrepareSpec {
        args,
        unless_exists,
        deadline: PATIENCE,
    }
}

/// The value of a field of `/proc/…/status`.
pub(crate) fn field(status: &str, name: &str) -> String {
    let prefix = format!("{name}:");
    let line = status.lines().find(|line| line.starts_with(&prefix));
    let value = line.unwrap_or_else(|| panic!("no {name} in {status}"));
    value[prefix.len()..]
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reads a file that may be gone by now, or not be text.
pub(crate) fn read_lossy(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
