# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# booted/lib.sh: for tests in a booted system; source it after tests/lib.sh.
#
# A job is a script that runs in the booted system with this project at /src, its build at /build and $T at /t, all but the last
# read-only; what it prints as "ok - TEXT" or "not ok - TEXT" counts as checks of the test.

need_root
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || [ -e /sys/fs/cgroup ] || skip_all "no control groups"
TREE=$("$SC_SOURCE/tests/booted/make-tree.sh")
mkdir "$T/state"

# boot TEXT JOB: boots with what earlier boots left and runs JOB; its checks are counted
boot() {
  local text=$1 job=$2 line status=0
  {
    echo '. /src/tests/booted/job.sh'
    cat "$job"
    echo 'echo finished'
  } > "$T/job"
  "$SC_SOURCE/tests/booted/nspawn.sh" "$TREE" "$T/state" "$T/job" --bind-ro="$SC_SOURCE:/src" --bind-ro="$SC_BUILD:/build" \
    --bind="$T:/t" > "$T/boot.log" 2>&1 || status=$?
  while IFS= read -r line; do
    case $line in
    "ok - "*) pass "$text: ${line#ok - }" ;;
    "not ok - "*) fail "$text: ${line#not ok - }" ;;
    esac
    echo "# $line"
  done < "$T/boot.log"
  if [ "$status" != 0 ] || ! grep -qx finished "$T/boot.log"; then
    fail "$text: the job came to its end (status $status)"
  fi
}
