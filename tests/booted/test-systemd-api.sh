#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit test of host/systemd against a real systemd, over the bus and over its private socket.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/lib.sh"

program=$SC_BUILD/tests/unit/test-systemd
[ -x "$program" ] || fail "there is a $program"
cat > "$T/api" <<'END'
export SC_TEST_SYSTEMD=1 SC_TEST_DATA=/src/tests/data G_DEBUG=fatal-criticals
run() {
  local status=0
  /build/tests/unit/test-systemd > /tmp/tap 2>&1 || status=$?
  sed -n -E "s/^(ok|not ok) [0-9]+ (.*)/\1 - $1: \2/p" /tmp/tap | grep -v '# SKIP' || :
  [ "$status" = 0 ] || { cat /tmp/tap; echo "not ok - $1: status $status"; }
  check "$1: some of it ran" grep -E '^ok [0-9]+ [^#]*$' /tmp/tap
}
run "with the bus"
systemctl stop dbus.socket dbus.service 2> /dev/null
run "without the bus"
END
boot "test-systemd" "$T/api"

finish
