//! A bench: everything around one guest, made from nothing and gone afterwards.
//!
//! It does what an operator and a host would do, with the operator's own tools: certificates, an HSM with a fresh key, a
//! persistent volume, the executables' digests, and a contract sealed to a throw-away image key.

pub mod guest;
mod ibm;
pub mod recipe;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use bakehouse_devkit::prober::Summary;

use crate::net::{GUEST_V4, GUEST_V6, HSM, Networks, Place};
use crate::process::{Running, output, pids_of};
use crate::secrets::Canaries;
use crate::volume::Volume;

pub use guest::Guest;
pub use ibm::ContractFrom;
pub use recipe::Recipe;

/// Programs that run inside the guest, under the names that the contract gives their digests.
pub const UNITS: [&str; 5] = [
    "bakehouse-signer",
    "octez-node",
    "octez-baker",
    "octez-accuser",
    "octez-dal-node",
];

/// Uids that units run under.
pub const UNIT_UIDS: std::ops::RangeInclusive<u32> = 9101..=9105;

/// Unix mode of the programs: whoever runs them can't read them.
const PROGRAM_MODE: u32 = 0o711;

/// What a bench is made from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of the built programs.
    pub programs: PathBuf,
    /// Folder of real Octez binaries, in place of the stand-ins.
    pub octez: Option<PathBuf>,
    /// Latency of the software HSM.
    pub latency: String,
    /// Whose tool makes the contract.
    pub contract_from: ContractFrom,
}

/// The bench.
#[derive(Debug)]
pub struct Bench {
    // dropped in this order: processes, then the volume, the networks and the folder
    hsm: Option<Running>,
    helpers: Vec<Running>,
    prober: Option<Running>,
    volume: Volume,
    networks: Networks,
    folder: tempfile::TempDir,
    options: Options,
    key: Key,
}

/// The baker's key, as `bakehouse-signer keys create` made it.
#[derive(Debug, Clone, Default)]
struct Key {
    public: String,
    address: String,
    blob: String,
}

// === impl Bench ===

impl Bench {
    /// Makes everything but the guest.
    pub fn set_up(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("bakehouse-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        let networks = Networks::create()?;
        let volume = if can_mount() {
            Volume::mount(folder.path())?
        } else {
            Volume::folder(folder.path())?
        };
        let mut bench = Self {
            hsm: None,
            helpers: Vec::new(),
            prober: None,
            volume,
            networks,
            folder,
            options: options.clone(),
            key: Key::default(),
        };
        bench.install_units()?;
        bench.make_certificates()?;
        bench.start_hsm()?;
        bench.key = bench.make_key()?;
        bench.helpers = vec![
            bench.start_helper(Place::Hsm, "hold-control-port", "open")?,
            bench.start_helper(Place::Guest, "hold-decoys", "decoys listen")?,
        ];
        Ok(bench)
    }

    /// A path in the bench's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The guest's persistent volume.
    pub fn state(&self) -> &Path {
        self.volume.path()
    }

    /// The guest's runtime folder.
    pub fn runtime(&self) -> PathBuf {
        self.path("run")
    }

    /// Whether the Octez stand-ins run, and not real Octez.
    pub fn uses_stand_ins(&self) -> bool {
        self.options.octez.is_none()
    }

    /// Whose tool makes the contract.
    pub fn contract_from(&self) -> ContractFrom {
        self.options.contract_from
    }

    /// The namespaces.
    pub fn networks(&self) -> &Networks {
        &self.networks
    }

    /// Address of the baker's key.
    pub fn address(&self) -> &str {
        &self.key.address
    }

    /// Processes that run in the guest under these uids.
    pub fn pids(&self, uids: std::ops::RangeInclusive<u32>) -> Result<Vec<nix::unistd::Pid>> {
        Ok(pids_of(uids, &self.networks.identity(Place::Guest)?))
    }

    /// A built program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.options.programs.join(name)
    }

