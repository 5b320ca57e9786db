//! The plain sections of a contract, as an operator would write them.

use std::fmt::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Result;
use bakehouse_devkit::image_key::ImageKey;

/// A contract before it is sealed; tests change single fields.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// `--network`
    pub network: String,
    /// Chain id.
    pub chain_id: String,
    /// The baker's public key.
    pub public_key: String,
    /// Its key blob, hex.
    pub blob: String,
    /// Names and digests.
    pub executables: Vec<(String, String)>,
    /// The volume.
    pub state: String,
    /// Whether the contract waives that it is one.
    pub waive_state: bool,
    /// `host:port` of the HSM.
    pub endpoint: String,
    /// Certificate authority, PEM.
    pub ca: String,
    /// Client certificate, PEM.
    pub certificate: String,
    /// Client key, PEM.
    pub key: String,
    /// `dead_man_seconds`
    pub dead_man_seconds: u32,
    /// `hsm_start_seconds`
    pub hsm_start_seconds: u32,
    /// Further lines under `workload.bakehouse`.
    pub more_workload: Vec<String>,
    /// Further lines under `env.bakehouse`.
    pub more_env: Vec<String>,
    /// Further lines of the env section itself.
    pub more_env_section: Vec<String>,
}

// === impl Recipe ===

impl Recipe {
    /// The defaults of the demo.
    pub fn for_hsm(host: &str) -> Self {
        Self {
            network: "shadownet".into(),
            chain_id: "NetXsqzbfFenSTS".into(),
            public_key: String::new(),
            blob: String::new(),
            executables: Vec::new(),
            state: String::new(),
            waive_state: false,
            endpoint: format!("{host}:9876"),
            ca: String::new(),
            certificate: String::new(),
            key: String::new(),
            dead_man_seconds: 2,
            hsm_start_seconds: 60,
            more_workload: Vec::new(),
            more_env: Vec::new(),
            more_env_section: Vec::new(),
        }
    }

    /// The workload section.
    pub fn workload(&self) -> String {
        let mut text = String::from("type: workload\nbakehouse:\n");
        let mut line = |line: &str| writeln!(text, "  {line}").unwrap_or_default();
        line(&format!("network: {}", self.network));
        line(&format!("chain_id: {}", self.chain_id));
        line("node: {history_mode: rolling}");
        line("baker: {liquidity_baking_toggle_vote: pass}");
        line("dal: outbound");
        line("accuser: true");
        line("keys:");
        line("  - name: baker");
        line("    role: consensus");
        line(&format!("    public_key: {}", self.public_key));
        line(&format!("    blob: \"{}\"", self.blob));
        line("executables:");
        for (name, digest) in &self.executables {
            line(&format!("  {name}: \"{digest}\""));
        }
        self.more_workload.iter().for_each(|more| line(more));
        text
    }

    /// The env section.
    pub fn env(&self) -> String {
        let mut text = String::from("type: env\n");
        for more in &self.more_env_section {
            text.push_str(more);
            text.push('\n');
        }
        text.push_str("bakehouse:\n");
        let mut line = |line: &str| writeln!(text, "  {line}").unwrap_or_default();
        line(&format!("state: {{path: {}}}", self.state));
        line("grep11:");
        line(&format!(
            "  endpoints: [{{address: \"{}\"}}]",
            self.endpoint
        ));
        line("  credentials:");
        for (name, pem) in [
            ("ca", &self.ca),
            ("certificate", &self.certificate),
            ("key", &self.key),
        ] {
            line(&format!("    {name}: |"));
            pem.lines().for_each(|pem| line(&format!("      {pem}")));
        }
        if self.waive_state {
            line("powers: {state: delegated}");
        }
        line(&format!(
            "timing: {{dead_man_seconds: {}, hsm_start_seconds: {}, stop_grace_seconds: 20, drain_seconds: 60}}",
            self.dead_man_seconds, self.hsm_start_seconds
        ));
        self.more_env.iter().for_each(|more| line(more));
        text
    }
}

/// Makes the throw-away key pair that a sealed image would hold.
pub(super) fn image_key(private: &Path, public: &Path) -> Result<()> {
    let key = ImageKey::generate()?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(private)?;
    std::io::Write::write_all(&mut file, key.private_pem().as_bytes())?;
    std::fs::write(public, key.public_pem())?;
    Ok(())
}
