#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# images list, info, version, help and update, on images that buildah and umoci made, with a real registry.
. "$(dirname "$0")/../lib.sh"
need_root
for tool in buildah umoci skopeo strace jq; do
  command -v "$tool" > /dev/null || skip_all "$tool is not installed"
done

R=$T/root
REPO=$R/var/lib/containers/atomic/.storage/ostree
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
start_registry registry

# ---- images: by buildah a base and one on top of it, by umoci one with /exports

build() { buildah --root "$T/b" --runroot "$T/br" --storage-driver vfs "$@"; }
base=$(build from scratch)
mkdir -p "$T/files"
head -c 3000000 /dev/urandom > "$T/files/big"
build copy -q "$base" "$T/files/big" /usr/lib/big > /dev/null
build config --cmd /usr/lib/big --label Name=base --label Version=1.2 --label Release=3 "$base" > /dev/null
build commit -q "$base" "oci:$T/base:latest" > /dev/null 2>&1
build commit -q "$base" localhost/base > /dev/null 2>&1
top=$(build from localhost/base)
cat > "$T/help.1" <<'PAGE'
.TH TOP 1
.SH NAME
top \- an \fBimage\fR to read about
PAGE
head -c 2000000 /dev/urandom > "$T/files/more"
build copy -q "$top" "$T/files/more" /usr/lib/more > /dev/null
build copy -q "$top" "$T/help.1" /help.1 > /dev/null
build config --label "evil=$(printf 'red \033[31m\ntwo')" --label Name- --label Version- --label Release- \
  --label org.opencontainers.image.version=7 "$top" > /dev/null 2>&1
build commit -q "$top" "oci:$T/top:latest" > /dev/null 2>&1
build rm -a > /dev/null

umoci init --layout "$T/um" 2> /dev/null
umoci new --image "$T/um:v1" 2> /dev/null
umoci unpack --image "$T/um:v1" "$T/bundle" 2> /dev/null
mkdir -p "$T/bundle/rootfs/usr/share/exports/hostfs/etc" "$T/bundle/rootfs/etc"
ln -s usr/share/exports "$T/bundle/rootfs/exports"
cat > "$T/bundle/rootfs/exports/manifest.json" <<'JSON'
{"version": "1.0", "defaultValues": {"PORT": "80", "NOT_USED": "x"}, "installedFilesTemplate": ["/etc/x.conf"]}
JSON
echo 'port=$PORT secret=$SECRET in $CONF_DIRECTORY of $NAME' > "$T/bundle/rootfs/exports/hostfs/etc/x.conf"
echo 'ExecStart=$EXEC_START $MUST' > "$T/bundle/rootfs/exports/service.template"
printf '# Help\n\tan\033[31m escape\n' > "$T/bundle/rootfs/help.md"
umoci repack --image "$T/um:v1" "$T/bundle" 2> /dev/null
umoci config --image "$T/um:v1" --config.label summary=old 2> /dev/null
umoci config --image "$T/um:v1" --tag v2 --config.label summary=new --config.label help='$(touch /tmp/x)' 2> /dev/null

push "$T/base:latest" "$REGISTRY/base"
push "$T/top:latest" "$REGISTRY/top"
push "$T/um:v1" "$REGISTRY/um"
for name in base top um; do ok "pull $name" a pull "http:$REGISTRY/$name"; done

# ---- list

is "list: sorted by name" "$(a images list --json | jq -r '.[].repo' | paste -sd' ')" \
  "$REGISTRY/base $REGISTRY/top $REGISTRY/um"
is "list --json: keys" "$(a images list --json | jq -r '.[0] | keys_unsorted | join(" ")')" \
  "repo tag id created virtual_size size type backend used is_dangling verification"
is "list: nothing is a layer without a tag" "$(a images list -a --json | jq 'map(select(.is_dangling)) | length')" 0
is "filter by repo and tag, both must match" \
  "$(a images list -f repo=BASE -f tag=latest -q; a images list -f repo=base -f tag=none -q)" \
  "$(a images list -f image=/base -q)"
id=$(a images list --json -f repo=base | jq -r '.[0].id')
for filter in "id=${id:0:10}" "image=$REGISTRY/base:latest" type=ostree is_dangling=false "verification=not checked" "created=20" "size=MB"; do
  matches "filter $filter finds it" "$(a images list -q --no-trunc -f "$filter" -f repo=base)" "^$id\$"
  is "filter $filter: other words find nothing" "$(a images list -q -f "$filter-no")" ""
