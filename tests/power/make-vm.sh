#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make-vm.sh: makes what tests/power/vm.sh boots, and prints the directory: vmlinuz (Debian's kernel for clouds), initrd.img (which
# loads virtio_blk and mounts the disk) and root.img (ext4 with the tree of tests/booted/make-tree.sh and an agent that runs
# jobs).  It is kept below $SC_CACHE.
set -eu
here=$(dirname "$(realpath "$0")")
tree=$("$here/../booted/make-tree.sh")
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "make-vm.sh: apt knows of no kernel; apt-get update may help" >&2; exit 1; }

cache=$(dirname "$tree")
name=vm-$(echo "$kernel $tree $(cat "$0")" | sha256sum | cut -c1-12)
exec 9> "$cache/lock"
flock 9
if [ -d "$cache/$name" ]; then
  touch "$cache/$name"
  echo "$cache/$name"
  exit 0
fi
find "$cache" -maxdepth 1 -name 'vm-*' -mtime +7 -exec rm -rf --one-file-system {} +
work=$cache/vm-part
rm -rf --one-file-system "$work"
mkdir -p "$work/package" "$work/vm"
trap 'rm -rf --one-file-system "$work"' EXIT

for pause in 5 15 0; do
  if (cd "$work/package" && apt-get download -q "$kernel" > "$work/log" 2>&1); then break; fi
  sleep "$pause"
done
dpkg-deb -x "$work/package/"*.deb "$work/kernel" || { tail -n 20 "$work/log" >&2; exit 1; }
cp "$work/kernel/boot"/vmlinuz-* "$work/vm/vmlinuz"

mkdir -p "$work/initrd"/{bin,modules,dev,root}
cp /bin/busybox "$work/initrd/bin/busybox"
drivers=$(echo "$work/kernel/lib/modules"/*/kernel/drivers)
order=0 # in which they depend on each other
for module in virtio/virtio_ring virtio/virtio virtio/virtio_pci_legacy_dev virtio/virtio_pci_modern_dev virtio/virtio_pci \
  block/virtio_blk; do
  order=$((order + 1))
  cp "$drivers/$module.ko" "$work/initrd/modules/$order.ko"
done
# Nothing may reach the disk that the program did not ask for: what it forgets to flush must be lost in a cut.
cat > "$work/initrd/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod $module; done
until [ -b /dev/vda ]; do /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 -o rw,commit=600,noauto_da_alloc /dev/vda /root || exec /bin/busybox poweroff -f
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
END
chmod 755 "$work/initrd/init"
(cd "$work/initrd" && find . | cpio -o -H newc --quiet) | gzip -1 > "$work/vm/initrd.img"

root=$work/root
cp -a "$tree" "$root"
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system/"{multi-user,sysinit}.target.wants
printf '[Journal]\nStorage=volatile\n' > "$root/etc/systemd/journald.conf.d/volatile.conf"
printf 'vm.dirty_writeback_centisecs = 0\nvm.dirty_expire_centisecs = 360000\n' > "$root/etc/sysctl.d/power.conf"
echo power > "$root/etc/hostname"
: > "$root/etc/fstab"
tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
for unit in getty@tty1.service serial-getty@ttyS0.service systemd-update-utmp-runlevel.service e2scrub_reap.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# ttyS1 takes what the job prints, then a last line "@@RC=STATUS@@".
cat > "$root/usr/local/sbin/power-agent" <<'END'
#!/bin/bash
stty -F /dev/ttyS1 raw -echo
mkdir -p /run/job
cd /run/job
tar -xf /dev/vdb
status=0
bash ./job > /dev/ttyS1 2>&1 < /dev/null || status=$?
printf '\n@@RC=%d@@\n' "$status" > /dev/ttyS1
stty -F /dev/ttyS1 raw
sync
systemctl poweroff --force --force
END
chmod 755 "$root/usr/local/sbin/power-agent"
cat > "$root/etc/systemd/system/power-agent.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=exec
ExecStart=/usr/local/sbin/power-agent
END
ln -s ../power-agent.service "$root/etc/systemd/system/multi-user.target.wants/"
cat > "$root/etc/systemd/system/power-early.service" <<'END'
[Unit]
DefaultDependencies=no
Before=atomic-recover.service sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo @@EARLY@@ > /dev/ttyS1'
END
ln -s ../power-early.service "$root/etc/systemd/system/sysinit.target.wants/"
truncate -s 1500M "$work/vm/root.img"
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 -L root -d "$root" "$work/vm/root.img"
mv "$work/vm" "$cache/$name"
echo "$cache/$name"
