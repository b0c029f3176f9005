#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Health checks in a real systemd: what passes, what does not and comes back by itself, and two containers of which one does not.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/lib.sh"

/usr/bin/python3 - "$T" <<'END2'
import json, os, sys
from layout import Layout

BUSYBOX = open('/bin/busybox', 'rb').read()


def image(name, port, health, before='', answers=True, service=True):
    layout = Layout(os.path.join(sys.argv[1], name))
    program = '/bin/busybox httpd -f -p 127.0.0.1:%d -h /www' % port if answers else '/bin/busybox sleep 4242'
    manifest = {'defaultValues': {'PORT': port}, 'noContainerService': not service}
    if health:
        manifest['health'] = health
    with layout.layer() as t:
        for folder in ('bin', 'proc', 'dev', 'sys', 'tmp', 'run', 'etc', 'var', 'www'):
            t.directory(folder)
        t.file('bin/busybox', BUSYBOX, mode=0o755)
        t.file('bin/program', ('#!/bin/busybox sh\n%s\nexec %s\n' % (before, program)).encode(), mode=0o755)
        t.file('www/version', name.encode())
        t.file('exports/manifest.json', json.dumps(manifest).encode())
    # As the first process it would not mind SIGTERM.
    layout.image('latest', {'Entrypoint': ['/bin/program'], 'StopSignal': 'SIGKILL'})


def shell(text, **more):
    return {'command': ['/bin/busybox', 'sh', '-c', text], **more}


for name, port in (('one', 8091), ('two', 8092)):
    image(name, port, {'http': 'http://127.0.0.1:$PORT/version'})
    image(name + '-new', port, {'http': 'http://localhost:$PORT/version'})
image('tcp', 8091, {'tcp': '127.0.0.1:$PORT'}, before='/bin/busybox sleep 2')
image('command', 8091, shell('test "$$(/bin/busybox wget -q -O - http://127.0.0.1:$PORT/version)" = command'))
image('never', 8091, {'tcp': '127.0.0.1:$PORT', 'start-period': 2}, answers=False)
image('missing', 8091, {'http': 'http://127.0.0.1:$PORT/nothing', 'start-period': 1})
image('broken', 8091, shell('echo broken; exit 4', **{'start-period': 1}))
image('hangs', 8091, shell('/bin/busybox sleep 4343 & /bin/busybox sleep 4343', **{'start-period': 1, 'timeout': 1}))
# Healthy once, and not at the end of the probation.
image('weak', 8091, shell('test ! -e /tmp/was || { echo again; exit 1; }; echo > /tmp/was'))
image('dead', 8091, {'tcp': '127.0.0.1:$PORT'}, before='exit 3')
image('needs', 8092, None)
image('needs-new', 8092, None)
image('never-starts', 8091, None)
image('no-service', 8091, None, service=False)
image('two-bad', 8092, {'http': 'http://127.0.0.1:$PORT/nothing', 'start-period': 1})
END2

cat > "$T/health" <<'END2'
C=/var/lib/containers/atomic
live() { (cd $C && for name in "$@"; do readlink "$name"; done | xargs); }
says() { busybox wget -q -O - "http://127.0.0.1:$1/version"; }
is_state() { [ "$(state "$1")" = "$2" ]; }
answers() { [ "$(says "$1")" = "$2" ]; }
left() { ls -A $C | grep -E '^\.(journal|group|tmp)' || :; }
retag() { atomic images tag "$1" "$2" > /tmp/retag 2>&1; }

atomic pull oci:/t/one > /tmp/out 2>&1
retag one web
check "install" atomic install -n web web
check "start" atomic run web
check "it answers" until_true answers 8091 one
for image in tcp command one-new; do
  check "$image: passes" atomic containers update web --gated --probation 1 --rebase oci:/t/$image
  check_is "$image: answers at once" "$(says 8091)" $image
done
was=$(live web)
i=0
while IFS='|' read -r image reason; do
  i=$((i + 1)) status=0
  out=$(atomic containers update web --gated --probation 2 --rebase oci:/t/$image 2>&1 > /dev/null) || status=$?
  out=$(grep ^atomic: <<< "$out")
  check "$image: comes back, and says why: $status $out" grep -qE "^1 atomic: container web: deployment [0-9]+: $reason; it runs deployment ${was#web.} as before$" <<< "$status $out"
  check_is "$image: the old one is live" "$(live web)" "$was"
  check "$image: ... and answers" until_true answers 8091 one-new
  check_is "$image: nothing is left" "$(left)" ""
  check "$image: it is marked" grep -q "failed:.*" <<< "$(atomic containers history web -n | head -n 1)"
