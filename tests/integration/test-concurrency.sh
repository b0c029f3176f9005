#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two pulls, an install, a delete and a prune at the same time, again and again: no error, and nothing that is needed is
# missing.  SC_ROUNDS (200) rounds; SC_SEED repeats the delays of a run.
. "$(dirname "$0")/../lib.sh"
need_root

rounds=${SC_ROUNDS:-$([ -n "$SC_SANITIZE" ] && echo 30 || echo 200)}
RANDOM=${SC_SEED:=$RANDOM}
echo "# $rounds rounds, SC_SEED=$SC_SEED"

# Images that share layers, so that what one delete leaves another image needs.
/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout
for i, name in enumerate(['kept', 'red', 'blue', 'late']):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
        t.file('shared', b'shared' * 100)
    if i > 0:
        with layout.layer() as t:
            t.file('colours', b'of all but kept')
    with layout.layer() as t:
        t.directory('etc')
        t.file('etc/name', name.encode())
        t.file('etc/both-%d' % (i % 2), b'of two of them')
    layout.image('latest', {'Entrypoint': ['/bin/true']})
END

R=$T/root
repo=$R/var/lib/containers/atomic/.storage/ostree
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
for image in kept red blue late; do
  a pull "oci:$T/$image" > "$T/.out"
  a install -n probe "$image" > "$T/.out" 2>&1
  cp -a "$R/var/lib/containers/atomic/probe.0/rootfs" "$T/root-of-$image"
  a uninstall probe > "$T/.out" 2>&1
done

# try NAME ALLOWED COMMAND...: what goes wrong, other than a failure that says ALLOWED, gets into $T/wrong
try() {
  local name=$1 allowed=$2 status=0
  shift 2
  a "$@" > "$T/out.$name" 2>&1 || status=$?
  [ "$status" = 0 ] && return
  if [ "$status" = 1 ] && [ -n "$allowed" ] && tail -n 1 "$T/out.$name" | grep -qE "$allowed"; then
    return
  fi
  { echo "round $round: $*: status $status"; cat "$T/out.$name"; } >> "$T/wrong"
}

pause() { sleep "0.0$((RANDOM % 10))"; }

# sound: every image that has a name can be laid out and is what it was
sound() {
  local image
  for image in $(a images list --json 2>> "$T/wrong" | jq -r '.[].repo'); do
    try check '' install -n probe "$image"
    diff -r --no-dereference "$R/var/lib/containers/atomic/probe.0/rootfs" "$T/root-of-$image" >> "$T/wrong" 2>&1 || :
    try check '' uninstall probe
  done
  ostree --repo="$repo" fsck -q > "$T/.fsck" 2>&1 || cat "$T/.fsck" >> "$T/wrong"
}

: > "$T/wrong"
images=(red blue late)
for ((round = 1; round <= rounds; round++)); do
  first=${images[RANDOM % 3]} second=${images[RANDOM % 3]} deleted=${images[RANDOM % 3]} mine=${images[RANDOM % 3]}
  seeds=("$RANDOM" "$RANDOM" "$RANDOM" "$RANDOM" "$RANDOM" "$RANDOM")
  jobs=()
  (RANDOM=${seeds[0]}; pause; try pull-1 '' pull "oci:$T/$first") & jobs+=($!)
  (RANDOM=${seeds[1]}; pause; try pull-2 '' pull "oci:$T/$second") & jobs+=($!)
  (RANDOM=${seeds[2]}; pause; try install '' install -n box kept; try install '' uninstall box) & jobs+=($!)
  # Deleted at the wrong moment, it is not there; but never half of it is.
  (
    RANDOM=${seeds[3]}
    pause
    try racer "no image '$mine" install -n racer "oci:$T/$mine"
    ! [ -L "$R/var/lib/containers/atomic/racer" ] \
      || diff -r --no-dereference "$R/var/lib/containers/atomic/racer/rootfs" "$T/root-of-$mine" >> "$T/wrong" 2>&1
    try racer "no container 'racer'" uninstall racer
  ) & jobs+=($!)
  (RANDOM=${seeds[4]}; pause; try delete "no image '$deleted'|is used by container racer" -y images delete "$deleted") & jobs+=($!)
  (RANDOM=${seeds[5]}; pause; try prune '' images prune) & jobs+=($!)
  # Branches that come and go while they are listed.
  (RANDOM=${seeds[0]}; pause; try tag '' images tag kept kept:other; try list '' images list -a; try use '' images list --disk-use) & jobs+=($!)
  for job in "${jobs[@]}"; do wait "$job" || echo "round $round: a job failed" >> "$T/wrong"; done
  [ $((round % 20)) != 0 ] || sound
  [ ! -s "$T/wrong" ] || break
done
if [ ! -s "$T/wrong" ]; then
  pass "$rounds rounds of pull, pull, install, install, delete and prune at once"
else
  fail "round $round with SC_SEED=$SC_SEED" "$T/wrong"
fi

ok "a prune when all is quiet" a images prune
ok "... frees all: a second one" a images prune
is "... has nothing to do" "$(a images prune 2>&1)" "Freed 0 objects, 0 B on disk"
matches "... nothing is left that no branch reaches" "$(ostree --repo="$repo" prune --refs-only --no-prune)" \
  '^No unreachable objects'
is "no containers are left" "$(a containers list -an)" ""
is "no temporaries are left" \
  "$(find "$R/var/lib/containers/atomic" "$repo/tmp" "$repo/refs" -maxdepth 1 \( -name '.tmp-*' -o -name 'staging-*' -o -name 'atomic-*' -o -name 'tmp.*' \))" ""
for image in kept red blue late; do
  ok "pull $image" a pull "oci:$T/$image"
  ok "it can be installed" a install -n "c-$image" "$image"
  ok "... and is what it was" diff -r --no-dereference "$R/var/lib/containers/atomic/c-$image.0/rootfs" "$T/root-of-$image"
done
ok "ostree fsck is clean" ostree --repo="$repo" fsck
finish
