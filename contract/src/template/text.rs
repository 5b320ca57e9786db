//! The texts.

pub(super) const WORKLOAD: &str = r#"# The workload section: what runs, on which network, with which keys.
#
# Replace each "<to do: …>" by a value. What stands behind a # without a space is optional: take the # away, and
# below it wherever two spaces follow.
# IBM's own keys (compose, volumes, env, …) may stand beside bakehouse and keep their meaning.
# Check with: bakehouse-contract lint --workload workload.yaml --env env.yaml
type: workload
bakehouse:
  # Network, as octez-node takes it: mainnet, ghostnet, shadownet, sandbox, or the https:// address of a configuration.
  network: {network}
  # The one chain that the signer signs for.
  chain_id: {chain_id}
  node:
    # How much of the chain is kept: rolling, rolling:N, full, full:N (N cycles more) or archive.
    history_mode: rolling
    # Peers to dial, host:port. The node itself may not ask DNS: names are resolved before it starts.
    peers: ["<to do: host:9732 of a peer>"]
    # Snapshot that an empty node begins with: https:// or file:///, SHA-256 of the file, hash of the block it ends in.
    #snapshot:
    #  url: "<to do: https://…>"
    #  sha256: "<to do: SHA-256 of the file>"
    #  block: "<to do: BL…>"
    # Further arguments of octez-node run: --connections, --synchronisation-threshold, --sync-latency, --private-mode,
    # --singleprocess.
    #extra_args: ["--connections=30"]
  baker:
    # The vote that every baker must cast: on, off or pass.
    liquidity_baking_toggle_vote: pass
    # Further arguments of octez-baker run: --pre-emptive-forge-time, --remote-calls-timeout, --minimal-fees,
    # --minimal-nanotez-per-gas-unit, --minimal-nanotez-per-byte, --keep-alive.
    #extra_args: ["--minimal-fees=0.0001"]
  # DAL node: none, or outbound (it dials out only, since 9732 is the one open port).
  dal: {dal}
  # Public key hash of the delegate, for the DAL node; by default that of the manager key, else of the first consensus key.
  #delegate: "<to do: tz… of the delegate>"
  # Whether an accuser runs.
  accuser: {accuser}
  # Keys in the HSM that the signer serves, as `bakehouse-signer keys create` makes them.
  keys:
      # Alias in the baker's wallet.
    - name: baker
      # consensus (blocks and attestations), manager, or companion.
      role: consensus
      # Public key: edpk…, sppk… or p2pk….
      public_key: "<to do: public key>"
      # EP11 blob of the private key, in hexadecimal: what the .sk.hex file holds.
      blob: "<to do: contents of the .sk.hex file>"
      # Nothing at or below this level is ever signed.
      floor: 0
      # Kinds of operations that it may sign beside consensus operations, such as ballot or stake.
      policy: {operations: []}
  # What may run: SHA-256 of each file.
  executables:
{executables}  # Deadlines in seconds; they may stand in env too, where workload wins.
  #timing:
    # How long 9732 stays open when nobody re-arms it, 1 to 10.
  #  dead_man_seconds: 2
    # How long the HSM may be late.
  #  hsm_start_seconds: 600
    # How long the node may take until it is bootstrapped.
  #  node_start_seconds: 86400
    # How long a unit may take to stop before it is killed, and how long all of them together.
  #  stop_grace_seconds: 300
  #  drain_seconds: 600
"#;

pub(super) const ENV: &str = r#"# The env section: where it runs, how the HSM is reached, what else may be reached.
#
# Replace each "<to do: …>" by a value. What stands behind a # without a space is optional: take the # away, and
# below it wherever two spaces follow.
# IBM's own keys (logging, volumes, env, …) may stand beside bakehouse and keep their meaning.
# This file will hold a private key: keep it to yourself, and give guests the encrypted contract only.
type: env
bakehouse:
  # Where marks, wallet and chain lie: the path of a mounted, persistent volume.
  state: {path: /var/lib/bakehouse}
  grep11:
    # The HSM's grep11 servers; each is tried.
    endpoints:
        # host:port
      - address: "<to do: host:9876 of the grep11 server>"
        # Name to look for in the server's certificate, if it is not the host.
        #server_name: grep11.example
        # SHA-256 of the server's certificate (DER), where its names can't be checked.
        #pin_sha256: "<to do: SHA-256 of the certificate>"
    # Mutual TLS with them: PEM, or base64 of PEM.
    credentials:
      # Certificate authority of the servers.
      ca: |
        <to do: PEM certificate of the authority>
      # Our client certificate.
      certificate: |
        <to do: PEM client certificate>
      # Its private key, not encrypted.
      key: |
        <to do: PEM private key>
  # What else may be reached from the guest.
  egress:
    # DNS servers (IP addresses); needed wherever this contract names a host.
    dns: ["<to do: IP address of a DNS server>"]
    # NTP servers (IP addresses).
    #ntp: [192.0.2.123]
    # Log receivers, host:port.
    #logs: ["192.0.2.9:6514"]
  # Powers that the guest may lack, at your own risk; each one waived is announced for as long as the guest runs.
  #powers:
    # The network is locked by somebody else.
  #  firewall: delegated
    # The state's path need not be a persistent volume of its own.
  #  state: delegated
"#;
