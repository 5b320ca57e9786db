//! The keys that the signer serves.

use super::tezos::{self, PublicKey};
use super::values;
use crate::error::{Code, ContractError, Warning};
use crate::reader::View;
use crate::secret::Secret;
use crate::settings::{KeyRole, KeySettings, Policy};

/// The kinds of 0x03 contents that a policy may name: all that a key of a baker or its owner has reason to sign. Consensus
/// operations are never among them.
pub(super) const OPERATIONS: [&str; 33] = [
    "seed_nonce_revelation",
    "double_consensus_operation_evidence",
    "double_baking_evidence",
    "activate_account",
    "proposals",
    "ballot",
    "vdf_revelation",
    "drain_delegate",
    "dal_entrapment_evidence",
    "reveal",
    "transaction",
    "origination",
    "delegation",
    "register_global_constant",
    "set_deposits_limit",
    "increase_paid_storage",
    "update_consensus_key",
    "update_companion_key",
    "transfer_ticket",
    "smart_rollup_originate",
    "smart_rollup_add_messages",
    "smart_rollup_cement",
    "smart_rollup_publish",
    "smart_rollup_refute",
    "smart_rollup_timeout",
    "smart_rollup_execute_outbox_message",
    "smart_rollup_recover_bond",
    "dal_publish_commitment",
    "stake",
    "unstake",
    "finalize_unstake",
    "set_delegate_parameters",
    "failing_noop",
];

/// Bytes of an EP11 blob.
const BLOB: std::ops::RangeInclusive<usize> = 100..=9216;

/// The highest level there is: a signed 32-bit number in every block header.
const LEVELS: std::ops::RangeInclusive<u64> = 0..=2_147_483_647;

pub(super) fn read(
    view: &View<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<KeySettings>, ContractError> {
    let mut keys: Vec<KeySettings> = Vec::new();
    for item in view.items(1..=32)? {
        let key = one(&item, warnings)?;
        if keys.iter().any(|other| other.name == key.name) {
            return Err(item
                .required("name")?
                .must_be("a name that no other key has"));
        }
        if keys.iter().any(|other| other.public_key == key.public_key) {
            return Err(item
                .required("public_key")?
                .must_be("a public key that no other key has"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn one(view: &View<'_>, warnings: &mut Vec<Warning>) -> Result<KeySettings, ContractError> {
    view.only(&["name", "role", "public_key", "blob", "floor", "policy"])?;
    let name = view.required("name")?.parse(
        "1 to 64 letters, digits, '_', '-' and '.', of which the first is a letter or a digit",
        values::key_name,
    )?;
    let role = role(&view.required("role")?, warnings)?;
    let (public_key, public_key_hash) = public_key(&view.required("public_key")?)?;
    let blob = view.required("blob")?.parse(
        "the hexadecimal digits of an EP11 blob of 100 to 9216 bytes",
        |text| {
            values::bytes(text)
                .map(Secret::new)
                .filter(|blob| BLOB.contains(&blob.expose().len()))
        },
    )?;
    let floor = view
        .optional("floor")
        .map(|view| view.number(LEVELS))
        .transpose()?
        .unwrap_or(0);
    let policy = view
        .optional("policy")
        .map(|view| policy(&view))
        .transpose()?
        .unwrap_or_default();
    if role == KeyRole::Companion && !policy.operations.is_empty() {
        return Err(view.error(
            Code::ValueInvalid,
            "a companion key signs no operations: its policy must be empty",
        ));
    }
    Ok(KeySettings {
        name,
        role,
        public_key,
        public_key_hash,
        blob,
        floor: u32::try_from(floor).unwrap_or(u32::MAX),
        policy,
    })
}

fn role(view: &View<'_>, warnings: &mut Vec<Warning>) -> Result<KeyRole, ContractError> {
    let role = view.choice(&[
        ("consensus", KeyRole::Consensus),
        ("companion", KeyRole::Companion),
        ("manager", KeyRole::Manager),
    ])?;
    if role == KeyRole::Companion {
        warnings.push(view.warning("a companion key has a use only beside a tz4 consensus key"));
    }
    Ok(role)
}

fn public_key(view: &View<'_>) -> Result<(String, String), ContractError> {
    const EXPECTED: &str = "a public key: edpk…, sppk… or p2pk…, with a sound checksum";
    let text = view.text(EXPECTED)?;
    match tezos::public_key(text) {
        Some(PublicKey::Hash(hash)) => Ok((text.to_owned(), hash)),
        Some(PublicKey::Bls) => {
            Err(view.must_be("a key of tz1, tz2 or tz3: tz4 (BLpk…) is not yet supported"))
        }
        None => Err(view.must_be(EXPECTED)),
    }
}

fn policy(view: &View<'_>) -> Result<Policy, ContractError> {
    view.only(&["operations"])?;
    let Some(list) = view.optional("operations") else {
        return Ok(Policy::default());
    };
    let mut operations: Vec<String> = Vec::new();
    for item in list.items(0..=OPERATIONS.len())? {
        let kind = item.parse(
            "a kind of operation by Tezos's name, such as reveal, ballot or stake",
            |text| OPERATIONS.iter().find(|known| **known == text),
        )?;
        if operations.iter().any(|other| other == kind) {
            return Err(item.must_be("a kind that is not in the list already"));
        }
        operations.push((*kind).to_owned());
    }
    Ok(Policy { operations })
}
