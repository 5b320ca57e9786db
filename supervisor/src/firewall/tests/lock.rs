//! Locking, what is reachable, other tables, and missing powers.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::process::Command;

use super::specs::usual;
use super::world::{PATIENCE, World, arm, connect, in_a_world, nft, nft_script, sh};
use crate::firewall::{Firewall, FirewallError, Nft};

const PORTS: [u16; 8] = [22, 80, 6732, 8732, 9732, 9876, 9932, 10732];

fn reachable(world: &World, ports: &[u16]) -> Vec<String> {
    let addresses = ports
        .iter()
        .flat_map(|port| [format!("10.78.0.1:{port}"), format!("[fd78::1]:{port}")]);
    let ask = |address: String| move || world.reaches(&address).then_some(address);
    std::thread::scope(|scope| {
        let asked: Vec<_> = addresses.map(|address| scope.spawn(ask(address))).collect();
        let answers = asked
            .into_iter()
            .filter_map(|thread| thread.join().unwrap());
        answers.collect()
    })
}

fn datagram_arrives(world: &World, socket: &UdpSocket, to: &str) -> bool {
    world.outside(|| {
        let sender = UdpSocket::bind("[::]:0").or_else(|_| UdpSocket::bind("0.0.0.0:0"));
        sender.unwrap().send_to(b"hello", to).unwrap();
    });
    socket.recv(&mut [0; 16]).is_ok()
}

#[test]
fn nothing_is_reachable_when_locked_and_only_the_port_when_armed() {
    in_a_world(|world| {
        for port in PORTS {
            world.echo(&format!("[::]:{port}"));
        }
        let all = 2 * PORTS.len();
        assert_eq!(
            reachable(world, &PORTS).len(),
            all,
            "the control sees everything"
        );
        let nft = Nft::find().unwrap();
        let mut firewall = world.inside(|| Firewall::lock(&nft).unwrap());
        assert_eq!(reachable(world, &PORTS), [""; 0], "locked");
        world.inside(|| firewall.apply(&usual()).unwrap());
        assert_eq!(reachable(world, &PORTS), [""; 0], "applied");
        let port = firewall.port();
        std::thread::scope(|scope| {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                let tick = std::time::Duration::from_millis(100);
                arm(&port);
                while stopped
                    .recv_timeout(tick)
                    .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
                {
                    arm(&port);
                }
            });
            while !world.reaches("10.78.0.1:9732") {}
            let seen = reachable(world, &PORTS);
            drop(stop);
            assert_eq!(seen, ["10.78.0.1:9732", "[fd78::1]:9732"], "armed");
        });
    });
}

