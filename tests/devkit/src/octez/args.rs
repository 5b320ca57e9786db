//! The two command-line dialects of Octez.
//!
//! octez-node and octez-dal-node use cmdliner: options anywhere, `--name V` or `--name=V`, unambiguous prefixes, letters
//! run together. octez-baker and octez-accuser use clic: `--name V` only, global options in front of the command. Both
//! refuse unknown options, missing values and a second value where one is meant; so do these.

use super::exit::Failure;

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Flag,
    /// One value, once.
    Value,
    /// One value each time, any number of times.
    Values,
}

/// An option: its names (letters or long names, without dashes), the first of which is its key.
pub type Opt = (&'static [&'static str], Takes);

/// A dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// cmdliner; refuses with exit code 124.
    Cmdliner,
    /// clic; refuses with exit code 1.
    Clic,
}

/// Options and the words between them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    options: Vec<(&'static str, String)>,
    /// Words that belong to no option, in order.
    pub words: Vec<String>,
}

// === impl Dialect ===

impl Dialect {
    /// The refusal of a command line in this dialect.
    pub fn refuse(self, message: impl Into<String>) -> Failure {
        let code = match self {
            Dialect::Cmdliner => 124,
            Dialect::Clic => 1,
        };
        Failure::usage(code, message)
    }

    /// Splits a command line by the options that it may have.
    pub fn parse(self, options: &[Opt], args: &[String]) -> Result<Parsed, Failure> {
        let mut parsed = Parsed::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            if arg == "--" && self == Dialect::Cmdliner {
                parsed.words.extend(rest.by_ref().cloned());
            } else if arg.starts_with('-') && arg.len() > 1 {
                self.option(options, arg, &mut rest, &mut parsed)?;
            } else {
                parsed.words.push(arg.clone());
            }
        }
        Ok(parsed)
    }

    /// Clic's global options: those in front of the first word; gives them and the rest of the line.
    pub fn parse_front<'a>(
        self,
        options: &[Opt],
        args: &'a [String],
    ) -> Result<(Parsed, &'a [String]), Failure> {
        let mut parsed = Parsed::default();
        let mut rest = args.iter();
        loop {
            match rest.as_slice() {
                [arg, ..] if arg.starts_with('-') => {
                    rest.next();
                    self.option(options, arg, &mut rest, &mut parsed)?;
                }
                words => return Ok((parsed, words)),
            }
        }
    }

    fn option(
        self,
        options: &[Opt],
        arg: &str,
        rest: &mut std::slice::Iter<'_, String>,
        parsed: &mut Parsed,
    ) -> Result<(), Failure> {
        let (name, inline) = match (self, arg.split_once('=')) {
            (Dialect::Cmdliner, Some((name, value))) if arg.starts_with("--") => {
                (name, Some(value.to_owned()))
            }
            _ => (arg, None),
        };
        if self == Dialect::Cmdliner && !arg.starts_with("--") {
            return self.letters(options, arg, rest, parsed);
        }
        let (key, takes) = self
            .find(
                options,
                name.trim_start_matches('-'),
                name.starts_with("--"),
            )
            .ok_or_else(|| self.refuse(format!("unknown option '{name}'")))?;
        let value = match (takes, inline) {
            (Takes::Flag, None) => String::new(),
            (Takes::Flag, Some(_)) => {
                return Err(self.refuse(format!(
                    "option '{name}' is a flag, it can't take an argument"
                )));
            }
            (_, Some(value)) => value,
            (_, None) => rest
                .next()
                .cloned()
                .ok_or_else(|| self.refuse(format!("option '{name}' needs an argument")))?,
        };
        self.add(key, takes, value, parsed)
    }

    /// `-v`, `-vv`, `-d DIR` and `-dDIR`.
    fn letters(
        self,
        options: &[Opt],
        arg: &str,
        rest: &mut std::slice::Iter<'_, String>,
        parsed: &mut Parsed,
    ) -> Result<(), Failure> {
        let mut letters = arg.trim_start_matches('-').chars();
        while let Some(letter) = letters.next() {
            let (key, takes) = self
                .find(options, &letter.to_string(), false)
                .ok_or_else(|| self.refuse(format!("unknown option '-{letter}'")))?;
            if takes == Takes::Flag {
                self.add(key, takes, String::new(), parsed)?;
                continue;
            }
            let attached = letters.as_str();
            let value = if attached.is_empty() {
                rest.next()
                    .cloned()
                    .ok_or_else(|| self.refuse(format!("option '-{letter}' needs an argument")))?
            } else {
                attached.to_owned()
            };
            return self.add(key, takes, value, parsed);
        }
        Ok(())
    }

    fn find(self, options: &[Opt], name: &str, long: bool) -> Option<(&'static str, Takes)> {
        let of_kind = |candidate: &str| (candidate.len() > 1) == long;
        let matching = |test: &dyn Fn(&str) -> bool| {
            options
                .iter()
                .filter(|(names, _)| names.iter().any(|n| of_kind(n) && test(n)))
                .filter_map(|(names, takes)| names.first().map(|key| (*key, *takes)))
                .collect::<Vec<_>>()
        };
        let exact = matching(&|candidate| candidate == name);
        let prefixed = if exact.is_empty() && long && self == Dialect::Cmdliner {
            matching(&|candidate| candidate.starts_with(name))
        } else {
            exact
        };
        match prefixed.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    fn add(
        self,
        key: &'static str,
        takes: Takes,
        value: String,
        parsed: &mut Parsed,
    ) -> Result<(), Failure> {
        if takes == Takes::Value && parsed.value(key).is_some() {
            return Err(self.refuse(format!("option '{key}' cannot be repeated")));
        }
        parsed.options.push((key, value));
        Ok(())
    }
}

