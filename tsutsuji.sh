#!/usr/bin/env bash
# The two commands of the README: `./tsutsuji.sh demo` and `./tsutsuji.sh test`. Each installs what it needs and is missing.
set -eu
cd "$(dirname "$0")"

root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Debian packages that are not here yet.
need() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "Please install with your system's package manager what Debian calls:$missing" >&2
    exit 1
  fi
  echo "Installing:$missing"
  root apt-get update -qq
  # shellcheck disable=SC2086
  root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

build_needs() {
  command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs, then run this again." >&2; exit 1; }
  need gcc libc6-dev pkg-config libwebkit2gtk-4.1-dev libxdo-dev libssl-dev fonts-noto-cjk
}

case "${1:-}" in
demo)
  shift
  build_needs
  cargo build --workspace --quiet
  exec target/debug/tsutsuji demo "$@"
  ;;
test)
  build_needs
  need xz-utils xvfb xauth chromium git dbus python3-dbusmock
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then need nodejs npm; fi
  cargo fmt --all --check
  cargo clippy --workspace --all-targets --quiet -- -D warnings
  # With the tests, so that nothing is built twice: their needs change what some crates are built with.
  cargo build --workspace --all-targets --quiet
  cargo test --workspace --quiet
  (cd tests/e2e && npm ci --silent --no-audit --no-fund && node --test --test-concurrency=1)
  ;;
*)
  echo "usage: ./tsutsuji.sh demo [--headless] [--port N] [--data DIR]   the embedded hub, sample patients, the app"
  echo "       ./tsutsuji.sh test                                       everything that CI checks"
  exit 2
  ;;
esac
