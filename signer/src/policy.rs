//! What a key may sign: by its role, and for operations by name.
//!
//! It promises: without a word in the contract a key signs consensus messages only; an operation passes only if *every*
//! content's kind is named in the key's policy and the key speaks for itself; and [`Approved`] can be made nowhere else,
//! so nothing reaches the watermark or the HSM around these rules. Refusals name the rule.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::operation::{Content, OperationKind};
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
}

/// Which rule refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// The role does not sign this kind of message.
    #[error("policy: a {role} key does not sign a {request}")]
    Role {
        /// The key's role.
        role: Role,
        /// What was asked for.
        request: &'static str,
    },
    /// The slot-less forms are for tz4 keys.
    #[error("policy: {request} is of the form of tz4 keys, and this is a {prefix} key")]
    Curve {
        /// What was asked for.
        request: &'static str,
        /// The key's address prefix.
        prefix: &'static str,
    },
    /// The policy does not name this kind of operation.
    #[error("policy: {0} is not among the key's permitted operations")]
    Operation(OperationKind),
    /// The operation speaks for another account.
    #[error("policy: the source of {0} is not this key")]
    Source(OperationKind),
}

/// The kinds of operations that a key may sign. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    operations: BTreeSet<OperationKind>,
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

// === impl Policy ===

impl Policy {
    /// A policy that permits the named kinds.
    pub fn parse<I>(names: I) -> Result<Self, PolicyError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let operations = (1..)
            .zip(names)
            .map(|(position, name)| {
                OperationKind::from_name(name.as_ref())
                    .ok_or(PolicyError::UnknownOperation(position))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { operations })
    }

    /// Whether no operation is permitted.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

// === impl KeyRule ===

impl KeyRule {
    /// The rules of a key. A companion key with permitted operations is an error.
    pub fn new(key: PublicKeyHash, role: Role, policy: Policy) -> Result<Self, PolicyError> {
        if role == Role::Companion && !policy.is_empty() {
            return Err(PolicyError::CompanionOperations);
        }
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
                for content in &operation.operation.contents {
                    self.content(content)?;
                }
            }
        }
        Ok(Approved {
            key: self.key,
            request,
        })
    }

    fn consensus(&self, consensus: &Consensus) -> Result<(), PolicyRefusal> {
        let request = consensus.kind.name();
        let allowed = match self.role {
            Role::Consensus => true,
            Role::Companion => consensus.kind == Kind::BlsAttestation,
            Role::Manager => false,
        };
        if !allowed {
            return Err(self.wrong_role(request));
        }
        let curve = self.key.curve();
        if consensus.kind.is_bls() && curve != Curve::Bls12_381 {
            return Err(PolicyRefusal::Curve {
                request,
                prefix: curve.address_prefix(),
            });
        }
        Ok(())
    }

    fn content(&self, content: &Content) -> Result<(), PolicyRefusal> {
        if !self.policy.operations.contains(&content.kind) {
            return Err(PolicyRefusal::Operation(content.kind));
        }
        match content.source {
            Some(source) if source != self.key => Err(PolicyRefusal::Source(content.kind)),
            _ => Ok(()),
        }
    }

    fn wrong_role(&self, request: &'static str) -> PolicyRefusal {
        PolicyRefusal::Role {
            role: self.role,
            request,
        }
    }
}

// === impl PolicyRefusal ===

impl PolicyRefusal {
    /// A stable code: the rule's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Role { .. } => "policy_role",
            Self::Curve { .. } => "policy_curve",
            Self::Operation(_) => "policy_operation",
            Self::Source(_) => "policy_source",
        }
    }
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
