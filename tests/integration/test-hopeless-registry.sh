#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A registry that misbehaves in every way that we know, and goes on with it: each pull ends in one line, within bounds, and
# the password goes to nobody but the registry.
. "$(dirname "$0")/../lib.sh"
need_root
. "$(dirname "$0")/../misbehaving.sh"

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
gives_up "a wrong byte in the manifest" "manifest: layers\[0\]: layers of type .* are not supported" 9 --flip --on-manifests --times 1
manifest=$(jq -r '.manifests[0].digest' "$T/img/index.json")
by_digest() { a pull --src-creds "me:$SECRET" "$REGISTRY/img@$manifest"; }
fake --flip --on-manifests
rm -rf "${R:?}/var"
refused "... and its digest was named" 1 ": $REGISTRY/img gives a manifest of digest sha256:[0-9a-f]{64} for $manifest" by_digest
silent
gives_up "cut again and again after little" "broke off 20 times in a row" 25 --truncate 70000 --only "$layer"
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

finish
