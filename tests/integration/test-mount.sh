#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# mount and unmount: what is seen is what umoci unpacks, read-only, or writable until it is unmounted; nothing is left
# behind, whenever the power goes.
# In a mount namespace of its own, so that nothing is left on this machine either.
if [ -z "${SC_OWN_MOUNTS:-}" ] && [ "$(id -u)" = 0 ]; then
  SC_OWN_MOUNTS=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R" "$T/mnt" "$T/other"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
checkouts=$R/var/lib/containers/atomic
repo=$checkouts/.storage/ostree
private() { find "$checkouts" -maxdepth 1 -name '.mount*'; }
mounts() { findmnt -rno TARGET | grep -c "^$T/" || :; }
none_left() { [ "$(mounts)" = 0 ] && [ -z "$(private)" ]; }

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout

CAPABILITY = bytes.fromhex('0100000200040000000000000000000000000000')  # cap_net_bind_service=ep
out = Layout(os.path.join(sys.argv[1], 'image'))
with out.layer() as t:
    for name in ('bin', 'etc', 'opaque', 'opaque/sub', 'was-dir', 'was-dir/sub'):
        t.directory(name)
    t.directory('home', mode=0o750, uid=1000, gid=1000)
    t.directory('noted', xattrs={'user.note': b'of a directory'})
    t.file('bin/true', open('/bin/busybox', 'rb').read(), mode=0o755)
    t.file('bin/su', b'setuid', mode=0o4755)
    t.file('bin/ping', b'capability', mode=0o755, xattrs={'security.capability': CAPABILITY})
    t.file('etc/note', b'x', xattrs={'user.note': b'\xff\x00binary'})
    t.file('etc/gone', b'1')
    t.file('etc/changed', b'old')
    t.file('etc/linked', b'one of two')
    t.file('opaque/old', b'1')
    t.file('opaque/sub/old', b'1')
    t.file('was-dir/sub/file', b'1')
    t.file('was-file', b'1')
    t.symlink('link', 'etc')
    t.symlink('climbs', '../../../../../../etc/passwd')
with out.layer() as t:
    t.whiteout('etc/gone')
    t.file('etc/changed', b'newer', mode=0o600, uid=5)
    t.directory('opaque')
    t.opaque('opaque')
    t.file('opaque/new', b'2')
    t.whiteout('was-dir')
    t.file('was-dir', b'a file')
    t.whiteout('was-file')
    t.directory('was-file')
    t.file('was-file/inner', b'2')
    t.hardlink('etc/second', 'etc/linked')
    t.hardlink('bin/ping-too', 'bin/ping')
with out.layer(compress=False) as t:
    t.whiteout('was-dir')
    t.directory('was-dir')
    t.file('was-dir/again', b'3')
    t.whiteout('was-file')
    t.symlink('was-file', 'was-dir')
    t.file('opaque/old', b'back')
    t.directory('home', mode=0o700, uid=1001, gid=1001)
    t.file(b'strange \n\t\x1b\\', b'1')
out.image('latest', {'Entrypoint': ['/bin/true', 'true']})

small = Layout(os.path.join(sys.argv[1], 'small'))
with small.layer() as t:
    t.file('etc/motd', b'hello\n')
    t.file('etc/other', b'other\n')
small.image('latest', {'Entrypoint': ['/etc/motd']})
END
umoci unpack --image "$T/image:latest" "$T/bundle" 2> "$T/.err"
ok "pull" a pull "oci:$T/image"
ok "pull another" a pull "oci:$T/small"

# ---- an image
ok "mount an image" a mount image "$T/mnt"
ok "... it is what umoci unpacks" "$SC_SOURCE/tests/compare-trees.py" "$T/mnt" "$T/bundle/rootfs"
is "... names of one file below stay names of one file" \
  "$(stat -c %i "$T"/mnt/etc/linked "$T"/mnt/bin/ping | tr '\n' ' ')" "$(stat -c %i "$T"/mnt/etc/second "$T"/mnt/bin/ping-too | tr '\n' ' ')"
