//! What opening leaves behind: no block of memory is given back with a secret of the contract in it.
//!
//! Secrets are written here in one piece, plain or in quotes. A scalar that the YAML parser puts together from several pieces, such
//! as a block of several lines, is grown inside the parser, which does not wipe.

#![allow(
    clippy::unwrap_used,
    unsafe_code,
    reason = "all of this file is a test, and an allocator is unsafe by its nature"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bakehouse_contract::{Contract, ContractDocument, Limits, Opening};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Base64 too, so that it can be the body of a key.
const CANARY: &str = "c4n4ryc4n4ryc4n4ryc4n4ry";

#[global_allocator]
static HEAP: Watched = Watched;
static WATCHING: AtomicBool = AtomicBool::new(false);
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which looks at what is given back.
struct Watched;

// SAFETY: memory comes from the system's allocator and goes back to it; what is read is initialised, for it is zeroed first.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if WATCHING.load(Ordering::SeqCst) {
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            let found = bytes
                .windows(CANARY.len())
                .any(|it| it == CANARY.as_bytes());
            LEFT.fetch_add(usize::from(found), Ordering::SeqCst);
        }
        unsafe { System.dealloc(block, layout) }
    }
}

fn workload(secret: &str) -> String {
    let (blob, digest) = ("ab".repeat(120), "0f".repeat(32));
    format!(
        "type: workload\nbakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  node: {{history_mode: rolling}}\n  \
         baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  keys:\n    - name: baker\n      \
         role: consensus\n      public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  \
         executables:\n    bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n\
         env:\n  ONE: {secret}\nauths:\n  us.icr.io: {{username: user, password: {secret}}}\nvolumes:\n  data: {{seed: {secret}}}\n"
    )
}

fn env(secret: &str) -> String {
    let der = STANDARD.encode([7; 90]);
    let certificate = format!("\"-----BEGIN CERTIFICATE----- {der} -----END CERTIFICATE-----\"");
    let key = format!("\"-----BEGIN PRIVATE KEY----- {CANARY} -----END PRIVATE KEY-----\"");
    format!(
        "type: env\nbakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\nenv:\n  TWO: {secret}\n\
         volumes:\n  data: {{seed: {secret}, previousSeed: {secret}2}}\n"
    )
}

#[test]
fn no_secret_is_left_in_memory_that_is_given_back() {
    for secret in [
        CANARY.to_owned(),
        format!("-1_{CANARY}"),
        format!("x{CANARY}_"),
    ] {
        let document = ContractDocument::new(workload(&secret), env(&secret));
        WATCHING.store(true, Ordering::SeqCst);
        let contract = Contract::open(&document, &Opening::new(&[], &Limits::default()));
        let volumes = contract.map(|contract| contract.volumes.len());
        drop(document);
        WATCHING.store(false, Ordering::SeqCst);
        assert_eq!(volumes, Ok(1));
        assert_eq!(LEFT.swap(0, Ordering::SeqCst), 0, "blocks of memory");
    }
}
