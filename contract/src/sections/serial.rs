//! The contract's serial, read from an env section that is not sealed yet.

use super::{Section, Text, serial};
use crate::error::ContractError;
use crate::limits::Limits;
use crate::node::Origin;
use crate::reader::View;

/// The serial that the text of an env section names, if it does; nothing else of the section is looked at.
pub fn serial_of(env: &str, limits: &Limits) -> Result<Option<u64>, ContractError> {
    let origin = Origin::Section("env");
    let tree = Section::Env.tree(Text { text: env, origin }, limits)?;
    let root = View::new(&tree, Section::Env.name(), origin);
    root.entries()?;
    serial(&root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn the_serial_is_read_and_nothing_else() {
        let serial = |text: &str| serial_of(text, &Limits::default());
        for (text, expected) in [
            ("type: env\nbakehouse: {serial: 7, state: {}}\n", Some(7)),
            ("bakehouse: {serial: 9007199254740992}\n", Some(1 << 53)),
            ("type: env\nbakehouse: {state: {}}\n", None),
            ("type: env\n", None),
        ] {
            assert_eq!(serial(text), Ok(expected), "{text}");
        }
        for value in ["0", "-1", "seven", "9007199254740993", "[7]", "7.5"] {
            let error = serial(&format!("type: env\nbakehouse:\n  serial: {value}\n")).unwrap_err();
            assert_eq!(error.code(), Code::ValueInvalid, "{value}");
            assert_eq!(error.place().path, "env.bakehouse.serial");
            assert_eq!(error.place().line, Some(3));
        }
        assert_eq!(
            serial("a: b: c\n").unwrap_err().code(),
            Code::ContractNotYaml
        );
        assert_eq!(serial("- env\n").unwrap_err().code(), Code::ValueInvalid);
    }
}
