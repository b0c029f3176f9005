#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A pull that is killed goes on where it was: what the first one had kept is not asked for again, and whatever became of
# it meanwhile, the image is whole in the end and nothing else is in the repository.
. "$(dirname "$0")/../lib.sh"
need_root

kept_dir=var/lib/containers/atomic/.storage/ostree/tmp/atomic-partial
repo_of() { echo "$1/var/lib/containers/atomic/.storage/ostree"; }

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout, Random
top = sys.argv[1]

single = Layout(os.path.join(top, 'single'))
with single.layer() as t:
    t.directory('etc')
    t.file('etc/first', b'first\n')
    t.big_file('data', Random(1), 10 * 1000 * 1000)
    for i in range(300):
        t.file('etc/file-%d' % i, b'%d\n' % i * 1000)
    t.big_file('more', Random(2), 10 * 1000 * 1000)
single.image('latest', {'Entrypoint': ['/data']})

several = Layout(os.path.join(top, 'several'))
for i, size in enumerate([2, 3, 6, 1, 2]):
    with several.layer() as t:
        t.file('layer-%d' % i, b'%d\n' % i)
        t.big_file('big-%d' % i, Random(10 + i), size * 1000 * 1000)
        t.file('last-%d' % i, b'%d\n' % i)
several.image('latest', {'Entrypoint': ['/data']})

eight = Layout(os.path.join(top, 'eight'))
for i in range(8):
    with eight.layer() as t:
        t.big_file('big-%d' % i, Random(50 + i), 6 * 1000 * 1000)
eight.image('latest', {'Entrypoint': ['/data']})

# More objects than compressed bytes, and both together are more than the small disk below has.
wide = Layout(os.path.join(top, 'wide'))
with wide.layer() as t:
    t.big_file('random', Random(3), 12 * 1000 * 1000)
    for i in range(3):
        t.file('text-%d' % i, (b'the same again and again %d\n' % i) * 500 * 1000)
wide.image('latest', {'Entrypoint': ['/random']})
END

# layers LAYOUT: "hex size" of each, lowest first
layers() {
  local manifest
  manifest=$(jq -r '.manifests[0].digest' "$T/$1/index.json" | cut -d: -f2)
  jq -r '.layers[] | (.digest | ltrimstr("sha256:")) + " " + (.size | tostring)' "$T/$1/blobs/sha256/$manifest"
}
# asked LOG HEX: bytes that the server set out to send of a blob
asked() { awk -v hex="$2" '$2 ~ "/blobs/sha256:" hex {sum += $4} END {print sum + 0}' "$T/$1.log"; }

# The same image pulled without trouble: its objects are all that may be there.
for image in single several; do
  mkdir "$T/plain-$image"
  start_fake "plain-$image" "$T/$image" --log "$T/plain-$image.log"
  ok "$image: a pull without trouble" atomic --root "$T/plain-$image" pull "$REGISTRY/$image"
  no "... keeps nothing" test -e "$T/plain-$image/$kept_dir"
done
# Objects but commits, which have a time in them.
objects() { (cd "$(repo_of "$1")/objects" && find . -type f ! -name '*.commit' ! -name '*.commitmeta' | LC_ALL=C sort); }

# killed ROOT LAYOUT HEX BYTES: a pull that is killed when the layer HEX has arrived as far as BYTES
killed() {
  local root=$1 layout=$2 hex=$3 bytes=$4 pid
  rm -rf "$root"
  mkdir -p "$root"
  start_fake "stalled" "$T/$layout" --stall "$bytes" --only "sha256:$hex"
  start "$SC_ATOMIC" --root "$root" pull "$REGISTRY/$layout" > "$T/pull.out" 2> "$T/pull.err"
  pid=$!
  wait_until 60 has_size "$root/$kept_dir/$hex" "$bytes" || fail "the pull came to $bytes bytes" "$T/pull.err"
  # The other layers, too, so that it is known what is kept.
  wait_until 60 all_others "$root" "$layout" "$hex" || fail "the other layers arrived" "$T/pull.err"
  kill -KILL "$pid"
  wait "$pid" 2> /dev/null || :
}
has_size() { [ "$(stat -c %s "$1" 2> /dev/null)" = "$2" ]; }
all_others() {
  local hex size
  while read -r hex size; do
    [ "$hex" = "$3" ] || has_size "$1/$kept_dir/$hex" "$size" || return 1
  done < <(layers "$2")
}