done << 'LIST'
never|health check 127.0.0.1:8091: connection refused \(not ready within 2 s\)
missing|health check http://127.0.0.1:8091/nothing: status 404 \(not ready within 1 s\)
broken|health check /bin/busybox sh -c echo broken; exit 4: status 4: broken \(not ready within 1 s\)
hangs|health check .*: no answer within 1 s \(not ready within 1 s\)
weak|health check .*: status 1: again
dead|the service (was (inactive|activating|deactivating|failed) [0-9.]+ seconds after its start|ended and was started again), see .*
LIST
check_is "all of them were tried" $i 6
check "of a command that did not end nothing is left" not pgrep -f "sleep 4343"
check "without a gate nobody asks" atomic containers update web --no-gate --rebase oci:/t/missing
check "... and it stays" until_true answers 8091 missing
check "rollback" atomic containers rollback web --to "${was#web.}"
check "... is not gated" until_true answers 8091 one-new
check "uninstall" atomic uninstall web

for name in one two; do
  atomic pull oci:/t/$name > /tmp/out 2>&1
  retag $name web-$name
  check "install $name" atomic install -n web-$name web-$name
  check "start $name" atomic run web-$name
done
check "they answer" until_true answers 8091 one
check "..." until_true answers 8092 two
for image in one-new two-new two-bad; do atomic pull oci:/t/$image > /tmp/out 2>&1; done
retag one-new web-one
retag two-bad web-two
since=$(systemctl show -P InvocationID web-one)
status=0
out=$(atomic containers update web-one web-two --together --probation 1 2>&1 > /dev/null) || status=$?
out=$(grep ^atomic: <<< "$out")
check_is "one that does not pass keeps the other" "$status $out" "1 atomic: container web-two: deployment 1: health check http://127.0.0.1:8092/nothing: status 404 (not ready within 1 s); none of them is updated"
check "... which was started in between" not test "$since" = "$(systemctl show -P InvocationID web-one)"
check_is "... both are as before" "$(live web-one web-two)" "web-one.0 web-two.0"
check "... and run" until_true answers 8091 one
check "..." until_true answers 8092 two
check_is "... only that one is marked" "$(atomic containers history web-one -n | grep -c failed) $(atomic containers history web-two -n | grep -c failed)" "0 1"
check_is "... nothing is left" "$(left)" ""
since=$(systemctl show -P InvocationID web-one)
status=0
out=$(atomic containers update web-one web-two --together 2>&1 > /dev/null) || status=$?
check "what failed is not tried again: $out" grep -q "^3.*container web-two: not tried again" <<< "$status $(grep ^atomic: <<< "$out")"
check_is "... and nothing is restarted" "$(systemctl show -P InvocationID web-one)" "$since"
retag two-new web-two
atomic containers update web-one web-two --together --probation 600 > /tmp/out 2>&1 &
check "on probation both are new" until_true answers 8092 two-new
check "..." until_true answers 8091 one-new
check "... and nothing is decided" ls $C/.group-*
kill -9 $!
wait $! 2> /dev/null || :
check "killed: recover" atomic recover
check_is "... both are old" "$(live web-one web-two) $(left)" "web-one.0 web-two.0 "
check "... and run" until_true answers 8091 one
check "..." until_true answers 8092 two
atomic stop web-two
check "one runs and one does not: both are updated" atomic containers update web-one web-two --together --probation 1
check_is "... both are new" "$(live web-one web-two) $(left)" "web-one.1 web-two.2 "
check_is "... one answers, one stays stopped" "$(says 8091) $(state web-two)" "one-new inactive"

# One that systemd stops and starts with the other.
for image in needs needs-new never-starts; do atomic pull oci:/t/$image > /tmp/out 2>&1; done
retag one web-one
retag needs web-two
mkdir -p /etc/systemd/system/web-one.service.d /etc/systemd/system/web-two.service.d
printf '[Service]\nExecStartPre=/bin/sh -c "! grep -q never-starts %s/web-one/rootfs/www/version"\n' $C > /etc/systemd/system/web-one.service.d/test.conf
printf '[Unit]\nRequires=web-one.service\nAfter=web-one.service\n' > /etc/systemd/system/web-two.service.d/test.conf
systemctl daemon-reload
check "one that requires the other: install" atomic containers update web-one web-two --together --no-gate
atomic run web-two
check "... both run" until_true answers 8092 needs
was=$(live web-one web-two)
retag needs-new web-two
for order in "web-one web-two" "web-two web-one"; do
  retag never-starts web-one
  status=0
  atomic containers update $order --together --probation 1 > /tmp/out 2>&1 || status=$?
  check "the required one does not start: $(grep ^atomic: /tmp/out)" grep -q '^atomic: container web-one: .*none of them is updated$' /tmp/out
  check_is "... status, what is live, what is left" "$status $(live web-one web-two) $(left)" "1 $was "
  check "... it runs" until_true answers 8091 one
  check "... the one that systemd stopped runs too" until_true answers 8092 needs
  check_is "... nothing failed" "$(state web-one) $(state web-two)" "active active"
  rm -f $C/web-one.*/failed
