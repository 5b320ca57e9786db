//! What the kernel has, compared with what it should have.
//!
//! Both sides are brought to one form: handles and counters gone, sets sorted, a set of one taken for its element, names
//! that depend on the version of `nft` taken for what they mean. Then rules are compared chain by chain, in order.
//! Elements of the set of open ports come and go; only one that could not be ours counts.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::error::FirewallError;
use super::ruleset::{Gate, OPEN, Ruleset};

/// The difference between the rules that should be there and those that are. Each entry is a line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Should be there.
    pub missing: Vec<String>,
    /// Should not be there.
    pub extra: Vec<String>,
    /// Chains whose rules are all there in the wrong order.
    pub moved: Vec<String>,
}

/// A table in the form in which tables are compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Comparable {
    /// Table, sets, chains and whatever else is no rule.
    objects: Vec<String>,
    /// By chain, in order.
    rules: BTreeMap<String, Vec<String>>,
}

// === impl Ruleset ===

impl Ruleset {
    /// Compares with the output of `nft -j list table`; `None` when there is no table.
    pub fn diff(&self, listed: Option<&[u8]>) -> Result<Drift, FirewallError> {
        let rendered = serde_json::to_value(self.render())
            .map_err(|error| FirewallError::Unreadable(error.to_string()))?;
        let expected = Comparable::of(&rendered, self.gate)?;
        let live = match listed {
            Some(bytes) => {
                let value = serde_json::from_slice(bytes)
                    .map_err(|error| FirewallError::Unreadable(error.to_string()))?;
                Comparable::of(&value, self.gate)?
            }
            None => Comparable::default(),
        };
        Ok(expected.drift(&live))
    }
}

// === impl Drift ===

impl Drift {
    /// True when there is no difference.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.moved.is_empty()
    }

    fn compare(&mut self, expected: &[String], live: &[String]) -> bool {
        let missing = without(expected, live);
        let extra = without(live, expected);
        let same = missing.is_empty() && extra.is_empty();
        self.missing.extend(missing);
        self.extra.extend(extra);
        same
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            missing,
            extra,
            moved,
        } = self;
        let (missing, extra) = (missing.len(), extra.len());
        write!(out, "{missing} missing, {extra} extra")?;
        let first = self.extra.first().or(self.missing.first());
        if let Some(first) = first {
            let short: String = first.chars().take(300).collect();
            write!(out, " ({short})")?;
        }
        if !moved.is_empty() {
            write!(out, ", order changed in {}", moved.join(" and "))?;
        }
        Ok(())
    }
}

/// The entries of one list that the other lacks; equal entries are counted.
fn without(from: &[String], these: &[String]) -> Vec<String> {
    let mut left: Vec<&String> = these.iter().collect();
    let mut rest = Vec::new();
    for entry in from {
        match left.iter().position(|other| *other == entry) {
            Some(at) => {
                left.swap_remove(at);
            }
            None => rest.push(entry.clone()),
        }
    }
    rest
}

// === impl Comparable ===

impl Comparable {
    /// Reads both what `nft` lists and what we give it (of which only what is added counts).
    fn of(document: &Value, gate: Option<Gate>) -> Result<Self, FirewallError> {
        let objects = document
            .get("nftables")
            .and_then(Value::as_array)
            .ok_or_else(|| FirewallError::Unreadable("no list of objects".to_owned()))?;
        let mut found = Self::default();
        for object in objects {
            let (kind, body) = only_entry(object)?;
            match kind {
                "add" => {
                    let (kind, body) = only_entry(body)?;
                    found.insert(kind, body, gate)?;
                }
                "delete" | "metainfo" => {}
                kind => found.insert(kind, body, gate)?,
            }
        }
        Ok(found)
    }

    fn insert(
        &mut self,
        kind: &str,
        body: &Value,
        gate: Option<Gate>,
    ) -> Result<(), FirewallError> {
        let Value::Object(body) = body else {
            return Err(FirewallError::Unreadable(format!("{kind} is no object")));
        };
        if kind == "rule" {
            let chain = body
                .get("chain")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let line = json!({ "rule": normal_object(body) }).to_string();
            self.rules.entry(chain.to_owned()).or_default().push(line);
            return Ok(());
        }
        let mut body = body.clone();
        if kind == "set" {
            let elements = body.remove("elem");
            if body.get("name").and_then(Value::as_str) == Some(OPEN) {
                let elements = elements.and_then(foreign(gate));
                body.extend(elements.map(|elements| ("elem".to_owned(), elements)));
            }
        }
        let line = json!({ kind: normal_object(&body) }).to_string();
        if !self.objects.contains(&line) {
            self.objects.push(line);
        }
        Ok(())
    }