    /// A recipe for this bench's contract, to be changed before it is sealed.
    pub fn recipe(&self) -> Result<Recipe> {
        let mut executables = Vec::new();
        for name in UNITS {
            let digest = Sha256::digest(std::fs::read(self.path("units").join(name))?);
            executables.push((name.to_owned(), hex::encode(digest)));
        }
        Ok(Recipe {
            public_key: self.key.public.clone(),
            blob: self.key.blob.clone(),
            executables,
            state: self.state().to_string_lossy().into_owned(),
            waive_state: !self.volume.is_mounted(),
            ca: self.read("ca.pem")?,
            certificate: self.read("client.pem")?,
            key: self.read("client.key")?,
            ..Recipe::for_hsm(HSM)
        })
    }

    /// What must be found in no file that a guest leaves behind.
    pub fn canaries(&self) -> Result<Canaries> {
        let mut canaries = Canaries::default();
        canaries.add_pem(&self.read("client.key")?);
        canaries.add_pem(&self.read("image.key")?);
        canaries.add_blob(&self.key.blob);
        Ok(canaries)
    }

    /// Seals a recipe into a contract file.
    pub fn seal(&self, recipe: &Recipe, name: &str) -> Result<PathBuf> {
        let contract = self.path(name);
        if self.options.contract_from == ContractFrom::Ibm {
            let made = ibm::contract(recipe, &self.path("image.key"), self.folder.path())?;
            std::fs::write(&contract, made)?;
            return Ok(contract);
        }
        std::fs::write(self.path("workload.yaml"), recipe.workload())?;
        std::fs::write(self.path("env.yaml"), recipe.env())?;
        let mut command = Command::new(self.program("bakehouse-contract"));
        command
            .arg("encrypt")
            .arg("--certificate")
            .arg(self.path("image.pub"));
        command.arg("--workload").arg(self.path("workload.yaml"));
        command.arg("--env").arg(self.path("env.yaml"));
        command.arg("--out").arg(&contract);
        output("bakehouse-contract encrypt", command)?;
        // the plain sections are the operator's secrets; the guest must not find them on its file system
        std::fs::remove_file(self.path("workload.yaml"))?;
        std::fs::remove_file(self.path("env.yaml"))?;
        Ok(contract)
    }

    /// Boots a guest with a contract.
    pub fn boot(&self, contract: &Path) -> Result<Guest> {
        let mut command = self
            .networks
            .command(Place::Guest, &self.program("bakehouse"));
        command.arg("run").arg("--host").arg("bench");
        command
            .arg("--contract")
            .arg(contract)
            .arg("--key")
            .arg(self.path("image.key"));
        command
            .arg("--units")
            .arg(self.path("units"))
            .arg("--runtime-dir")
            .arg(self.runtime());
        Guest::boot(command)
    }

    /// Starts the HSM; its journal goes on where it was.
    pub fn start_hsm(&mut self) -> Result<()> {
        let mut command = self
            .networks
            .command(Place::Hsm, &self.program("soft-grep11"));
        command.arg("--listen").arg(format!("{HSM}:9876"));
        command
            .arg("--certificate")
            .arg(self.path("server.pem"))
            .arg("--key")
            .arg(self.path("server.key"));
        command.arg("--client-ca").arg(self.path("ca.pem"));
        command.arg("--master-key").arg(self.path("hsm-master.key"));
        command
            .arg("--journal")
            .arg(self.hsm_journal())
            .arg("--latency")
            .arg(&self.options.latency);
        let hsm = Running::start("soft-grep11", command)?;
        hsm.await_line("listening", Duration::from_secs(20))?;
        self.hsm = Some(hsm);
        Ok(())
    }

    /// Takes the HSM away, without a farewell.
    pub fn kill_hsm(&mut self) {
        self.hsm = None;
    }

    /// Starts the prober outside.
    pub fn start_prober(&mut self) -> Result<()> {
        let mut command = self
            .networks
            .command(Place::Outside, &self.program("bakehouse-prober"));
        for target in [format!("{GUEST_V4}:9732"), format!("[{GUEST_V6}]:9732")] {
            command
                .arg("--target")
                .arg(&target)
                .arg("--udp")
                .arg(&target);
        }
        command
            .arg("--every")
            .arg("20ms")
            .arg("--journal")
            .arg(self.prober_journal());
        self.prober = Some(Running::start("bakehouse-prober", command)?);
        Ok(())
    }

