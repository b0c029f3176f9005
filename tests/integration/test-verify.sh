#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# images verify and --repair: an image of a real registry, installed as a container, damaged in every way that has a name.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
repo=$R/var/lib/containers/atomic/.storage/ostree
root=$R/var/lib/containers/atomic/box.0/rootfs

# make_layout DIR TEXT: three layers, links and whiteouts between them; TEXT is in the topmost
make_layout() {
  /usr/bin/python3 - "$@" << 'END'
import sys
from layout import Layout

layout = Layout(sys.argv[1])
with layout.layer() as tar:
    for name in ('usr', 'usr/bin', 'etc', 'old'):
        tar.directory(name)
    tar.file('usr/bin/x', b'#!/bin/sh\necho x\n' * 200, mode=0o755)
    tar.file('etc/setting', b'a=b\n', uid=3, gid=4, mode=0o640)
    tar.file('old/gone', b'gone\n')
    tar.file('lower', b'of the lowest layer\n')
with layout.layer() as tar:
    tar.directory('usr')
    tar.directory('usr/share', mode=0o750, uid=7)
    tar.file('usr/share/data', bytes(range(256)) * 8192, mode=0o644, xattrs={'user.note': b'kept'})
    tar.symlink('usr/share/link', 'data')
    tar.whiteout('old/gone')
with layout.layer() as tar:
    tar.hardlink('upper', 'lower')
    tar.directory('top')
    tar.file('top/text', sys.argv[2].encode() + b'\n')
layout.image('latest', {'Entrypoint': ['/usr/bin/x']})
END
}

make_layout "$T/layout" first
start_registry hub
hub=$REGISTRY
image=$hub/box:latest
push "$T/layout:latest" "$image"
ok "pull" a pull "$image"
ok "install" a install --system -n box "$image"
listing "$root" > "$T/pristine"

manifest=$(ostree --repo="$repo" show --print-metadata-key=docker.manifest "ociimage/$(sed 's/:/_3A/g; s,/,_2F,g' <<< "$image")" |
  sed "s/^'//; s/'\$//")
mapfile -t layers < <(jq -r '.layers[].digest' <<< "$manifest" | cut -d: -f2)
config=$(jq -r .config.digest <<< "$manifest" | cut -d: -f2)
branch=ociimage/$(sed 's/:/_3A/g; s,/,_2F,g' <<< "$image")
digest=$(ostree --repo="$repo" show --print-metadata-key=docker.digest "$branch" | tr -d "'")

