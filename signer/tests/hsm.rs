//! The software HSM of the devkit, on a runtime of its own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use bakehouse_devkit::certs::{self, ServerNames};
use bakehouse_devkit::hsm::{Config, MasterKey, SoftHsm, Tls};
use tokio::runtime::Runtime;

pub(crate) struct Hsm {
    running: SoftHsm,
    // After the server: its tasks live on it.
    _runtime: Runtime,
}

impl Hsm {
    /// Makes certificates in `dir` and starts an HSM with them.
    pub(crate) fn start(dir: &Path) -> Self {
        let names = ServerNames::like_deployed(&[IpAddr::V4(Ipv4Addr::LOCALHOST)], 9876);
        certs::write_all(dir, &names).unwrap();
        Self::start_another(dir)
    }

    /// Starts one more HSM of the same domain: same master key, same certificates.
    pub(crate) fn start_another(dir: &Path) -> Self {
        let master = MasterKey::load_or_create(&dir.join("master.key")).unwrap();
        Self::start_with(dir, master)
    }

    /// Starts an HSM of another domain: it refuses every blob of this one.
    pub(crate) fn start_foreign(dir: &Path) -> Self {
        Self::start_with(dir, MasterKey::random().unwrap())
    }

    fn start_with(dir: &Path, master: MasterKey) -> Self {
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        let tls = Tls {
            certificate: read("server.pem"),
            key: read("server.key"),
            client_ca: read("ca.pem"),
        };
        let mut config = Config::for_tests(tls).unwrap();
        config.master = master;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let running = runtime.block_on(SoftHsm::start(config)).unwrap();
        Self {
            running,
            _runtime: runtime,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// The digests that were signed, in order.
    pub(crate) fn signed_digests(&self) -> Vec<String> {
        let calls = self.running.journal();
        calls
            .into_iter()
            .filter(|call| call.rpc == "SignSingle" && call.result == "ok")
            .map(|call| call.data)
            .collect()
    }

    /// How many signatures were refused.
    pub(crate) fn refusals(&self) -> usize {
        let calls = self.running.journal();
        let refused = |call: &&_| -> bool {
            let call: &bakehouse_devkit::hsm::JournalEntry = call;
            call.rpc == "SignSingle" && call.result != "ok"
        };
        calls.iter().filter(refused).count()
    }
}
