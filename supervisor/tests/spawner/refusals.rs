//! What the spawner does not do.

use bakehouse_supervisor::plan::spec::UnitSpec;
use bakehouse_supervisor::spawner::{
    LoadSpec, RefusalCode, Spawner, SpawnerError, Step, UnitSignal,
};

use crate::runner::Scene;
use crate::stage::{Show, Stage, UID, account};

pub(crate) const SCENES: &[Scene] = &[
    ("load_twice_is_refused", load_twice_is_refused),
    (
        "nothing_starts_without_a_plan",
        nothing_starts_without_a_plan,
    ),
    (
        "indexes_outside_the_plan_are_refused",
        indexes_outside_the_plan_are_refused,
    ),
    (
        "a_running_unit_is_not_started_again",
        a_running_unit_is_not_started_again,
    ),
    (
        "executables_with_another_digest_are_refused",
        executables_with_another_digest,
    ),
    (
        "executables_of_somebody_else_are_refused",
        executables_of_somebody_else,
    ),
    ("units_as_root_are_refused", units_as_root_are_refused),
    ("symbolic_links_are_refused", symbolic_links_are_refused),
    (
        "secrets_lie_with_the_credentials_or_nowhere",
        secrets_lie_with_the_credentials,
    ),
    (
        "credentials_lie_beneath_the_runtime_folder",
        credentials_lie_beneath_the_runtime_folder,
    ),
    (
        "a_process_with_threads_cannot_fork_a_spawner",
        a_process_with_threads,
    ),
];

async fn refused(show: &Show, load: LoadSpec) -> RefusalCode {
    code(show.handle.load(load).await.unwrap_err())
}

fn code(error: SpawnerError) -> RefusalCode {
    match error {
        SpawnerError::Refused(refusal) => refusal.code,
        other => panic!("{other}"),
    }
}

fn load_twice_is_refused() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle
            .load(stage.load(vec![stage.script("exit 1")]))
            .await
            .unwrap();
        let second = stage.load(vec![stage.script("exit 2")]);
        assert_eq!(refused(show, second).await, RefusalCode::Request);
        let (_, reason) = show.run(0).await;
        assert_eq!(reason, bakehouse_supervisor::process::ExitReason::Exited(1));
    });
    // a failed load is no invitation to try another one
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut wrong = stage.script("exit 1");
        wrong.executable.sha256 = "00".repeat(32);
        assert_eq!(
            refused(show, stage.load(vec![wrong])).await,
            RefusalCode::ExecutableMismatch
        );
        let right = stage.load(vec![stage.script("exit 1")]);
        assert_eq!(refused(show, right).await, RefusalCode::Request);
    });
}

fn nothing_starts_without_a_plan() {
    let stage = Stage::new();
    stage.play(async |_, show| {
        let started = show.handle.start(0, Step::Main).await.unwrap_err();
        assert_eq!(code(started), RefusalCode::Request);
        let signalled = show.handle.signal(0, UnitSignal::Kill).await.unwrap_err();
        assert_eq!(code(signalled), RefusalCode::Request);
    });
}

fn indexes_outside_the_plan_are_refused() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle
            .load(stage.load(vec![stage.script("exit 0")]))
            .await
            .unwrap();
        for (unit, step) in [
            (1, Step::Main),
            (usize::MAX, Step::Main),
            (0, Step::Prepare(0)),
        ] {
            let error = show.handle.start(unit, step).await.unwrap_err();
            assert_eq!(code(error), RefusalCode::Request);
        }
        let error = show.handle.signal(1, UnitSignal::Kill).await.unwrap_err();
        assert_eq!(code(error), RefusalCode::Request);
    });
}

fn a_running_unit_is_not_started_again() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        show.handle
            .load(stage.load(vec![stage.unit("sleep", &["1000"])]))
            .await
            .unwrap();
        show.started(0).await;
        let error = show.handle.start(0, Step::Main).await.unwrap_err();
        assert_eq!(code(error), RefusalCode::Request);
    });
}

fn executables_with_another_digest() {
    type Change = fn(&mut UnitSpec);
    let cases: [(Change, RefusalCode, &str); 3] = [
        (
            |unit| unit.executable.sha256 = "00".repeat(32),
            RefusalCode::ExecutableMismatch,
            "executable_mismatch",
        ),
        (
            |unit| unit.executable.name = "absent".into(),
            RefusalCode::ExecutableMissing,
            "executable_missing",
        ),
        (
            |unit| unit.executable.name = "../units/sh".into(),
            RefusalCode::Request,
            "internal",
        ),
    ];
    for (change, expected, stable) in cases {
        let stage = Stage::new();
        stage.play(async |stage, show| {
            let mut unit = stage.script("exit 0");
            change(&mut unit);
            let error = show.handle.load(stage.load(vec![unit])).await.unwrap_err();
            assert_eq!(error.code(), stable);
            assert_eq!(code(error), expected);
            assert!(show.handle.start(0, Step::Main).await.is_err());
        });
    }
}

fn executables_of_somebody_else() {
    let stage = Stage::new();
    let unit = stage.script("exit 0");
    std::os::unix::fs::chown(stage.path("units/sh"), Some(UID), None).unwrap();
    stage.play(async |stage, show| {
        let error = show.handle.load(stage.load(vec![unit])).await.unwrap_err();
        assert_eq!(error.code(), "executable_mismatch");
        assert!(error.to_string().contains("chown 0"), "{error}");
    });
}

fn units_as_root_are_refused() {
    for change in [0, 1, 2] {
        let stage = Stage::new();
        stage.play(async |stage, show| {
            let mut unit = stage.script("exit 0");
            unit.account = account(UID);
            match change {
                0 => unit.account.uid = 0,
                1 => unit.account.gid = 0,
                _ => unit.account.groups.push(0),
            }
            assert_eq!(
                refused(show, stage.load(vec![unit])).await,
                RefusalCode::Request
            );
        });
    }
}

fn symbolic_links_are_refused() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("victim")).unwrap();
    std::os::unix::fs::symlink(stage.path("victim"), stage.path("state/node")).unwrap();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        load.directories = vec![stage.folder("state/node", UID, 0o700)];
        let error = show.handle.load(load).await.unwrap_err();
        assert_eq!(error.code(), "state_unwritable");
        let about = std::fs::metadata(stage.path("victim")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&about), 0);
    });
}

fn secrets_lie_with_the_credentials() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        let mut file = stage.secret("key", UID, "canary");
        file.spec.path = stage.path("state/key");
        load.files = vec![file];
        assert_eq!(refused(show, load).await, RefusalCode::Request);
        assert!(!stage.path("state/key").exists());
    });
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let mut load = stage.load(vec![stage.script("exit 0")]);
        let mut file = stage.secret("wallet", UID, "not secret");
        file.spec.secret = false;
        load.files = vec![file];
        assert_eq!(refused(show, load).await, RefusalCode::Request);
    });
}

fn credentials_lie_beneath_the_runtime_folder() {
    for place in ["state/credentials", "run", "run/../state"] {
        let stage = Stage::new();
        stage.play(async |stage, show| {
            let mut load = stage.load(vec![stage.script("exit 0")]);
            load.credentials_path = stage.path(place);
            assert_eq!(refused(show, load).await, RefusalCode::Request, "{place}");
        });
    }
}

fn a_process_with_threads() {
    let stage = Stage::without_spawner();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    let error = Spawner::fork(&stage.paths()).unwrap_err();
    assert!(matches!(error, SpawnerError::Threaded));
    drop(stop);
    assert!(thread.join().unwrap().is_err());
    Spawner::fork(&stage.paths()).unwrap();
}
