//! Any text as a token: parsed or refused; what is parsed is written and parsed alike, and keys are tried on it.

#![no_main]

use std::sync::LazyLock;

use bakehouse_contract::Limits;
use bakehouse_contract::envelope::{DecryptionKey, Token, open};
use libfuzzer_sys::fuzz_target;

/// Throw-away keys, RSA and X25519, made by `scripts/fuzz`.
static KEYS: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
    let path = std::env::var("FUZZ_KEYS").expect("FUZZ_KEYS names private keys");
    let pem = std::fs::read_to_string(path).expect("the keys can be read");
    DecryptionKey::all_from_pem(&pem).expect("the keys are some")
});

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    let Ok(token) = Token::parse(text, &limits) else {
        return;
    };
    let again = Token::parse(&token.to_string(), &limits);
    assert!(again.is_ok_and(|again| again == token));
    drop(open(&token, "workload", &KEYS));
});
