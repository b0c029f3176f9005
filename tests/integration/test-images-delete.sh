#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# images tag and images delete: names, ids, images that containers use, and the question.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
repo=$R/var/lib/containers/atomic/.storage/ostree
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
names() { a images list --json | jq -r '.[] | .repo + ":" + .tag' | xargs; }
id() { a images list --json | jq -r ".[] | select(.repo + \":\" + .tag == \"$1\") | .id"; }
refs() { ostree --repo="$repo" refs ociimage | sort; }
commit() { ostree --repo="$repo" rev-parse "ociimage/$1"; }

# ---- images that other tools make

hello_layout "$T/hello-world"
umoci init --layout "$T/umoci" > "$T/.out"
for tag in latest v2; do
  mkdir "$T/$tag"
  echo "$tag" > "$T/$tag/file"
  tar -C "$T/$tag" -cf "$T/$tag.tar" file
  umoci new --image "$T/umoci:$tag" > "$T/.out"
  umoci raw add-layer --image "$T/umoci:$tag" "$T/$tag.tar" > "$T/.out"
done
ok "pull an image of buildah's" a pull "oci:$T/hello-world"
ok "pull an image of umoci's" a pull "oci:$T/umoci:latest"
ok "... and another" a pull "oci:$T/umoci:v2"
is "images" "$(names)" "hello-world:latest umoci:latest umoci:v2"

# ---- tag

ok "tag" a images tag umoci reg.example:5000/a/b
is "... says nothing" "$(cat "$T/.out")" ""
is "... is there" "$(names)" "hello-world:latest reg.example:5000/a/b:latest umoci:latest umoci:v2"
is "... is the same commit" "$(commit reg.example_3A5000_2Fa_2Fb_3Alatest)" "$(commit umoci_3Alatest)"
short=$(id umoci:latest | head -c 12)
out=$(a images tag umoci:v2 reg.example:5000/a/b:latest 2>&1)
is "a name that moves: what it was" "$out" "reg.example:5000/a/b:latest was $short before"
is "... has moved" "$(commit reg.example_3A5000_2Fa_2Fb_3Alatest)" "$(commit umoci_3Av2)"
ok "tag by id" a images tag "$short" umoci:same
is "... is the same image" "$(id umoci:same)" "$(id umoci:latest)"
refs > "$T/before"
refused "a target with a digest" 2 "has a digest" a images tag umoci "x@sha256:$(id umoci:latest)"
refused "a target in a directory" 2 "place of images" a images tag umoci "oci:/x:y"
refused "a target in upper case" 2 "'UPPER'" a images tag umoci UPPER
refused "a name that is too long" 1 "too long for a branch" a images tag umoci "$(printf 'a/%.0s' {1..90})a"
refused "an image that is not there" 1 "no image 'nothing'" a images tag nothing x
refused "no target" 2 "NAME is missing" a images tag umoci
refs > "$T/after"
same "... and nothing has changed" "$T/before" "$T/after"

# ---- delete

refused "no image" 2 "IMAGE is missing" a -y images delete
refused "--all and an image" 2 "exclude each other" a -y images delete --all umoci
refused "one of several is not there" 1 "no image 'nothing'" a -y images delete umoci nothing
refused "an id with two names" 1 "$short \(umoci:latest\), $short \(umoci:same\)" a -y images delete "$short"
refused "other storage" 2 "storage 'docker'" a -y images delete --storage docker umoci
refused "without a terminal and without -y" 1 "no terminal.*-y" setsid -w "$SC_ATOMIC" --root "$R" images delete umoci
refs > "$T/after"
same "... and nothing has changed" "$T/before" "$T/after"

# ask ANSWER: what the terminal shows
ask() {
  printf '%s\n' "$1" | script -qec "'$SC_ATOMIC' --root '$R' images delete umoci:same umoci:v2" /dev/null > "$T/shown" 2>&1
}
status=0
ask n || status=$?
is "no is an answer: status 1" "$status" 1
matches "... to the question" "$(cat "$T/shown")" 'Do you want to delete 2 images\? \[y/N\]'
matches "... which names them" "$(cat "$T/shown")" '^umoci:v2'
refs > "$T/after"
same "... and nothing has changed" "$T/before" "$T/after"
ok "yes is another" ask y
is "... and they are gone" "$(names)" "hello-world:latest reg.example:5000/a/b:latest umoci:latest"

a images tag umoci umoci:one > /dev/null
a images tag umoci umoci:two > /dev/null
is "an id, with --force all its names" "$(a -y images delete --force "$short" 2> /dev/null | xargs)" \
  "umoci:latest umoci:one umoci:two"
