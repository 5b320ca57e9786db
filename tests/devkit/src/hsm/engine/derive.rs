//! `DeriveKey` of `CKM_IBM_BTC_DERIVE`: SLIP-0010, and BIP32 where it gives the same keys.

use bakehouse_proto::blob::BlobAttributes;
use bakehouse_proto::grep11::btc_derive_parm::BtcDeriveType;
use bakehouse_proto::grep11::mechanism::Parameter;
use bakehouse_proto::grep11::{BtcDeriveParm, DeriveKeyRequest, DeriveKeyResponse};
use bakehouse_proto::{Ckm, Ckr, Curve, Template, keyblob, mechanism};

use super::generate::curve_of;
use super::usage::{self, Origin};
use super::{Engine, attributes, public_attributes};
use crate::hsm::blob::Opened;
use crate::hsm::keys::Secret;
use crate::hsm::slip10::{self, Node};

/// Which way a step goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Master,
    ToPrivate,
    ToPublic,
}

// === impl Engine ===

impl Engine {
    /// `DeriveKey`; the checksum is the chain code.
    pub(in crate::hsm) fn derive_key(
        &self,
        request: &DeriveKeyRequest,
    ) -> Result<DeriveKeyResponse, Ckr> {
        if mechanism::number(request.mech.as_ref()) != Ckm::IBM_BTC_DERIVE {
            return Err(Ckr::MECHANISM_INVALID);
        }
        let Some(Parameter::BtcDeriveParameter(parameter)) = request
            .mech
            .as_ref()
            .and_then(|mechanism| mechanism.parameter.as_ref())
        else {
            return Err(Ckr::MECHANISM_PARAM_INVALID);
        };
        let template =
            Template::from_wire(request.template.clone(), request.template_bytes.clone());
        let curve = curve_of(&template)?;
        let step = step(parameter, curve)?;
        let base = keyblob::raw(request.base_key.as_ref(), &request.base_key_bytes)
            .ok_or(Ckr::ARGUMENTS_BAD)?;
        let base = self.master.open(base)?;
        usage::permit(base.attributes, BlobAttributes::DERIVE)?;
        let node = derive(step, curve, &base.secret, parameter)?;
        self.answer(step, curve, &node, &template)
    }

    fn answer(
        &self,
        step: Step,
        curve: Curve,
        node: &Node,
        template: &Template,
    ) -> Result<DeriveKeyResponse, Ckr> {
        let secret = Secret::Private(curve, node.key);
        let (blob, attributes) = if step == Step::ToPublic {
            let key = secret.public_key()?;
            let verify = usage::may_verify(template)?;
            (
                self.master.seal_public(&key, verify)?,
                public_attributes(&key, verify),
            )
        } else {
            let opened = Opened {
                attributes: usage::private_bits(template, Origin::Brought)?,
                secret,
            };
            (
                self.master.seal(opened.attributes, &opened.secret)?,
                attributes(&opened),
            )
        };
        Ok(DeriveKeyResponse {
            new_key_bytes: blob.clone(),
            check_sum: node.chain_code.to_vec(),
            new_key: Some(keyblob::key_blob_with(blob, attributes)),
        })
    }
}

fn step(parameter: &BtcDeriveParm, curve: Curve) -> Result<Step, Ckr> {
    if parameter.version != 1 {
        return Err(Ckr::MECHANISM_PARAM_INVALID);
    }
    let kind = BtcDeriveType::try_from(parameter.r#type);
    let bip32 = matches!(
        kind,
        Ok(BtcDeriveType::CkBip0032prv2prv
            | BtcDeriveType::CkBip0032prv2pub
            | BtcDeriveType::CkBip0032masterk)
    );
    if bip32 && curve != Curve::Secp256k1 {
        return Err(Ckr::CURVE_NOT_SUPPORTED);
    }
    match kind {
        Ok(BtcDeriveType::CkSlip0010masterk | BtcDeriveType::CkBip0032masterk) => Ok(Step::Master),
        Ok(BtcDeriveType::CkSlip0010prv2prv | BtcDeriveType::CkBip0032prv2prv) => {
            Ok(Step::ToPrivate)
        }
        Ok(BtcDeriveType::CkSlip0010prv2pub | BtcDeriveType::CkBip0032prv2pub) => {
            Ok(Step::ToPublic)
        }
        _ => Err(Ckr::MECHANISM_PARAM_INVALID),
    }
}

fn derive(step: Step, curve: Curve, base: &Secret, parameter: &BtcDeriveParm) -> Result<Node, Ckr> {
    match (step, base) {
        (Step::Master, Secret::Generic(seed)) => {
            if !(16..=64).contains(&seed.len()) {
                return Err(Ckr::KEY_SIZE_RANGE);
            }
            slip10::master(curve, seed)
        }
        (Step::ToPrivate | Step::ToPublic, Secret::Private(of, key)) if *of == curve => {
            let index = u32::try_from(parameter.child_key_index)
                .map_err(|_| Ckr::MECHANISM_PARAM_INVALID)?;
            slip10::child(curve, key, &parameter.chain_code, index)
        }
        _ => Err(Ckr::KEY_TYPE_INCONSISTENT),
    }
}
