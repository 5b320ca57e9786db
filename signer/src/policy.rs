//! What a key may sign: by its role, and for operations by name.
//!
//! It promises: without a word in the contract a key signs consensus messages only; an operation passes only if *every*
//! content's kind is named in the key's policy, the key speaks for itself, and no rule of the policy is broken; there is
//! no wildcard, so what drains a delegate is permitted by its own name alone; and [`Approved`] can be made nowhere else,
//! so nothing reaches the watermark or the HSM around these rules. Refusals name the rule.

mod refusal;
mod rules;

use std::str::FromStr;

pub use refusal::PolicyRefusal;
pub use rules::Policy;

use crate::operation::{Content, Effect, Operation, OperationKind};
use crate::request::{Class, Consensus, Kind, SigningRequest};
use crate::tezos::{Curve, PublicKeyHash};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Signs blocks, preattestations and attestations; operations only where the policy names them.
    Consensus,
    /// Signs attestations of the slot-less form beside a tz4 consensus key, and nothing else.
    Companion,
    /// Signs operations that the policy names, and nothing else.
    Manager,
}

/// Why a policy in the configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// There is no such kind of operation. Its position, from 1, and not what stands there.
    #[error("operation number {0} of the policy is of no known kind")]
    UnknownOperation(usize),
    /// There is no such role.
    #[error("the role is not consensus, companion or manager")]
    UnknownRole,
    /// A companion key never signs operations.
    #[error("a companion key signs no operations; its policy must be empty")]
    CompanionOperations,
    /// An entry of a list is not what the list holds. Its position, from 1.
    #[error("entry number {position} of `{rule}` is not one that can be in it")]
    Entry {
        /// The list.
        rule: &'static str,
        /// Position in it.
        position: usize,
    },
    /// A rule bounds nothing that the key signs.
    #[error("`{0}` bounds nothing that the key may sign")]
    Unused(&'static str),
    /// `requests` names a class that keys of this role never sign.
    #[error("`requests` names {class}, which a {role} key never signs")]
    Class {
        /// The key's role.
        role: Role,
        /// The class.
        class: Class,
    },
}

/// The rules of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRule {
    key: PublicKeyHash,
    role: Role,
    policy: Policy,
}

/// A request that the rules of its key allow. Only [`KeyRule::approve`] makes one.
#[derive(Debug)]
pub struct Approved {
    key: PublicKeyHash,
    request: SigningRequest,
}

// === impl Role ===

impl Role {
    /// The name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Companion => "companion",
            Self::Manager => "manager",
        }
    }

    /// Whether keys of this role sign messages of this class.
    pub fn signs(self, class: Class) -> bool {
        match self {
            Self::Consensus => true,
            Self::Companion => class == Class::Attestation,
            Self::Manager => false,
        }
    }
}

impl FromStr for Role {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        [Self::Consensus, Self::Companion, Self::Manager]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(PolicyError::UnknownRole)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

// === impl KeyRule ===

impl KeyRule {
    /// The rules of a key. A policy that its role can't have is an error.
    pub fn new(key: PublicKeyHash, role: Role, policy: Policy) -> Result<Self, PolicyError> {
        policy.check_role(role)?;
        Ok(Self { key, role, policy })
    }

    /// The key's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Passes a request on if every rule allows it.
    pub fn approve(&self, request: SigningRequest) -> Result<Approved, PolicyRefusal> {
        match &request {
            SigningRequest::Consensus(consensus) => self.consensus(consensus)?,
            SigningRequest::Operation(operation) => {
                if self.role == Role::Companion {
                    return Err(self.wrong_role(request.name()));
                }
                self.operation(&operation.operation)?;
            }
        }
        Ok(Approved {
            key: self.key,
            request,
        })
    }

    fn consensus(&self, consensus: &Consensus) -> Result<(), PolicyRefusal> {
        let request = consensus.kind.name();
        let form = self.role != Role::Companion || consensus.kind == Kind::BlsAttestation;
        if !form || !self.role.signs(consensus.class()) {
            return Err(self.wrong_role(request));
        }
        let curve = self.key.curve();
        if consensus.kind.is_bls() && curve != Curve::Bls12_381 {
            return Err(PolicyRefusal::Curve {
                request,
                prefix: curve.address_prefix(),
            });
        }
        ensure(
            self.policy.requests.permits(&consensus.class()),
            PolicyRefusal::Request(request),
        )?;
        ensure(
            self.policy.chains.permits(&consensus.chain),
            PolicyRefusal::Chain(request),
        )
    }

