#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A registry that misbehaves in every way that we know: each pull ends well or in one line, within bounds, and the
# password goes to nobody but the registry.
. "$(dirname "$0")/../lib.sh"
need_root

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
  if cat "$T/.out" "$T/.err" "$T/second" "$T/proxy.log" 2> /dev/null | grep -qF -e "$SECRET" -e "$ENCODED"; then
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

# ---- what passes

endures "nothing wrong"
is "... each layer was asked for once" "$(requests '/blobs/.* 20[06] ')" 3
endures "cut once in each layer" --truncate 700000 --times 3
endures "cut again and again" --truncate 400000
endures "reset" --truncate 700000 --reset --times 2
endures "no answer, twice" --hang-up --times 2
endures "no answer for manifests" --hang-up --times 2 --on-manifests
endures "503 for blobs" --status 503 --times 3
endures "500 for manifests" --status 500 --times 2 --on-manifests
endures "408" --status 408 --times 1
endures "429 with seconds" --status 429 --retry-after 1 --times 2
endures "429 with a date" --status 429 --retry-after date+2 --times 2
endures "503 with nonsense in Retry-After" --status 503 --retry-after "soon" --times 1
endures "stalled once" --stall 300000 --times 1
endures "slow" --slow 1000000
endures "chunked" --chunked
endures "no length" --no-length
endures "no length, and cut" --no-length --truncate 600000 --times 2
endures "cut, where ranges are not known" --truncate 700000 --no-range --times 2
endures "far away" --delay 100

endures "redirected to another port" --redirect --redirect-headers "$T/second"
if grep -qi '^[^ ]* authorization:' "$T/second"; then fail "... without the password" "$T/second"; else pass "... without the password"; fi
endures "redirected, and cut there" --redirect --redirect-headers "$T/second" --truncate 700000 --times 4
if grep -qi '^[^ ]* authorization:' "$T/second"; then fail "... without the password" "$T/second"; else pass "... without the password"; fi

# ---- what does not

layer=$(jq -r '.layers[1].digest' "$T/img/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/img/index.json" | cut -d: -f2)")
gives_up "a storm of 429" "answered 429 .*too many requests" 9 --status 429 --retry-after 0
gives_up "a storm of 429 for manifests" "answered 429 .*too many requests" 9 --status 429 --retry-after 0 --on-manifests
gives_up "503 for ever" "answered 503" 10 --status 503 --only "$layer"
gives_up "501" "answered 501" 9 --status 501
gives_up "404" "has no blob $layer" 9 --status 404 --only "$layer"
gives_up "403" "refuses access to blob $layer" 9 --status 403 --only "$layer"
gives_up "206 for a whole blob" "another part|answered 206" 9 --status 206
gives_up "no answer for ever" "closed the connection without an answer" 14 --hang-up --only "$layer"
gives_up "stalled for ever" "no data for 2 seconds" 14 --stall 1000 --only "$layer"
gives_up "cut for ever, where ranges are not known" "closed the connection .* early|lost the connection" 14 \
  --truncate 300000 --no-range --only "$layer"
gives_up "cut after a few bytes" "closed the connection .* early" 20 --truncate 1000 --only "$layer"
gives_up "cut, and then another range" "another part" 14 --truncate 700000 --bad-range 10 --only "$layer"
gives_up "cut, and then no range" "answered 416" 14 --truncate 700000 --refuse-range --only "$layer"
gives_up "shorter than announced" "truncated: .* 1[0-9]* of|closed the connection .* early" 14 --no-length --truncate 100000 \
  --no-range --only "$layer"
