#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# images prune: what goes and what stays, in a repository of our own and in one that others use, and the figures.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
checkouts=$R/var/lib/containers/atomic
repo=$checkouts/.storage/ostree
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout
for i, name in enumerate(['one', 'two', 'three']):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)
    with layout.layer() as t:
        t.file('name', name.encode() * 2000)
        t.file('size', os.urandom(100000 * (i + 1)))
    layout.image('latest', {'Entrypoint': ['/bin/busybox']})
END
layer() { jq -r ".layers[$2].digest" "$T/$1/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/$1/index.json" | cut -d: -f2)" | cut -d: -f2; }
config() { jq -r .config.digest "$T/$1/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/$1/index.json" | cut -d: -f2)" | cut -d: -f2; }
# disk: bytes of all files, each once; files: how many
disk() { find "$R" -type f -printf '%i %b\n' -o -type l -printf '%i %b\n' | sort -u | awk '{ sum += $2 * 512 } END { print sum + 0 }'; }
objects() { find "$1/objects" -type f -o -type l | wc -l; }
branch() { ostree --repo="$repo" rev-parse "ociimage/$1" > /dev/null 2>&1; }

is "without a repository" "$(a images prune)" "Freed 0 objects, 0 B on disk"
is "... nothing is made" "$(find "$R" -mindepth 1)" ""
for image in one two three; do ok "pull $image" a pull "oci:$T/$image"; done
listing "$R" > "$T/before"
is "nothing to prune" "$(a images prune)" "Freed 0 objects, 0 B on disk"
listing "$R" > "$T/after"
same "... nothing has changed" "$T/before" "$T/after"

# ---- an image and its figures

ok "delete" a -y images delete one
listing "$R" > "$T/before"
would=$(a images prune --dry-run)
would_json=$(a images prune --dry-run --json)
listing "$R" > "$T/after"
same "--dry-run changes nothing" "$T/before" "$T/after"
is "... the figures are JSON too" "$(jq -r '[.dry_run, (.branches | length), (.checkouts | length)] | @tsv' <<< "$would_json")" \
  "$(printf 'true\t2\t0')"
bytes=$(disk) count=$(objects "$repo")
did=$(a images prune)
is "what it would do is what it does" "$did" "$(sed 's/^Would delete/Deleting/; s/^Would free/Freed/' <<< "$would")"
is "its own layer and its config go" "$(grep -c . <<< "$did") $(grep -c "ociimage/$(layer one 1)\|ociimage/$(config one)" <<< "$did")" "3 2"
is "the bytes are those of the disk" "$((bytes - $(disk)))" "$(jq .bytes <<< "$would_json")"
is "the objects are counted" "$((count - $(objects "$repo")))" "$(jq .objects <<< "$would_json")"
ok "the layer that others need stays" branch "$(layer one 0)"
ok "the config of an image with a name stays" branch "$(config two)"
ok "what is left can be installed" a install -n box two
ok "ostree fsck is clean" ostree --repo="$repo" fsck
is "... and finds nothing to prune" "$(ostree --repo="$repo" prune --refs-only --no-prune | tail -n 1)" "No unreachable objects"

# ---- what containers were made of

ok "delete an image in use" a -y images delete --force two
is "a container's image stays, though it has no name" "$(a images prune)" "Freed 0 objects, 0 B on disk"
ok "... its layer" branch "$(layer two 1)"
ok "... its config" branch "$(config two)"
mv "$checkouts/box.0" "$checkouts/box.1"
ln -sfn box.1 "$checkouts/box"
cp -a "$checkouts/box.1" "$checkouts/box.0"
sed -i 's/"ostree-commit" *: *"[0-9a-f]*"/"ostree-commit": "none"/' "$checkouts/box.1/info"
is "... also of a deployment that is not live" "$(a images prune)" "Freed 0 objects, 0 B on disk"
echo '{' > "$checkouts/box.0/info"
listing "$R" > "$T/before"
refused "a container of which nobody knows what it needs" 1 "box.0.*info" a images prune
listing "$R" > "$T/after"
same "... nothing has changed" "$T/before" "$T/after"
rm -r "$checkouts/box.0"
ok "uninstall" a uninstall box
matches "then they go" "$(a images prune)" "^Deleting ociimage/$(layer two 1)\$"
no "... the layer" branch "$(layer two 1)"

# ---- an image without a manifest

ok "delete" a images tag three kept
a -y images delete three > /dev/null 2>&1
mkdir "$T/empty-tree"
ok "an image as an old tool stored it" ostree --repo="$repo" commit -b ociimage/old_3Alatest "$T/empty-tree"
ok "pull an image" a pull "oci:$T/one"
ok "... delete it" a -y images delete one
out=$(a images prune 2> "$T/notes")
no "nobody knows what the old image needs: no layers go" grep -q ociimage <<< "$out"
is "... one note says so" "$(grep -c 'image old:.* no layers are removed' "$T/notes")" 1
ok "... the layer is there" branch "$(layer one 1)"
ok "delete the old image" a -y images delete old
matches "... then it goes" "$(a images prune 2>&1)" "^Deleting ociimage/$(layer one 1)\$"
ok "ostree fsck is clean" ostree --repo="$repo" fsck

