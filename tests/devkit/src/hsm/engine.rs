//! What each supported call does, without any network: a request in, an answer or a `CKR_*` out.

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use bakehouse_proto::attribute::{self, AttributeMap};
use bakehouse_proto::blob::BlobAttributes;
use bakehouse_proto::constants::MechanismFlags;
use bakehouse_proto::grep11::{
    GenerateRandomResponse, GetAttributeValueRequest, GetAttributeValueResponse,
    GetMechanismInfoResponse, GetMechanismListResponse, MechanismInfo, RewrapKeyBlobRequest,
    RewrapKeyBlobResponse,
};
use bakehouse_proto::{Cka, Ckk, Ckm, Cko, Ckr, Curve, PublicKey, keyblob};

use super::blob::Opened;
use super::keys::Secret;
use super::master::MasterKey;

mod cipher;
mod derive;
mod generate;
mod sign;
mod usage;
mod wrap;

const MAX_RANDOM: u64 = 1_000_000;

/// The mechanisms on offer: number, smallest and largest key, flags.
///
/// `CKM_RSA_PKCS` is listed first because real HSMs list it first and clients look at that; no call
/// here does RSA. BLS (`CKM_IBM_ECDSA_OTHER`) is not offered.
const MECHANISMS: [(Ckm, u64, u64, MechanismFlags); 9] = [
    (
        Ckm::RSA_PKCS,
        512,
        4096,
        MechanismFlags::SIGN.and(MechanismFlags::VERIFY),
    ),
    (
        Ckm::EC_KEY_PAIR_GEN,
        192,
        521,
        MechanismFlags::GENERATE_KEY_PAIR
            .and(MechanismFlags::EC_F_P)
            .and(MechanismFlags::EC_NAMEDCURVE)
            .and(MechanismFlags::EC_UNCOMPRESS),
    ),
    (
        Ckm::ECDSA,
        192,
        521,
        MechanismFlags::SIGN.and(MechanismFlags::VERIFY),
    ),
    (
        Ckm::IBM_ED25519_SHA512,
        256,
        256,
        MechanismFlags::SIGN.and(MechanismFlags::VERIFY),
    ),
    (Ckm::AES_KEY_GEN, 16, 32, MechanismFlags::GENERATE),
    (
        Ckm::AES_CBC_PAD,
        16,
        32,
        MechanismFlags::ENCRYPT
            .and(MechanismFlags::DECRYPT)
            .and(MechanismFlags::WRAP)
            .and(MechanismFlags::UNWRAP),
    ),
    (
        Ckm::GENERIC_SECRET_KEY_GEN,
        8,
        2048,
        MechanismFlags::GENERATE,
    ),
    (Ckm::IBM_BTC_DERIVE, 256, 256, MechanismFlags::DERIVE),
    (Ckm::IBM_TRANSPORTKEY, 0, 0, MechanismFlags::UNWRAP),
];

/// The HSM without its network.
pub(super) struct Engine {
    pub(super) master: MasterKey,
    /// The key that `RewrapKeyBlob` goes over to; without one it seals anew under the same.
    pub(super) next: Option<MasterKey>,
}

// === impl Engine ===

impl Engine {
    /// `GetAttributeValue` of a private, secret or public blob.
    pub(super) fn attribute_value(
        &self,
        request: &GetAttributeValueRequest,
    ) -> Result<GetAttributeValueResponse, Ckr> {
        let object = request.object.as_slice();
        let known = if object.first() == Some(&0x30) {
            let (key, verify) = self.master.open_public(object)?;
            public_attributes(&key, verify)
        } else {
            attributes(&self.master.open(object)?)
        };
        let find = |name: u64| known.get(&name).cloned().ok_or(Ckr::ATTRIBUTE_TYPE_INVALID);
        let wanted = request.attributes.keys();
        let attributes = wanted
            .map(|name| Ok((*name, find(*name)?)))
            .collect::<Result<_, _>>()?;
        let legacy = request.attributes_bytes.keys();
        let attributes_bytes = legacy
            .map(|name| Ok((*name, attribute::to_legacy_bytes(&find(*name)?))))
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        Ok(GetAttributeValueResponse {
            attributes_bytes,
            attributes,
        })
    }

