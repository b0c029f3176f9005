# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2153
# misbehaving.sh: for the scripts that pull from registries which misbehave, after lib.sh.

R=$T/root
SECRET=Secret-Word-17
ENCODED=$(printf 'me:%s' "$SECRET" | base64)
mkdir -p "$R/etc"
echo 'network_timeout: 2' > "$R/etc/atomic.conf"

/usr/bin/python3 - "$T" <<'END'
import hashlib, io, json, os, sys, tarfile, zlib
from layout import Layout, Random
top = sys.argv[1]

image = Layout(os.path.join(top, 'img'))
for i in range(2):
    with image.layer() as t:
        t.file('layer-%d' % i, b'%d\n' % i)
        t.big_file('data-%d' % i, Random(i), 1500 * 1000)
image.image('latest', {'Entrypoint': ['/data-0']})

four = Layout(os.path.join(top, 'four'))
for i in range(4):
    with four.layer() as t:
        t.big_file('data-%d' % i, Random(i), 1000)
four.image('latest', {'Entrypoint': ['/data-0']})

def bomb(name, head, zeros):
    """A layer of @head and then gigabytes of zeros, in a gzip file that is a thousandth of that."""
    layout = Layout(os.path.join(top, name))
    step = 64 << 20
    zero = bytes(step)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(zero) + packer.flush(zlib.Z_FULL_FLUSH)
    crc, diff = zlib.crc32(head), hashlib.sha256(head)
    for _ in range(zeros // step):
        crc = zlib.crc32(zero, crc)
        diff.update(zero)
    size = len(head) + zeros // step * step
    data = (b'\x1f\x8b\x08\0\0\0\0\0\0\xff' + first + block * (zeros // step) + packer.flush()
            + crc.to_bytes(4, 'little') + (size & 0xffffffff).to_bytes(4, 'little'))
    layout.layers.append(layout.blob(data, 'application/vnd.oci.image.layer.v1.tar+gzip'))
    layout.diff_ids.append('sha256:' + diff.hexdigest())
    layout.image('latest', {'Entrypoint': ['/bomb']})

def header(size):
    info = tarfile.TarInfo('bomb')
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)

bomb('bomb-file', header(1 << 42), 256 << 20)  # more than the small disk below has
bomb('bomb-after', header(0) + bytes(1024), 512 << 20)
END

registry=$T/registry.log
# fake OPTION...: the registry of the image, with a password
fake() {
  rm -f "$registry" "$T/headers" "$T/second"
  start_fake fake "$T/${LAYOUT:-img}" --log "$registry" --headers "$T/headers" --basic "me:$SECRET" "$@"
}
a() { "$SC_ATOMIC" --root "$R" "$@"; }
pull() { a pull --src-creds "me:$SECRET" "$REGISTRY/img"; }
requests() { grep -c "$1" "$registry" || :; }

# silent: the password is neither in what was said nor, but for the registry's own record, in what was sent
silent() {
  if cat "$T/.out" "$T/.err" "$T/second" "$T/proxy.log" "$T/evil" 2> /dev/null | grep -qF -e "$SECRET" -e "$ENCODED"; then
    fail "... the password is nowhere"
  else
    pass "... the password is nowhere"
  fi
}

# endures TEXT OPTION...: the pull ends well all the same
endures() {
  local text=$1
  shift
  fake "$@"
  rm -rf "${R:?}/var"
  : > "$T/.err"
  ok "$text: the pull ends well" pull
  silent
  is "... all of it is there" "$(ostree --repo="$R/var/lib/containers/atomic/.storage/ostree" refs | wc -l)" 4
}

# gives_up TEXT REGEX MOST OPTION...: one line, nothing changed, and not more than MOST requests
gives_up() {
  local text=$1 regex=$2 most=$3 n
  shift 3
  fake "$@"
  rm -rf "${R:?}/var"
  refused "$text" 1 "$regex" pull
  silent
  no "... nothing is left" test -e "$R/var"
  n=$(requests .)
  if [ "$n" -le "$most" ]; then pass "... after $most requests at most"; else fail "... $n requests" "$registry"; fi
}
