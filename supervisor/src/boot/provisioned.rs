//! `Boot<Planned>` → `Boot<Provisioned>`: names, firewall, state volume, credentials, executables. No unit runs yet.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{Boot, Context, Phase, Planned};
use crate::console::Event;
use crate::credentials;
use crate::error::{Code, Halt};
use crate::host::delegated::Delegated;
use crate::host::{Contract, Wall, mounts, utc};
use crate::logs::Redactor;
use crate::plan::spec::{Destinations, FirewallSpec, Plan, UnitSpec};
use crate::plan::{self, Resolution, Resolved};
use crate::spawner::{CredentialsMount, LoadFile, LoadSpec, Loaded};

/// When this program was released: no clock may say that it is earlier.
const RELEASED: &str = "2026-11-22T00:00:00Z";

/// Between two tries at a name.
const RETRY: Duration = Duration::from_secs(2);

/// Between two lines that say what is waited for.
pub(super) const PROGRESS: Duration = Duration::from_secs(10);

/// Everything is in place.
pub struct Provisioned {
    pub(super) plan: Plan,
    pub(super) digest: String,
    pub(super) units: Vec<UnitSpec>,
    pub(super) wall: Arc<dyn Wall>,
    pub(super) redactor: Redactor,
    pub(super) addresses: BTreeMap<String, Vec<IpAddr>>,
}

// === impl Boot ===

impl Boot<Planned> {
    /// Puts everything in place. From here on the contract's secrets lie with the spawner alone.
    pub async fn provision(self) -> Result<Boot<Provisioned>, Halt> {
        let Boot {
            context,
            state:
                Planned {
                    contract,
                    delegated,
                    plan,
                    digest,
                },
        } = self;
        let wall: Arc<dyn Wall> = if delegated {
            Arc::new(Delegated)
        } else {
            Arc::clone(&context.host.wall)
        };
        check_state(&context, &plan)?;
        let settings = &contract.settings;
        let released = utc::parse(RELEASED).unwrap_or(SystemTime::UNIX_EPOCH);
        let now = context.host.now().max(released);
        credentials::check(&settings.grep11, now)
            .map_err(|error| Halt::new(Code::of(error.code()), error.to_string()))?;
        let addresses = resolve(&context, &contract, &plan, wall.as_ref()).await?;
        let mut resolution = Resolution::default();
        for (host, found) in &addresses {
            resolution.insert(host, found.clone());
        }
        let resolved = plan::resolve(settings, &plan, &resolution)?;
        wall.apply(resolved.firewall.clone()).await?;
        if !delegated {
            context.console.emit(Event::FirewallApplied);
        }
        let redactor = redactor(&contract, &resolved);
        let units = resolved.units.clone();
        let load = load_spec(&plan, resolved)?;
        drop(contract);
        let loaded = context.host.units.load(load).await?;
        tell_reduced(&context, &loaded);
        context.enter(Phase::Provisioned);
        let state = Provisioned {
            plan,
            digest,
            units,
            wall,
            redactor,
            addresses,
        };
        Ok(Boot { context, state })
    }
}

/// State must lie on a volume that survives, unless the contract waives that, and that can be written.
fn check_state(context: &Context, plan: &Plan) -> Result<(), Halt> {
    let fs = &context.host.fs;
    let persistent = persistent(context, plan);
    if plan.waived.iter().any(|power| power == "state") {
        let detail = match persistent {
            Ok(()) => "not needed: state lies on a volume of its own".to_owned(),
            Err(halt) => format!("{}: state may be lost at the next boot", halt.message),
        };
        let power = "state".to_owned();
        context.console.emit(Event::PowerWaived { power, detail });
    } else {
        persistent?;
    }
    fs.try_write(&plan.state_path).map_err(|error| {
        Halt::new(
            Code::StateUnwritable,
            format!("{} {error}", plan.state_path.display()),
        )
    })
}

fn persistent(context: &Context, plan: &Plan) -> Result<(), Halt> {
    let fs = &context.host.fs;
    let refused = |message: String| Halt::new(Code::StateNotPersistent, message);
    let table = fs
        .mounts()
        .map_err(|_| refused("the mount table cannot be read".to_owned()))?;
    let path = fs.real_path(&plan.state_path);
    mounts::persistent(&table, &path, fs.mount_id(&path))
        .map_err(|error| refused(error.to_string()))
}

