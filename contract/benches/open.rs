//! Opening a contract, beside the cryptography that it cannot do without and beside the tools that IBM's users have.
//!
//! Ratios within one run; the rounds are interleaved, so that a slow minute of the machine is slow for all. A contract has two
//! tokens, and the floor of each is one RSA-4096 operation and two derivations, for both forms of the password are always
//! derived. `openssl` does the three steps once per token, with one process for RSA and one for derivation and AES, as IBM's
//! script does it; contract-go is a process that stays, and starts its own `openssl`.
//!
//! `cargo bench -p bakehouse-contract`; exits with 1 where the goal is missed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assumption should stop a benchmark at once"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::pbkdf2;
use aws_lc_rs::rsa::{Pkcs1PrivateDecryptingKey, PrivateDecryptingKey};
use bakehouse_contract::envelope::{DecryptionKey, Prefix, Recipient, seal};
use bakehouse_contract::{Contract, ContractDocument, Limits, Opening, pem};
use bakehouse_interop::contract_go::{self, ContractGo};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// Bytes of both sections together, in clear.
const SIZE: usize = 64 * 1024;

const ROUNDS: usize = 41;

/// How much slower than the floor opening may be, and how much more than that.
const FACTOR: f64 = 1.15;
const MORE: Duration = Duration::from_millis(1);

/// The image's key and a contract of the size for it.
struct Bench {
    dir: tempfile::TempDir,
    key_pem: String,
    yaml: String,
    /// RSA ciphertext and text of each token, decoded.
    tokens: Vec<(Vec<u8>, Vec<u8>)>,
}

fn run(dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A program that does not read its input closes it.
    drop(child.stdin.take().unwrap().write_all(input));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}");
    output.stdout
}

fn workload(archive: usize) -> String {
    let (blob, digest) = ("ab".repeat(120), "0f".repeat(32));
    format!(
        "type: workload\ncompose:\n  archive: {}\nbakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  \
         node: {{history_mode: rolling}}\n  baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  \
         keys:\n    - name: baker\n      role: consensus\n      \
         public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  executables:\n    \
         bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n",
        "QUJD".repeat(archive / 4)
    )
}

fn env(certificate: &str, key: &str) -> String {
    let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key));
    format!(
        "type: env\nbakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    \
         endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\n"
    )
}

// === impl Bench ===

impl Bench {
    /// Makes tokens until IBM's tool, if it is here, can open them: it cannot open each (docs/interop.md).
    fn make(go: Option<&mut ContractGo>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        run(
            dir.path(),
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:4096",
                "-nodes",
                "-keyout",
                "key.pem",
                "-out",
                "cert.pem",
                "-subj",
                "/CN=image",
                "-days",
                "2",
            ],
            b"",
        );
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let (key_pem, certificate) = (read("key.pem"), read("cert.pem"));
        let env = env(&certificate, &key_pem);
        let rest = SIZE - env.len() - workload(0).len();
        let workload = workload(rest);
        let recipient = Recipient::from_pem(&certificate).unwrap();
        let mut go = go;
        let mut sealed = |text: &str| loop {
            let token = seal(text.as_bytes(), &recipient, Prefix::default());
            let token = token.unwrap().to_string();
            let Some(go) = go.as_mut() else { break token };
            if reopened(go, &token, &key_pem) == Ok(text.to_owned()) {
                break token;
            }
        };
        let document = ContractDocument::new(sealed(&workload), sealed(&env));
        let tokens = [document.workload(), document.env()].map(|token| {
            let fields: Vec<&str> = token.split('.').collect();
            let field = |index: usize| STANDARD.decode(fields[index]).unwrap();
            (field(1), field(2))
        });
        Self {
            yaml: document.to_yaml(),
            dir,
            key_pem,
            tokens: tokens.into(),
        }
    }

    /// The whole of what a guest does: the document, its tokens, the sections.
    fn ours(&self, keys: &[DecryptionKey]) {
        let limits = Limits::default();
        let document = ContractDocument::parse(self.yaml.as_bytes(), &limits).unwrap();
        black_box(Contract::open(&document, &Opening::new(keys, &limits)).unwrap());
    }

    fn floor(&self, key: &Pkcs1PrivateDecryptingKey) {
        for (password, text) in &self.tokens {
            let mut plain = vec![0; key.min_output_size()];
            let password = key.decrypt(password, &mut plain).unwrap();
            for _ in 0..2 {
                let mut out = [0; 48];
                let iterations = 10_000.try_into().unwrap();
                let function = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2::derive(function, iterations, &text[8..16], password, &mut out);
                black_box(out);
            }
        }
    }

    fn openssl(&self) {
        let dir = self.dir.path();
        for (password, text) in &self.tokens {
            let rsa = ["pkeyutl", "-decrypt", "-inkey", "key.pem"];
            let password = run(dir, &rsa, password);
            std::fs::write(dir.join("text"), text).unwrap();
            let aes = [
                "aes-256-cbc",
                "-d",
                "-pbkdf2",
                "-in",
                "text",
                "-pass",
                "stdin",
            ];
            black_box(run(dir, &aes, &password));
        }
    }

    fn contract_go(&self, go: &mut ContractGo) {
        let document = ContractDocument::parse(self.yaml.as_bytes(), &Limits::default()).unwrap();
        for token in [document.workload(), document.env()] {
            black_box(reopened(go, token, &self.key_pem).unwrap());
        }
    }
}

