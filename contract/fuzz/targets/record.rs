//! Any text as an attestation record: read or refused.

#![no_main]

use bakehouse_contract::record::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    drop(Record::parse(text));
});
