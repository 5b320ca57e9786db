//! Sound sections, whose secrets are made up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pem::pem;

/// Bytes that are secret wherever they are: the grep11 key's DER.
pub(crate) const SECRET_DER: &[u8] = b"CANARY-of-the-grep11-private-key-0123456789";

pub(crate) fn workload() -> String {
    let (blob, digest) = ("c5".repeat(120), "0f".repeat(32));
    format!(
        "type: workload\nbakehouse:\n  network: shadownet\n  chain_id: NetXsqzbfFenSTS\n  node: {{history_mode: rolling}}\n  \
         baker: {{liquidity_baking_toggle_vote: pass}}\n  dal: none\n  accuser: false\n  keys:\n    - name: baker\n      \
         role: consensus\n      public_key: p2pk688cprNqHHt5iodkEVD1NaCNRMKxk3VTDRrkB1KmmFLnnGw9Gpk\n      blob: {blob}\n  \
         executables:\n    bakehouse-signer: {digest}\n    octez-node: {digest}\n    octez-baker: {digest}\n"
    )
}

pub(crate) fn env() -> String {
    let certificate = STANDARD.encode(pem("CERTIFICATE", &[7; 90]));
    let key = STANDARD.encode(pem("PRIVATE KEY", SECRET_DER));
    format!(
        "type: env\nbakehouse:\n  state: {{path: /var/lib/bakehouse}}\n  grep11:\n    endpoints: [{{address: \"hsm.example:9876\"}}]\n    \
         credentials: {{ca: {certificate}, certificate: {certificate}, key: {key}}}\n"
    )
}
