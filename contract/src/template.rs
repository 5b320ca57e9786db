//! Sections to begin with, and what is still to be filled in.
//!
//! A template has every key of ours with a remark. What only the operator can know is a placeholder, which no guest takes
//! for a value; [`placeholders`] finds each one that is left. A line that begins with `#` and no space, or two, is optional:
//! without that `#` it is valid.

mod text;

use crate::document::ContractDocument;
use crate::envelope::Token;
use crate::error::{ContractError, Place};
use crate::limits::Limits;
use crate::node::{Kind, Node, Origin};
use crate::sections::public::{Step, is_known};
use crate::sections::{built_in_chain_id, is_network};
use crate::settings::Dal;

/// What every placeholder begins with.
pub const PLACEHOLDER: &str = "<to do: ";

/// What a template is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    network: String,
    dal: Dal,
    accuser: bool,
}

// === impl Template ===

impl Template {
    /// A template for a network that Octez knows by name, or by the `https://` address of its configuration; nothing, if
    /// it is neither.
    pub fn new(network: &str, dal: Dal, accuser: bool) -> Option<Self> {
        is_network(network).then(|| Self {
            network: network.to_owned(),
            dal,
            accuser,
        })
    }

    /// The text of the workload section.
    pub fn workload(&self) -> String {
        let to_do = |what: &str| format!("\"{PLACEHOLDER}{what}>\"");
        let chain_id = built_in_chain_id(&self.network).map_or_else(
            || to_do("the chain id of this network, NetX…"),
            str::to_owned,
        );
        let dal = match self.dal {
            Dal::None => "none",
            Dal::Outbound => "outbound",
        };
        let executables = [
            ("bakehouse-signer", true),
            ("octez-node", true),
            ("octez-baker", true),
            ("octez-accuser", self.accuser),
            ("octez-dal-node", self.dal == Dal::Outbound),
        ]
        .into_iter()
        .map(|(name, runs)| {
            let mark = if runs { "" } else { "#" };
            format!(
                "    {mark}{name}: {}\n",
                to_do(&format!("sha256sum {name}"))
            )
        })
        .collect::<Vec<_>>()
        .concat();
        text::WORKLOAD
            .replace("{network}", &self.network)
            .replace("{chain_id}", &chain_id)
            .replace("{dal}", dal)
            .replace("{accuser}", if self.accuser { "true" } else { "false" })
            .replace("{executables}", &executables)
    }

    /// The text of the env section.
    pub fn env(&self) -> String {
        text::ENV.to_owned()
    }
}

/// Where placeholders are left in the sections that are not encrypted.
pub fn placeholders(
    document: &ContractDocument,
    limits: &Limits,
) -> Result<Vec<Place>, ContractError> {
    let mut found = Vec::new();
    for (name, text, origin) in [
        ("workload", document.workload(), document.workload_origin()),
        ("env", document.env(), document.env_origin()),
    ] {
        if Token::is_meant(text) {
            continue;
        }
        limits.check_section(text.len(), name)?;
        let root = Node::parse(text, limits, origin)?;
        let mut walk = Walk {
            env: name == "env",
            origin,
            found: &mut found,
        };
        walk.node(&root, name.to_owned(), &mut Vec::new());
    }
    Ok(found)
}

/// A walk through one section.
struct Walk<'a> {
    env: bool,
    origin: Origin,
    found: &'a mut Vec<Place>,
}

// === impl Walk ===

impl Walk<'_> {
    fn node<'n>(&mut self, node: &'n Node, path: String, steps: &mut Vec<Step<'n>>) {
        match &node.kind {
            Kind::Scalar(scalar) => {
                if scalar.text.expose().trim_start().starts_with(PLACEHOLDER) {
                    self.found.push(self.origin.place(path, node.mark));
                }
            }
            Kind::Sequence(items) => {
                steps.push(Step::Item);
                for (index, item) in items.iter().enumerate() {
                    self.node(item, format!("{path}[{index}]"), steps);
                }
                steps.pop();
            }
            Kind::Mapping(entries) => {
                for entry in entries {
                    steps.push(Step::Key(entry.key.expose()));
                    let below = if is_known(self.env, steps) {
                        format!("{path}.{}", entry.key.expose())
                    } else {
                        path.clone()
                    };
                    self.node(&entry.value, below, steps);
                    steps.pop();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