# resumes TEXT ROOT LAYOUT: pulls from a registry that behaves, and checks all that there is to check
resumes() {
  local text=$1 root=$2 layout=$3
  rm -f "$T/good.log"
  start_fake good "$T/$layout" --log "$T/good.log"
  ok "$text: the next pull ends well" atomic --root "$root" pull "$REGISTRY/$layout"
  cp "$T/.out" "$T/said"
  ok "... ostree fsck is clean" ostree --repo="$(repo_of "$root")" fsck
  objects "$root" > "$T/got"
  objects "$T/plain-$layout" > "$T/wanted"
  same "... the repository holds the image and nothing else" "$T/got" "$T/wanted"
  no "... nothing is kept any more" test -e "$root/$kept_dir"
  is "... tmp/ is clean" "$(find "$(repo_of "$root")/tmp" -mindepth 1 -maxdepth 1 ! -name cache -printf '%f ')" ""
}

read -r hex size < <(layers single)
R=$T/root

# ---- one layer

for percent in 40 80; do
  part=$((size * percent / 100))
  killed "$R" single "$hex" "$part"
  is "killed at $percent %: what came is kept" "$(stat -c %s "$R/$kept_dir/$hex")" "$part"
  is "... and nobody else can read it" "$(stat -c %a "$R/$kept_dir")" 700
  resumes "killed at $percent %" "$R" single
  is "... only the rest was asked for" "$(asked good "$hex")" $((size - part))
done

killed "$R" single "$hex" 1000000
killed_again() {
  start_fake again "$T/single" --stall 2000000 --only "sha256:$hex"
  start "$SC_ATOMIC" --root "$R" pull "$REGISTRY/single" > "$T/pull.out" 2> "$T/pull.err"
  local pid=$!
  wait_until 60 has_size "$R/$kept_dir/$hex" 3000000 || fail "the second pull came further" "$T/pull.err"
  kill -KILL "$pid"
  wait "$pid" 2> /dev/null || :
}
killed_again
resumes "killed twice" "$R" single
is "... only the rest was asked for" "$(asked good "$hex")" $((size - 3000000))

# ---- several layers: those that were complete are not asked for again

mapfile -t all < <(layers several)
read -r third third_size <<< "${all[2]}"
part=$((third_size * 4 / 10))
killed "$R" several "$third" "$part"
resumes "killed in the third of five layers" "$R" several
is "... only the rest of it was asked for" "$(asked good "$third")" $((third_size - part))
for i in 0 1 3 4; do
  is "... and nothing of layer $i" "$(asked good "${all[$i]% *}")" 0
done

# ---- what became of the bytes meanwhile

part=$((size / 2))
# spoilt TEXT COMMAND...: COMMAND runs on what is kept; the pull must be as good as ever
spoilt() {
  local text=$1
  shift
  killed "$R" single "$hex" "$part"
  "$@"
  resumes "$text" "$R" single
}
zero_tail() { dd if=/dev/zero of="$R/$kept_dir/$hex" bs=4096 seek=$((part / 4096 - 100)) count=100 conv=notrunc 2> /dev/null; }
garbage() { head -c "$part" /dev/urandom > "$R/$kept_dir/$hex"; }
one_bit() { printf '\377' | dd of="$R/$kept_dir/$hex" bs=1 seek=$((part - 77)) conv=notrunc 2> /dev/null; }
empty() { : > "$R/$kept_dir/$hex"; }
too_long() { head -c $((size + 1)) /dev/zero > "$R/$kept_dir/$hex"; }
all_zeros() { head -c "$size" /dev/zero > "$R/$kept_dir/$hex"; }
directory() { rm "$R/$kept_dir/$hex" && mkdir "$R/$kept_dir/$hex" && touch "$R/$kept_dir/$hex/x"; }
strange() { touch "$R/$kept_dir/something"; mkdir "$R/$kept_dir/else"; }
link() { cp "$R/$kept_dir/$hex" "$T/target"; ln -sf "$T/target" "$R/$kept_dir/$hex"; }

