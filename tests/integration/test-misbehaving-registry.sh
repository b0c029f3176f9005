#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A registry that misbehaves, and comes round: each pull ends well, and the password goes to nobody but the registry.
. "$(dirname "$0")/../lib.sh"
need_root
. "$(dirname "$0")/../misbehaving.sh"

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

start_fake named "$T/img" --headers "$T/second"
named=localhost:${REGISTRY##*:}
endures "redirected to another host's name" --redirect-to "http://$named{path}"
matches "... which was asked" "$(cat "$T/second")" "^/v2/img/blobs/.* Host: $named"
no "... without the password" grep -qi '^[^ ]* authorization:' "$T/second"
rm -f "$T/second"

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

# ---- a redirect to a host that asks for a login, and names a token server of its own

for auth in --basic --token-user; do
  for evil in "--basic a:b" "--token-user a:b"; do
    rm -rf "${R:?}/var" "$T/evil"
    # shellcheck disable=SC2086
    start_fake evil "$T/img" $evil --headers "$T/evil"
    evil_host=$REGISTRY
    start_fake fake "$T/img" "$auth" "me:$SECRET" --redirect-to "http://$evil_host{path}"
    refused "redirected to a host that asks for a login ($auth, $evil)" 1 \
      "redirects to $evil_host for blob .*, and that asks for a login" pull
    silent
    matches "... which was asked" "$(cat "$T/evil")" '/blobs/'
    no "... without a login" grep -qi '^[^ ]* authorization:' "$T/evil"
    no "... and no token server" grep -q '^/token' "$T/evil"
  done
done
rm -rf "${R:?}/var" "$T/evil"
mkdir -p "$R/etc/containers"
start_fake evil "$T/img" --refresh-token its-own --headers "$T/evil"
evil_host=$REGISTRY
start_fake fake "$T/img" --refresh-token "$SECRET" --redirect-to "http://$evil_host{path}"
echo "{\"auths\": {\"$REGISTRY\": {\"auth\": \"bWU6\", \"identitytoken\": \"$SECRET\"}}}" > "$T/identity.json"
refused "... with an identity token" 1 "redirects to $evil_host for blob .*, and that asks for a login" \
  a pull --authfile "$T/identity.json" "$REGISTRY/img"
silent
no "... and no token server is asked" grep -q '^/token' "$T/evil"
rm -f "$T/evil"

# ---- three layers at once

for i in 1 2 3 4 5; do
  rm -rf "${R:?}/var"
  mapfile -t all < <(jq -r '.layers[].digest' "$T/four/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/four/index.json" | cut -d: -f2)")
  start_fake fake "$T/four" --together 3 --times 3 "${all[@]/#/--only=}"
  ok "three layers are in flight, number $i" pull
done

finish
