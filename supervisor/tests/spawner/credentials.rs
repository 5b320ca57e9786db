//! Where secrets are, who can read them, and that they go.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bakehouse_supervisor::process::ExitReason;
use bakehouse_supervisor::spawner::{CredentialsMount, SpawnerError, Step};

use crate::probe::{proc_files_with, processes_with};
use crate::runner::Scene;
use crate::stage::{OTHER_UID, Stage, UID, account, read_lossy};

pub(crate) const SCENES: &[Scene] = &[
    (
        "secret_files_are_0400_and_their_owners",
        secret_files_are_0400,
    ),
    (
        "a_secret_is_read_by_its_owner_only",
        a_secret_is_read_by_its_owner_only,
    ),
    (
        "credentials_are_invisible_outside",
        credentials_are_invisible_outside,
    ),
    (
        "the_mount_is_private_and_restricted",
        the_mount_is_private_and_restricted,
    ),
    (
        "wiped_credentials_are_gone_and_nothing_starts",
        wiped_credentials_are_gone,
    ),
    (
        "credentials_are_gone_when_the_spawner_dies",
        gone_when_the_spawner_dies,
    ),
    (
        "a_refused_load_leaves_no_secret",
        a_refused_load_leaves_no_secret,
    ),
    ("no_secret_in_argv_or_environ", no_secret_in_argv_or_environ),
    (
        "folders_and_plain_files_are_made_for_their_owners",
        plain_files_are_made,
    ),
];

const MOUNT: &str = "bakehouse-credentials";

fn secret_files_are_0400() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let script = format!(
            "cd {}; /usr/bin/stat -c '%a %u %g %n' . key; echo x > key; /bin/ls; exit 0",
            stage.path("run/credentials").display()
        );
        let mut load = stage.load(vec![stage.script(&script)]);
        load.files = vec![stage.secret("key", UID, "canary")];
        show.handle.load(load).await.unwrap();
        let (text, _) = show.run(0).await;
        assert_eq!(text, format!("711 0 0 .\n400 {UID} {UID} key\n"));
    });
}

fn a_secret_is_read_by_its_owner_only() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let path = stage.path("run/credentials/key");
        let owner = stage.unit("cat", &[path.to_str().unwrap()]);
        let mut other = owner.clone();
        other.account = account(OTHER_UID);
        let mut load = stage.load(vec![owner, other]);
        load.files = vec![stage.secret("key", UID, "canary")];
        let loaded = show.handle.load(load).await.unwrap();
        assert_eq!(loaded.credentials, CredentialsMount::Tmpfs);
        assert!(loaded.fresh_proc);
        assert_eq!(show.run(0).await, ("canary".into(), ExitReason::Exited(0)));
        assert_eq!(show.run(1).await, (String::new(), ExitReason::Exited(1)));
    });
}

fn credentials_are_invisible_outside() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.unit("sleep", &["1000"])]);
        load.files = vec![stage.secret("key", UID, "canary")];
        show.handle.load(load).await.unwrap();
        show.started(0).await;
        let outside = stage.path("run/credentials");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        let here = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!here.contains(MOUNT));
        // root with all powers may look in through the spawner's root: proof that the file is there
        let inside = inside(show.handle.pid(), &outside.join("key"));
        assert_eq!(std::fs::read_to_string(inside).unwrap(), "canary");
    });
}

fn the_mount_is_private_and_restricted() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle.load(stage.load(Vec::new())).await.unwrap();
        let path = format!("/proc/{}/mountinfo", show.handle.pid());
        let text = read_lossy(path.as_ref()).unwrap();
        let line = text.lines().find(|line| line.contains(MOUNT)).unwrap();
        for option in ["nosuid", "nodev", "noexec", "noswap", "mode=711"] {
            assert!(line.contains(option), "{line}");
        }
        assert!(
            !text.contains("shared:") && !text.contains("master:"),
            "{text}"
        );
    });
}