matches "... read-only, nosuid, nodev" "$(findmnt -rno OPTIONS "$T/mnt")" '^ro,nosuid,nodev'
no "... a file cannot be written" sh -c "echo x >> '$T/mnt/etc/changed'"
no "... a file cannot be made" touch "$T/mnt/new"
no "... a mode cannot be changed" chmod 777 "$T/mnt/etc"
is "... private" "$(findmnt -rno PROPAGATION "$T/mnt")" private
refused "mount another in the same place" 1 'something is mounted there already' a mount small "$T/mnt"
ok "mount another elsewhere" a mount small:latest "$T/other"
is "... it is there" "$(cat "$T/other/etc/motd")" hello
is "two private directories" "$(private | wc -l)" 2
is "... that only root can enter" "$(private | xargs -d '\n' stat -c %a | sort -u)" 700
ok "unmount the other, by a path with links" sh -c "ln -s other '$T/a link' && '$SC_ATOMIC' --root '$R' unmount '$T/a link'"
is "... the first is still there" "$(cat "$T/mnt/etc/changed")" newer
ok "umount is unmount" a umount "$T/mnt"
ok "... nothing is left" none_left
id=$(a images list -q | head -n 1)
ok "by a prefix of its id, in a place with a strange name" sh -c "mkdir '$T/a b
\\040' && '$SC_ATOMIC' --root '$R' mount '$id' '$T/a b
\\040' && '$SC_ATOMIC' --root '$R' unmount '$T/a b
\\040'"
ok "... nothing is left" none_left

# ---- options
options() { findmnt -rno OPTIONS "$T/mnt" | tr , '\n' | grep -xE 'ro|rw|nosuid|nodev|noexec' | sort | tr '\n' ' '; }
with() { # WANTED OPTION...
  local wanted=$1
  shift
  ok "mount $*" a mount "$@" image "$T/mnt"
  is "... $wanted" "$(options)" "$wanted"
  a unmount "$T/mnt"
}
with 'nodev noexec nosuid ro ' -o noexec
with 'nodev ro ' -o suid
with 'ro ' -o suid,dev,exec
with 'nodev nosuid ro ' --options noexec,exec,ro
with 'nodev noexec nosuid rw ' --live -o rw,noexec
refused "an unknown option" 2 "'context=x' is no mount option" a mount -o context=x image "$T/mnt"
refused "an empty one" 2 "'' is no mount option" a mount -o ro, image "$T/mnt"
refused "rw" 2 "'rw' is for --live" a mount -o rw image "$T/mnt"
refused "--live and ro" 2 "it cannot be 'ro'" a mount --live -o ro image "$T/mnt"
ok "--shared" a mount --shared image "$T/mnt"
is "... is shared" "$(findmnt -rno PROPAGATION "$T/mnt")" shared
ok "... unmount" a unmount "$T/mnt"
# In a shared place the kernel makes every mount shared at first.
mount -t tmpfs tmpfs "$T/other"
mount --make-shared "$T/other"
mkdir "$T/other/in"
ok "in a shared place, without --shared" a mount image "$T/other/in"
is "... is private" "$(findmnt -rno PROPAGATION "$T/other/in")" private
ok "... unmount" a unmount "$T/other/in"
umount "$T/other"

# ---- writable
listing "$T/bundle/rootfs" > "$T/before"
ok "mount --live" a mount --live image "$T/mnt"
ok "... it is what umoci unpacks" "$SC_SOURCE/tests/compare-trees.py" "$T/mnt" "$T/bundle/rootfs"
ok "... write" sh -c "cd '$T/mnt' && echo x >> etc/changed && echo x > new && rm bin/su && chmod 711 home &&
  mv opaque moved && setfattr -n user.note -v 1 etc/linked && chown 7 etc/second"
is "... what was written is there" "$(cat "$T/mnt/new")" x
ok "... unmount" a unmount "$T/mnt"
ok "... nothing is left" none_left
ok "... and the repository is what it was" ostree --repo="$repo" fsck
ok "... mount it again" a mount --live image "$T/mnt"
ok "... it is what umoci unpacks" "$SC_SOURCE/tests/compare-trees.py" "$T/mnt" "$T/bundle/rootfs"
a unmount "$T/mnt"