    /// `RewrapKeyBlob`: the same key under the next master key.
    pub(super) fn rewrap(
        &self,
        request: &RewrapKeyBlobRequest,
    ) -> Result<RewrapKeyBlobResponse, Ckr> {
        let blob = keyblob::raw(request.wrapped_key.as_ref(), &request.wrapped_key_bytes)
            .ok_or(Ckr::ARGUMENTS_BAD)?;
        let next = self.next.as_ref().unwrap_or(&self.master);
        let opened = self.master.open(blob)?;
        let rewrapped = next.seal(opened.attributes, &opened.secret)?;
        Ok(RewrapKeyBlobResponse {
            rewrapped_key_bytes: rewrapped.clone(),
            rewrapped_key: Some(keyblob::key_blob_with(rewrapped, attributes(&opened))),
        })
    }
}

/// `GenerateRandom`: 1 to 1,000,000 bytes.
pub(super) fn generate_random(length: u64) -> Result<GenerateRandomResponse, Ckr> {
    if !(1..=MAX_RANDOM).contains(&length) {
        return Err(Ckr::ARGUMENTS_BAD);
    }
    let length = usize::try_from(length).map_err(|_| Ckr::ARGUMENTS_BAD)?;
    let mut rnd = vec![0; length];
    rand::fill(&mut rnd).map_err(|_| Ckr::IBM_INTERNAL_ERROR)?;
    Ok(GenerateRandomResponse { rnd })
}

/// `GetMechanismList`.
pub(super) fn mechanism_list() -> GetMechanismListResponse {
    GetMechanismListResponse {
        mechs: MECHANISMS.iter().map(|entry| entry.0.0).collect(),
    }
}

/// `GetMechanismInfo`.
pub(super) fn mechanism_info(mechanism: u64) -> Result<GetMechanismInfoResponse, Ckr> {
    let (_, min_key_size, max_key_size, flags) = MECHANISMS
        .into_iter()
        .find(|entry| entry.0.0 == mechanism)
        .ok_or(Ckr::MECHANISM_INVALID)?;
    let info = MechanismInfo {
        min_key_size,
        max_key_size,
        flags: flags.0,
    };
    Ok(GetMechanismInfoResponse {
        mech_info: Some(info),
    })
}

/// What a private or secret blob tells about its key.
fn attributes(opened: &Opened) -> AttributeMap {
    let mut map = BTreeMap::new();
    let mut set = |name: Cka, value| map.insert(name.0, value);
    match &opened.secret {
        Secret::Private(curve, _) => {
            set(Cka::CLASS, attribute::code(Cko::PRIVATE_KEY));
            set(Cka::KEY_TYPE, attribute::code(Ckk::EC));
            set(Cka::EC_PARAMS, attribute::bytes(curve.oid()));
        }
        Secret::Aes(key) => {
            set(Cka::CLASS, attribute::code(Cko::SECRET_KEY));
            set(Cka::KEY_TYPE, attribute::code(Ckk::AES));
            set(Cka::VALUE_LEN, attribute::code(key.len() as u64));
        }
        Secret::Generic(key) => {
            set(Cka::CLASS, attribute::code(Cko::SECRET_KEY));
            set(Cka::KEY_TYPE, attribute::code(Ckk::GENERIC_SECRET));
            set(Cka::VALUE_LEN, attribute::code(key.len() as u64));
        }
    }
    set(Cka::PRIVATE, attribute::boolean(true));
    set(Cka::SENSITIVE, attribute::boolean(true));
    for name in Cka::ALL {
        if let Some(bit) = BlobAttributes::of(*name) {
            set(*name, attribute::boolean(opened.attributes.has(bit)));
        }
    }
    map
}

/// What a public blob tells about its key.
fn public_attributes(key: &PublicKey, verify: bool) -> AttributeMap {
    BTreeMap::from([
        (Cka::CLASS.0, attribute::code(Cko::PUBLIC_KEY)),
        (Cka::KEY_TYPE.0, attribute::code(Ckk::EC)),
        (Cka::EC_PARAMS.0, attribute::bytes(key.curve().oid())),
        (Cka::VERIFY.0, attribute::boolean(verify)),
        (Cka::PUBLIC_KEY_INFO.0, attribute::bytes(key.to_spki())),
    ])
}

/// The number of bits of a curve's keys.
fn bits(curve: Curve) -> u32 {
    if curve == Curve::Ed25519 { 255 } else { 256 }
}
