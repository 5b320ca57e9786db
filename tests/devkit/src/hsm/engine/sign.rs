//! `SignSingle` and `VerifySingle`.

use bakehouse_proto::blob::BlobAttributes;
use bakehouse_proto::grep11::{
    Mechanism, SignSingleRequest, SignSingleResponse, VerifySingleRequest, VerifySingleResponse,
};
use bakehouse_proto::{Ckm, Ckr, Curve, keyblob, mechanism};

use super::{Engine, usage};
use crate::hsm::keys::{self, Secret};

// === impl Engine ===

impl Engine {
    /// `SignSingle` of `CKM_ECDSA` and `CKM_IBM_ED25519_SHA512`.
    pub(in crate::hsm) fn sign_single(
        &self,
        request: &SignSingleRequest,
    ) -> Result<SignSingleResponse, Ckr> {
        let mechanism = signing_mechanism(request.mech.as_ref())?;
        let blob = keyblob::raw(request.priv_key.as_ref(), &request.priv_key_bytes)
            .ok_or(Ckr::ARGUMENTS_BAD)?;
        let opened = self.master.open(blob)?;
        let Secret::Private(curve, secret) = &opened.secret else {
            return Err(Ckr::KEY_TYPE_INCONSISTENT);
        };
        fits(mechanism, *curve)?;
        usage::permit(opened.attributes, BlobAttributes::SIGN)?;
        let signature = keys::sign(*curve, secret, &request.data)?;
        Ok(SignSingleResponse { signature })
    }

    /// `VerifySingle`; the public key must carry our MAC, as an HSM wants it.
    pub(in crate::hsm) fn verify_single(
        &self,
        request: &VerifySingleRequest,
    ) -> Result<VerifySingleResponse, Ckr> {
        let mechanism = signing_mechanism(request.mech.as_ref())?;
        let blob = keyblob::raw(request.pub_key.as_ref(), &request.pub_key_bytes)
            .ok_or(Ckr::ARGUMENTS_BAD)?;
        let (key, verify) = self.master.open_public(blob)?;
        fits(mechanism, key.curve())?;
        if !verify {
            return Err(Ckr::KEY_FUNCTION_NOT_PERMITTED);
        }
        keys::verify(&key, &request.data, &request.signature)?;
        Ok(VerifySingleResponse {})
    }
}

fn signing_mechanism(mechanism: Option<&Mechanism>) -> Result<Ckm, Ckr> {
    match mechanism::number(mechanism) {
        // Mechanisms of other key types: known here, so that the refusal names the key's type.
        known @ (Ckm::ECDSA | Ckm::IBM_ED25519_SHA512 | Ckm::AES_CBC_PAD | Ckm::RSA_PKCS) => {
            Ok(known)
        }
        _ => Err(Ckr::MECHANISM_INVALID),
    }
}

fn fits(mechanism: Ckm, curve: Curve) -> Result<(), Ckr> {
    match (mechanism, curve) {
        (Ckm::ECDSA, Curve::P256 | Curve::Secp256k1)
        | (Ckm::IBM_ED25519_SHA512, Curve::Ed25519) => Ok(()),
        _ => Err(Ckr::KEY_TYPE_INCONSISTENT),
    }
}
