#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The unit of a container beside those of the host, in a throw-away root, where no systemd runs: what is in the way of its links
# and files, a unit of the host's own of that name, links that the administrator made, units without [Install].
. "$(dirname "$0")/../lib.sh"
need_root

# Many flushes, of which nothing is tested here: in memory.
mkdir "$T/memory"
mount -t tmpfs atomic-test "$T/memory"
MOUNTS+=("$T/memory")
R=$T/memory/root
U=$R/etc/systemd/system
mkdir -p "$U" "$R/etc/tmpfiles.d" "$R/usr/lib/systemd/system" "$R/usr/lib/tmpfiles.d"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
links() { (cd "$U" && find . -type l -printf '%P %l\n' | sort); }

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout

UNIT = '[Service]\nExecStart=$EXEC_START\n'
WANTED = UNIT + '[Install]\nWantedBy=multi-user.target\n'

def image(name, unit, tmpfiles=None, service=True):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
        t.file('exports/manifest.json', b'{}' if service else b'{"noContainerService": true}')
        t.file('exports/service.template', unit.encode())
        if tmpfiles:
            t.file('exports/tmpfiles.template', tmpfiles.encode())
    layout.image('latest', {'Entrypoint': ['/bin/true']})

image('alias', WANTED + 'Alias=admin.service\n')
image('plain', WANTED)
image('tmpfiles', WANTED, tmpfiles='d /var/lib/$NAME\n')
image('graphical', UNIT + '[Install]\nWantedBy=graphical.target\n')
image('boot-less', UNIT)
image('no-service', '[Unit]\nDescription=x\n')
image('files', UNIT, service=False)
END
for i in plain tmpfiles graphical files; do ok "pull $i" a pull "oci:$T/$i"; done

# ---- what is in the way of a link

echo mine > "$U/admin.service"
listing "$R" > "$T/before"
refused "a file in the way of an alias ends the installation" 1 "c: image alias:.*/etc/systemd/system/admin.service exists and is not a link" \
  a install -n c "oci:$T/alias"
listing "$R" > "$T/after"
same "... which leaves nothing, no image either" "$T/before" "$T/after"
rm "$U/admin.service"
mkdir "$U/multi-user.target.wants"
echo mine > "$U/multi-user.target.wants/c.service"
refused "... or of a link in a target" 1 "multi-user.target.wants/c.service exists and is not a link" a install -n c "oci:$T/alias"
rm -r "$U/multi-user.target.wants"
ln -s /usr/lib/systemd/system/theirs.service "$U/admin.service"
listing "$R" > "$T/before"
refused "an alias that is somebody else's is not taken" 1 "/etc/systemd/system/admin.service exists and leads to /usr/lib/systemd/system/theirs.service" \
  a install -n c "oci:$T/alias"
listing "$R" > "$T/after"
same "... and nothing changes" "$T/before" "$T/after"
ok "install one without it" a install -n c plain
listing "$R" | grep -v "^var/lib/containers/atomic/.storage" > "$T/before"
refused "... which an update to one with it does not take either" 1 "container c: .*admin.service exists and leads to" \
  a containers update c --rebase "oci:$T/alias"
listing "$R" | grep -v "^var/lib/containers/atomic/.storage" > "$T/after"
same "... and nothing changes" "$T/before" "$T/after"
ok "the same image by its own name" a pull "oci:$T/alias"
ok "... as the next version" a images tag alias plain
refused "... together: that is no container that is held back" 1 "container c: .*admin.service exists and leads to" a containers update c --together
ok "... and as before" a pull "oci:$T/plain"
ok "uninstall" a uninstall c
is "... leaves it" "$(links)" "admin.service /usr/lib/systemd/system/theirs.service"
rm "$U/admin.service"
ok "an alias that is free" a install -n c "oci:$T/alias"
refused "... is not taken by a second container" 1 "leads to /etc/systemd/system/c.service" a install -n d alias
ok "update with an alias of its own" a containers update c --rebase plain
is "... which goes" "$(links)" "multi-user.target.wants/c.service /etc/systemd/system/c.service"
ln -s /usr/lib/systemd/system/theirs.service "$U/admin.service"
refused "... and does not come back by a rollback when it is another's" 1 "deployment 0: .*admin.service exists and leads to" a containers rollback c
ok "uninstall" a uninstall c
rm "$U/admin.service"

# ---- a unit of the host's own of that name

