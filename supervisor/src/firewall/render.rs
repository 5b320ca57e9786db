//! From typed rules to the JSON that `nft` takes.
//!
//! One transaction that replaces whatever table of our name is there: add (so that the delete can't fail), delete, add,
//! set, chains, rules.

use std::borrow::Cow;
use std::collections::HashSet;

use nftables::expr::{
    CT, Expression, Meta, MetaKey, NamedExpression, Payload, PayloadField, SetItem,
};
use nftables::schema::{
    Chain, NfCmd, NfListObject, NfObject, Nftables, Rule as NfRule, Set, SetFlag, SetType,
    SetTypeValue, Table,
};
use nftables::stmt::{Match as NfMatch, Operator, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook};

use super::ruleset::{End, Match, OPEN, Rule, Ruleset, TABLE, Verdict};
use crate::plan::spec::Protocol;

/// Chains by their hooks.
const INPUT: &str = "in";
const OUTPUT: &str = "out";
const FORWARD: &str = "forward";

// === impl Ruleset ===

impl Ruleset {
    /// The transaction that makes the kernel's table this one.
    pub fn render(&self) -> Nftables<'static> {
        let table = || NfListObject::Table(table());
        let mut commands = vec![
            NfCmd::Add(table()),
            NfCmd::Delete(table()),
            NfCmd::Add(table()),
            NfCmd::Add(NfListObject::Set(Box::new(open_ports()))),
            NfCmd::Add(chain(INPUT, NfHook::Input)),
            NfCmd::Add(chain(OUTPUT, NfHook::Output)),
            NfCmd::Add(chain(FORWARD, NfHook::Forward)),
        ];
        for (chain, rules) in [(INPUT, &self.input), (OUTPUT, &self.output)] {
            commands.extend(rules.iter().map(|rule| NfCmd::Add(rule.render(chain))));
        }
        Nftables {
            objects: commands.into_iter().map(NfObject::CmdObject).collect(),
        }
    }
}

/// The transaction after which there is no table of ours, whether there was one or not.
pub(super) fn removal() -> Nftables<'static> {
    let table = || NfListObject::Table(table());
    let commands = [NfCmd::Add(table()), NfCmd::Delete(table())];
    Nftables {
        objects: commands.into_iter().map(NfObject::CmdObject).collect(),
    }
}

fn table() -> Table<'static> {
    Table {
        family: NfFamily::INet,
        name: TABLE.into(),
        handle: None,
    }
}

fn open_ports() -> Set<'static> {
    Set {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: OPEN.into(),
        set_type: SetTypeValue::Single(SetType::InetService),
        flags: Some(HashSet::from([SetFlag::Timeout])),
        ..Set::default()
    }
}

