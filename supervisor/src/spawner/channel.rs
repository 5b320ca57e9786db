//! Packets with descriptors, over a Unix socket pair.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, UCred, recvmsg,
    sendmsg, socketpair,
};
use rustix::process::{Pid, getgid, getuid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::PACKET_LIMIT;

/// No packet carries more descriptors than this.
const MOST_FDS: usize = 2;

/// One end of the pair. The other end's death reads as end of file.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

/// A packet that came in.
#[derive(Debug)]
pub(super) struct Packet {
    bytes: Vec<u8>,
    /// Descriptors that came with it, closed on exec.
    pub(super) fds: Vec<OwnedFd>,
    /// The process that it speaks about, as seen from here.
    pub(super) pid: Option<i32>,
}

// === impl Channel ===

impl Channel {
    /// Makes both ends; packets that the first receives tell the pid that they were sent for.
    pub(super) fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        set_socket_passcred(&near, true)?;
        Ok((Self(near), Self(far)))
    }

    /// As [`send`].
    pub(super) fn send<T: Serialize>(
        &self,
        message: &T,
        fds: &[BorrowedFd<'_>],
        pid: Option<Pid>,
    ) -> io::Result<()> {
        send(self.as_fd(), message, fds, pid)
    }

    /// As [`receive`].
    pub(super) fn receive(&self) -> io::Result<Option<Packet>> {
        receive(self.as_fd())
    }

    /// The bare descriptor, for a runtime.
    pub(super) fn into_nonblocking(self) -> io::Result<OwnedFd> {
        rustix::io::ioctl_fionbio(&self.0, true)?;
        Ok(self.0)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Sends a message, with descriptors, on behalf of a process.
pub(super) fn send<T: Serialize>(
    to: BorrowedFd<'_>,
    message: &T,
    fds: &[BorrowedFd<'_>],
    pid: Option<Pid>,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > PACKET_LIMIT || fds.len() > MOST_FDS {
        return Err(Errno::MSGSIZE.into());
    }
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS), ScmCredentials(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let mut fits = fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(fds));
    if let Some(pid) = pid {
        let credentials = UCred {
            pid,
            uid: getuid(),
            gid: getgid(),
        };
        fits &= control.push(SendAncillaryMessage::ScmCredentials(credentials));
    }
    if !fits {
        return Err(Errno::MSGSIZE.into());
    }
    rustix::io::retry_on_intr(|| {
        sendmsg(
            to,
            &[IoSlice::new(&bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        )
    })?;
    Ok(())
}

/// Receives a packet; `None` at the end.
pub(super) fn receive(from: BorrowedFd<'_>) -> io::Result<Option<Packet>> {
    let mut bytes = vec![0; PACKET_LIMIT];
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(
            from,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
    });
    let received = match received {
        Err(Errno::CONNRESET) => return Ok(None),
        other => other?,
    };
    let mut packet = Packet {
        bytes: Vec::new(),
        fds: Vec::new(),
        pid: None,
    };
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(fds) => packet.fds.extend(fds),
            RecvAncillaryMessage::ScmCredentials(who) => packet.pid = Some(who.pid.as_raw_pid()),
            _ => {}
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    if received
        .flags
        .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
    {
        return Err(Errno::MSGSIZE.into());
    }
    bytes.truncate(received.bytes);
    packet.bytes = bytes;
    Ok(Some(packet))
}

// === impl Packet ===

impl Packet {
    /// Reads the message in it.
    pub(super) fn message<T: DeserializeOwned>(&self) -> io::Result<T> {
        Ok(serde_json::from_slice(&self.bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn packets_keep_their_borders_and_descriptors() {
        let (near, far) = Channel::pair().unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        far.send(&"one", &[read.as_fd()], None).unwrap();
        far.send(&"two", &[], None).unwrap();
        drop((far, read));
        let mut first = near.receive().unwrap().unwrap();
        assert_eq!(first.message::<String>().unwrap(), "one");
        std::fs::File::from(write).write_all(b"x").unwrap();
        let mut through = String::new();
        std::fs::File::from(first.fds.remove(0))
            .read_to_string(&mut through)
            .unwrap();
        assert_eq!(through, "x");
        assert_eq!(
            near.receive()
                .unwrap()
                .unwrap()
                .message::<String>()
                .unwrap(),
            "two"
        );
        assert!(near.receive().unwrap().is_none());
    }

    #[test]
    fn oversized_packets_are_not_sent() {
        let (near, _far) = Channel::pair().unwrap();
        assert!(near.send(&"x".repeat(PACKET_LIMIT), &[], None).is_err());
    }
}