/// What this kernel or container lets the spawner do only in part is told and shown; it is no reason to halt.
fn tell_reduced(context: &Context, loaded: &Loaded) {
    let mut reduced = Vec::new();
    if !loaded.fresh_proc {
        reduced.push((
            "proc",
            "units share the supervisor's /proc: no mount of a new one is allowed here",
        ));
    }
    if loaded.credentials == CredentialsMount::Ramfs {
        reduced.push(("credentials", "credentials lie on ramfs, without a size limit: this kernel has no tmpfs that is never swapped"));
    }
    for (what, detail) in reduced {
        context.board.update(|status| status.reduced.push(what));
        context
            .console
            .emit(Event::IsolationReduced { what, detail });
    }
}

/// The addresses of every host of the plan. Where DNS is needed, the firewall lets exactly that through first.
async fn resolve(
    context: &Context,
    contract: &Contract,
    plan: &Plan,
    wall: &dyn Wall,
) -> Result<BTreeMap<String, Vec<IpAddr>>, Halt> {
    let servers = &contract.settings.egress.dns;
    let hosts = plan.hosts();
    if !servers.is_empty() && hosts.iter().any(|host| host.parse::<IpAddr>().is_err()) {
        wall.apply(addresses_only(&plan.firewall)).await?;
    }
    let began = Instant::now();
    let mut told = began;
    let mut addresses = BTreeMap::new();
    for host in hosts {
        loop {
            let error = match context
                .host
                .net
                .resolve(servers.clone(), host.clone())
                .await
            {
                Ok(found) => {
                    addresses.insert(host, found);
                    break;
                }
                Err(error) => error,
            };
            let waited = began.elapsed();
            let reason = format!("{host} has no address: {error}");
            if servers.is_empty() || waited >= plan.hsm_start {
                return Err(Halt::new(Code::NameUnresolved, reason));
            }
            if waited < RETRY || told.elapsed() >= PROGRESS {
                told = Instant::now();
                let left = plan.hsm_start.saturating_sub(waited);
                context.console.emit(Event::HsmWaiting {
                    reason,
                    waited,
                    left,
                });
            }
            tokio::time::sleep(RETRY).await;
        }
    }
    Ok(addresses)
}

/// The plan's firewall without what is known by name only.
fn addresses_only(spec: &FirewallSpec) -> FirewallSpec {
    let mut spec = spec.clone();
    spec.egress
        .retain(|rule| matches!(rule.to, Destinations::Listed(_)));
    spec
}

/// The secrets that no line of a unit may show. Public keys stay readable.
fn redactor(contract: &Contract, resolved: &Resolved) -> Redactor {
    let settings = &contract.settings;
    let mut public: Vec<&str> = vec![
        &settings.grep11.credentials.ca,
        &settings.grep11.credentials.certificate,
        &settings.state.path,
    ];
    public.extend(settings.keys.iter().map(|key| key.public_key.as_str()));
    public.extend(settings.keys.iter().map(|key| key.public_key_hash.as_str()));
    let mut redactor = Redactor::default();
    for content in &resolved.files {
        redactor.learn(content.bytes.expose(), &public);
    }
    redactor
}

fn load_spec(plan: &Plan, resolved: Resolved) -> Result<LoadSpec, Halt> {
    let mut files = Vec::with_capacity(plan.files.len());
    for spec in &plan.files {
        let content = resolved
            .files
            .iter()
            .find(|content| content.path == spec.path);
        let content = content.ok_or_else(|| {
            Halt::new(
                Code::Internal,
                format!("{} has no content", spec.path.display()),
            )
        })?;
        let content = Zeroizing::new(content.bytes.expose().clone());
        files.push(LoadFile {
            spec: spec.clone(),
            content,
        });
    }
    Ok(LoadSpec {
        credentials_path: plan.credentials_path.clone(),
        directories: plan.directories.clone(),
        files,
        units: resolved.units,
    })
}