    fn operation(&self, operation: &Operation) -> Result<(), PolicyRefusal> {
        for content in &operation.contents {
            self.content(content)?;
        }
        let contents = || operation.contents.iter();
        let fees = total(contents().filter_map(|content| content.fee));
        ensure(
            self.policy.max_total_fee.permits(fees),
            PolicyRefusal::TotalFee,
        )?;
        let amounts = total(contents().filter_map(|content| content.effect.amount()));
        ensure(
            self.policy.max_total_amount.permits(amounts),
            PolicyRefusal::TotalAmount,
        )
    }

    fn content(&self, content: &Content) -> Result<(), PolicyRefusal> {
        let (kind, policy) = (content.kind, &self.policy);
        ensure(
            policy.operations.contains(&kind),
            PolicyRefusal::Operation(kind),
        )?;
        ensure(
            content.source.is_none_or(|source| source == self.key),
            PolicyRefusal::Source(kind),
        )?;
        ensure(
            policy.max_fee.permits(content.fee.unwrap_or(0)),
            PolicyRefusal::Fee(kind),
        )?;
        ensure(
            policy
                .max_amount
                .permits(content.effect.amount().unwrap_or(0)),
            PolicyRefusal::Amount(kind),
        )?;
        self.effect(kind, &content.effect)
    }

    fn effect(&self, kind: OperationKind, effect: &Effect) -> Result<(), PolicyRefusal> {
        let policy = &self.policy;
        match effect {
            // A contract may be without a delegate; taking the account's own away is another matter.
            Effect::None | Effect::Originate { delegate: None, .. } => Ok(()),
            Effect::Transfer { destination, .. } | Effect::Send { destination } => ensure(
                policy.destinations.permits(destination),
                PolicyRefusal::Destination(kind),
            ),
            Effect::Originate { delegate, .. } | Effect::Delegate(delegate) => ensure(
                policy.delegates.permits_option(delegate.as_ref()),
                PolicyRefusal::Delegate(kind),
            ),
            Effect::NewKey(key) => {
                let keys = match kind {
                    OperationKind::UpdateCompanionKey => &policy.companion_keys,
                    _ => &policy.consensus_keys,
                };
                ensure(
                    keys.permits_option(key.as_ref()),
                    PolicyRefusal::NewKey(kind),
                )
            }
            Effect::Proposals(protocols) => ensure(
                protocols
                    .iter()
                    .all(|protocol| policy.proposals.permits(protocol)),
                PolicyRefusal::Proposal(kind),
            ),
            Effect::Ballot { proposal, ballot } => {
                ensure(
                    policy.ballots.permits(ballot),
                    PolicyRefusal::Ballot(ballot.name()),
                )?;
                ensure(
                    policy.proposals.permits(proposal),
                    PolicyRefusal::Proposal(kind),
                )
            }
        }
    }

    fn wrong_role(&self, request: &'static str) -> PolicyRefusal {
        PolicyRefusal::Role {
            role: self.role,
            request,
        }
    }
}

fn ensure(rule_holds: bool, refusal: PolicyRefusal) -> Result<(), PolicyRefusal> {
    if rule_holds { Ok(()) } else { Err(refusal) }
}

/// The sum; one that is too great for 64 bits counts as the greatest, and no account holds as much.
fn total(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

// === impl Approved ===

impl Approved {
    /// The key that is to sign.
    pub fn key(&self) -> PublicKeyHash {
        self.key
    }

    /// What it is to sign.
    pub fn request(&self) -> &SigningRequest {
        &self.request
    }

    /// The class of a consensus message; none for operations.
    pub fn class(&self) -> Option<Class> {
        match &self.request {
            SigningRequest::Consensus(consensus) => Some(consensus.class()),
            SigningRequest::Operation(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
