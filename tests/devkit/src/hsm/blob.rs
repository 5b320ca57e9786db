//! Blobs in EP11's shape: clear head, sealed key, MAC; and SPKIs with their MAC trailer.
//!
//! A private or secret key is sealed by AES-256-GCM under the master key: the 12-byte nonce stands
//! in the 14-byte IV field, the first 66 bytes (session, WKID, attributes, mode, version) are
//! authenticated with it, and the 16-byte tag fills the first half of the 32-byte MAC field. Sizes
//! are those of real blobs, so that tools which look at them work alike.

use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::{constant_time, hmac, rand};
use bakehouse_proto::blob::{BlobAttributes, BlobAudit, HEAD_LEN, MAC_LEN, VERSION};
use bakehouse_proto::{Ckr, PublicKey};

use super::keys::Secret;
use super::master::MasterKey;

/// Session, WKID, attributes, mode, version.
const AAD_LEN: usize = 66;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// The whole trailer of a public key.
const TRAILER_LEN: usize = 128;
/// VERIFY, LOCAL and MODIFIABLE, the bits of a generated public key.
const PUBLIC_ATTRIBUTES: BlobAttributes = BlobAttributes(0x8024);

/// An opened blob.
pub(super) struct Opened {
    pub(super) attributes: BlobAttributes,
    pub(super) secret: Secret,
}

// === impl MasterKey ===

