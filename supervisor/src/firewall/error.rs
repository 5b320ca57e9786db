//! What can go wrong between us and the kernel's packet filter.

use nix::errno::Errno;
use thiserror::Error;

use super::live::Drift;

/// Why the firewall is not as it should be. After any of these but [`TableLost`](Self::TableLost) the port is closed or
/// closes by itself.
#[derive(Debug, Error)]
pub enum FirewallError {
    /// This guest lacks something without which there is no firewall.
    #[error("no firewall without {what}: {remedy}")]
    PowerMissing {
        /// What is missing.
        what: String,
        /// What the operator can do.
        remedy: String,
    },
    /// `nft` could not be run, or did not end in time.
    #[error("nft could not be run: {0}")]
    Run(#[source] std::io::Error),
    /// `nft` refused the transaction; nothing was changed.
    #[error("nft refused: {message}")]
    Refused {
        /// The first line of its standard error.
        message: String,
    },
    /// What `nft` lists is not the JSON that we know.
    #[error("the listed table is not readable: {0}")]
    Unreadable(String),
    /// The table was written, and reads back differently.
    #[error("the table reads back differently: {0}")]
    Mismatch(Drift),
    /// The kernel refused a message for the dead-man's set.
    #[error("netlink refused to {action} the port: {errno}")]
    Netlink {
        /// `open` or `close`.
        action: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },
    /// The kernel did not answer a netlink message as it always does.
    #[error("netlink did not acknowledge")]
    Unacknowledged,
    /// The table or its set is not there: nothing is filtered, and there is nothing to close the port with. Only
    /// [`Firewall::check_drift`](super::Firewall::check_drift) helps.
    #[error("the table is gone, nothing is filtered")]
    TableLost,
    /// A destination is still a name; rules are made of addresses.
    #[error("the hosts for {0} are not resolved")]
    Unresolved(String),
    /// There is no port to open before the rules are applied.
    #[error("the rules are not applied yet")]
    NotApplied,
    /// The proof is too old, or older than the last close.
    #[error("the proof that all units are ready is stale")]
    StaleProof,
}

// === impl FirewallError ===

impl FirewallError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PowerMissing { .. } => "power_missing",
            Self::Mismatch(_) | Self::TableLost => "firewall_drift",
            _ => "firewall_failed",
        }
    }

    pub(super) fn no_binary() -> Self {
        Self::PowerMissing {
            what: "the nft program".to_owned(),
            remedy: "install nftables so that /usr/sbin/nft exists".to_owned(),
        }
    }

    pub(super) fn no_capability() -> Self {
        Self::PowerMissing {
            what: "CAP_NET_ADMIN".to_owned(),
            remedy: "start the guest with CAP_NET_ADMIN in its own network namespace".to_owned(),
        }
    }

    pub(super) fn no_kernel_support(feature: &str) -> Self {
        Self::PowerMissing {
            what: feature.to_owned(),
            remedy: "use a kernel with nf_tables, nf_conntrack, nft_ct and set timeouts".to_owned(),
        }
    }

    pub(super) fn from_errno(action: &'static str, errno: Errno) -> Self {
        match errno {
            Errno::EPERM | Errno::EACCES => Self::no_capability(),
            Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT | Errno::EOPNOTSUPP => {
                Self::no_kernel_support("nftables sets with timeouts")
            }
            errno => Self::Netlink { action, errno },
        }
    }
}
