//! What can go wrong while the process cleans itself.

use std::io;

/// A step of the clean start that failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// A system call failed.
    #[error("{step}: {source}")]
    System {
        /// What was being done.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Cores would be piped to a program, where the size limit does not reach.
    #[error("kernel.core_pattern hands cores to another program: {pattern}")]
    CorePatternPiped {
        /// The pattern.
        pattern: String,
    },
    /// The contract's sections came in a form that is refused.
    #[error("sections from the environment: {what}")]
    Sections {
        /// What is wrong with them.
        what: &'static str,
    },
}

// === impl ProcessError ===

impl ProcessError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::System { .. } => "internal",
            Self::CorePatternPiped { .. } => "core_pattern_piped",
            Self::Sections { .. } => "value_invalid",
        }
    }

    pub(crate) fn system(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { step, source }
    }

    pub(crate) fn errno(step: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::System {
            step,
            source: errno.into(),
        }
    }
}
