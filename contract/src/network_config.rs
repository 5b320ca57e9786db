//! `network-config`, the file beside the contract that says which addresses a guest has.
//!
//! It is netplan's format, of which IBM's guests take a small part: interfaces of s390x by their kernel names, and for each
//! either DHCP or static IPv4 addresses. It holds no secret, yet the host chooses its bytes: it is read within the same
//! limits as a contract, and what is wrong is said with a place and without a value. A key that IBM's schema leaves open
//! is warned of; a value that the schema lets through and nothing could use is refused.

use std::net::Ipv4Addr;

use crate::error::{Code, ContractError, Warning};
use crate::limits::Limits;
use crate::node::{Entry, Node, Origin};
use crate::reader::View;

/// The name by which complaints call the file.
const NAME: &str = "network-config";
const DOMAIN: &str = "a domain";
const IPV4: &str = "an IPv4 address";
const CIDR: &str = "an IPv4 address and the bits of its network, such as 192.0.2.7/24";
/// Keys of an interface that exclude DHCP.
const STATIC: [&str; 4] = ["addresses", "gateway4", "routes", "nameservers"];

/// What the guest's interfaces are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    /// At least one, in the order of the file.
    pub interfaces: Vec<Interface>,
    /// What is probably a mistake.
    pub warnings: Vec<Warning>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// `enc` and a number, as the kernel names it after its device.
    pub name: String,
    /// Bytes of the largest packet, 68 to 65535; the interface's own if it is not given.
    pub mtu: Option<u16>,
    /// Where its addresses come from.
    pub ipv4: Ipv4,
}

/// Where the addresses of an interface come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ipv4 {
    /// A DHCP server.
    Dhcp,
    /// The file.
    Static(StaticIpv4),
}

/// Addresses and what goes with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticIpv4 {
    /// At least one, each once.
    pub addresses: Vec<Cidr>,
    /// Default gateway.
    pub gateway4: Option<Ipv4Addr>,
    /// Further routes.
    pub routes: Vec<Route>,
    /// Who resolves names.
    pub nameservers: Nameservers,
}

/// An address and the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of the prefix, 0 to 32.
    pub prefix: u8,
}

/// A route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Destination; `default` is 0.0.0.0/0.
    pub to: Cidr,
    /// Gateway.
    pub via: Ipv4Addr,
}

/// Name servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nameservers {
    /// Their addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// Domains that short names are looked up in.
    pub search: Vec<String>,
}

// === impl NetworkConfig ===

impl NetworkConfig {
    /// Reads the file.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ContractError> {
        let origin = Origin::File(NAME);
        limits.check_section(bytes.len(), NAME)?;
        let text = std::str::from_utf8(bytes).map_err(|_| {
            let place = crate::error::Place::path(NAME);
            ContractError::new(Code::ContractNotYaml, place, "is not UTF-8 text")
        })?;
        let tree = Node::parse(text, limits, origin)?;
        let mut warnings = Vec::new();
        let root = View::new(&tree, NAME, origin);
        root.entries()?;
        root.mostly(&["network"], &mut warnings);
        let network = root.required("network")?;
        network.entries()?;
        network.mostly(&["version", "ethernets"], &mut warnings);
        if let Some(version) = network.optional("version")
            && version.number(0..=u64::MAX)? != 2
        {
            warnings.push(version.warning("netplan has version 2 only"));
        }
        let ethernets = network.required("ethernets")?;
        let mut interfaces = Vec::new();
        for (entry, view) in ethernets.entries()?.iter().zip(ethernets.children()) {
            interfaces.push(interface(&ethernets, entry, &view, &mut warnings)?);
        }
        if interfaces.is_empty() {
            return Err(ethernets.must_be("a mapping of at least one interface"));
        }
        Ok(Self {
            interfaces,
            warnings,
        })
    }
}

// === impl Cidr ===

impl Cidr {
    /// Every address there is.
    const ALL: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        prefix: 0,
    };

    /// Whether an address belongs to the network of this one.
    pub fn holds(&self, other: Ipv4Addr) -> bool {
        let host_bits = 32_u32.saturating_sub(u32::from(self.prefix));
        let network = |address: Ipv4Addr| u64::from(address.to_bits()) >> host_bits;
        network(self.address) == network(other)
    }

    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let canonical = prefix.len() == 1 || !prefix.starts_with('0');
        let prefix = crate::reader::decimal(prefix).filter(|bits| canonical && *bits <= 32)?;
        Some(Self {
            address: address.parse().ok()?,
            prefix: u8::try_from(prefix).ok()?,
        })
    }
}

