//! The rules of a policy, made from a configuration.
//!
//! It promises: a name that is not known, a rule that bounds nothing that the policy permits, and a class that the role
//! does not sign are errors, never silently without effect.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{PolicyError, Role};
use crate::config::PolicyConfig;
use crate::operation::{Ballot, OperationKind};
use crate::request::Class;
use crate::tezos::{Address, ChainId, ProtocolHash, PublicKeyHash};

/// A list of what is permitted; none permits everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed<T>(Option<BTreeSet<T>>);

/// The most that is permitted; none permits any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limit(Option<u64>);

/// What a key may sign. The default is the consensus messages of its role, and no operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub(super) requests: Allowed<Class>,
    pub(super) chains: Allowed<ChainId>,
    pub(super) operations: BTreeSet<OperationKind>,
    pub(super) ballots: Allowed<Ballot>,
    pub(super) proposals: Allowed<ProtocolHash>,
    pub(super) destinations: Allowed<Address>,
    pub(super) delegates: Allowed<PublicKeyHash>,
    pub(super) consensus_keys: Allowed<PublicKeyHash>,
    pub(super) companion_keys: Allowed<PublicKeyHash>,
    pub(super) max_amount: Limit,
    pub(super) max_total_amount: Limit,
    pub(super) max_fee: Limit,
    pub(super) max_total_fee: Limit,
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
        Ok(Self {
            operations,
            ..Self::default()
        })
    }

    /// The policy of a configuration.
    pub fn from_config(config: &PolicyConfig) -> Result<Self, PolicyError> {
        let policy = Self {
            requests: named("requests", config.requests.as_ref(), |name| {
                Class::ALL.into_iter().find(|class| class.name() == name)
            })?,
            chains: parsed("chains", config.chains.as_ref())?,
            ballots: named("ballots", config.ballots.as_ref(), |name| {
                Ballot::ALL.into_iter().find(|ballot| ballot.name() == name)
            })?,
            proposals: parsed("proposals", config.proposals.as_ref())?,
            destinations: parsed("destinations", config.destinations.as_ref())?,
            delegates: parsed("delegates", config.delegates.as_ref())?,
            consensus_keys: parsed("consensus_keys", config.consensus_keys.as_ref())?,
            companion_keys: parsed("companion_keys", config.companion_keys.as_ref())?,
            max_amount: Limit(config.max_amount),
            max_total_amount: Limit(config.max_total_amount),
            max_fee: Limit(config.max_fee),
            max_total_fee: Limit(config.max_total_fee),
            ..Self::parse(&config.operations)?
        };
        policy.check_use()?;
        Ok(policy)
    }

    /// Whether no operation is permitted.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// A rule without anything to bound is a mistake of who wrote it.
    fn check_use(&self) -> Result<(), PolicyError> {
        use OperationKind as K;
        let votes: &[K] = &[K::Proposals, K::Ballot];
        let sent: &[K] = &[K::Transaction, K::TransferTicket, K::DrainDelegate];
        let paid: &[K] = &[K::Transaction, K::Origination];
        let delegated: &[K] = &[K::Delegation, K::Origination];
        let rules: [(&'static str, bool, &[K]); 8] = [
            ("ballots", self.ballots.is_given(), &[K::Ballot]),
            ("proposals", self.proposals.is_given(), votes),
            ("destinations", self.destinations.is_given(), sent),
            ("max_amount", self.max_amount.is_given(), paid),
            ("max_total_amount", self.max_total_amount.is_given(), paid),
            ("delegates", self.delegates.is_given(), delegated),
            (
                "consensus_keys",
                self.consensus_keys.is_given(),
                &[K::UpdateConsensusKey],
            ),
            (
                "companion_keys",
                self.companion_keys.is_given(),
                &[K::UpdateCompanionKey],
            ),
        ];
        for (rule, given, kinds) in rules {
            if given && !kinds.iter().any(|kind| self.operations.contains(kind)) {
                return Err(PolicyError::Unused(rule));
            }
        }
        let has_fees = self.operations.iter().any(|kind| kind.is_manager());
        for (rule, limit) in [
            ("max_fee", self.max_fee),
            ("max_total_fee", self.max_total_fee),
        ] {
            if limit.is_given() && !has_fees {
                return Err(PolicyError::Unused(rule));
            }
        }
        Ok(())
    }

    /// What a role can't have.
    pub(super) fn check_role(&self, role: Role) -> Result<(), PolicyError> {
        if role == Role::Companion && !self.is_empty() {
            return Err(PolicyError::CompanionOperations);
        }
        if role == Role::Manager && self.chains.is_given() {
            return Err(PolicyError::Unused("chains"));
        }
        for class in self.requests.0.iter().flatten() {
            if !role.signs(*class) {
                return Err(PolicyError::Class {
                    role,
                    class: *class,
                });
            }
        }
        Ok(())
    }
}

fn parsed<T: FromStr + Ord>(
    rule: &'static str,
    texts: Option<&Vec<String>>,
) -> Result<Allowed<T>, PolicyError> {
    named(rule, texts, |text| text.parse().ok())
}

fn named<T: Ord>(
    rule: &'static str,
    texts: Option<&Vec<String>>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Allowed<T>, PolicyError> {
    let read_all = |texts: &Vec<String>| {
        (1..)
            .zip(texts)
            .map(|(position, text)| read(text).ok_or(PolicyError::Entry { rule, position }))
            .collect()
    };
    texts.map(read_all).transpose().map(Allowed)
}

// === impl Allowed ===

impl<T: Ord> Allowed<T> {
    /// Whether this may be.
    pub(super) fn permits(&self, value: &T) -> bool {
        self.0.as_ref().is_none_or(|list| list.contains(value))
    }

    /// Whether this may be, nothing being on no list.
    pub(super) fn permits_option(&self, value: Option<&T>) -> bool {
        value.map_or(self.0.is_none(), |value| self.permits(value))
    }
}

impl<T> Allowed<T> {
    fn is_given(&self) -> bool {
        self.0.is_some()
    }
}

impl<T> Default for Allowed<T> {
    fn default() -> Self {
        Self(None)
    }
}

// === impl Limit ===

impl Limit {
    /// Whether as much may be.
    pub(super) fn permits(self, value: u64) -> bool {
        self.0.is_none_or(|limit| value <= limit)
    }

    fn is_given(self) -> bool {
        self.0.is_some()
    }
}
