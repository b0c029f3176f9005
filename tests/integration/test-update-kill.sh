#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# kill -9, a failing disk and a full one at every call by which install, update, rollback and uninstall change the file
# system (tests/kill-container.py).  SC_ROUNDS=all tries the errors at every call too.
. "$(dirname "$0")/../lib.sh"
need_root

a() { "$SC_ATOMIC" --root "$R" "$@"; }
STEP=1
[ -z "$SC_SANITIZE" ] || STEP=7

/usr/bin/python3 "$SC_SOURCE/tests/update-images.py" "$T"
# Thousands of flushes, which are made all the same: in memory.
mkdir "$T/memory"
mount -t tmpfs atomic-test "$T/memory"
MOUNTS+=("$T/memory")
R=$T/memory/root
mkdir "$R"

# at_every TEXT COMMAND...: with the root as it is now
at_every() {
  local text=$1
  shift
  cp -a "$R" "$T/memory/pristine"
  if /usr/bin/python3 "$SC_SOURCE/tests/kill-container.py" "$SC_ATOMIC" "$SC_BUILD/tests/kill-at" "$T/memory/pristine" "$T/memory/work" \
    "$STEP" box "$@" > "$T/log" 2>&1; then
    pass "$text: $(cat "$T/log")"
  else
    fail "$text" "$T/log"
  fi
  rm -rf "$T/memory/pristine" "$T/memory/work"
}

for v in v1 v2 v3; do ok "pull $v" a pull "oci:$T/$v"; done
at_every "install" install -n box v1
ok "install" a install -n box v1
ok "another one, that nothing happens to" a install -n box-2 v1
at_every "update" containers update box --rebase v2 --set WORD=x
ok "update" a containers update box --rebase v2
at_every "update that removes a deployment" containers update box --rebase v3 --keep 1
at_every "rollback" containers rollback box --to 0
rm -r "$R"/etc/systemd/system/*.wants
at_every "update of one that is not enabled" containers update box --rebase v3
at_every "uninstall" uninstall box
finish
