#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Containers as services of a real systemd: installed, started, found running after a reboot, stopped, uninstalled; also
# one whose process 1 ignores SIGTERM.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/lib.sh"

hello_layout "$T/hello-world"
/usr/bin/python3 - "$T/stubborn" <<'END'
import sys
from layout import Layout

layout = Layout(sys.argv[1])
with layout.layer() as t:
    for folder in ('bin', 'proc', 'dev', 'sys', 'tmp', 'run', 'etc', 'var', 'var/tmp'):
        t.directory(folder)
    t.file('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)
    t.file('bin/stubborn', b'#!/bin/busybox sh\ntrap "" TERM INT HUP\necho stubborn-started\n'
                           b'while :; do /bin/busybox sleep 4242; done\n', mode=0o755)
layout.image('latest', {'Entrypoint': ['/bin/stubborn']})
END

cat > "$T/install" <<'END'
for runtime in runc crun; do
  port=8081
  [ $runtime = runc ] || port=8082
  check "$runtime: install from an OCI layout" \
    atomic install --system --name by-$runtime --runtime /usr/bin/$runtime --set PORT=$port --set RECEIVER=$runtime \
    oci:/t/hello-world
  check_is "$runtime: enabled" "$(systemctl is-enabled by-$runtime)" enabled
  check_is "$runtime: not started by install" "$(state by-$runtime)" inactive
  check "$runtime: systemctl start" systemctl start by-$runtime
  check "$runtime: it answers" until_true get $port
  check_is "$runtime: what it answers" "$(get $port)" "Hello, $runtime"
  check "$runtime: atomic containers list says running" \
    bash -c "atomic containers list -n | grep -E ' by-$runtime .* running +ostree +/usr/bin/$runtime'"
  check_is "$runtime: atomic run NAME COMMAND" "$(atomic run by-$runtime echo inside)" inside
done
check "a stubborn container: install with the default unit" atomic install --system oci:/t/stubborn
check "a stubborn container: atomic run starts it" atomic run stubborn
check "a stubborn container: it runs" until_true pgrep -f 'sleep 4242'
check_is "a stubborn container: its state" "$(state stubborn)" active
check "a root of the host: a copy" cp -a /var/lib/containers/atomic/by-runc/rootfs /srv/root
check "a root of the host: install" \
  atomic install --rootfs /srv/root --name given --set PORT=8083 --set RECEIVER=given oci:/t/hello-world
check "a root of the host: atomic run" atomic run given
check "a root of the host: it answers" until_true get 8083
check_is "a root of the host: what it answers" "$(get 8083)" "Hello, given"
check "a root of the host: atomic run NAME COMMAND" atomic run given true
check "containers delete: one that runs is refused" \
  bash -c '! atomic -y containers delete given 2> /tmp/err && grep "given: it is running" /tmp/err'
check_is "containers delete: it goes on" "$(get 8083)" "Hello, given"
check "containers delete --force" atomic -y containers delete --force given
check "containers delete --force: it does not answer" not get 8083
check "containers delete --force: its unit is gone" not systemctl cat given
check "containers delete --force: its root is not" test -e /srv/root/bin/busybox
check "nothing failed" not grep . <<< "$(systemctl --failed --no-legend)"
END
boot "first boot" "$T/install"

cat > "$T/reboot" <<'END'
for runtime in runc crun; do
  port=8081
  [ $runtime = runc ] || port=8082
  check "$runtime: started by the boot" until_true get $port
  check_is "$runtime: with the same values" "$(get $port)" "Hello, $runtime"
  check_is "$runtime: its state" "$(state by-$runtime)" active
  check "$runtime: atomic stop" atomic stop by-$runtime
  check_is "$runtime: inactive, not failed" "$(state by-$runtime)" inactive
  check "$runtime: it does not answer" not get $port
  check "$runtime: the runtime has forgotten it" not $runtime state by-$runtime
  check "$runtime: atomic run" atomic run by-$runtime
  check "$runtime: it answers again" until_true get $port

  # The unit's process dies: the service must come back, whatever is left of the container
  kill -9 "$(systemctl show -P MainPID by-$runtime)"
  check "$runtime: after kill -9 of the runtime it is started again" until_true bash -c \
    "[ \"\$(systemctl show -P NRestarts by-$runtime)\" != 0 ] && [ \"\$(systemctl show -P SubState by-$runtime)\" = running ]"
  check "$runtime: ... and answers" until_true get $port
  check_is "$runtime: ... once" "$(pgrep -fc "httpd -f -p $port")" 1
done

check_is "a stubborn container: runs after the boot" "$(state stubborn)" active
check "a stubborn container: its process" until_true pgrep -f 'sleep 4242'
check "a stubborn container: systemctl stop" systemctl stop stubborn
check_is "a stubborn container: inactive, not failed" "$(state stubborn)" inactive
check "a stubborn container: no process of it is left" not pgrep -f 'sleep 4242|bin/stubborn'
check "a stubborn container: it can be started again" atomic run stubborn
check "a stubborn container: it runs again" until_true pgrep -f 'sleep 4242'
check "a stubborn container: uninstall while it runs" atomic uninstall stubborn
check "a stubborn container: no process of it is left" not pgrep -f 'sleep 4242|bin/stubborn'

check "uninstall a running service" atomic uninstall by-runc
check "... it does not answer" not get 8081
check_is "... systemd does not know it" "$(systemctl show -P LoadState by-runc)" not-found
check "... its files are gone" not bash -c 'ls -d /etc/systemd/system/by-runc* /etc/systemd/system/*/by-runc* \
  /etc/tmpfiles.d/by-runc* /var/lib/containers/atomic/by-runc* 2> /dev/null | grep .'
atomic stop by-crun
check "uninstall a stopped service" atomic uninstall by-crun
check_is "no container is left" "$(atomic containers list -an)" ""
check "nothing failed" not grep . <<< "$(systemctl --failed --no-legend)"
END
boot "after a reboot" "$T/reboot"

cat > "$T/gone" <<'END'
check "nothing of them is started" not pgrep -f 'httpd -f|sleep 4242'
check "nothing failed" not grep . <<< "$(systemctl --failed --no-legend)"
END
boot "after another reboot" "$T/gone"

finish