for how in zero_tail garbage one_bit; do
  spoilt "${how/_/ }" "$how"
  matches "... it says so" "$(cat "$T/said")" "layer sha256:$hex: .*fetched again"
  # What is kept may turn out to be bad before the rest is asked for.
  matches "... the rest and then the whole layer were asked for" "$(asked good "$hex")" "^($((size - part + size))|$size)\$"
done
spoilt "all zeros, of the right size" all_zeros
is "... the layer was asked for once" "$(asked good "$hex")" "$size"
for how in empty too_long directory link; do
  spoilt "$how" "$how"
  is "... the layer was asked for once" "$(asked good "$hex")" "$size"
done
is "a link's target is as it was" "$(stat -c %s "$T/target")" "$part"
spoilt "other things in the directory" strange
is "... only the rest was asked for" "$(asked good "$hex")" $((size - part))

# ---- registries that cannot give the rest

for option in --no-range "--refuse-range" "--bad-range 100"; do
  killed "$R" single "$hex" "$part"
  # shellcheck disable=SC2086
  start_fake odd "$T/single" --log "$T/odd.log" $option
  if [ "$option" = --no-range ]; then
    ok "a registry that knows no ranges: the pull ends well" atomic --root "$R" pull "$REGISTRY/single"
  else
    ok "a registry that answers a range with $option: the pull ends well" atomic --root "$R" pull "$REGISTRY/single"
  fi
  ok "... ostree fsck is clean" ostree --repo="$(repo_of "$R")" fsck
  rm -f "$T/odd.log"
done

# ---- somebody else has the file, and how long it stays

killed "$R" single "$hex" "$part"
exec 9< "$R/$kept_dir/$hex"
flock -n 9 || fail "the lock of a killed pull is free"
start_fake good "$T/single" --log "$T/shared.log" 9<&-
ok "another process holds the file: the pull goes on without" atomic --root "$R" pull "$REGISTRY/single" 9<&-
is "... it asked for everything" "$(asked shared "$hex")" "$size"
is "... and left the file alone" "$(stat -c %s "$R/$kept_dir/$hex")" "$part"
exec 9<&-
start_fake other "$T/several"
ok "a pull of another image" atomic --root "$R" pull "$REGISTRY/several"
is "... leaves what is young" "$(stat -c %s "$R/$kept_dir/$hex")" "$part"
touch -d '25 hours ago' "$R/$kept_dir/$hex"
ok "the next one" atomic --root "$R" pull "oci:$T/wide"
no "... removes what is old" test -e "$R/$kept_dir"

killed "$R" single "$hex" "$part"
start_fake other "$T/several"
ok "a pull of another image" atomic --root "$R" pull "$REGISTRY/several"
touch -d '25 hours ago' "$R/$kept_dir/$hex"
ok "the same again, which changes nothing" atomic --root "$R" pull "$REGISTRY/several"
no "... removes what is old, too" test -e "$R/$kept_dir"

# ---- something else in the place of the directory

for what in file link; do
  killed "$R" single "$hex" "$part"
  rm -r "${R:?}/$kept_dir"
  if [ "$what" = file ]; then touch "$R/$kept_dir"; else ln -s /nonexistent "$R/$kept_dir"; fi
  resumes "a $what in the place of the directory" "$R" single
  is "... the layer was asked for once" "$(asked good "$hex")" "$size"