#[test]
fn connections_from_before_the_lock_end_with_it() {
    in_a_world(|world| {
        world.echo("[::]:22");
        // Flows are tracked before we come.
        world.inside(|| {
            nft("table inet other { chain early { type filter hook input priority -10; ct state invalid drop; }; }");
        });
        let mut stream = world.outside(|| connect("10.78.0.1:22")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answered = || stream.write_all(b"x").is_ok() && stream.read_exact(&mut [0]).is_ok();
        assert!(answered(), "the control");
        let mut firewall = world.inside(|| Firewall::lock(&Nft::find().unwrap()).unwrap());
        assert!(!answered(), "locked");
        world.inside(|| firewall.apply(&usual()).unwrap());
        arm(&firewall.port());
        assert!(!answered(), "armed");
    });
}

#[test]
fn no_datagram_comes_in_not_even_to_the_open_port() {
    in_a_world(|world| {
        let to = "[fd78::1]:9732";
        let socket = world.inside(|| UdpSocket::bind("[::]:9732").unwrap());
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(datagram_arrives(world, &socket, to), "the control");
        let firewall = world.applied();
        arm(&firewall.port());
        assert!(!datagram_arrives(world, &socket, to));
    });
}

#[test]
fn locked_guest_talks_to_itself_only() {
    in_a_world(|world| {
        world.echo_outside("10.78.0.3:9732");
        world.echo("127.0.0.1:8000");
        world.inside(|| Firewall::lock(&Nft::find().unwrap()).unwrap());
        assert!(world.inside(|| connect("127.0.0.1:8000")).is_some());
        assert!(world.inside(|| connect("10.78.0.3:9732")).is_none());
    });
}

#[test]
fn a_fresh_run_replaces_an_open_table_by_a_closed_one() {
    in_a_world(|world| {
        world.echo("[::]:9732");
        let old = world.applied();
        arm(&old.port());
        assert!(world.reaches("10.78.0.1:9732"));
        let nft = Nft::find().unwrap();
        let mut fresh = world.inside(|| Firewall::lock(&nft).unwrap());
        assert!(!world.reaches("10.78.0.1:9732"));
        assert_eq!(world.inside(|| fresh.check_drift().unwrap()), None);
        let mut again = world.inside(|| Firewall::lock(&nft).unwrap());
        assert_eq!(world.inside(|| again.check_drift().unwrap()), None);
    });
}

#[test]
fn other_tables_are_untouched_and_cannot_open_what_we_close() {
    in_a_world(|world| {
        world.echo("[::]:22");
        let listed = world.inside(|| {
            nft("table inet other { chain early { type filter hook input priority -10; policy accept; tcp dport 22 accept; }; }
                 table ip more { set s { type inet_service; elements = { 1, 2 }; }; }");
            sh("nft list table inet other; nft list table ip more")
        });
        assert!(world.reaches("10.78.0.1:22"), "the control");
        let mut firewall = world.applied();
        world.inside(|| {
            nft("delete table inet bakehouse");
            firewall.check_drift().unwrap().expect("the table is gone");
            assert_eq!(
                sh("nft list table inet other; nft list table ip more"),
                listed
            );
            assert_eq!(sh("nft list tables").lines().count(), 3);
        });
        assert!(!world.reaches("10.78.0.1:22"));
    });
}

#[test]
fn a_refused_transaction_changes_nothing() {
    in_a_world(|world| {
        let mut firewall = world.applied();
        let mut spec = usual();
        spec.egress[0].to = crate::plan::spec::Destinations::Named(vec![("peer".to_owned(), 1)]);
        world.inside(|| {
            let error = firewall.apply(&spec).unwrap_err();
            assert!(matches!(error, FirewallError::Unresolved(_)), "{error}");
            assert_eq!(firewall.check_drift().unwrap(), None);
        });
    });
}

#[test]
fn a_missing_power_leaves_no_table_and_any_other_failure_a_locked_guest() {
    in_a_world(|world| {
        world.echo("[::]:22");
        let (_folder, powerless) = nft_script(
            "case \"$*\" in
               -c*) echo 'Error: Could not process rule: Operation not supported' >&2; exit 1 ;;
             esac
             exec /usr/sbin/nft \"$@\"",
        );
        let error = world.inside(|| Firewall::lock(&powerless).unwrap_err());
        assert_eq!(error.code(), "power_missing", "{error}");
        assert_eq!(world.inside(|| sh("nft list tables")), "");
        assert!(world.reaches("10.78.0.1:22"));
        let (_folder, garbled) = nft_script(
            "case \"$*\" in
               *list*) echo garbage; exit ;;
             esac
             exec /usr/sbin/nft \"$@\"",
        );
        let error = world.inside(|| Firewall::lock(&garbled).unwrap_err());
        assert!(matches!(error, FirewallError::Unreadable(_)), "{error:?}");
        assert!(!world.reaches("10.78.0.1:22"), "open after a failed lock");
    });
}

#[test]
fn without_the_capability_the_missing_power_is_named() {
    in_a_world(|world| {
        let (_, module) = module_path!().split_once("::").unwrap();
        let inner = format!("{module}::in_a_process_without_the_capability");
        let output = world.inside(|| {
            Command::new("setpriv")
                .arg("--bounding-set=-net_admin")
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", &inner, "--ignored", "--nocapture"])
                .output()
                .unwrap()
        });
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        assert_eq!(world.inside(|| sh("nft list tables")), "");
    });
}

#[test]
#[ignore = "run by without_the_capability_the_missing_power_is_named"]
fn in_a_process_without_the_capability() {
    let error = Firewall::lock(&Nft::find().unwrap()).unwrap_err();
    assert_eq!(error.code(), "power_missing", "{error}");
    assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
    let port = crate::firewall::port::Port::connect().unwrap();
    let error = port.rehearse().unwrap_err();
    assert!(error.to_string().contains("CAP_NET_ADMIN"), "{error}");
}
