#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# kill -9, a failing disk and a full one while packages of rpm and dpkg are built, installed, replaced and removed
# (tests/kill-container.py), at some of the calls of our program and of theirs.  SC_ROUNDS=all takes many more.
. "$(dirname "$0")/../lib.sh"
need_root

a() { "$SC_ATOMIC" --root "$R" "$@"; }
DIVISOR=1
[ -z "$SC_SANITIZE" ] || DIVISOR=4
[ "${SC_ROUNDS:-}" != all ] || DIVISOR=0

/usr/bin/python3 "$SC_SOURCE/tests/package-images.py" "$T/images"
mkdir "$T/memory"
mount -t tmpfs atomic-test "$T/memory"
MOUNTS+=("$T/memory")

# at_every STEP TEXT COMMAND...: with the root as it is now
at_every() {
  local step=$(($1 * DIVISOR + 1)) text="$FAMILY: $2"
  shift 2
  cp -a "$R" "$T/memory/pristine"
  if /usr/bin/python3 "$SC_SOURCE/tests/kill-container.py" "$SC_ATOMIC" "$SC_BUILD/tests/kill-at" "$T/memory/pristine" "$T/memory/work" \
    "$step" box "$@" > "$T/log" 2>&1; then
    pass "$text: $(cat "$T/log")"
  else
    fail "$text" "$T/log"
  fi
  rm -rf "$T/memory/pristine" "$T/memory/work"
}

for FAMILY in rpm deb; do
  R=$T/memory/$FAMILY
  # dpkg removes directories of a package that are empty then, whoever made them: these are not.
  mkdir -p "$R/usr/share" "$R/etc"
  touch "$R/usr/share/theirs" "$R/etc/theirs"
  if [ $FAMILY = rpm ]; then
    rpm --root "$R" --dbpath /var/lib/rpm --initdb
  else
    mkdir -p "$R"/var/lib/dpkg/{info,updates,triggers}
    touch "$R"/var/lib/dpkg/{status,available}
  fi
  for image in p1 p2 bare; do a pull "oci:$T/images/$image" > /dev/null; done
  at_every 40 "install" install --system-package=yes -n box p1
  ok "$FAMILY: install" a install --system-package=yes -n box p1
  at_every 45 "update" containers update box --rebase p2
  ok "$FAMILY: update" a containers update box --rebase p2
  at_every 25 "rollback" containers rollback box --to 0
  at_every 25 "uninstall" uninstall box
done
finish
