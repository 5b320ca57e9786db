# What the scripts share. Sourced, not run.

note() { printf '== %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Installs Debian packages that are missing; says which, and what to do without root.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] && [ "$(awk '{print $2}' /proc/self/uid_map | head -n 1)" = 0 ] ||
    fail "these Debian packages are missing: ${missing[*]}; install them as root and run this again"
  note "Installing ${missing[*]}"
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --no-remove "${missing[@]}" >/dev/null
}

# cargo and rustc 1.95 or newer; rustup's are taken where they are installed.
need_rust() {
  [ ! -f "$HOME/.cargo/env" ] || . "$HOME/.cargo/env"
  command -v cargo >/dev/null ||
    fail "cargo is missing; install Rust 1.95 or newer with rustup and run this again"
  local minor
  minor=$(rustc --version | cut -d. -f2)
  [ "$minor" -ge 95 ] || fail "$(rustc --version) is too old; this needs 1.95 or newer (rustup update)"
}

# The mirror that this machine's own apt uses.
debian_mirror() {
  local mirror
  mirror=$({ cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | awk '/^URIs:/ {print $2; exit}'
    awk '/^deb / {for (i = 2; i <= NF; i++) if ($i ~ /debian/ && $i ~ /:\/\//) {print $i; exit}}' /etc/apt/sources.list 2>/dev/null; } | head -n 1)
  [ -n "$mirror" ] || fail "no Debian mirror in this machine's apt sources"
  printf '%s' "$mirror"
}
