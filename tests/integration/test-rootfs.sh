#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# install --rootfs: a container whose root is a directory of the host, which nothing ever changes.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
C=$R/var/lib/containers/atomic
mkdir -p "$R/srv/empty"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
live() { readlink "$C/box"; }
config() { jq -r "$1" "$C/box/config.json"; }

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout

UNIT = '[Service]\nWorkingDirectory=$DESTDIR\nExecStart=$EXEC_START\nExecStop=$EXEC_STOP\n[Install]\nWantedBy=multi-user.target\n'

def image(name, word, program='sleep'):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)
        t.file('word', word)
        t.file('exports/manifest.json', b'{"defaultValues": {"WORD": "of the image"}}')
    layout.image('latest', {'Entrypoint': ['/bin/busybox', program, word.decode()], 'Env': ['WORD=' + word.decode()]})

image('one', b'601')
image('two', b'602')
image('third', b'/word', 'cat')

root = os.path.join(sys.argv[1], 'root/srv/given')
for path, data in {'bin/busybox': open('/bin/busybox', 'rb').read(), 'word': b'given', 'exports/service.template': UNIT.encode(),
                   'exports/tmpfiles.template': b'd /var/lib/$NAME 0700 - - -\n# $EXTRA\n',
                   'exports/manifest.json': b'{"defaultValues": {"EXTRA": "e"}}'}.items():
    os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
    with open(os.path.join(root, path), 'wb') as out:
        out.write(data)
    os.chmod(os.path.join(root, path), 0o755)
for name in 'proc', 'sys', 'dev', 'tmp', 'run', 'etc':
    os.makedirs(os.path.join(root, name))
END
ln -s given "$R/srv/link"
for i in one two; do ok "pull $i" a pull "oci:$T/$i"; done
listing "$R/srv" > "$T/given"

# ---- what cannot be one

refused "a relative path" 2 "must be an absolute path" a install --rootfs srv/given -n box one
refused "the root of the host" 2 "cannot be that of a container" a install --rootfs /srv/.. -n box one
refused "a control character" 2 "control character" a install --rootfs $'/srv/a\nb' -n box one
refused "one that is not there" 1 "root /srv/none: .*No such file" a install --rootfs /srv/none -n box one
refused "one that is empty" 1 "root /srv/empty: it is empty" a install --rootfs /srv/empty -n box one
refused "a file" 1 "root /srv/given/word: .*[Nn]ot a directory" a install --rootfs /srv/given/word -n box one
refused "one that is not there: before anything is pulled" 1 "root /srv/none" a install --rootfs /srv/none -n box "oci:$T/third"
ok "a container of an image" a install -n plain one
refused "the root of another container" 1 "within /var/lib/containers/atomic, where roots come and go" \
  a install --rootfs /var/lib/containers/atomic/plain/rootfs -n box one
ln -s / "$R/srv/all"
refused "the root of the host by a link" 1 "it is the root of the host" a install --rootfs /srv/all -n box one
rm "$R/srv/all"
mkdir "$R/srv/all"
mount --bind "$R" "$R/srv/all"
MOUNTS+=("$R/srv/all")
refused "... by a mount" 1 "it is the root of the host" a install --rootfs /srv/all -n box one
umount "$R/srv/all"
mount --bind "$R/var/lib" "$R/srv/all"
refused "one with the checkouts in it, by a mount" 1 "it contains /var/lib/containers/atomic" a install --rootfs /srv/all -n box one
umount "$R/srv/all"
unset 'MOUNTS[-1]'
rmdir "$R/srv/all"
refused "... as it is" 1 "it contains /var/lib/containers/atomic" a install --rootfs /var -n box one
mkdir -p "$R/srv/repo/x"
ok "another repository" env ATOMIC_OSTREE_REPO=/srv/repo/a "$SC_ATOMIC" --root "$R" pull "oci:$T/one"
refused "one with the repository in it" 1 "it contains /srv/repo/a" \
  env ATOMIC_OSTREE_REPO=/srv/repo/a "$SC_ATOMIC" --root "$R" install --rootfs /srv/repo -n box one
rm -r "$R/srv/repo"
refused "a template of it without a value" 2 "no such variable" a install --rootfs /srv/given -n box --set WORD=x one
is "nothing of these is left" "$(find "$C" -maxdepth 1 -name '*box*')" ""

# ---- install