done
is "-q: twelve digits" "$(a images list -q -f repo=base)" "${id:0:12}"
refused "unknown filter" 2 "unknown filter 'x'" a images list -f x=y

base_digest=$(a info --json "$REGISTRY/base" | jq -r ".layers[0].digest")
ostree --repo="$REPO" refs --delete "ociimage/$(sed 's,[:],_3A,g; s,/,_2F,g' <<< "$REGISTRY/um:latest")"
is "list -a: layers and configs that no tag needs" \
  "$(a images list -a --json | jq -r 'map(select(.is_dangling)) | map(.repo + .tag) | unique | .[]')" "<none><none>"
no "... not those that one needs" grep -q "${base_digest#sha256:}" <(a images list -a --json | jq -r '.[] | select(.is_dangling).id')
ok "pull it again" a pull "http:$REGISTRY/um"

# ---- disk use: against the commits, by hand

disk_use() { a images list --disk-use --json | jq -r ".[] | select(.repo | endswith(\"/$1\")).$2"; }
manifest() { ostree --repo="$REPO" cat "$1" /manifest.json; }
branch() { echo "ociimage/$(sed 's,[:],_3A,g; s,/,_2F,g' <<< "$REGISTRY/$1:latest")"; }
# objects IMAGE: the files of its objects, by what the ostree command says
objects() {
  local ref
  for ref in "$(branch "$1")" $(manifest "$(branch "$1")" | jq -r '.config.digest, .layers[].digest' | sed 's,sha256:,ociimage/,'); do
    ostree --repo="$REPO" rev-parse "$ref" | sed 's/$/.commit/'
    ostree --repo="$REPO" ls -R -C -X "$ref" | grep -oE '\b[0-9a-f]{64}\b.*' | while read -r sum rest; do
      find "$REPO/objects/${sum:0:2}" -name "${sum:2}.*" -printf '%f\n' | sed "s/^/${sum:0:2}/"
      for other in $rest; do
        [[ $other =~ ^[0-9a-f]{64}$ ]] && find "$REPO/objects/${other:0:2}" -name "${other:2}.*" -printf '%f\n' | sed "s/^/${other:0:2}/" || :
      done
    done
  done | sort -u
}
bytes() { while read -r o; do stat -c %b "$REPO/objects/${o:0:2}/${o:2}"; done | awk '{ n += $1 } END { print n * 512 }'; }
for name in base top um; do objects "$name" > "$T/objects.$name"; done
for name in base top um; do
  is "disk use of $name" "$(disk_use "$name" disk_use)" "$(bytes < "$T/objects.$name")"
done
sort -u "$T/objects.base" "$T/objects.um" > "$T/others"
is "what deleting top frees: all that is its own" "$(disk_use top frees)" \
  "$(comm -23 "$T/objects.top" "$T/others" | bytes)"
is "what deleting base frees: not its layer, which top has" "$(disk_use base frees)" \
  "$(comm -23 "$T/objects.base" <(sort -u "$T/objects.top" "$T/objects.um") | bytes)"
ok "... which is little" test "$(disk_use base frees)" -lt 100000
matches "the table has it" "$(a images list --disk-use)" 'DISK USE +FREES$'
a install --system -n it "$REGISTRY/base" > /dev/null 2>&1
is "an installed image frees nothing" "$(disk_use base frees)" 0
matches "... and is marked" "$(a images list)" "^>  $REGISTRY/base "
ostree --repo="$REPO" commit --branch=other/branch --tree=ref="ociimage/${base_digest#sha256:}" > /dev/null
a uninstall it > /dev/null
ok "what another program's branch has is not freed" test "$(disk_use base frees)" -lt 100000
chmod a-w "$REPO"
ok "list in a repository that is not ours to write" a images list --disk-use
chmod u+w "$REPO"

# ---- info

info=$(a images info "$REGISTRY/um")
is "info: the lines of the original" "$(sed '/^Created/,$d' <<< "$info")" "Image Name: $REGISTRY/um:latest
summary: old

Template variables with default value, but overridable with --set:
CONF_DIRECTORY: /etc
PORT: 80

