#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# install-deps.sh SET...: installs the Debian packages that are missing for build, demo, test, power, ci or bench.
# Asks dpkg first, so that nothing is touched and no network is needed when all of them are there.
set -eu

build="gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev libjson-glib-dev libssl-dev libyaml-dev
  libcurl4-openssl-dev libarchive-dev libostree-dev libisal-dev libzstd-dev libgpgme-dev
  libselinux1-dev gpg go-md2man"
demo="runc umoci busybox-static systemd python3-minimal"
tests="python3 gpg-agent crun docker-registry skopeo ostree openssl jq dbus-daemon e2fsprogs mount procps util-linux
  systemd-container mmdebstrap strace ca-certificates git docker.io podman buildah gzip zstd attr rpm man-db"
power="qemu-system-x86 nbdkit cpio e2fsprogs busybox-static apt dpkg mmdebstrap"
ci="clang clang-format libclang-rt-14-dev"
bench="podman time"

[ $# -gt 0 ] || { echo "usage: install-deps.sh build|demo|test|power|ci|bench..." >&2; exit 2; }
packages=
for set in "$@"; do
  case $set in
  build) packages="$packages $build" ;;
  demo) packages="$packages $demo" ;;
  test) packages="$packages $tests" ;;
  power) packages="$packages $power" ;;
  ci) packages="$packages $ci" ;;
  bench) packages="$packages $bench" ;;
  *) echo "install-deps.sh: no such set: $set" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  echo "This is not Debian. Make sure that these, or what they are called here, are installed:" >&2
  echo "$packages" | fmt >&2
  exit 0
fi

missing=
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) || state=
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "Missing packages; as root: apt-get install$missing" >&2
  exit 1
fi

# The network may hiccup: try a few times.
try() {
  for pause in 2 5 10 0; do
    if "$@" > "$log" 2>&1; then return 0; fi
    sleep "$pause"
  done
  cat "$log" >&2
  return 1
}

echo "Installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
try apt-get update -q
# shellcheck disable=SC2086 # a list of words
try apt-get install -q -y --no-install-recommends $missing
