//! The guest's persistent volume: an ext4 file system of its own, as a disk would be.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const SIZE: u64 = 256 << 20;

/// A mounted volume, unmounted when dropped.
#[derive(Debug)]
pub struct Volume {
    path: PathBuf,
    mounted: bool,
}

// === impl Volume ===

impl Volume {
    /// Makes a volume in `folder` and mounts it at `folder/state`.
    pub fn mount(folder: &Path) -> Result<Self> {
        let (image, path) = (folder.join("state.img"), folder.join("state"));
        std::fs::create_dir_all(&path)?;
        std::fs::File::create(&image)?.set_len(SIZE)?;
        run("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()])?;
        run(
            "mount",
            &[
                "-o",
                "loop,nodev,nosuid",
                &image.to_string_lossy(),
                &path.to_string_lossy(),
            ],
        )
        .context("mounting a loop device (needs root)")?;
        Ok(Self {
            path,
            mounted: true,
        })
    }

    /// A plain folder in its place, for a user namespace that can mount no disk; the contract then waives `state`.
    pub fn folder(folder: &Path) -> Result<Self> {
        let path = folder.join("state");
        std::fs::create_dir_all(&path)?;
        Ok(Self {
            path,
            mounted: false,
        })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is a file system of its own.
    pub fn is_mounted(&self) -> bool {
        self.mounted
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = run("umount", &[&self.path.to_string_lossy()])
        {
            eprintln!("the volume could not be unmounted: {error:#}");
        }
    }
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(args)
        .output()
        .with_context(|| program.to_owned())?;
    if !output.status.success() {
        bail!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