is "-y stands after the command too" "$(a images delete -y reg.example:5000/a/b 2> "$T/notes")" "reg.example:5000/a/b:latest"
matches "... and a note tells of prune" "$(cat "$T/notes")" "images prune"
is "... that is all" "$(names)" "hello-world:latest"

# ---- branches that name no commit, as a power failure leaves them

a pull "oci:$T/umoci:v2" > /dev/null 2>&1
for text in "" "nothing of the kind"; do
  printf '%s' "$text" > "$repo/refs/heads/ociimage/umoci_3Av2"
  printf '%s' "$text" > "$repo/refs/heads/foreign"
  out=$(a images list 2>&1)
  matches "a damaged branch is listed" "$out" "^ *umoci +v2"
  matches "... and told" "$out" "image umoci:v2: branch ociimage/umoci_3Av2 is damaged"
  out=$(a images list --disk-use 2>&1)
  matches "... with what the others take" "$out" "^ *hello-world +latest"
  matches "... that of another program too" "$out" "branch foreign is damaged"
  ok "... also with all layers" a images list -a
  status=0
  a images verify -a > "$T/.out" 2>&1 || status=$?
  is "... verify says that it is damaged" "$status" 3
  listing "$repo/objects" > "$T/before"
  out=$(a images prune 2>&1)
  matches "... prune tells" "$out" "so no objects are removed"
  listing "$repo/objects" > "$T/after"
  same "... and leaves the objects" "$T/before" "$T/after"
  refused "... tag refuses it" 1 "umoci_3Av2 is damaged" a images tag umoci:v2 umoci:v3
  ok "... pull sets it again" a pull "oci:$T/umoci:v2"
  ok "... it is whole" a images verify umoci:v2
  printf '%s' "$text" > "$repo/refs/heads/ociimage/umoci_3Av2"
  ok "... a tag replaces it" a images tag hello-world umoci:v2
  printf '%s' "$text" > "$repo/refs/heads/ociimage/umoci_3Av2"
  is "... delete removes it" "$(a -y images delete umoci:v2 2> /dev/null)" "umoci:v2"
  a pull "oci:$T/umoci:v2" > /dev/null 2>&1
done
rm "$repo/refs/heads/foreign"
a -y images delete umoci:v2 > /dev/null 2>&1

# ---- used ones

ok "install" a install -n box hello-world
ok "install another" a install -n box-2 hello-world
refused "an image in use" 1 "image hello-world:latest is used by containers box, box-2: uninstall them or use --force" \
  a -y images delete hello-world
refused "... also among all" 1 "is used by containers" a -y images delete --all
a images tag hello-world hello:other > /dev/null
is "another name of it" "$(a -y images delete hello:other)" "hello:other"
# A deployment that is not live any more needs it too.
ok "uninstall one" a uninstall box-2
mv "$R/var/lib/containers/atomic/box.0" "$R/var/lib/containers/atomic/box.1"
ln -sfn box.1 "$R/var/lib/containers/atomic/box"
cp -a "$R/var/lib/containers/atomic/box.1" "$R/var/lib/containers/atomic/box.2"
echo '{"image": "other:latest", "revision": "x", "created": 1, "values": {}}' > "$R/var/lib/containers/atomic/box.1/info"
refused "an image of a deployment that is not live" 1 "used by container box:" a -y images delete hello-world
echo '{' > "$R/var/lib/containers/atomic/box.2/info"
refused "a container of which nobody knows the image" 1 "box.2" a -y images delete hello-world
rm "$R/var/lib/containers/atomic/box.2/info"
refused "... also if it has lost its info" 1 "box.2: it has no info" a -y images delete hello-world
refused "... prune" 1 "not known" a images prune
is "--force" "$(a -y images delete --force hello-world 2> /dev/null)" "hello-world:latest"
is "there are no images" "$(names)" ""
ok "delete --all where there is nothing" a images delete --all
rm -r "$R/var/lib/containers/atomic/box.2"
ok "uninstall" a uninstall box
ok "pull again: nothing is fetched" a pull "oci:$T/hello-world"
no "... no layer" grep -q "^Pulling layer" "$T/.out"
ok "delete --all" a -y images delete --all
is "... deletes it" "$(names)" ""
ok "ostree fsck is clean" ostree --repo="$repo" fsck
mkdir "$T/empty"
refused "in a root without a repository" 1 "no image 'x'" "$SC_ATOMIC" --root "$T/empty" -y images delete x
is "... nothing is made" "$(find "$T/empty" -mindepth 1)" ""
finish