impl MasterKey {
    /// Seals a key.
    pub(super) fn seal(&self, attributes: BlobAttributes, secret: &Secret) -> Result<Vec<u8>, Ckr> {
        let mut head = vec![0; 32];
        head.extend(self.wkid);
        head.extend(attributes.0.to_be_bytes());
        head.extend(1_u64.to_be_bytes());
        head.extend(VERSION);
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;

        let mut sealed = padded(secret);
        let tag = self
            .seal
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&head),
                &mut sealed,
            )
            .map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;

        let mut blob = head;
        blob.extend(nonce);
        blob.extend([0; HEAD_LEN - AAD_LEN - NONCE_LEN]);
        blob.extend(sealed);
        blob.extend(tag.as_ref());
        blob.extend([0; MAC_LEN - TAG_LEN]);
        Ok(blob)
    }

    /// Opens a blob: another master key's is a WKID mismatch, a damaged one a blob error.
    pub(super) fn open(&self, blob: &[u8]) -> Result<Opened, Ckr> {
        let audit = BlobAudit::parse(blob).map_err(|_| Ckr::IBM_BLOB_ERROR)?;
        if *audit.wkid() != self.wkid {
            return Err(Ckr::IBM_WKID_MISMATCH);
        }
        let secret = self.unseal(blob).ok_or(Ckr::IBM_BLOB_ERROR)?;
        Ok(Opened {
            attributes: audit.attributes(),
            secret,
        })
    }

    fn unseal(&self, blob: &[u8]) -> Option<Secret> {
        let (head, rest) = blob.split_at_checked(AAD_LEN)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let (filler, rest) = rest.split_at_checked(HEAD_LEN - AAD_LEN - NONCE_LEN)?;
        let (sealed_and_tag, zeros) = rest.split_last_chunk::<{ MAC_LEN - TAG_LEN }>()?;
        if filler.iter().chain(zeros).any(|byte| *byte != 0) {
            return None;
        }
        let mut buffer = sealed_and_tag.to_vec();
        let plain = self
            .seal
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(head),
                &mut buffer,
            )
            .ok()?;
        unpadded(plain)
    }

    /// The SPKI with its MAC trailer.
    pub(super) fn seal_public(&self, key: &PublicKey, verify: bool) -> Result<Vec<u8>, Ckr> {
        let mut salt = [0; 8];
        rand::fill(&mut salt).map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
        let attributes = PUBLIC_ATTRIBUTES.with(BlobAttributes::VERIFY, verify);
        let bits = u32::try_from(attributes.0)
            .map_err(|_| Ckr::IBM_INTERNAL_ERROR)?
            .to_be_bytes();
        let mut blob = key.to_spki();
        blob.extend([0x04, 0x10]);
        blob.extend(self.wkid);
        blob.extend([0x04, 0x20]);
        blob.extend([0; 32]);
        blob.extend([0x04, 0x08]);
        blob.extend(salt);
        blob.extend([0x04, 0x08]);
        blob.extend(1_u64.to_be_bytes());
        blob.extend([0x04, 0x14, 0x10, 0x01, 0, 0]);
        blob.extend(bits);
        blob.extend(bits);
        blob.extend([0x80, 0x01, 0x00, 0x0a, 0, 0, 0, 1]);
        blob.extend([0x04, 0x20]);
        let mac = hmac::sign(&self.mac, &blob);
        blob.extend(mac.as_ref());
        Ok(blob)
    }

    /// Opens a public key: its MAC must be ours. Gives the key and whether it may verify.
    pub(super) fn open_public(&self, blob: &[u8]) -> Result<(PublicKey, bool), Ckr> {
        let (key, trailer) = PublicKey::parse_prefix(blob).map_err(|_| Ckr::IBM_BLOB_ERROR)?;
        if trailer.len() != TRAILER_LEN {
            return Err(Ckr::IBM_BLOB_ERROR);
        }
        if trailer.get(2..18) != Some(&self.wkid[..]) {
            return Err(Ckr::IBM_WKID_MISMATCH);
        }
        let (signed, mac) = blob.split_last_chunk::<32>().ok_or(Ckr::IBM_BLOB_ERROR)?;
        let expected = hmac::sign(&self.mac, signed);
        constant_time::verify_slices_are_equal(expected.as_ref(), mac)
            .map_err(|_| Ckr::IBM_BLOB_ERROR)?;
        let bits = trailer
            .get(78..82)
            .and_then(|bits| bits.first_chunk())
            .copied();
        let bits = BlobAttributes(u32::from_be_bytes(bits.ok_or(Ckr::IBM_BLOB_ERROR)?).into());
        Ok((key, bits.has(BlobAttributes::VERIFY)))
    }

    /// What `UnwrapKey` gives as checksum of a private key: its SPKI, a shorter trailer and the
    /// number of bits.
    pub(super) fn private_checksum(&self, key: &PublicKey, bits: u32) -> Vec<u8> {
        let mut sum = key.to_spki();
        sum.extend([0x04, 0x10]);
        sum.extend(self.wkid);
        sum.extend([0x04, 0x20]);
        sum.extend([0; 32]);
        sum.extend([0x04, 0x08]);
        sum.extend([0; 8]);
        sum.extend([0x04, 0x08]);
        sum.extend([0; 8]);
        sum.extend([
            0x04, 0x0c, 0x10, 0x00, 0, 0, 0, 0, 0x80, 0x24, 0, 0, 0x80, 0x24,
        ]);
        sum.extend([0x04, 0x20]);
        let mac = hmac::sign(&self.mac, &sum);
        sum.extend(mac.as_ref());
        sum.extend(bits.to_be_bytes());
        sum
    }
}

/// The key's bytes, its length before them and zeros after, to the length of real blobs.
fn padded(secret: &Secret) -> Vec<u8> {
    let key = secret.to_bytes();
    let mut out = u16::try_from(key.len())
        .unwrap_or(u16::MAX)
        .to_be_bytes()
        .to_vec();
    out.extend(key);
    let usual = secret.sealed_len();
    out.resize(usual.max(out.len().next_multiple_of(16)), 0);
    out
}

fn unpadded(plain: &[u8]) -> Option<Secret> {
    let (length, rest) = plain.split_first_chunk::<2>()?;
    let key = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    Secret::from_bytes(key)
}

#[cfg(test)]
mod tests;
