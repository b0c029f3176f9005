# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# booted/job.sh: what jobs have at hand in the booted system (see booted/lib.sh).
set -eu -o pipefail
export LC_ALL=C.UTF-8
PATH=/build/src/cli:$PATH

# check TEXT COMMAND...: COMMAND succeeds
check() {
  local text=$1 status=0
  shift
  "$@" > /tmp/check.out 2>&1 || status=$?
  if [ "$status" = 0 ]; then
    echo "ok - $text"
  else
    echo "not ok - $text"
    sed 's/^/  /' /tmp/check.out
    echo "  status $status of: $*"
  fi
}

# check_is TEXT GOT WANTED
check_is() {
  if [ "$2" = "$3" ]; then
    echo "ok - $1"
  else
    printf 'not ok - %s\n  got:    %s\n  wanted: %s\n' "$1" "$2" "$3"
  fi
}

not() { ! "$@"; }

# until_true COMMAND...: asks every 50 ms for at most 30 seconds
until_true() {
  local end=$((SECONDS + 30))
  until "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

get() { busybox wget -q -O - "http://127.0.0.1:$1/"; }
state() { systemctl show -P ActiveState "$1"; }
