#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The repository in both directions (docs/formats.md): images that are in it as the original tool and "skopeo copy ... ostree:"
# wrote them, made here with the ostree command alone, and what we write, read with the ostree command alone.
. "$(dirname "$0")/../lib.sh"
need_root
for tool in ostree skopeo umoci jq; do
  command -v "$tool" > /dev/null || skip_all "$tool is not installed"
done

R=$T/root
REPO=$R/var/lib/containers/atomic/.storage/ostree
mkdir -p "$REPO"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
o() { ostree --repo="$REPO" "$@"; }
start_registry registry

# ---- an image of three layers, with whiteouts

/usr/bin/python3 - "$T/image" <<'END_PYTHON'
import sys
from layout import Layout

out = Layout(sys.argv[1])
busybox = open('/bin/busybox', 'rb').read()
with out.layer() as t:
    for name in ('bin', 'etc', 'exports', 'opaque', 'proc', 'dev', 'sys', 'run', 'tmp'):
        t.directory(name)
    t.file('bin/busybox', busybox, mode=0o755)
    t.symlink('bin/sh', 'busybox')
    t.file('etc/gone', b'gone')
    t.file('opaque/old', b'old')
with out.layer() as t:
    t.whiteout('etc/gone')
    t.opaque('opaque')
    t.file('opaque/new', b'new')
    t.file('help.md', b'Help of an old image\n')
with out.layer() as t:
    t.file('exports/manifest.json', b'{"version": "1.0", "defaultValues": {"A": "b"}}')
    t.file('exports/service.template', b'[Service]\nExecStart=$EXEC_START\nEnvironment=A=$A\n')
out.image('latest', {'Entrypoint': ['/bin/sh'], 'Labels': {'Name': 'old', 'Version': '1', 'Release': '2'}})
END_PYTHON
umoci unpack --image "$T/image:latest" "$T/bundle" 2> /dev/null
push "$T/image:latest" "$REGISTRY/old" --format v2s2
skopeo --insecure-policy inspect --tls-verify=false --raw "docker://$REGISTRY/old" > "$T/manifest"
skopeo --insecure-policy inspect --tls-verify=false --raw --config "docker://$REGISTRY/old" > "$T/config"
digest=sha256:$(sha256sum < "$T/manifest" | cut -d' ' -f1)
config=$(jq -r .config.digest "$T/manifest")
is "the manifest is Docker's, schema 2" "$(jq -r '.mediaType' "$T/manifest")" \
  application/vnd.docker.distribution.manifest.v2+json

# ---- written with ostree

