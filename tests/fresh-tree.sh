#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# fresh-tree.sh [COMMAND...]: in a Debian 12 tree made for this, with nothing but make, git and ca-certificates, runs "make
# demo" and "make check", or COMMAND, in a copy of the last commit (WORKTREE=1: of the files as they are now).  By hand, as root;
# takes some minutes and the network for packages.  KEEP=dir: makes the tree there, or uses it again, and keeps it.
set -eu
source=$(realpath "$(dirname "$0")/..")
if [ -z "${SC_IN_NAMESPACE:-}" ]; then
  SC_IN_NAMESPACE=1 exec unshare --mount --propagation private -- "$0" "$@"
fi
unset SC_IN_NAMESPACE
work=$(mktemp -d "${TMPDIR:-/var/tmp}/atomic-fresh.XXXXXX")
tree=${KEEP:-$work/tree}
cleanup() {
  local status=$? dir
  trap - EXIT
  for dir in dev sys proc run; do ! mountpoint -q "$tree/$dir" || umount -R "$tree/$dir"; done
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -d "$tree/usr" ]; then
  mmdebstrap --variant=minbase --mode=root --include=make,git,ca-certificates bookworm "$tree"
fi
# Packages come the way that they do on this machine.
for file in $(grep -ls '^Acquire' /etc/apt/apt.conf.d/*); do cp "$file" "$tree/etc/apt/apt.conf.d/"; done
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
rm -rf "$tree/root/atomic"
mkdir -p "$tree/root/atomic"
if [ -n "${WORKTREE:-}" ]; then
  (cd "$source" && git ls-files -co --exclude-standard -z | xargs -0 -r ls -d 2> /dev/null | tar -cf - -T -) |
    tar -C "$tree/root/atomic" -xf -
  git -C "$tree/root/atomic" init -q
else
  git clone -q "$source" "$work/clone"
  cp -r "$work/clone/." "$tree/root/atomic"
fi
if [ -d "$source/../shared/samples" ]; then
  mkdir -p "$tree/root/shared"
  cp -r "$source/../shared/samples" "$tree/root/shared/"
fi

for dir in dev sys proc; do mount --rbind "/$dir" "$tree/$dir"; done
mount -t tmpfs run "$tree/run"
[ $# -gt 0 ] || set -- sh -ec 'make demo; make check'
status=0
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 CI="${CI:-}" \
  chroot "$tree" sh -c 'cd /root/atomic && exec "$@"' - "$@" || status=$?
echo "fresh-tree: '$*' ended with status $status"
exit "$status"