# ---- a container
ok "install" a install --name box image
ok "mount a container" a mount box "$T/mnt"
ok "... it is the root of its deployment" "$SC_SOURCE/tests/compare-trees.py" "$T/mnt" "$checkouts/box.0/rootfs"
ok "... that directory itself" test "$T/mnt/etc" -ef "$checkouts/box.0/rootfs/etc"
no "... read-only" touch "$T/mnt/new"
ok "unmount it" a unmount "$T/mnt"
ok "... nothing is left" none_left
ok "... the container is still there" test -f "$checkouts/box.0/rootfs/bin/true"
ok "mount it --live" a mount --live box "$T/mnt"
echo x > "$T/mnt/etc/changed"
is "... the container does not see it" "$(cat "$checkouts/box.0/rootfs/etc/changed")" newer
ok "... unmount it" a unmount "$T/mnt"
ok "mount it" a mount box "$T/mnt"
ok "... uninstall it while it is mounted" a uninstall box
ok "... and unmount it" a unmount "$T/mnt"
ok "... nothing is left" none_left
ok "install one called as the image" a install --name image small
ok "mount that name" a mount image "$T/mnt"
is "... is the container" "$(cat "$T/mnt/etc/motd")" hello
ok "... unmount it" a unmount "$T/mnt"
ok "with a tag" a mount image:latest "$T/mnt"
is "... it is the image" "$(cat "$T/mnt/etc/changed")" newer
ok "... unmount it" a unmount "$T/mnt"
ok "uninstall it" a uninstall image

# ---- errors
refused "no such image" 1 "no container and no image 'nosuch'" a mount nosuch "$T/mnt"
refused "no such directory" 1 "$T/none: No such file" a mount image "$T/none"
refused "not a directory" 1 "$T/before: Not a directory" a mount image "$T/before"
refused "over the checkouts" 2 'would hide' a mount image "$checkouts"
refused "over the repository" 2 'would hide' a mount image "$repo"
refused "over what they are in" 2 'would hide' a mount image "$R"
refused "over everything" 2 'would hide' a mount image /
ok "... nothing is left" none_left
refused "unmount what is not mounted" 1 "$T/mnt is not mounted by atomic" a unmount "$T/mnt"
refused "unmount what is not there" 1 "$T/none: No such file" a unmount "$T/none"
refused "unmount where nothing was ever mounted" 1 'is not mounted by atomic' \
  "$SC_ATOMIC" --root "$T/mnt" unmount "$T/other"
mount -t tmpfs tmpfs "$T/other"
refused "unmount somebody else's" 1 "$T/other is not mounted by atomic" a unmount "$T/other"
ok "... it is still there" mountpoint -q "$T/other"
umount "$T/other"
ok "mount" a mount image "$T/mnt"
refused "unmount a directory inside" 1 "is not mounted by atomic" a unmount "$T/mnt/etc"
start sh -c "exec 3< '$T/mnt/etc/changed' && : > '$T/opened' && exec sleep 600"
wait_until 20 test -e "$T/opened"
refused "unmount what is in use" 1 "$T/mnt: a process is using it" a unmount "$T/mnt"
is "... it is still there" "$(cat "$T/mnt/etc/changed")" newer
mount -t tmpfs tmpfs "$T/mnt/etc"
kill $!
wait $! || :
refused "something is mounted inside" 1 "something is mounted in it" a unmount "$T/mnt"
umount "$T/mnt/etc"
mount -t tmpfs tmpfs "$T/mnt"
refused "something is mounted over it" 1 "is not mounted by atomic" a unmount "$T/mnt"
umount "$T/mnt"
ok "unmount" a unmount "$T/mnt"
traced() { ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null "$@"; }
refused "an old kernel" 1 "$T/mnt: cannot set the mount's attributes: the kernel is too old" \
  traced -e inject=mount_setattr:error=ENOSYS "$SC_ATOMIC" --root "$R" mount image "$T/mnt"
refused "no overlays" 1 "the kernel has no overlay file system" \
  traced -e inject=fsopen:error=ENODEV "$SC_ATOMIC" --root "$R" mount --live image "$T/mnt"
refused "a file system that cannot hold a writable layer" 1 "cannot make a writable overlay there: Invalid" \
  traced -e inject=fsconfig:error=EINVAL:when=5 "$SC_ATOMIC" --root "$R" mount --live image "$T/mnt"
refused "not allowed to mount" 1 "cannot mount: Operation not permitted.*needs root|cannot mount: Operation not permitted" \
  traced -e inject=move_mount:error=EPERM "$SC_ATOMIC" --root "$R" mount image "$T/mnt"
refused "mounted, but not as it should be" 1 "cannot set the mount's attributes: Invalid" \
  traced -e inject=mount_setattr:error=EINVAL:when=2 "$SC_ATOMIC" --root "$R" mount image "$T/mnt"
mount -t tmpfs tmpfs "$T/mnt"
refused "the same on top of somebody else's" 1 "cannot mount: Invalid" \
  traced -e inject=move_mount:error=EINVAL "$SC_ATOMIC" --root "$R" mount image "$T/mnt"
