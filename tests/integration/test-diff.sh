#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# diff: images, containers, and what changed in a container since it was made; files, and packages of dpkg and rpm.
# In a mount namespace of its own, for the one test that mounts something.
if [ -z "${SC_OWN_MOUNTS:-}" ] && [ "$(id -u)" = 0 ]; then
  SC_OWN_MOUNTS=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
checkouts=$R/var/lib/containers/atomic
repo=$checkouts/.storage/ostree

# rpm_database DIR NAME-VERSION...: a database, by rpm itself
rpm_database() {
  local dir=$1 package
  mkdir -p "$dir"
  rpm --dbpath "$dir" --initdb
  for package in "${@:2}"; do
    cat > "$T/spec" <<END
Name: ${package%-*}
Version: ${package##*-}
Release: 1
Summary: x
License: x
BuildArch: noarch
%description
x
%files
END
    rpmbuild --quiet -bb --define "_topdir $T/rpmbuild" "$T/spec" > "$T/.out" 2>&1
    rpm --dbpath "$dir" -i --justdb --nodeps --noscripts "$T/rpmbuild/RPMS/noarch/$package-1.noarch.rpm" 2> "$T/.err"
  done
}
rpm_database "$T/rpm-1" alpha-1.0 beta-2.0 gone-1
rpm_database "$T/rpm-2" alpha-1.1 beta-2.0 come-3

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout

T = sys.argv[1]
CAPABILITY = bytes.fromhex('0100000200040000000000000000000000000000')

def image(name, fill):
    out = Layout(os.path.join(T, name))
    with out.layer() as t:
        t.file('bin/true', open('/bin/busybox', 'rb').read(), mode=0o755)
        fill(t)
    out.image('latest', {'Entrypoint': ['/bin/true', 'true']})

def one(t):
    for name in ('etc', 'mode', 'owner', 'xattr', 'gone'):
        t.directory('d/' + name)
    t.file('f/same', b'same')
    t.file('f/content', b'old')
    t.file('f/size', b'old')
    t.file('f/mode', b'x')
    t.file('f/owner', b'x')
    t.file('f/xattr', b'x', xattrs={'user.note': b'1'})
    t.file('f/capability', b'x', mode=0o755, xattrs={'security.capability': CAPABILITY})
    t.file('f/all', b'x')
    t.symlink('f/link', 'same')
    t.file('f/to-link', b'x')
    t.symlink('f/to-file', 'same')
    t.file('f/to-dir', b'x')
    t.directory('f/to-plain')
    t.file('f/to-plain/inner', b'x')
    t.file('d/gone/file', b'x')
    t.file(b'f/strange\n\x1b[31m', b'x')

def two(t):
    t.directory('d/etc')
    t.directory('d/mode', mode=0o700)
    t.directory('d/owner', uid=1)
    t.directory('d/xattr', xattrs={'user.note': b'1'})
    t.file('f/same', b'same')
    t.file('f/content', b'new')
    t.file('f/size', b'longer')
    t.file('f/mode', b'x', mode=0o4755)
    t.file('f/owner', b'x', gid=9)
    t.file('f/xattr', b'x', xattrs={'user.note': b'2'})
    t.file('f/capability', b'x', mode=0o755)
    t.file('f/all', b'y', uid=3, mode=0o600, xattrs={'user.note': b'2'})
    t.symlink('f/link', 'other')
    t.symlink('f/to-link', 'same')
    t.file('f/to-file', b'x')
    t.directory('f/to-dir')
    t.file('f/to-dir/inner', b'x')
    t.file('f/to-plain', b'x')
    t.directory('new')
    t.file('new/file', b'x')
    t.file('new-before', b'x')

def status(*packages):
    return '\n'.join('Package: %s\nStatus: %s\nArchitecture: %s\nVersion: %s\nDescription: x\n Version: of no package\n'
                     % p for p in packages).encode()

OK = 'install ok installed'
def debian(t, more=()):
    t.file('var/lib/dpkg/status', status(('libc6', OK, 'amd64', '2.36-9'), ('tool', OK, 'all', '1'),
                                         ('old', OK, 'amd64', '1:2'), ('left', 'deinstall ok config-files', 'all', '1')))

def debian2(t):
    t.symlink('var/lib/dpkg', '/usr/share/elsewhere')
    t.file('usr/share/elsewhere/status', status(('libc6', OK, 'amd64', '2.36-10'), ('tool', OK, 'all', '1'),
                                                ('libc6', OK, 'i386', '2.36-10'), ('evil\x1b', OK, 'all', '1')))

def small(t):
    t.file('var/lib/dpkg/status.d/libc6', b'Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n')
    t.file('var/lib/dpkg/status.d/libc6.md5sums', b'Package: nothing\nVersion: 1\n')

def rpm(number, place):
    def fill(t):
        for name in os.listdir(os.path.join(T, 'rpm-%d' % number)):
            t.file(place + '/' + name, open(os.path.join(T, 'rpm-%d' % number, name), 'rb').read())
    return fill

image('one', one)
image('two', two)
image('debian', debian)
image('debian2', debian2)
image('small', small)
image('rpm', rpm(1, 'var/lib/rpm'))
image('rpm2', rpm(2, 'usr/lib/sysimage/rpm'))
image('broken', lambda t: t.file('var/lib/rpm/rpmdb.sqlite', b'no database'))
END
for image in one two debian debian2 small rpm rpm2 broken; do a pull "oci:$T/$image" > "$T/.out" 2>&1; done

# ---- two images
is "an image and itself" "$(a diff one one 2>&1)" ''
a diff one two > "$T/got"
cat > "$T/wanted" <<'END'
D /d/gone
D /d/gone/file
C /d/mode (mode)
C /d/owner (owner)
C /d/xattr (xattr)
C /f/all (content, mode, owner, xattr)
C /f/capability (xattr)
C /f/content (content)
C /f/link (link)
C /f/mode (mode)
C /f/owner (owner)
C /f/size (content)
D /f/strange??[31m
C /f/to-dir (type)
A /f/to-dir/inner
C /f/to-file (type)
C /f/to-link (type)
C /f/to-plain (type)
D /f/to-plain/inner
C /f/xattr (xattr)
A /new
A /new/file
A /new-before
END
same "two images" "$T/got" "$T/wanted"
sed -e 's/^. //' -e 's/ (.*//' "$T/wanted" > "$T/names"
a diff -n one two > "$T/got"
same "... names only" "$T/got" "$T/names"
a diff two one | sed -e 's/^A /x /' -e 's/^D /A /' -e 's/^x /D /' > "$T/got"
same "... the other way round" "$T/got" "$T/wanted"
a diff --json one two > "$T/json"
is "JSON: members" "$(jq -c keys "$T/json")" '["files","packages"]'
is "... what changed" "$(jq -c '.files[] | select(.path == "/f/all")' "$T/json")" \
  '{"path":"/f/all","change":"changed","what":["content","mode","owner","xattr"]}'
is "... what is gone, with its whole name" "$(jq -c '.files[] | select(.path | startswith("/f/strange"))' "$T/json")" \
  '{"path":"/f/strange\n\u001b[31m","change":"removed","what":[]}'
is "... what is new" "$(jq -c '[.files[] | select(.change == "added") | .path]' "$T/json")" \
  '["/f/to-dir/inner","/new","/new/file","/new-before"]'
is "... no packages" "$(jq -c .packages "$T/json")" '{"added":[],"removed":[],"changed":[]}'
is "--no-files" "$(a diff --no-files one two)" ''
is "... as JSON" "$(a diff --no-files --json one two | jq -c keys)" '["packages"]'

# ---- containers
a install --name box one > "$T/.out" 2>&1
root=$checkouts/box.0/rootfs
is "a container and its image" "$(a diff box 2>&1)" ''
is "... by name" "$(a diff one:latest box 2>&1)" ''
a diff box two > "$T/got"
same "a container and another image" "$T/got" "$T/wanted"
a install --name other two > "$T/.out" 2>&1
a diff box other > "$T/got"
same "two containers" "$T/got" "$T/wanted"
mkdir "$T/new"
cp -a "$root/f/same" "$T/new/same"
echo -n old > "$T/new/content"
echo -n x > "$T/new/mode"
chmod 600 "$T/new/mode"
for name in same content mode; do
  rm "$root/f/$name"
  mv "$T/new/$name" "$root/f/$name"
done
ln -sfn elsewhere "$root/f/link"
chown -h 4:4 "$root/f/link"
chown 4:4 "$root/d/owner"
setfattr -n user.x -v 1 "$root/d/xattr"
setfattr -n trusted.x -v 1 "$root/d/etc"
mkfifo "$root/fifo"
mknod "$root/null" c 1 3
mkdir "$root/$(printf 'not-utf8-\377')"
rm "$root/f/size"
cat > "$T/wanted" <<'END'
C /d/owner (owner)
C /d/xattr (xattr)
C /f/link (owner, link)
C /f/mode (mode)
D /f/size
A /fifo
END
printf 'A /not-utf8-?\nA /null\n' >> "$T/wanted"
a diff box | sed 's/\xef\xbf\xbd/?/' > "$T/got"
same "a container that was changed" "$T/got" "$T/wanted"
a diff box --json > "$T/json"
is "... JSON is valid whatever the names" "$(jq -r '.files | length' "$T/json")" 8
a images list -q > "$T/.out"
ostree --repo="$repo" refs --delete ociimage/one_3Alatest
is "... its image is told by its commit, not by its name" "$(a diff box | wc -l)" 8
a diff box other > "$T/got"
matches "... and with another container" "$(cat "$T/got")" '^C /f/link \(link, owner\)|^C /f/link \(owner, link\)'
matches "... what is special is gone there" "$(cat "$T/got")" '^D /null'
commit=$(jq -r '."ostree-commit"' "$checkouts/box.0/info")
rm "$repo/objects/${commit:0:2}/${commit:2}.commit"
refused "its image is gone" 1 'container box: the image that it was made of, .*one:latest, is not in the repository' a diff box
a diff box other > "$T/got2"
same "... with another container it is all read" "$T/got2" "$T/got"
mkdir "$root/mounted"
mount -t tmpfs tmpfs "$root/mounted"
refused "another file system inside" 1 'container box: ./mounted: another file system is mounted there' a diff box two
umount "$root/mounted"
a install --name two debian > "$T/.out" 2>&1
matches "a container comes first" "$(a diff two two:latest)" '^D /var/lib/dpkg/status'
a uninstall two > "$T/.out" 2>&1

# ---- packages
cat > "$T/wanted" <<'END'
C package libc6 amd64 2.36-9 -> 2.36-10
A package libc6 i386 2.36-10
D package old amd64 1:2
END
{ echo 'A package evil? all 1'; cat "$T/wanted"; } > "$T/wanted2"
a diff --no-files debian debian2 > "$T/got"
same "packages of dpkg" "$T/got" "$T/wanted2"
is "... their names" "$(a diff --no-files -n debian debian2 | tr '\n' ' ')" 'evil? libc6 libc6 old '
matches "... after the files" "$(a diff debian debian2 | tail -n 1)" '^D package old'
no "... not with names only" grep -q package <(a diff -n debian debian2)
a diff --json debian debian2 > "$T/json"
is "... JSON: changed" "$(jq -c .packages.changed "$T/json")" \
  '[{"type":"dpkg","name":"libc6","architecture":"amd64","old_version":"2.36-9","new_version":"2.36-10"}]'
is "... removed" "$(jq -c .packages.removed "$T/json")" \
  '[{"type":"dpkg","name":"old","architecture":"amd64","version":"1:2"}]'
is "... added" "$(jq -c '[.packages.added[].name]' "$T/json")" '["evil\u001b","libc6"]'
is "a file for each package" "$(a diff --no-files debian small)" "D package old amd64 1:2
D package tool all 1"
a install --name deb debian > "$T/.out" 2>&1
a diff --no-files deb debian2 > "$T/got"
same "of a container" "$T/got" "$T/wanted2"
root=$checkouts/deb.0/rootfs
rm "$root/var/lib/dpkg/status"
mkfifo "$root/var/lib/dpkg/status"
is "a fifo is no database" "$(a diff --no-files deb two 2>&1)" ''
rm "$root/var/lib/dpkg/status"
cp /var/lib/dpkg/status "$T/host-status"
for target in "$T/host-status" "../../../../../../../../../../../../../../$T/host-status"; do
  ln -sfn "$target" "$root/var/lib/dpkg/status"
  is "a link does not lead out" "$(a diff --no-files deb two 2>&1)" ''
done
cat > "$T/wanted" <<'END'
C package alpha noarch 1.0-1 -> 1.1-1
A package come noarch 3-1
D package gone noarch 1-1
END
a diff --no-files rpm rpm2 > "$T/got" 2> "$T/err"
same "packages of rpm" "$T/got" "$T/wanted"
is "... no notes" "$(cat "$T/err")" ''
a install --name rpms rpm > "$T/.out" 2>&1
a diff --no-files rpms rpm2 > "$T/got"
same "of a container" "$T/got" "$T/wanted"
is "rpm wrote nothing there" "$(a diff rpms)" ''
a diff --no-files rpm two > "$T/got"
is "with what has no packages" "$(wc -l < "$T/got")" 3
mkdir "$T/bin"
for program in env sh; do ln -s "$(command -v $program)" "$T/bin/$program"; done
PATH=$T/bin "$SC_ATOMIC" --root "$R" diff --no-files rpm rpm2 > "$T/got" 2> "$T/err"
matches "without rpm: a note" "$(cat "$T/err")" '^rpm: packages of rpm are not compared: .*rpm'
is "... and nothing else" "$(cat "$T/got")" ''
a diff --no-files broken rpm2 > "$T/got" 2> "$T/err"
matches "a database that rpm cannot read: a note" "$(cat "$T/err")" '^broken: packages of rpm are not compared: '
is "... and nothing else" "$(cat "$T/got")" ''
is "no copy of a database is left" "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'atomic-rpm-*' -newer "$T/wanted")" ''

# ---- changed in place: the file is the object itself
cp "$checkouts/rpms.0/rootfs/bin/true" "$T/true"
echo more >> "$checkouts/rpms.0/rootfs/bin/true"
is "a file that was written to" "$(a diff rpms)" 'C /bin/true (content)'
cat "$T/true" > "$checkouts/rpms.0/rootfs/bin/true"
is "... and is as it was again" "$(a diff rpms)" ''

# ---- errors
refused "no such image" 1 "no container and no image 'nosuch'" a diff two nosuch
refused "an image alone" 2 "'two' is not a container" a diff two
refused "three" 2 'operand|argument' a diff two two two
find "$repo/objects" -name '*.dirtree' -exec mv {} {}.away \;
refused "objects are missing" 1 'image two:latest: layer sha256:[0-9a-f]*: .*No such' a diff two debian2
find "$repo/objects" -name '*.dirtree.away' | while read -r object; do mv "$object" "${object%.away}"; done
is "... they are back" "$(a diff two two)" ''

finish
