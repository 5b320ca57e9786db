//! Which rule refused a request, in words and as a stable code. Neither holds anything of the policy or the request but
//! names of kinds.

use super::Role;
use crate::operation::OperationKind;

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
    /// `requests` does not name the class of this message.
    #[error("policy: {0} is not among the key's `requests`")]
    Request(&'static str),
    /// `chains` does not name the chain of this message.
    #[error("policy: the chain of this {0} is not among the key's `chains`")]
    Chain(&'static str),
    /// The policy does not name this kind of operation.
    #[error("policy: {0} is not among the key's permitted operations")]
    Operation(OperationKind),
    /// The operation speaks for another account.
    #[error("policy: the source of {0} is not this key")]
    Source(OperationKind),
    /// `ballots` does not name this vote.
    #[error("policy: `{0}` is not among the key's `ballots`")]
    Ballot(&'static str),
    /// `proposals` does not name the protocol.
    #[error("policy: a protocol of this {0} is not among the key's `proposals`")]
    Proposal(OperationKind),
    /// `destinations` does not name the address.
    #[error("policy: the destination of {0} is not among the key's `destinations`")]
    Destination(OperationKind),
    /// More mutez than `max_amount`.
    #[error("policy: the amount of {0} is above the key's `max_amount`")]
    Amount(OperationKind),
    /// More mutez together than `max_total_amount`.
    #[error("policy: the amounts of the operation are together above the key's `max_total_amount`")]
    TotalAmount,
    /// A higher fee than `max_fee`.
    #[error("policy: the fee of {0} is above the key's `max_fee`")]
    Fee(OperationKind),
    /// Higher fees together than `max_total_fee`.
    #[error("policy: the fees of the operation are together above the key's `max_total_fee`")]
    TotalFee,
    /// `delegates` does not name the delegate.
    #[error("policy: the delegate of {0} is not among the key's `delegates`")]
    Delegate(OperationKind),
    /// The list of new keys does not name this one.
    #[error("policy: the new key of {0} is not among the key's `{list}`", list = new_keys(*.0))]
    NewKey(OperationKind),
}

fn new_keys(kind: OperationKind) -> &'static str {
    if kind == OperationKind::UpdateCompanionKey {
        "companion_keys"
    } else {
        "consensus_keys"
    }
}

// === impl PolicyRefusal ===

impl PolicyRefusal {
    /// A stable code: the rule's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Role { .. } => "policy_role",
            Self::Curve { .. } => "policy_curve",
            Self::Request(_) => "policy_request",
            Self::Chain(_) => "policy_chain",
            Self::Operation(_) => "policy_operation",
            Self::Source(_) => "policy_source",
            Self::Ballot(_) => "policy_ballot",
            Self::Proposal(_) => "policy_proposal",
            Self::Destination(_) => "policy_destination",
            Self::Amount(_) => "policy_amount",
            Self::TotalAmount => "policy_total_amount",
            Self::Fee(_) => "policy_fee",
            Self::TotalFee => "policy_total_fee",
            Self::Delegate(_) => "policy_delegate",
            Self::NewKey(_) => "policy_new_key",
        }
    }
}
