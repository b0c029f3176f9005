#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# vm.sh VM DISK JOB-DIRECTORY OUT: boots a machine from DISK, a copy of VM/root.img that is written to, and runs JOB-DIRECTORY/job in
# it; OUT gets what that prints.  Exit status: the job's; 137 if the power was cut; 124 if it took too long; 125: no result.
#
#  CUT_AT=REGEX   cuts the power CUT seconds (0) after a line of OUT matches
#  TIMEOUT=300    seconds
#  ACCEL=kvm      instead of emulation; where there is a /dev/kvm it need not work
#
# The disk has a write cache, in nbdkit, which is lost in a cut: only what the system has flushed is still there.  It is a
# virtio disk since qemu's NVMe ones acknowledge forced writes that are not.
set -eu
[ $# = 4 ] || { echo "usage: vm.sh VM DISK JOB-DIRECTORY OUT" >&2; exit 2; }
vm=$1 disk=$2 job=$3 out=$4
end=$((SECONDS + ${TIMEOUT:-300}))
work=$(mktemp -d "${TMPDIR:-/tmp}/atomic-vm.XXXXXX")
qemu='' nbd=''
cleanup() {
  local status=$?
  trap - EXIT
  for pid in $qemu $nbd; do kill -9 "$pid" 2> /dev/null || :; done
  for pid in $qemu $nbd; do wait "$pid" 2> /dev/null || :; done
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

tar -C "$job" -cf "$work/job.tar" .
truncate -s %1M "$work/job.tar"
# What the cache writes back need not be safe from a cut of this machine's own power.
nbdkit -f -U "$work/nbd" --filter=cache --filter=fua file "$disk" cache=writeback fuamode=discard 2> "$work/nbd.err" &
nbd=$!
until [ -S "$work/nbd" ]; do
  kill -0 "$nbd" 2> /dev/null || { cat "$work/nbd.err" >&2; exit 125; }
  sleep 0.05
done
: > "$out"
qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=multi,tb-size=512}" -machine q35 -cpu max -smp 2 -m 1024 \
  -nodefaults -no-user-config -display none -no-reboot -kernel "$vm/vmlinuz" -initrd "$vm/initrd.img" \
  -append "console=ttyS0 quiet systemd.show_status=no mitigations=off panic=-1" \
  -blockdev "driver=nbd,server.type=unix,server.path=$work/nbd,node-name=disk" -device virtio-blk-pci,drive=disk,write-cache=on \
  -blockdev "driver=raw,read-only=on,file.driver=file,file.filename=$work/job.tar,node-name=job" -device virtio-blk-pci,drive=job \
  -serial "file:$work/console" -chardev "file,id=out,path=$out" -device isa-serial,chardev=out \
  < /dev/null > "$work/qemu.err" 2>&1 &
qemu=$!

while kill -0 "$qemu" 2> /dev/null; do
  [ "$SECONDS" -lt "$end" ] || { echo "vm.sh: not finished in time; the console ends:"; tail -n 5 "$work/console"; exit 124; } >&2
  if [ -n "${CUT_AT:-}" ] && grep -aqE "$CUT_AT" "$out"; then
    sleep "${CUT:-0}"
    ! grep -aq '^@@RC=' "$out" || break
    kill -9 "$qemu" "$nbd" 2> /dev/null || :
    exit 137
  fi
  sleep 0.1
done
status=$(sed -n 's/^@@RC=\([0-9]*\)@@.*/\1/p' "$out" | tail -n 1)
[ -n "$status" ] || { tail -n 5 "$work/qemu.err" "$work/console" >&2; exit 125; }
exit "$status"
