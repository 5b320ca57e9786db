//! Building the tree from parser events, within the limits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_yaml::granit_parser::{
    ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag,
};

use super::{Entry, Kind, Mark, Node, Origin, Scalar, Style};
use crate::error::{Code, ContractError};
use crate::limits::Limits;
use crate::secret::Secret;

/// A collection that is still open.
enum Open {
    Sequence {
        mark: Mark,
        anchor: usize,
        items: Vec<Arc<Node>>,
    },
    Mapping {
        mark: Mark,
        anchor: usize,
        entries: Vec<Entry>,
        key: Option<(Secret<String>, Mark)>,
    },
}

struct Builder<'a> {
    limits: &'a Limits,
    origin: Origin,
    stack: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    nodes: usize,
    aliases: usize,
    root: Option<Arc<Node>>,
}

pub(super) fn build(
    text: &str,
    limits: &Limits,
    origin: Origin,
) -> Result<Arc<Node>, ContractError> {
    let mut builder = Builder {
        limits,
        origin,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        aliases: 0,
        root: None,
    };
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.disallow_directives = true;
    // Ours is the lower bound, so that it is ours that speaks.
    options.flow_nesting_limit = limits.depth.saturating_add(2);
    options.block_nesting_limit = limits.depth.saturating_add(2);

    let mut last = Mark { line: 1, column: 1 };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| builder.scan_error(&error))?;
        last = mark_of(&span.start);
        builder.take(event, last)?;
    }
    builder
        .root
        .take()
        .ok_or_else(|| builder.not_yaml(last, "is empty"))
}

fn mark_of(marker: &Marker) -> Mark {
    Mark {
        line: marker.line().max(1),
        column: marker.col().saturating_add(1),
    }
}

