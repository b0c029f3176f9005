#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pulling from docker-registry: plain HTTP on loopback, TLS with a CA of our own and a password; what is in the
# repository afterwards, seen with the ostree command alone.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
checkouts=$R/var/lib/containers/atomic
repo=$checkouts/.storage/ostree
refs() { ostree --repo="$repo" refs | LC_ALL=C sort; }
metadata() { ostree --repo="$repo" show --print-metadata-key="$2" "$1" | sed "s/^'\(.*\)'\$/\1/"; }

hello_layout "$T/hello"
start_registry plain
plain=$REGISTRY
push "$T/hello:latest" "$plain/test/hello:1.0"
skopeo inspect --tls-verify=false --raw "docker://$plain/test/hello:1.0" > "$T/manifest.json"
manifest_hex=$(sha256sum < "$T/manifest.json" | cut -c1-64)
config_hex=$(jq -r .config.digest "$T/manifest.json" | cut -d: -f2)
layer_hex=$(jq -r '.layers[0].digest' "$T/manifest.json" | cut -d: -f2)

# ---- plain HTTP, and what it leaves

forget_requests plain
ok "pull from a loopback registry over plain HTTP" atomic --root "$R" pull "$plain/test/hello:1.0"
matches "the layer was downloaded" "$(requests plain)" "GET /v2/test/hello/blobs/sha256:$layer_hex"

encoded=$(/usr/bin/python3 -c 'import re, sys; print(re.sub(r"[^A-Za-z0-9.-]", lambda m: "_%02X" % ord(m.group()), sys.argv[1]))' "$plain/test/hello:1.0")
printf '%s\n' "ociimage/$config_hex" "ociimage/$encoded" "ociimage/$layer_hex" | LC_ALL=C sort > "$T/wanted"
refs > "$T/got"
same "one ref each for layer, config and image" "$T/got" "$T/wanted"
ok "ostree fsck is clean" ostree --repo="$repo" fsck
is "repository mode" "$(sed -n 's/^mode=//p' "$repo/config")" bare

layer=$T/hello/blobs/sha256/$layer_hex
is "layer: docker.size" "$(metadata "ociimage/$layer_hex" docker.size)" "$(stat -c %s "$layer")"
is "layer: docker.uncompressed_size" "$(metadata "ociimage/$layer_hex" docker.uncompressed_size)" \
  "$(gzip -dc "$layer" | wc -c)"
is "layer: docker.uncompressed_digest" "$(metadata "ociimage/$layer_hex" docker.uncompressed_digest)" \
  "sha256:$(gzip -dc "$layer" | sha256sum | cut -c1-64)"
is "config: docker.size" "$(metadata "ociimage/$config_hex" docker.size)" \
  "$(stat -c %s "$T/hello/blobs/sha256/$config_hex")"
is "config: one file, /content" "$(ostree --repo="$repo" ls -R "ociimage/$config_hex" | awk '{print $NF}' | xargs)" \
  "/ /content"
ostree --repo="$repo" cat "ociimage/$config_hex" /content > "$T/content"
same "config: its bytes" "$T/content" "$T/hello/blobs/sha256/$config_hex"
is "image: docker.digest" "$(metadata "ociimage/$encoded" docker.digest)" "sha256:$manifest_hex"
is "image: signatures" "$(metadata "ociimage/$encoded" signatures)" 0
ostree --repo="$repo" cat "ociimage/$encoded" /manifest.json > "$T/got"
same "image: /manifest.json is the manifest" "$T/got" "$T/manifest.json"
/usr/bin/python3 - "$repo" "$encoded" "$T/got" <<'END'
import subprocess, sys, ast
text = subprocess.check_output(['ostree', '--repo=' + sys.argv[1], 'show', '--print-metadata-key=docker.manifest',
                                'ociimage/' + sys.argv[2]], text=True)
open(sys.argv[3], 'w').write(ast.literal_eval(text.strip()))
END
same "image: docker.manifest is the manifest" "$T/got" "$T/manifest.json"

