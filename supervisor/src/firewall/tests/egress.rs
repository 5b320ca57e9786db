//! Who may open connections to the outside.

use super::specs::{ACCUSER, BAKER, DAL, NODE, ROOT, SIGNER, listed, usual};
use super::world::{has_uids, in_a_world};

const EVERYBODY: [u32; 6] = [ROOT, SIGNER, NODE, BAKER, ACCUSER, DAL];

#[test]
fn each_uid_reaches_what_the_plan_says_and_nothing_else() {
    let matrix: [(&str, &[u32]); 9] = [
        // The HSM: the signer only, although node and DAL node may go anywhere else.
        ("10.78.0.2:9876", &[SIGNER]),
        ("[fd78::2]:9876", &[SIGNER]),
        // Another port of the HSM's host: nobody.
        ("10.78.0.2:80", &[]),
        ("[fd78::2]:80", &[]),
        // Peers.
        ("10.78.0.3:9732", &[NODE, DAL]),
        ("[fd78::3]:11732", &[NODE, DAL]),
        // A log receiver.
        ("10.78.0.9:6514", &[ROOT, NODE, DAL]),
        ("10.78.0.9:6515", &[NODE, DAL]),
        ("10.78.0.53:53", &[NODE, DAL]),
    ];
    in_a_world(|world| {
        if !has_uids() {
            return;
        }
        for (address, _) in matrix {
            world.echo_outside(address);
        }
        assert!(world.connects_as(BAKER, "10.78.0.2:80"), "the control");
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
    });
}

#[test]
fn no_other_rule_opens_an_exclusive_destination() {
    in_a_world(|world| {
        if !has_uids() {
            return;
        }
        world.echo_outside("10.78.0.2:9876");
        world.echo_outside("10.78.0.2:6514");
        let mut spec = usual();
        let addresses = ["10.78.0.2:9876", "10.78.0.2:6514"];
        let logs = spec.egress.iter_mut().find(|rule| rule.purpose == "logs");
        logs.unwrap().to = listed(&addresses);
        let mut firewall = world.applied();
        world.inside(|| firewall.apply(&spec).unwrap());
        assert!(
            !world.connects_as(ROOT, addresses[0]),
            "the HSM as a log receiver"
        );
        assert!(world.connects_as(SIGNER, addresses[0]));
        assert!(
            world.connects_as(ROOT, addresses[1]),
            "a receiver beside the HSM"
        );
    });
}

#[test]
fn datagrams_go_to_the_name_server_from_the_supervisor_only() {
    in_a_world(|world| {
        if !has_uids() {
            return;
        }
        assert!(world.sends_as(BAKER, "10.78.0.53:53"), "the control");
        let _firewall = world.applied();
        for uid in EVERYBODY {
            assert_eq!(world.sends_as(uid, "10.78.0.53:53"), uid == ROOT, "{uid}");
            assert!(!world.sends_as(uid, "10.78.0.53:123"), "{uid}");
            assert!(!world.sends_as(uid, "10.78.0.2:9876"), "{uid}");
        }
    });
}

#[test]
fn public_port_as_source_port_is_no_way_around() {
    in_a_world(|world| {
        world.echo_outside("10.78.0.9:80");
        let firewall = world.applied();
        let from_the_port = || {
            let address = "10.78.0.9:80".parse::<std::net::SocketAddrV4>().unwrap();
            let socket = nix::sys::socket::socket(
                nix::sys::socket::AddressFamily::Inet,
                nix::sys::socket::SockType::Stream,
                nix::sys::socket::SockFlag::SOCK_NONBLOCK,
                None,
            )
            .unwrap();
            let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
            let local = nix::sys::socket::SockaddrIn::new(0, 0, 0, 0, 9732);
            nix::sys::socket::bind(fd, &local).unwrap();
            let remote = nix::sys::socket::SockaddrIn::from(address);
            nix::sys::socket::connect(fd, &remote).unwrap_err();
            let mut ready = [nix::poll::PollFd::new(
                std::os::fd::AsFd::as_fd(&socket),
                nix::poll::PollFlags::POLLOUT,
            )];
            nix::poll::poll(&mut ready, 400_u16).unwrap() == 1
        };
        super::world::arm(&firewall.port());
        assert!(
            !world.inside(from_the_port),
            "root opened a connection from the open port"
        );
    });
}
