#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# kill -9, and a failing disk, at calls by which tag, delete and prune change the file system (every second one, with SC_ROUNDS=all,
# make check-kill, each): what is left is whole, names are old or new, and the next command finds its way.
. "$(dirname "$0")/../lib.sh"
need_root

# ---- kill-at itself

# shellcheck disable=SC2016 # for the inner shell
program='echo one > a; (mv a b); : > c & wait; rm b; echo two >&2'
mkdir "$T/kill" && cd "$T/kill"
status=0
kill_at ../count 0 --trace ../trace -- bash -c "$program" 2> /dev/null || status=$?
is "kill-at 0: the command's status" "$status" 0
is "... counts what changes files, in children too" "$(cat ../count): $(cut -d' ' -f2 ../trace | xargs)" \
  "5: openat write renameat2 openat unlinkat"
is "... numbered" "$(cut -d' ' -f1 ../trace | xargs)" "1 2 3 4 5"
for n in 1 2 3 4 5 6; do
  rm -f ./*
  status=0
  kill_at ../count "$n" -- bash -c "$program" || status=$?
  echo "$n $status $(cat ../count) $(find . -type f -printf '%f:%s\n' | sort | xargs)"
done > ../got 2> /dev/null
cat > ../wanted <<END
1 137 1 
2 137 2 a:0
3 137 3 a:4
4 137 4 b:4
5 137 5 b:4 c:0
6 0 5 c:0
END
same "kill-at N: the N-th is not made, and all processes end" ../got ../wanted
status=0
kill_at ../count 1 -- sh -c 'sh -c "exit 7"' || status=$?
is "kill-at beyond the end: the command's status" "$status $(cat ../count)" "7 0"
rm -f ./*
status=0
kill_at ../count 2 --error ENOSPC -- bash -c 'echo one > a || exit 9; touch b' 2> "$T/.err" || status=$?
# The third is its message.
is "kill-at --error: the call fails, and the program goes on" "$status $(cat ../count) $(echo *)" "9 3 a"
matches "... with that error" "$(cat "$T/.err")" "No space left on device"
cd "$T"

# ---- a small repository

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout
for i, name in enumerate(['one', 'two', 'old', 'gone']):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
    with layout.layer() as t:
        t.directory('etc')
        t.file('etc/name', name.encode() * 100)
        t.file('etc/only-%d' % i, b'%d' % i)
    layout.image('latest', {'Entrypoint': ['/bin/true']})
END

P=$T/pristine
R=$T/root
checkouts=var/lib/containers/atomic
repo=$R/$checkouts/.storage/ostree
a() { "$SC_ATOMIC" --root "$R" "$@"; }
fresh() { rm -rf "$R" && cp -a "$P" "$R"; }

mkdir "$R"
for image in one two old; do
  ok "pull $image" a pull "oci:$T/$image"
  ok "install $image" a install -n probe "$image"
  cp -a "$R/$checkouts/probe.0/rootfs" "$T/root-of-$image"
  ok "uninstall it" a uninstall probe
done
ok "a container" a install -n box one
ok "a container whose image is deleted" a install -n stays old
ok "... and deleted" a -y images delete --force old
ok "an image that nobody needs" a pull "oci:$T/gone"
ok "... deleted" a -y images delete gone
# What commands that died have left: a checkout, directories, kept bytes, a ref.
cp -a "$R/$checkouts/box.0" "$R/$checkouts/dead.0"
mkdir -p "$R/$checkouts/.tmp-x.AAAAAA/rootfs" "$repo/tmp/staging-x-AAAAAA/00" "$repo/tmp/atomic-partial"
echo bytes > "$repo/tmp/atomic-partial/$(printf '%064d' 0)"
cp "$repo/refs/heads/ociimage/two_3Alatest" "$repo/refs/heads/ociimage/tmp.AbCd01"
mv "$R" "$P"

names() { a images list --json | jq -r '.[] | .repo + ":" + .tag + " " + .id[0:6]' | xargs; }
ids() { a images list --json | jq -r ".[] | select(.repo == \"$1\") | .id[0:6]"; }
fresh
id_one=$(ids one) id_two=$(ids two)
before="one:latest $id_one two:latest $id_two"
is "a stray ref is no image" "$(names)" "$before"

# whole IMAGE: it can be laid out, and is what it was.  In $T/.log what is not so.
whole() {
  a install -n probe "$1" > "$T/.out" 2>&1 || { echo "$1: install: $(cat "$T/.out")"; return; }
  diff -r --no-dereference "$R/$checkouts/probe.0/rootfs" "$T/root-of-$1" || echo "$1: not what it was"
  a uninstall probe > "$T/.out" 2>&1 || { echo "$1: uninstall: $(cat "$T/.out")"; }
}

# sound IMAGES NAMES...: lines that tell what is wrong with the root; NAMES: what the names may be
sound() {
  local images=$1 now name
  shift
  now=$(names 2>&1)
  grep -qxF -- "$now" <<< "$(printf '%s\n' "$@")" || echo "names: $now"
  ostree --repo="$repo" fsck -q > "$T/.out" 2>&1 || { echo "fsck: "; cat "$T/.out"; }
  for name in $images; do ! grep -qw "$name:latest" <<< "$now" || whole "$name"; done
  diff -r --no-dereference "$R/$checkouts/box.0/rootfs" "$T/root-of-one" || echo "box: not what it was"
  a images prune > "$T/.out" 2>&1 || { echo "prune: $(cat "$T/.out")"; }
  now=$(a images prune 2>&1)
  [ "$now" = "Freed 0 objects, 0 B on disk" ] || echo "second prune: $now"
  grep -q "^No unreachable objects\|^Would delete: $unreachable" <<< "$(ostree --repo="$repo" prune --refs-only --no-prune)" \
    || echo "prune left: $(ostree --repo="$repo" prune --refs-only --no-prune)"
  ls -d "$R/$checkouts"/{.tmp-*,dead*} "$repo"/tmp/{staging-*,atomic-*} "$repo"/refs/heads/ociimage/tmp.* 2> /dev/null || :
  ostree --repo="$repo" fsck -q > "$T/.out" 2>&1 || { echo "fsck after prune: "; cat "$T/.out"; }
  a pull "oci:$T/two" > "$T/.out" 2>&1 || { echo "pull: $(cat "$T/.out")"; }
  whole two
  whole one
}

# What only "stays" keeps is not reached by a ref.
fresh
ok "prune" a images prune
unreachable=$(ostree --repo="$repo" prune --refs-only --no-prune | sed -n 's/^Would delete: //p')
matches "... keeps what a container without an image needs" "$unreachable" '^[1-9]'

# at_every COMMAND...: $STEP points apart; $ALLOWED: what the names may be
at_every() {
  local n status mode failed=0 points
  fresh
  kill_at "$T/count" 0 -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.out" 2>&1 || cat "$T/.out"
  points=$(cat "$T/count")
  : > "$T/log" > "$T/judged"
  for mode in kill EIO; do
    for ((n = 1; n <= points; n += STEP)); do
      fresh
      status=0
      if [ "$mode" = kill ]; then
        kill_at "$T/count" "$n" -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.cmd" 2>&1 || status=$?
        [ "$status" = 137 ] || echo "killed at $n: status $status: $(cat "$T/.cmd")" >> "$T/log"
      else
        kill_at "$T/count" "$n" --error EIO -- "$SC_ATOMIC" --root "$R" "$@" > "$T/.cmd" 2>&1 || status=$?
        [ "$status" -le 1 ] || echo "failed at $n: status $status: $(cat "$T/.cmd")" >> "$T/log"
      fi
      ! known "$R" "$T/judged" || continue
      sound "one two" "${ALLOWED[@]}" > "$T/.wrong" 2>&1 || :
      [ ! -s "$T/.wrong" ] || { sed "s/^/$mode at $n: /" "$T/.wrong" >> "$T/log"; failed=1; }
    done
  done
  if [ "$points" -gt 0 ] && [ ! -s "$T/log" ]; then
    pass "$*: killed, or failing, at each of its $points calls: $(wc -l < "$T/judged") outcomes"
  else
    fail "$*: $points calls" "$T/log"
  fi
}

STEP=2
[ "${SC_ROUNDS:-}" != all ] || STEP=1
ALLOWED=("$before" "extra:v1 $id_one $before")
at_every images tag one extra:v1
ALLOWED=("$before" "one:latest $id_two two:latest $id_two")
fresh
status=0
for ((n = 1; ; n++)); do
  fresh
  status=0
  kill_at "$T/count" "$n" -- "$SC_ATOMIC" --root "$R" images tag two one > "$T/.out" 2>&1 || status=$?
  [ "$status" = 137 ] || break
  grep -qxF -- "$(names)" <<< "$(printf '%s\n' "${ALLOWED[@]}")" || echo "at $n: $(names)"
  ostree --repo="$repo" fsck -q > "$T/.out" 2>&1 || echo "at $n: $(cat "$T/.out")"
done > "$T/log"
is "a name that is moved is old or new: $((n - 1)) calls" "$status $(cat "$T/log")" "0 "
ALLOWED=("$before" "one:latest $id_one")
at_every -y images delete two
[ -z "$SC_SANITIZE" ] || STEP=12
ALLOWED=("$before")
at_every images prune
finish
