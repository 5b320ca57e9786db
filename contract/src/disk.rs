//! The `cidata` disk that brings a contract into a guest.
//!
//! Hyper Protect guests look for a block device labelled `cidata`, an ISO 9660 file system with Joliet and Rock Ridge, and
//! read `user-data` from it. [`Disk::to_iso`] makes that image from bytes alone: no clock, no owner and no order of a file
//! system goes into it, so the same inputs give the same bytes on every machine. The writers that exist put the time of day
//! into the volume descriptors, and there are only ever these four files; hence our own, which tests read with others' tools.

mod descriptor;
mod record;

use std::fmt;

use crate::node::{Scalar, Style};
use crate::secret::Secret;
use crate::sections::host_name;

/// The label that guests look for.
pub const LABEL: &str = "cidata";
/// Bytes that each file of the disk may have.
pub const FILE_BYTES: usize = 1024 * 1024;

/// Bytes of a sector, which is a logical block too.
const SECTOR: usize = 2048;
/// Sectors before the first descriptor.
const SYSTEM_AREA: u32 = 16;

/// What goes onto the disk.
#[derive(Debug, Clone, Copy)]
pub struct Disk<'a> {
    /// The contract.
    pub user_data: &'a [u8],
    /// Name of the guest, for `meta-data`.
    pub host_name: &'a HostName,
    /// `vendor-data`; guests want the file and ask for nothing in it.
    pub vendor_data: &'a [u8],
    /// `network-config`, if the guest is not to use DHCP.
    pub network_config: Option<&'a [u8]>,
}

/// A host name as RFC 1123 has it, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// Why there is no disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// Not a host name.
    #[error(
        "the host name must be labels of 1 to 63 letters, digits and '-', 253 characters at most, and no address"
    )]
    HostName,
    /// A file has more than [`FILE_BYTES`].
    #[error("{0} has more than the 1048576 bytes allowed")]
    TooLarge(&'static str),
}

/// A file of the root directory.
struct File<'a> {
    /// Its name on the disk.
    name: &'static str,
    /// The name that plain ISO 9660 knows it by: eight characters, a dot, a version.
    short: &'static str,
    bytes: &'a [u8],
    size: u32,
}

/// Where everything lies, in sectors.
struct Layout {
    /// Path tables: little-endian and big-endian of ISO 9660, then the same of Joliet.
    tables: [u32; 4],
    /// Root directories of ISO 9660 and of Joliet.
    roots: [u32; 2],
    /// What the first record of the root directory has no room for.
    continuation: u32,
    /// Each file, in the order of the directory.
    files: Vec<u32>,
    /// All of it.
    total: u32,
}

// === impl HostName ===

impl HostName {
    /// Reads a host name.
    pub fn parse(text: &str) -> Result<Self, DiskError> {
        host_name(text).map(Self).ok_or(DiskError::HostName)
    }

    /// The line of `meta-data`.
    fn meta_data(&self) -> String {
        let scalar = Scalar {
            text: Secret::new(self.0.clone()),
            style: Style::Plain,
        };
        // Words that YAML 1.1 takes for truth values are host names too.
        let word = matches!(self.0.as_str(), "y" | "n" | "yes" | "no" | "on" | "off");
        if word || scalar.is_other_than_text() {
            format!("local-hostname: \"{}\"\n", self.0)
        } else {
            format!("local-hostname: {}\n", self.0)
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Disk ===

impl Disk<'_> {
    /// The image, a whole number of sectors.
    pub fn to_iso(&self) -> Result<Vec<u8>, DiskError> {
        let meta_data = self.host_name.meta_data();
        // In the order that both directories want: by name.
        let files = [
            Some(("meta-data", "META_DAT.;1", meta_data.as_bytes())),
            self.network_config
                .map(|bytes| ("network-config", "NETWORK_.;1", bytes)),
            Some(("user-data", "USER_DAT.;1", self.user_data)),
            Some(("vendor-data", "VENDOR_D.;1", self.vendor_data)),
        ];
        let files = files
            .into_iter()
            .flatten()
            .map(|(name, short, bytes)| File::new(name, short, bytes))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(write(&files))
    }
}

// === impl File ===

impl<'a> File<'a> {
    fn new(name: &'static str, short: &'static str, bytes: &'a [u8]) -> Result<Self, DiskError> {
        let size = u32::try_from(bytes.len()).ok();
        match size.filter(|_| bytes.len() <= FILE_BYTES) {
            Some(size) => Ok(Self {
                name,
                short,
                bytes,
                size,
            }),
            None => Err(DiskError::TooLarge(name)),
        }
    }

    /// An empty file has a sector too: some readers refuse an extent that lies behind the last one.
    fn sectors(&self) -> u32 {
        self.size.div_ceil(2048).max(1)
    }
}

// === impl Layout ===

impl Layout {
    fn of(files: &[File<'_>]) -> Self {
        let mut next = SYSTEM_AREA;
        let mut take = |sectors: u32| {
            let at = next;
            next = next.saturating_add(sectors);
            at
        };
        // The two volume descriptors and the one that ends them.
        take(3);
        Self {
            tables: [take(1), take(1), take(1), take(1)],
            roots: [take(1), take(1)],
            continuation: take(1),
            files: files.iter().map(|file| take(file.sectors())).collect(),
            total: take(0),
        }
    }
}

fn write(files: &[File<'_>]) -> Vec<u8> {
    let layout = Layout::of(files);
    let mut image = vec![0; SECTOR * 16];
    let mut sector = |bytes: &[u8]| {
        image.extend_from_slice(bytes);
        image.resize(image.len().next_multiple_of(SECTOR), 0);
    };
    sector(&descriptor::primary(&layout));
    sector(&descriptor::joliet(&layout));
    sector(&descriptor::end());
    for root in layout.roots {
        sector(&descriptor::path_table(root.to_le_bytes(), [1, 0]));
        sector(&descriptor::path_table(root.to_be_bytes(), [0, 1]));
    }
    sector(&record::root(&layout, files));
    sector(&record::joliet_root(&layout, files));
    sector(&record::continuation());
    for file in files {
        // One zero gives an empty file its sector and is lost in the padding of no other.
        sector(if file.bytes.is_empty() {
            &[0]
        } else {
            file.bytes
        });
    }
    image
}

#[cfg(test)]
mod tests;
