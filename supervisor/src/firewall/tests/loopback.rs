//! Who may talk to whom inside the guest.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::socket::{setsockopt, sockopt};

use super::specs::{ACCUSER, BAKER, DAL, NODE, ROOT, SIGNER};
use super::world::{has_uids, in_a_world};

const EVERYBODY: [u32; 6] = [ROOT, SIGNER, NODE, BAKER, ACCUSER, DAL];

#[test]
fn each_port_answers_the_uids_of_the_plan_and_no_other() {
    let matrix: [(&str, &[u32]); 9] = [
        ("127.0.0.1:6732", &[ROOT, BAKER]),
        ("[::1]:6732", &[ROOT, BAKER]),
        ("127.0.0.1:8732", &[ROOT, BAKER, ACCUSER, DAL]),
        ("127.0.0.1:9932", &[ROOT]),
        ("127.0.0.1:10732", &[ROOT, BAKER]),
        // The guest's own address is loopback, too.
        ("10.78.0.1:8732", &[ROOT, BAKER, ACCUSER, DAL]),
        // Not in the plan: nobody.
        ("127.0.0.1:5555", &[]),
        ("[::1]:5555", &[]),
        ("10.78.0.1:9732", &[]),
    ];
    in_a_world(|world| {
        if !has_uids() {
            return;
        }
        for port in [6732, 8732, 9932, 10732, 5555, 9732] {
            world.echo(&format!("[::]:{port}"));
        }
        assert!(world.connects_as(NODE, "127.0.0.1:5555"), "the control");
        let _firewall = world.applied();
        std::thread::scope(|scope| {
            for (address, allowed) in matrix {
                for uid in EVERYBODY {
                    scope.spawn(move || {
                        let connected = world.connects_as(uid, address);
                        assert_eq!(connected, allowed.contains(&uid), "{uid} to {address}");
                    });
                }
            }
        });
        for uid in EVERYBODY {
            assert!(
                !world.sends_as(uid, "127.0.0.1:8732"),
                "a datagram of {uid}"
            );
        }
    });
}

/// A closed socket has no uid any more; its queue must still get through.
#[test]
fn three_megabytes_over_loopback_arrive_although_the_sender_closes_at_once() {
    const SIZE: usize = 3_000_000;
    in_a_world(|world| {
        let _firewall = world.applied();
        for address in ["127.0.0.1:8732", "[::1]:8732"] {
            world.inside(|| {
                let listener = TcpListener::bind(address).unwrap();
                let mut sender = TcpStream::connect(address).unwrap();
                let (mut receiver, _) = listener.accept().unwrap();
                if setsockopt(&sender, sockopt::SndBufForce, &(4 * SIZE)).is_ok() {
                    // Everything waits in the queue of a socket that is no more when the first byte is read.
                    sender.write_all(&vec![7; SIZE]).unwrap();
                    drop(sender);
                } else {
                    // Not allowed in a user namespace: the end of it waits there.
                    std::thread::spawn(move || sender.write_all(&vec![7; SIZE]).unwrap());
                }
                let mut data = Vec::new();
                receiver
                    .set_read_timeout(Some(std::time::Duration::from_secs(5)))
                    .unwrap();
                receiver.read_to_end(&mut data).unwrap();
                assert_eq!(data.len(), SIZE, "{address}");
            });
        }
    });
}
