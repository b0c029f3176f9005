#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# uninstall --purge and --force, and containers delete, in a throw-away root, where no systemd runs.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
C=$R/var/lib/containers/atomic
S=$R/var/lib
mkdir -p "$R"/{etc,run,srv,tmp,var/log} "$R/var/lib/there"
ln -s ../run "$R/var/run"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
dirs() { jq -r '."atomic.created-dirs" | join(" ")' "$C/$1/info"; }
edit() { jq "$2" "$C/$1/info" > "$T/info" && cp "$T/info" "$C/$1/info"; }

/usr/bin/python3 - "$T" <<'END'
import os, sys
from layout import Layout

UNIT = '[Service]\nExecStart=$EXEC_START\nExecStop=$EXEC_STOP\nExecStartPre=-$EXEC_STARTPRE\n[Install]\nWantedBy=multi-user.target\n'

def image(name, tmpfiles, files={}):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        for path, data in files.items():
            t.file('exports/hostfs/' + path, data)
        t.file('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)
        t.file('exports/service.template', UNIT.encode())
        t.file('exports/tmpfiles.template', tmpfiles.encode())
    layout.image('latest', {'Entrypoint': ['/bin/busybox', 'sleep', '600']})

image('state', 'd /var/lib/$NAME 0700 - - -\nd  "/srv/a b/deep" 0755\nd /var/lib/there\nd /var/run/$NAME\n'
      'f /var/lib/$NAME/file - - - - text\nL+ /srv/link - - - - /etc\nd /var/lib/shared\n')
image('next', 'd /var/lib/$NAME 0700 - - -\nd /var/lib/$NAME-next 0700 - - -\n')
image('shared', 'd /var/lib/shared\n')
image('bad', 'd /etc\nd /var/lib\nd /var/spool\nd /etc/systemd/system\nd /usr/share\nd /var/lib/containers/atomic\n'
      'd /etc/containers\nd /etc/containers/policy\nd /etc/atomic.d\nd /etc/pki/x\nd /etc/bad\nd /etc/badness\nd /etc/other\nd /home/x\nd /root/x\n'
      'd /usr/lib/x\nd /x\nd /opt/x\nd /var/lib/containers/sigstore\nd /run/systemd/x\nd /var/y\n'
      'd /var/lib/containers/atomic/evil.7\nd /dev/shm/atomic-test\nd /%b/x\nd /var/lib/%m\nv! /srv/good\ne /srv/only-adjusted\n'
      '# d /srv/comment\nd /var/lib/%%\n')
image('mounted', 'd /srv/data\n')
image('again', 'd /srv/data\nd /srv/data/more\nd /srv/own\n')
image('files', '', {'var/lib/box/plugin': b'of another'})
image('own', 'd /var/lib/$NAME\n', {'var/lib/box/mine': b'as it was', 'var/lib/box/same': b'as it was'})
END
for i in state next shared bad mounted again files own; do ok "pull $i" a pull "oci:$T/$i"; done

# ---- what is recorded

ok "install" a install -n box state
is "what was missing is recorded, links resolved, with what is above it" "$(dirs box.0)" \
  "/run/box /srv/a b/ /srv/a b/deep /var/lib/box /var/lib/shared"
ok "uninstall" a uninstall box
ok "... keeps the directories" test -d "$S/box" -a -d "$R/srv/a b/deep" -a -d "$S/shared"
rm -r "$R/srv/a b" "$S/box" "$S/shared" "$R/run/box"

ok "install one that asks for what is not its own" a install -n bad bad
is "... nothing but its own is recorded" "$(dirs bad.0)" "/etc/bad /opt/x /srv/good /var/lib/%"
ok "uninstall --purge" a uninstall --purge bad
rm -rf /dev/shm/atomic-test "$R/run/systemd"

# ---- purge

listing "$R" > "$T/clean"
ok "install" a install -n box state
ok "another that shares a directory" a install -n other shared
is "... which is not its own" "$(dirs other.0)" ""
echo data > "$S/box/data"
mkdir -p "$S/box/x/y" && echo data > "$S/box/x/y/z"
echo data > "$S/shared/data"
echo data > "$S/there/data"
ln -s "$S/there" "$S/box/link"
ok "update" a containers update box --rebase next
is "the record goes on" "$(dirs box.1)" "/run/box /srv/a b/ /srv/a b/deep /var/lib/box /var/lib/box-next /var/lib/shared"
ok "back" a containers rollback box
listing "$R" > "$T/before"
out=$(a uninstall --display --purge box 2> "$T/notes")
is "--display says which go" "$(grep Removing <<< "$out")" "Removing /var/lib/box-next
Removing /var/lib/box
Removing /srv/a b/deep
Removing /run/box"
matches "... and which stays" "$(cat "$T/notes")" "^/var/lib/shared stays: container other uses it"
listing "$R" > "$T/after"
same "... and changes nothing" "$T/before" "$T/after"
touch "$R/srv/a b/mine"
out=$(a uninstall --purge box 2> "$T/notes")
is "--purge says which go" "$(grep -c Removing <<< "$out")" 4
matches "... and which stays" "$(cat "$T/notes")" "^/var/lib/shared stays: container other uses it"
is "what was made for it is gone, what was put beside it is not" "$(cd "$R" && find srv var/lib run -path var/lib/containers -prune -o -print | sort | xargs -d '\n')" \
  "run srv srv/a b srv/a b/mine srv/link var/lib var/lib/shared var/lib/shared/data var/lib/there var/lib/there/data"
rm -r "$R/srv/a b" "$S/shared"
ok "uninstall the other" a uninstall other
rm -rf "$S/shared"
find "$R" -type d -empty -name '*.wants' -delete
rm "$S/there/data"
listing "$R" > "$T/after"
same "nothing is left" "$T/clean" "$T/after"

ok "install" a install -n box state
echo data > "$S/box/data"
mount -t tmpfs atomic-test "$R/srv/a b/deep"
MOUNTS+=("$R/srv/a b/deep")
touch "$R/srv/a b/deep/precious" "$S/shared/precious"
mv "$S/shared" "$S/elsewhere"
ln -s elsewhere "$S/shared"
ok "uninstall --purge" a uninstall --purge box
cp "$T/.out" "$T/notes"
ok "... does not go into mounts" test -e "$R/srv/a b/deep/precious"
matches "... and says so" "$(cat "$T/notes")" "^/srv/a b/deep stays: something is mounted on"
ok "... nor through links" test -e "$S/elsewhere/precious" -a -L "$S/shared"
matches "... and says so" "$(cat "$T/notes")" "^/var/lib/shared stays: it is no directory any more"
no "... the rest is gone" test -e "$S/box"
umount "$R/srv/a b/deep"
unset 'MOUNTS[-1]'
rm -r "$S/elsewhere" "$S/shared" "$R/srv/a b"

mkdir "$S/box" "$S/shared" && echo mine > "$S/box/mine"
ok "install where a directory is there already" a install -n box state
ok "uninstall --purge" a uninstall --purge box
ok "... it is not ours" test -e "$S/box/mine"
ok "install" a install -n box state
edit box.0 'del(."atomic.created-dirs")'
ok "uninstall --purge of one without a record" a uninstall --purge box
matches "... says so" "$(cat "$T/.out")" "^box: no directories are known that were made for it"
ok "install" a install -n box state
edit box.0 '."atomic.created-dirs" = ["/etc", "/", "/var/lib/../lib/there", "relative", "/var/lib/containers", "/dev/shm", "//srv", "/var/lib/", "", "/etc/"]'
listing "$R/etc" > "$T/before"
ok "uninstall --purge of one with a bad record" a uninstall --purge box
ok "... believes nothing of it" test -d "$S/there" -a -d "$R/etc" -a -d "$C" -a -d "$R/srv" -a -d /dev/shm

rm -rf "$S/box" "$S/shared" "$R/srv/a b" "$R/run/box"
ok "install" a install -n box state
ok "another that puts a file into its directory" a install -n other files
ok "uninstall --purge" a uninstall --purge box
matches "... says so" "$(cat "$T/.out")" "^/var/lib/box stays: container other uses /var/lib/box"
ok "... and leaves it" test -e "$S/box/plugin"
ok "uninstall the other" a uninstall other
rm -rf "$S/box" "$S/shared" "$R/srv/a b"

ok "install one with files of its own in its directory" a install -n box own
echo changed > "$S/box/mine"
a uninstall --display --purge box > "$T/out" 2> "$T/notes"
matches "--display: one was changed" "$(cat "$T/notes")" "^/var/lib/box stays: it was changed by hand: /var/lib/box/mine"
ok "uninstall --purge" a uninstall --purge box
is "... it stays" "$(ls "$S/box")" mine
matches "... and that is said" "$(cat "$T/.out")" "^/var/lib/box stays: it was changed by hand: /var/lib/box/mine"
rm -r "$S/box"
ok "install" a install -n box own
ok "uninstall --purge when nothing was changed" a uninstall --purge box
no "... removes all" test -e "$S/box"

mkdir -p "$T/disk/data" && echo precious > "$T/disk/data/file"
mount --bind "$T/disk" "$R/srv"
MOUNTS+=("$R/srv")
ok "install where a directory is there, on a mount" a install -n box mounted
umount "$R/srv"
unset 'MOUNTS[-1]'
ok "update when it is not mounted" a containers update box --rebase again
is "... does not record it, nor what is in it" "$(dirs box.1)" "/srv/own"
rm -rf "$R/srv/data"
mount --bind "$T/disk" "$R/srv"
MOUNTS+=("$R/srv")
ok "uninstall --purge" a uninstall --purge box
ok "... leaves it" test -e "$R/srv/data/file"
umount "$R/srv"
unset 'MOUNTS[-1]'
rm -rf "$R/srv/own"

ok "install" a install -n box next
ok "update" a containers update box --rebase shared
cp "$C/box.0/info" "$T/info"
echo '{' > "$C/box.0/info"
refused "uninstall --purge with a record that cannot be read" 1 "box.0" a uninstall --purge box
ok "... the records are there still" test -e "$C/box.0/info" -a -e "$C/box.1/info"
cp "$T/info" "$C/box.0/info"
ok "another" a install -n other next
echo '{' > "$C/other.0/info"
ok "uninstall --purge with another that cannot be read" a uninstall --purge box
matches "... purges nothing" "$(cat "$T/.out")" "^/var/lib/box stays: what container other uses cannot be read: other.0"
ok "... indeed" test -d "$S/box"
rm -r "$S/box" "$S/box-next" "$S/shared"
ok "install" a install -n box next
ok "uninstall --purge --force passes over it" a uninstall --purge --force box
no "... and purges" test -e "$S/box"
ok "the other goes" a uninstall --force --purge other
rm -rf "$S/other" "$S/other-next"

ok "install" a install -n box next
flock -s "$R/var/lib/containers" sleep 2 &
wait_until 10 bash -c '! flock -n "$1" true' - "$R/var/lib/containers"
ok "uninstall --purge while another container is being installed" a uninstall --purge box
matches "... waits for it" "$(cat "$T/.out")" "^waiting for another atomic that records a deployment"
no "... and purges" test -e "$S/box"
wait

# ---- kill -9, at each of some calls, and what is asked of a removal that goes on

rm -rf "$S/box" "$S/shared" "$R/srv/a b" "$R/run/box"
ok "install" a install -n box state
echo data > "$S/box/data"
for n in {1..40}; do
  kill_at "$T/count" "$n" -- "$SC_ATOMIC" --root "$R" uninstall box > "$T/.out" 2>&1 || :
  [ ! -e "$C/.journal-box" ] || break
done
ok "an uninstall is cut short" test -e "$C/.journal-box"
ok "uninstall --purge goes on with it" a uninstall --purge box
no "... and purges" test -e "$S/box"
no "... and is done" test -e "$C/.journal-box" -o -e "$C/box"
rm -rf "$S/shared" "$R/srv/a b" "$R/run/box"

# ---- damage

damaged() { # TEXT REGEX: without --force it is refused, with it all goes
  refused "$1: refused" 1 "$2" a uninstall box
  ok "... --force removes it" a uninstall -f box
  is "... all of it" "$(find "$C" -maxdepth 1 -name '*box*'; find "$R/etc" -name '*box*')" ""
  ok "... and it can be installed again" a install -n box shared
}
ok "install" a install -n box shared
echo '{' > "$C/box.0/info"
damaged "info is broken" "damaged.*--force.*info"
rm "$C/box.0/info"
damaged "info is missing" "damaged.*--force.*info"
rm -r "$C/box.0"
damaged "the deployment is missing" "damaged.*--force.*box"
ln -sfn nonsense "$C/box"
damaged "the link leads to nothing" "damaged.*--force.*nonsense"
echo '{"version": 99}' > "$C/.journal-box"
refused "a journal of another version: refused" 1 "version 99" a uninstall box
ok "... --force removes it" a uninstall -f box
is "... all of it" "$(find "$C" -maxdepth 1 -name '*box*'; find "$R/etc" -name '*box*')" ""
refused "no such container, --force or not" 1 "no container 'box'" a uninstall -f box

# ---- containers delete

for n in one two three; do ok "install $n" a install -n "$n" next; done
mkdir -p "$R/usr/lib/containers/atomic/pre"
cp "$C/one.0/info" "$C/one.0/config.json" "$R/usr/lib/containers/atomic/pre"
refused "no name" 2 "NAME is missing" a -y containers delete
refused "--all and a name" 2 "exclude each other" a -y containers delete --all one
refused "a name that is none" 2 "not a container name" a -y containers delete ../one
refused "without a terminal and without -y" 1 "no terminal.*-y" setsid -w "$SC_ATOMIC" --root "$R" containers delete one two
refused "one that is not there" 1 "no container 'nothing'" a -y containers delete nothing
refused "one that is preinstalled" 1 "preinstalled" a -y containers delete pre
is "... all are there" "$(a containers list -aq | xargs)" "one pre three two"
ask() {
  printf '%s\n' "$1" | script -qec "'$SC_ATOMIC' --root '$R' containers delete --purge one two one" /dev/null > "$T/shown" 2>&1
}
status=0
ask n || status=$?
is "no is an answer: status 1" "$status" 1
matches "... to the question" "$(cat "$T/shown")" 'Do you want to delete 2 containers with the data\? \[y/N\]'
matches "... which names them" "$(cat "$T/shown")" '^two'
is "... all are there" "$(a containers list -aq | xargs)" "one pre three two"
echo data > "$S/two/data"
ok "yes is another" ask y
is "... and they are gone" "$(a containers list -aq | xargs)" "pre three"
no "... with their data" test -e "$S/two" -o -e "$S/two-next"
ok "... but for what the preinstalled one has too" test -d "$S/one"

for n in one two; do ok "install $n" a install -n "$n" next; done
echo '{' > "$C/two.0/info"
refused "some of several cannot be deleted" 1 "2 of 4 containers could not be deleted" \
  a -y containers delete nothing one two three
matches "... which are told" "$(cat "$T/.err")" "no container 'nothing'"
matches "... with the reason" "$(cat "$T/.err")" "container two: it is damaged"
is "... the others are gone" "$(a containers list -aq 2> "$T/notes" | xargs)" "pre two"
ok "install" a install -n live-$$ next
ok "run" a run -d live-$$
refused "one that runs" 1 "live-$$: it is running" a -y containers delete live-$$
is "... goes on" "$(a containers list -q 2> "$T/notes")" live-$$
ok "--all --force deletes that and the damaged one" a -y containers delete -a -f
is "... and leaves the preinstalled one" "$(a containers list -aq)" pre
no "... it runs no more" runc state live-$$
is "nothing to delete" "$(a -y containers delete -a 2>&1)" "there are no containers"
finish
