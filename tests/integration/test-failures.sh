#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whatever goes wrong: one line that says what, and everything as it was before: refs, objects, files, links, temporary
# directories.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }

# unchanged TEXT STATUS REGEX COMMAND...: as "refused", and the whole root is as before
unchanged() {
  local text=$1
  listing "$R" > "$T/before"
  refused "$@"
  listing "$R" > "$T/after"
  same "... $text: nothing changed" "$T/before" "$T/after"
}

# ---- images

/usr/bin/python3 - "$T" <<'END'
import json, os, sys, tarfile
from layout import Layout, Random

top = sys.argv[1]

def image(name, *entries, config=None, **more):
    layout = Layout(os.path.join(top, name))
    with layout.layer() as t:
        t.directory('usr')
        t.directory('usr/bin')
        t.file('usr/bin/true', open('/bin/busybox', 'rb').read(), mode=0o755)
        for method, *arguments in entries:
            getattr(t, method)(*arguments)
    layout.image('latest', config or {'Entrypoint': ['/usr/bin/true', 'true']}, **more)
    return layout

def layer_path(name):
    with open(os.path.join(top, name, 'index.json')) as f:
        manifest = json.load(f)['manifests'][0]['digest'].split(':')[1]
    with open(os.path.join(top, name, 'blobs/sha256', manifest)) as f:
        return os.path.join(top, name, 'blobs/sha256', json.load(f)['layers'][0]['digest'].split(':')[1])

image('good')
image('wrong-digest', ('file', 'a', os.urandom(50000)))
with open(layer_path('wrong-digest'), 'r+b') as f:
    f.seek(30000)
    byte = f.read(1)[0] ^ 1
    f.seek(30000)
    f.write(bytes([byte]))
image('truncated', ('file', 'a', os.urandom(50000)))
os.truncate(layer_path('truncated'), 40000)
image('longer', ('file', 'a', os.urandom(50000)))
with open(layer_path('longer'), 'ab') as f:
    f.write(b'more than announced')
image('wrong-diff-id', ('file', 'a', b'1'), diff_ids=['sha256:' + '0' * 64])

image('dot-dot', ('file', '../../escaped', b'x'))
image('absolute', ('file', '/etc/escaped', b'x'))
image('through-link', ('symlink', 'way', '/tmp'), ('file', 'way/escaped', b'x'))
image('through-dots', ('symlink', 'way', '../../..'), ('file', 'way/escaped', b'x'))
image('hard-link-out', ('hardlink', 'stolen', '../../../../etc/shadow'))
image('not-utf8', ('file', b'latin-1-\xe9\xff', b'x'))

big = Layout(os.path.join(top, 'big'))
with big.layer() as t:
    t.big_file('random', Random(7), 40 * 1000 * 1000)
layer = big.layers[0]['digest']
big.image('latest', {'Entrypoint': ['/random']})
with open(os.path.join(top, 'big-layer'), 'w') as f:
    f.write(layer)
many = Layout(os.path.join(top, 'many'))
with many.layer() as t:
    for i in range(40):
        t.big_file('random-%d' % i, Random(100 + i), 1000 * 1000)
many.image('latest', {'Entrypoint': ['/random']})

def system(name, **exports):
    files = [('directory', 'exports')]
    files += [('file', 'exports/' + k.replace('_', '.'), v.encode()) for k, v in exports.items()]
    return image(name, *files)

CONFIG = json.dumps({'ociVersion': '1.0.0', 'process': {'args': ['/usr/bin/true'], 'cwd': '/', 'env': ['WHO=$WHO']},
                     'root': {'path': 'rootfs', 'readonly': True}, 'linux': {'namespaces': [{'type': 'mount'}]}})
UNIT = '[Service]\nExecStart=$EXEC_START\n[Install]\nWantedBy=multi-user.target\n'
system('variable', config_json_template=CONFIG, service_template=UNIT)
system('writable', config_json_template=CONFIG.replace('true}', 'false}').replace('$WHO', 'x'))
system('bad-template', config_json_template=CONFIG, service_template='[Service]\nExecStart=$EXEC_START $1\n')
system('bad-manifest', config_json_template=CONFIG, manifest_json='{"defaultValues": ["WHO"]}')
END

ok "an image that is there before everything else" a pull "oci:$T/good"

# ---- pulling

unchanged "wrong digest" 1 'digest' a pull "oci:$T/wrong-digest"
unchanged "truncated blob" 1 'image .*layer sha256:[0-9a-f]+' a pull "oci:$T/truncated"
unchanged "a layer larger than announced" 1 'image .*layer sha256:[0-9a-f]+' a pull "oci:$T/longer"
unchanged "wrong diffID" 1 'digest|diffID' a pull "oci:$T/wrong-diff-id"
unchanged "no such layout" 1 "$T/none" a pull "oci:$T/none"
unchanged "'..' in a path" 1 "'\.\.'" a pull "oci:$T/dot-dot"
unchanged "an absolute path" 1 "absolute" a pull "oci:$T/absolute"
unchanged "a path through an absolute link" 1 "link" a pull "oci:$T/through-link"
unchanged "a path through a link that leaves the root" 1 "leaves the root" a pull "oci:$T/through-dots"
unchanged "a hard link to a file outside" 1 "'\.\.'" a pull "oci:$T/hard-link-out"
unchanged "a name that OSTree cannot hold" 1 "UTF-8" a pull "oci:$T/not-utf8"
no "... nothing of these is in /tmp" test -e /tmp/escaped
is "images list has the good one alone" "$(a images list -n | awk '{print $1}' | xargs)" good

