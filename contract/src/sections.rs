//! The two sections, typed.
//!
//! Each holds keys of IBM's, which are only looked over and warned of, and one of ours, `bakehouse:`, of which every value
//! is checked. Each of our keys belongs to one section, so that whoever writes the workload and whoever writes the env can't
//! take over each other's part; a key in the wrong one, or in both, is an error. `timing` alone may be in both.

mod args;
mod env;
mod ibm;
mod keys;
mod ours;
pub(crate) mod public;
mod serial;
mod tezos;
mod timing;
mod values;
mod variables;
mod volumes;
mod workload;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::envelope::SERIALS;
use crate::error::{Code, ContractError, Warning};
use crate::limits::Limits;
use crate::node::{Node, Origin};
use crate::reader::{View, alternatives};
use crate::secret::Secret;
use crate::settings::Settings;

pub(crate) use self::tezos::built_in as built_in_chain_id;
pub(crate) use self::values::host_name;
pub(crate) use self::workload::is_network;
pub(crate) use args::{Allowed, forms as arguments};
pub(crate) use ours::{Key, Kind, TIMING_KEY};
pub use serial::serial_of;
pub use variables::Login;
pub use volumes::{Filesystem, SeedKeeper, Volume, VolumeKey};

/// The text of one section.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) origin: Origin,
}

// === impl Text ===

impl<'a> Text<'a> {
    /// A text that has lines of its own.
    pub(crate) fn section(name: &'static str, text: &'a str) -> Self {
        let origin = Origin::Section(name);
        Self { text, origin }
    }
}

/// One of the two sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Workload,
    Env,
}

/// Our keys that may be in both; `workload` wins.
const EITHER: [&str; 1] = [TIMING_KEY.name];

/// Our keys of each section.
pub(crate) const TABLES: [(&str, &[Key]); 2] = [("workload", ours::WORKLOAD), ("env", ours::ENV)];

/// All that both sections say, merged.
pub(crate) struct Sections {
    pub(crate) settings: Settings,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) environment: BTreeMap<String, Secret<String>>,
    pub(crate) auths: BTreeMap<String, Login>,
    pub(crate) warnings: Vec<Warning>,
}

