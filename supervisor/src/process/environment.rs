//! The environment is shed before anything else happens.
//!
//! Emptying it in place would leave its bytes in `/proc/PID/environ`, so the program is executed anew with none. The two variables
//! that carry contract sections in workload mode travel in a sealed anonymous file instead.

use std::env;
use std::ffi::{CString, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

use rustix::io::{FdFlags, fcntl_setfd};
use zeroize::{Zeroize, Zeroizing};

use super::{ProcessError, sealed};
use crate::sys;

const WORKLOAD: &str = "BAKEHOUSE_WORKLOAD";
const ENV: &str = "BAKEHOUSE_ENV";
const FLAG: &str = "--sections-fd";
const SELF: &std::ffi::CStr = c"/proc/self/exe";
const LIMIT: u64 = 16 << 20;

/// Contract sections that came by the process environment. They may hold secrets and have no Debug.
#[derive(Default, PartialEq, Eq)]
pub struct Sections {
    /// `BAKEHOUSE_WORKLOAD`
    pub workload: Option<Zeroizing<String>>,
    /// `BAKEHOUSE_ENV`
    pub env: Option<Zeroizing<String>>,
}

/// Executes this program anew with an empty environment, unless it is empty already.
///
/// The sections, if there are any, are put into a sealed file whose descriptor follows as `--sections-fd N`, before all other arguments.
///
/// # Errors
/// The program could not be executed, or a section is not UTF-8.
pub fn shed_environment() -> Result<(), ProcessError> {
    if env::vars_os().next().is_none() {
        return Ok(());
    }
    let sections = Sections {
        workload: variable(WORKLOAD)?,
        env: variable(ENV)?,
    };
    let carrier = sections.carry()?;
    let mut arguments: Vec<CString> = Vec::new();
    for (index, argument) in env::args_os().enumerate() {
        arguments.push(c_string(argument)?);
        if let (0, Some(fd)) = (index, &carrier) {
            arguments.push(c_string(FLAG.into())?);
            arguments.push(c_string(inheritable(fd.as_fd())?.to_string().into())?);
        }
    }
    let nothing: [CString; 0] = [];
    let Err(errno) = nix::unistd::execve(SELF, &arguments, &nothing);
    Err(ProcessError::System {
        step: "execve",
        source: errno.into(),
    })
}

/// Reads the sections that [`shed_environment`] put aside, and closes the descriptor.
///
/// # Errors
/// The descriptor is not open, not sealed, too large, or does not hold sections.
pub fn take_sections(fd: RawFd) -> Result<Sections, ProcessError> {
    let carrier = sys::adopt(fd).map_err(ProcessError::system("--sections-fd"))?;
    let (file, size) =
        sealed::open_sealed(carrier, LIMIT).map_err(ProcessError::system("--sections-fd"))?;
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(size).unwrap_or(0)]);
    file.read_exact_at(&mut bytes, 0)
        .map_err(ProcessError::system("--sections-fd"))?;
    Sections::decode(&bytes).ok_or(ProcessError::Sections { what: "damaged" })
}

fn variable(name: &str) -> Result<Option<Zeroizing<String>>, ProcessError> {
    let Some(value) = env::var_os(name) else {
        return Ok(None);
    };
    match value.into_string() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(raw) => {
            raw.into_vec().zeroize();
            Err(ProcessError::Sections { what: "not UTF-8" })
        }
    }
}

fn c_string(text: OsString) -> Result<CString, ProcessError> {
    CString::new(text.into_vec()).map_err(|_| ProcessError::Sections {
        what: "a zero byte",
    })
}

fn inheritable(fd: BorrowedFd<'_>) -> Result<RawFd, ProcessError> {
    fcntl_setfd(fd, FdFlags::empty()).map_err(ProcessError::errno("fcntl"))?;
    Ok(fd.as_raw_fd())
}

// === impl Sections ===

impl Sections {
    fn carry(&self) -> Result<Option<OwnedFd>, ProcessError> {
        if self.workload.is_none() && self.env.is_none() {
            return Ok(None);
        }
        let bytes = self.encode();
        sealed::seal("bakehouse-sections", &[&bytes])
            .map(Some)
            .map_err(ProcessError::system("memfd_create"))
    }

    /// For each section: one byte whether it is there, its length as eight bytes, big-endian, its bytes.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let sections = [&self.workload, &self.env];
        let size = sections
            .iter()
            .map(|s| 9 + s.as_ref().map_or(0, |text| text.len()))
            .sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        for section in sections {
            let text = section.as_ref().map_or("", |text| text.as_str());
            bytes.push(u8::from(section.is_some()));
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (workload, rest) = Self::decode_one(bytes)?;
        let (env, rest) = Self::decode_one(rest)?;
        rest.is_empty().then_some(Self { workload, env })
    }

    fn decode_one(bytes: &[u8]) -> Option<(Option<Zeroizing<String>>, &[u8])> {
        let (present, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        match present {
            0 if length == 0 => Some((None, rest)),
            1 => {
                let text = std::str::from_utf8(text).ok()?;
                Some((Some(Zeroizing::new(text.to_owned())), rest))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn section() -> impl Strategy<Value = Option<Zeroizing<String>>> {
        proptest::option::of(".{0,64}".prop_map(Zeroizing::new))
    }

    proptest! {
        #[test]
        fn sections_survive_the_passage(workload in section(), env in section()) {
            let sections = Sections { workload, env };
            let decoded = Sections::decode(&sections.encode());
            prop_assert!(decoded == Some(sections));
        }

        #[test]
        fn damaged_sections_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(sections) = Sections::decode(&bytes) {
                prop_assert_eq!(&*sections.encode(), &bytes);
            }
        }
    }

    #[test]
    fn a_descriptor_that_is_not_sealed_is_refused() {
        let file = tempfile::tempfile().unwrap();
        let fd = rustix::io::dup(&file).unwrap();
        // take_sections closes what it is given
        let number = std::os::fd::IntoRawFd::into_raw_fd(fd);
        assert!(take_sections(number).is_err());
        assert!(take_sections(0).is_err());
    }
}
