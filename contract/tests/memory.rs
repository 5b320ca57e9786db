//! How much memory opening takes: at most four times the input and 2 MiB, whatever the input is.
//!
//! One test, because the allocator counts what every thread allocates.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use bakehouse_contract::envelope::{DecryptionKey, Prefix, Recipient, seal};
use bakehouse_contract::{Code, Contract, ContractDocument, ContractError, Limits, Opening};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const SPARE: usize = 2 * 1024 * 1024;

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn workload(filling: &str) -> String {
    let (blob, digest) = ("ab".repeat(120), "0f".repeat(32));
    format!(
        "type: workload\nbakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  node: {{history_mode: rolling}}\n  \
         baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  keys:\n    - name: baker\n      \
         role: consensus\n      public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  \
         executables:\n    bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n{filling}"
    )
}

fn env(filling: &str) -> String {
    let certificate = STANDARD.encode(pem("CERTIFICATE", &[7; 90]));
    let key = STANDARD.encode(pem("PRIVATE KEY", &[9; 90]));
    format!(
        "type: env\nbakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\n{filling}"
    )
}

/// The keys of an image, current and previous, and what is sealed for them.
struct Image {
    keys: Vec<DecryptionKey>,
    recipient: Recipient,
}

// === impl Image ===

impl Image {
    fn new() -> Self {
        let rsa = PrivateDecryptingKey::generate(KeySize::Rsa4096).unwrap();
        let private: Pkcs8V1Der<'static> = rsa.as_der().unwrap();
        let public: PublicKeyX509Der<'static> = rsa.public_key().as_der().unwrap();
        let key = pem("PRIVATE KEY", private.as_ref());
        Self {
            keys: DecryptionKey::all_from_pem(&[key.as_str(), &key].concat()).unwrap(),
            recipient: Recipient::from_pem(&pem("PUBLIC KEY", public.as_ref())).unwrap(),
        }
    }

    fn sealed(&self, text: &str) -> String {
        let token = seal(text.as_bytes(), &self.recipient, Prefix::default());
        token.unwrap().to_string()
    }

    /// Opens a document and checks what was allocated at the worst moment, the document's own bytes included.
    fn measured(&self, name: &str, document: &ContractDocument) -> Result<Contract, ContractError> {
        let limits = Limits::default();
        let bytes = document.to_yaml().into_bytes();
        assert!(bytes.len() <= limits.document_bytes, "{}", bytes.len());
        let before = HEAP.current_usage() - bytes.len();
        HEAP.reset_peak_usage();
        let opened = ContractDocument::parse(&bytes, &limits)
            .and_then(|document| Contract::open(&document, &Opening::new(&self.keys, &limits)));
        let (peak, most) = (HEAP.peak_usage() - before, 4 * bytes.len() + SPARE);
        println!("{name}: {} bytes, peak {peak} of {most}", bytes.len());
        assert!(peak <= most, "{name}: {peak} of {most}");
        opened
    }
}

#[test]
fn opening_takes_four_times_the_input_and_two_mebibytes() {
    let image = Image::new();
    let limits = Limits::default();
    // One long text, and as many nodes as a section may have, which is what is largest as a tree.
    let long = |bytes: usize| format!("filling: {}\n", "a".repeat(bytes));
    let list = |nodes: usize| format!("filling: [{}]\n", "1,".repeat(nodes));
    let lists = |nodes: usize| format!("filling: [{}]\n", "[1],".repeat(nodes / 2));
    let maps = |nodes: usize| format!("filling: [{}]\n", "{1},".repeat(nodes / 3));
    // Each of these is worth a warning.
    let unknown =
        |nodes: usize| (0..nodes / 2).fold(String::new(), |keys, key| format!("{keys}k{key}: 1\n"));
    let (most, largest) = (limits.nodes - 200, limits.document_bytes * 3 / 4 - 4000);
    let variables = |nodes: usize| format!("env:\n  {}", unknown(nodes).replace('\n', "\n  "));
    for (name, filling, env_filling) in [
        ("64 KiB", long(46 * 1024), String::new()),
        ("the largest", long(largest), String::new()),
        (
            "the largest in halves",
            long(largest / 2),
            long(largest / 2),
        ),
        ("lists", list(most), list(most)),
        ("lists in lists", lists(most), lists(most)),
        ("maps in lists", maps(most), maps(most)),
        ("unknown keys", unknown(most), unknown(most)),
        ("variables", variables(most), variables(most)),
    ] {
        let (workload, env) = (workload(&filling), env(&env_filling));
        let sealed = ContractDocument::new(image.sealed(&workload), image.sealed(&env));
        let plain = ContractDocument::new(workload, env);
        for (kind, document) in [("sealed", sealed), ("plain", plain)] {
            let opened = image.measured(&format!("{name}, {kind}"), &document);
            assert!(opened.is_ok(), "{name}, {kind}: {opened:?}");
        }
    }
    // What is refused, too.
    let many = format!("{}{}", workload(&list(60_000)), long(100));
    let document = ContractDocument::new(image.sealed(&many), image.sealed(&env("")));
    let refused = image.measured("too many nodes", &document).unwrap_err();
    assert_eq!(refused.code(), Code::ContractTooLarge);
}