ostree --repo="$repo" checkout "ociimage/$layer_hex" "$T/tree"
umoci unpack --image "$T/hello:latest" "$T/bundle" 2> /dev/null
ok "the layer's tree is the image's, read by ostree alone" \
  "$SC_SOURCE/tests/compare-trees.py" "$T/tree" "$T/bundle/rootfs"

# ---- again

listing "$R" > "$T/before"
forget_requests plain
ok "pull again" atomic --root "$R" pull "$plain/test/hello:1.0"
no "an unchanged image: no blob is asked for" grep -E '/blobs/' <<< "$(requests plain)"
matches "... but the manifest is" "$(requests plain)" "(GET|HEAD) /v2/test/hello/manifests/1.0"
listing "$R" > "$T/after"
same "... and nothing in the root changes" "$T/before" "$T/after"

digest_name=$plain/test/hello@sha256:$manifest_hex
ok "pull by digest" atomic --root "$R" pull "$digest_name"
refused "a digest that the registry does not have" 1 "$plain/test/hello@sha256:0{64}" \
  atomic --root "$R" pull "$plain/test/hello@sha256:$(printf '0%.0s' {1..64})"
refused "a tag that the registry does not have" 1 "test/hello:none" atomic --root "$R" pull "$plain/test/hello:none"
no_port=$(free_port)
refused "a registry that is not there" 1 "127.0.0.1:$no_port" atomic --root "$R" pull "127.0.0.1:$no_port/a"
refused "a reference that is none" 2 "Upper" atomic --root "$R" pull "$plain/Upper/case"

images=$(atomic --root "$R" images list)
matches "images list: heading" "$images" '^ +REPOSITORY +TAG +IMAGE ID +CREATED +VIRTUAL SIZE +TYPE *$'
matches "images list: the image" "$images" \
  "^ +$plain/test/hello +1\.0 +${manifest_hex:0:12} +[0-9-]{10} [0-9:]{5} +[0-9.]+ MB +ostree *\$"
json=$(atomic --root "$R" images list --json)
is "images list --json: keys" \
  "$(jq -r '.[0] | keys_unsorted | sort | join(" ")' <<< "$json")" \
  "backend created id is_dangling repo size tag type used verification virtual_size"
is "images list --json: id" "$(jq -r '.[] | select(.tag == "1.0") | .id' <<< "$json" | cut -c1-12)" \
  "${manifest_hex:0:12}"
matches "images list -q" "$(atomic --root "$R" images list -q)" "^${manifest_hex:0:12}\$"

# ---- TLS and a password

start_registry secure tls
secure=$REGISTRY
push "$T/hello:latest" "$secure/private/hello:latest" --dest-creds reader:secret
listing "$R" > "$T/before"
refused "TLS: a CA that nobody trusts" 1 "$secure/private/hello" \
  atomic --root "$R" pull --src-creds reader:secret "$secure/private/hello"
mkdir -p "$R/etc/docker/certs.d/$secure"
cp "$T/secure/ca.crt" "$R/etc/docker/certs.d/$secure/ca.crt"
refused "TLS: no password" 1 "$secure/private/hello" atomic --root "$R" pull "$secure/private/hello"
refused "TLS: the wrong password" 1 "$secure/private/hello" \
  atomic --root "$R" pull --src-creds reader:wrong "$secure/private/hello"
rm -r "$R/etc"
listing "$R" > "$T/after"
same "... and nothing is left of these" "$T/before" "$T/after"
mkdir -p "$R/etc/docker/certs.d/$secure"
cp "$T/secure/ca.crt" "$R/etc/docker/certs.d/$secure/ca.crt"
forget_requests secure
ok "TLS: the right password, the CA from certs.d" \
  atomic --root "$R" pull --src-creds reader:secret "$secure/private/hello"
no "TLS: layers that are here are not fetched again" grep "GET /v2/private/hello/blobs/sha256:$layer_hex" \
  <<< "$(requests secure)"
ok "http: before the name does without the CA" \
  bash -c 'rm -r "$1/etc" && "$SC_ATOMIC" --root "$1" pull --src-creds reader:secret "http:$2/private/hello"' - "$R" "$secure"
ok "ostree fsck is clean at the end" ostree --repo="$repo" fsck

finish
