//! Further arguments of Octez's programs.
//!
//! A list of what may be there, since an argument can undo what the supervisor promises (open a port, name another
//! signer). Each has the form `--name` or `--name=value`.

use crate::error::{Code, ContractError};
use crate::reader::{View, decimal};

/// What an argument takes.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    /// A whole number in these bounds.
    Whole(u64, u64),
    /// A number that may have a decimal point.
    Decimal,
}

pub(super) struct Allowed(&'static str, Takes);

/// Of `octez-node run`.
pub(super) const NODE: &[Allowed] = &[
    Allowed("--connections", Takes::Whole(1, 1000)),
    Allowed("--synchronisation-threshold", Takes::Whole(0, 100)),
    Allowed("--sync-latency", Takes::Whole(1, 86_400)),
    Allowed("--private-mode", Takes::Nothing),
    Allowed("--singleprocess", Takes::Nothing),
];

/// Of `octez-baker run`.
pub(super) const BAKER: &[Allowed] = &[
    Allowed("--pre-emptive-forge-time", Takes::Decimal),
    Allowed("--remote-calls-timeout", Takes::Decimal),
    Allowed("--minimal-fees", Takes::Decimal),
    Allowed("--minimal-nanotez-per-gas-unit", Takes::Decimal),
    Allowed("--minimal-nanotez-per-byte", Takes::Decimal),
    Allowed("--keep-alive", Takes::Nothing),
];

/// Reads a list of arguments, each at most once.
pub(super) fn read(
    view: Option<View<'_>>,
    allowed: &[Allowed],
) -> Result<Vec<String>, ContractError> {
    let Some(view) = view else {
        return Ok(Vec::new());
    };
    let expected = forms(allowed);
    let mut found: Vec<(&str, String)> = Vec::new();
    for item in view.items(0..=allowed.len())? {
        let text = item.text(&expected)?;
        let form = form(text, allowed).ok_or_else(|| item.must_be(&expected))?;
        if found.iter().any(|(name, _)| *name == form.0) {
            return Err(item.error(Code::ValueInvalid, format!("{} is there twice", form.0)));
        }
        found.push((form.0, text.to_owned()));
    }
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

/// Whether a text is one of these arguments, with such a value as it takes.
pub(super) fn is_allowed(text: &str, allowed: &[Allowed]) -> bool {
    form(text, allowed).is_some()
}

fn form<'a>(text: &str, allowed: &'a [Allowed]) -> Option<&'a Allowed> {
    let (name, value) = text
        .split_once('=')
        .map_or((text, None), |(name, value)| (name, Some(value)));
    allowed.iter().find(|it| it.0 == name && it.1.takes(value))
}

fn forms(allowed: &[Allowed]) -> String {
    let forms: Vec<String> = allowed
        .iter()
        .map(|it| match it.1 {
            Takes::Nothing => it.0.to_owned(),
            Takes::Whole(least, most) => format!("{}={least}…{most}", it.0),
            Takes::Decimal => format!("{}=NUMBER", it.0),
        })
        .collect();
    format!("one of {}", forms.join(", "))
}

// === impl Takes ===

impl Takes {
    fn takes(self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Nothing, None) => true,
            (Self::Whole(least, most), Some(value)) => {
                value.len() <= 8
                    && decimal(value).is_some_and(|number| (least..=most).contains(&number))
            }
            (Self::Decimal, Some(value)) => {
                let (whole, part) = value
                    .split_once('.')
                    .map_or((value, None), |(whole, part)| (whole, Some(part)));
                value.len() <= 20
                    && decimal(whole).is_some()
                    && part.is_none_or(|part| decimal(part).is_some())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_the_kind_their_argument_takes() {
        let whole = Takes::Whole(1, 100);
        for (takes, value, expected) in [
            (Takes::Nothing, None, true),
            (Takes::Nothing, Some("1"), false),
            (whole, Some("100"), true),
            (whole, Some("101"), false),
            (whole, Some("-1"), false),
            (whole, Some(""), false),
            (whole, None, false),
            (Takes::Decimal, Some("0.0001"), true),
            (Takes::Decimal, Some("5"), true),
            (Takes::Decimal, Some("5."), false),
            (Takes::Decimal, Some(".5"), false),
            (Takes::Decimal, Some("1e5"), false),
            (Takes::Decimal, Some("1.2.3"), false),
        ] {
            assert_eq!(takes.takes(value), expected, "{value:?}");
        }
    }
}