ok "... which is still there" umount "$T/mnt"
ok "nothing is left of all that" none_left

# ---- what others, other boots and crashes leave
ok "mount" a mount image "$T/mnt"
umount "$T/mnt"
refused "unmounted by hand: says so" 1 "$T/mnt is not mounted any more; what was left of it is removed" a unmount "$T/mnt"
ok "... and nothing is left" none_left
ok "mount --live" a mount --live image "$T/mnt"
umount "$T/mnt"
ok "unmounted by hand, the next mount cleans up" a mount small "$T/mnt"
is "... one private directory" "$(private | wc -l)" 1
umount "$T/mnt"
ok "unmounted by hand, images prune cleans up" a images prune
ok "... and nothing is left" none_left
ok "mount" a mount small "$T/mnt"
ok "images prune leaves what is mounted" a images prune
is "... one private directory" "$(private | wc -l)" 1
umount "$T/mnt"
# The kernel gives the ids of mounts again.
mount -t tmpfs tmpfs "$T/mnt"
refused "somebody else's with the id of ours" 1 "is not mounted any more" a unmount "$T/mnt"
ok "... is still there" umount "$T/mnt"
ok "mount" a mount image "$T/mnt"
mount --move "$T/mnt" "$T/other"
ok "mount another where the first was moved from" a mount small "$T/mnt"
ok "unmount what was moved" a unmount "$T/other"
is "... the other one is there" "$(cat "$T/mnt/etc/motd")" hello
ok "... unmount it" a unmount "$T/mnt"
start unshare --mount --propagation private \
  sh -c "'$SC_ATOMIC' --root '$R' mount image '$T/mnt' && : > '$T/ready' && exec sleep 600" # in another namespace
wait_until 20 test -e "$T/ready"
refused "... it is not seen here" 1 "is not mounted by atomic" a unmount "$T/mnt"
is "... and nobody's business here" "$(private | wc -l)" 1
kill $!
wait $! || :
sed -i 's/"view" : "[0-9a-f]*-/"view" : "00000000-/' "$(private)/record"
ok "that of another boot is cleaned up" a mount small "$T/mnt"
is "... one private directory" "$(private | wc -l)" 1
echo '{' > "$(private)/record"
matches "a record that cannot be read is told and left alone" "$(a unmount "$T/mnt" 2>&1)" 'record: .*left alone'
umount "$T/mnt"
rm -r "$(private)"

# ---- kill -9 at every call that changes something
survives() { # what is there now can be used and taken away
  if mountpoint -q "$T/mnt"; then
    [ "$(cat "$T/mnt/etc/motd")" = hello ] && a unmount "$T/mnt"
  else
    a mount small "$T/mnt" && a unmount "$T/mnt"
  fi && none_left
}
killed() { # TEXT COMMAND...: prepared by "prepare"
  local text=$1 n=1 status
  shift
  while :; do
    prepare
    status=0
    kill_at "$T/count" $n -- "$@" > "$T/.out" 2>&1 || status=$?
    [ "$status" = 137 ] || break
    survives > "$T/.kill" 2>&1 || { echo "at $n" >> "$T/.kill"; fail "$text, killed" "$T/.kill"; return; }
    n=$((n + 1))
  done
  is "$text, killed at each of its $n calls" "$status" 0
  [ $n -gt 3 ] || fail "... there are more than that"
  survives || fail "... and at the end"
}
prepare() { :; }
killed "mount" "$SC_ATOMIC" --root "$R" mount small "$T/mnt"
killed "mount --live" "$SC_ATOMIC" --root "$R" mount --live small "$T/mnt"
prepare() { a mount small "$T/mnt"; }
killed "unmount" "$SC_ATOMIC" --root "$R" unmount "$T/mnt"
prepare() { a mount --live small "$T/mnt"; echo x > "$T/mnt/etc/new"; }
killed "unmount of --live" "$SC_ATOMIC" --root "$R" unmount "$T/mnt"
for call in open_tree mount_setattr:when=1 move_mount mount_setattr:when=2; do
  status=0
  traced -e "inject=${call/:/:signal=SIGKILL:}$([[ $call = *:* ]] || echo :signal=SIGKILL)" \
    "$SC_ATOMIC" --root "$R" mount small "$T/mnt" > "$T/.out" 2>&1 || status=$?
  is "mount, killed at $call" $status 137
  ok "... the next command finds its way" survives
done
ok "ostree fsck is clean after all" ostree --repo="$repo" fsck

finish