    /// Ends the prober and gives its summary.
    pub fn stop_prober(&mut self) -> Result<Summary> {
        let mut prober = self.prober.take().context("no prober runs")?;
        prober.stop(Duration::from_secs(10))?;
        let lines = prober.rest(Duration::from_secs(10))?;
        let summary = lines
            .iter()
            .rev()
            .find(|line| line.starts_with('{'))
            .context("the prober's summary")?;
        Ok(serde_json::from_str(summary)?)
    }

    /// Where the HSM writes its calls.
    pub fn hsm_journal(&self) -> PathBuf {
        self.path("hsm.jsonl")
    }

    /// Where the prober writes what it sees.
    pub fn prober_journal(&self) -> PathBuf {
        self.path("prober.jsonl")
    }

    /// Where the baker stand-in writes its requests.
    pub fn baker_journal(&self) -> PathBuf {
        self.state().join("baker").join("stand-in-journal.jsonl")
    }

    /// Removes the signer's watermark, as a wiped disk would.
    pub fn wipe_watermark(&self) -> Result<()> {
        std::fs::remove_dir_all(self.state().join("signer")).context("removing the watermark")
    }

    fn read(&self, name: &str) -> Result<String> {
        std::fs::read_to_string(self.path(name)).with_context(|| name.to_owned())
    }

    fn install_units(&self) -> Result<()> {
        let units = self.path("units");
        std::fs::create_dir_all(&units)?;
        for name in UNITS {
            let source = match (&self.options.octez, name) {
                (_, "bakehouse-signer") => self.program(name),
                (Some(octez), _) => octez.join(name),
                (None, _) => self.program("octez-stand-in"),
            };
            let target = units.join(name);
            std::fs::copy(&source, &target).with_context(|| source.display().to_string())?;
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(PROGRAM_MODE))?;
        }
        Ok(())
    }

    fn make_certificates(&self) -> Result<()> {
        let mut command = Command::new(self.program("soft-grep11"));
        command
            .arg("certs")
            .arg("--out")
            .arg(self.folder.path())
            .arg("--ip")
            .arg(HSM);
        output("soft-grep11 certs", command)?;
        recipe::image_key(&self.path("image.key"), &self.path("image.pub"))
    }

    fn make_key(&self) -> Result<Key> {
        let out = self.path("key");
        std::fs::create_dir_all(&out)?;
        let mut command = self
            .networks
            .command(Place::Guest, &self.program("bakehouse-signer"));
        command.args([
            "keys",
            "create",
            "tz3",
            "--endpoint",
            &format!("{HSM}:9876"),
        ]);
        command.arg("--ca").arg(self.path("ca.pem"));
        command
            .arg("--certificate")
            .arg(self.path("client.pem"))
            .arg("--key")
            .arg(self.path("client.key"));
        command.arg("--out").arg(&out);
        let text = output("bakehouse-signer keys create", command)?;
        let field = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found
                .map(|value| value.trim().to_owned())
                .with_context(|| format!("{name} in: {text}"))
        };
        let (public, address) = (field("public_key:")?, field("address:")?);
        let blob = std::fs::read_to_string(out.join(format!("{address}.sk.hex")))?;
        Ok(Key {
            public,
            address,
            blob: blob.trim().to_owned(),
        })
    }

    /// Starts one of the demo's own helpers in a namespace.
    fn start_helper(&self, place: Place, part: &str, ready: &str) -> Result<Running> {
        let mut command = self
            .networks
            .command(place, &self.program("bakehouse-demo"));
        command.arg(part);
        let helper = Running::start(part, command)?;
        helper.await_line(ready, Duration::from_secs(10))?;
        Ok(helper)
    }
}

/// Root of a machine can mount a disk; root of a user namespace can't.
fn can_mount() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}
