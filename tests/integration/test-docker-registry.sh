#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# docker-registry as it is run in earnest: client certificates, a token server, pulls that are killed and go on; and
# a mirror that has one blob wrong.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir -p "$R/etc/containers"
echo 'network_timeout: 5' > "$R/etc/atomic.conf"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
repo=$R/var/lib/containers/atomic/.storage/ostree
kept_dir=$repo/tmp/atomic-partial

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout, Random
layout = Layout(os.path.join(sys.argv[1], 'img'))
with layout.layer() as t:
    t.file('small', b'small')
with layout.layer() as t:
    t.big_file('big', Random(1), 20 * 1000 * 1000)
layout.image('latest', {'Entrypoint': ['/big']})
END
manifest=$T/img/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/img/index.json" | cut -d: -f2)
hex=$(jq -r '.layers[1].digest' "$manifest" | cut -d: -f2)
size=$(jq -r '.layers[1].size' "$manifest")

# serve NAME: docker-registry with $T/NAME/config.yml
serve() {
  start docker-registry serve "$T/$1/config.yml" > "$T/$1/access" 2> "$T/$1/log"
  wait_until 20 grep -q 'listening on' "$T/$1/log" || { cat "$T/$1/log" >&2; return 1; }
  REGISTRY=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$T/$1/log" | head -n 1)
}
# config NAME: the beginning of its configuration, on standard output
config() {
  cat <<END
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $T/$1/data}
http:
  addr: 127.0.0.1:0
END
}

# ---- client certificates

start_registry filled
push "$T/img:latest" "$REGISTRY/test/img:latest" --preserve-digests

dir=$T/clients
mkdir -p "$dir"
make_certificate "$dir"
{
  for who in client stranger; do
    mkdir "$dir/$who"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$who CA" \
      -keyout "$dir/$who/ca.key" -out "$dir/$who/ca.crt"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$who" \
      -keyout "$dir/$who/$who.key" -out "$dir/$who/$who.csr"
    echo 'extendedKeyUsage=clientAuth' > "$dir/ext"
    openssl x509 -req -days 2 -in "$dir/$who/$who.csr" -CA "$dir/$who/ca.crt" -CAkey "$dir/$who/ca.key" -CAcreateserial \
      -extfile "$dir/ext" -out "$dir/$who/$who.cert"
  done
} 2> "$dir/openssl.log" || cat "$dir/openssl.log" >&2
{
  config filled
  echo "  tls: {certificate: $dir/server.crt, key: $dir/server.key, clientcas: [$dir/client/ca.crt]}"
} > "$dir/config.yml"
serve clients
certs=$R/etc/containers/certs.d/$REGISTRY
mkdir -p "$certs"
cp "$dir/ca.crt" "$certs/"
refused "client certificates: none" 1 "$REGISTRY.*(certificate|reset|closed|lost the connection)" \
  a pull "$REGISTRY/test/img"
cp "$dir/stranger/stranger.cert" "$dir/stranger/stranger.key" "$certs/"
refused "client certificates: one of another CA" 1 "$REGISTRY.*(unknown|certificate|reset|closed|lost the connection)" \
  a pull "$REGISTRY/test/img"
rm "$certs"/stranger.*
cp "$dir/client/client.cert" "$dir/client/client.key" "$certs/"
ok "client certificates: the right one" a pull "$REGISTRY/test/img"
ok "... ostree fsck is clean" ostree --repo="$repo" fsck
rm "$certs/client.key"
refused "client certificates: no key" 1 "certs.d/$REGISTRY.*client\.(cert|key)" a pull "$REGISTRY/test/img"
rm -r "$R/etc/containers/certs.d"

# ---- a token server

dir=$T/tokens
mkdir -p "$dir"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test issuer" -keyout "$dir/key.pem" -out "$dir/cert.pem" \
  2> "$dir/openssl.log" || cat "$dir/openssl.log" >&2
# token_registry LIFE: docker-registry that wants tokens of a server which gives such as live LIFE seconds
token_registry() {
  rm -f "$dir/port" "$dir/requests"
  start /usr/bin/python3 "$SC_SOURCE/tests/fakes/tokens.py" --key "$dir/key.pem" --cert "$dir/cert.pem" \
    --log "$dir/requests" --life "$1" me:pass-word > "$dir/port"
  wait_until 20 test -s "$dir/port"
  {
    config filled
    cat <<END
auth:
  token:
    realm: http://127.0.0.1:$(cat "$dir/port")/token
    service: our registry
    issuer: test issuer
    rootcertbundle: $dir/cert.pem
END
  } > "$dir/config.yml"
  serve tokens
  rm -rf "${R:?}/var"
}
token_registry 300
refused "a token server: nobody" 1 "asks for a user name: use --src-creds" a pull "$REGISTRY/test/img"
refused "a token server: a wrong password" 1 "refused the user name or password" a pull --src-creds me:wrong "$REGISTRY/test/img"
: > "$dir/requests"
ok "a token server: the right password" a pull --src-creds me:pass-word "$REGISTRY/test/img"
is "... was asked once, for this repository and pulling" "$(cat "$dir/requests")" \
  "200 service=our%20registry&scope=repository:test/img:pull"
