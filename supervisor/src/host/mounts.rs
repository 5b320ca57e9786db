//! Whether a path lies on a volume that survives a reboot.
//!
//! The guest's root disk is made anew at each boot, so state must lie on a device of its own: not on tmpfs, ramfs, an
//! overlay or a disk in memory, and not on the device that holds the root or what a container has bound from it.

use std::path::{Component, Path, PathBuf};

/// File systems that live in memory or on top of others.
const FLEETING: [&str; 8] = [
    "tmpfs",
    "ramfs",
    "overlay",
    "devtmpfs",
    "rootfs",
    "aufs",
    "fuse.fuse-overlayfs",
    "fuse-overlayfs",
];

/// Block devices that live in memory.
const IN_MEMORY: [&str; 2] = ["/dev/zram", "/dev/ram"];

/// Where containers have files of the root device bound to.
const BOUND: [&str; 4] = ["/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// A line of the mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    id: u64,
    source: String,
    device: String,
    point: PathBuf,
    kind: String,
    read_only: bool,
}

/// Why state may not lie there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fleeting {
    /// No mount of its own.
    #[error("{0} lies on the root device, which does not survive a reboot")]
    Root(PathBuf),
    /// A file system that does not persist.
    #[error("{0} lies on {1}, which does not survive a reboot")]
    Kind(PathBuf, String),
    /// Mounted read-only.
    #[error("{0} is mounted read-only")]
    ReadOnly(PathBuf),
    /// No mount table.
    #[error("the mount table cannot be read")]
    Unknown,
}

/// Checks a path without symbolic links against a mount table in the kernel's `mountinfo` form. `id` is the mount that the
/// path leads to, where the kernel tells; else it is the last one on the way, for a later mount hides earlier ones.
pub fn persistent(table: &str, path: &Path, id: Option<u64>) -> Result<(), Fleeting> {
    let mounts: Vec<_> = table.lines().filter_map(parse).collect();
    // The last of several mounts on one point is the one that is seen.
    let seen = |point: &Path| mounts.iter().rev().find(|mount| mount.point == point);
    seen(Path::new("/")).ok_or(Fleeting::Unknown)?;
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(Fleeting::Unknown);
    }
    let told = id.and_then(|id| mounts.iter().find(|mount| mount.id == id));
    let last = mounts
        .iter()
        .rev()
        .find(|mount| path.starts_with(&mount.point));
    let mount = told.or(last).ok_or(Fleeting::Unknown)?;
    let owned = path.to_owned();
    if FLEETING.contains(&mount.kind.as_str()) {
        return Err(Fleeting::Kind(owned, mount.kind.clone()));
    }
    // Major number 1 is the kernel's RAM disks.
    let in_memory = IN_MEMORY.iter().any(|name| mount.source.starts_with(name));
    if in_memory || mount.device.starts_with("1:") {
        return Err(Fleeting::Kind(owned, "a disk in memory".to_owned()));
    }
    let of_root = |point: &&str| {
        let bound = seen(Path::new(point));
        bound.is_some_and(|bound| bound.device == mount.device)
    };
    if mount.point == Path::new("/") || BOUND.iter().any(of_root) {
        return Err(Fleeting::Root(owned));
    }
    if mount.read_only {
        return Err(Fleeting::ReadOnly(owned));
    }
    Ok(())
}

/// `36 35 98:0 /root /point options [tags] - type source super-options`, with octal escapes in paths.
fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ');
    let id = fields.next()?.parse().ok()?;
    let device = fields.nth(1)?.to_owned();
    let point = PathBuf::from(unescape(fields.nth(1)?));
    let options = fields.next()?;
    let mut after = after.split(' ');
    let kind = after.next()?.to_owned();
    let source = after.next().unwrap_or_default().to_owned();
    let super_options = after.next().unwrap_or_default();
    let read_only = [options, super_options]
        .iter()
        .any(|list| list.split(',').any(|o| o == "ro"));
    Some(Mount {
        id,
        source,
        device,
        point,
        kind,
        read_only,
    })
}

