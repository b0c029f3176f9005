#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A machine whose power is cut, with all that was not flushed lost, while a container is installed, updated, also together with
# another one, rolled back and uninstalled: after the boot it is there in exactly its old or its new form (tests/power/guest.sh).  After every fourth of these,
# from the second on, there is one more in the boot itself, while it recovers.
#
#  SC_ROUNDS=N          cuts (2)
#  SC_POWER_SECONDS=N   a cut is at most so long after the work begins (25)
#  SC_POWER_NO_FLUSH=1  with a library that leaves out every flush: must fail
#  SC_POWER_SEED=N      where it cuts
. "$(dirname "$0")/../lib.sh"
need_root
[ "$(uname -m)" = x86_64 ] || skip_all "only for x86_64"
for program in qemu-system-x86_64 nbdkit cpio mkfs.ext4; do
  command -v "$program" > /dev/null || skip_all "$program is not installed: ci/install-deps.sh power"
done

ROUNDS=${SC_ROUNDS:-2}
LONGEST=${SC_POWER_SECONDS:-25}
RANDOM=${SC_POWER_SEED:-$$}
POWER=$SC_SOURCE/tests/power
VM=$("$POWER/make-vm.sh")
cp --sparse=always "$VM/root.img" "$T/disk"

# What the first boot unpacks.
mkdir -p "$T/setup/usr/local/bin" "$T/setup/etc/systemd/system" "$T/setup/power" "$T/job"
/usr/bin/python3 "$POWER/images.py" "$T/setup/power"
install -m 755 "$SC_ATOMIC" "$T/setup/usr/local/bin/atomic"
sed 's,^ExecStart=.*,ExecStart=/usr/local/bin/atomic recover,' "$SC_BUILD/data/atomic-recover.service" > "$T/setup/etc/systemd/system/atomic-recover.service"
if [ -n "${SC_POWER_NO_FLUSH:-}" ]; then
  mv "$T/setup/usr/local/bin/atomic" "$T/setup/usr/local/bin/atomic-flushing"
  cc -shared -fPIC -o "$T/setup/usr/local/bin/no-flush.so" "$POWER/no-flush.c"
  printf '#!/bin/sh\nLD_PRELOAD=/usr/local/bin/no-flush.so exec -a atomic /usr/local/bin/atomic-flushing "$@"\n' > "$T/setup/usr/local/bin/atomic"
  sed -i 's,^#!/bin/sh,#!/bin/bash,' "$T/setup/usr/local/bin/atomic"
  chmod 755 "$T/setup/usr/local/bin/atomic"
fi
tar -C "$T/setup" -cf "$T/job/setup.tar" .
cp "$POWER/guest.sh" "$T/job/job"
echo "absent / v1 0" > "$T/job/expected"
echo 1 > "$T/job/step"

# learn: what the container may be after the boot that wrote $T/out
learn() {
  local last
  # What the cut left of a line; what it would tell has not begun.
  [ -z "$(tail -c 1 "$T/out")" ] || sed -i '$d' "$T/out"
  last=$(grep -aE '^@(is|begin|done) ' "$T/out" | tail -n 1 | tr -d '\r') || return 0 # cut before it knew
  case $last in
  "@is "*) echo "${last#@is }" > "$T/job/expected" ;;
  "@begin "* | "@done "*) tr '|' '\n' <<< "${last#*: }" > "$T/job/expected" ;;
  esac
  last=$(sed -n 's/^@begin \([0-9]*\) .*/\1/p' "$T/out" | tail -n 1)
  [ -z "$last" ] || echo $((last + 1)) > "$T/job/step"
}

# one CUT-AT CUT TEXT: a boot that ends in a cut (CUT-AT "": it ends by itself); ends the test if something is wrong
one() {
  local at=$1 cut=$2 text=$3 status=0 wanted=137 line begin=$SECONDS
  [ -n "$at" ] || wanted=0
  CUT_AT=$at CUT=$cut "$POWER/vm.sh" "$VM" "$T/disk" "$T/job" "$T/out" 2> "$T/vm.err" || status=$?
  tr -d '\r' < "$T/out" | grep -aE '^(not ok - |@(is|begin|done) )' | sed 's/^/# /' || :
  echo "# $((SECONDS - begin)) s"
  while IFS= read -r line; do
    BOOT_CHECKS=$((BOOT_CHECKS + 1))
    case $line in "not ok"*) fail "$text: ${line#not ok - }" ;; esac
  done < <(tr -d '\r' < "$T/out" | grep -aE '^(not )?ok - ')
  if [ "$status" != "$wanted" ]; then
    cat "$T/vm.err" >> "$T/out"
    tail -n 60 "$T/out" > "$T/tail"
    fail "$text: it ended with $status instead of $wanted" "$T/tail"
    [ -z "${SC_POWER_KEEP:-}" ] || cp --sparse=always "$T/disk" "$SC_POWER_KEEP"
  fi
  if [ "$FAILED" != 0 ]; then finish; exit 1; fi
  learn
  rm -f "$T/job/setup.tar"
}

# random LONGEST: seconds below that
random() { awk -v r=$RANDOM -v max="$1" 'BEGIN { printf "%.2f", r / 32768 * max }'; }

BOOT_CHECKS=0
: > "$T/job/work"
for ((round = 1; round <= ROUNDS; round++)); do
  cut=$(random "$LONGEST")
  one '^@work' "$cut" "round $round"
  pass "round $round: $BOOT_CHECKS checks; cut after $cut s in: $(grep -aE '^@(is|begin|done) ' "$T/out" | tail -n 1 | tr -d '\r')"
  BOOT_CHECKS=0
  [ $((round % 4)) = 2 ] || continue
  cut=$(random 3)
  one '^@@EARLY@@' "$cut" "round $round, the boot"
  pass "round $round: a cut $cut s after the boot began"
done
rm "$T/job/work"
one '' 0 "the last boot"
pass "the last boot: $BOOT_CHECKS checks, the container is: $(cat "$T/job/expected")"
finish
