//! Reading values out of the tree, with a place for every complaint.
//!
//! A [`View`] is a node and the way that led to it. What it returns is borrowed from the tree and was checked; what it
//! complains of says what is expected and never what is there.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::error::{Code, ContractError, Place, Warning};
use crate::node::{Entry, Kind, Node, Origin, Style};
use crate::pem;
use crate::secret::Secret;

/// How alike two names must be (Jaro-Winkler) for one to be taken for the other mistyped.
const ALIKE: f64 = 0.8;

/// A node, the path to it and the text it is from.
#[derive(Clone)]
pub(crate) struct View<'a> {
    node: &'a Arc<Node>,
    path: String,
    origin: Origin,
}

// === impl View ===

impl<'a> View<'a> {
    pub(crate) fn new(node: &'a Arc<Node>, path: impl Into<String>, origin: Origin) -> Self {
        Self {
            node,
            path: path.into(),
            origin,
        }
    }

    pub(crate) fn kind(&self) -> &'a Kind {
        &self.node.kind
    }

    pub(crate) fn place(&self) -> Place {
        self.origin.place(self.path.clone(), self.node.mark)
    }

    pub(crate) fn error(&self, code: Code, message: impl Into<Cow<'static, str>>) -> ContractError {
        ContractError::new(code, self.place(), message)
    }

    pub(crate) fn warning(&self, message: impl Into<Cow<'static, str>>) -> Warning {
        Warning::new(self.place(), message)
    }

    /// The error of a value that is not what it must be.
    pub(crate) fn must_be(&self, expected: impl fmt::Display) -> ContractError {
        self.error(Code::ValueInvalid, format!("must be {expected}"))
    }

    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Result<&'a [Entry], ContractError> {
        match &self.node.kind {
            Kind::Mapping(entries) => Ok(entries),
            _ => Err(self.must_be(format_args!("a mapping, and is {}", self.node.noun()))),
        }
    }

    /// Refuses every key but these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ContractError> {
        match self
            .entries()?
            .iter()
            .find(|entry| !known.contains(&entry.key.expose().as_str()))
        {
            Some(entry) => {
                let place = self.origin.place(self.path.clone(), entry.mark);
                Err(ContractError::new(
                    Code::KeyUnknown,
                    place,
                    unknown(entry.key.expose(), known),
                ))
            }
            None => Ok(()),
        }
    }

    /// Warns of every key but these.
    pub(crate) fn mostly(&self, known: &[&str], warnings: &mut Vec<Warning>) {
        let Kind::Mapping(entries) = &self.node.kind else {
            return;
        };
        for entry in entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.expose().as_str()))
        {
            let place = self.origin.place(self.path.clone(), entry.mark);
            let warning = Warning::new(place, unknown(entry.key.expose(), known));
            warning
                .with_remedy(Code::KeyUnknown.remedy())
                .note(warnings);
        }
    }

    /// The value of a key that may be missing.
    pub(crate) fn optional(&self, key: &'static str) -> Option<View<'a>> {
        let entry = self.node.get(key)?;
        Some(View::new(&entry.value, self.below(key), self.origin))
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&self, key: &'static str) -> Result<View<'a>, ContractError> {
        self.entries()?;
        self.optional(key)
            .ok_or_else(|| self.error(Code::KeyMissing, format!("the key `{key}` is missing here")))
    }

    /// The place of a key, rather than of its value.
    pub(crate) fn key_place(&self, key: &str) -> Option<Place> {
        self.node
            .get(key)
            .map(|entry| self.origin.place(self.below(key), entry.mark))
    }

    /// Each item of a list, of which there may be so many.
    pub(crate) fn items(
        &self,
        count: RangeInclusive<usize>,
    ) -> Result<Vec<View<'a>>, ContractError> {
        let expected = || match (count.start(), count.end()) {
            (0, &usize::MAX) => "a list".to_owned(),
            (0, most) => format!("a list of at most {most} items"),
            (least, most) => format!("a list of {least} to {most} items"),
        };
        match &self.node.kind {
            Kind::Sequence(items) if count.contains(&items.len()) => Ok(self.numbered(items)),
            Kind::Sequence(_) => Err(self.must_be(expected())),
            _ => Err(self.must_be(format_args!("{}, and is {}", expected(), self.node.noun()))),
        }
    }

    /// The place of a key that has no value worth naming.
    pub(crate) fn entry_place(&self, entry: &Entry) -> Place {
        self.origin.place(self.path.clone(), entry.mark)
    }

    /// The items of a list or the values of a mapping with names of its own; nothing, if it is neither.
    pub(crate) fn children(&self) -> Vec<View<'a>> {
        match &self.node.kind {
            Kind::Scalar(_) => Vec::new(),
            Kind::Sequence(items) => self.numbered(items),
            Kind::Mapping(entries) => self.numbered(entries.iter().map(|entry| &entry.value)),
        }
    }

    /// The text of a scalar, quoted or not.
    pub(crate) fn text(&self, expected: impl fmt::Display) -> Result<&'a str, ContractError> {
        match &self.node.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Ok(scalar.text.expose()),
            _ => Err(self.must_be(format_args!("{expected}, and is {}", self.node.noun()))),
        }
    }

    /// A text that is one in YAML's eyes too, and not a number or the like for want of quotes.
    pub(crate) fn string(&self, expected: &str) -> Result<&'a str, ContractError> {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.is_other_than_text() => Err(self.must_be(format_args!(
                "{expected}, in quotes: without them YAML does not read text here"
            ))),
            _ => self.text(expected),
        }
    }

    /// A text that a function understands.
    pub(crate) fn parse<T>(
        &self,
        expected: &str,
        understand: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ContractError> {
        understand(self.text(expected)?).ok_or_else(|| self.must_be(expected))
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ContractError> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.parse(&alternatives(&names), |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
        })
    }

    /// A whole number, not quoted.
    pub(crate) fn number(&self, range: RangeInclusive<u64>) -> Result<u64, ContractError> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let text = self.plain(&expected)?;
        decimal(text)
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.must_be(expected))
    }

    /// `true` or `false`, not quoted.
    pub(crate) fn boolean(&self) -> Result<bool, ContractError> {
        match self.plain("true or false")? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.must_be("true or false")),
        }
    }

    /// PEM in any of the shapes contracts have, brought into one.
    pub(crate) fn pem(
        &self,
        labels: &[&str],
        expected: &str,
    ) -> Result<Secret<String>, ContractError> {
        let text = self.text(expected)?;
        pem::normalise(text, labels)
            .map_err(|error| self.must_be(format_args!("{expected}; there is {error}")))
    }

    fn plain(&self, expected: &str) -> Result<&'a str, ContractError> {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.style == Style::Plain => self.text(expected),
            Kind::Scalar(_) => Err(self.must_be(format_args!("{expected}, without quotes"))),
            _ => self.text(expected),
        }
    }

    fn numbered(&self, nodes: impl IntoIterator<Item = &'a Arc<Node>>) -> Vec<View<'a>> {
        nodes
            .into_iter()
            .enumerate()
            .map(|(index, node)| View::new(node, format!("{}[{index}]", self.path), self.origin))
            .collect()
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Digits and nothing else.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `a, b or c`.
pub(crate) fn alternatives(words: &[&str]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// What to say about an unknown key.
///
/// It is named only if it is a known one mistyped: for all we know, anything else may be a secret in the wrong column.
pub(crate) fn unknown(key: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(key, name), *name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let harmless = key.len() <= 40
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    match nearest {
        Some((_, name)) if harmless => format!("unknown key `{key}`: did you mean `{name}`?"),
        Some((_, name)) => format!("unknown key: did you mean `{name}`?"),
        None => format!("unknown key; those known here are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn tree(text: &str) -> Arc<Node> {
        Node::parse(text, &Limits::default(), Origin::Document).unwrap()
    }

    #[test]
    fn an_unknown_key_is_named_only_if_it_is_one_mistyped() {
        assert_eq!(
            unknown("netwrok", &["network", "node"]),
            "unknown key `netwrok`: did you mean `network`?"
        );
        assert_eq!(
            unknown("hunter2", &["network", "node"]),
            "unknown key; those known here are network, node"
        );
        assert_eq!(
            unknown("network\u{7}", &["network"]),
            "unknown key: did you mean `network`?"
        );
    }

    #[test]
    fn quoted_numbers_are_texts_and_unquoted_texts_are_no_numbers() {
        let root = tree(
            "{a: 5, b: \"5\", c: five, d: 5.0, e: 0x5, f: +5, g: 99, h: 99999999999999999999999, i: , j: [5]}",
        );
        let view = View::new(&root, "", Origin::Document);
        assert_eq!(view.required("a").unwrap().number(1..=9), Ok(5));
        for key in ["b", "c", "d", "e", "f", "g", "h", "i", "j"] {
            let error = view.required(key).unwrap().number(1..=9).unwrap_err();
            assert_eq!(error.code(), Code::ValueInvalid, "{key}");
            assert!(
                error.to_string().contains("a whole number from 1 to 9"),
                "{error}"
            );
        }
    }
}