gives_up "longer than announced" "larger than announced" 9 --longer 10
gives_up "longer than announced, chunked" "larger than announced" 9 --longer 10 --chunked
gives_up "a wrong byte" "digest mismatch|damaged|invalid" 9 --flip --only "$layer"
gives_up "a wrong byte in the manifest" "$REGISTRY|manifest" 9 --flip --on-manifests
gives_up "a redirect loop" "more than 10 redirects" 30 --redirect-loop
gives_up "a redirect to a file" "only http and https" 9 --redirect-to file:///etc/passwd
gives_up "a redirect to nowhere" "cannot connect to 127.0.0.1:1: " 9 --redirect-to "http://127.0.0.1:1{path}"
gives_up "an endless blob" "larger than announced" 9 --endless
gives_up "an endless manifest" "larger than" 9 --endless --on-manifests
gives_up "endless headers" "headers are larger" 9 --big-headers 300000
gives_up "Docker schema 1" "[Ss]chema 1.*push" 9 --media-type application/vnd.docker.distribution.manifest.v1+prettyjws
mkdir "$T/small"
if mount -t tmpfs -o size=128m small "$T/small" 2> "$T/.err"; then
  MOUNTS+=("$T/small")
  R=$T/small LAYOUT=bomb-file gives_up "a gzip bomb in a file" "no space left" 9
else
  skip "a gzip bomb in a file" "no mounts here: $(cat "$T/.err")"
fi
fake --status 401 --on-manifests
refused "401 for ever" 1 "refused|login" pull
silent

# Gigabytes of zeros after the archive are no reason to fail, nor to take memory.
LAYOUT=bomb-after fake
rm -rf "${R:?}/var"
ok "a gzip bomb after the end of the archive" /usr/bin/python3 "$SC_SOURCE/tests/max-rss.py" "$T/rss" \
  "$SC_ATOMIC" --root "$R" pull --src-creds "me:$SECRET" "$REGISTRY/img"
rss=$(cat "$T/rss")
if [ -n "$SC_SANITIZE" ]; then
  echo "# not judged: sanitizers take memory of their own"
elif [ "$rss" -lt 65536 ]; then
  pass "... in little memory"
else
  fail "... in little memory: $rss KiB"
fi

# ---- Ctrl-C while it waits for a registry that wants to be left alone

fake --status 429 --retry-after 3600
rm -rf "${R:?}/var"
start env --default-signal=INT "$SC_ATOMIC" --root "$R" pull --src-creds "me:$SECRET" "$REGISTRY/img" \
  > "$T/.out" 2> "$T/.err"
pid=$!
wait_until 30 grep -q ' 429 ' "$registry" || fail "the pull began" "$T/.err"
kill -INT "$pid"
status=0
wait "$pid" || status=$?
is "Ctrl-C during a wait: exit status" "$status" 130
matches "... one line says so" "$(cat "$T/.err")" '^atomic: interrupted'
no "... nothing is left" test -e "$R/var"

# ---- token servers

tokens() {
  rm -f "$registry" "$T/second"
  start_fake fake "$T/img" --log "$registry" --redirect-headers "$T/second" "$@"
  rm -rf "${R:?}/var"
}
tokens --token-user "me:$SECRET" --tokens-too --status 503 --times 2 --only /token
ok "a token server that is busy: the pull ends well" pull
silent
tokens --token-user "me:$SECRET" --tokens-too --hang-up --times 2 --only /token
ok "a token server that hangs up: the pull ends well" pull
tokens --token-user "me:$SECRET" --token-uses 2 --truncate 500000
ok "tokens that do not last as long as the pull" pull
tokens --token-user "me:$SECRET" --redirect
ok "a token, and a redirect" pull
if grep -qi '^[^ ]* authorization:' "$T/second"; then fail "... which does not see it" "$T/second"; else pass "... which does not see it"; fi
tokens --bearer --tokens-too --status 503 --only /token
refused "a token server that is always busy" 1 "token server .* answered 503" pull
is "... was asked five times" "$(requests 'GET /token.* 503')" 5

# ---- proxies, and hosts that are not this machine

# start_proxy OPTION...: its address is then in $PROXY
start_proxy() {
  rm -f "$T/proxy.log" "$T/proxy.port"
  start /usr/bin/python3 "$SC_SOURCE/tests/fakes/proxy.py" --log "$T/proxy.log" "$@" > "$T/proxy.port"
  wait_until 20 test -s "$T/proxy.port"
  PROXY=http://127.0.0.1:$(cat "$T/proxy.port")
}
rm -rf "${R:?}/var"
fake
start_proxy --to "$REGISTRY"
REGISTRY=registry.test:5000
ok "http through a proxy" env HTTP_PROXY="$PROXY" "$SC_ATOMIC" --root "$R" pull --src-creds "me:$SECRET" \
  "http:$REGISTRY/img"