fn chain(name: &'static str, hook: NfHook) -> NfListObject<'static> {
    NfListObject::Chain(Chain {
        family: NfFamily::INet,
        table: TABLE.into(),
        name: name.into(),
        _type: Some(NfChainType::Filter),
        hook: Some(hook),
        prio: Some(0),
        policy: Some(NfChainPolicy::Drop),
        ..Chain::default()
    })
}

// === impl Rule ===

impl Rule {
    fn render(&self, chain: &'static str) -> NfListObject<'static> {
        let verdict = match self.verdict {
            Verdict::Accept => Statement::Accept(None),
            Verdict::Drop => Statement::Drop(None),
        };
        let matches = self.matches.iter().map(Match::render);
        let statements: Vec<Statement<'static>> = matches.chain([verdict]).collect();
        NfListObject::Rule(NfRule {
            family: NfFamily::INet,
            table: TABLE.into(),
            chain: chain.into(),
            expr: Cow::Owned(statements),
            comment: Some(self.comment.clone().into()),
            ..NfRule::default()
        })
    }
}

// === impl Match ===

impl Match {
    fn render(&self) -> Statement<'static> {
        let (left, operator, right) = match self {
            Self::FromLoopback => (meta(MetaKey::Iif), Operator::EQ, string("lo")),
            Self::ToLoopback(true) => (meta(MetaKey::Oif), Operator::EQ, string("lo")),
            Self::ToLoopback(false) => (meta(MetaKey::Oif), Operator::NEQ, string("lo")),
            Self::Port(protocol, end, port) => (
                end.of(*protocol),
                Operator::EQ,
                Expression::Number((*port).into()),
            ),
            Self::Open(end, true) => (end.of(Protocol::Tcp), Operator::EQ, open()),
            Self::Open(end, false) => (end.of(Protocol::Tcp), Operator::NEQ, open()),
            Self::Established => {
                let states = ["established", "related"].map(string);
                (ct("state"), Operator::IN, Expression::List(states.to_vec()))
            }
            Self::Reply => (ct("direction"), Operator::EQ, string("reply")),
            Self::Icmp(types) => (payload("icmp", "type"), Operator::EQ, strings(types)),
            Self::Icmpv6(types) => (payload("icmpv6", "type"), Operator::EQ, strings(types)),
            Self::Uid(uids) => {
                let uids = uids.iter().map(|uid| Expression::Number(*uid));
                (meta(MetaKey::Skuid), Operator::EQ, one_of(uids))
            }
            Self::ToV4(protocol, targets) => {
                let pairs = targets
                    .iter()
                    .map(|(host, port)| pair(host.to_string(), *port));
                (target("ip", *protocol), Operator::EQ, one_of(pairs))
            }
            Self::ToV6(protocol, targets) => {
                let pairs = targets
                    .iter()
                    .map(|(host, port)| pair(host.to_string(), *port));
                (target("ip6", *protocol), Operator::EQ, one_of(pairs))
            }
            Self::HostV4(hosts) => {
                let hosts = hosts.iter().map(|host| owned(host.to_string()));
                (payload("ip", "daddr"), Operator::EQ, one_of(hosts))
            }
            Self::HostV6(hosts) => {
                let hosts = hosts.iter().map(|host| owned(host.to_string()));
                (payload("ip6", "daddr"), Operator::EQ, one_of(hosts))
            }
            Self::Transport(protocol) => {
                let wanted = Expression::Number(number(*protocol));
                (meta(MetaKey::L4proto), Operator::EQ, wanted)
            }
        };
        Statement::Match(NfMatch {
            left,
            right,
            op: operator,
        })
    }
}

// === impl End ===

impl End {
    fn of(self, protocol: Protocol) -> Expression<'static> {
        let field = match self {
            Self::Source => "sport",
            Self::Destination => "dport",
        };
        payload(name(protocol), field)
    }
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// The transport's number; its name would need `/etc/protocols`, which a small guest does not have.
fn number(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    }
}

fn string(value: &'static str) -> Expression<'static> {
    Expression::String(value.into())
}

fn owned(value: String) -> Expression<'static> {
    Expression::String(value.into())
}

fn open() -> Expression<'static> {
    owned(format!("@{OPEN}"))
}

fn one_of(items: impl Iterator<Item = Expression<'static>>) -> Expression<'static> {
    Expression::Named(NamedExpression::Set(items.map(SetItem::Element).collect()))
}

fn strings(values: &[&'static str]) -> Expression<'static> {
    one_of(values.iter().copied().map(string))
}

fn pair(host: String, port: u16) -> Expression<'static> {
    let both = vec![owned(host), Expression::Number(port.into())];
    Expression::Named(NamedExpression::Concat(both))
}

fn target(family: &'static str, protocol: Protocol) -> Expression<'static> {
    let host = payload(family, "daddr");
    let port = payload(name(protocol), "dport");
    Expression::Named(NamedExpression::Concat(vec![host, port]))
}

fn payload(protocol: &'static str, field: &'static str) -> Expression<'static> {
    Expression::Named(NamedExpression::Payload(Payload::PayloadField(
        PayloadField {
            protocol: protocol.into(),
            field: field.into(),
        },
    )))
}

fn meta(key: MetaKey) -> Expression<'static> {
    Expression::Named(NamedExpression::Meta(Meta { key }))
}

fn ct(key: &'static str) -> Expression<'static> {
    Expression::Named(NamedExpression::CT(CT {
        key: key.into(),
        family: None,
        dir: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::tests::specs::usual;

    /// One line for each command.
    fn lines(ruleset: &Ruleset) -> String {
        let rendered = ruleset.render();
        let objects = rendered.objects.iter();
        let lines: Vec<String> = objects
            .map(|object| serde_json::to_string(object).unwrap())
            .collect();
        lines.join("\n")
    }

    fn snapshot(name: &str, ruleset: &Ruleset) {
        insta::with_settings!({ prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, lines(ruleset));
        });
    }

    #[test]
    fn locked_table() {
        snapshot("locked", &Ruleset::locked());
    }

    #[test]
    fn table_of_the_usual_plan() {
        snapshot("usual", &Ruleset::of(&usual()).unwrap());
    }
}
