//! How much memory opening takes: at most four times the input and 2 MiB, whatever the input is.
//!
//! One test, because the allocator counts what every thread allocates.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is a test, its helpers too"
)]

#[path = "tools/pem.rs"]
mod pem;
#[path = "tools/sections.rs"]
mod sections;

use aws_lc_rs::rsa::KeySize;
use bakehouse_contract::envelope::{DecryptionKey, Prefix, Recipient, seal};
use bakehouse_contract::{Code, Contract, ContractDocument, ContractError, Limits, Opening};
use peak_alloc::PeakAlloc;

use crate::pem::rsa_pair;
use crate::sections::{env, workload};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const SPARE: usize = 2 * 1024 * 1024;

/// The keys of an image, current and previous, and what is sealed for them.
struct Image {
    keys: Vec<DecryptionKey>,
    recipient: Recipient,
}

// === impl Image ===

impl Image {
    fn new() -> Self {
        let (key, public) = rsa_pair(KeySize::Rsa4096);
        Self {
            keys: DecryptionKey::all_from_pem(&[key.as_str(), &key].concat()).unwrap(),
            recipient: Recipient::from_pem(&public).unwrap(),
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
        let (workload, env) = (workload() + &filling, env() + &env_filling);
        let sealed = ContractDocument::new(image.sealed(&workload), image.sealed(&env));
        let plain = ContractDocument::new(workload, env);
        for (kind, document) in [("sealed", sealed), ("plain", plain)] {
            let opened = image.measured(&format!("{name}, {kind}"), &document);
            assert!(opened.is_ok(), "{name}, {kind}: {opened:?}");
        }
    }
    // What is refused, too.
    let many = workload() + &list(60_000) + &long(100);
    let document = ContractDocument::new(image.sealed(&many), image.sealed(&env()));
    let refused = image.measured("too many nodes", &document).unwrap_err();
    assert_eq!(refused.code(), Code::ContractTooLarge);
}
