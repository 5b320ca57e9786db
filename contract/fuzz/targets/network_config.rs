//! Any bytes as network-config: read or refused.

#![no_main]

use bakehouse_contract::Limits;
use bakehouse_contract::network_config::{Ipv4, NetworkConfig};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(config) = NetworkConfig::parse(bytes, &Limits::default()) else {
        return;
    };
    assert!(!config.interfaces.is_empty());
    for interface in config.interfaces {
        if let Ipv4::Static(fixed) = interface.ipv4 {
            assert!(
                fixed
                    .addresses
                    .iter()
                    .all(|it| it.prefix <= 32 && it.holds(it.address))
            );
        }
    }
});
