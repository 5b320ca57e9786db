//! The numbers of EP11 and PKCS #11 as types: mechanisms, attributes, key types, classes, return
//! codes, capability flags and curve object identifiers.
//!
//! Each newtype holds the wire's `u64`, so an unknown value from a newer server is kept and shown,
//! never refused. [`Ckm::name`] and its sisters give the C header's name; [`Ckr::from_name`] reads
//! one back.

mod attributes;
mod codes;
mod mechanisms;
pub mod oid;

pub use attributes::{Cka, Ckk, Cko};
pub use codes::Ckr;
pub use mechanisms::{Ckm, MechanismFlags};

/// Declares a `u64` newtype with named constants and name lookup both ways.
macro_rules! code_table {
    (
        $(#[$meta:meta])*
        $type:ident, $prefix:literal;
        $($name:ident = $value:literal),+ $(,)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u64);

        // === impl $type ===

        impl $type {
            $(
                #[doc = concat!("`", $prefix, stringify!($name), "`")]
                pub const $name: Self = Self($value);
            )+

            /// The name of the C header, or `None` for a number not in the table.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(concat!($prefix, stringify!($name))),)+
                    _ => None,
                }
            }

            /// The value of a C header's name; the name is taken with its prefix.
            pub fn from_name(name: &str) -> Option<Self> {
                match name.strip_prefix($prefix)? {
                    $(stringify!($name) => Some(Self($value)),)+
                    _ => None,
                }
            }

            /// Every value of the table, in ascending order of the table.
            pub const ALL: &'static [Self] = &[$(Self($value)),+];
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!($prefix, "{:#x}"), self.0),
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl From<$type> for u64 {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}
use code_table;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_both_ways() {
        for &code in Ckr::ALL {
            let name = code.name().unwrap();
            assert_eq!(Ckr::from_name(name), Some(code), "{name}");
        }
        assert_eq!(Ckr::from_name("CKR_SIGNATURE_INVALID"), Some(Ckr(0xc0)));
        assert_eq!(Ckr::IBM_WKID_MISMATCH.to_string(), "CKR_IBM_WKID_MISMATCH");
        assert_eq!(
            Ckm::IBM_ED25519_SHA512.to_string(),
            "CKM_IBM_ED25519_SHA512"
        );
    }

    #[test]
    fn an_unknown_number_is_shown_as_it_is() {
        assert_eq!(Ckr(0x9999).to_string(), "CKR_0x9999");
        assert_eq!(Ckr(0x9999).name(), None);
        assert_eq!(Ckr::from_name("CKR_NO_SUCH_THING"), None);
        assert_eq!(Ckr::from_name("SIGNATURE_INVALID"), None);
    }
}
