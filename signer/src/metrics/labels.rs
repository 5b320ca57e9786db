//! The labels of each metric, in Signatory's words where it has the metric.

#![allow(
    clippy::struct_field_names,
    reason = "the names of the fields are the names of the labels"
)]

use prometheus_client::encoding::EncodeLabelSet;

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
            pub(super) struct $name {
                $(pub(super) $field: $type,)+
            }
        )+
    };
}

labels! {
    /// A sign request.
    Handled { address: String, status: u16 }
    /// A signature.
    Made { address: String, vault: &'static str, op: &'static str, kind: &'static str, chain_id: String }
    /// A call to the HSM.
    VaultCall { vault: &'static str, address: String, op: &'static str, chain_id: String }
    /// A call that failed.
    VaultError { vault: &'static str, code: &'static str, chain_id: String }
    /// A consensus message.
    Round { address: String, operation_type: &'static str, chain_id: String, round: i32 }
    /// A refusal of the policy.
    Violation { violation_type: &'static str, address: String, operation_type: &'static str }
    /// A refusal of the watermark.
    Rejection { address: String, operation_type: &'static str, chain_id: String, reason: &'static str }
    /// A refusal for want of an authorized key.
    Failure { status: u16, auth_method: &'static str, client_ip: &'static str }
    /// A decision of the watermark.
    Decision { result: &'static str, backend: &'static str, request_type: &'static str }
    /// The store of the watermark.
    Store { backend: &'static str }
    /// A part of the way.
    Phased { phase: &'static str }
    /// A request of any kind.
    Answered { transport: &'static str, route: &'static str, status: u16 }
    /// A check of readiness.
    Check { name: &'static str }
}
