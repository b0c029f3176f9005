#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An image of five layers with everything that layers can do: from docker-registry into the repository and to a root
# that is identical to what umoci makes of the same image; and the memory that this takes.
# SC_FULL=1: the full size, 150 MB compressed.
. "$(dirname "$0")/../lib.sh"
need_root

size=10
[ -z "${SC_FULL:-}" ] || size=150
R=$T/root
mkdir "$R"

/usr/bin/python3 - "$T/image" "$size" <<'END'
import sys, tarfile
from layout import Layout, Random

out, size = Layout(sys.argv[1]), int(sys.argv[2]) * 1000 * 1000
CAPABILITY = bytes.fromhex('0100000200040000000000000000000000000000')  # cap_net_bind_service=ep
share = size // 5

with out.layer() as t:  # 1: the base
    for name in ('bin', 'etc', 'usr', 'usr/bin', 'usr/lib', 'data', 'proc', 'dev', 'sys', 'run'):
        t.directory(name)
    t.directory('tmp', mode=0o1777)
    t.directory('home', mode=0o750, uid=1000, gid=1000)
    t.directory('nobody-may', mode=0)
    t.file('bin/true', open('/bin/busybox', 'rb').read(), mode=0o755)
    t.file('bin/su', b'setuid', mode=0o4755)
    t.file('bin/wall', b'setgid', mode=0o2755, gid=5)
    t.file('bin/ping', b'capability', mode=0o755, xattrs={'security.capability': CAPABILITY})
    t.file('etc/user-attribute', b'x', xattrs={'user.note': b'\xff\x00binary', 'user.empty': b''})
    t.file('etc/passwd', b'root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n')
    t.file('etc/group', b'root:x:0:\nweb:x:44:\nextra:x:50:web\n')
    t.file('etc/gone', b'whited out in layer 3')
    t.file('etc/replaced', b'first')
    t.file('etc/becomes-directory', b'a file first')
    t.directory('etc/becomes-file')
    t.file('etc/becomes-file/inner', b'1')
    t.directory('opaque')
    for i in range(20):
        t.file('opaque/old-%d' % i, b'old')
    t.directory('opaque/deep/er')
    t.file('opaque/deep/er/file', b'old')
    t.directory('removed/tree')
    t.file('removed/tree/file', b'1')
    t.file('usr/lib/library.so.1.0', b'library', mode=0o644)
    t.symlink('usr/lib/library.so.1', 'library.so.1.0')
    t.symlink('etc/absolute', '/nowhere/at all')
    t.symlink('etc/dangling', '../../../../../outside')
    t.symlink('var', 'usr')
    t.big_file('data/random-1', Random(1), share)

with out.layer(format=tarfile.GNU_FORMAT) as t:  # 2: names
    t.file('long-' + 'n' * 200, b'long name, GNU')
    t.directory('d' * 120 + '/' + 'e' * 120)
    t.file('d' * 120 + '/' + 'e' * 120 + '/' + 'f' * 120, b'long path, GNU')
    t.symlink('long-link', '/' + 't' * 180)
    t.file(b'strange \t\n*?[\\\'"$`', b'1')
    t.file('utf-8-\u00fc\u4e2d\U0001f600', b'UTF-8')
    t.file(' leading blank', b'')
    t.file('-dash', b'')
    t.file('...', b'')
    t.file('etc/owned', b'numbers above 16 bits', uid=3000000, gid=4000000, mode=0o640)
    t.big_file('data/random-2', Random(2), share)

