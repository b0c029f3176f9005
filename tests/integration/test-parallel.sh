#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Several layers at once: over one connection where the registry speaks HTTP/2, the same image as from disk, and no more
# memory than for one.
. "$(dirname "$0")/../lib.sh"
need_root

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout, Random
layout = Layout(os.path.join(sys.argv[1], 'img'))
for i in range(8):
    with layout.layer() as t:
        t.directory('d')
        # Each layer has a link into the one below, which must be there by then.
        if i > 0:
            t.hardlink('d/link-%d' % i, 'd/file-%d' % (i - 1))
            t.whiteout('d/gone-%d' % (i - 1))
        t.file('d/file-%d' % i, b'%d\n' % i * 1000)
        t.file('d/gone-%d' % i, b'x')
        # The lowest is the largest: the others are there before it.
        t.big_file('big-%d' % i, Random(i), (60 if i == 0 else 10) * 1000 * 1000)
layout.image('latest', {'Entrypoint': ['/big-0']})
END

R=$T/root
mkdir -p "$R/etc/containers/certs.d/registry.test" "$T/plain"
ok "the image from disk" atomic --root "$T/plain" pull "oci:$T/img"
objects() { (cd "$1/var/lib/containers/atomic/.storage/ostree/objects" && find . -type f ! -name '*.commit*' | LC_ALL=C sort); }
objects "$T/plain" > "$T/wanted"

start_registry tls tls
(cd "$T/tls" && echo 'subjectAltName=IP:127.0.0.1,DNS:registry.test' > san \
  && openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile san -out server.crt) \
  2> "$T/openssl.log" || cat "$T/openssl.log" >&2
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2> /dev/null || :
start docker-registry serve "$T/tls/config.yml" > "$T/tls/access" 2> "$T/tls/log"
wait_until 20 grep -q 'listening on' "$T/tls/log" || { cat "$T/tls/log" >&2; exit 1; }
REGISTRY=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$T/tls/log" | head -n 1)
push "$T/img:latest" "$REGISTRY/test/img:latest" --dest-creds reader:secret --preserve-digests
cp "$T/tls/ca.crt" "$R/etc/containers/certs.d/registry.test/"

# Every connection goes through the proxy, which counts them.
start /usr/bin/python3 "$SC_SOURCE/tests/fakes/proxy.py" --log "$T/proxy.log" --to "$REGISTRY" > "$T/proxy.port"
wait_until 20 test -s "$T/proxy.port"
HTTPS_PROXY=http://127.0.0.1:$(cat "$T/proxy.port")
export HTTPS_PROXY

for i in 1 2 3; do
  rm -rf "${R:?}/var" "$T/proxy.log"
  forget_requests tls
  ok "pull number $i" /usr/bin/python3 "$SC_SOURCE/tests/max-rss.py" "$T/rss" \
    "$SC_ATOMIC" --root "$R" pull --src-creds reader:secret registry.test/test/img
  is "... with one connection" "$(grep -c ^CONNECT "$T/proxy.log")" 1
  is "... over HTTP/2" "$(grep -a '/blobs/' "$T/tls/access" | grep -avc 'HTTP/2.0"')" 0
  is "... each layer once, and the config" "$(grep -ac '/blobs/' "$T/tls/access")" 9
  if [ -n "$SC_SANITIZE" ]; then
    echo "# not judged: sanitizers take memory of their own"
  elif [ "$(cat "$T/rss")" -lt 65536 ]; then
    pass "... in little memory"
  else
    fail "... in little memory: $(cat "$T/rss") KiB"
  fi
  objects "$R" > "$T/got"
  same "... the same objects as from disk" "$T/got" "$T/wanted"
done
ok "ostree fsck is clean" ostree --repo="$R/var/lib/containers/atomic/.storage/ostree" fsck

finish
