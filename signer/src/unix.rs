//! Unix sockets that answer only some uids: the admin socket, and the binary protocol's.
//!
//! Who speaks is known from the kernel (`SO_PEERCRED`), not from a token: a peer whose uid is not on the list is hung up
//! on before a byte is read.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use crate::server::listen::Accept;

/// Why the Unix socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum UnixError {
    /// Something that is no socket lies at its path.
    #[error("the Unix socket's path is taken by something that is not a socket")]
    NotASocket,
    /// Another process answers there.
    #[error("another process listens on the Unix socket")]
    Taken,
    /// The system refused.
    #[error("the Unix socket cannot be opened: {0}")]
    Io(#[from] io::Error),
}

/// A Unix socket that answers only some uids.
pub(crate) struct UidListener {
    socket: UnixListener,
    uids: Vec<u32>,
    /// The event that says that somebody else knocked.
    refused: &'static str,
    /// Removed at the end.
    path: Option<PathBuf>,
}

// === impl UidListener ===

impl UidListener {
    /// Binds the socket, in place of one that a dead process left. The umask must hide it until its mode is set.
    ///
    /// The mode is 0660 where the socket has the group of its folder. Where it could not get it (the folder is not
    /// set-group-id), whoever may enter the folder must still be able to knock: the supervisor has uid 0 but no
    /// capability that passes over file modes. The uid is checked for every connection in both cases.
    pub(crate) fn bind(
        path: &Path,
        uids: Vec<u32>,
        refused: &'static str,
    ) -> Result<Self, UnixError> {
        remove_stale(path)?;
        let socket = UnixListener::bind(path)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let same_group = std::fs::metadata(path)?.gid() == std::fs::metadata(folder)?.gid();
        let mode = if same_group { 0o660 } else { 0o666 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Self {
            socket,
            uids,
            refused,
            path: None,
        })
    }

    /// The same, removed when nobody listens on it any more, as octez-signer does it.
    pub(crate) fn removed_at_end(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

impl Accept for UidListener {
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.socket.accept().await?;
            let uid = stream.peer_cred()?.uid();
            if self.uids.contains(&uid) {
                return Ok(stream);
            }
            warn!(event = self.refused, uid);
        }
    }
}

impl Drop for UidListener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What is left is replaced at the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Removes a socket that nobody listens on any more.
fn remove_stale(path: &Path) -> Result<(), UnixError> {
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !meta.file_type().is_socket() {
        return Err(UnixError::NotASocket);
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(UnixError::Taken),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(UidListener::bind(&path, vec![0], "test").unwrap());
        assert!(path.exists(), "a dead process leaves its socket");
        let living = UidListener::bind(&path, vec![0], "test").unwrap();
        assert!(matches!(
            UidListener::bind(&path, vec![0], "test"),
            Err(UnixError::Taken)
        ));
        drop(living);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(
            UidListener::bind(&path, vec![0], "test"),
            Err(UnixError::NotASocket)
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        let link = dir.path().join("link.sock");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(
            UidListener::bind(&link, vec![0], "test"),
            Err(UnixError::NotASocket)
        ));
    }
}
