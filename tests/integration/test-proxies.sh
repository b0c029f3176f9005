#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Token servers, proxies and hosts that are not there: who is asked, and who sees the password.
. "$(dirname "$0")/../lib.sh"
need_root
. "$(dirname "$0")/../misbehaving.sh"

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
tokens --token-user "me:$SECRET" --need-scope "repository:base/img:pull"
ok "a registry that wants another scope" pull
matches "... which the token server was asked for" "$(cat "$registry")" '^GET /token.*scope=repository:base/img:pull 200'
silent
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
rm -f "$T/proxy.log"
refused "NO_PROXY" 1 "cannot resolve host 'registry.test:5000'" env HTTP_PROXY="$PROXY" HTTPS_PROXY="$PROXY" NO_PROXY=.test "$SC_ATOMIC" \
  --root "$R" pull "http:$REGISTRY/img"
for list in registry.test 'other, registry.test:5000' '*.test' '*'; do
  refused "NO_PROXY=$list" 1 "cannot resolve host 'registry.test:5000'" env HTTP_PROXY="$PROXY" HTTPS_PROXY="$PROXY" \
    NO_PROXY="$list" "$SC_ATOMIC" --root "$R" pull "http:$REGISTRY/img"
done
no "... the proxy is not asked" grep . "$T/proxy.log"
for list in .registry.test registry.test:80 egistry.test; do
  rm -rf "${R:?}/var" "$T/proxy.log"
  ok "NO_PROXY=$list is for others" env HTTP_PROXY="$PROXY" NO_PROXY="$list" "$SC_ATOMIC" --root "$R" pull \
    --src-creds "me:$SECRET" "http:$REGISTRY/img"
done
refused "a proxy that was not used is not mentioned" 1 "cannot connect to 127.0.0.1:1: " \
  env HTTP_PROXY="$PROXY" HTTPS_PROXY="$PROXY" "$SC_ATOMIC" --root "$R" pull 127.0.0.1:1/img
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
  rm -rf "${R:?}/var"
  start_fake fake "$T/img" --bind ::1 --token-user "me:$SECRET"
  REGISTRY="[::1]:${REGISTRY##*:}"
  ok "a token server on IPv6 of this machine" pull
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
