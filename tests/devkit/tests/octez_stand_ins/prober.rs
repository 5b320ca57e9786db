//! The prober on loopback.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bakehouse_devkit::prober::{Event, Prober, ProberConfig, State, Summary};
use nix::sys::signal::Signal;

use crate::support::{PROBER, Running, command};

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        * 1e3
}

/// Waits until the journal has this many transitions.
fn transitions(path: &std::path::Path, count: usize) -> Vec<Event> {
    let begun = Instant::now();
    loop {
        let events: Vec<Event> = Event::read(path)
            .unwrap_or_default()
            .into_iter()
            .filter(|event| matches!(event.state, State::Open | State::Closed))
            .collect();
        if events.len() >= count {
            return events;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{events:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn open_and_closed_are_seen_with_their_times() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = ProberConfig {
        journal: Some(journal.clone()),
        ..ProberConfig::new(vec![address])
    };
    let prober = Prober::start(config).unwrap();
    transitions(&journal, 1);
    let before_open = now_ms();
    let listener = TcpListener::bind(address).unwrap();
    let after_open = now_ms();
    transitions(&journal, 2);
    let before_close = now_ms();
    drop(listener);
    let events = transitions(&journal, 3);
    let summary = prober.stop().unwrap();

    let states: Vec<State> = events.iter().map(|event| event.state).collect();
    assert_eq!(states, [State::Closed, State::Open, State::Closed]);
    // An attempt begun just before the port opened may succeed; after it, one follows at once.
    assert!(
        events[1].ts_ms > before_open - 20.0,
        "{events:?} {before_open}"
    );
    assert!(
        events[1].ts_ms < after_open + 1000.0,
        "{events:?} {after_open}"
    );
    assert!(
        events[2].ts_ms > before_close - 20.0,
        "{events:?} {before_close}"
    );
    assert_eq!(summary.first_open, Some(events[1].ts_ms));
    assert!(summary.last_open.unwrap() < events[2].ts_ms);
    assert_eq!(summary.attempts, summary.open + summary.closed);
    assert_eq!(summary.targets[&address.to_string()].transitions, 3);
}

#[test]
fn the_held_connection_tells_when_data_stops() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    let (node, net, _) = Running::node(&dir.path().join("node"), &[]);
    let target = SocketAddr::from(([127, 0, 0, 1], net.port()));
    let config = ProberConfig {
        journal: Some(journal.clone()),
        ..ProberConfig::new(vec![target])
    };
    let prober = Prober::start(config).unwrap();
    let wait = |state: State| {
        let begun = Instant::now();
        loop {
            let events = Event::read(&journal).unwrap_or_default();
            if let Some(event) = events.iter().find(|event| event.state == state) {
                return event.ts_ms;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{events:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait(State::HeldOpen);
    let frozen = now_ms();
    node.signal(Signal::SIGSTOP);
    let silent = wait(State::HeldSilent);
    assert!(
        silent < frozen + 1000.0,
        "the time is that of the last data"
    );
    node.signal(Signal::SIGCONT);
    drop(node);
    wait(State::HeldClosed);
    prober.stop().unwrap();
}

#[test]
fn the_program_sums_up_when_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let echo = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let text = |address: SocketAddr| address.to_string();
    let (tcp_at, echo_at, mute_at) = (
        text(tcp.local_addr().unwrap()),
        text(echo.local_addr().unwrap()),
        text(mute.local_addr().unwrap()),
    );
    let args = [
        "--target",
        &tcp_at,
        "--every",
        "20ms",
        "--udp",
        &echo_at,
        "--udp",
        &mute_at,
        "--journal",
        journal.to_str().unwrap(),
    ];
    let mut prober = Running::spawn(command(PROBER, "bakehouse-prober", &args));
    let mut buffer = [0; 64];
    let (count, from) = echo.recv_from(&mut buffer).unwrap();
    echo.send_to(&buffer[..count], from).unwrap();
    // The second datagram was sent after the reply to the first could be read.
    echo.recv_from(&mut buffer).unwrap();
    transitions(&journal, 1);
    prober.signal(Signal::SIGTERM);
    let (code, output) = prober.wait();
    assert_eq!(code, 0);
    let summary: Summary = serde_json::from_str(output.trim_end()).unwrap();
    assert_eq!(summary.udp_replies, 1);
    assert!(summary.udp_sent[&mute_at] >= 1);
    assert!(summary.open >= 1 && summary.first_open.is_some());
}

#[test]
fn bad_command_lines_are_refused() {
    for line in [
        "",
        "--target here",
        "--target 127.0.0.1:1 --every 20",
        "--target 127.0.0.1:1 --every 0ms",
    ] {
        let args: Vec<&str> = line.split_whitespace().collect();
        let output = command(PROBER, "bakehouse-prober", &args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
    }
}