ok "... ostree fsck is clean" ostree --repo="$repo" fsck
token_registry 3
start /usr/bin/python3 "$SC_SOURCE/tests/fakes/proxy.py" --to "$REGISTRY" --hold "/blobs/sha256:$hex" 4 > "$T/hold.port"
wait_until 20 test -s "$T/hold.port"
ok "a token that expires during the pull" env HTTP_PROXY="http://127.0.0.1:$(cat "$T/hold.port")" "$SC_ATOMIC" \
  --root "$R" pull --src-creds me:pass-word http:registry.test:5000/test/img
matches "... was refused indeed" "$(cat "$dir/access")" "/blobs/sha256:$hex HTTP/1.1\" 401"
is "... and replaced" "$(wc -l < "$dir/requests")" 2
ok "... ostree fsck is clean" ostree --repo="$repo" fsck

# ---- killed, over TLS and HTTP/2

start_registry tls tls
mv "$T/filled/data/docker" "$T/tls/data/"
kill "${PIDS[-1]}"
wait "${PIDS[-1]}" 2> /dev/null || :
(cd "$T/tls" && echo 'subjectAltName=DNS:registry.test' > san \
  && openssl x509 -req -days 2 -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile san -out server.crt) \
  2> "$T/openssl.log" || cat "$T/openssl.log" >&2
serve tls
mkdir -p "$R/etc/containers/certs.d/registry.test"
cp "$T/tls/ca.crt" "$R/etc/containers/certs.d/registry.test/"
# through OPTION...: a proxy before the registry; its address is then in $PROXY
through() {
  rm -f "$T/proxy.port"
  start /usr/bin/python3 "$SC_SOURCE/tests/fakes/proxy.py" --to "$REGISTRY" "$@" > "$T/proxy.port"
  wait_until 20 test -s "$T/proxy.port"
  PROXY=http://127.0.0.1:$(cat "$T/proxy.port")
}
# settled: nothing more came to what is kept of the layer for a while
settled() {
  local before
  before=$(stat -c %s "$kept_dir/$hex" 2> /dev/null) && [ "$before" -gt $((size * 2 / 10)) ] || return 1
  sleep 0.5
  [ "$(stat -c %s "$kept_dir/$hex")" = "$before" ]
}
for percent in 40 80; do
  rm -rf "${R:?}/var"
  through --stall $((size * percent / 100))
  HTTPS_PROXY=$PROXY start "$SC_ATOMIC" --root "$R" pull --src-creds reader:secret registry.test/test/img \
    > "$T/pull.out" 2> "$T/pull.err"
  pid=$!
  wait_until 30 settled || fail "the pull came so far" "$T/pull.err"
  kill -KILL "$pid"
  wait "$pid" 2> /dev/null || :
  kept=$(stat -c %s "$kept_dir/$hex")
  matches "killed at $percent %: so much is kept" "$((kept * 100 / size))" "^($((percent - 2))|$((percent - 1))|$percent)\$"
  through
  forget_requests tls
  ok "... the next pull ends well" env HTTPS_PROXY="$PROXY" "$SC_ATOMIC" --root "$R" pull --src-creds reader:secret \
    registry.test/test/img
  is "... the rest was sent, and no byte more" \
    "$(awk -v blob="/blobs/sha256:$hex" 'index($0, blob) { print $8, $9, $10 }' "$T/tls/access")" "HTTP/2.0\" 206 $((size - kept))"
  ok "... ostree fsck is clean" ostree --repo="$repo" fsck
  no "... nothing is kept any more" test -e "$kept_dir"
done

# ---- a mirror that has the right manifest and a wrong blob

start_fake good "$T/img" --log "$T/good.log"
good=$REGISTRY
for wrong in "layer $(jq -r '.layers[1].digest' "$manifest")" "config $(jq -r .config.digest "$manifest")" "everything "; do
  rm -rf "${R:?}/var" "$T/good.log"
  only=${wrong#* }
  start_fake liar "$T/img" --flip ${only:+--only "$only"}
  cat > "$R/etc/containers/registries.conf" <<END
[[registry]]
prefix = "registry.test"
location = "$good"
insecure = true
[[registry.mirror]]
location = "$REGISTRY"
END
  ok "a mirror with a wrong blob (${wrong%% *}): the pull ends well" a pull "registry.test/img"
  matches "... with a note" "$(cat "$T/.out")" "$REGISTRY/img gives another blob than sha256:.*: trying $good/img"
  ok "... ostree fsck is clean" ostree --repo="$repo" fsck
  no "... nothing is kept any more" test -e "$kept_dir"
  matches "... the registry was asked for it" "$(cat "$T/good.log")" "GET /v2/img/blobs/"
done
rm -rf "${R:?}/var"
start_fake other "$T/img" --flip --only "sha256:$hex"
sed -i "s/^location = \"$good\"/location = \"$REGISTRY\"/" "$R/etc/containers/registries.conf"
refused "all of them have it wrong" 1 "layer sha256:$hex: .*(digest mismatch|gzip)" a pull "registry.test/img"
no "... nothing is left" test -e "$kept_dir"

finish