# object LAYER PATH: the file of the repository that is PATH of a layer
object() {
  local sum
  sum=$(ostree --repo="$repo" ls -C "ociimage/$1" "$2" | head -n 1 | awk '{print $5}')
  echo "$repo/objects/${sum:0:2}/${sum:2}.file"
}
# tree LAYER PATH TYPE: the same of a directory; dirtree or dirmeta
tree() {
  local sums
  sums=$(ostree --repo="$repo" ls -dC "ociimage/$1" "$2" | head -n 1 | awk '{print $5, $6}')
  [ "$3" = dirtree ] && sums=${sums% *} || sums=${sums#* }
  echo "$repo/objects/${sums:0:2}/${sums:2}.$3"
}
flip() { # FILE: one bit in the middle of it
  /usr/bin/python3 - "$1" << 'END'
import os, sys
with open(sys.argv[1], 'r+b') as f:
    at = os.fstat(f.fileno()).st_size // 2
    f.seek(at)
    byte = f.read(1)[0]
    f.seek(at)
    f.write(bytes([byte ^ 4]))
END
}

status() { # COMMAND...: its exit status; output in $T/out, messages in $T/err
  local status=0
  "$@" > "$T/out" 2> "$T/err" || status=$?
  echo "$status"
}

blobs() { requests "$1" | sed -n 's,^GET .*/blobs/sha256:,,p' | sort | xargs; }

# sound TEXT: clean, for us, for ostree, for the container, and nothing is left behind
sound() {
  is "$1: clean" "$(status a verify "$image")" 0
  if ostree --repo="$repo" fsck -q > "$T/fsck" 2>&1; then pass "$1: ostree fsck"; else fail "$1: ostree fsck" "$T/fsck"; fi
  listing "$root" > "$T/now"
  same "$1: the container's root" "$T/pristine" "$T/now"
  is "$1: nothing in tmp" "$(find "$repo/tmp" -mindepth 1 -not -name cache -not -name '*.lock' | head)" ""
  is "$1: nothing beside the containers" "$(find "$R/var/lib/containers/atomic" -maxdepth 1 -name '.tmp*')" ""
}

# damaged TEXT KIND PART-REGEX PROBLEM-REGEX BLOBS: what has just been damaged is found, named, and repaired with BLOBS
damaged() {
  local text=$1 kind=$2 part=$3 problem=$4 blobs=$5
  is "$text: found" "$(status a images verify --offline "$image")" 3
  matches "$text: its part" "$(cat "$T/out")" "^  $part damaged\$"
  matches "$text: what and where" "$(cat "$T/out")" "^    $kind: *$problem"
  a images verify --json --offline "$image" > "$T/json" 2> /dev/null || :
  is "$text: in JSON" "$(jq -r '.[0].state + " " + ([.[0].parts[].problems[] | select(.kind == "'"$kind"'").repaired | tostring] | unique | join(","))' "$T/json")" \
    "damaged false"
  forget_requests hub
  is "$text: repaired" "$(status a images verify --repair "$image")" 0
  [ ! -s "$T/err" ] || sed 's/^/# /' "$T/err"
  is "$text: with only the bytes it takes" "$(blobs hub)" "$(xargs -n 1 <<< "$blobs" | sort | xargs)"
  matches "$text: said so" "$(cat "$T/out")" "^  $part repaired\$"
  sound "$text"
}

# ---- a clean one

is "a clean image" "$(status a images verify "$image")" 0
is "... has a line for each part" "$(sed -n 's/^  \([a-z]*\) .*/\1/p' "$T/out" | xargs)" \
  "manifest config layer layer layer container source"
is "... and says nothing else" "$(cat "$T/err")" ""
is "verify is the same" "$(status a verify "$image")" 0
is "JSON of a clean one" "$(a verify --json "$image" | jq -r '.[0] | .image + " " + .digest + " " + .state + " " + .source')" \
  "$image $digest ok same"
forget_requests hub
is "--offline" "$(status a verify --offline "$image")" 0
is "... asks nobody" "$(requests hub)" ""
is "a repair of a clean one" "$(status a verify --repair "$image")" 0
is "... fetches no blob" "$(blobs hub)" ""
sound "after that"

# ---- damages

file=$(object "${layers[0]}" /usr/bin/x)
flip "$file"
damaged "a bit of a file" file-damaged "layer +sha256:${layers[0]}" "/usr/bin/x: object [0-9a-f]{64}.file: " "${layers[0]}"

# What is the same inode is damaged in the container too; that it is named there as well is the point of the next.
flip "$(object "${layers[1]}" /usr/share/data)"
damaged "a bit of a large file" checkout-changed "container +box.0" "/usr/share/data: it is the repository's damaged file" "${layers[1]}"

truncate -s 10 "$(object "${layers[0]}" /etc/setting)"
damaged "a file that is cut short" file-damaged "layer +sha256:${layers[0]}" "/etc/setting: " "${layers[0]}"

rm "$(object "${layers[2]}" /top/text)"
damaged "a file that is missing" object-missing "layer +sha256:${layers[2]}" "/top/text: object .*it is missing" "${layers[2]}"

rm "$(object "${layers[0]}" /lower)"
damaged "a file of two layers that is missing" object-missing "layer +sha256:${layers[2]}" "/upper: object .*it is missing" "${layers[0]}"

rm "$(tree "${layers[1]}" /usr/share dirtree)"
damaged "a directory that is missing" object-missing "layer +sha256:${layers[1]}" "/usr/share: object .*dirtree: it is missing" "${layers[1]}"

flip "$(tree "${layers[0]}" /usr dirtree)"
damaged "a bit of a directory" tree-damaged "layer +sha256:${layers[0]}" "/usr: object .*dirtree: " "${layers[0]}"

flip "$(tree "${layers[1]}" /usr/share dirmeta)"
damaged "a bit of a directory's metadata" tree-damaged "layer +sha256:${layers[1]}" "/usr/share: object .*dirmeta: " "${layers[1]}"

chmod u+s "$(object "${layers[0]}" /usr/bin/x)"
damaged "another mode" file-damaged "layer +sha256:${layers[0]}" "/usr/bin/x: " "${layers[0]}"

chown 12:34 "$(object "${layers[0]}" /etc/setting)"
damaged "another owner" file-damaged "layer +sha256:${layers[0]}" "/etc/setting: " "${layers[0]}"

setfattr -n user.note -v other "$(object "${layers[1]}" /usr/share/data)"
damaged "another attribute" file-damaged "layer +sha256:${layers[1]}" "/usr/share/data: " "${layers[1]}"

old=$(ostree --repo="$repo" rev-parse "ociimage/${layers[1]}")
sum=$repo/objects/${old:0:2}/${old:2}.commit
flip "$sum"
damaged "a bit of a layer's commit" commit-damaged "layer +sha256:${layers[1]}" "object $old.commit: " "${layers[1]}"

ostree --repo="$repo" refs --delete "ociimage/${layers[1]}"
damaged "a layer's branch that is missing" layer-missing "layer +sha256:${layers[1]}" "its branch is missing" "${layers[1]}"

: > "$repo/refs/heads/ociimage/${layers[0]}"
damaged "a layer's branch that is empty" layer-missing "layer +sha256:${layers[0]}" "its branch is " "${layers[0]}"

ostree --repo="$repo" commit --branch="ociimage/${layers[2]}" --tree="ref=ociimage/${layers[2]}" \
  --add-metadata-string=docker.uncompressed_digest="sha256:${layers[0]}" --add-metadata-string=docker.size=3 > /dev/null
damaged "wrong metadata of a layer" layer-metadata "layer +sha256:${layers[2]}" "docker.uncompressed_digest is " "${layers[2]}"

mkdir "$T/cut"
ostree --repo="$repo" cat "ociimage/$config" /content | head -c 60 > "$T/cut/content"
ostree --repo="$repo" commit --branch="ociimage/$config" --tree="dir=$T/cut" --add-metadata-string=docker.size=60 > /dev/null
damaged "a config that is cut short" config-damaged "config +sha256:$config" "/content: " "$config"

ostree --repo="$repo" refs --delete "ociimage/$config"
damaged "a config's branch that is missing" config-missing "config +sha256:$config" "its branch is missing" "$config"

flip "$(object "$config" /content)"
damaged "a bit of a config" file-damaged "config +sha256:$config" "/content: " "$config"

ostree --repo="$repo" commit --branch="$branch" --tree="ref=$branch" --add-metadata-string=docker.digest="$digest" \
  --add-metadata-string=docker.manifest="$manifest " > /dev/null
damaged "a manifest that is not of its digest" manifest-damaged "manifest +$digest" "docker.manifest is of digest" ""

flip "$(object "${branch#ociimage/}" /manifest.json)"
damaged "a bit of manifest.json" file-damaged "manifest +$digest" "/manifest.json: " ""

old=$(ostree --repo="$repo" rev-parse "$branch")
rm "$repo/objects/${old:0:2}/${old:2}.commit"
damaged "an image's commit that is missing" object-missing "manifest +-" "object $old.commit: it is missing" "$config ${layers[*]}"

old=$(jq -r '.["ostree-commit"]' "$root/../info")
rm "$repo/objects/${old:0:2}/${old:2}.commit"
damaged "a commit that only the container knows" checkout-changed "container +box.0" " its info names commit $old" ""
is "... the container names the new one" "$(jq -r '.["ostree-commit"]' "$root/../info")" \
  "$(ostree --repo="$repo" rev-parse "$branch")"

cp --remove-destination "$root/usr/bin/x" "$root/usr/bin/y"
echo more >> "$root/usr/bin/y"
touch -d @0 "$root/usr/bin/y"
mv "$root/usr/bin/y" "$root/usr/bin/x"
damaged "a file of the container" checkout-changed "container +box.0" "/usr/bin/x: " ""

rm "$root/top/text" "$root/usr/share/link"
rmdir "$root/top"
mkdir "$root/usr/share/link"
damaged "files of the container that are missing" checkout-missing "container +box.0" "/top: it is missing" ""

chmod 700 "$root/usr/share"
chown 5:6 "$root/etc"
damaged "owner and mode of directories of the container" checkout-changed "container +box.0" "/etc: its owner" ""

rm -r "$root"
damaged "the whole root of the container" checkout-missing "container +box.0" "/: it is missing" ""

# ---- what is no damage

touch "$root/mountpoint"
is "a file that was added is no damage" "$(status a verify --offline "$image")" 0
matches "... and is named" "$(cat "$T/out")" '^    checkout-added: /mountpoint: '
is "... and stays" "$(status a verify --repair --offline "$image" > /dev/null; a verify --repair "$image" > /dev/null; ls "$root/mountpoint")" "$root/mountpoint"
rm "$root/mountpoint"

# ---- several at once

flip "$(object "${layers[0]}" /usr/bin/x)"
ostree --repo="$repo" refs --delete "ociimage/${layers[2]}"
flip "$(object "$config" /content)"
rm "$(object "$config" /content)"
forget_requests hub
is "several at once: repaired" "$(status a verify --repair "$image")" 0
is "... with what it takes" "$(blobs hub)" "$(printf '%s\n' "${layers[0]}" "${layers[2]}" "$config" | sort | xargs)"
sound "several at once"

# ---- what looks right and is not

other=$hub/other:latest
make_layout "$T/other" other
push "$T/other:latest" "$other"
ok "pull another image" a pull "$other"
other_branch=ociimage/$(sed 's/:/_3A/g; s,/,_2F,g' <<< "$other")
ostree --repo="$repo" commit --branch="$branch" --tree="ref=$branch" --add-metadata-string=docker.digest="$digest" \
  --add-metadata-string=docker.manifest="$(ostree --repo="$repo" show --print-metadata-key=docker.manifest "$other_branch" |
    sed "s/^'//; s/'\$//")" > /dev/null
ostree --repo="$repo" refs --delete "ociimage/$config"
is "the manifest of another image: found" "$(status a verify --offline "$image")" 3
is "... repaired" "$(status a verify --repair "$image")" 0
[ ! -s "$T/err" ] || sed 's/^/# /' "$T/err"
sound "the manifest of another image"
is "... it is the old one" "$(ostree --repo="$repo" show --print-metadata-key=docker.digest "$branch" | tr -d "'")" "$digest"
a -y images delete "$other" > "$T/out" 2>&1 || fail "delete the other image" "$T/out"

file=$(object "${layers[0]}" /usr/bin/x)
rm "$file"
mkdir -p "$file/not/empty"
damaged "a directory in the place of a file" file-damaged "layer +sha256:${layers[0]}" "/usr/bin/x: .*it is not a file" "${layers[0]}"

ostree --repo="$repo" commit --branch=ociimage/bare_3Alatest --tree="ref=$branch" \
  --add-metadata-string=docker.digest="$digest" --add-metadata-string=docker.manifest="$manifest" > /dev/null
bare=$(ostree --repo="$repo" rev-parse ociimage/bare_3Alatest)
rm "$repo/objects/${bare:0:2}/${bare:2}.commit"
refused "a repair of a bare name" 1 "image bare:latest: cannot be repaired: where it came from is not known, its commit is damaged; pull it again" \
  a verify --repair bare
ostree --repo="$repo" refs --delete ociimage/bare_3Alatest

# ---- containers

pre=$R/usr/lib/containers/atomic
mkdir -p "$pre"
cp -a "$root/.." "$pre/given"
is "a preinstalled container" "$(status a verify --offline "$image")" 0
matches "... is looked at" "$(cat "$T/out")" '^  container /usr/lib/containers/atomic/given ok$'
echo more >> "$pre/given/rootfs/usr/bin/x"
is "... that is damaged" "$(status a verify --offline "$image")" 3
is "... is not repaired" "$(status a verify --repair "$image")" 3
matches "... which is said" "$(cat "$T/out")" '^  container /usr/lib/containers/atomic/given damaged$'
is "... in JSON" "$(a verify --json --offline "$image" | jq -r '[.[0].parts[] | select(.state == "damaged").id] | join(" ")')" \
  /usr/lib/containers/atomic/given
flip "$(object "${layers[0]}" /etc/setting)"
is "... while other things are" "$(status a verify --repair "$image")" 3
matches "... and that is said" "$(cat "$T/out")" "^  layer +sha256:${layers[0]} repaired\$"
rm -r "${R:?}/usr"

is "a container without a problem" "$(status a verify --offline -a)" 0
a install --system -n lost "$image" > /dev/null 2>&1
lost=$R/var/lib/containers/atomic/lost.0
# lost_problem TEXT ID PROBLEM
lost_problem() {
  is "$1: found" "$(status a verify --offline -a)" 3
  matches "$1: where" "$(cat "$T/out")" "^  container +$2 damaged\$"
  matches "$1: what" "$(cat "$T/out")" "^    checkout-info: $3"
  is "$1: in JSON" "$(a verify --offline -a --json 2> /dev/null | jq -r '.[-1] | "\(.image) \(.state) \(.parts[0].id) \(.parts[0].problems[0].kind)"')" \
    "null damaged $2 checkout-info"
  is "$1: not repaired" "$(status a verify --repair -a)" 3
}
cp "$lost/info" "$T/info"
: > "$lost/info"
lost_problem "an empty info" lost.0 "info: "
rm "$lost/info"
lost_problem "no info" lost.0 ".*info: No such file"
jq '.["ostree-commit"] = .revision | .revision = ("0" * 64)' "$T/info" > "$lost/info"
lost_problem "no image" lost.0 "its image is not in the repository"
cp "$T/info" "$lost/info"
is "... all is well again" "$(status a verify --offline -a)" 0
mv "$lost" "$T/lost.0"
lost_problem "no deployment" lost "its link names lost.0, which is not there"
mv "$T/lost.0" "$lost"
a uninstall lost > "$T/out" 2>&1

# An image that only a container holds.
cp "$repo/refs/heads/$branch" "$T/ref"
commit=$(jq -r '.["ostree-commit"]' "$root/../info")
a -y images delete -f "$image" > "$T/out" 2>&1 || fail "delete an image in use" "$T/out"
is "an image without a name: --all" "$(status a verify -a)" 0
is "... has it" "$(sed -n 1p "$T/out") $(grep -c '^  layer' "$T/out")" "$commit 3"
is "... and its container" "$(grep -c '^  container box.0 ok$' "$T/out")" 1
is "... by the name of the container" "$(status a verify box)" 0
flip "$(object "${layers[1]}" /usr/share/data)"
rm "$(object "${layers[2]}" /top/text)"
is "... damaged" "$(status a verify box)" 3
is "... --all" "$(status a verify -a)" 3
is "... repaired" "$(status a verify --repair box)" 0
[ ! -s "$T/err" ] || sed 's/^/# /' "$T/err"
is "... clean" "$(status a verify -a)" 0
echo more >> "$root/etc/setting"
: > "$repo/objects/${commit:0:2}/${commit:2}.commit"
is "... with its commit damaged" "$(status a verify --offline -a)" 3
refused "... which cannot be repaired" 1 "image $commit: cannot be repaired: where it came from is not known, its commit is damaged; pull it again" \
  a verify --repair -a
is "... no name came of it" "$(a images list -q)" ""
refused "no container and no image" 1 "no image 'nobody'" a verify nobody
mkdir -p "$(dirname "$repo/refs/heads/$branch")"
cp "$T/ref" "$repo/refs/heads/$branch"
is "... repaired with its name" "$(status a verify --repair "$image")" 0
[ ! -s "$T/err" ] || sed 's/^/# /' "$T/err"
rm "$repo/objects/${commit:0:2}/${commit:2}.commit" # nothing names it any more: prune's
sound "an image that had no name"

# A layer of which the repository does not know the digest.
old=$(ostree --repo="$repo" rev-parse "ociimage/${layers[0]}")
ostree --repo="$repo" commit --branch="ociimage/${layers[0]}" --tree="ref=$old" > /dev/null
is "a layer without digests" "$(status a verify --offline "$image")" 0
matches "... is said" "$(cat "$T/out")" "^  layer +sha256:${layers[0]} ok \(digest not checked: the repository does not have it\)\$"
is "... in JSON" "$(a verify --offline --json "$image" | jq -c '[.[0].parts[] | select(.part == "layer").digest_checked]')" '[false,true,true]'
echo "$old" > "$repo/refs/heads/ociimage/${layers[0]}"

# ---- newer, unreachable, none

make_layout "$T/layout2" second
push "$T/layout2:latest" "$image"
is "a newer one" "$(status a verify "$image")" 4
matches "... is named" "$(cat "$T/out")" '^  source +has a newer one: sha256:[0-9a-f]{64}$'
is "... in JSON" "$(a verify --json "$image" | jq -r '.[0].source')" newer
flip "$(object "${layers[1]}" /usr/share/data)"
is "damaged wins over newer" "$(status a verify "$image")" 3
is "the repair is by digest: the old one, still newer at the source" "$(status a verify --repair "$image")" 4
sound_old() { a verify --offline "$image" > /dev/null && ostree --repo="$repo" fsck -q > /dev/null; }
ok "... and it is sound" sound_old
is "its digest is the old one" "$(ostree --repo="$repo" show --print-metadata-key=docker.digest "$branch" | tr -d "'")" "$digest"

ok "an image of a layout" a pull "oci:$T/layout:latest"
is "... has no newer one" "$(status a verify layout)" 0
is "... and no source in JSON" "$(a verify --json layout | jq -r '.[0].source')" none
rm "$repo/refs/heads/ociimage/${layers[2]}"
is "... is repaired from there" "$(status a verify --repair layout)" 0

is "--all" "$(status a verify -a)" 4
is "... has every image" "$(grep -c '^[^ ]' "$T/out")" 2
flip "$(object "${layers[0]}" /usr/bin/x)"
is "--all: damage that two images share" "$(status a verify --all --offline --json)" 3
is "... is in both" "$(jq -r '[.[].state] | join(" ")' "$T/out")" "damaged damaged"
is "--all --repair" "$(status a verify --all --repair)" 4
is "... once" "$(status a verify --all --offline)" 0

refused "neither IMAGE nor --all" 2 'either IMAGE or --all' a verify
refused "both" 2 'either IMAGE or --all' a verify -a "$image"
refused "an image that is not there" 1 "no image 'nothing'" a verify nothing
refused "--repair --offline" 2 'offline' a verify --repair --offline "$image"

# ---- a repair that cannot be

# unchanged TEXT COMMAND...: COMMAND ends with 1 and changes nothing
unchanged() {
  local text=$1
  shift
  listing "$repo" | grep -v ' \./\?\.lock' > "$T/before"
  refused "$text" "$@"
  listing "$repo" | grep -v ' \./\?\.lock' > "$T/after"
  same "$text: nothing is changed" "$T/before" "$T/after"
}

flip "$(object "${layers[0]}" /usr/bin/x)"
blob=$T/hub/data/docker/registry/v2/blobs/sha256/${layers[0]:0:2}/${layers[0]}/data
cp "$blob" "$T/blob"
flip "$blob"
unchanged "a source that lies" 1 "layer sha256:${layers[0]}: " a verify --repair "$image"
mv "$blob" "$T/gone"
unchanged "a source that lost it" 1 "${layers[0]}" a verify --repair "$image"
cp "$T/blob" "$blob"

start_fake dead "$T/layout"
kill "$!"
wait "$!" 2> /dev/null || :
is "found again" "$(status a verify --offline "$image")" 3
hubpid=${PIDS[0]}
kill "$hubpid"
wait "$hubpid" 2> /dev/null || :
unchanged "a source that is gone" 1 "cannot be repaired" a verify --repair "$image"
is "unreachable: the damage is found all the same" "$(status a verify "$image")" 3
matches "... with a note" "$(cat "$T/err")" 'whether there is a newer one is not known'
is "repaired from the layout" "$(status a verify --repair layout)" 0
is "... the other one is whole with it, unreachable or not" "$(status a verify "$image")" 0
is "... its container is not" "$(status a verify --offline "$image")" 0

finish