fn unescape(text: &str) -> String {
    let octal = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    octal.iter().fold(text.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /run rw,nosuid - tmpfs tmpfs rw
31 22 254:16 / /var/lib/bakehouse rw,relatime - ext4 /dev/vdb rw
32 22 254:0 /srv /mnt/bind rw,relatime - ext4 /dev/vda rw
33 22 0:40 / /mnt/over rw - overlay overlay rw
34 22 254:32 / /mnt/frozen ro,relatime - xfs /dev/vdc rw
35 22 254:48 / /mnt/with\\040space rw - xfs /dev/vdd rw
36 22 254:64 / /mnt/covered rw - xfs /dev/vde rw
37 36 0:41 / /mnt/covered rw - tmpfs tmpfs rw
";

    #[rstest]
    #[case("/var/lib/bakehouse", "")]
    #[case("/var/lib/bakehouse/deeper/yet", "")]
    #[case("/mnt/with space", "")]
    #[case(
        "/var/lib",
        "/var/lib lies on the root device, which does not survive a reboot"
    )]
    #[case(
        "/var/lib/bakehouse-2",
        "/var/lib/bakehouse-2 lies on the root device, which does not survive a reboot"
    )]
    #[case(
        "/run/state",
        "/run/state lies on tmpfs, which does not survive a reboot"
    )]
    #[case(
        "/mnt/bind",
        "/mnt/bind lies on the root device, which does not survive a reboot"
    )]
    #[case(
        "/mnt/over",
        "/mnt/over lies on overlay, which does not survive a reboot"
    )]
    #[case(
        "/mnt/covered",
        "/mnt/covered lies on tmpfs, which does not survive a reboot"
    )]
    #[case("/mnt/frozen", "/mnt/frozen is mounted read-only")]
    #[case("/var/lib/bakehouse/../x", "the mount table cannot be read")]
    fn only_a_volume_of_its_own_will_do(#[case] path: &str, #[case] error: &str) {
        let found = persistent(TABLE, Path::new(path), None)
            .err()
            .map(|error| error.to_string());
        assert_eq!(found.unwrap_or_default(), error);
    }

    const CONTAINER: &str = "\
600 500 0:90 / / rw - overlay overlay rw
601 600 254:0 /docker/1/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw
602 600 254:0 /docker/1/hostname /etc/hostname rw - ext4 /dev/vda rw
603 600 254:0 /docker/volumes/v /volume rw - ext4 /dev/vda rw
604 600 254:16 / /disk rw - ext4 /dev/vdb rw
605 600 251:0 / /zram rw - ext4 /dev/zram0 rw
606 600 1:0 / /ram rw - ext4 /dev/root rw
607 600 0:91 / /over rw - fuse.fuse-overlayfs fuse-overlayfs rw
608 600 0:92 / /aufs rw - aufs none rw
609 600 254:32 / /data/state rw - ext4 /dev/vdc rw
610 600 0:93 / /data rw - tmpfs tmpfs rw
";

    #[rstest]
    #[case("/disk", true)]
    #[case("/volume", false)]
    #[case("/zram", false)]
    #[case("/ram", false)]
    #[case("/over", false)]
    #[case("/aufs", false)]
    #[case("/data/state", false)]
    fn a_container_gets_no_state_on_its_root_disk_in_memory_or_behind_another_mount(
        #[case] path: &str,
        #[case] fit: bool,
    ) {
        assert_eq!(persistent(CONTAINER, Path::new(path), None).is_ok(), fit);
    }

    #[test]
    fn the_mount_that_the_kernel_names_counts() {
        let path = Path::new("/data/state");
        assert_eq!(persistent(CONTAINER, path, Some(609)), Ok(()));
        assert!(persistent(CONTAINER, path, Some(610)).is_err());
        assert!(
            persistent(CONTAINER, path, Some(7)).is_err(),
            "unknown: as without"
        );
    }

    #[test]
    fn no_mount_table_is_no_proof() {
        assert_eq!(
            persistent("", Path::new("/var/lib/bakehouse"), None),
            Err(Fleeting::Unknown)
        );
    }

    proptest! {
        #[test]
        fn no_table_panics(table in "([0-9 /a-z:,\\\\-]{0,60}\n){0,5}", path in "(/[a-z.]{0,4}){0,4}") {
            let _verdict = persistent(&table, Path::new(&path), None);
        }
    }
}
