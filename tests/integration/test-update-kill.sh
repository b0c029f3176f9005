#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# kill -9, a failing disk and a full one at every call by which install, update, rollback and uninstall change the file
# system, and by which recovery does (tests/kill-container.py).  The short form kills at every second call of the main ones and
# has errors, and cuts recovery short, at some; with SC_ROUNDS=all (make check-kill) nothing is left out.
. "$(dirname "$0")/../lib.sh"
need_root

a() { "$SC_ATOMIC" --root "$R" "$@"; }
STEP=2
[ -z "$SC_SANITIZE" ] || STEP=9
[ "${SC_ROUNDS:-}" != all ] || STEP=1
# every N: that many times the step, in the short form
every() { [ "${SC_ROUNDS:-}" = all ] && echo 1 || echo $((STEP * $1)); }

/usr/bin/python3 "$SC_SOURCE/tests/update-images.py" "$T"
# Thousands of flushes, which are made all the same: in memory.
mkdir "$T/memory"
mount -t tmpfs atomic-test "$T/memory"
MOUNTS+=("$T/memory")
R=$T/memory/root
# With an enabled unit of the host's own of that name, which is to be as enabled as it was.
mkdir -p "$R/usr/lib/systemd/system" "$R/etc/systemd/system/multi-user.target.wants"
echo "of the host" > "$R/usr/lib/systemd/system/box.service"
ln -s /usr/lib/systemd/system/box.service "$R/etc/systemd/system/multi-user.target.wants/box.service"

# at_every TEXT COMMAND...: with the root as it is now
at_every() {
  local text=$1
  shift
  cp -a "$R" "$T/memory/pristine"
  if /usr/bin/python3 "$SC_SOURCE/tests/kill-container.py" "$SC_ATOMIC" "$SC_BUILD/tests/kill-at" "$T/memory/pristine" "$T/memory/work" \
    "$STEP" "${NAMES:-box}" "$@" > "$T/log" 2>&1; then
    pass "$text: $(cat "$T/log")"
  else
    fail "$text" "$T/log"
  fi
  rm -rf "$T/memory/pristine" "$T/memory/work"
}

# cut_short OFFSET COMMAND...: kills it OFFSET calls after (before) that by which the link changes; "decided": right after
# that by which the file of a group goes
cut_short() {
  local n=0 link offset=$1 there=$R/var/lib/containers/atomic/box
  shift
  if [ "$offset" = decided ]; then
    cp -a "$R" "$T/memory/kept"
    kill_at "$T/count" 0 --trace "$T/trace" -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.out" 2>&1 || return 1
    n=$(sed -n 's/^\([0-9]*\) unlink[a-z]* .*\.group-.*/\1/p' "$T/trace")
    rm -rf "$R"
    mv "$T/memory/kept" "$R"
    kill_at "$T/count" $((n + 1)) -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.out" 2>&1 || [ $? = 137 ]
    return
  fi
  link=$(readlink "$there" || :)
  cp -a "$R" "$T/memory/kept"
  while [ "$(readlink "$there" || :)" = "$link" ]; do
    n=$((n + 1))
    rm -rf "$R"
    cp -a "$T/memory/kept" "$R"
    kill_at "$T/count" "$n" -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.out" 2>&1 || [ $? = 137 ] || return 1
  done
  rm -rf "$R"
  cp -a "$T/memory/kept" "$R"
  rm -rf "$T/memory/kept"
  # At n the next call after the link was skipped.
  kill_at "$T/count" $((n + offset)) -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.out" 2>&1 || [ $? = 137 ]
}

# Recovery of that, itself cut short.
recovery() {
  local text=$1
  shift
  cp -a "$R" "$T/memory/before"
  if cut_short "$@"; then STEP=$(every 4) at_every "recovery of $text" recover; else fail "cutting $text short" "$T/.out"; fi
  rm -rf "$R"
  mv "$T/memory/before" "$R"
}

for v in h1 h2 h3 v1 v2; do ok "pull $v" a pull "oci:$T/$v"; done
at_every "install" install -n box h1
ok "install" a install -n box h1
ok "another one, that nothing happens to" a install -n box-2 v1
# Two as one: no half is ever left, nor of its recovery.
cp -a "$R" "$T/memory/alone"
ok "version 2 takes the place of version 1" a images tag v2 v1
ok "... of both images" a images tag h2 h1
NAMES=box,box-2 STEP=$(every 2) at_every "update of two together" containers update box box-2 --together
NAMES=box,box-2 recovery "an update of two, one of them switched" 30 containers update box box-2 --together
NAMES=box,box-2 recovery "an update of two that is decided" decided containers update box box-2 --together
rm -rf "$R"
mv "$T/memory/alone" "$R"

recovery "an update after its link" 0 containers update box --rebase h2 --keep 1
recovery "an update with its unit" 10 containers update box --rebase h2 --keep 1
recovery "an update before its link" -2 containers update box --rebase h2
recovery "an uninstall" -6 uninstall box
recovery "an uninstall after its link" 6 uninstall box
at_every "update" containers update box --rebase h2 --set WORD=x
ok "update" a containers update box --rebase h2
STEP=$(every 1) at_every "update that removes a deployment" containers update box --rebase h3 --keep 1
at_every "rollback" containers rollback box --to 0
rm -r "$R"/etc/systemd/system/*.wants
# What was not there before; the rest is as above.
STEP=$(every 3) at_every "update of one that is not enabled" containers update box --rebase h3
mkdir "$R/var/lib/box/2/more"
echo data | tee "$R/var/lib/box/1/data" "$R/var/lib/box/2/data" > "$R/var/lib/box/2/more/data"
STEP=$(every 2) at_every "uninstall" uninstall box
at_every "uninstall with its data" uninstall --purge box
recovery "an uninstall with its data" -4 uninstall --purge box
finish