echo "of the host" | tee "$R/usr/lib/systemd/system/etcd.service" "$R/usr/lib/tmpfiles.d/etcd.conf" > /dev/null
mkdir -p "$U/multi-user.target.wants" "$U/my.target.wants"
ln -s /usr/lib/systemd/system/etcd.service "$U/multi-user.target.wants/etcd.service"
ln -s /usr/lib/systemd/system/etcd.service "$U/my.target.wants/etcd.service"
ln -s /usr/lib/systemd/system/etcd.service "$U/keys.service"
links > "$T/before"
note='of the host \(/usr/lib/(systemd/system|tmpfiles.d)/etcd.(service|conf)\) is replaced while the container is installed$'
is "--display tells which files of the host are replaced" "$(a install --display -n etcd tmpfiles 2>&1 | grep -cE "^etcd.(service|conf) $note")" 2
is "install tells it" "$(a install -n etcd tmpfiles 2>&1 | grep -cE "^etcd.(service|conf) $note")" 2
matches "... and takes the link" "$(links)" "^multi-user.target.wants/etcd.service /etc/systemd/system/etcd.service"
is "update does not tell it again" "$(a containers update etcd --rebase graphical 2>&1 | grep -cE "$note")" 0
ok "uninstall" a uninstall etcd
links > "$T/after"
same "... leaves the host's unit as enabled as it was" "$T/before" "$T/after"
ok "a container without a unit" a install -n etcd files
is "update to one with a unit tells it" "$(a containers update etcd --rebase plain 2>&1 | grep -cE "$note")" 1
ok "rollback" a containers rollback etcd
links > "$T/after"
same "... leaves the host's unit as enabled as it was" "$T/before" "$T/after"
ok "uninstall" a uninstall etcd
links > "$T/after"
same "... too" "$T/before" "$T/after"
ok "install" a install -n etcd plain
rm "$R/usr/lib/systemd/system/etcd.service"
ok "uninstall, when the host has none any more" a uninstall etcd
is "... makes no links to nothing" "$(links)" ""
rm -rf "$R/usr/lib/systemd" "$R/usr/lib/tmpfiles.d"

# ---- files of the administrator's

ok "install one without a tmpfiles file" a install -n web plain
echo mine > "$R/etc/tmpfiles.d/web.conf"
refused "the administrator's own one is not replaced" 1 "container web: /etc/tmpfiles.d/web.conf exists already and is not the container's" \
  a containers update web --rebase tmpfiles
mv "$R/etc/tmpfiles.d/web.conf" "$T/web.conf"
ok "... without it there is one" a containers update web --rebase tmpfiles
ok "rollback" a containers rollback web
no "... removes that" test -e "$R/etc/tmpfiles.d/web.conf"
cp "$T/web.conf" "$R/etc/tmpfiles.d/web.conf"
refused "rollback does not replace it either" 1 "deployment 1: /etc/tmpfiles.d/web.conf exists already" a containers rollback web
ok "uninstall" a uninstall web
same "... leaves it" "$T/web.conf" "$R/etc/tmpfiles.d/web.conf"
ok "install one without a unit" a install -n own files
echo mine > "$U/own.service"
refused "the administrator's own unit is not replaced" 1 "/etc/systemd/system/own.service exists already and is not the container's" \
  a containers update own --rebase plain
ok "uninstall" a uninstall own
is "... leaves it" "$(cat "$U/own.service")" mine
ok "install one with a tmpfiles file" a install -n by-hand tmpfiles
echo changed >> "$R/etc/tmpfiles.d/by-hand.conf"
matches "one that goes and was changed by hand is told" "$(a uninstall by-hand 2>&1)" "^by-hand: /etc/tmpfiles.d/by-hand.conf was changed by hand: that is not kept$"

# ---- without [Install]

a install -n late "oci:$T/boot-less" > "$T/out" 2> "$T/notes"
matches "a unit without [Install] is told" "$(cat "$T/notes")" "^late.service has no \[Install\] section: it is not started at boot$"
matches "... and not said to be enabled" "$(cat "$T/notes")" "^systemd is not running: late.service was written, nothing was started$"
no "... nowhere" grep enable "$T/out"
is "... nor is it" "$(links)" ""
ok "update to one with it" a containers update late --rebase plain
is "... is enabled as by an installation" "$(links)" "multi-user.target.wants/late.service /etc/systemd/system/late.service"
ok "rollback" a containers rollback late
is "... is not" "$(links)" ""
refused "a unit without [Service] is refused" 1 "image no-service:latest: service.template: it has no \[Service\] section" a install -n x "oci:$T/no-service"
ok "uninstall" a uninstall late

# ---- links that the administrator made

ok "install" a install -n x plain
rm -r "$U/multi-user.target.wants"
mkdir -p "$U/my.target.wants"
ln -s /etc/systemd/system/x.service "$U/my.target.wants/x.service"
ok "update of one that is disabled, and linked elsewhere" a containers update x --rebase graphical
is "... stays so" "$(links)" "my.target.wants/x.service /etc/systemd/system/x.service"
mkdir "$U/graphical.target.wants"
ln -s /etc/systemd/system/x.service "$U/graphical.target.wants/x.service"
ok "update of one that is enabled besides" a containers update x --rebase plain
is "... renews only what is the image's" "$(links)" "multi-user.target.wants/x.service /etc/systemd/system/x.service
my.target.wants/x.service /etc/systemd/system/x.service"
ok "uninstall" a uninstall x
is "... removes all" "$(links)" ""
finish
