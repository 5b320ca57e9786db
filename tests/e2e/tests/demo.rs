//! The demo and each of its drills keep their promises.

mod common;

use bakehouse_e2e::demo::{self, Drill, Request};
use rstest::rstest;

fn run(drill: Option<Drill>) {
    let _alone = common::alone();
    if !common::can_run() {
        return;
    }
    let request = Request {
        options: common::options(),
        drill,
        keep: None,
        quiet: true,
    };
    let report = demo::run(&request).unwrap();
    let json = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(report.failures(), Vec::<String>::new(), "{json}");
}

#[test]
fn a_contract_becomes_a_baker_behind_one_port() {
    run(None);
}

#[rstest]
#[case(Drill::KillSigner)]
#[case(Drill::KillNode)]
#[case(Drill::FreezeSupervisor)]
#[case(Drill::KillSupervisor)]
#[case(Drill::HsmDown)]
#[case(Drill::WipeDisk)]
#[case(Drill::BadContract)]
fn the_house_survives(#[case] drill: Drill) {
    run(Some(drill));
}
