//! `EncryptSingle` and `DecryptSingle`, and the AES that wrapping needs: AES-CBC with PKCS #7
//! padding, the IV being the mechanism's parameter.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptingKey, EncryptionContext,
    PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use bakehouse_proto::blob::BlobAttributes;
use bakehouse_proto::grep11::mechanism::Parameter;
use bakehouse_proto::grep11::{
    DecryptSingleRequest, DecryptSingleResponse, EncryptSingleRequest, EncryptSingleResponse,
    Mechanism,
};
use bakehouse_proto::{Ckm, Ckr, keyblob, mechanism};

use super::{Engine, usage};
use crate::hsm::keys::Secret;

const BLOCK: usize = 16;

// === impl Engine ===

impl Engine {
    /// `EncryptSingle` of `CKM_AES_CBC_PAD`.
    pub(in crate::hsm) fn encrypt_single(
        &self,
        request: &EncryptSingleRequest,
    ) -> Result<EncryptSingleResponse, Ckr> {
        let iv = iv(request.mech.as_ref())?;
        let blob =
            keyblob::raw(request.key.as_ref(), &request.key_bytes).ok_or(Ckr::ARGUMENTS_BAD)?;
        let key = self.aes_key(blob, BlobAttributes::ENCRYPT)?;
        Ok(EncryptSingleResponse {
            ciphered: encrypt(&key, iv, &request.plain)?,
        })
    }

    /// `DecryptSingle` of `CKM_AES_CBC_PAD`.
    pub(in crate::hsm) fn decrypt_single(
        &self,
        request: &DecryptSingleRequest,
    ) -> Result<DecryptSingleResponse, Ckr> {
        let iv = iv(request.mech.as_ref())?;
        let blob =
            keyblob::raw(request.key.as_ref(), &request.key_bytes).ok_or(Ckr::ARGUMENTS_BAD)?;
        let key = self.aes_key(blob, BlobAttributes::DECRYPT)?;
        Ok(DecryptSingleResponse {
            plain: decrypt(&key, iv, &request.ciphered)?,
        })
    }

    /// The AES key of a blob that permits this use.
    pub(super) fn aes_key(&self, blob: &[u8], wanted: BlobAttributes) -> Result<Vec<u8>, Ckr> {
        let opened = self.master.open(blob)?;
        let Secret::Aes(key) = opened.secret else {
            return Err(Ckr::KEY_TYPE_INCONSISTENT);
        };
        usage::permit(opened.attributes, wanted)?;
        Ok(key)
    }
}

/// The IV of `CKM_AES_CBC_PAD`.
pub(super) fn iv(mechanism: Option<&Mechanism>) -> Result<[u8; BLOCK], Ckr> {
    if mechanism::number(mechanism) != Ckm::AES_CBC_PAD {
        return Err(Ckr::MECHANISM_INVALID);
    }
    match mechanism.and_then(|mechanism| mechanism.parameter.as_ref()) {
        Some(Parameter::ParameterB(iv)) => iv
            .as_slice()
            .try_into()
            .map_err(|_| Ckr::MECHANISM_PARAM_INVALID),
        _ => Err(Ckr::MECHANISM_PARAM_INVALID),
    }
}

pub(super) fn encrypt(key: &[u8], iv: [u8; BLOCK], plain: &[u8]) -> Result<Vec<u8>, Ckr> {
    let mut buffer = plain.to_vec();
    PaddedBlockEncryptingKey::cbc_pkcs7(unbound(key)?)
        .and_then(|key| {
            key.less_safe_encrypt(&mut buffer, EncryptionContext::Iv128(FixedLength::from(iv)))
        })
        .map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
    Ok(buffer)
}

pub(super) fn decrypt(key: &[u8], iv: [u8; BLOCK], ciphered: &[u8]) -> Result<Vec<u8>, Ckr> {
    if ciphered.is_empty() || !ciphered.len().is_multiple_of(BLOCK) {
        return Err(Ckr::ENCRYPTED_DATA_LEN_RANGE);
    }
    let key =
        PaddedBlockDecryptingKey::cbc_pkcs7(unbound(key)?).map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
    let mut buffer = ciphered.to_vec();
    key.decrypt(&mut buffer, DecryptionContext::Iv128(FixedLength::from(iv)))
        .map(|plain| plain.to_vec())
        .map_err(|_| Ckr::ENCRYPTED_DATA_INVALID)
}

/// The checksum of a secret key: three bytes of the key's encryption of zeros, then its length in
/// bits. A generic secret, which encrypts nothing, has zeros there.
pub(super) fn checksum(secret: &Secret) -> Result<Vec<u8>, Ckr> {
    let (value, length) = match secret {
        Secret::Aes(key) => {
            let mut block = [0; BLOCK];
            EncryptingKey::ecb(unbound(key)?)
                .and_then(|key| key.encrypt(&mut block))
                .map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
            let [a, b, c, ..] = block;
            ([a, b, c], key.len())
        }
        Secret::Generic(key) => ([0; 3], key.len()),
        Secret::Private(..) => return Err(Ckr::KEY_TYPE_INCONSISTENT),
    };
    let bits = u32::try_from(length * 8).map_err(|_| Ckr::KEY_SIZE_RANGE)?;
    Ok([value.as_slice(), &bits.to_be_bytes()].concat())
}

fn unbound(key: &[u8]) -> Result<UnboundCipherKey, Ckr> {
    let algorithm: &'static Algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return Err(Ckr::KEY_SIZE_RANGE),
    };
    UnboundCipherKey::new(algorithm, key).map_err(|_| Ckr::IBM_INTERNAL_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_that_of_aes() {
        // FIPS 197's AES-128 of a zero block under a zero key begins 66e94b.
        let sum = checksum(&Secret::Aes(vec![0; 16])).unwrap();
        assert_eq!(hex::encode(sum), "66e94b00000080");
    }

    #[test]
    fn what_is_encrypted_is_decrypted_and_damage_is_seen() {
        for length in [16, 24, 32] {
            let key = vec![7; length];
            let ciphered = encrypt(&key, [1; 16], b"a private key").unwrap();
            assert_eq!(decrypt(&key, [1; 16], &ciphered).unwrap(), b"a private key");
            let cut = decrypt(&key, [1; 16], &ciphered[..15]);
            assert_eq!(cut, Err(Ckr::ENCRYPTED_DATA_LEN_RANGE));
        }
        assert_eq!(
            decrypt(&[7; 16], [1; 16], &[0; 16]),
            Err(Ckr::ENCRYPTED_DATA_INVALID)
        );
    }
}
