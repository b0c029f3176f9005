#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# nspawn.sh TREE STATE JOB [systemd-nspawn arguments]: boots TREE with systemd as process 1 and runs JOB, a bash script,
# when it is up; prints what JOB prints and ends with its status (125: it did not end).  What the system writes goes
# to the directory STATE: the next call with the same STATE is a reboot.  Ends after $SC_BOOT_TIMEOUT seconds (180).
#
# No systemd is needed on this side: systemd-nspawn is told not to register, and gets a cgroup2 hierarchy of its own mount
# namespace, below a group made for it.
set -eu
[ $# -ge 3 ] || { echo "usage: nspawn.sh TREE STATE JOB [ARGUMENT...]" >&2; exit 2; }
if [ -z "${SC_IN_NAMESPACE:-}" ]; then
  SC_IN_NAMESPACE=1 exec unshare --mount --propagation private -- "$0" "$@"
fi
tree=$(realpath "$1") state=$(realpath "$2") job=$(realpath "$3")
shift 3

work=$(mktemp -d "${TMPDIR:-/tmp}/atomic-boot.XXXXXX")
group=/sys/fs/cgroup/atomic-boot.$$
reader=
cleanup() {
  local status=$?
  trap - EXIT
  [ -z "$reader" ] || kill "$reader" 2> /dev/null || :
  ! mountpoint -q "$work/root" || umount -R "$work/root"
  if mountpoint -q "$work/upper"; then
    tar -C "$work/upper" --xattrs --xattrs-include='*' -cf "$state/archive.tar" . || status=125
    umount "$work/upper"
  fi
  if [ -d "$group" ]; then
    echo $$ > /sys/fs/cgroup/cgroup.procs || :
    find "$group" -depth -type d -exec rmdir {} \; 2> /dev/null || :
  fi
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mkdir "$group"
echo $$ > "$group/cgroup.procs"

# An overlay cannot be the upper layer of an overlay: where the state is on one, as in a container, it is kept as an
# archive between the boots and unpacked in memory for a boot.
mkdir -p "$work/root" "$work/io" "$work/upper"
upper=$state
if [ "$(stat -f -c %T "$state")" = overlayfs ]; then
  upper=$work/upper
  mount -t tmpfs atomic-boot "$upper"
  [ ! -e "$state/archive.tar" ] || tar -C "$upper" --xattrs --xattrs-include='*' -xf "$state/archive.tar"
fi
mkdir -p "$upper/files" "$upper/work"
root=$work/root
mount -t overlay atomic-boot -o "lowerdir=$tree,upperdir=$upper/files,workdir=$upper/work" "$root"
[ -s "$root/etc/machine-id" ] || tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"

cp "$job" "$work/io/job"
mkfifo "$work/io/out"
cat > "$work/io/start" <<'END'
#!/bin/bash
systemctl is-system-running --wait > /dev/null
bash /io/job > /io/out 2>&1 < /dev/null
echo $? > /io/status
systemctl poweroff
END
chmod 755 "$work/io/start"
mkdir -p "$root/io" "$root/etc/systemd/system/multi-user.target.wants"
cat > "$root/etc/systemd/system/atomic-test-job.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=exec
ExecStart=/io/start
END
ln -sf ../atomic-test-job.service "$root/etc/systemd/system/multi-user.target.wants/"

cat "$work/io/out" &
reader=$!
SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout -k 5 "${SC_BOOT_TIMEOUT:-180}" \
  systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --capability=all --console=pipe \
  -D "$root" --bind="$work/io:/io" "$@" < /dev/null > "$work/console" 2>&1 || :
if [ -s "$work/io/status" ]; then
  wait "$reader" || :
  reader=
  exit "$(cat "$work/io/status")"
fi
echo "the booted system gave no result; its console ends:" >&2
tail -n 20 "$work/console" >&2
exit 125