start_fake cut "$T/big" --truncate 20000000 --no-range
unchanged "the connection ends in the middle of a layer, always there" 1 "$REGISTRY/big" a pull "$REGISTRY/big"
start_fake flip "$T/big" --flip
unchanged "the registry sends a wrong byte" 1 "digest|damaged|corrupt|invalid" a pull "$REGISTRY/big"
start_fake long "$T/big" --longer 100
unchanged "the registry sends more than it announced" 1 "$REGISTRY/big" a pull "$REGISTRY/big"
start_fake broken "$T/big" --status 500
unchanged "the registry answers 500" 1 "500" a pull "$REGISTRY/big"

# Ctrl-C in the middle of a layer
start_fake stalled "$T/big" --stall 20000000 --only "$(cat "$T/big-layer")" --log "$T/stalled.log"
for signal in INT TERM; do
  listing "$R" > "$T/before"
  rm -f "$T/stalled.log"
  # A background job of a script ignores SIGINT: give it back.
  start env --default-signal=INT "$SC_ATOMIC" --root "$R" pull "$REGISTRY/big" > "$T/pull.out" 2> "$T/pull.err"
  pid=$!
  wait_until 30 grep -q '/blobs/.* 20000000$' "$T/stalled.log" || fail "the pull began"
  sleep 0.3 # so that some of the layer is there
  kill "-$signal" "$pid"
  status=0
  wait "$pid" || status=$?
  is "SIG$signal during a pull: exit status" "$status" "$([ "$signal" = INT ] && echo 130 || echo 143)"
  matches "... one line says so" "$(cat "$T/pull.err")" '^atomic: interrupted'
  listing "$R" > "$T/after"
  same "... nothing changed" "$T/before" "$T/after"
done

# ---- a full disk

truncate -s 24M "$T/disk"
mkfs.ext4 -q -F "$T/disk"
mkdir "$T/small"
if mount -o loop "$T/disk" "$T/small" 2> "$T/.err"; then
  MOUNTS+=("$T/small")
  R=$T/small
  ok "an image that fits" a pull "oci:$T/good"
  unchanged "no room for a large file" 1 '[Nn]o space left' a pull "oci:$T/big"
  unchanged "no room for many small files" 1 '[Nn]o space left|min-free-space' a pull "oci:$T/many"
  ok "... the image that fitted can be installed" a install --system "oci:$T/good"
  listing "$R/var/lib/containers/atomic" > "$T/before"
  ok "... and the file system has room again" test "$(stat -f -c %a "$R")" -gt $((8 * 256))
  for block in 1M 64k 1k; do
    dd if=/dev/zero of="$R/fill-$block" bs=$block conv=fsync 2> /dev/null || :
  done
  refused "install on a full disk" 1 '[Nn]o space left' a install --system -n second "oci:$T/good"
  listing "$R/var/lib/containers/atomic" > "$T/after"
  same "... nothing changed" "$T/before" "$T/after"
  rm "$R"/fill-*
  R=$T/root
else
  skip "a full disk" "no loop mounts here: $(cat "$T/.err")"
fi

# ---- installing

for name in variable writable bad-template bad-manifest; do
  a pull "oci:$T/$name" > /dev/null 2>&1 || fail "pull of $name"
done
unchanged "a missing variable" 1 "config.json.template.* still contains an unreplaced value for: '+WHO'" \
  a install --system "oci:$T/variable"
unchanged "an unknown --set name" 2 "WHERE" a install --system --set WHO=me --set WHERE=here "oci:$T/variable"
unchanged "--set without a value" 2 "WHO" a install --system --set WHO "oci:$T/variable"
unchanged "--set of a name that is always set" 2 "DESTDIR" a install --system --set DESTDIR=/ "oci:$T/variable"
unchanged "a value that breaks the JSON" 1 "WHO" a install --system --set 'WHO=a"b' "oci:$T/variable"
unchanged "a value that breaks the unit or the JSON" 1 "WHO|config.json" \
  a install --system --set $'WHO=a\nExecStartPre=/bin/evil' "oci:$T/variable"
unchanged "an unknown runtime" 1 "/no/such/runtime" \
  a install --system --set WHO=me --runtime /no/such/runtime "oci:$T/variable"
unchanged "a root that is not read-only" 1 "root.readonly" a install --system "oci:$T/writable"
unchanged "a bad template" 1 "service.template: line 2, column" a install --system --set WHO=me "oci:$T/bad-template"
unchanged "a bad manifest.json" 1 "manifest.json" a install --system "oci:$T/bad-manifest"
unchanged "a bad container name" 2 "/etc" a install --system -n ../../etc "oci:$T/good"
unchanged "an image that is nowhere" 1 "$T/none" a install --system "oci:$T/none"

ok "a good install" a install --system --set WHO=me -n taken "oci:$T/variable"
listing "$R" > "$T/before"
is "a name already installed: said, and not an error" "$(a install --system -n taken "oci:$T/good" 2>&1)" \
  "taken already present"
listing "$R" > "$T/after"
same "... nothing changed" "$T/before" "$T/after"

# Files that are in the way are not ours
echo precious > "$R/etc/systemd/system/other.service"
unchanged "a unit of that name is there" 1 "other.service" a install --system -n other "oci:$T/good"
is "... and still the same" "$(cat "$R/etc/systemd/system/other.service")" precious

unchanged "uninstall of what is not installed" 1 "none" a uninstall none
unchanged "stop of what is not installed" 1 "none" a stop none
unchanged "run of what is not installed" 1 "none" a run none
unchanged "an unknown storage" 2 "docker" a pull --storage docker "oci:$T/good"
unchanged "an unknown option" 2 "--frobnicate" a pull --frobnicate "oci:$T/good"
refused "a root that is not there" 1 "$T/nowhere" atomic --root "$T/nowhere" images list

ok "ostree fsck is clean" ostree --repo="$R/var/lib/containers/atomic/.storage/ostree" fsck

finish
