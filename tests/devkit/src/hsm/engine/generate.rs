//! `GenerateKeyPair` and `GenerateKey`.

use aws_lc_rs::rand;
use bakehouse_proto::grep11::{
    GenerateKeyPairRequest, GenerateKeyPairResponse, GenerateKeyRequest, GenerateKeyResponse,
};
use bakehouse_proto::{Cka, Ckm, Ckr, Curve, Template, keyblob, mechanism};

use super::usage::{self, Origin};
use super::{Engine, attributes, cipher, public_attributes};
use crate::hsm::blob::Opened;
use crate::hsm::keys::Secret;

const MAX_GENERIC: usize = 256;

// === impl Engine ===

impl Engine {
    /// `GenerateKeyPair` of `CKM_EC_KEY_PAIR_GEN`.
    pub(in crate::hsm) fn generate_key_pair(
        &self,
        request: &GenerateKeyPairRequest,
    ) -> Result<GenerateKeyPairResponse, Ckr> {
        if mechanism::number(request.mech.as_ref()) != Ckm::EC_KEY_PAIR_GEN {
            return Err(Ckr::MECHANISM_INVALID);
        }
        let public = Template::from_wire(
            request.pub_key_template.clone(),
            request.pub_key_template_bytes.clone(),
        );
        let private = Template::from_wire(
            request.priv_key_template.clone(),
            request.priv_key_template_bytes.clone(),
        );
        let secret = Secret::generate(curve_of(&public)?)?;
        let opened = Opened {
            attributes: usage::private_bits(&private, Origin::Generated)?,
            secret,
        };
        let key = opened.secret.public_key()?;
        let verify = usage::may_verify(&public)?;

        let private_blob = self.master.seal(opened.attributes, &opened.secret)?;
        let public_blob = self.master.seal_public(&key, verify)?;
        Ok(GenerateKeyPairResponse {
            priv_key_bytes: private_blob.clone(),
            pub_key_bytes: public_blob.clone(),
            priv_key: Some(keyblob::key_blob_with(private_blob, attributes(&opened))),
            pub_key: Some(keyblob::key_blob_with(
                public_blob,
                public_attributes(&key, verify),
            )),
        })
    }

    /// `GenerateKey` of AES and generic secrets.
    pub(in crate::hsm) fn generate_key(
        &self,
        request: &GenerateKeyRequest,
    ) -> Result<GenerateKeyResponse, Ckr> {
        let template =
            Template::from_wire(request.template.clone(), request.template_bytes.clone());
        let generated = mechanism::number(request.mech.as_ref());
        if generated != Ckm::AES_KEY_GEN && generated != Ckm::GENERIC_SECRET_KEY_GEN {
            return Err(Ckr::MECHANISM_INVALID);
        }
        let length = template
            .integer(Cka::VALUE_LEN)
            .ok_or(Ckr::TEMPLATE_INCOMPLETE)?;
        let length = usize::try_from(length).map_err(|_| Ckr::KEY_SIZE_RANGE)?;
        let fits = match generated {
            Ckm::AES_KEY_GEN => matches!(length, 16 | 24 | 32),
            _ => (1..=MAX_GENERIC).contains(&length),
        };
        if !fits {
            return Err(Ckr::KEY_SIZE_RANGE);
        }
        let mut key = vec![0; length];
        rand::fill(&mut key).map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
        let secret = match generated {
            Ckm::AES_KEY_GEN => Secret::Aes(key),
            _ => Secret::Generic(key),
        };
        let opened = Opened {
            attributes: usage::secret_bits(&template, Origin::Generated)?,
            secret,
        };
        let blob = self.master.seal(opened.attributes, &opened.secret)?;
        Ok(GenerateKeyResponse {
            key_bytes: blob.clone(),
            check_sum: cipher::checksum(&opened.secret)?,
            key: Some(keyblob::key_blob_with(blob, attributes(&opened))),
        })
    }
}

/// The curve of `CKA_EC_PARAMS`.
pub(super) fn curve_of(template: &Template) -> Result<Curve, Ckr> {
    if template.get(Cka::EC_PARAMS).is_none() {
        return Err(Ckr::TEMPLATE_INCOMPLETE);
    }
    let oid = template
        .bytes(Cka::EC_PARAMS)
        .ok_or(Ckr::ATTRIBUTE_VALUE_INVALID)?;
    Curve::from_oid(oid).ok_or(Ckr::CURVE_NOT_SUPPORTED)
}
