//! RSA encryption with padding that repeats: what `--deterministic` needs and aws-lc does not offer.
//!
//! The public operation alone: padding (RFC 8017, EME-PKCS1-v1_5) and one exponentiation with the public exponent. No private
//! key comes near it, and without a seed it is not used.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

use super::SealError;
use super::random::Random;

/// Bytes of padding that are not random: two before it and one after.
const FIXED: usize = 3;
/// Random bytes that a padding has at least.
const LEAST: usize = 8;

/// An RSA public key as numbers.
pub(super) struct PublicNumbers {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

// === impl PublicNumbers ===

impl PublicNumbers {
    pub(super) fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let Ok(PublicKey::RSA(key)) = spki.parsed() else {
            return None;
        };
        let significant = |bytes: &[u8]| bytes.iter().copied().skip_while(|b| *b == 0).collect();
        Some(Self {
            modulus: significant(key.modulus),
            exponent: significant(key.exponent),
        })
    }

    pub(super) fn encrypt(
        &self,
        message: &[u8],
        random: &mut Random,
    ) -> Result<Vec<u8>, SealError> {
        let size = self.modulus.len();
        let padding = size
            .checked_sub(message.len().saturating_add(FIXED))
            .filter(|padding| *padding >= LEAST)
            .ok_or(SealError::Failed)?;
        let mut padding = Zeroizing::new(vec![0; padding]);
        random.fill_without("padding", &[0], &mut padding)?;
        let padded = Zeroizing::new([&[0, 2], padding.as_slice(), &[0], message].concat());
        self.raised(&padded).ok_or(SealError::Failed)
    }

    /// `padded` to the power of the exponent, modulo the modulus, in as many bytes as that has.
    pub(super) fn raised(&self, padded: &[u8]) -> Option<Vec<u8>> {
        let modulus = BoxedUint::from_be_slice_vartime(&self.modulus);
        let precision = modulus.bits_precision();
        let modulus = Option::<Odd<BoxedUint>>::from(Odd::new(modulus))?;
        let padded = BoxedUint::from_be_slice(padded, precision).ok()?;
        let exponent = BoxedUint::from_be_slice_vartime(&self.exponent);
        let params = BoxedMontyParams::new_vartime(modulus);
        let padded = Zeroizing::new(BoxedMontyForm::new(padded, &params));
        let bytes = padded.pow(&exponent).retrieve().to_be_bytes();
        let from = bytes.len().checked_sub(self.modulus.len())?;
        bytes.get(from..).map(<[u8]>::to_vec)
    }
}