matches "... which was asked for it" "$(cat "$T/proxy.log")" '^GET http://registry.test:5000/v2/img/blobs/'
refused "NO_PROXY" 1 "registry.test" env HTTP_PROXY="$PROXY" HTTPS_PROXY="$PROXY" NO_PROXY=.test "$SC_ATOMIC" \
  --root "$R" pull "http:$REGISTRY/img"
echo "http_proxy: $PROXY" >> "$R/etc/atomic.conf"
rm -rf "${R:?}/var" "$T/proxy.log"
ok "a proxy in atomic.conf" a pull --src-creds "me:$SECRET" "http:$REGISTRY/img"
matches "... which was asked" "$(cat "$T/proxy.log")" '^GET http://registry.test:5000/v2/img/blobs/'
echo 'network_timeout: 2' > "$R/etc/atomic.conf"

mkdir "$T/tls"
make_certificate "$T/tls"
(cd "$T/tls" && echo 'subjectAltName=DNS:registry.test' > san \
  && openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile san -out server.crt) \
  2> "$T/openssl.log" || cat "$T/openssl.log" >&2
mkdir -p "$R/etc/containers/certs.d/registry.test"
cp "$T/tls/ca.crt" "$R/etc/containers/certs.d/registry.test/"
rm -rf "${R:?}/var"
fake --tls "$T/tls/server.crt" "$T/tls/server.key"
start_proxy --to "$REGISTRY"
ok "https through a proxy" env HTTPS_PROXY="$PROXY" "$SC_ATOMIC" --root "$R" pull --src-creds "me:$SECRET" \
  registry.test/img
matches "... by CONNECT" "$(cat "$T/proxy.log")" '^CONNECT registry.test:443 200'
silent
rm -rf "${R:?}/var"
fake --tls "$T/tls/server.crt" "$T/tls/server.key" --redirect-to "http://registry.test{path}"
start_proxy --to "$REGISTRY"
refused "a redirect from https to http" 1 "from https to http" env HTTPS_PROXY="$PROXY" HTTP_PROXY="$PROXY" \
  "$SC_ATOMIC" --root "$R" pull --src-creds "me:$SECRET" registry.test/img
silent
start_proxy --refuse
refused "a proxy that refuses" 1 "cannot connect to registry.test.*proxy|403" env HTTPS_PROXY="$PROXY" "$SC_ATOMIC" \
  --root "$R" pull --src-creds "me:$SECRET" registry.test/img
refused "a proxy that is not there" 1 "cannot connect to registry.test \(a proxy is configured\)" \
  env HTTPS_PROXY=http://127.0.0.1:1 "$SC_ATOMIC" --root "$R" pull registry.test/img

# A token server that wants the password in the clear
tokens --token-user "me:$SECRET" --realm http://tokens.test/token
start_proxy --to "$REGISTRY"
refused "a token server without TLS" 1 "unencrypted to tokens.test" env HTTP_PROXY="$PROXY" "$SC_ATOMIC" --root "$R" pull \
  --src-creds "me:$SECRET" "$REGISTRY/img"
silent

# ---- IPv6, and hosts that do not answer

if [ -e /proc/net/if_inet6 ] && grep -q '^0\{31\}1 ' /proc/net/if_inet6; then
  fake --bind ::1
  rm -rf "${R:?}/var"
  REGISTRY="[::1]:${REGISTRY##*:}"
  ok "IPv6" pull
  matches "... its name" "$(a images list -n)" '\[::1\]:[0-9]+/img'
else
  skip "IPv6" "no ::1 here"
fi
refused "a port where nobody listens" 1 "cannot connect to 127.0.0.1:1: Connection refused" a pull 127.0.0.1:1/img
# A listener whose queue is full answers no connection.
/usr/bin/python3 - > "$T/full.port" <<'END' &
import socket, time
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(0)
held = []
for _ in range(4):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex(s.getsockname())
    held.append(c)
print(s.getsockname()[1], flush=True)
time.sleep(600)
END
PIDS+=($!)
wait_until 20 test -s "$T/full.port"
refused "a host that does not answer" 1 "no answer within 2 seconds" a pull "http:127.0.0.1:$(cat "$T/full.port")/img"

finish