/// Reads both sections, in which nothing may be encrypted any more. `judge` sees the env before anything in it counts.
pub(crate) fn read<T>(
    workload: Text<'_>,
    env: Text<'_>,
    limits: &Limits,
    judge: impl FnOnce(&View<'_>) -> Result<T, ContractError>,
) -> Result<(Sections, T), ContractError> {
    let mut warnings = Vec::new();
    let (workload_tree, env_tree) = (
        Section::Workload.tree(workload, limits)?,
        Section::Env.tree(env, limits)?,
    );
    let roots = (
        View::new(&workload_tree, Section::Workload.name(), workload.origin),
        View::new(&env_tree, Section::Env.name(), env.origin),
    );
    let verdict = judge(&roots.1)?;
    let workload = Section::Workload.open(&roots.0, &mut warnings)?;
    let env = Section::Env.open(&roots.1, &mut warnings)?;
    ownership(&workload, &env)?;
    ownership(&env, &workload)?;
    Section::Workload.formed(&workload)?;
    Section::Env.formed(&env)?;

    let mut settings = workload::read(&workload, &mut warnings)?(env::read(&env)?);
    settings.timing = timing::merge(env.optional("timing"), workload.optional("timing"))?;
    let sections = Sections {
        settings,
        volumes: volumes::read(&roots.0, &roots.1, &mut warnings)?,
        environment: variables::environment(&roots.1, &roots.0),
        auths: variables::auths(&roots.1, &roots.0),
        warnings,
    };
    Ok((sections, verdict))
}

/// Lets `judge` see an env section alone.
pub(crate) fn judged<T>(
    env: Text<'_>,
    limits: &Limits,
    judge: impl FnOnce(&View<'_>) -> Result<T, ContractError>,
) -> Result<T, ContractError> {
    let tree = Section::Env.tree(env, limits)?;
    let root = View::new(&tree, Section::Env.name(), env.origin);
    root.entries()?;
    judge(&root)
}

/// The serial that an env section has, if it has one.
pub(crate) fn serial(env: &View<'_>) -> Result<Option<u64>, ContractError> {
    env.optional("bakehouse")
        .and_then(|ours| ours.optional("serial"))
        .map(|serial| serial.number(SERIALS))
        .transpose()
}

/// Every name that any key of ours or of IBM's has.
pub(crate) fn known_names() -> BTreeSet<&'static str> {
    let mut known = BTreeSet::from([TIMING_KEY.name, "signingKey"]);
    for (_, keys) in TABLES {
        ours::collect(keys, &mut known);
    }
    ibm::collect(&mut known);
    known
}

/// Looks at one section alone, for want of the other.
pub(crate) fn look(
    name: &str,
    text: Text<'_>,
    limits: &Limits,
) -> Result<Vec<Warning>, ContractError> {
    let section = if name == "env" {
        Section::Env
    } else {
        Section::Workload
    };
    let mut warnings = Vec::new();
    let tree = section.tree(text, limits)?;
    let root = View::new(&tree, section.name(), text.origin);
    let ours = section.open(&root, &mut warnings)?;
    section.owns_all(&ours, None)?;
    section.formed(&ours)?;
    if let Some(timing) = ours.optional("timing") {
        timing::merge(Some(timing), None)?;
    }
    match section {
        Section::Env => env::read(&ours).map(drop)?,
        Section::Workload => workload::read(&ours, &mut warnings).map(drop)?,
    }
    volumes::look(&root, section == Section::Env)?;
    Ok(warnings)
}

/// Each key of a `bakehouse:` mapping is one of ours and where it belongs.
fn ownership(this: &View<'_>, other: &View<'_>) -> Result<(), ContractError> {
    let section = if this.place().path.starts_with("env") {
        Section::Env
    } else {
        Section::Workload
    };
    section.owns_all(this, Some(other))
}

// === impl Section ===

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Env => "env",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Workload => Self::Env,
            Self::Env => Self::Workload,
        }
    }

    /// The names of our keys that belong here.
    fn keys(self) -> Vec<&'static str> {
        ours::names(self.table())
    }

    fn table(self) -> &'static [Key] {
        match self {
            Self::Workload => ours::WORKLOAD,
            Self::Env => ours::ENV,
        }
    }

    fn tree(self, text: Text<'_>, limits: &Limits) -> Result<Arc<Node>, ContractError> {
        limits.check_section(text.text.len(), self.name())?;
        Node::parse(text.text, limits, text.origin)
    }

    /// Checks what is IBM's and returns what is ours.
    fn open<'a>(
        self,
        root: &View<'a>,
        warnings: &mut Vec<Warning>,
    ) -> Result<View<'a>, ContractError> {
        root.entries()?;
        let kind = root.required("type")?;
        kind.choice(&[(self.name(), ())])?;
        ibm::look(root, self == Self::Env, warnings);
        let ours = root.required("bakehouse")?;
        ours.entries()?;
        Ok(ours)
    }

    /// Each key of ours is one that belongs here.
    fn owns_all(self, ours: &View<'_>, others: Option<&View<'_>>) -> Result<(), ContractError> {
        let (own, foreign) = (self.keys(), self.other().keys());
        ours.only(&[&own[..], &EITHER, &foreign].concat())?;
        for key in foreign {
            let Some(place) = ours.key_place(key) else {
                continue;
            };
            let home = self.other().name();
            if others.is_some_and(|others| others.key_place(key).is_some()) {
                let message = format!("`{key}` is in both sections and belongs to {home} only");
                return Err(ContractError::new(Code::SectionBoth, place, message));
            }
            let message = format!(
                "`{key}` belongs to {home}; here belong {}",
                alternatives(&own)
            );
            return Err(ContractError::new(Code::SectionWrong, place, message));
        }
        Ok(())
    }

    /// What stands under each key of ours has its form.
    fn formed(self, ours: &View<'_>) -> Result<(), ContractError> {
        for key in self.table() {
            if key.must {
                ours::check(&ours.required(key.name)?, &key.kind)?;
            } else if let Some(view) = ours.optional(key.name) {
                ours::check(&view, &key.kind)?;
            }
        }
        let timing = ours.optional(TIMING_KEY.name);
        timing.map_or(Ok(()), |view| ours::check(&view, &TIMING_KEY.kind))
    }
}