// === impl Builder ===

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), ContractError> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(self.not_yaml(mark, "holds more than one YAML document"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.untagged(tag.as_deref(), mark)?;
                let scalar = Scalar {
                    text: Secret::new(text.into_owned()),
                    style: style_of(style),
                };
                self.count(1, mark)?;
                self.place(Kind::Scalar(scalar), mark, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), mark)?;
                self.open(
                    Open::Sequence {
                        mark,
                        anchor,
                        items: Vec::new(),
                    },
                    mark,
                )
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untagged(tag.as_deref(), mark)?;
                self.open(
                    Open::Mapping {
                        mark,
                        anchor,
                        entries: Vec::new(),
                        key: None,
                    },
                    mark,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            Event::Alias(anchor) => self.alias(anchor, mark),
            Event::UnresolvedAlias(_) => Err(self.not_yaml(mark, "is an alias of nothing")),
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open, mark: Mark) -> Result<(), ContractError> {
        self.count(1, mark)?;
        self.deep_enough(1, mark)?;
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, end: Mark) -> Result<(), ContractError> {
        match self.stack.pop() {
            Some(Open::Sequence {
                mark,
                anchor,
                items,
            }) => self.place(Kind::Sequence(items), mark, anchor),
            Some(Open::Mapping {
                mark,
                anchor,
                entries,
                key: None,
            }) => {
                self.each_once(&entries)?;
                self.place(Kind::Mapping(entries), mark, anchor)
            }
            _ => Err(self.not_yaml(end, "is not well-formed YAML from here on")),
        }
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), ContractError> {
        self.aliases = self.aliases.saturating_add(1);
        if self.aliases > self.limits.aliases {
            let message = format!(
                "has more YAML aliases than the {} allowed",
                self.limits.aliases
            );
            return Err(self.error(Code::ContractAliases, mark, message));
        }
        // An anchor is known once its node is complete: a node inside itself is no tree.
        let Some(node) = self.anchors.get(&anchor).map(Arc::clone) else {
            return Err(self.not_yaml(mark, "is an alias of a node that holds it"));
        };
        self.deep_enough(node.height, mark)?;
        self.count(node.weight, mark)?;
        self.attach(node, mark)
    }

    /// Completes a node and hands it to whatever is open around it.
    fn place(&mut self, kind: Kind, mark: Mark, anchor: usize) -> Result<(), ContractError> {
        let children: Vec<&Arc<Node>> = match &kind {
            Kind::Scalar(_) => Vec::new(),
            Kind::Sequence(items) => items.iter().collect(),
            Kind::Mapping(entries) => entries.iter().map(|entry| &entry.value).collect(),
        };
        let own = usize::from(!matches!(kind, Kind::Scalar(_)));
        let height = children
            .iter()
            .map(|child| child.height)
            .max()
            .unwrap_or(0)
            .saturating_add(own);
        let keys = if matches!(kind, Kind::Mapping(_)) {
            children.len()
        } else {
            0
        };
        let below = children
            .iter()
            .fold(keys, |sum, child| sum.saturating_add(child.weight));
        let node = Arc::new(Node {
            mark,
            kind,
            height,
            weight: below.saturating_add(1),
        });
        if anchor > 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.attach(node, mark)
    }

    fn attach(&mut self, node: Arc<Node>, mark: Mark) -> Result<(), ContractError> {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => {
                if let Some((key, mark)) = key.take() {
                    entries.push(Entry {
                        key,
                        mark,
                        value: node,
                    });
                    return Ok(());
                }
                let Kind::Scalar(Scalar { text, .. }) = &node.kind else {
                    return Err(self.not_yaml(mark, "has a list or a mapping as a key"));
                };
                // To a reader that merges, such as IBM's, it would bring in keys that are not seen here.
                if text.expose() == "<<" {
                    return Err(self.not_yaml(
                        mark,
                        "is a merge key (<<), which a contract may not have: write the keys out",
                    ));
                }
                *key = Some((Secret::new(text.expose().clone()), mark));
            }
        }
        Ok(())
    }

    fn each_once(&self, entries: &[Entry]) -> Result<(), ContractError> {
        let mut seen = HashSet::with_capacity(entries.len());
        match entries
            .iter()
            .find(|entry| !seen.insert(entry.key.expose()))
        {
            Some(again) => Err(self.not_yaml(again.mark, "has the same key twice")),
            None => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), ContractError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > self.limits.nodes {
            let message = format!("has more than the {} nodes allowed", self.limits.nodes);
            return Err(self.error(Code::ContractTooLarge, mark, message));
        }
        Ok(())
    }

    fn deep_enough(&self, more: usize, mark: Mark) -> Result<(), ContractError> {
        if self.stack.len().saturating_add(more) > self.limits.depth {
            return Err(self.too_deep(mark));
        }
        Ok(())
    }

    /// Tags change what a text means; a contract needs none.
    fn untagged(&self, tag: Option<&Tag>, mark: Mark) -> Result<(), ContractError> {
        if tag.is_some() {
            return Err(self.not_yaml(mark, "has a YAML tag, which a contract does not need"));
        }
        Ok(())
    }

    /// The parser's own words may quote the text: only its place is taken.
    fn scan_error(&self, error: &ScanError) -> ContractError {
        let mark = mark_of(error.marker());
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(mark),
            _ => self.not_yaml(mark, "is not well-formed YAML from here on"),
        }
    }

    fn too_deep(&self, mark: Mark) -> ContractError {
        let message = format!(
            "is nested deeper than the {} levels allowed",
            self.limits.depth
        );
        self.error(Code::ContractTooDeep, mark, message)
    }

    fn not_yaml(&self, mark: Mark, message: &'static str) -> ContractError {
        ContractError::new(
            Code::ContractNotYaml,
            self.origin.place(self.origin.root(), mark),
            message,
        )
    }

    fn error(&self, code: Code, mark: Mark, message: String) -> ContractError {
        ContractError::new(code, self.origin.place(self.origin.root(), mark), message)
    }
}

#[cfg(test)]
mod tests;

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}