with out.layer(format=tarfile.PAX_FORMAT) as t:  # 3: whiteouts, and hard links to what is below
    t.whiteout('etc/gone')
    t.whiteout('removed')
    t.file('etc/replaced', b'second', mode=0o600)
    t.directory('opaque')
    t.opaque('opaque')
    t.file('opaque/new', b'new')
    t.whiteout('etc/becomes-directory')
    t.directory('etc/becomes-directory')
    t.file('etc/becomes-directory/inner', b'2')
    t.whiteout('etc/becomes-file')
    t.file('etc/becomes-file', b'a file now')
    t.hardlink('usr/lib/library-hard', 'usr/lib/library.so.1.0')
    t.hardlink('bin/ping-hard', 'bin/ping')
    t.file('pax-' + 'p' * 220, b'long name, PAX')
    t.directory('home', mode=0o700, uid=1001, gid=1001)
    t.big_file('data/random-3', Random(3), share)

with out.layer(format=tarfile.USTAR_FORMAT) as t:  # 4: links within a layer, entries without their folders, again
    t.file('new/deep/file', b'no entry for its folders')
    t.file('first', b'the file of three names')
    t.hardlink('second', 'first')
    t.hardlink('new/third', 'second')
    t.file('twice', b'one')
    t.file('twice', b'two')
    t.file('removed', b'comes back as a file')
    t.file('var/through-a-link', b'etc in usr')
    t.big_file('data/random-4', Random(4), share)

with out.layer(compress=False) as t:  # 5: not compressed
    t.whiteout('data/random-2')
    t.whiteout('utf-8-\u00fc\u4e2d\U0001f600')
    t.whiteout('second')
    t.directory('opaque/again')
    t.file('opaque/again/file', b'5')
    t.symlink('etc/replaced', 'passwd')
    t.file('empty', b'')
    t.big_file('data/random-5', Random(5), share)

out.image('latest', {'Entrypoint': ['/bin/true', 'true'], 'User': 'web', 'Env': ['A=b c', 'QUOTED="$x"'],
                     'WorkingDir': '/etc'})
END

start_registry registry
push "$T/image:latest" "$REGISTRY/five:latest"
umoci unpack --image "$T/image:latest" "$T/bundle" 2> "$T/.err"

ok "pull five layers of $size MB" \
  "$SC_SOURCE/tests/max-rss.py" "$T/rss" "$SC_ATOMIC" --root "$R" pull "$REGISTRY/five"
echo "# peak resident memory of the pull: $(cat "$T/rss") KiB"
if [ -n "$SC_SANITIZE" ]; then
  echo "# not judged: sanitizers take memory of their own"
else
  ok "... in less than 64 MiB of resident memory" test "$(cat "$T/rss")" -lt 65536
fi
ok "install it: no /exports, so from its own configuration" atomic --root "$R" install --system "$REGISTRY/five"

checkouts=$R/var/lib/containers/atomic
repo=$checkouts/.storage/ostree
ok "the root is identical to umoci's" \
  "$SC_SOURCE/tests/compare-trees.py" "$checkouts/five.0/rootfs" "$T/bundle/rootfs"
ok "ostree fsck is clean" ostree --repo="$repo" fsck
is "the link to the deployment" "$(readlink "$checkouts/five")" five.0
config=$checkouts/five.0/config.json
is "process.args" "$(jq -c .process.args "$config")" '["/bin/true","true"]'
is "process.cwd" "$(jq -r .process.cwd "$config")" /etc
is "process.user, from its /etc/passwd and /etc/group" \
  "$(jq -c '[.process.user.uid, .process.user.gid, .process.user.additionalGids]' "$config")" '[33,44,[50]]'
is "process.env keeps what the image says" "$(jq -c '[.process.env[] | select(test("^(A|QUOTED)="))]' "$config")" \
  '["A=b c","QUOTED=\"$x\""]'
is "read-only root" "$(jq -c '[.root.path, .root.readonly]' "$config")" '["rootfs",true]'
is "no new privileges" "$(jq -c .process.noNewPrivileges "$config")" true
ok "the runtime runs it" runc --root "$T/runc" run -b "$checkouts/five.0" "five-$$"
ok "uninstall" atomic --root "$R" uninstall five
no "... nothing is left of the deployment" ls -d "$checkouts"/five*
ok "ostree fsck is clean after it" ostree --repo="$repo" fsck

finish