done
retag one-new web-one
check "the required one last, and all is well" atomic containers update web-two web-one --together --probation 1
check_is "... both run" "$(says 8091) $(says 8092)" "one-new needs-new"
retag one web-one
retag needs web-two
check "... without a gate too" atomic containers update web-two web-one --together --no-gate
check "... both run" until_true answers 8091 one
check "..." until_true answers 8092 needs
for name in two one; do check "uninstall $name" atomic uninstall web-$name; done

# A deployment without a service: nothing runs on.
atomic pull oci:/t/no-service > /tmp/out 2>&1
check "install one without a service" atomic install -n bare no-service
check "update to one with" atomic containers update bare --rebase oci:/t/tcp
atomic run bare
check "... it runs" until_true answers 8091 tcp
check "rollback to the one without" atomic containers rollback bare
check_is "... nothing runs" "$(live bare) $(state bare) $(runc state bare 2> /dev/null || :)" "bare.0 inactive "
check "... and it was stopped as its unit says" not grep -E 'timed out|Killing process' <<< "$(journalctl -u bare -o cat)"
check "rollback to the one with" atomic containers rollback bare
atomic run bare
check "... it runs" until_true answers 8091 tcp
# The sanitizer does not look for leaks in what is traced.
kill_at() { ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" /build/tests/kill-at "$@"; }
# One that fails leaves the old one, running; the last calls are what it prints and the end of the journal.
kill_at /tmp/count 0 -- atomic containers rollback bare > /tmp/out 2>&1
calls=$(cat /tmp/count)
check "there are many calls: $calls" test "$calls" -gt 15
: > /tmp/wrong
for i in $(seq 0 7); do
  [ "$(live bare)" = bare.1 ] || atomic containers rollback bare > /tmp/out 2>&1
  atomic run bare
  until_true answers 8091 tcp || echo "$i: it does not run" >> /tmp/wrong
  status=0
  kill_at /tmp/count $((1 + i * (calls - 1) / 7)) --error EIO -- atomic containers rollback bare > /tmp/out 2>&1 || status=$?
  if [ $status = 0 ] || grep -qE 'standard output|is live' /tmp/out; then now="bare.0 inactive"; else now="bare.1 active"; fi
  [ "$(live bare) $(state bare)" = "$now" ] || echo "$i: status $status: $(live bare) $(state bare) $(tail -n 1 /tmp/out)" >> /tmp/wrong
done
check "a rollback that fails, at 8 of $calls calls: $(xargs < /tmp/wrong)" not grep . /tmp/wrong
[ "$(live bare)" = bare.1 ] || atomic containers rollback bare > /tmp/out 2>&1
atomic run bare
# As if an update to the one without had been killed after its link.
ln -sfn bare.0 $C/bare
printf '{"version":1,"operation":"update","phase":"activate","from":1,"to":0,"was-active":true,"was-enabled":true,"keep":2,"boot-id":"%s"}' \
  "$(tr -d - < /proc/sys/kernel/random/boot_id)" > $C/.journal-bare
cp -a $C/.journal-bare /tmp/journal
check "recover" atomic recover
check_is "... nothing runs" "$(live bare) $(state bare) $(runc state bare 2> /dev/null || :)" "bare.0 inactive "
# As if it had been killed when systemd had forgotten the unit, and the host has one of that name by now.
host_service() {
  printf '[Service]\nExecStart=/bin/sleep 4242\n' > /run/systemd/system/bare.service
  systemctl daemon-reload
  systemctl start bare
}
host_service
cp -a /tmp/journal $C/.journal-bare
check "recover once more" atomic recover
check_is "... leaves the host's service alone" "$(live bare) $(state bare) $(ls -A $C | grep journal || :)" "bare.0 active "
systemctl stop bare
rm /run/systemd/system/bare.service
systemctl daemon-reload
cp -a /tmp/journal $C/.journal-bare
check "recover, and nothing of that name is known" atomic recover
check_is "... it is done" "$(live bare) $(ls -A $C | grep journal || :)" "bare.0 "
host_service
check "uninstall" atomic uninstall bare
check_is "... leaves the host's service alone" "$(state bare)" active
systemctl stop bare
check_is "nothing is left" "$(ls -A $C | grep -v '^.storage$' || :)" ""
END2
SC_BOOT_TIMEOUT=300 boot "health" "$T/health"
finish