Template variables that has no default value, and must be set with --set:
MUST: {DEF_VALUE}
SECRET: {DEF_VALUE}"
matches "info: source" "$info" "^Source: http:$REGISTRY/um\$"
matches "info: platform" "$info" '^Platform: linux/'
matches "info: digest" "$info" "^Digest: $(skopeo --insecure-policy inspect --raw "oci:$T/um:v1" | sha256sum | sed 's/^/sha256:/; s/ .*//')\$"
matches "info: verification" "$info" '^Verification: not checked'
is "info --json" "$(a info --json "$REGISTRY/um" | jq -c '[.labels, .variables, .os, (.layers | length)]')" \
  '[{"summary":"old"},{"defaults":{"CONF_DIRECTORY":"/etc","PORT":"80"},"required":["MUST","SECRET"]},"linux",1]'
is "info: a label with controls is one line" "$(a info "$REGISTRY/top" | grep ^evil)" 'evil: red ?[31m?two'
is "info by id" "$(a info "${id:0:9}" | head -n 1)" "Image Name: $REGISTRY/base:latest"
refused "info of nothing" 1 "no image 'nothing'" a images info nothing
refused "info --authfile without --remote" 2 "--authfile is for --remote" a images info --authfile /x "$REGISTRY/um"
push "$T/um:v2" "$REGISTRY/um"
forget_requests registry
matches "info --remote: as it is there" "$(a info --remote "$REGISTRY/um")" '^summary: new$'
is "... no layer was fetched" "$(requests registry | grep -c blobs)" 1
is "... and nothing changed here" "$(a info "$REGISTRY/um" | grep ^summary)" "summary: old"
matches "info --remote of one that is not here" "$(a info --remote "oci:$T/um:v2")" '^summary: new$'
is "info --remote --json has no variables" "$(a info --remote --json "$REGISTRY/um" | jq -c '[.variables, .pulled, .labels.summary]')" \
  '[null,null,"new"]'
refused "info --remote of nothing" 1 "$REGISTRY/none" a info --remote "http:$REGISTRY/none"

# ---- version

is "version" "$(a version "$REGISTRY/base" | tail -n 1 | xargs)" "$REGISTRY/base:latest base-1.2-3 ${id:0:12}"
matches "version: heading" "$(a images version "$REGISTRY/base")" '^ +IMAGE NAME +VERSION +IMAGE ID$'
is "version of another label" "$(a version --json "$REGISTRY/top" | jq -c 'map(.version)')" '["7"]'
is "version -r: what it is built on too" "$(a version -r --json "$REGISTRY/top" | jq -c 'map([.image, .version])')" \
  "[[\"$REGISTRY/top:latest\",\"7\"],[\"$REGISTRY/base:latest\",\"base-1.2-3\"]]"
is "version -r of the lowest" "$(a version -r --json "$REGISTRY/base" | jq length)" 1

# ---- help

matches "help: a manual page, formatted" "$(a images help "$REGISTRY/top")" '^ +top - an image to read about$'
matches "help IMAGE: the older spelling" "$(a help "$REGISTRY/top")" '^ +top - an image to read about$'
mkdir "$T/bin"
ln -s "$(command -v sh)" "$T/bin/sh"
is "help without the program man" "$(PATH=$T/bin a images help "$REGISTRY/top" | xargs)" \
  "TOP 1 NAME top - an image to read about"