fn reopened(go: &mut ContractGo, token: &str, key: &str) -> Result<String, String> {
    go.ask(&json!({ "do": "decrypt-text", "text": token, "key": key }))
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() -> ExitCode {
    let mut go = ContractGo::start()
        .map_err(|reason| bakehouse_interop::skipped("contract-go", &reason))
        .ok();
    let bench = Bench::make(go.as_mut());
    let keys = [DecryptionKey::from_pem(&bench.key_pem).unwrap()];
    let der = &pem::blocks(&bench.key_pem).unwrap()[0].der;
    let rsa = PrivateDecryptingKey::from_pkcs8(der.expose()).unwrap();
    let rsa = Pkcs1PrivateDecryptingKey::new(rsa).unwrap();

    let (mut floor, mut ours, mut openssl, mut ibm) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        floor.push(timed(|| bench.floor(&rsa)));
        ours.push(timed(|| bench.ours(&keys)));
        openssl.push(timed(|| bench.openssl()));
        if let Some(go) = go.as_mut() {
            ibm.push(timed(|| bench.contract_go(go)));
        }
    }
    let (floor, ours, openssl) = (median(floor), median(ours), median(openssl));
    let ratio = |other: Duration| other.as_secs_f64() / ours.as_secs_f64();
    let more = ours.as_secs_f64() - FACTOR * floor.as_secs_f64();
    println!(
        "Opening a contract of {SIZE} bytes, two tokens, RSA-4096; medians of {ROUNDS} interleaved rounds"
    );
    println!("  bakehouse          {ours:>9.2?}");
    println!(
        "  crypto floor       {floor:>9.2?}   bakehouse takes {:.3} of it",
        1.0 / ratio(floor)
    );
    println!(
        "  openssl            {openssl:>9.2?}   {:.2} times bakehouse's",
        ratio(openssl)
    );
    let mut faster = ours < openssl;
    if !ibm.is_empty() {
        let ibm = median(ibm);
        let version = contract_go::version().unwrap_or_default();
        println!(
            "  contract-go {version} {ibm:>7.2?}   {:.2} times bakehouse's",
            ratio(ibm)
        );
        faster &= ours < ibm;
    }
    let within = more <= MORE.as_secs_f64();
    println!(
        "  goal: at most {FACTOR} of the floor + {MORE:?} ({:+.2} ms of it used): {}; faster than the others: {}",
        more * 1e3,
        if within { "met" } else { "MISSED" },
        if faster { "met" } else { "MISSED" },
    );
    ExitCode::from(u8::from(!(within && faster)))
}
