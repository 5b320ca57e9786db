//! Any bytes as user-data: read or refused, and what is read survives being written.

#![no_main]

use bakehouse_contract::lint::lint;
use bakehouse_contract::{Contract, ContractDocument, Limits, Opening};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(document) = ContractDocument::parse(bytes, &limits) else {
        return;
    };
    let again = ContractDocument::parse(document.to_yaml().as_bytes(), &limits);
    assert!(again.is_ok_and(|again| again.digest() == document.digest()));
    let opening = Opening {
        now: Some(1_800_000_000),
        ..Opening::new(&[], &limits)
    };
    drop(lint(&document, &opening));
    drop(Contract::open(&document, &opening));
});
