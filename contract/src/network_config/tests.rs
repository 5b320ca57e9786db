use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::testing::cases;

const SAMPLE: &str = "network:
  version: 2
  ethernets:
    enc1:
      dhcp4: false
      addresses:
        - 192.0.2.10/24
        - 10.0.0.1/8
      gateway4: 192.0.2.1
      mtu: 9000
      routes:
        - {to: 198.51.100.0/24, via: 10.9.9.9}
        - {to: default, via: 192.0.2.254}
      nameservers:
        addresses: [192.0.2.53]
        search: [Example.org]
    enc2: {dhcp4: true, mtu: 1500}
";

fn read(text: &str) -> Result<NetworkConfig, ContractError> {
    NetworkConfig::parse(text.as_bytes(), &Limits::default())
}

fn changed(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "the sample has no {from}");
    SAMPLE.replacen(from, to, 1)
}

#[test]
fn a_whole_file_is_read() {
    let config = read(SAMPLE).unwrap();
    assert_eq!(config.warnings, []);
    let [first, second] = &config.interfaces[..] else {
        panic!("not two interfaces")
    };
    assert_eq!((first.name.as_str(), first.mtu), ("enc1", Some(9000)));
    let Ipv4::Static(fixed) = &first.ipv4 else {
        panic!("not static")
    };
    let cidr = |a, b, c, d, prefix| Cidr {
        address: Ipv4Addr::new(a, b, c, d),
        prefix,
    };
    assert_eq!(
        fixed.addresses,
        [cidr(192, 0, 2, 10, 24), cidr(10, 0, 0, 1, 8)]
    );
    assert_eq!(fixed.gateway4, Some(Ipv4Addr::new(192, 0, 2, 1)));
    assert_eq!(fixed.routes[0].to, cidr(198, 51, 100, 0, 24));
    assert_eq!(fixed.routes[0].via, Ipv4Addr::new(10, 9, 9, 9));
    assert_eq!(fixed.routes[1].to, cidr(0, 0, 0, 0, 0));
    assert_eq!(fixed.nameservers.addresses, [Ipv4Addr::new(192, 0, 2, 53)]);
    assert_eq!(fixed.nameservers.search, ["example.org"]);
    assert_eq!((second.mtu, &second.ipv4), (Some(1500), &Ipv4::Dhcp));
}

#[rstest]
#[case("network:\n", "netwrok:\n", Code::KeyMissing, "network-config", 1)]
#[case(
    "ethernets:",
    "ethernet:",
    Code::KeyMissing,
    "network-config.network",
    2
)]
#[case(
    "version: 2",
    "version: two",
    Code::ValueInvalid,
    "network-config.network.version",
    2
)]
#[case(
    "enc1:",
    "enc:",
    Code::ValueInvalid,
    "network-config.network.ethernets",
    4
)]
#[case(
    "enc1:",
    "eth0:",
    Code::ValueInvalid,
    "network-config.network.ethernets",
    4
)]
#[case(
    "enc1:",
    "enc1a:",
    Code::ValueInvalid,
    "network-config.network.ethernets",
    4
)]
#[case(
    "dhcp4: false",
    "dhcp4: \"no\"",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].dhcp4",
    5
)]
#[case(
    "dhcp4: false",
    "dhcp4: true",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses",
    6
)]
#[case(
    "      dhcp4: false\n",
    "",
    Code::KeyMissing,
    "network-config.network.ethernets[0]",
    5
)]
#[case(
    "dhcp4: true",
    "dhcp4: false",
    Code::KeyMissing,
    "network-config.network.ethernets[1]",
    17
)]
#[case(
    "192.0.2.10/24",
    "192.0.2.10",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses[0]",
    7
)]
#[case(
    "192.0.2.10/24",
    "192.0.2.10/33",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses[0]",
    7
)]
#[case(
    "192.0.2.10/24",
    "192.0.2.10/024",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses[0]",
    7
)]
#[case(
    "192.0.2.10/24",
    "192.0.2.256/24",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses[0]",
    7
)]
#[case(
    "192.0.2.10/24",
    "2001:db8::1/64",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses[0]",
    7
)]
#[case(
    "192.0.2.10/24",
    "10.0.0.1/8",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].addresses[1]",
    8
)]
#[case(
    "gateway4: 192.0.2.1",
    "gateway4: router",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].gateway4",
    9
)]
#[case(
    "mtu: 9000",
    "mtu: 67",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].mtu",
    10
)]
#[case(
    "mtu: 9000",
    "mtu: 65536",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].mtu",
    10
)]
#[case(
    ", via: 10.9.9.9",
    "",
    Code::KeyMissing,
    "network-config.network.ethernets[0].routes[0]",
    12
)]
#[case(
    "to: 198.51.100.0/24",
    "to: x",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].routes[0].to",
    12
)]
#[case(
    "        addresses: [192.0.2.53]\n",
    "",
    Code::KeyMissing,
    "network-config.network.ethernets[0].nameservers",
    15
)]
#[case(
    "[Example.org]",
    "[\"a b\"]",
    Code::ValueInvalid,
    "network-config.network.ethernets[0].nameservers.search[0]",
    16
)]
fn what_is_wrong_is_said_with_its_place(
    #[case] from: &str,
    #[case] to: &str,
    #[case] code: Code,
    #[case] path: &str,
    #[case] line: usize,
) {
    let error = read(&changed(from, to)).unwrap_err();
    assert_eq!(
        (error.code(), error.place().path.as_str()),
        (code, path),
        "{error}"
    );
    assert_eq!(error.place().line, Some(line), "{error}");
    assert!(error.place().column.is_some());
}

