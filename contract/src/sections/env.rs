//! Our part of `env`: where state lies, how the HSM is reached, what else may be reached, which powers are waived,
//! and the serial of the contract.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::values;
use crate::envelope::SERIALS;
use crate::error::{Code, ContractError};
use crate::reader::{View, alternatives};
use crate::settings::{Egress, Endpoint, Grep11Credentials, Grep11Settings, Powers, StateSettings};

/// What is read from `env` alone.
pub(super) struct Env {
    pub(super) state: StateSettings,
    pub(super) grep11: Grep11Settings,
    pub(super) egress: Egress,
    pub(super) powers: Powers,
    pub(super) serial: Option<u64>,
}

/// The powers that a guest can do without, at its operator's risk, sorted.
const POWERS: [&str; 2] = ["firewall", "state"];
/// Those that no guest runs without, so that to waive them would be a promise nobody keeps.
const NEVER_WAIVED: [&str; 2] = ["credentials", "uids"];
const CERTIFICATE: &str = "one or more PEM certificates, or base64 of them";
const PRIVATE_KEY: &str = "an unencrypted PEM private key, or base64 of one";
const HOST_PORT: &str = "host:port, where an IPv6 address stands in brackets";
const SHA256: &str = "a SHA-256: 64 hexadecimal digits";

pub(super) fn read(ours: &View<'_>) -> Result<Env, ContractError> {
    Ok(Env {
        state: state(&ours.required("state")?)?,
        grep11: grep11(&ours.required("grep11")?)?,
        egress: ours
            .optional("egress")
            .map(|view| egress(&view))
            .transpose()?
            .unwrap_or_default(),
        powers: ours
            .optional("powers")
            .map(|view| powers(&view))
            .transpose()?
            .unwrap_or_default(),
        serial: ours
            .optional("serial")
            .map(|serial| serial.number(SERIALS))
            .transpose()?,
    })
}

fn state(view: &View<'_>) -> Result<StateSettings, ContractError> {
    view.only(&["path"])?;
    let expected =
        "an absolute path of letters, digits, '.', '_' and '-', without '.' or '..' as a part";
    Ok(StateSettings {
        path: view.required("path")?.parse(expected, values::clean_path)?,
    })
}

fn grep11(view: &View<'_>) -> Result<Grep11Settings, ContractError> {
    view.only(&["endpoints", "credentials"])?;
    let mut seen = BTreeSet::new();
    let mut endpoints = Vec::new();
    for item in view.required("endpoints")?.items(1..=16)? {
        let endpoint = endpoint(&item)?;
        if !seen.insert((endpoint.host.clone(), endpoint.port)) {
            return Err(item.must_be("an endpoint that is not in the list already"));
        }
        endpoints.push(endpoint);
    }
    Ok(Grep11Settings {
        endpoints,
        credentials: credentials(&view.required("credentials")?)?,
    })
}

fn endpoint(view: &View<'_>) -> Result<Endpoint, ContractError> {
    view.only(&["address", "server_name", "pin_sha256"])?;
    let (host, port) = view
        .required("address")?
        .parse(HOST_PORT, values::host_port)?;
    let server_name = view
        .optional("server_name")
        .map(|view| view.parse("a host name or an IP address", values::host))
        .transpose()?;
    let pin_sha256 = view
        .optional("pin_sha256")
        .map(|view| view.parse(SHA256, values::sha256))
        .transpose()?;
    Ok(Endpoint {
        host,
        port,
        server_name,
        pin_sha256,
    })
}

fn credentials(view: &View<'_>) -> Result<Grep11Credentials, ContractError> {
    view.only(&["ca", "certificate", "key"])?;
    let certificates = |key| -> Result<String, ContractError> {
        Ok(view
            .required(key)?
            .pem(&["CERTIFICATE"], CERTIFICATE)?
            .expose()
            .clone())
    };
    Ok(Grep11Credentials {
        ca: certificates("ca")?,
        certificate: certificates("certificate")?,
        key: view.required("key")?.pem(
            &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"],
            PRIVATE_KEY,
        )?,
    })
}

fn egress(view: &View<'_>) -> Result<Egress, ContractError> {
    view.only(&["dns", "ntp", "logs"])?;
    let each = |key| {
        view.optional(key)
            .map_or(Ok(Vec::new()), |list| list.items(0..=16))
    };
    let addresses = |key| -> Result<Vec<IpAddr>, ContractError> {
        each(key)?
            .iter()
            .map(|item| item.parse("an IP address", values::ip))
            .collect()
    };
    Ok(Egress {
        dns: addresses("dns")?,
        ntp: addresses("ntp")?,
        logs: each("logs")?
            .iter()
            .map(|item| item.parse(HOST_PORT, values::host_port))
            .collect::<Result<_, _>>()?,
    })
}

fn powers(view: &View<'_>) -> Result<Powers, ContractError> {
    for power in NEVER_WAIVED {
        if let Some(waiver) = view.optional(power) {
            return Err(waiver.error(
                Code::ValueInvalid,
                format!(
                    "this power can't be waived: only {} can",
                    alternatives(&POWERS)
                ),
            ));
        }
    }
    view.only(&POWERS)?;
    let mut delegated = Vec::new();
    for power in POWERS {
        if let Some(waiver) = view.optional(power) {
            waiver.choice(&[("delegated", ())])?;
            delegated.push(power.to_owned());
        }
    }
    Ok(Powers { delegated })
}
