#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files of images on the host: how they come, change and go, and what stays as it is.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
C=$R/var/lib/containers/atomic
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
recorded() { jq -r --arg p "$2" '.["installed-files-checksum"][$p]' "$C/$1/info"; }
inode() { stat -c %i "$1"; }
modes() { (cd "$R" && stat -c '%a %u %g %n' "$@"); }
sum() { sha256sum < "$1" | cut -d' ' -f1; }
host() { # what is on the host, without what is ours
  /usr/bin/python3 "$SC_SOURCE/tests/list-tree.py" "$R" | grep -vE '^[^ ]*(var/lib/containers|etc/systemd|var/cache)' |
    sed 's/^\. .*//'
}

/usr/bin/python3 "$SC_SOURCE/tests/host-images.py" "$T/i"
for image in "$T"/i/*/oci-layout; do
  image=$(basename "$(dirname "$image")")
  a pull "oci:$T/i/$image" > /dev/null 2>&1 || fail "pull $image"
done
# A host like any: with files, and directories that are links.
mkdir -p "$R"/{etc/systemd/system,etc/tmpfiles.d,usr/bin,usr/lib,opt,srv,var/lib} "$T/outside"
ln -s usr/bin "$R/bin"
echo 'of the host' > "$R/etc/host"
host > "$T/bare"

# ---- installation

refused "--display: a package needs a host that has one" 1 "neither a database of rpm nor" a install --display --system-package=yes -n box v1
shown=$(a install --display -n box v1 | grep Files)
ok "install" a install -n box v1
is "--display says how many files" "$shown" "Files for the host: $(jq '."installed-files" | length' "$C/box/info")"
is "... of uninstall too" "$(a uninstall --display box | grep Files)" "${shown/for/of}"
is "files have owner and permissions" "$(modes usr/bin/tool etc/app/main.conf | xargs)" \
  "4755 7 8 usr/bin/tool 640 0 3 etc/app/main.conf"
is "directories too, empty ones as well" "$(modes srv/empty srv/kept | xargs)" "1770 5 6 srv/empty 700 0 0 srv/kept"
is "a link is a link" "$(readlink "$R/usr/bin/alias")" tool
is "a template is filled in" "$(cat "$R/etc/app/main.conf")" 'word=hello cost=$1'
is "what is none is not" "$(cat "$R/etc/app/plain.conf")" '$WORD'
is "renameFiles: a file" "$(cat "$R/etc/box.conf")" 'renamed 1'
is "... a directory, with what is in it" "$(cat "$R/opt/there/tree/a/x")" 'x 1'
is "... something in a renamed directory, a template by its new name" "$(cat "$R/opt/one")" 'hello one'
no "... the old names are not there" ls -d "$R/opt/tree" "$R/etc/old.conf"
is "below /usr: a hard link to the deployment's" "$(inode "$R/usr/bin/tool")" "$(inode "$C/box.0/rootfs/exports/hostfs/usr/bin/tool")"
is "... elsewhere not" "$(stat -c %h "$R/etc/app/plain.conf")" 1
is "info: a file and its sum" "$(recorded box /etc/app/main.conf)" "$(sum "$R/etc/app/main.conf")"
is "... of a link the sum of its target" "$(recorded box /usr/bin/alias)" "$(printf tool | sha256sum | cut -d' ' -f1)"
is "... files, in order" "$(jq -r '.["installed-files"][:3] | join(" ")' "$C/box/info")" \
  "/etc/app/main.conf /etc/app/plain.conf /etc/box.conf"
is "... directories that were missing" "$(jq -r '.["atomic.installed-dirs"] | join(" ")' "$C/box/info")" \
  "/etc/app /only /only/in /opt/back /opt/there /opt/there/tree /opt/there/tree/a /srv/empty /srv/kept"
ok "containers list" a containers list -a
ok "images verify" a images verify v1
is "nothing new" "$(a containers update box)" "Latest version already installed."
host > "$T/v1"
ok "update --set" a containers update box --set WORD=bye
is "... fills templates in anew" "$(cat "$R/etc/app/main.conf" "$R/opt/one")" $'word=bye cost=$1\nbye one'
ok "rollback" a containers rollback box
host > "$T/now"
same "... and all is as it was" "$T/v1" "$T/now"

# ---- update and rollback

link=$(inode "$R/usr/bin/same")
ok "update" a containers update box --rebase v2
host > "$T/v2"
is "a file is replaced" "$(cat "$R/usr/bin/tool" "$R/etc/box.conf")" $'tool 2\nrenamed 2'
is "permissions alone are" "$(modes usr/bin/same)" "750 0 0 usr/bin/same"
no "... by another file" [ "$link" = "$(inode "$R/usr/bin/same")" ]
is "a link leads elsewhere" "$(readlink "$R/usr/bin/alias")" same
is "what only the old one had is gone, and what only the new one has is there" "$(ls "$R/only/in")" 2
is "a directory for a file, and a file for a directory" "$(cat "$R/opt/turn/file" "$R/opt/back")" $'was a file\nwas a directory'
ok "rollback" a containers rollback box --to 0
host > "$T/now"
same "... and all is as it was" "$T/v1" "$T/now"
ok "... and forth" a containers rollback box --to 2
host > "$T/now"
same "... as it was, too" "$T/v2" "$T/now"
ok "update to an image without files" a containers update box --rebase plain
host > "$T/now"
same "... there are none" "$T/bare" "$T/now"
ok "rollback brings them again" a containers rollback box
host > "$T/now"
same "... all" "$T/v2" "$T/now"
ok "uninstall" a uninstall box
host > "$T/now"
same "nothing is left" "$T/bare" "$T/now"

# ---- what is not ours

mkdir "$R/opt/there"
echo mine > "$R/etc/box.conf"
out=$(a install -n box v1 2>&1)
matches "a file that is there is kept, which is said" "$out" "^[a-z]+: File /etc/box.conf already exists: it is kept"
is "... kept" "$(cat "$R/etc/box.conf")" mine
is "... and not recorded" "$(recorded box /etc/box.conf)" null
is "a directory that is there is not ours" "$(jq -r '.["atomic.installed-dirs"] | index("/opt/there")' "$C/box/info")" null
ok "another container with the same files" a install -n second v1
is "... has its own only" "$(jq -r '.["installed-files"] | join(" ")' "$C/second/info")" /etc/second.conf
ok "... and takes none away" a uninstall second
ok "... really" test -e "$R/usr/bin/tool"
echo changed > "$R/etc/app/plain.conf"
rm "$R/usr/bin/tool"
echo 'also changed' > "$R/usr/bin/tool"
rm "$R/usr/bin/same"
echo more > "$R/srv/kept/more"
ln -sf /elsewhere "$R/usr/bin/alias"
ok "a deleted link to the repository does not harm it" a images verify v1
out=$(a containers update box --rebase v2 2>&1)
matches "update: what was changed by hand is kept, which is said" "$out" "^[a-z]+: /usr/bin/tool was changed by hand: it is kept"
is "... kept" "$(cat "$R/etc/app/plain.conf" "$R/usr/bin/tool")" $'changed\nalso changed'
is "... a link too" "$(readlink "$R/usr/bin/alias")" /elsewhere
is "what was removed by hand is put again" "$(cat "$R/usr/bin/same")" "the same"
is "what was there is still not ours" "$(cat "$R/etc/box.conf")" mine
ok "rollback" a containers rollback box
is "... what was changed is kept" "$(cat "$R/etc/app/plain.conf" "$R/usr/bin/tool")" $'changed\nalso changed'
out=$(a uninstall box 2>&1)
matches "uninstall says what it does not delete" "$out" "^Will not delete /usr/bin/tool as it was manually modified\.$"
is "... each" "$(grep -c 'Will not delete' <<< "$out")" 3
is "... and they stay" "$(cd "$R" && find etc/app etc/box.conf usr/bin srv opt -type f -o -type l | sort | xargs)" \
  "etc/app/plain.conf etc/box.conf srv/kept/more usr/bin/alias usr/bin/tool"
is "a directory that was there stays" "$(ls -d "$R/opt/there")" "$R/opt/there"
rm -r "$R"/etc/app "$R/etc/box.conf" "$R/usr/bin"/* "$R/srv/kept" "$R/opt/there"
host > "$T/now"
same "all else is gone" "$T/bare" "$T/now"

# ---- damage

ok "install" a install -n box v1
ok "another value" a containers update box --set WORD=x
for file in etc/box.conf etc/app/main.conf usr/bin/alias; do
  rm "$C/box.0/hostfs/$file"
  echo bad > "$C/box.0/hostfs/$file"
done
rm "$R/etc/box.conf"
ok "a damaged copy is made anew before it is needed" a containers rollback box
is "... a file" "$(cat "$R/etc/box.conf")" 'renamed 1'
is "... a template" "$(cat "$R/etc/app/main.conf")" 'word=hello cost=$1'
is "... nothing else is left" "$(cd "$C/box.0" && echo .[a-z]* *)" ".[a-z]* box.service config.json hostfs info rootfs"
echo x >> "$R/usr/bin/tool"
no "what is edited in place below /usr is found" a images verify v1
ok "... and kept by an update" a containers update box --rebase v2
ok "... a rollback" a containers rollback box
is "... as it is" "$(cat "$R/usr/bin/tool")" $'tool 1\nx'
ok "images verify --repair" a images verify --repair v1
ok "uninstall" a uninstall box
rm "$R/usr/bin/tool"
host > "$T/now"
same "nothing else is left" "$T/bare" "$T/now"

# ---- links, copies

ok "useLinks false" a install -n box copies
is "... is a copy" "$(stat -c '%h %a %u' "$R/usr/bin/tool")" "1 4755 7"
setfattr -n user.note -v x "$C/box.0/hostfs/usr/bin/tool"
setcap cap_net_raw+ep "$C/box.0/hostfs/usr/bin/same" 2> /dev/null ||
  /usr/bin/python3 -c 'import os, sys; os.setxattr(sys.argv[1], "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))' \
    "$C/box.0/hostfs/usr/bin/same"
rm "$R/usr/bin/tool" "$R/usr/bin/same"
ok "another value" a containers update box --set WORD=x
rm "$R/usr/bin/tool" "$R/usr/bin/same"
ok "back to files with attributes" a containers rollback box
is "... the user's are kept" "$(getfattr --only-values -n user.note "$R/usr/bin/tool" 2> /dev/null)" x
ok "... capabilities too" getfattr -n security.capability "$R/usr/bin/same"
ok "uninstall" a uninstall box
mkdir -p "$T/small"
mount -t tmpfs atomic-test "$T/small"
MOUNTS+=("$T/small")
mkdir "$T/small/bin"
mount --bind "$T/small/bin" "$R/usr/bin"
MOUNTS=("$R/usr/bin" "${MOUNTS[@]}")
ok "/usr/bin is another file system" a install -n box v1
is "... a copy" "$(stat -c %h "$R/usr/bin/tool") $(cat "$R/usr/bin/tool")" "1 tool 1"
ok "uninstall" a uninstall box
is "... gone" "$(ls "$T/small/bin")" ""
ok "... which is read-only later" a install -n box v1
mount -o remount,ro,bind "$R/usr/bin"
refused "uninstall" 1 "Read-only file system" a uninstall box
matches "... --force leaves what it cannot remove" "$(a uninstall -f box 2>&1)" "/usr/bin/tool: .*: it stays"
is "... and nothing else" "$(ls "$T/small/bin" | xargs) $(ls -A "$C" | xargs) $(ls "$R/etc/app" 2>&1 | grep -c conf)" \
  "alias same tool .storage 0"
rm "$T/small/bin/"*
umount "$R/usr/bin"
MOUNTS=("$T/small")

# ---- links of the host

ok "a directory that is a link of the host" a install -n box alias
is "... the file is where it leads" "$(cat "$R/usr/bin/moved")" moved
ok "the next image has it without the link" a containers update box --rebase aliased
is "... it is still there, and ours" "$(cat "$R/usr/bin/moved") $(recorded box /usr/bin/moved | cut -c1-4)" \
  "moved $(sum "$R/usr/bin/moved" | cut -c1-4)"
ok "uninstall" a uninstall box
no "... takes it away" test -e "$R/usr/bin/moved"
ln -s /../../../../../../../../.."$T/outside" "$R/opt/there"
ok "a link that leads out of the root" mkdir -p "$R$T/outside"
ok "... is followed within" a install -n box v1

is "... nothing comes out" "$(ls -A "$T/outside")" ""
is "... but there" "$(ls "$R$T/outside")" tree
ok "uninstall" a uninstall box
rm -r "$R/opt/there" "$R/tmp"
echo file > "$R/opt/there"
host > "$T/before"
refused "a file is where a directory has to be" 1 "/opt/there is no directory on this host" a install -n box v1
host > "$T/now"
same "... nothing has changed" "$T/before" "$T/now"
rm "$R/opt/there"

# ---- hostile images

bad() { # IMAGE REGEX
  refused "$1 is refused" 1 "$2" a install -n box "$1"
}
bad bad-dots "'/etc/../../x' is no clean absolute path"
bad bad-relative "'etc/x' is no clean absolute path"
bad bad-value "is no clean absolute path"
bad bad-variable "still contains an unreplaced value for: 'MISSING'"
bad bad-template "hostfs/x' still contains an unreplaced value for: 'MISSING'"
bad bad-two "would both be /y"
bad bad-below "would both be /y"
bad bad-link "would both be /y"
bad bad-proc "no file of an image may be at /proc/x"
bad bad-checkouts "may be at /var/lib/containers/atomic/x"
bad bad-unit "may be at /etc/systemd/system/box.service"
bad bad-tmpfiles "may be at /etc/tmpfiles.d/box.conf"
bad bad-name "not printable"
bad bad-deep "directories deep"
host > "$T/now"
same "nothing of them is there" "$T/bare" "$T/now"
is "... nor in the checkouts" "$(cd "$C" && echo .[a-z]* *)" ".storage *"
ok "links that lead out are links" a install -n box out
is "... as they are" "$(readlink "$R/etc/out" "$R/etc/abs" | xargs)" "../../../../../outside /outside"
ok "uninstall" a uninstall box
ok "a host where etc/dir is a link to nothing" ln -s /nowhere "$R/dir"
refused "... is no place for a directory" 1 "/dir is no directory on this host" a install -n box below
rm "$R/dir"

# ---- by which way

ok "a host where a link leads to where no file of an image may be" ln -s usr/lib "$R/lib"
refused "... is refused" 1 "/lib/containers/atomic is /usr/lib/containers/atomic on this host: no file of an image may be there" \
  a install -n box forged
no "... nothing is there" ls "$R/usr/lib/containers"
rm "$R/lib"
ok "a link into the deployments" ln -s /var/lib/containers/atomic "$R/opt/way"
refused "... is no way to them" 1 "no file of an image may be there" a install -n box through
rm "$R/opt/way"
ok "a harmless directory" a install -n box through
ok "... gone" a containers update box --rebase plain
ln -s /var/lib/containers/atomic "$R/opt/way"
matches "... and a link in its place: files stay out" "$(a containers rollback box 2>&1)" "where no file of an image may be"
no "... really" ls "$C/evil"
mkdir "$C/evil"
cp "$C/box/rootfs/exports/hostfs/opt/way/evil/info" "$C/evil/info"
ok "uninstall" a uninstall box
ok "... does not reach through it either" rm "$C/evil/info"
rm -r "$R/opt/way" "$C/evil"
host > "$T/now"
same "nothing is left" "$T/bare" "$T/now"

ok "a link of the image" a install -n box link1
ok "... becomes a directory" a containers update box --rebase link2
is "... what was behind it is gone" "$(cd "$R/usr/share" && find . | sort | xargs)" ". ./app ./app/data"
ok "... and back" a containers rollback box
is "... as it was" "$(cd "$R/usr/share" && find . | sort | xargs) $(cat "$R/usr/share/app/data")" \
  ". ./app ./app-1 ./app-1/data 1"
ok "... forth" a containers rollback box
is "... again" "$(cd "$R/usr/share" && find . | sort | xargs)" ". ./app ./app/data"
ok "uninstall" a uninstall box
mkdir "$R/usr/lib/hostapp"
echo 'in the image' > "$R/usr/lib/hostapp/data"
ok "a link to what the host has" a install -n box away1
out=$(a containers update box --rebase away2 2>&1)
no "... becomes a directory: what was behind it was not there" grep 'already exists' <<< "$out"
is "... its file is" "$(cat "$R/opt/app/data"; recorded box /opt/app/data)" "$(echo in the image; sum "$R/opt/app/data")"
ok "... and back" a containers rollback box
is "... the host has its own" "$(readlink "$R/opt/app") $(cat "$R/usr/lib/hostapp/data")" "/usr/lib/hostapp in the image"
ok "... forth" a containers rollback box
ok "uninstall" a uninstall box
is "... the host has its own" "$(cat "$R/usr/lib/hostapp/data")" "in the image"
rm -r "$R/usr/lib/hostapp"
host > "$T/now"
same "nothing is left" "$T/bare" "$T/now"

ok "a file" a install -n box v1
echo mine > "$R/opt/turn"
host > "$T/before"
refused "... changed by hand, is no place for a directory" 1 "/opt/turn is no directory on this host" \
  a containers update box --rebase v2
host > "$T/now"
same "... nothing has changed" "$T/before" "$T/now"
echo 'a file that becomes a directory' > "$R/opt/turn"
ok "update" a containers update box --rebase v2
ok "rollback" a containers rollback box
echo mine > "$R/opt/turn"
refused "... forth: neither" 1 "deployment 1: /opt/turn is no directory on this host" a containers rollback box
is "... it is still what it was" "$(readlink "$C/box")" box.0
# Somebody was killed when the link was changed already.
ln -sfn box.1 "$C/box"
echo '{"version": 1, "operation": "rollback", "from": 0, "to": 1, "phase": "activate"}' > "$C/.journal-box"
out=$(a recover 2>&1)
is "... recovery goes on without it" "$(cat "$R/opt/turn") $(readlink "$C/box") $(cat "$R/opt/back")" "mine box.1 was a directory"
matches "... which it says" "$out" "completed now"
no "... and ends" ls "$C/.journal-box"
ok "uninstall" a uninstall box
is "... keeps it" "$(cat "$R/opt/turn")" mine
rm "$R/opt/turn"
find "$R" -depth -path "$C" -prune -o -type d -empty -path "$R/opt/*" -exec rmdir {} \;

ok "a record of more than 4 MiB" a install -n box v1
ok "... is one" a containers update box --rebase long
matches "... of that size" "$(stat -c %s "$C/box/info")" '^[5-9][0-9]{6}$'
is "... with all its files" "$(find "$R/opt" -name 'f[0-9]*' | wc -l) $(ls "$R/etc/app" 2>&1 | grep -c conf)" "700 0"
# Whoever cannot read what is to be removes nothing of what was.
cp "$C/box.0/info" "$T/info"
echo '{' > "$C/box.0/info"
ln -sfn box.0 "$C/box"
echo '{"version": 1, "operation": "rollback", "from": 1, "to": 0, "phase": "activate"}' > "$C/.journal-box"
matches "recovery to one whose record is damaged" "$(a recover 2>&1)" "are not known and stay"
is "... leaves the files" "$(find "$R/opt" -name 'f[0-9]*' | wc -l)" 700
cp "$T/info" "$C/box.0/info"
ok "... which are still known" a containers rollback box
ok "uninstall" a uninstall box
host > "$T/now"
same "nothing is left" "$T/bare" "$T/now"

ok "two containers" a install -n box v1
mkdir -p "$C/box.0/.hostfs.new/x"
ok "what a killed command left of making files anew" a containers update box
no "... goes" ls -d "$C/box.0/.hostfs.new"
ok "... side by side" a install -n second v1
jq --slurpfile box "$C/box.0/info" '.["installed-files"] += ["/usr/bin/tool", "/bin/same"] |
  .["installed-files-checksum"]["/bin/same"] = $box[0]["installed-files-checksum"]["/usr/bin/same"] |
  .["installed-files-checksum"]["/usr/bin/tool"] = $box[0]["installed-files-checksum"]["/usr/bin/tool"]' "$C/second.0/info" > "$T/info"
cat "$T/info" > "$C/second.0/info"
out=$(a uninstall box 2>&1)
matches "a file of both stays with the one" "$out" "/usr/bin/tool stays: it is of container second too"
matches "... by another name, too" "$out" "/usr/bin/same stays: it is of container second too"
ok "... really" ls "$R/usr/bin/tool" "$R/usr/bin/same"
ok "uninstall of the other" a uninstall second
is "... takes them away" "$(ls "$R/usr/bin")" ""

# ---- no service

ok "an image of files only" a install -n data files
is "... its file" "$(cat "$R/usr/share/files/data")" data
is "... the list says it" "$(a containers list -a --json | jq -r '.[].state')" "no service"
no "... no unit" ls "$R/etc/systemd/system/data.service"
is "nothing new" "$(a containers update data)" "Latest version already installed."
ok "update" a containers update data --rebase files2
is "... its file" "$(cat "$R/usr/share/files/data")" "data 2"
ok "rollback" a containers rollback data
is "... its file" "$(cat "$R/usr/share/files/data")" data
ok "to one with a service" a containers update data --rebase plain
ok "... a unit" ls "$R/etc/systemd/system/data.service"
no "... no file" ls "$R/usr/share/files"
ok "rollback" a containers rollback data
no "... no unit" ls "$R/etc/systemd/system/data.service"
ok "uninstall" a uninstall data
host > "$T/now"
same "nothing is left" "$T/bare" "$T/now"

# ---- a deployment of the original tool: no prepared tree, and other sums

old() { # makes one of box.0, as it would have made it
  rm -r "$C/box.0/hostfs"
  jq --arg alias "$(sum "$R/usr/bin/tool")" 'del(.["atomic.installed-dirs"]) |
      .["installed-files-checksum"]["/usr/bin/alias"] = $alias |
      .["installed-files-checksum"]["/srv/empty"] = "0" | .["installed-files"] += ["/srv/empty"]' "$C/box.0/info" > "$T/info"
  cat "$T/info" > "$C/box.0/info"
}
ok "install" a install -n box v1
old
ok "uninstall works from its record" a uninstall box
no "... no file is left" find "$R/usr/bin" "$R/etc/app" "$R/opt" "$R/srv/empty" "$R/etc/box.conf" -mindepth 0 ! -type d -print -quit -o -false
find "$R/etc/app" "$R/opt" "$R/srv" "$R/only" -mindepth 1 -type d -empty -delete
rmdir "$R/etc/app" "$R/only"
host > "$T/now"
same "... nor anything but directories" "$T/bare" "$T/now"
ok "install" a install -n box v1
old
is "nothing new" "$(a containers update box)" "Latest version already installed."
ok "update works from its record" a containers update box --rebase v2
is "... a file" "$(cat "$R/etc/box.conf")" "renamed 2"
is "... an empty directory, which it counted as a file" "$(modes srv/empty) $(recorded box /srv/empty)" "1770 5 6 srv/empty null"
rm -rf "$C/box.0/hostfs"
ok "rollback makes its files anew" a containers rollback box
is "... a file" "$(cat "$R/etc/box.conf")" "renamed 1"
is "... a template" "$(cat "$R/etc/app/main.conf")" 'word=hello cost=$1'
is "... a link" "$(readlink "$R/usr/bin/alias")" tool
ok "forth" a containers rollback box --to 1
rm -rf "$C/box.0/hostfs"
rm "$C/box.0/rootfs/exports/hostfs/etc/old.conf"
host > "$T/before"
refused "a rollback to what cannot be made again" 1 "deployment 0: it has no copy of /etc/box.conf" a containers rollback box
host > "$T/now"
same "... changes nothing" "$T/before" "$T/now"
is "... at all" "$(readlink "$C/box")" box.1
ok "uninstall" a uninstall box

finish
