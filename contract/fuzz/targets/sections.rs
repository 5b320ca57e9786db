//! Any text as either section, beside a sound one: read or refused, and what is shown of it holds no PEM.

#![no_main]

use bakehouse_contract::{Contract, Limits};
use libfuzzer_sys::fuzz_target;

const WORKLOAD: &str = include_str!("../seeds/sections/workload.yaml");
const ENV: &str = include_str!("../seeds/sections/env.yaml");

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    for (workload, env) in [(text, ENV), (WORKLOAD, text), (text, text)] {
        let shown = match Contract::from_sections(workload, env, &limits) {
            Ok(contract) => format!("{:?}", contract.warnings),
            Err(error) => format!("{error:?}"),
        };
        assert!(!shown.contains("-----BEGIN"));
    }
});
