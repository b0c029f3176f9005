#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Updates in a real systemd: one restart, gates, what is stopped or disabled stays so, rollback, and a boot after an update
# that was cut short.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/lib.sh"

hello_layout "$T/hello-world"

# Packages with a service that their script starts.
for n in 1 2; do
  mkdir -p "$T/deb/DEBIAN" "$T/deb/usr/lib/systemd/system"
  printf 'Package: packed\nVersion: %s\nArchitecture: all\nMaintainer: x\nDescription: x\n' $n > "$T/deb/DEBIAN/control"
  printf '#!/bin/sh\nset -e\necho "${SYSTEMD_OFFLINE:-}" > /root/offline\nsystemctl enable packed\nsystemctl restart packed\n' > "$T/deb/DEBIAN/postinst"
  chmod 755 "$T/deb/DEBIAN/postinst"
  printf '[Service]\nExecStart=/bin/sleep 424%s\n[Install]\nWantedBy=multi-user.target\n' $n > "$T/deb/usr/lib/systemd/system/packed.service"
  dpkg-deb --root-owner-group --build "$T/deb" "$T/packed$n.deb" > /dev/null
done

/usr/bin/python3 - "$T" <<'END2'
import os, sys
from layout import Layout

UNIT = '''[Service]
WorkingDirectory=$DESTDIR
ExecStartPre=-$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStopPost=-$EXEC_STOPPOST
%s
[Install]
WantedBy=multi-user.target
'''