matches "--display" "$(a install --display --rootfs /srv/given -n box one)" "^Making /var/lib/containers/atomic/box.0 with the root /srv/given$"
out=$(a install --rootfs //srv/./given/ -n box --set EXTRA=mine one)
matches "install says what it does" "$out" "^Making /var/lib/containers/atomic/box.0 with the root /srv/given$"
no "... nothing is laid out" test -e "$C/box.0/rootfs"
is "... config.json names it, read-only" "$(config '.root | [.path, .readonly] | join(" ")')" "/srv/given true"
is "... and runs what the image says" "$(config '.process.args | join(" ")')" "/bin/busybox sleep 601"
is "... info names it and the image" "$(jq -r '.remote + " " + .image' "$C/box/info")" "/srv/given one:latest"
matches "... templates and values are of the root" "$(cat "$R/etc/tmpfiles.d/box.conf")" "^# mine"
is "... the container is listed" "$(a containers list -a --json | jq -r '.[] | select(.id == "box") | .image_name')" one:latest
refused "... its image is in use" 1 "used by containers box, plain" a -y images delete one

# ---- using it

is "run NAME CMD is in it" "$(a run box /bin/busybox cat /word 2> "$T/notes")" given
no "... and cannot write" a run box /bin/busybox touch /new
refused "run NAME, below --root and without systemd" 1 "its root is /srv/given, which cannot be run below --root" a run -d box
mkdir "$T/mnt"
MOUNTS+=("$T/mnt")
ok "mount shows it" a mount box "$T/mnt"
is "... really" "$(cat "$T/mnt/word")" given
no "... read-only" touch "$T/mnt/new"
ok "unmount" a unmount "$T/mnt"
ok "mount --live" a mount --live box "$T/mnt"
echo x > "$T/mnt/new"
ok "unmount" a unmount "$T/mnt"
unset 'MOUNTS[-1]'
a diff box > "$T/diff"
matches "diff: in what it differs from the image" "$(cat "$T/diff")" "^C /word \(content"
matches "... more" "$(cat "$T/diff")" "^A /exports/service.template"
ok "images verify has nothing to say of it" a images verify --offline one
no "... and does not compare it" grep -q box "$T/.out"
ok "... nor repair" a images verify --repair -a
ok "prune" a images prune

# ---- update, rollback

is "nothing new" "$(a containers update box)" "Latest version already installed."
ok "update to another image" a containers update box --rebase two
is "... with the same root" "$(live) $(config .root.path) $(jq -r .remote "$C/box/info")" "box.1 /srv/given /srv/given"
is "... and what that image says" "$(config '.process.args | join(" ")')" "/bin/busybox sleep 602"
is "... and the values" "$(jq -r .values.EXTRA "$C/box/info")" mine
ok "rollback" a containers rollback box
is "... is back" "$(live)" box.0
mv "$R/srv/given" "$R/srv/away"
refused "rollback without the root" 1 "root /srv/given: .*No such file" a containers rollback box
refused "update without the root" 1 "root /srv/given: .*No such file" a containers update box --rebase two
is "... everything is as before" "$(live)" box.0
refused "run NAME CMD without the root" 1 "root /srv/given: .*No such file" a run box /bin/busybox true
refused "mount without the root" 1 "root /srv/given: .*No such file" a mount box "$T/mnt"
mv "$R/srv/away" "$R/srv/given"
echo '# changed $EXTRA' >> "$R/srv/given/exports/service.template"
ok "update after its template was changed" a containers update box
matches "... takes it" "$(cat "$R/etc/systemd/system/box.service")" "^# changed mine"
listing "$R/srv" > "$T/given"

# ---- preinstalled, by link, uninstall

mkdir -p "$R/usr/lib/containers/atomic"
cp -r "$C/$(live)" "$R/usr/lib/containers/atomic/pre"
is "a preinstalled one runs in it too" "$(a run pre /bin/busybox cat /word 2> "$T/notes")" given
rm -r "$R/usr/lib/containers/atomic/pre"
ok "uninstall" a uninstall box
is "... everything of it is gone" "$(find "$C" -maxdepth 1 -name '*box*'; find "$R/etc" -name '*box*')" ""
ok "install by a link" a install --rootfs /srv/link -n box one
is "... which is kept" "$(config .root.path)" /srv/link
ok "update" a containers update box --rebase two
ok "uninstall --purge" a uninstall --purge box
listing "$R/srv" > "$T/after"
same "... the root was not touched in all this" "$T/given" "$T/after"
ok "an image that has to be pulled" a install --rootfs /srv/given -n box "oci:$T/third"
is "... is" "$(config '.process.args | join(" ")')" "/bin/busybox cat /word"
# As its service would, where DIR is what it is below --root.
is "the runtime runs it by its config.json" "$(unshare -m --propagation private bash -c \
  'mount --bind "$1/srv" /srv && cd "$2" && runc run "rootfs-$$"' - "$R" "$C/box" 2> "$T/notes" || cat "$T/notes")" given
ok "delete" a -y containers delete box

finish