encode() { # NAME, bytewise
  local i c
  for ((i = 0; i < ${#1}; i++)); do
    c=${1:i:1}
    case $c in [A-Za-z0-9.-]) printf %s "$c" ;; *) printf '_%02X' "'$c" ;; esac
  done
}
is "the rule for names" "$(encode 'gscrivano/etcd_x:latest')" gscrivano_2Fetcd_5Fx_3Alatest
NAME=$REGISTRY/old:latest

# blobs [nouncompressed]: layers as trees, the config as a file, as the original stores them
blobs() {
  local i hex size extra
  for i in 0 1 2; do
    hex=$(jq -r ".layers[$i].digest" "$T/manifest")
    size=$(jq -r ".layers[$i].size" "$T/manifest")
    rm -rf "$T/layer"
    mkdir "$T/layer"
    tar -C "$T/layer" -xzf "$T/registry/data/docker/registry/v2/blobs/sha256/${hex:7:2}/${hex#sha256:}/data"
    extra=()
    [ "${1:-}" = nouncompressed ] || extra=(
      --add-metadata-string="docker.uncompressed_digest=$(jq -r ".rootfs.diff_ids[$i]" "$T/config")"
      --add-metadata-string="docker.uncompressed_size=$(du -sb "$T/layer" | cut -f1)")
    o commit --branch="ociimage/${hex#sha256:}" --tree=dir="$T/layer" --add-metadata-string="docker.size=$size" \
      ${extra[@]+"${extra[@]}"} > /dev/null
  done
  rm -rf "$T/layer"
  mkdir "$T/layer"
  cp "$T/config" "$T/layer/content"
  o commit --branch="ociimage/${config#sha256:}" --tree=dir="$T/layer" \
    --add-metadata-string="docker.size=$(stat -c %s "$T/config")" > /dev/null
}

# image NAME [ostree options]: its commit, of an empty tree
image() {
  local name=$1
  shift
  rm -rf "$T/layer"
  mkdir "$T/layer"
  o commit --branch="ociimage/$(encode "$name")" --tree=dir="$T/layer" \
    --add-metadata-string="docker.manifest=$(cat "$T/manifest")" "$@" > /dev/null
}

# fresh [nouncompressed]: an empty repository with the blobs
fresh() {
  rm -rf "$R"
  mkdir -p "$REPO"
  o init --mode=bare
  blobs "$@"
}

# works TEXT NAME ID: the queries, and an installation
works() {
  local name=${2%:latest} checkouts=$R/var/lib/containers/atomic
  is "$1: list" "$(a images list --json | jq -c --arg n "$name" '.[] | select(.repo == $n) | [.tag, .id, .type]')" \
    "[\"latest\",\"$3\",\"ostree\"]"
  matches "$1: the size is that of the layers" "$(a images list --json | jq -r --arg n "$name" '.[] | select(.repo == $n).size')" \
    "^$(jq '[.layers[].size] | add' "$T/manifest")\$"
  is "$1: layers and config are no orphans" "$(a images list -a --json | jq 'map(select(.is_dangling)) | length')" 0
  is "$1: info" "$(a images info "$2" | sed -n '1p;/^A:/p;/^Verif/p')" "Image Name: $2
A: b
Verification: not verified: pulled by another tool"
  is "$1: version" "$(a images version --json "$2" | jq -c 'map([.image, .version, .id])')" "[[\"$2\",\"old-1-2\",\"$3\"]]"
  is "$1: help" "$(a images help "$2")" "Help of an old image"
  is "$1: by a prefix of its id" "$(a images info "${3:0:10}" | head -n 1)" "Image Name: $2"
  ok "$1: disk use" a images list --disk-use
  ok "$1: install" a install --system -n it "$2"
  rm -f "$checkouts/it.0/rootfs/exports/hostfs"
  ok "$1: the root is what umoci makes of the image" "$SC_SOURCE/tests/compare-trees.py" "$checkouts/it.0/rootfs" "$T/bundle/rootfs"
  ok "$1: uninstall" a uninstall it
}

fresh
image "$NAME" --add-metadata-string="docker.digest=$digest" --add-metadata-string=signatures=0
works "as skopeo writes it" "$NAME" "${digest#sha256:}"
forget_requests registry
ok "... pull over it" a pull "http:$REGISTRY/old"
no "... fetches no layer" grep -q "GET .*/blobs/" <<< "$(requests registry | grep -v "$config")"
ok "... fsck" o fsck -q
is "... and it is still one image" "$(a images list -q | wc -l)" 1

fresh nouncompressed
image "$NAME"
works "without docker.digest and uncompressed digests" "$NAME" "${config#sha256:}"

fresh
image local/name --add-metadata-string="docker.digest=$digest"
is "a name without a tag is latest" "$(a images list --json | jq -c 'map([.repo, .tag])')" '[["local/name","latest"]]'

fresh
image "$NAME"
o refs --delete "ociimage/${config#sha256:}"
is "without a config: list" "$(a images list --json | jq -r '.[].id')" "${config#sha256:}"
is "... info tells the rest" "$(a images info "$NAME" 2> /dev/null | sed -n '1p;/^A:/p')" "Image Name: $NAME
A: b"
is "... help" "$(a images help "$NAME")" "Help of an old image"
refused "... install says what is missing" 1 "has no config in the repository" a install --system -n it "$NAME"
matches "... and prune does its work, as for the original tool" "$(a images prune 2>&1)" '^Freed [1-9]'
ok "... pull repairs it" a pull "http:$REGISTRY/old"
ok "... then it installs" a install --system -n it "$NAME"

rm -rf "$R"
mkdir -p "$REPO" "$T/empty"
o init --mode=bare
o commit --branch="ociimage/$(encode a/b:c)" --tree=dir="$T/empty" > /dev/null
is "an image without a manifest is listed" "$(a images list --json | jq -c 'map([.repo, .tag, .id])')" \
  "[[\"a/b\",\"c\",\"$(o rev-parse "ociimage/$(encode a/b:c)")\"]]"
matches "... info says what is missing" "$(a images info a/b:c 2>&1)" "has no manifest in the repository: pull it again"
ok "... version" a images version a/b:c
refused "... help" 1 "has no manifest" a images help a/b:c
o commit --branch=ociimage/not_2gours --tree=dir="$T/empty" > /dev/null
o commit --branch=debian/stable --tree=dir="$T/empty" > /dev/null
is "branches of other programs are no images" "$(a images list -a -q | wc -l)" 1

# ---- the other direction

rm -rf "$R"
mkdir "$R"
a pull "http:$REGISTRY/old" > /dev/null
is "ours: the branches" "$(o refs | sort)" "$({
  jq -r '.config.digest, .layers[].digest' "$T/manifest" | sed 's,sha256:,ociimage/,'
  echo "ociimage/$(encode "$NAME")"
} | sort)"
key() { o show --print-metadata-key="$2" "$1" | sed "s/^'//; s/'\$//"; }
branch=ociimage/$(encode "$NAME")
is "ours: docker.digest" "$(key "$branch" docker.digest)" "$digest"
is "ours: signatures" "$(key "$branch" signatures)" 0
o cat "$branch" /manifest.json > "$T/stored"
same "ours: /manifest.json, byte for byte" "$T/manifest" "$T/stored"
is "ours: docker.manifest is the same" "$(key "$branch" docker.manifest | sed 's/\\n/\n/g; s/\\"/"/g' | jq -cS .)" "$(jq -cS . "$T/manifest")"
for i in 0 1 2; do
  layer=ociimage/$(jq -r ".layers[$i].digest" "$T/manifest" | sed 's/sha256://')
  is "ours: layer $i: docker.size" "$(key "$layer" docker.size)" "$(jq -r ".layers[$i].size" "$T/manifest")"
  is "ours: layer $i: docker.uncompressed_digest" "$(key "$layer" docker.uncompressed_digest)" "$(jq -r ".rootfs.diff_ids[$i]" "$T/config")"
  matches "ours: layer $i: docker.uncompressed_size" "$(key "$layer" docker.uncompressed_size)" '^[0-9]+$'
done
is "ours: whiteouts are files" "$(o ls -R "ociimage/$(jq -r '.layers[1].digest' "$T/manifest" | cut -c8-)" | grep -oE '/[^ ]*\.wh\.[^ ]*' | sort | xargs)" \
  "/etc/.wh.gone /opaque/.wh..wh..opq"
o cat "ociimage/${config#sha256:}" /content > "$T/stored"
same "ours: the config" "$T/config" "$T/stored"
is "ours: docker.size of the config" "$(key "ociimage/${config#sha256:}" docker.size)" "$(stat -c %s "$T/config")"
ok "ours: fsck" o fsck -q

# ---- skopeo itself: Debian's is built without this transport

skopeo --insecure-policy copy "oci:$T/image:latest" "ostree:x:latest@$REPO" > "$T/skopeo" 2>&1 || :
if grep -q 'not supported in this build' "$T/skopeo"; then
  pass "skopeo has no ostree: transport here, the hand-made repositories above stand for it"
else
  ok "skopeo wrote into our repository" a images info x:latest
fi

finish
