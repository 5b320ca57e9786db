//! Any text as either section, beside a sound one: read or refused, and what is shown of it holds no PEM.

#![no_main]

use bakehouse_contract::{Contract, Limits, Opening};
use libfuzzer_sys::fuzz_target;

const WORKLOAD: &str = include_str!("../seeds/sections/workload.yaml");
const ENV: &str = include_str!("../seeds/sections/env.yaml");

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    let opening = Opening::new(&[], &limits);
    for (workload, env) in [(text, ENV), (WORKLOAD, text), (text, text)] {
        let shown = match Contract::from_sections(workload, env, &opening) {
            Ok(contract) => format!("{:?}", contract.warnings),
            Err(error) => format!("{error:?}"),
        };
        assert!(!shown.contains("-----BEGIN"));
    }
});
