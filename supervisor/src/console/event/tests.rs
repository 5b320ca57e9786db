use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use super::*;
use crate::error::Code;
use crate::unit::UnitState;

const TABLE: &str = include_str!("../../../../docs/events.md");

fn every_event() -> Vec<Event> {
    let unit = || "node".to_owned();
    let halt = || Halt::new(Code::HsmUnreachable, "hsm: \"refused\"\n\u{1b}[31m");
    let reason = || ExitReason::Signaled {
        signal: 9,
        core: false,
    };
    let text = || "because".to_owned();
    let second = Duration::from_secs(1);
    vec![
        Event::Phase(Phase::Provisioned),
        Event::FirewallLocked,
        Event::FirewallApplied,
        Event::FirewallDrift {
            what: text(),
            repaired: true,
        },
        Event::PortOpened { port: 9732 },
        Event::PortClosed {
            port: 9732,
            reason: text(),
        },
        Event::UnitStarting {
            unit: unit(),
            step: Step::Prepare(0),
            pid: 7,
        },
        Event::UnitUp { unit: unit() },
        Event::UnitReady { unit: unit() },
        Event::UnitDegraded {
            unit: unit(),
            reason: text(),
        },
        Event::UnitExited {
            unit: unit(),
            step: Step::Main,
            reason: reason(),
        },
        Event::UnitBackoff {
            unit: unit(),
            delay: second,
            deaths: 2,
        },
        Event::UnitFailed {
            unit: unit(),
            halt: halt(),
        },
        Event::UnitStopped {
            unit: unit(),
            reason: Some(reason()),
            clean: false,
        },
        Event::UnitLog {
            unit: unit(),
            stream: "stderr",
            line: "a \u{1b}[31mline\u{7}".to_owned(),
        },
        Event::HsmWaiting {
            reason: text(),
            waited: second,
            left: second * 599,
        },
        Event::SignerArmed {
            head: 100,
            floor: 102,
        },
        Event::PowerWaived {
            power: "firewall".to_owned(),
            detail: text(),
        },
        Event::ContractWarning { message: text() },
        Event::IsolationReduced {
            what: "proc",
            detail: "because",
        },
        Event::Heartbeat(Beat {
            phase: Phase::Exposed,
            port: "open",
            units: vec![(unit(), UnitState::Ready)],
            waived: vec!["firewall".to_owned()],
            plan: "00".to_owned(),
            dropped: (0, 3),
        }),
        Event::DrainStarted { reason: text() },
        Event::Halted(halt()),
    ]
}

#[test]
fn every_event_is_one_readable_line_and_one_of_json() {
    for event in every_event() {
        let lines = event.lines(UNIX_EPOCH, Duration::from_millis(412));
        let lines: Vec<_> = lines.split('\n').collect();
        let [readable, json, ""] = lines[..] else {
            panic!("{lines:?}")
        };
        assert!(
            readable.starts_with("1970-01-01T00:00:00.000Z  "),
            "{readable}"
        );
        assert!(!readable.chars().any(char::is_control), "{readable:?}");
        let json: Value = serde_json::from_str(json).unwrap();
        assert_eq!(json["event"], event.name());
        assert_eq!(json["uptime_ms"], 412);
        assert_eq!(json["ts"], "1970-01-01T00:00:00.000Z");
    }
}

#[test]
fn the_forms_are_as_documented() {
    let phase = Event::Phase(Phase::Provisioned);
    assert_eq!(
        phase.lines(UNIX_EPOCH, Duration::from_millis(412)),
        "1970-01-01T00:00:00.000Z  phase      Provisioned  (+412 ms)\n\
         {\"ts\":\"1970-01-01T00:00:00.000Z\",\"uptime_ms\":412,\"event\":\"phase.entered\",\"phase\":\"Provisioned\"}\n"
    );
    let halted = Event::Halted(Halt::new(Code::HsmUnreachable, "gone"));
    let fields = halted.fields();
    assert_eq!(
        (&fields["code"], &fields["exit_code"]),
        (&"hsm_unreachable".into(), &69.into())
    );
    assert!(
        fields["remedy"]
            .as_str()
            .is_some_and(|remedy| !remedy.is_empty())
    );
}

#[test]
fn the_table_of_events_has_each_event_with_its_fields_and_no_other() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let documented: BTreeSet<_> = rows.iter().map(|row| row[1].trim_matches('`')).collect();
    let events = every_event();
    let known: BTreeSet<_> = events.iter().map(Event::name).collect();
    assert_eq!(documented, known);
    for event in events {
        let row = rows
            .iter()
            .find(|row| row[1].trim_matches('`') == event.name())
            .unwrap();
        let fields = event.fields();
        let given: BTreeSet<_> = fields
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let told: BTreeSet<_> = row[2]
            .split(", ")
            .filter(|field| !field.is_empty())
            .map(|field| field.trim_matches('`'))
            .collect();
        assert_eq!(told, given, "{}", event.name());
    }
}
