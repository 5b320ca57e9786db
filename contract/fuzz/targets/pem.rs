//! Any text as PEM in one of the shapes that contracts carry it in: what comes out stays as it is when it goes in again.

#![no_main]

use bakehouse_contract::pem::{blocks, normalise};
use libfuzzer_sys::fuzz_target;

const LABELS: [&str; 4] = [
    "CERTIFICATE",
    "PRIVATE KEY",
    "PUBLIC KEY",
    "RSA PRIVATE KEY",
];

fuzz_target!(|text: &str| {
    drop(blocks(text));
    if let Ok(normal) = normalise(text, &LABELS) {
        let again = normalise(normal.expose(), &LABELS);
        assert!(again.is_ok_and(|again| again.expose() == normal.expose()));
    }
});
