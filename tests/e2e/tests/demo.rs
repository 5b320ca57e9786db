//! The demo and each of its drills keep their promises.

mod common;

use bakehouse_e2e::bench::{ContractFrom, Options};
use bakehouse_e2e::demo::{self, Drill, Request};
use rstest::rstest;

fn run(drill: Option<Drill>, contract_from: ContractFrom) {
    let _alone = common::alone();
    if !common::can_run() {
        return;
    }
    let request = Request {
        options: Options {
            contract_from,
            ..common::options()
        },
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
    run(None, ContractFrom::Bakehouse);
}

#[test]
fn so_does_a_contract_that_ibms_tool_made() {
    match bakehouse_interop::contract_go::program() {
        Ok(_) => run(None, ContractFrom::Ibm),
        Err(reason) => bakehouse_interop::skipped("a contract that IBM's tool made", &reason),
    }
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
    run(Some(drill), ContractFrom::Bakehouse);
}
