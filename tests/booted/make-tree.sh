#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# make-tree.sh: makes a Debian tree that systemd-nspawn can boot, with runc, crun and the libraries that the program
# is linked with, and prints its path.  It is kept below $SC_CACHE and made anew when the list of packages changes.
set -eu
packages=systemd,systemd-sysv,dbus,runc,crun,busybox-static,ca-certificates,util-linux,procps,libostree-1-1,libcurl4
packages=$packages,libarchive13,libjson-glib-1.0-0,libisal2,libzstd1,libyaml-0-2,libssl3,libasan8,libubsan1

cache=${SC_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/atomic-tests}
name=tree-$(sha256sum <<< "$packages $(cat "$0")" | cut -c1-12)
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9 # two scripts may ask at the same time
if [ ! -d "$cache/$name" ]; then
  find "$cache" -maxdepth 1 -name 'tree-*' -mtime +7 -exec rm -rf --one-file-system {} +
  rm -rf --one-file-system "$cache/tree-part"
  for pause in 5 15 0; do
    if mmdebstrap --variant=minbase --mode=root --include="$packages" \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$cache/tree-part" > "$cache/log" 2>&1 9>&-; then
      break
    fi
    rm -rf --one-file-system "$cache/tree-part"
    sleep "$pause"
  done
  [ -d "$cache/tree-part" ] || { tail -n 20 "$cache/log" >&2; exit 1; }
  : > "$cache/tree-part/etc/machine-id"
  mv "$cache/tree-part" "$cache/$name"
fi
touch "$cache/$name"
echo "$cache/$name"
