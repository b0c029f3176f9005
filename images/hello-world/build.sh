#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# build.sh OUTDIR: the hello-world system image as an OCI layout, tag "latest".  Needs umoci and
# busybox-static; no network, no daemon, no mounts.  The same inputs give the same digests.
set -eu
[ $# = 1 ] || { echo "usage: build.sh OUTDIR" >&2; exit 2; }
out=$1
here=$(dirname "$(realpath "$0")")
busybox=$(command -v busybox) || { echo "build.sh: busybox-static is not installed" >&2; exit 1; }
[ ! -e "$out" ] || { echo "build.sh: $out exists already" >&2; exit 1; }

epoch=${SOURCE_DATE_EPOCH:-1700000000}
date=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
umask 022

# umoci's "insert" leaves the archive without its end, so the layer is made with "unpack" and "repack".
image=$work/image:latest
umoci init --layout "$work/image"
umoci new --image "$image"
umoci unpack --image "$image" "$work/bundle"

root=$work/bundle/rootfs
mkdir -p "$root/bin" "$root/usr/bin" "$root/srv/cgi-bin" "$root/exports" "$root/dev" "$root/proc" "$root/sys" \
  "$root/tmp" "$root/run" "$root/etc"
install -m 755 "$busybox" "$root/bin/busybox"
for applet in cat echo env false id ls ps sh sleep true wget; do
  ln -s busybox "$root/bin/$applet"
done
printf '%s\n' root:x:0:0:root:/:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false > "$root/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:65534: > "$root/etc/group"
install -m 755 "$here/files/greeter" "$root/usr/bin/greeter"
install -m 755 "$here/files/index.cgi" "$root/srv/cgi-bin/index.cgi"
install -m 644 "$here"/exports/* "$root/exports/"
find "$root" -exec touch -h -d "@$epoch" {} +

umoci repack --image "$image" --history.created "$date" --history.created_by images/hello-world/build.sh "$work/bundle"
umoci config --image "$image" --created "$date" --history.created "$date" --author atomic \
  --config.entrypoint /usr/bin/greeter --config.env PATH=/usr/bin:/bin --config.env PORT=8081 \
  --config.env RECEIVER=World --config.user 65534:65534 --config.workingdir / \
  --config.label atomic.type=system --config.label atomic.summary="An HTTP greeter" \
  --config.label atomic.version=1 --config.label atomic.release=1 --config.label atomic.license=LGPL-2.1-or-later
umoci gc --layout "$work/image"
mkdir -p "$(dirname "$out")"
cp -r "$work/image" "$out"