done

# ---- errors and Ctrl-C leave nothing

killed "$R" single "$hex" "$part"
start_fake refuses "$T/single" --status 404 --only "sha256:$hex"
refused "an error after a killed pull" 1 "has no blob" atomic --root "$R" pull "$REGISTRY/single"
no "... leaves nothing" test -e "$R/$kept_dir"
for wrong in "404 has no blob" "403 refuses access" "501 answered 501"; do
  killed "$R" single "$hex" "$part"
  rm -f "$T/wrong.log"
  start_fake refuses "$T/single" --status "${wrong%% *}" --only "sha256:$hex" --log "$T/wrong.log"
  refused "${wrong%% *} after a killed pull" 1 "${wrong#* }" atomic --root "$R" pull "$REGISTRY/single"
  no "... what was kept is not blamed" grep 'of no use' "$T/.err"
  is "... the layer was asked for once" "$(grep -c "/blobs/sha256:$hex" "$T/wrong.log")" 1
done
for signal in INT TERM; do
  rm -rf "$R"
  mkdir "$R"
  start_fake stalled "$T/single" --stall "$part" --only "sha256:$hex"
  start env --default-signal=INT "$SC_ATOMIC" --root "$R" pull "$REGISTRY/single" > "$T/pull.out" 2> "$T/pull.err"
  pid=$!
  wait_until 60 has_size "$R/$kept_dir/$hex" "$part" || fail "the pull came to $part bytes" "$T/pull.err"
  kill "-$signal" "$pid"
  status=0
  wait "$pid" || status=$?
  is "SIG$signal: exit status" "$status" "$([ "$signal" = INT ] && echo 130 || echo 143)"
  no "... leaves nothing" test -e "$R/$kept_dir"
done

# ---- a disk with room for each layer's bytes beside the image, but not for all of them

mkdir "$T/tmpfs"
if mount -t tmpfs -o size=100m tmpfs "$T/tmpfs" 2> "$T/.err"; then
  MOUNTS+=("$T/tmpfs")
  start_fake eight "$T/eight" --log "$T/eight.log"
  ok "room for each layer, not for all" atomic --root "$T/tmpfs" pull "$REGISTRY/eight"
  is "... nothing is asked for twice" "$(grep -c '/blobs/' "$T/eight.log")" 9
  ok "... ostree fsck is clean" ostree --repo="$(repo_of "$T/tmpfs")" fsck
else
  skip "a disk with room for each layer" "no mounts here: $(cat "$T/.err")"
fi

# ---- a disk on which the image fits, but not the image and its compressed bytes

wide_full=$(layers wide | { read -r wide_hex _; gzip -dc "$T/wide/blobs/sha256/$wide_hex" | wc -c; })
truncate -s 90M "$T/disk"
mkfs.ext4 -q -F -m 0 "$T/disk"
mkdir "$T/small"
if mount -o loop "$T/disk" "$T/small" 2> "$T/.err"; then
  MOUNTS+=("$T/small")
  mkdir "$T/small/root"
  start_fake wide "$T/wide" --log "$T/wide.log"
  ok "an empty file system" atomic --root "$T/small/root" pull "oci:$T/several"
  avail=$(($(stat -f -c '%a * %S' "$T/small")))
  # Room enough to begin with, and not enough to end.
  fallocate -l $((avail - wide_full - 9000000)) "$T/small/fill"
  ok "what is kept gives way to the image" atomic --root "$T/small/root" pull "$REGISTRY/wide"
  is "... which took a second try" "$(grep -c '/blobs/.* 20[06]' "$T/wide.log")" 3 # config, layer, layer
  ok "... ostree fsck is clean" ostree --repo="$(repo_of "$T/small/root")" fsck
  no "... nothing is kept any more" test -e "$T/small/root/$kept_dir"
else
  skip "a small disk" "no loop mounts here: $(cat "$T/.err")"
fi

finish
