//! From a template to attribute bits, and from attribute bits to permissions.
//!
//! The bits are those that real HSMs give: a generated signing key that asked for nothing else has
//! `…400126`, or `…400125` if extractable. A private EC key may sign unless its template says no;
//! every other use must be asked for. `CKA_EXTRACTABLE` that is absent counts as true, the worse
//! case, so that a client which forgets it is found out.

use bakehouse_proto::blob::BlobAttributes;
use bakehouse_proto::{Cka, Ckr, Template};

const USES: [Cka; 12] = [
    Cka::SIGN,
    Cka::SIGN_RECOVER,
    Cka::DECRYPT,
    Cka::ENCRYPT,
    Cka::DERIVE,
    Cka::UNWRAP,
    Cka::WRAP,
    Cka::VERIFY,
    Cka::VERIFY_RECOVER,
    Cka::TRUSTED,
    Cka::WRAP_WITH_TRUSTED,
    Cka::IBM_USE_AS_DATA,
];

/// Where a key comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Generated,
    Brought,
}

/// A boolean of a template; a value that is no boolean is refused.
pub(super) fn flag(template: &Template, name: Cka) -> Result<Option<bool>, Ckr> {
    match (template.get(name), template.bool(name)) {
        (Some(_), None) => Err(Ckr::ATTRIBUTE_VALUE_INVALID),
        (_, value) => Ok(value),
    }
}

/// The bits of a private EC key.
pub(super) fn private_bits(template: &Template, origin: Origin) -> Result<BlobAttributes, Ckr> {
    let bits = secret_bits(template, origin)?;
    let sign = flag(template, Cka::SIGN)?.unwrap_or(true);
    Ok(bits.with(BlobAttributes::SIGN, sign))
}

/// The bits of a secret key.
pub(super) fn secret_bits(template: &Template, origin: Origin) -> Result<BlobAttributes, Ckr> {
    let generated = origin == Origin::Generated;
    let extractable = flag(template, Cka::EXTRACTABLE)?.unwrap_or(true);
    let modifiable = flag(template, Cka::MODIFIABLE)?.unwrap_or(true);
    let mut bits = BlobAttributes::PROTKEY_NEVER_EXTRACTABLE
        .with(BlobAttributes::LOCAL, generated)
        .with(BlobAttributes::MODIFIABLE, modifiable)
        .with(BlobAttributes::EXTRACTABLE, extractable)
        .with(BlobAttributes::NEVER_EXTRACTABLE, generated && !extractable);
    for name in USES {
        if let Some(bit) = BlobAttributes::of(name) {
            bits = bits.with(bit, flag(template, name)?.unwrap_or(false));
        }
    }
    Ok(bits)
}

/// Whether a public key may verify; it may unless its template says no.
pub(super) fn may_verify(template: &Template) -> Result<bool, Ckr> {
    Ok(flag(template, Cka::VERIFY)?.unwrap_or(true))
}

/// Refuses a key without the bit of this use.
pub(super) fn permit(attributes: BlobAttributes, wanted: BlobAttributes) -> Result<(), Ckr> {
    if attributes.has(wanted) {
        Ok(())
    } else {
        Err(Ckr::KEY_FUNCTION_NOT_PERMITTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_key_has_the_bits_of_real_ones() {
        let template = Template::new()
            .with_bool(Cka::SIGN, true)
            .with_bool(Cka::PRIVATE, true)
            .with_bool(Cka::SENSITIVE, true);
        for (extractable, expected) in [(true, 0x40_0125), (false, 0x40_0126)] {
            let template = template.clone().with_bool(Cka::EXTRACTABLE, extractable);
            assert_eq!(
                private_bits(&template, Origin::Generated).unwrap().0,
                expected
            );
        }
    }

    #[test]
    fn a_forgotten_extractable_is_extractable() {
        let bits = private_bits(&Template::new(), Origin::Generated).unwrap();
        assert!(bits.has(BlobAttributes::EXTRACTABLE));
        assert!(!bits.has(BlobAttributes::NEVER_EXTRACTABLE));
    }

    #[test]
    fn only_signing_is_allowed_unasked_and_only_for_private_keys() {
        let empty = Template::new();
        let private = private_bits(&empty, Origin::Brought).unwrap();
        assert!(private.has(BlobAttributes::SIGN) && !private.has(BlobAttributes::DERIVE));
        assert!(
            !secret_bits(&empty, Origin::Brought)
                .unwrap()
                .has(BlobAttributes::SIGN)
        );
        let no = Template::new().with_bool(Cka::SIGN, false);
        assert!(
            !private_bits(&no, Origin::Brought)
                .unwrap()
                .has(BlobAttributes::SIGN)
        );
    }

    #[test]
    fn a_flag_that_is_no_boolean_is_refused() {
        let template = Template::new().with_bytes(Cka::SIGN, [7]);
        let refused = private_bits(&template, Origin::Generated);
        assert_eq!(refused.err(), Some(Ckr::ATTRIBUTE_VALUE_INVALID));
    }
}