is "help.md: text, cleaned" "$(a images help "$REGISTRY/um")" "# Help
        an?[31m escape"
refused "no help" 1 "image $REGISTRY/base:latest has no help" a images help "$REGISTRY/base"
refused "... by the older spelling" 1 "image $REGISTRY/base:latest has no help" a help "$REGISTRY/base"
refused "help of nothing" 2 "unknown command 'nothing'" a help nothing

# ---- update

old=$(a images list --json -f repo=/um | jq -r '.[0].id')
out=$(a images update "$REGISTRY/um" 2> /dev/null)
new=$(a images list --json -f repo=/um | jq -r '.[0].id')
matches "update: a newer one" "$out" "^$REGISTRY/um:latest: updated \(${old:0:12} -> ${new:0:12}\)\$"
no "... it is another" test "$old" = "$new"
matches "update: none" "$(a update "$REGISTRY/um" 2> /dev/null)" "^$REGISTRY/um:latest: up to date\$"
is "the label help is text" "$(a info --json "$REGISTRY/um" | jq -r .labels.help)" '$(touch /tmp/x)'
a pull "oci:$T/um:v2" > /dev/null
a pull "http:$REGISTRY/base@sha256:$id" > /dev/null
/usr/bin/python3 "$SC_SOURCE/tests/sigstore.py" delete "$REGISTRY" top "$(a info --json "$REGISTRY/top" | jq -r .digest)"
status=0
out=$(a images update -a 2> "$T/err") || status=$?
is "update --all with one that fails: status" "$status" 1
matches "... says how many and which" "$(cat "$T/err")" "^atomic: 1 of 5 images could not be updated: $REGISTRY/top:latest\$"
matches "... why" "$out" "^$REGISTRY/top:latest: failed: "
matches "... the others are asked" "$out" "^$REGISTRY/um:latest: up to date\$"
matches "... an image from a layout is skipped" "$out" "^um:v2: skipping: pulled from oci:$T/um:v2"
matches "... and one by digest" "$out" "^$REGISTRY/base@sha256:$id: skipping: pulled by its digest"
refused "update of nothing" 1 "no image 'nothing'" a images update nothing
refused "update without a word" 2 "IMAGE or --all" a images update
refused "update --all IMAGE" 2 "at once" a images update -a "$REGISTRY/um"
a install --system -n c "$REGISTRY/base" > /dev/null 2>&1
listing "$R/var/lib/containers/atomic/c.0" > "$T/before"
a update "$REGISTRY/base" > /dev/null 2>&1
listing "$R/var/lib/containers/atomic/c.0" > "$T/after"
same "update does not touch containers" "$T/before" "$T/after"
a uninstall c > /dev/null
ok "tag" a images tag "$REGISTRY/um" keep:me
umoci config --image "$T/um:v2" --config.label newest=1 2> /dev/null
skopeo copy -q --dest-tls-verify=false "oci:$T/um:v2" "docker://$REGISTRY/um:latest"
a images list --json | jq -S . > "$T/before"
is "update of a second tag" "$(a update keep:me 2> /dev/null)" "keep:me: skipping: a tag of $REGISTRY/um:latest"
a images list --json | jq -S . > "$T/after"
same "... changes no image" "$T/before" "$T/after"
ok "untag" a -y images delete keep:me

# ---- what is opened

# opened COMMAND...: kinds of the objects that it opens
opened() {
  # LeakSanitizer does not work under strace.
  ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=open,openat,openat2 -o "$T/trace" "$SC_ATOMIC" --root "$R" "$@" > /dev/null 2>&1
  sed -nE 's/.*[0-9a-f]{2}\/[0-9a-f]{62}\.([a-z]+)".*/\1/p' "$T/trace" | sort | uniq -c | awk '{ print $2 "=" $1 }' | xargs
}
is "list opens the commits of the images and nothing else" "$(opened images list)" commit=5
no "... --all neither" grep -qE 'file|dir' <<< "$(opened images list --all)"
matches "version opens the config" "$(opened images version "$REGISTRY/base")" ' file=1$'
# The link /exports leads into /usr, so that the tree of this image is read as a whole; that of the other is not.
matches "info opens the files in /exports" "$(opened images info "$REGISTRY/um")" ' file=[4-9]$'
is "info of an image without /exports opens no directory but the top" \
  "$(opened images info "$REGISTRY/top" | grep -oE '(dirtree|file)=[0-9]+' | xargs)" "dirtree=3 file=1"

# ---- damage

object=$(ostree --repo="$REPO" ls -C "ociimage/${base_digest#sha256:}" /usr/lib | grep -oE '[0-9a-f]{64}' | head -n 1)
rm "$REPO/objects/${object:0:2}/${object:2}.dirtree"
ok "disk use of a damaged repository is told" a images list --disk-use
matches "... and what is missing" "$(a images list --disk-use 2>&1 > /dev/null)" "object $object.dirtree is missing"
config=$(manifest "$(branch top)" | jq -r .config.digest)
ostree --repo="$REPO" refs --delete "ociimage/${config#sha256:}"
out=$(a images info "$REGISTRY/top" 2> "$T/err")
matches "info of an image without its config tells the rest" "$out" "^Digest: sha256:"
matches "... and says so" "$(cat "$T/err")" "no labels: .*has no config"
ok "version of it" a images version "$REGISTRY/top"

finish
