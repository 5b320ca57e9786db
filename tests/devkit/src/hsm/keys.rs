//! Key material and what is done with it: generation, ECDSA, Ed25519.
//!
//! ECDSA here behaves as the HSM does, not as a wallet library does: the nonce is random, so each
//! signature differs; `s` is never normalised, so about half of the signatures are high-s; data is
//! taken as the digest itself, shorter data as the integer it spells, longer data cut to 32 bytes.

use aws_lc_rs::rand;
use bakehouse_proto::{Ckr, Curve, PublicKey};
use ed25519_dalek::Signer;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::elliptic_curve::ops::{Invert, Reduce};
use p256::elliptic_curve::point::AffineCoordinates;
use p256::elliptic_curve::{
    CurveArithmetic, CurveGroup, FieldBytes, Group, NonZeroScalar, PrimeField, ProjectivePoint,
    Scalar,
};

/// The bytes of a key.
pub(super) enum Secret {
    /// A private key of a curve; big-endian scalar, or the seed of RFC 8032.
    Private(Curve, [u8; 32]),
    /// An AES key of 16, 24 or 32 bytes.
    Aes(Vec<u8>),
    /// Any bytes, such as the seed of a derivation.
    Generic(Vec<u8>),
}

const AES: u8 = 1;
const GENERIC: u8 = 2;
const ED25519: u8 = 3;
const SECP256K1: u8 = 4;
const P256: u8 = 5;

// === impl Secret ===

impl Secret {
    /// A new private key. BLS12-381 is not supported.
    pub(super) fn generate(curve: Curve) -> Result<Self, Ckr> {
        match curve {
            Curve::Ed25519 => Ok(Self::Private(curve, random()?)),
            Curve::Secp256k1 => Ok(Self::Private(curve, random_scalar::<k256::Secp256k1>()?)),
            Curve::P256 => Ok(Self::Private(curve, random_scalar::<p256::NistP256>()?)),
            Curve::Bls12_381 => Err(Ckr::CURVE_NOT_SUPPORTED),
        }
    }

    /// A private key of these bytes, if they are one.
    pub(super) fn private(curve: Curve, bytes: [u8; 32]) -> Option<Self> {
        public_key(curve, &bytes)?;
        Some(Self::Private(curve, bytes))
    }

    /// The public key of a private one.
    pub(super) fn public_key(&self) -> Result<PublicKey, Ckr> {
        match self {
            Self::Private(curve, secret) => {
                public_key(*curve, secret).ok_or(Ckr::IBM_INTERNAL_ERROR)
            }
            _ => Err(Ckr::KEY_TYPE_INCONSISTENT),
        }
    }

    /// A kind byte and the key.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (kind, key): (u8, &[u8]) = match self {
            Self::Private(Curve::Ed25519, key) => (ED25519, key),
            Self::Private(Curve::Secp256k1, key) => (SECP256K1, key),
            Self::Private(_, key) => (P256, key),
            Self::Aes(key) => (AES, key),
            Self::Generic(key) => (GENERIC, key),
        };
        [&[kind], key].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, key) = bytes.split_first()?;
        match *kind {
            ED25519 => Some(Self::Private(Curve::Ed25519, key.try_into().ok()?)),
            SECP256K1 => Some(Self::Private(Curve::Secp256k1, key.try_into().ok()?)),
            P256 => Some(Self::Private(Curve::P256, key.try_into().ok()?)),
            AES => Some(Self::Aes(key.to_vec())),
            GENERIC => Some(Self::Generic(key.to_vec())),
            _ => None,
        }
    }

    /// The ciphertext length of a real blob of this kind.
    pub(super) fn sealed_len(&self) -> usize {
        match self {
            Self::Private(Curve::Ed25519, _) => 512,
            Self::Private(..) => 448,
            Self::Aes(_) => 144,
            Self::Generic(_) => 336,
        }
    }
}

/// A signature of 64 bytes: `r ‖ s` for ECDSA, `R ‖ S` for Ed25519.
pub(super) fn sign(curve: Curve, secret: &[u8; 32], data: &[u8]) -> Result<Vec<u8>, Ckr> {
    match curve {
        Curve::Ed25519 => Ok(ed25519_dalek::SigningKey::from_bytes(secret)
            .sign(data)
            .to_bytes()
            .to_vec()),
        Curve::Secp256k1 => ecdsa::<k256::Secp256k1>(secret, data),
        Curve::P256 => ecdsa::<p256::NistP256>(secret, data),
        Curve::Bls12_381 => Err(Ckr::CURVE_NOT_SUPPORTED),
    }
}

/// Verifies a signature; high-s is as good as low-s.
pub(super) fn verify(key: &PublicKey, data: &[u8], signature: &[u8]) -> Result<(), Ckr> {
    if signature.len() != 64 {
        return Err(Ckr::SIGNATURE_LEN_RANGE);
    }
    let valid = match key.curve() {
        Curve::Ed25519 => verify_ed25519(key.point(), data, signature),
        Curve::Secp256k1 => verify_secp256k1(key.point(), data, signature),
        Curve::P256 => verify_p256(key.point(), data, signature),
        Curve::Bls12_381 => return Err(Ckr::CURVE_NOT_SUPPORTED),
    };
    valid.ok_or(Ckr::SIGNATURE_INVALID)
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Ckr> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
    Ok(bytes)
}