#[rstest]
#[case(
    "enc2: {dhcp4: true, ",
    "enc2: {dhcp4: true, dhcp6: true, ",
    "unknown key"
)]
#[case("version: 2", "version: 1", "version 2 only")]
#[case(
    "gateway4: 192.0.2.1",
    "gateway4: 198.51.100.1",
    "none of the networks"
)]
#[case("via: 10.9.9.9", "via: 11.9.9.9", "none of the networks")]
#[case("version: 2", "versoin: 2", "did you mean `version`?")]
fn what_may_be_a_mistake_is_warned_of(#[case] from: &str, #[case] to: &str, #[case] words: &str) {
    let found = read(&changed(from, to)).unwrap().warnings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().contains(words), "{}", found[0]);
    assert!(found[0].place().line.is_some());
}

#[test]
fn other_files_are_refused() {
    for (text, code) in [
        ("", Code::ContractNotYaml),
        ("network: [", Code::ContractNotYaml),
        ("[]", Code::ValueInvalid),
        ("network: {ethernets: {}}", Code::ValueInvalid),
        ("network: {ethernets: [enc1]}", Code::ValueInvalid),
        ("network: {ethernets: {enc1: }}", Code::ValueInvalid),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.place().path.starts_with(NAME), "{text}: {error}");
    }
    let error = NetworkConfig::parse(&[0xff], &Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::ContractNotYaml);
    let long = vec![b'#'; Limits::default().section_bytes + 1];
    let error = NetworkConfig::parse(&long, &Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::ContractTooLarge);
}

#[test]
fn networks_hold_their_addresses() {
    let of = |text: &str| Cidr::parse(text).unwrap();
    for (network, address, inside) in [
        ("192.0.2.10/24", "192.0.2.255", true),
        ("192.0.2.10/24", "192.0.3.0", false),
        ("0.0.0.0/0", "255.255.255.255", true),
        ("192.0.2.1/32", "192.0.2.1", true),
        ("192.0.2.1/32", "192.0.2.0", false),
    ] {
        let address: Ipv4Addr = address.parse().unwrap();
        assert_eq!(of(network).holds(address), inside, "{network} {address}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(256)))]

    #[test]
    fn any_damage_is_read_or_refused(at in any::<prop::sample::Index>(), with in "\\PC{0,4}", cut in 0usize..30) {
        let start = at.index(SAMPLE.len());
        let end = (start + cut).min(SAMPLE.len());
        drop(read(&[&SAMPLE[..start], &with, &SAMPLE[end..]].concat()));
    }
}