fn wiped_credentials_are_gone() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        load.directories = vec![stage.folder("run/credentials/below", 0, 0o711)];
        load.files = vec![
            stage.secret("key", UID, "canary"),
            stage.secret("below/key", OTHER_UID, &"canary".repeat(5000)),
        ];
        show.handle.load(load).await.unwrap();
        let inside = inside(show.handle.pid(), &stage.path("run/credentials"));
        // this handle outlives the mount's name: what it shows is what was left of the bytes
        let key = std::fs::File::open(inside.join("key")).unwrap();
        assert_eq!(show.handle.wipe().await.unwrap().files, 2);
        let mut left = [1; 6];
        std::os::unix::fs::FileExt::read_exact_at(&key, &mut left, 0).unwrap();
        assert_eq!(left, [0; 6]);
        assert_eq!(std::fs::read_dir(&inside).unwrap().count(), 0);
        let mounts = read_lossy(format!("/proc/{}/mountinfo", show.handle.pid()).as_ref()).unwrap();
        assert!(!mounts.contains(MOUNT));
        assert_eq!(show.handle.wipe().await.unwrap().files, 0);
        let start = show.handle.start(0, Step::Main).await.unwrap_err();
        assert!(matches!(start, SpawnerError::Refused(_)));
    });
}

fn gone_when_the_spawner_dies() {
    let stage = Stage::new();
    let place = stage.path("run/credentials").display().to_string();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.unit("sleep", &["1000"])]);
        load.files = vec![stage.secret("key", UID, "canary")];
        show.handle.load(load).await.unwrap();
        show.started(0).await;
        assert!(!proc_files_with("mountinfo", &place).is_empty());
        let pid = rustix::process::Pid::from_raw(show.handle.pid()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        assert!(show.events.next().await.is_none());
        assert_eq!(
            proc_files_with("mountinfo", &place),
            Vec::<std::path::PathBuf>::new()
        );
    });
}

fn a_refused_load_leaves_no_secret() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        let mut loose = stage.secret("loose", UID, "canary");
        loose.spec.mode = 0o444;
        load.files = vec![stage.secret("key", UID, "canary"), loose];
        let error = show.handle.load(load).await.unwrap_err();
        assert_eq!(error.code(), "credentials_invalid");
        let mounts = read_lossy(format!("/proc/{}/mountinfo", show.handle.pid()).as_ref()).unwrap();
        assert!(!mounts.contains(MOUNT));
    });
}

fn no_secret_in_argv_or_environ() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let canary = format!("canary-{}", std::process::id());
        let mut load = stage.load(vec![stage.unit("sleep", &["1000"])]);
        load.files = vec![stage.secret("key", UID, &canary)];
        show.handle.load(load).await.unwrap();
        show.started(0).await;
        assert!(processes_with(&canary).is_empty());
        assert!(proc_files_with("environ", &canary).is_empty());
    });
}

fn plain_files_are_made() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        load.directories = vec![
            stage.folder("state/own", UID, 0o750),
            stage.folder("state/own/sub", UID, 0o700),
        ];
        let mut wallet = stage.secret("wallet", UID, "public keys");
        wallet.spec.path = stage.path("state/own/sub/wallet");
        (wallet.spec.secret, wallet.spec.mode) = (false, 0o600);
        load.files = vec![wallet];
        show.handle.load(load).await.unwrap();
        for (path, mode) in [
            ("state/own", 0o750),
            ("state/own/sub", 0o700),
            ("state/own/sub/wallet", 0o600),
        ] {
            let about = std::fs::metadata(stage.path(path)).unwrap();
            assert_eq!(
                (about.uid(), about.gid(), about.mode() & 0o7777),
                (UID, UID, mode)
            );
        }
        let text = std::fs::read_to_string(stage.path("state/own/sub/wallet")).unwrap();
        assert_eq!(text, "public keys");
    });
}

fn inside(spawner: i32, path: &Path) -> std::path::PathBuf {
    Path::new(&format!("/proc/{spawner}/root")).join(path.strip_prefix("/").unwrap())
}
