//! What the contract and the place make weaker is told, by fact.

use super::*;
use crate::spawner::{CredentialsMount, Loaded};

fn waiver(bench: &Bench) -> String {
    let detail = |event| match event {
        Event::PowerWaived { detail, .. } => Some(detail),
        _ => None,
    };
    bench.events().into_iter().find_map(detail).unwrap()
}

fn waived(power: &str) -> Bench {
    Bench::with(|state| {
        state.contract.as_mut().unwrap().settings.powers.delegated = vec![power.into()];
    })
}

#[tokio::test(start_paused = true)]
async fn a_waiver_that_is_not_needed_says_so() {
    for (power, detail) in [
        ("state", "not needed: state lies on a volume of its own"),
        (
            "firewall",
            "not needed: this guest has its firewall all the same",
        ),
    ] {
        let bench = waived(power);
        bench.run(bench.until_open()).await;
        assert_eq!(waiver(&bench), detail);
        assert_eq!(bench.count("power.waived"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiver_of_state_that_is_needed_says_where_state_lies() {
    let bench = waived("state");
    let tmpfs = |mounts: &str| mounts.replace("ext4 /dev/vdb", "tmpfs tmpfs");
    let mounts = tmpfs(&bench.fake.state().mounts);
    bench.fake.state().mounts = mounts;
    bench.run(bench.until_open()).await;
    assert!(
        waiver(&bench).contains("lies on tmpfs"),
        "{}",
        waiver(&bench)
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_spawner_could_do_only_in_part_is_told_and_shown() {
    let bench = Bench::with(|state| {
        state.load = Ok(Loaded {
            credentials: CredentialsMount::Ramfs,
            fresh_proc: false,
        });
    });
    bench.run(bench.until_open()).await;
    assert_eq!(bench.count("isolation.reduced"), 2);
    assert_eq!(bench.context.board.read().reduced, ["proc", "credentials"]);
    let whole = Bench::new();
    whole.run(whole.until_open()).await;
    assert_eq!(whole.count("isolation.reduced"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_odd_about_the_contract_is_told() {
    let odd = "workload.bakehouse.odd".to_owned();
    let bench = Bench::with(|state| {
        state.contract.as_mut().unwrap().warnings = vec![odd.clone()];
    });
    bench.run(bench.until_open()).await;
    let told = Event::ContractWarning { message: odd };
    assert!(bench.events().contains(&told));
}
