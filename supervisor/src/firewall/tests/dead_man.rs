//! The one port: closed unless it has just been armed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::specs::{DEAD_MAN, PUBLIC};
use super::world::{PATIENCE, World, arm, connect, in_a_world, nft, ready};
use crate::firewall::{AllReady, Firewall, FirewallError, Nft};

const V4: &str = "10.78.0.1:9732";
const V6: &str = "[fd78::1]:9732";
/// Beyond the interval a busy machine may need this long to look.
const SLACK: Duration = Duration::from_millis(700);

fn serving(world: &World) -> Firewall {
    world.echo("[::]:9732");
    world.applied()
}

fn echoes(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut byte = [0];
    stream.write_all(b"x").is_ok() && stream.read_exact(&mut byte).is_ok()
}

#[test]
fn port_is_closed_until_armed_then_open_for_both_families() {
    in_a_world(|world| {
        let firewall = serving(world);
        for address in [V4, V6] {
            assert!(!world.reaches(address), "{address} before");
            arm(&firewall.port());
            assert!(world.reaches(address), "{address} armed");
            firewall.port().close().unwrap();
        }
    });
}

#[test]
fn port_stays_open_under_rearming_and_closes_within_the_interval_without() {
    in_a_world(|world| {
        let firewall = serving(world);
        let port = firewall.port();
        let start = Instant::now();
        let mut last = arm(&port);
        while start.elapsed() < 2 * DEAD_MAN {
            let reached = world.reaches(V4);
            // A machine that is so busy that we come too late has closed it with good reason.
            assert!(reached || last.elapsed() > DEAD_MAN, "closed while armed");
            last = arm(&port);
        }
        while world.reaches(V4) {
            assert!(
                last.elapsed() < DEAD_MAN + SLACK,
                "open after {:?}",
                last.elapsed()
            );
        }
        let shut = last.elapsed();
        assert!(shut >= DEAD_MAN, "closed too early: {shut:?}");
        // The last attempt began before the port closed, or after: it waited for PATIENCE in both cases.
        assert!(shut < DEAD_MAN + SLACK + PATIENCE, "closed after {shut:?}");
    });
}

#[test]
fn established_connection_ends_with_the_interval() {
    in_a_world(|world| {
        let firewall = serving(world);
        for address in [V4, V6] {
            let armed = arm(&firewall.port());
            let mut stream = world.outside(|| connect(address)).unwrap();
            assert!(echoes(&mut stream), "{address} while open");
            while armed.elapsed() < DEAD_MAN {
                std::thread::yield_now();
            }
            assert!(!echoes(&mut stream), "{address} after the interval");
        }
    });
}

#[test]
fn close_ends_new_and_established_connections_at_once() {
    in_a_world(|world| {
        let firewall = serving(world);
        for address in [V4, V6] {
            arm(&firewall.port());
            let mut stream = world.outside(|| connect(address)).unwrap();
            assert!(echoes(&mut stream));
            firewall.port().close().unwrap();
            assert!(!echoes(&mut stream), "{address} established");
            assert!(!world.reaches(address), "{address} new");
            firewall.port().close().expect("closing what is closed");
        }
    });
}

#[test]
fn a_closed_port_holds_data_back_in_both_directions() {
    in_a_world(|world| {
        let firewall = world.applied();
        let listener = world.inside(|| std::net::TcpListener::bind(V4).unwrap());
        arm(&firewall.port());
        let mut client = world.outside(|| connect(V4)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        firewall.port().close().unwrap();
        client.write_all(b"late").unwrap();
        assert!(
            server.read_exact(&mut [0]).is_err(),
            "data came in through a closed port"
        );
        server.write_all(b"late").unwrap();
        assert!(
            client.read_exact(&mut [0]).is_err(),
            "data left through a closed port"
        );
    });
}

#[test]
fn stale_proof_and_proof_from_before_a_close_open_nothing() {
    in_a_world(|world| {
        let firewall = serving(world);
        let port = firewall.port();
        let stale = AllReady::new(Instant::now());
        assert!(matches!(port.rearm(stale), Err(FirewallError::StaleProof)));
        let before = ready();
        port.close().unwrap();
        assert!(matches!(port.rearm(before), Err(FirewallError::StaleProof)));
        assert!(!world.reaches(V4));
        port.rearm(ready()).unwrap();
        assert!(world.reaches(V4));
    });
}

#[test]
fn locked_guest_has_no_port_to_open() {
    in_a_world(|world| {
        world.echo("[::]:9732");
        let mut firewall = world.inside(|| Firewall::lock(&Nft::find().unwrap()).unwrap());
        assert!(matches!(
            firewall.rearm(ready()),
            Err(FirewallError::NotApplied)
        ));
        firewall.close().unwrap();
        world.inside(|| nft("add element inet bakehouse open { 9732 timeout 60s }"));
        assert!(
            !world.reaches(V4),
            "a locked table must not look at its set"
        );
    });
}

#[test]
fn rearm_refreshes_to_the_full_interval_and_replaces_a_permanent_element() {
    in_a_world(|world| {
        let firewall = world.applied();
        let port = firewall.port();
        world.inside(|| nft(&format!("add element inet bakehouse open {{ {PUBLIC} }}")));
        for _ in 0..50 {
            arm(&port);
        }
        let listed = world.inside(|| nft("list set inet bakehouse open"));
        assert!(listed.contains("timeout 2s"), "{listed}");
        assert!(listed.contains("expires 1s9"), "{listed}");
    });
}

/// Not a test: `cargo test -p bakehouse-supervisor -- --ignored --nocapture netlink_costs`.
#[test]
#[ignore = "a measurement"]
fn netlink_costs() {
    in_a_world(|world| {
        let firewall = world.applied();
        let port = firewall.port();
        let mut times: Vec<Duration> = (0..1000)
            .map(|_| {
                let start = Instant::now();
                arm(&port);
                start.elapsed()
            })
            .collect();
        times.sort();
        println!(
            "rearm: median {:?}, 99 % {:?}, max {:?}",
            times[500], times[990], times[999]
        );
        let start = Instant::now();
        port.close().unwrap();
        println!("close: {:?}", start.elapsed());
    });
}