# good: answers for ever; dead: ends at once; weak: ends after two seconds; restless: the same, and is started again; never: its
# start job fails
for name, program, more in (('good', 'sleep 4242', ''), ('dead', 'exit 3', ''), ('weak', 'sleep 2; exit 3', ''),
                            ('restless', 'sleep 1; exit 3', 'Restart=always\nRestartSec=0'),
                            ('never', 'sleep 4242', 'ExecStartPre=/bin/false'), ('slow', 'sleep 4242', 'ExecStartPre=/bin/sleep 3'),
                            ('alias', 'sleep 4242', '[Install]\nAlias=other-name.service')):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        for folder in ('bin', 'proc', 'dev', 'sys', 'tmp', 'run', 'etc', 'var', 'var/tmp'):
            t.directory(folder)
        t.file('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)
        t.file('bin/program', ('#!/bin/busybox sh\ntrap "exit 0" TERM\n%s & wait $!\n' % program
                               if program.startswith('sleep 4242') else '#!/bin/busybox sh\n%s\n' % program
                               ).replace('sleep', '/bin/busybox sleep').encode(), mode=0o755)
        t.file('exports/service.template', (UNIT % more).encode())
        t.file('exports/manifest.json', b'{"defaultValues": {"WORD": "a"}}')
    layout.image('latest', {'Entrypoint': ['/bin/program']})
for n in '12':
    layout = Layout(os.path.join(sys.argv[1], 'packed' + n))
    with layout.layer() as t:
        t.file('bin/true', b'x', mode=0o755)
        t.file('exports/container.deb', open(os.path.join(sys.argv[1], 'packed%s.deb' % n), 'rb').read())
    layout.image('latest', {'Entrypoint': ['/bin/true']})
END2

# At how many calls an update with a failing start is cut short; with SC_ROUNDS=all at each, in each way.
POINTS=15
[ -z "$SC_SANITIZE" ] || POINTS=5
[ "${SC_ROUNDS:-}" != all ] || POINTS=all

echo "POINTS=$POINTS" > "$T/update"
cat >> "$T/update" <<'END2'
C=/var/lib/containers/atomic
live() { readlink $C/"$1"; }
since() { systemctl show -P ActiveEnterTimestampMonotonic "$1"; }
bundle() { runc state "$1" | tr -d ' ",' | sed -n 's/^bundle://p'; }
is_state() { [ "$(state "$1")" = "$2" ]; }
runs_from() { [ "$(bundle "$1")" = "$2" ]; }

check "install" atomic install -n web --set PORT=8081 --set RECEIVER=one oci:/t/hello-world
check "start" atomic run web
check "it answers" until_true get 8081
before=$(systemctl show -P InvocationID web)
# under_load TEXT COMMAND...: requests are lost in one gap at most, while it restarts
under_load() {
  local text=$1 lost status=0
  shift
  lost=$(/build/tests/load 8081 "$@" 2> /tmp/load.err) || status=$?
  check_is "$text" "$status $(grep ^atomic: /tmp/load.err)" "0 "
  check "... requests, lost, gaps, longest gap in us: $lost" test "$(cut -d' ' -f3 <<< "$lost")" -le 1
}
under_load "update under load" atomic containers update web --set RECEIVER=two
check_is "... as the new one" "$(get 8081)" "Hello, two"
check "... from the new directory" until_true runs_from web $C/web.1
check "... it was started again" not test "$before" = "$(systemctl show -P InvocationID web)"
check_is "... by one restart" "$(journalctl -u web -o cat | grep -c '^Started web')" 2
check_is "... it is enabled" "$(systemctl is-enabled web)" enabled
check "nothing new" grep -x 'Latest version already installed.' <<< "$(atomic containers update web)"
check_is "... restarts nothing" "$(journalctl -u web -o cat | grep -c '^Started web')" 2
under_load "rollback under load" atomic containers rollback web
check_is "... as the old one" "$(get 8081)" "Hello, one"
check "... and runs from there" until_true runs_from web $C/web.0
mkdir -p /etc/systemd/system/web.service.d
printf '[Service]\nExecReload=/bin/sleep 0.7\n' > /etc/systemd/system/web.service.d/reload.conf
is_three() { get 8081 | grep -q three; }
{ until_true is_three && systemctl reload web; } 2> /dev/null &
reloader=$!
under_load "a gated update of what stays up, and is reloaded meanwhile" atomic containers update web --gated --probation 2 --set RECEIVER=three
check "... it was" wait "$reloader"
check_is "... as the new one" "$(get 8081)" "Hello, three"
printf '[Service]\nExecStartPre=/bin/sleep 3\n' > /etc/systemd/system/web.service.d/slow.conf
atomic containers update web --set RECEIVER=late > /tmp/out 2>&1 &
check "an update restarts what counts by then" until_true is_state web activating
kill -TERM $! || :
wait $! || :
check "... a signal does not keep it from that" until_true runs_from web "$C/$(live web)"
check "... it answers" until_true get 8081
check_is "... it is the new one" "$(get 8081)" "Hello, late"
check_is "... and nothing is left to do" "$(ls -A $C | grep journal || :)" ""
rm -r /etc/systemd/system/web.service.d

atomic stop web
systemctl disable web 2> /dev/null
check "update of a stopped one" atomic containers update web --gated --set RECEIVER=four
check_is "... stays stopped" "$(state web)" inactive
check_is "... and disabled" "$(systemctl is-enabled web || :)" disabled
check "rollback of a stopped one" atomic containers rollback web
check_is "... stays stopped" "$(state web)" inactive
check "systemd has the unit that is there" not grep yes <<< "$(systemctl show -P NeedDaemonReload web)"
check "uninstall" atomic uninstall web

printf '[Service]\nExecStart=/bin/true\n' > /run/systemd/system/host.service
ln -s /run/systemd/system/host.service /etc/systemd/system/multi-user.target.wants/host.service
systemctl daemon-reload
links() { readlink /etc/systemd/system/multi-user.target.wants/host.service /etc/systemd/system/other-name.service; }
ln -s /run/systemd/system/x.service /etc/systemd/system/other-name.service
check "an alias that is another's is not taken" grep 'other-name.service exists and leads to /run' <<< "$(atomic install -n host oci:/t/alias 2>&1)"
check_is "... nothing changes" "$(links | xargs)" "/run/systemd/system/host.service /run/systemd/system/x.service"
rm /etc/systemd/system/other-name.service
check "a unit of the host is replaced" grep '^host.service of the host (/run/systemd/system/host.service) is replaced' <<< "$(atomic install -n host oci:/t/alias 2>&1)"
state_of_host() { echo "$(systemctl is-enabled host) $(systemctl show -P FragmentPath host) $(links | tail -n 1)"; }
check_is "... by what is enabled" "$(state_of_host)" "enabled /etc/systemd/system/host.service /etc/systemd/system/host.service"
check "update" atomic containers update host --set WORD=b
check_is "... enables it once more" "$(state_of_host)" "enabled /etc/systemd/system/host.service /etc/systemd/system/host.service"
check "uninstall" atomic uninstall host
check_is "... the host's is as enabled as before" "$(links | xargs)" /run/systemd/system/host.service
check_is "... and known" "$(systemctl show -P FragmentPath host)" /run/systemd/system/host.service
rm /run/systemd/system/host.service /etc/systemd/system/multi-user.target.wants/host.service

check "install another" atomic install -n gate oci:/t/good
check "start it" atomic run gate
for image in dead weak restless never; do
  status=0
  out=$(atomic containers update gate --gated --probation 4 --rebase oci:/t/$image 2>&1 > /dev/null) || status=$?
  check_is "$image: a gated update fails" "$status" 1
  check "$image: one line says why and what runs: $out" grep -qE '^atomic: container gate: deployment [0-9]+: .*it runs deployment 0 as before$' <<< "$(grep ^atomic: <<< "$out")"
  check_is "$image: the old one is live" "$(live gate)" gate.0
  check "$image: ... and runs" until_true is_state gate active
  check "$image: ... from its directory" until_true runs_from gate $C/gate.0
  check_is "$image: the failed one is marked" "$(atomic containers history gate -n | sed -n '1s/.*failed:.*/marked/p')" marked
  status=0
  out=$(atomic containers update gate --gated --rebase oci:/t/$image 2>&1 > /dev/null) || status=$?
  check "$image: it is not tried again: $out" grep -q 'not tried again' <<< "$status $out"
  check_is "$image: nor is its image kept" "$(atomic images list -q -f repo=$image)" ""
  check_is "$image: no journal is left" "$(ls -A $C | grep journal || :)" ""
done
check_is "of the failed ones the last is kept" "$(atomic containers history gate -n | grep -c failed)" 1
status=0
atomic containers update gate --no-gate --rebase oci:/t/never > /tmp/out 2>&1 || status=$?
check_is "--no-gate tries again, and stays" "$status $(live gate | grep -v 'gate\.0')" "1 $(live gate)"
check_is "... with the image that was pulled for it" "$(atomic images list -q -f repo=never | wc -l)" 1
check "rollback" atomic containers rollback gate
check "... and starting it does" systemctl start gate
check "a value is set" atomic containers update gate --gated --probation 1 --set WORD=b

# An update with a failing start and the way back from it, killed or with an error anywhere: it is the old one.
failing_at() { # N MODE: complains
  local status=0 error=
  [ "$2" = kill ] || error="--error $2"
  /build/tests/kill-at /tmp/count $1 $error -- atomic containers update gate --gated --set WORD=$1-$2 --rebase oci:/t/never \
    > /tmp/out 2>&1 || status=$?
  [ "$2 $status" = "kill 137" ] || [ $status = 1 ] || echo "$2 at $1: status $status: $(tail -n 1 /tmp/out)"
  atomic recover > /tmp/out 2>&1 || echo "$2 at $1: recover: $(tail -n 1 /tmp/out)"
  until_true is_state gate active && until_true runs_from gate "$C/$old" && [ "$(live gate)" = "$old" ] || echo "$2 at $1: not as before"
  ls -A $C | grep -E 'journal|tmp|group' | sed "s/^/$2 at $1: left: /" || :
}
old=$(live gate)
/build/tests/kill-at /tmp/count 0 --trace /tmp/trace -- atomic containers update gate --gated --set WORD=0 --rebase oci:/t/never > /tmp/out 2>&1 || :
calls=$(cat /tmp/count)
status=0
/build/tests/kill-at /tmp/count "$(grep -m 1 failed /tmp/trace | cut -d' ' -f1)" --error ENOSPC -- atomic containers update gate --gated \
  --set WORD=unmarked --rebase oci:/t/never > /tmp/out 2>&1 || status=$?
check_is "it goes back without a mark that cannot be written, too" "$status $(live gate)" "1 $old"
check "... which it says" grep -E '^gate: deployment [0-9]+ cannot be marked as failed: .*No space' /tmp/out
modes=(kill EIO ENOSPC)
: > /tmp/wrong
if [ $POINTS = all ]; then
  for n in $(seq "$calls"); do for mode in "${modes[@]}"; do failing_at "$n" $mode; done; done >> /tmp/wrong
else
  for i in $(seq 0 $((POINTS - 1))); do failing_at $((1 + i * (calls - 1) / (POINTS - 1))) "${modes[i % 3]}"; done >> /tmp/wrong
fi
check "a failing start, cut short at $POINTS of $calls calls: $(head -n 5 /tmp/wrong | xargs)" not grep -q . /tmp/wrong
check "... there are many" test "$calls" -gt 50
check "update --all is gated" atomic containers update --all --probation 1
# Killed while the new one is on its way up, and no container of it runs yet.
old=$(live gate)
atomic containers update gate --gated --probation 60 --rebase oci:/t/slow > /tmp/out 2>&1 &
check "an update to a slow one" until_true is_state gate activating
kill -9 $!
wait $! 2> /dev/null || :
check "... is killed: recover" atomic recover
check "... the old one runs" until_true is_state gate active
check "... from its directory" until_true runs_from gate "$C/$old"
check_is "... and is live" "$(live gate)" "$old"
# As if it had been killed after its journal, and been started since.
printf '{"version":1,"operation":"uninstall","phase":"activate","from":%d,"to":-1,"was-active":false,"was-enabled":false,"keep":2}' \
  "${old#gate.}" > $C/.journal-gate
check "a removal that is completed" atomic recover
check_is "... ends the service" "$(state gate) $(live gate || :) $(runc state gate 2> /dev/null || :)" "inactive  "

# Killed right after the link is the new one, and while on probation, with the machine still up.
check "install" atomic install -n cut --set PORT=8082 --set RECEIVER=old oci:/t/hello-world
check "start" atomic run cut
n=0 status=137
while [ $status = 137 ] && [ "$(live cut)" = cut.0 ]; do
  n=$((n + 1)) status=0
  /build/tests/kill-at /tmp/count $n -- atomic containers update cut --set RECEIVER=new > /tmp/out 2>&1 || status=$?
  [ "$(live cut)" != cut.0 ] || atomic recover > /tmp/out 2>&1
done
check_is "an update is killed after its commit point" "$status $(live cut)" "137 cut.1"
check_is "... the old one still runs" "$(bundle cut)" $C/cut.0
check "recover" atomic recover
check "... restarts it" until_true bash -c '[ "$(busybox wget -q -O - http://127.0.0.1:8082/)" = "Hello, new" ]'
check "... from the new directory" until_true runs_from cut $C/cut.1
atomic containers update cut --gated --probation 60 --set RECEIVER=unproven > /tmp/out 2>&1 &
check "a gated update is on probation" until_true grep -q unproven <<< "$(until get 8082 | grep unproven; do sleep 0.2; done)"
kill -9 $!
wait $! 2> /dev/null || :
check_is "... killed: the new one runs" "$(get 8082)" "Hello, unproven"
check "recover" atomic recover
check "... goes back and restarts it" until_true bash -c '[ "$(busybox wget -q -O - http://127.0.0.1:8082/)" = "Hello, new" ]'
check_is "... link and directory" "$(live cut) $(ls -d $C/cut.2 2> /dev/null || :)" "cut.1 "

# The same before a reboot. The units that the boot will find are of the wrong deployment.
sed 's,^ExecStart=.*,ExecStart=/build/src/cli/atomic recover,' /build/data/atomic-recover.service > /etc/systemd/system/atomic-recover.service
systemctl enable atomic-recover 2> /dev/null
atomic containers update cut --gated --probation 60 --set RECEIVER=unproven > /tmp/out 2>&1 &
until get 8082 | grep -q unproven; do sleep 0.2; done
kill -9 $!
wait $! 2> /dev/null || :
check "a journal is left for the boot" ls $C/.journal-cut
check "install another" atomic install -n late --set PORT=8083 --set RECEIVER=old oci:/t/hello-world
cp -a /etc/systemd/system/late.service /root/late.service
for n in 1 2; do atomic containers update late --set RECEIVER=new$n > /tmp/out 2>&1; done
# As if it had been killed between link and unit.
cp -a /root/late.service /etc/systemd/system/late.service
# ... and while its links were being renewed.
rm /etc/systemd/system/*.wants/late.service
echo '{"version":1,"operation":"update","phase":"activate","from":1,"to":2,"was-enabled":true,"keep":2}' > $C/.journal-late
# A package whose script starts a service: in the boot that waits for recovery.
check "install a package" atomic install -n pack oci:/t/packed1
check "... starts its service" systemctl is-active packed
check "update" atomic containers update pack --rebase oci:/t/packed2
check_is "... outside of a boot scripts are not told anything" "$(cat /root/offline) $(dpkg-query -W packed)" " $(printf 'packed\t2')"
echo '{"version":1,"operation":"update","phase":"activate","from":0,"to":1,"keep":2}' > $C/.journal-pack
END2
SC_BOOT_TIMEOUT=$([ $POINTS = all ] && echo 6000 || echo 300) boot "first boot" "$T/update"

cat > "$T/reboot" <<'END2'
C=/var/lib/containers/atomic
check "it is up" until_true get 8082
check_is "one on probation is the old one" "$(get 8082) $(readlink $C/cut)" "Hello, new cut.1"
check "the other is up" until_true get 8083
check_is "... it is completed" "$(get 8083) $(readlink $C/late)" "Hello, new2 late.2"
check_is "no journal is left" "$(ls -A $C | grep -E 'journal|tmp' || :)" ""
journalctl -b -u atomic-recover -o short-monotonic
check_is "the recovery service did it" "$(systemctl show -P Result atomic-recover) $(journalctl -b -u atomic-recover -o cat | grep -E '^(cut|late|pack): .*cut short' | sort -u | wc -l)" "success 3"
check_is "... and each was started once" "$(journalctl -b -o cat | grep -cE '^Started (cut|late)')" 2
check_is "scripts of packages start nothing while the boot waits" "$(cat /root/offline)" 1
check "... the boot does" until_true systemctl --quiet is-active packed
check "uninstall" atomic uninstall pack
check "nothing failed" not grep . <<< "$(systemctl --failed --no-legend)"
for n in late cut; do check "uninstall $n" atomic uninstall $n; done
check_is "nothing is left" "$(ls -A $C | grep -v '^.storage$' || :)" ""
END2
boot "after a reboot" "$T/reboot"

finish