# ---- orphan checkouts

ok "install" a install -n box kept
cp -a "$checkouts/box.0" "$checkouts/gone.0"
mkdir -p "$checkouts/half.1/rootfs" "$checkouts/.tmp-x.AAAAAA" "$checkouts/notes.2024" "$checkouts/.run.gone-run-1.AAAAAA"
touch -d '1 hour ago' "$checkouts/.run.gone-run-1.AAAAAA"
echo mine > "$checkouts/notes.2024/text"
would=$(a images prune --dry-run)
for dir in gone.0 half.1 .tmp-x.AAAAAA .run.gone-run-1.AAAAAA; do
  matches "$dir is an orphan" "$would" "^Would delete $checkouts/$dir\$"
  ok "... and --dry-run leaves it" test -e "$checkouts/$dir"
done
is "... no others are" "$(grep -c "^Would delete" <<< "$would")" 4
bytes=$(disk)
freed=$(a images prune --json | jq .bytes)
is "the bytes are those of the disk" "$((bytes - $(disk)))" "$freed"
is "the orphans are gone, the rest is there" "$(cd "$checkouts" && ls -d .[!.]* * | xargs)" ".lock-box .storage box box.0 notes.2024"
ok "the container works" a run box /bin/busybox true
hello_layout "$T/hello-world"
a pull "oci:$T/hello-world" > /dev/null 2>&1
name=prune-$$
ok "a container that runs" a install -n "$name" --set PORT="$(free_port)" hello-world
ok "... started" a run -d "$name"
rm "$checkouts/$name"
out=$(a images prune 2>&1)
matches "... loses its link, and stays" "$out" "$name.0 stays: container $name runs in it"
ok "... is there" test -e "$checkouts/$name.0/rootfs/bin"
ln -s "$name.0" "$checkouts/$name"
ok "... is uninstalled" a uninstall "$name"
a uninstall box > /dev/null 2>&1

# ---- a repository of others

export ATOMIC_OSTREE_REPO=/srv/repo
repo=$R/srv/repo
mkdir -p "$R/srv" "$T/tree"
ostree --repo="$repo" init --mode=bare
echo "a host's file" > "$T/tree/file"
ostree --repo="$repo" commit -b host/x86_64 "$T/tree" > "$T/.out"
for i in 1 2; do
  echo "$i" > "$T/tree/file"
  ostree --repo="$repo" commit -b host/x86_64 "$T/tree" > "$T/.out"
done
echo remote > "$T/tree/file"
remote=$(ostree --repo="$repo" commit --orphan "$T/tree")
echo pulled > "$T/tree/file"
alone=$(ostree --repo="$repo" commit --orphan "$T/tree")
mkdir -p "$repo/refs/remotes/origin/ociimage"
echo "$remote" > "$repo/refs/remotes/origin/ociimage/x_3Alatest"
ostree --repo="$repo" fsck -q > "$T/.out"
objects_before=$(objects "$repo")
ok "pull into a repository of others" a pull "oci:$T/one"
ok "... delete" a -y images delete one
ok "... prune" a images prune
is "... all that was there is there, and no more" "$(objects "$repo")" "$objects_before"
for rev in host/x86_64 host/x86_64^ host/x86_64^^ "$remote" "$alone"; do
  ok "$rev is whole" ostree --repo="$repo" ls -R "$rev"
done
ok "ostree fsck is clean" ostree --repo="$repo" fsck

# ---- waiting

ok "pull" a pull "oci:$T/one"
mkfifo "$T/hold"
exec 9<> "$T/hold"
/usr/bin/python3 - "$repo/.lock" "$T/hold" "$T/held" <<'END' &
import fcntl, struct, sys
file = open(sys.argv[1], 'r+')
# An open file description lock, as libostree takes it: F_OFD_SETLK, F_RDLCK, from 0, all of it.
fcntl.fcntl(file, 37, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 0, 0))
open(sys.argv[3], 'w').close()
open(sys.argv[2]).readline()
END
holder=$!
PIDS+=("$holder")
wait_until 20 test -e "$T/held"
"$SC_ATOMIC" --root "$R" images prune > "$T/pruned" 2> "$T/waits" &
waiter=$!
PIDS+=("$waiter")
ok "prune waits for who uses the repository, and says so" wait_until 20 grep -q "waiting for another program that uses repository" "$T/waits"
ok "a pull does not wait for a reader" a pull "oci:$T/one"
kill -TERM "$waiter"
status=0
wait "$waiter" || status=$?
is "... it can be interrupted" "$status" 143
"$SC_ATOMIC" --root "$R" images prune > "$T/pruned" 2> "$T/waits-again" &
waiter=$!
PIDS+=("$waiter")
wait_until 20 test -s "$T/waits-again"
echo >&9
status=0
wait "$waiter" || status=$?
is "... and goes on when it is free" "$status $(cat "$T/pruned")" "0 Freed 0 objects, 0 B on disk"
is "... having said it once" "$(wc -l < "$T/waits-again")" 1
finish