    fn drift(&self, live: &Self) -> Drift {
        let mut drift = Drift::default();
        drift.compare(&self.objects, &live.objects);
        let none = Vec::new();
        for (chain, expected) in &self.rules {
            let live = live.rules.get(chain).unwrap_or(&none);
            if drift.compare(expected, live) && expected != live {
                drift.moved.push(chain.clone());
            }
        }
        for (chain, rules) in &live.rules {
            if !self.rules.contains_key(chain) {
                drift.compare(&none, rules);
            }
        }
        drift
    }
}

fn only_entry(object: &Value) -> Result<(&str, &Value), FirewallError> {
    object
        .as_object()
        .and_then(|object| object.iter().next())
        .map(|(kind, body)| (kind.as_str(), body))
        .ok_or_else(|| FirewallError::Unreadable("an entry is no object".to_owned()))
}

/// Keeps the elements that we can't have made: another port, or a timeout that is absent or too long.
fn foreign(gate: Option<Gate>) -> impl Fn(Value) -> Option<Value> {
    move |elements| {
        let list = match elements {
            Value::Array(list) => list,
            single => vec![single],
        };
        let foreign: Vec<Value> = list
            .into_iter()
            .filter(|element| !gate.is_some_and(|gate| gate.may_hold(element)))
            .collect();
        (!foreign.is_empty()).then(|| normal(&Value::Array(foreign)))
    }
}

// === impl Gate ===

impl Gate {
    fn may_hold(self, element: &Value) -> bool {
        let Some(element) = element.get("elem") else {
            return false;
        };
        let number = |key: &str| element.get(key).and_then(Value::as_u64);
        let longest = self.dead_man.as_millis().div_ceil(1000);
        number("val") == Some(self.port.into())
            && number("timeout").is_some_and(|seconds| u128::from(seconds) <= longest)
    }
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Object(object) => match object.get("set") {
            Some(items @ Value::Array(_)) if object.len() == 1 => normal_set(items),
            _ => normal_object(object),
        },
        Value::Array(items) => Value::Array(items.iter().filter_map(normal_item).collect()),
        Value::String(text) => text.parse::<IpAddr>().map_or_else(
            |_| value.clone(),
            |address| Value::String(address.to_string()),
        ),
        _ => value.clone(),
    }
}

fn normal_item(item: &Value) -> Option<Value> {
    let is_counter = item.get("counter").is_some();
    (!is_counter).then(|| normal(item))
}

fn normal_object(object: &Map<String, Value>) -> Value {
    let mut result = Map::new();
    for (key, value) in object {
        match (key.as_str(), value) {
            ("handle" | "index", _) => {}
            ("match", Value::Object(inner)) => {
                result.insert(key.clone(), normal_match(inner));
            }
            ("flags", Value::String(flag)) => {
                result.insert(key.clone(), json!([flag]));
            }
            _ => {
                result.insert(key.clone(), normal(value));
            }
        }
    }
    Value::Object(result)
}

fn normal_match(inner: &Map<String, Value>) -> Value {
    let left = inner.get("left").map(normal).unwrap_or_default();
    let operator = match inner.get("op").and_then(Value::as_str) {
        Some("in") | None => "==",
        Some(operator) => operator,
    };
    let right = inner.get("right").cloned().unwrap_or_default();
    let right = match &right {
        Value::Array(_) => normal_set(&right),
        Value::String(name) => protocol(&left, name).unwrap_or_else(|| normal(&right)),
        other => normal(other),
    };
    json!({ "left": left, "op": operator, "right": right })
}

/// `nft` lists transports by name where it finds `/etc/protocols`, else by number.
fn protocol(left: &Value, name: &str) -> Option<Value> {
    if left.pointer("/meta/key")?.as_str()? != "l4proto" {
        return None;
    }
    match name {
        "tcp" => Some(json!(6)),
        "udp" => Some(json!(17)),
        _ => None,
    }
}

/// Sorted; a set of one is its element.
fn normal_set(items: &Value) -> Value {
    let Value::Array(items) = items else {
        return normal(items);
    };
    let mut items: Vec<Value> = items.iter().map(normal).collect();
    items.sort_by_cached_key(Value::to_string);
    match items.as_slice() {
        [only] => only.clone(),
        _ => json!({ "set": items }),
    }
}

#[cfg(test)]
mod tests;
