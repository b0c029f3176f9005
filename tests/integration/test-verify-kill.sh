#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# images verify --repair, killed at every change that it makes of a file system: the repository is never worse than
# before, and the next repair finishes.
. "$(dirname "$0")/../lib.sh"
need_root
# Every third point, with sanitizers, which are slow, every tenth; with SC_ROUNDS=all (make check-kill) every one.
STEP=3
[ -z "$SC_SANITIZE" ] || STEP=10
[ "${SC_ROUNDS:-}" != all ] || STEP=1

base=$T/base
mkdir "$base"
/usr/bin/python3 - "$T/layout" << 'END'
import sys
from layout import Layout

layout = Layout(sys.argv[1])
with layout.layer() as tar:
    tar.directory('bin')
    tar.file('bin/x', b'echo x\n' * 100, mode=0o755)
    tar.file('y', b'y\n')
layout.image('latest', {'Entrypoint': ['/bin/x']})
END
"$SC_ATOMIC" --root "$base" pull "oci:$T/layout:latest" > /dev/null
"$SC_ATOMIC" --root "$base" install --system -n box layout > /dev/null 2>&1
below=var/lib/containers/atomic
listing "$base/$below/box.0/rootfs" > "$T/pristine"
layer=$(basename "$(grep -l . "$base/$below"/.storage/ostree/refs/heads/ociimage/* | while read -r ref; do
  ostree --repo="$base/$below/.storage/ostree" ls "ociimage/$(basename "$ref")" /y > /dev/null 2>&1 && echo "$ref"
done)")
sum=$(ostree --repo="$base/$below/.storage/ostree" ls -C "ociimage/$layer" /bin/x | awk '{print $5}')

fresh() { # COMMAND: a copy of the base in $R, damaged by it
  rm -rf "$T/root"
  cp -a "$base" "$T/root"
  R=$T/root
  repo=$R/$below/.storage/ostree
  "$1"
}
flip_file() {
  local file=$repo/objects/${sum:0:2}/${sum:2}.file
  printf 'X' | dd of="$file" bs=1 seek=300 conv=notrunc status=none
}
lose_ref() { rm "$repo/refs/heads/ociimage/$layer"; }

say() { printf '%s\n' "$*" >> "$T/why"; }
expect() { # STATUS... -- COMMAND: its exit status is one of them
  local wanted=() status=0
  while [ "$1" != -- ]; do
    wanted+=("$1")
    shift
  done
  shift
  "$@" > "$T/o" 2>&1 || status=$?
  [[ " ${wanted[*]} " == *" $status "* ]] || { say "point $n: status $status of: $*"; cat "$T/o" >> "$T/why"; }
}

# check: after a kill
check() {
  local rest
  # Every object that was good is good: what is damaged now is what was damaged before.
  expect 0 3 -- "$SC_ATOMIC" --root "$R" verify --offline layout
  if grep -qE '^    ' "$T/o" && ! grep -qE "$1" "$T/o"; then
    say "point $n: names something else"
    cat "$T/o" >> "$T/why"
  fi
  expect 0 -- "$SC_ATOMIC" --root "$R" verify --repair layout
  expect 0 -- "$SC_ATOMIC" --root "$R" verify layout
  expect 0 -- ostree --repo="$repo" fsck -q
  listing "$R/$below/box.0/rootfs" > "$T/now"
  cmp -s "$T/pristine" "$T/now" || say "point $n: the container's root is another"
  rest=$(find "$repo/tmp" -mindepth 1 -not -name cache -not -name '*.lock'; find "$R/$below" -maxdepth 1 -name '.tmp*')
  [ -z "$rest" ] || say "point $n: left: $rest"
}

# every TEXT DAMAGE PROBLEMS
every() {
  local text=$1 damage=$2 problems=$3 total status
  : > "$T/why"
  n=0
  fresh "$damage"
  expect 3 -- "$SC_ATOMIC" --root "$R" verify --offline layout
  kill_at "$T/count" 0 -- "$SC_ATOMIC" --root "$R" verify --repair layout > /dev/null 2>&1
  total=$(cat "$T/count")
  check "$problems"
  for ((n = 1; n <= total; n += STEP)); do
    fresh "$damage"
    status=0
    kill_at "$T/count" "$n" -- "$SC_ATOMIC" --root "$R" verify --repair layout > /dev/null 2>&1 || status=$?
    # Threads do not always make as many calls as before.
    [ "$status" = 137 ] || [ "$n" -gt $((total * 9 / 10)) ] || say "point $n of $total: status $status, was not killed"
    check "$problems"
  done
  if [ "$total" -gt 10 ] && [ ! -s "$T/why" ]; then
    pass "$text: $total points"
  else
    fail "$text: $total points" "$T/why"
  fi
}

every "a bit of a file, killed" flip_file '^    (file-damaged|checkout-changed): /bin/x: '
every "a layer's branch that is missing, killed" lose_ref '^    layer-missing: '

finish
