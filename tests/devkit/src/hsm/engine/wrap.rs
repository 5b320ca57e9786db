//! `WrapKey` and `UnwrapKey`: keys leave and enter under an AES key, public keys enter bare.

use bakehouse_proto::blob::BlobAttributes;
use bakehouse_proto::grep11::{
    UnwrapKeyRequest, UnwrapKeyResponse, WrapKeyRequest, WrapKeyResponse,
};
use bakehouse_proto::{Cka, Ckk, Ckm, Cko, Ckr, PublicKey, Template, keyblob, mechanism};

use super::usage::{self, Origin};
use super::{Engine, attributes, bits, cipher, public_attributes};
use crate::hsm::blob::Opened;
use crate::hsm::keys::Secret;
use crate::hsm::pkcs8;

// === impl Engine ===

impl Engine {
    /// `WrapKey`: only an extractable key leaves.
    pub(in crate::hsm) fn wrap_key(
        &self,
        request: &WrapKeyRequest,
    ) -> Result<WrapKeyResponse, Ckr> {
        let iv = cipher::iv(request.mech.as_ref())?;
        let blob =
            keyblob::raw(request.key.as_ref(), &request.key_bytes).ok_or(Ckr::ARGUMENTS_BAD)?;
        let kek =
            keyblob::raw(request.kek.as_ref(), &request.kek_bytes).ok_or(Ckr::ARGUMENTS_BAD)?;
        let kek = self.aes_key(kek, BlobAttributes::WRAP)?;
        let opened = self.master.open(blob)?;
        if !opened.attributes.has(BlobAttributes::EXTRACTABLE) {
            return Err(Ckr::KEY_UNEXTRACTABLE);
        }
        let plain = match opened.secret {
            Secret::Private(curve, secret) => pkcs8::encode(curve, &secret)?,
            Secret::Aes(key) | Secret::Generic(key) => key,
        };
        Ok(WrapKeyResponse {
            wrapped: cipher::encrypt(&kek, iv, &plain)?,
        })
    }

    /// `UnwrapKey`: a wrapped private or secret key, or a bare SPKI by `CKM_IBM_TRANSPORTKEY`.
    pub(in crate::hsm) fn unwrap_key(
        &self,
        request: &UnwrapKeyRequest,
    ) -> Result<UnwrapKeyResponse, Ckr> {
        let template =
            Template::from_wire(request.template.clone(), request.template_bytes.clone());
        if mechanism::number(request.mech.as_ref()) == Ckm::IBM_TRANSPORTKEY {
            return self.bring_public(&request.wrapped, &template);
        }
        let iv = cipher::iv(request.mech.as_ref())?;
        let kek =
            keyblob::raw(request.kek.as_ref(), &request.kek_bytes).ok_or(Ckr::ARGUMENTS_BAD)?;
        let kek = self.aes_key(kek, BlobAttributes::UNWRAP)?;
        let plain = cipher::decrypt(&kek, iv, &request.wrapped)?;

        let (opened, check_sum) = match (class(&template)?, key_type(&template)?) {
            (Cko::PRIVATE_KEY, Ckk::EC) => {
                let secret = pkcs8::decode(&plain).ok_or(Ckr::WRAPPED_KEY_INVALID)?;
                let key = secret.public_key()?;
                let sum = self.master.private_checksum(&key, bits(key.curve()));
                let attributes = usage::private_bits(&template, Origin::Brought)?;
                (Opened { attributes, secret }, sum)
            }
            (Cko::SECRET_KEY, kind @ (Ckk::AES | Ckk::GENERIC_SECRET)) => {
                let secret = secret_key(kind, plain)?;
                let sum = cipher::checksum(&secret)?;
                let attributes = usage::secret_bits(&template, Origin::Brought)?;
                (Opened { attributes, secret }, sum)
            }
            _ => return Err(Ckr::TEMPLATE_INCONSISTENT),
        };
        let blob = self.master.seal(opened.attributes, &opened.secret)?;
        Ok(UnwrapKeyResponse {
            unwrapped_bytes: blob.clone(),
            check_sum,
            unwrapped: Some(keyblob::key_blob_with(blob, attributes(&opened))),
        })
    }

    fn bring_public(&self, spki: &[u8], template: &Template) -> Result<UnwrapKeyResponse, Ckr> {
        let key = PublicKey::parse(spki).map_err(|_| Ckr::PUBLIC_KEY_INVALID)?;
        let verify = usage::may_verify(template)?;
        let blob = self.master.seal_public(&key, verify)?;
        Ok(UnwrapKeyResponse {
            unwrapped_bytes: blob.clone(),
            check_sum: Vec::new(),
            unwrapped: Some(keyblob::key_blob_with(
                blob,
                public_attributes(&key, verify),
            )),
        })
    }
}

fn class(template: &Template) -> Result<Cko, Ckr> {
    template
        .integer(Cka::CLASS)
        .map(Cko)
        .ok_or(Ckr::TEMPLATE_INCOMPLETE)
}

fn key_type(template: &Template) -> Result<Ckk, Ckr> {
    template
        .integer(Cka::KEY_TYPE)
        .map(Ckk)
        .ok_or(Ckr::TEMPLATE_INCOMPLETE)
}

fn secret_key(kind: Ckk, bytes: Vec<u8>) -> Result<Secret, Ckr> {
    match (kind, bytes.len()) {
        (Ckk::AES, 16 | 24 | 32) => Ok(Secret::Aes(bytes)),
        (Ckk::GENERIC_SECRET, 1..=256) => Ok(Secret::Generic(bytes)),
        _ => Err(Ckr::KEY_SIZE_RANGE),
    }
}
