//! Who a unit is, and what it may do.

use crate::runner::Scene;
use crate::stage::{OTHER_UID, SHARED_GID, Stage, UID, account, field};

pub(crate) const SCENES: &[Scene] = &[
    ("groups_dropped_before_uid", groups_dropped_before_uid),
    (
        "units_have_no_power_and_can_get_none",
        units_have_no_power_and_can_get_none,
    ),
    (
        "units_dump_no_core_and_start_with_clean_signals",
        clean_limits_and_signals,
    ),
    (
        "units_see_only_their_own_namespace",
        units_see_only_their_own_namespace,
    ),
    (
        "a_unit_cannot_signal_or_read_another",
        a_unit_cannot_signal_or_read_another,
    ),
];

fn status_of_a_unit() -> String {
    let stage = Stage::new();
    let unit = stage.unit("cat", &["/proc/self/status"]);
    stage.outcome(unit).0
}

fn groups_dropped_before_uid() {
    let status = status_of_a_unit();
    assert_eq!(field(&status, "Uid"), format!("{UID} {UID} {UID} {UID}"));
    assert_eq!(field(&status, "Gid"), format!("{UID} {UID} {UID} {UID}"));
    assert_eq!(field(&status, "Groups"), SHARED_GID.to_string());
}

fn units_have_no_power_and_can_get_none() {
    let status = status_of_a_unit();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(&status, set), "0".repeat(16), "{set}");
    }
    assert_eq!(field(&status, "NoNewPrivs"), "1");
}

fn clean_limits_and_signals() {
    // read by the unit itself: a shell would repair some of this
    let status = status_of_a_unit();
    for set in ["SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(field(&status, set), "0".repeat(16), "{set}");
    }
    assert_eq!(field(&status, "Umask"), "0027");
    let stage = Stage::new();
    let unit = stage.unit("cat", &["/proc/self/limits"]);
    let text = stage.outcome(unit).0;
    let core = text
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    assert_eq!(
        core.split_whitespace().collect::<Vec<_>>()[4..],
        ["1", "1", "bytes"]
    );
}

fn units_see_only_their_own_namespace() {
    let stage = Stage::new();
    let unit = stage.script("echo pid $$ parent $PPID; ls -d /proc/[0-9]*");
    let text = stage.outcome(unit).0;
    let mut lines = text.lines();
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    assert!(first[1].parse::<u32>().unwrap() < 100, "{text}");
    assert_eq!(first[3], "1");
    // hidepid: PID 1 is another's
    assert!(lines.all(|line| line != "/proc/1"), "{text}");
}

fn a_unit_cannot_signal_or_read_another() {
    let stage = Stage::new();
    stage.play(async |stage, show| {
        let victim = stage.unit("sleep", &["1000"]);
        let mut attacker = stage.script(
            "for p in 1 2 3 4 5 6 7 8 9 10 11 12; do if [ $p != $$ ]; then \
             kill -9 $p && echo hit $p; /bin/cat /proc/$p/environ && echo read $p; \
             fi; done; echo done",
        );
        attacker.account = account(OTHER_UID);
        show.handle
            .load(stage.load(vec![victim, attacker]))
            .await
            .unwrap();
        show.started(0).await;
        let (text, _) = show.run(1).await;
        assert_eq!(text, "done\n");
    });
}
