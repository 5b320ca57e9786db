//! Somebody changes the table: it is seen, told and put right.

use super::specs::usual;
use super::world::{arm, in_a_world, nft, nft_script, ready};
use crate::firewall::FirewallError;

/// Every change that is seen: the commands, and what the report must name.
const CHANGES: [(&str, &str); 12] = [
    ("add rule inet bakehouse in tcp dport 22 accept", "22"),
    ("insert rule inet bakehouse in tcp dport 22 accept", "22"),
    ("add rule inet bakehouse forward accept", "forward"),
    ("flush chain inet bakehouse in", "the port, while closed"),
    ("delete table inet bakehouse", "\"out\""),
    ("add chain inet bakehouse in { policy accept; }", "policy"),
    ("add table inet bakehouse { flags dormant; }", "flags"),
    (
        "add chain inet bakehouse more { type filter hook input priority -5; }",
        "more",
    ),
    ("add set inet bakehouse more { type inet_service; }", "more"),
    ("add element inet bakehouse open { 22 timeout 1s }", "22"),
    ("add element inet bakehouse open { 9732 }", "9732"),
    (
        "add element inet bakehouse open { 9732 timeout 1h }",
        "3600",
    ),
];

#[test]
fn every_change_of_the_table_is_reported_and_repaired() {
    in_a_world(|world| {
        let mut firewall = world.applied();
        for (change, named) in CHANGES {
            world.inside(|| {
                assert_eq!(firewall.check_drift().unwrap(), None, "before {change}");
                nft(change);
                let drift = firewall.check_drift().unwrap().expect(change);
                let told = format!("{drift:?}").replace('\\', "");
                assert!(told.contains(named), "{change}: {told}");
                assert_eq!(firewall.check_drift().unwrap(), None, "after {change}");
            });
        }
    });
}

#[test]
fn our_own_element_is_no_drift_and_a_repair_closes_until_the_next_rearm() {
    in_a_world(|world| {
        world.echo("[::]:9732");
        let mut firewall = world.applied();
        arm(&firewall.port());
        assert_eq!(world.inside(|| firewall.check_drift().unwrap()), None);
        assert!(world.reaches("10.78.0.1:9732"));
        world.inside(|| nft("flush chain inet bakehouse out"));
        assert!(world.inside(|| firewall.check_drift().unwrap()).is_some());
        assert!(!world.reaches("10.78.0.1:9732"));
        arm(&firewall.port());
        assert!(world.reaches("10.78.0.1:9732"));
    });
}

#[test]
fn a_lost_table_is_told_by_close_and_rearm_and_restored_closed() {
    // Without the whole ruleset, without our table, without the set alone.
    let losses = [
        "flush ruleset",
        "delete table inet bakehouse",
        "flush table inet bakehouse\ndelete set inet bakehouse open",
    ];
    in_a_world(|world| {
        world.echo("[::]:9732");
        let mut firewall = world.applied();
        let port = firewall.port();
        for loss in losses {
            arm(&port);
            assert_eq!(world.inside(|| firewall.check_drift().unwrap()), None);
            world.inside(|| nft(loss));
            for told in [port.close(), port.rearm(ready())] {
                let error = told.unwrap_err();
                assert!(
                    matches!(error, FirewallError::TableLost),
                    "{loss}: {error:?}"
                );
                assert_eq!(error.code(), "firewall_drift");
            }
            world.inside(|| firewall.check_drift().unwrap().expect(loss));
            assert!(!world.reaches("10.78.0.1:9732"), "{loss}");
            port.close().expect(loss);
            arm(&port);
            assert!(world.reaches("10.78.0.1:9732"), "{loss}");
        }
    });
}

#[test]
fn a_rearm_in_the_middle_of_a_repair_is_taken_back() {
    in_a_world(|world| {
        let mut firewall = world.applied();
        // Somebody arms after each transaction, before it is read back.
        let (_folder, rearming) = nft_script(
            "/usr/sbin/nft \"$@\" || exit
             case \"$*\" in
               *-f*) exec /usr/sbin/nft add element inet bakehouse open '{ 9732 timeout 60s }' ;;
             esac",
        );
        firewall.nft = rearming;
        let before = ready();
        let open = || {
            world
                .inside(|| nft("list set inet bakehouse open"))
                .contains("9732")
        };
        world.inside(|| {
            nft("flush chain inet bakehouse out");
            firewall.check_drift().unwrap().unwrap();
        });
        assert!(!open(), "the repair left the port open");
        let port = firewall.port();
        assert!(matches!(port.rearm(before), Err(FirewallError::StaleProof)));
        assert!(!open());
        arm(&port);
        assert!(open());
    });
}

#[test]
fn moved_rules_are_drift() {
    in_a_world(|world| {
        let mut firewall = world.applied();
        let drift = world.inside(|| {
            let listed = nft("list table inet bakehouse");
            let dropped = "tcp dport 9732 drop comment \"the port, while closed\"";
            let replies =
                "ct state established,related ct direction reply accept comment \"replies\"";
            assert!(
                listed.contains(dropped) && listed.contains(replies),
                "{listed}"
            );
            let swapped = listed
                .replace(dropped, "SWAP")
                .replace(replies, dropped)
                .replace("SWAP", replies);
            nft(&format!("delete table inet bakehouse\n{swapped}"));
            firewall.check_drift().unwrap().unwrap()
        });
        assert_eq!(drift.moved, ["in"]);
        assert!(
            drift.missing.is_empty() && drift.extra.is_empty(),
            "{drift}"
        );
    });
}

#[test]
fn what_is_applied_reads_back_without_difference() {
    in_a_world(|world| {
        let mut firewall = world.applied();
        for uids in [vec![], vec![0], vec![9101, 1, 77]] {
            let mut spec = usual();
            for rule in &mut spec.egress {
                rule.uids.clone_from(&uids);
            }
            world.inside(|| firewall.apply(&spec).unwrap());
        }
        let mut nobody = usual();
        nobody.loopback.clear();
        nobody.egress.clear();
        world.inside(|| firewall.apply(&nobody).unwrap());
    });
}