fn interface(
    ethernets: &View<'_>,
    entry: &Entry,
    view: &View<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Interface, ContractError> {
    let name = entry.key.expose();
    let number = name.strip_prefix("enc").unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) || name.len() > 15 {
        return Err(ContractError::new(
            Code::ValueInvalid,
            ethernets.entry_place(entry),
            "must be the name of an interface: enc and a number, such as enc1",
        ));
    }
    view.entries()?;
    view.mostly(
        &[
            "dhcp4",
            "mtu",
            "addresses",
            "gateway4",
            "routes",
            "nameservers",
        ],
        warnings,
    );
    let mtu = view
        .optional("mtu")
        .map(|mtu| mtu.number(68..=65_535))
        .transpose()?;
    let ipv4 = if view.required("dhcp4")?.boolean()? {
        for key in STATIC {
            if let Some(place) = view.key_place(key) {
                let message = format!("`{key}` can't be here while dhcp4 is true");
                return Err(ContractError::new(Code::ValueInvalid, place, message));
            }
        }
        Ipv4::Dhcp
    } else {
        Ipv4::Static(fixed(view, warnings)?)
    };
    Ok(Interface {
        name: name.clone(),
        mtu: mtu.and_then(|mtu| u16::try_from(mtu).ok()),
        ipv4,
    })
}

fn fixed(view: &View<'_>, warnings: &mut Vec<Warning>) -> Result<StaticIpv4, ContractError> {
    let mut addresses: Vec<Cidr> = Vec::new();
    for item in view.required("addresses")?.items(1..=64)? {
        let address = item.parse(CIDR, Cidr::parse)?;
        if addresses.contains(&address) {
            return Err(item.must_be("an address that is not in the list already"));
        }
        addresses.push(address);
    }
    let gateway4 = view
        .optional("gateway4")
        .map(|gateway| reachable(&gateway, &addresses, warnings))
        .transpose()?;
    let routes = view
        .optional("routes")
        .map_or(Ok(Vec::new()), |list| list.items(0..=256))?;
    Ok(StaticIpv4 {
        gateway4,
        routes: routes
            .iter()
            .map(|item| route(item, &addresses, warnings))
            .collect::<Result<_, _>>()?,
        nameservers: view
            .optional("nameservers")
            .map(|view| nameservers(&view, warnings))
            .transpose()?
            .unwrap_or_default(),
        addresses,
    })
}

fn route(
    view: &View<'_>,
    addresses: &[Cidr],
    warnings: &mut Vec<Warning>,
) -> Result<Route, ContractError> {
    view.entries()?;
    view.mostly(&["to", "via"], warnings);
    let to =
        view.required("to")?.parse(
            "a network, such as 192.0.2.0/24, or default",
            |text| match text {
                "default" => Some(Cidr::ALL),
                text => Cidr::parse(text),
            },
        )?;
    Ok(Route {
        to,
        via: reachable(&view.required("via")?, addresses, warnings)?,
    })
}

/// A gateway, which should be on a network of the interface.
fn reachable(
    view: &View<'_>,
    addresses: &[Cidr],
    warnings: &mut Vec<Warning>,
) -> Result<Ipv4Addr, ContractError> {
    let gateway: Ipv4Addr = view.parse(IPV4, |text| text.parse().ok())?;
    if !addresses.iter().any(|own| own.holds(gateway)) {
        warnings.push(view.warning("is on none of the networks of this interface's addresses"));
    }
    Ok(gateway)
}

fn nameservers(view: &View<'_>, warnings: &mut Vec<Warning>) -> Result<Nameservers, ContractError> {
    view.entries()?;
    view.mostly(&["addresses", "search"], warnings);
    let search = view
        .optional("search")
        .map_or(Ok(Vec::new()), |list| list.items(0..=16))?;
    Ok(Nameservers {
        addresses: view
            .required("addresses")?
            .items(0..=16)?
            .iter()
            .map(|item| item.parse(IPV4, |text| text.parse().ok()))
            .collect::<Result<_, _>>()?,
        search: search
            .iter()
            .map(|item| {
                let domain = crate::sections::host_name(item.string(DOMAIN)?);
                domain.ok_or_else(|| item.must_be(DOMAIN))
            })
            .collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests;