// === impl Parsed ===

impl Parsed {
    /// The value of an option, if given.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values(key).next()
    }

    /// All values of an option.
    pub fn values<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.options
            .iter()
            .filter(move |(k, _)| *k == key)
            .map(|(_, value)| value.as_str())
    }

    /// True if the flag was given.
    pub fn flag(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The value of an option, read by its type.
    pub fn read<T: std::str::FromStr>(
        &self,
        dialect: Dialect,
        key: &str,
    ) -> Result<Option<T>, Failure> {
        self.value(key)
            .map(|text| {
                text.parse().map_err(|_| {
                    dialect.refuse(format!("option '--{key}': invalid value '{text}'"))
                })
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: &[Opt] = &[
        (&["data-dir", "d"], Takes::Value),
        (&["data-size"], Takes::Value),
        (&["peer"], Takes::Values),
        (&["v"], Takes::Flag),
        (&["keep-alive", "K"], Takes::Flag),
    ];

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn cmdliner_takes_its_spellings() {
        for line in [
            "--data-dir=x",
            "--data-dir x",
            "-d x",
            "-dx",
            "--data-d x",
            "-vvdx --keep",
            "-- -d",
        ] {
            let parsed = Dialect::Cmdliner.parse(OPTIONS, &words(line)).unwrap();
            assert!(
                parsed.value("data-dir") == Some("x") || parsed.words == ["-d"],
                "{line}"
            );
        }
        let parsed = Dialect::Cmdliner
            .parse(OPTIONS, &words("a --peer 1 b --peer=2 -vv"))
            .unwrap();
        assert_eq!(parsed.words, ["a", "b"]);
        assert_eq!(parsed.values("peer").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(parsed.values("v").count(), 2);
    }

    #[test]
    fn cmdliner_refuses_with_124() {
        for line in [
            "--nope",
            "-x",
            "--data x",
            "--data-dir",
            "-d",
            "--keep-alive=1",
            "--data-dir a --data-dir b",
        ] {
            let error = Dialect::Cmdliner.parse(OPTIONS, &words(line)).unwrap_err();
            assert_eq!(error.code(), 124, "{line}");
        }
    }

    #[test]
    fn clic_has_neither_equals_signs_nor_prefixes() {
        for line in ["--data-dir=x", "--data-d x", "-dx", "--nope", "--data-dir"] {
            let error = Dialect::Clic.parse(OPTIONS, &words(line)).unwrap_err();
            assert_eq!(error.code(), 1, "{line}");
        }
        let args = words("--data-dir x -K run -d y");
        let (front, rest) = Dialect::Clic.parse_front(OPTIONS, &args).unwrap();
        assert_eq!(front.value("data-dir"), Some("x"));
        assert!(front.flag("keep-alive"));
        assert_eq!(rest, ["run", "-d", "y"]);
    }

    proptest! {
        #[test]
        fn any_line_is_parsed_or_refused(line in proptest::collection::vec(".{0,12}", 0..6)) {
            for dialect in [Dialect::Cmdliner, Dialect::Clic] {
                if let Ok(parsed) = dialect.parse(OPTIONS, &line) {
                    prop_assert!(parsed.words.len() <= line.len());
                }
            }
        }
    }
}
