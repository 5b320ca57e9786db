use crate::limits::Limits;
use crate::testing;
use crate::{Contract, Opening};

fn read(workload: &str, env: &str) -> Contract {
    let (workload, env) = (testing::workload() + workload, testing::env() + env);
    Contract::from_sections(&workload, &env, &Opening::new(&[], &Limits::default())).unwrap()
}

#[test]
fn the_environment_of_both_is_merged_and_the_workload_wins() {
    let contract = read(
        "env: {PORT: \"8080\", A: w}\n",
        "env: {A: e, B: e, _c: \"\"}\n",
    );
    let pairs: Vec<(&str, &str)> = contract
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose().as_str()))
        .collect();
    assert_eq!(
        pairs,
        [("A", "w"), ("B", "e"), ("PORT", "8080"), ("_c", "")]
    );
    assert!(contract.warnings.is_empty());
    assert!(read("", "").environment.is_empty());
}

#[test]
fn logins_are_merged_whole() {
    let contract = read(
        "auths: {\"r.example:5000\": {username: workload, password: of-workload}}\n",
        "auths: {\"r.example:5000\": {username: deployer, password: of-env}, quay.io: {username: abc, password: def}}\n",
    );
    let all: Vec<(&str, &str, &str)> = contract
        .auths
        .iter()
        .map(|(registry, login)| {
            let password = login.password.expose().as_str();
            (registry.as_str(), login.username.as_str(), password)
        })
        .collect();
    assert_eq!(
        all,
        [
            ("quay.io", "abc", "def"),
            ("r.example:5000", "workload", "of-workload")
        ]
    );
    let shown = format!("{contract:?}");
    assert!(!shown.contains("of-workload") && !shown.contains("def\""));
}

#[test]
fn what_no_runtime_takes_is_warned_of_and_left_out_with_what_it_would_have_replaced() {
    let contract = read(
        "env: {A: [x], 1B: x, C: 5}\nauths: {quay.io: {username: abc}}\n",
        "env: {A: e, C: e, D: e}\nauths: {quay.io: {username: abc, password: def}}\n",
    );
    assert_eq!(contract.environment.keys().collect::<Vec<_>>(), ["D"]);
    assert!(contract.auths.is_empty());
    assert_eq!(contract.warnings.len(), 4, "{:?}", contract.warnings);
}
