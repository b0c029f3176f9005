#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An installation in a root where nothing is yet fails, or is killed: nothing is left, or what is left is in nobody's way.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }

# LeakSanitizer cannot work under strace.
traced() { ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null "$@"; }

# as_before TEXT STATUS REGEX COMMAND...: refused, and the empty root is as empty as it was
as_before() {
  refused "$@"
  is "... $1: the root is empty" "$(find "$R" -mindepth 1)" ''
}

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout

def image(name, unit='[Service]\nExecStart=$EXEC_START\n', tmpfiles='d /var/lib/x 0700 - - -\n', config=None):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/true', open('/bin/busybox', 'rb').read(), mode=0o755)
        t.file('exports/service.template', unit.encode())
        t.file('exports/tmpfiles.template', tmpfiles.encode())
    layout.image('latest', {'Entrypoint': ['/bin/true', 'true']})

image('good')
image('needs', unit='[Service]\nExecStart=$EXEC_START $NEEDED\n')
image('hostile', tmpfiles='d $DESTDIR/$(x) 0700 - - -\n')
END

as_before "a runtime that is not there" 1 'runtime .*/no/such' a install --runtime /no/such "oci:$T/good"
as_before "--set without =" 2 "expected NAME=VALUE" a install --set X "oci:$T/good"
as_before "--set of what the image has not" 2 "no such variable|no variables" a install --set NOSUCH=1 "oci:$T/good"
as_before "a variable without a value" 1 "unreplaced value for: 'NEEDED'" a install "oci:$T/needs"
as_before "a bad template" 1 "tmpfiles.template" a install "oci:$T/hostile"
as_before "the same, where the checkouts are elsewhere" 1 "NEEDED" \
  env ATOMIC_OSTREE_CHECKOUT_PATH=/srv/deep/checkouts "$SC_ATOMIC" --root "$R" install "oci:$T/needs"

ok "pull" a pull "oci:$T/good"
refused "a pull whose refs cannot be flushed" 1 'Input/output error' \
  traced -e trace=syncfs -e inject=syncfs:error=EIO:when=2 "$SC_ATOMIC" --root "$R" pull "oci:$T/needs"
repo=$R/var/lib/containers/atomic/.storage/ostree
no "... leaves no image" grep -rq needs <(a images list -a)
is "... and no branch of its layers" "$(ostree --repo="$repo" refs | wc -l)" 3
ok "... ostree fsck is clean" ostree --repo="$repo" fsck
matches "... and no object without a branch" "$(ostree --repo="$repo" prune --refs-only --no-prune)" '^(No unreachable objects|Would delete: 0 )'

# What is left of creating a repository, but not of one that is being created.
mkdir -p "$T/fresh/var/lib/containers/atomic/.storage/"{.ostree.aaaaaa/objects,.ostree.bbbbbb,.ostree.toolong,.ostree}
held=$T/fresh/var/lib/containers/atomic/.storage/.ostree.bbbbbb
start bash -c 'exec 9< "$0" && flock 9 && exec sleep 100' "$held"
holder=$!
wait_until 20 bash -c '! flock -n "$0" true' "$held"
ok "pull where a pull was killed" atomic --root "$T/fresh" pull "oci:$T/good"
is "... removes what that left" "$(ls -A "$T/fresh/var/lib/containers/atomic/.storage" | xargs)" ".ostree .ostree.bbbbbb .ostree.toolong ostree"
kill "$holder"

# Killed at each call that makes a name: the next command must find its way.
for when in 1 2 3 4; do
  status=0
  traced -e trace=symlinkat,renameat,renameat2 -e "inject=symlinkat,renameat,renameat2:signal=SIGKILL:when=$when" \
    "$SC_ATOMIC" --root "$R" install -n killed good > "$T/.out" 2>&1 || status=$?
  is "install, killed at its name number $when" "$status" 137
  a uninstall killed > "$T/.out" 2>&1 || :
  ok "... then it is installed" a install -n killed good
  ok "... and uninstalled" a uninstall killed
  is "... and nothing of it is left" "$(find "$R" -name '*killed*')" ''
done

# The original tool's links are absolute.
ok "install" a install good
ln -sfn /var/lib/containers/atomic/good.0 "$R/var/lib/containers/atomic/good"
ok "uninstall a container with an absolute link" a uninstall good
is "... nothing of it is left" "$(find "$R" -name 'good*' -not -path '*/refs/*')" ''

# A container and a deployment of another may have one name.
ok "install a container x" a install -n x good
refused "a container of the name of its deployment" 1 'x.0 is a deployment of another container' a install -n x.0 good
refused "uninstall of a deployment" 1 "no container 'x.0'" a uninstall x.0
ok "uninstall it" a uninstall x
ok "install a container x.0" a install -n x.0 good
matches "install x beside it" "$(a install -n x good 2>&1)" '^Extracting to /var/lib/containers/atomic/x\.1$'
is "... as the next deployment" "$(readlink "$R/var/lib/containers/atomic/x")" x.1
ok "uninstall x" a uninstall x
is "... x.0 stays" "$(readlink "$R/var/lib/containers/atomic/x.0")" x.0.0

# A place for containers that leads nowhere is an error, not a wait without end.
ln -s nowhere/at/all "$R/srv-link"
refused "checkouts behind a dangling link" 1 "srv-link" \
  timeout 20 env ATOMIC_OSTREE_REPO=/var/lib/containers/atomic/.storage/ostree ATOMIC_OSTREE_CHECKOUT_PATH=/srv-link/x \
  "$SC_ATOMIC" --root "$R" install good

finish
