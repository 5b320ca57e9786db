//! The environment and the registry logins that both sections may bring: `workload` wins, name by name.
//!
//! The values are secrets, so they are merged here and not by figment, which copies what it merges into memory that is
//! never wiped. What is not as IBM's runtime takes it is warned of elsewhere and left out here.

use std::collections::BTreeMap;

use super::values;
use crate::reader::View;
use crate::secret::Secret;

/// How to log in to a registry of images.
#[derive(Debug)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret<String>,
}

/// Merges `env` of both sections.
pub(super) fn environment(env: &View<'_>, workload: &View<'_>) -> BTreeMap<String, Secret<String>> {
    merged("env", env, workload, |name, value| {
        let value = value.string("text").ok()?;
        values::variable(name).then(|| Secret::new(value.to_owned()))
    })
}

/// Merges `auths` of both sections.
pub(super) fn auths(env: &View<'_>, workload: &View<'_>) -> BTreeMap<String, Login> {
    merged("auths", env, workload, |registry, login| {
        let text = |key| login.optional(key)?.string("text").ok();
        let (username, password) = (text("username")?, text("password")?);
        values::registry(registry).then(|| Login {
            username: username.to_owned(),
            password: Secret::new(password.to_owned()),
        })
    })
}

/// Both layers, the later one over the earlier.
fn merged<T>(
    key: &'static str,
    env: &View<'_>,
    workload: &View<'_>,
    read: impl Fn(&str, &View<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut all = BTreeMap::new();
    for layer in [env, workload] {
        let Some(layer) = layer.optional(key) else {
            continue;
        };
        let Ok(entries) = layer.entries() else {
            continue;
        };
        for (entry, value) in entries.iter().zip(layer.children()) {
            // A value that can't be used takes the other section's away too: what it was to replace is not meant.
            match read(entry.key.expose(), &value) {
                Some(value) => all.insert(entry.key.expose().clone(), value),
                None => all.remove(entry.key.expose()),
            };
        }
    }
    all
}

#[cfg(test)]
mod tests;
