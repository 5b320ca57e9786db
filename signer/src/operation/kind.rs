//! The kinds of contents and their names, as policies use them.

/// A kind of content. The stake kinds are transactions in the encoding, told apart by entrypoint and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "each name is the protocol's own name of the kind"
)]
pub enum OperationKind {
    SeedNonceRevelation,
    DoubleConsensusOperationEvidence,
    DoubleBakingEvidence,
    ActivateAccount,
    Proposals,
    Ballot,
    VdfRevelation,
    DrainDelegate,
    FailingNoop,
    DalEntrapmentEvidence,
    Reveal,
    Transaction,
    Stake,
    Unstake,
    FinalizeUnstake,
    SetDelegateParameters,
    Origination,
    Delegation,
    RegisterGlobalConstant,
    SetDepositsLimit,
    IncreasePaidStorage,
    UpdateConsensusKey,
    UpdateCompanionKey,
    TransferTicket,
    SmartRollupOriginate,
    SmartRollupAddMessages,
    SmartRollupCement,
    SmartRollupPublish,
    SmartRollupRefute,
    SmartRollupTimeout,
    SmartRollupExecuteOutboxMessage,
    SmartRollupRecoverBond,
    DalPublishCommitment,
    ZkRollupOrigination,
    ZkRollupPublish,
    ZkRollupUpdate,
}

const NAMES: [(OperationKind, &str); 36] = {
    use OperationKind as K;
    [
        (K::SeedNonceRevelation, "seed_nonce_revelation"),
        (
            K::DoubleConsensusOperationEvidence,
            "double_consensus_operation_evidence",
        ),
        (K::DoubleBakingEvidence, "double_baking_evidence"),
        (K::ActivateAccount, "activate_account"),
        (K::Proposals, "proposals"),
        (K::Ballot, "ballot"),
        (K::VdfRevelation, "vdf_revelation"),
        (K::DrainDelegate, "drain_delegate"),
        (K::FailingNoop, "failing_noop"),
        (K::DalEntrapmentEvidence, "dal_entrapment_evidence"),
        (K::Reveal, "reveal"),
        (K::Transaction, "transaction"),
        (K::Stake, "stake"),
        (K::Unstake, "unstake"),
        (K::FinalizeUnstake, "finalize_unstake"),
        (K::SetDelegateParameters, "set_delegate_parameters"),
        (K::Origination, "origination"),
        (K::Delegation, "delegation"),
        (K::RegisterGlobalConstant, "register_global_constant"),
        (K::SetDepositsLimit, "set_deposits_limit"),
        (K::IncreasePaidStorage, "increase_paid_storage"),
        (K::UpdateConsensusKey, "update_consensus_key"),
        (K::UpdateCompanionKey, "update_companion_key"),
        (K::TransferTicket, "transfer_ticket"),
        (K::SmartRollupOriginate, "smart_rollup_originate"),
        (K::SmartRollupAddMessages, "smart_rollup_add_messages"),
        (K::SmartRollupCement, "smart_rollup_cement"),
        (K::SmartRollupPublish, "smart_rollup_publish"),
        (K::SmartRollupRefute, "smart_rollup_refute"),
        (K::SmartRollupTimeout, "smart_rollup_timeout"),
        (
            K::SmartRollupExecuteOutboxMessage,
            "smart_rollup_execute_outbox_message",
        ),
        (K::SmartRollupRecoverBond, "smart_rollup_recover_bond"),
        (K::DalPublishCommitment, "dal_publish_commitment"),
        (K::ZkRollupOrigination, "zk_rollup_origination"),
        (K::ZkRollupPublish, "zk_rollup_publish"),
        (K::ZkRollupUpdate, "zk_rollup_update"),
    ]
};

// === impl OperationKind ===

impl OperationKind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(kind, _)| kind)
    }

    /// The protocol's name of the kind.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("unknown", |(_, name)| name)
    }

    /// Whether it has a fee and a counter, and may be together with others in one operation.
    pub fn is_manager(self) -> bool {
        !matches!(
            self,
            Self::SeedNonceRevelation
                | Self::DoubleConsensusOperationEvidence
                | Self::DoubleBakingEvidence
                | Self::ActivateAccount
                | Self::Proposals
                | Self::Ballot
                | Self::VdfRevelation
                | Self::DrainDelegate
                | Self::FailingNoop
                | Self::DalEntrapmentEvidence
        )
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }
}

impl std::fmt::Display for OperationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