/// `(a + b) mod n` as bytes; `None` if `a ≥ n` or the sum is zero.
pub(super) fn add_scalars(curve: Curve, a: &[u8; 32], b: &[u8; 32]) -> Option<[u8; 32]> {
    match curve {
        Curve::Secp256k1 => add::<k256::Secp256k1>(a, b),
        Curve::P256 => add::<p256::NistP256>(a, b),
        _ => None,
    }
}

fn public_key(curve: Curve, secret: &[u8; 32]) -> Option<PublicKey> {
    let point: Vec<u8> = match curve {
        Curve::Ed25519 => ed25519_dalek::SigningKey::from_bytes(secret)
            .verifying_key()
            .to_bytes()
            .to_vec(),
        Curve::Secp256k1 => point::<k256::Secp256k1>(secret)?,
        Curve::P256 => point::<p256::NistP256>(secret)?,
        Curve::Bls12_381 => return None,
    };
    PublicKey::from_point(curve, &point).ok()
}

fn field<C: CurveArithmetic>(bytes: &[u8; 32]) -> Option<FieldBytes<C>> {
    FieldBytes::<C>::try_from(bytes.as_slice()).ok()
}

fn scalar<C: CurveArithmetic>(bytes: &[u8; 32]) -> Option<NonZeroScalar<C>> {
    NonZeroScalar::<C>::from_repr(field::<C>(bytes)?).into_option()
}

fn point<C: CurveArithmetic>(secret: &[u8; 32]) -> Option<Vec<u8>> {
    let affine = (ProjectivePoint::<C>::generator() * *scalar::<C>(secret)?).to_affine();
    let mut point = vec![0x04];
    point.extend_from_slice(affine.x().as_ref());
    point.extend_from_slice(affine.y().as_ref());
    Some(point)
}

fn random_scalar<C: CurveArithmetic>() -> Result<[u8; 32], Ckr> {
    // A draw fails with probability 2^-32 at most, so this ends at once.
    loop {
        let bytes = random()?;
        if scalar::<C>(&bytes).is_some() {
            return Ok(bytes);
        }
    }
}

fn add<C: CurveArithmetic>(a: &[u8; 32], b: &[u8; 32]) -> Option<[u8; 32]> {
    let a = Scalar::<C>::from_repr(field::<C>(a)?).into_option()?;
    let b = Scalar::<C>::from_repr(field::<C>(b)?).into_option()?;
    let sum = NonZeroScalar::<C>::new(a + b).into_option()?;
    (*sum).to_repr().as_slice().try_into().ok()
}

/// The digest that data stands for: left-padded if short, cut if long.
fn digest(data: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let kept = data.get(..32).unwrap_or(data);
    let (_, tail) = digest.split_at_mut(32 - kept.len());
    tail.copy_from_slice(kept);
    digest
}

fn ecdsa<C: CurveArithmetic>(secret: &[u8; 32], data: &[u8]) -> Result<Vec<u8>, Ckr> {
    let failed = || Ckr::IBM_INTERNAL_ERROR;
    let secret = scalar::<C>(secret).ok_or_else(failed)?;
    let digest = reduced::<C>(&field::<C>(&digest(data)).ok_or_else(failed)?);
    loop {
        let nonce = scalar::<C>(&random_scalar::<C>()?).ok_or_else(failed)?;
        let r = reduced::<C>(&(ProjectivePoint::<C>::generator() * *nonce).to_affine().x());
        let s = *nonce.invert() * (digest + r * *secret);
        let both = (NonZeroScalar::<C>::new(r), NonZeroScalar::<C>::new(s));
        if let (Some(r), Some(s)) = (both.0.into_option(), both.1.into_option()) {
            return Ok([(*r).to_repr().as_slice(), (*s).to_repr().as_slice()].concat());
        }
    }
}

fn reduced<C: CurveArithmetic>(bytes: &FieldBytes<C>) -> Scalar<C> {
    <Scalar<C> as Reduce<FieldBytes<C>>>::reduce(bytes)
}

fn verify_ed25519(point: &[u8], data: &[u8], signature: &[u8]) -> Option<()> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    key.verify_strict(data, &signature).ok()
}

fn verify_secp256k1(point: &[u8], data: &[u8], signature: &[u8]) -> Option<()> {
    let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    // The library refuses high-s by its own rule; the HSM has no such rule.
    let signature = k256::ecdsa::Signature::from_slice(signature)
        .ok()?
        .normalize_s();
    key.verify_prehash(&digest(data), &signature).ok()
}

fn verify_p256(point: &[u8], data: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
    key.verify_prehash(&digest(data), &signature).ok()
}

#[cfg(test)]
mod tests;
