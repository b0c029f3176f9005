#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Update, history, pin and rollback in a throw-away root, where no systemd runs.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
C=$R/var/lib/containers/atomic
U=$R/etc/systemd/system
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
live() { readlink "$C/$1"; }
numbers() { a containers history "$1" --json | jq -r '.[].deployment' | xargs; }
value() { jq -r ".values.$2" "$C/$1/info"; }
# The image "NAME:latest" of the repository becomes version N.
provide() { a pull "oci:$T/$1" > /dev/null 2>&1 && ostree --repo="$C/.storage/ostree" refs "$(ref "$1")" --create="$(ref app)" --force; }
ref() { echo "ociimage/$1_3Alatest"; }

/usr/bin/python3 "$SC_SOURCE/tests/update-images.py" "$T"

# ---- a version after the other

ok "version 1 is there" provide v1
ok "install" a install -n box --set WORD=kept app
uuid=$(value box.0 UUID)
is "nothing new" "$(a containers update box)" "Latest version already installed."
is "... is no deployment" "$(numbers box)" 0
ok "version 2 is there" provide v2
out=$(a containers update box 2> "$T/notes")
is "update says its steps" "$(grep -v tmpfiles <<< "$out")" "Extracting to /var/lib/containers/atomic/box.1
systemctl enable box"
is "... nothing else" "$(cat "$T/notes")" ""
is "the link" "$(live box)" box.1
is "the root" "$(cat "$C/box/rootfs/version")" 2
same "the unit is the new one" "$C/box.1/box.service" "$U/box.service"
matches "... really" "$(cat "$U/box.service")" '^Description=version 2, kept$'
same "the tmpfiles file is the new one" "$C/box.1/tmpfiles-box.conf" "$R/etc/tmpfiles.d/box.conf"
is "it is enabled as the new unit wants" "$(cd "$U" && find . -type l)" ./graphical.target.wants/box.service
is "the values are kept" "$(value box.1 WORD) $(value box.1 UUID)" "kept $uuid"
is "... and new ones have their default" "$(value box.1 EXTRA)" e
is "the deployment before is still there" "$(numbers box)" "1 0"
is "nothing new" "$(a containers update box)" "Latest version already installed."
is "nothing else is left" "$(find "$C" -maxdepth 1 -name '.*' ! -name .storage ! -name . -printf '%f ')" ".lock-box "

# ---- values

ok "update --set" a containers update box --set WORD=set
is "... is another deployment" "$(live box) $(value box WORD)" "box.2 set"
is "... of which two are kept" "$(numbers box)" "2 1"
is "--set of what it is: nothing new" "$(a containers update box --set WORD=set)" "Latest version already installed."
ok "update --unset" a containers update box --unset WORD --keep 3
is "... and the default is back" "$(value box WORD)" hello
is "... --keep keeps one more" "$(numbers box)" "3 2 1"
listing "$R" > "$T/before"
refused "--unset of what is not set" 2 "no value of that name" a containers update box --unset NOSUCH
refused "--unset of what is always set" 2 "always set" a containers update box --unset NAME
refused "--set of what the image does not use" 2 "no such variable" a containers update box --set NOSUCH=1
refused "--set without =" 2 "expected NAME=VALUE" a containers update box --set WORD
refused "neither name nor --all" 2 "either NAME or --all" a containers update
refused "name and --all" 2 "either NAME or --all" a containers update box --all
refused "--all with --set" 2 "for one container" a containers update -a --set X=1
refused "--keep 0" 2 "not a number from 1" a containers update box --keep 0
refused "--probation soon" 2 "not a number from 1" a containers update box --probation soon
refused "--gated and --no-gate" 2 "exclude" a containers update box --gated --no-gate
refused "no such container" 1 "no container 'nobody'" a containers update nobody
refused "a rollback to what is not there" 1 "no deployment 17" a containers rollback box --to 17
refused "a rollback to what is live" 1 "is live already" a containers rollback box --to 3
refused "a rollback to no number" 2 "not the number" a containers rollback box --to x
listing "$R" > "$T/after"
same "what is refused changes nothing" "$T/before" "$T/after"

# ---- a new image that does not do

ok "an image with a variable more" a pull "oci:$T/needs"
listing "$R" > "$T/before"
refused "install --display of it" 1 "lack: image needs:latest: .*unreplaced value for: 'NEEDED'" a install --display -n lack needs
ok "... with the value" a install --display -n lack --set NEEDED=1 needs
refused "update --rebase to it" 1 "container box: .*unreplaced value for: 'NEEDED'" a containers update box --rebase needs
listing "$R" > "$T/after"
same "... changes nothing" "$T/before" "$T/after"
ok "... and with the value" a containers update box --rebase needs --set NEEDED=1 --unset EXTRA
is "... it is that image" "$(jq -r .image "$C/box/info") $(cat "$C/box/rootfs/version")" "needs:latest 8"
ok "update --rebase to a layout pulls it" a containers update box --rebase "oci:$T/v3"
is "... it is that image" "$(jq -r .image "$C/box/info") $(cat "$C/box/rootfs/version")" "v3:latest 3"
ok "update --rebase back" a containers update box --rebase app
refused "an image that is not there" 1 "" a containers update box --rebase "oci:$T/nowhere"

# ---- history, pin, rollback

first=$(a containers history box -n | head -n 1)
matches "history: the live one is marked" "$first" '^> +6 +app:latest +[0-9a-f]{12} +2[0-9]{3}-.* live *$'
matches "history --json: the time is UTC" "$(a containers history box --json | jq -r '.[0].created')" \
  '^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
is "history --json" "$(a containers history box --json | jq -c '.[] | [.deployment, .image_name, .live, .pinned, .failed]')" \
  '[6,"app:latest",true,false,""]
[5,"v3:latest",false,false,""]'
ok "pin a deployment" a containers pin box 5
ok "... twice" a containers pin box 5
for word in a b c; do a containers update box --set WORD=$word > /dev/null 2>&1; done
is "a pinned deployment stays and does not count" "$(numbers box)" "9 8 5"
is "... it is said" "$(a containers history box --json | jq -c '.[] | select(.pinned) | .deployment')" 5
ok "unpin it" a containers unpin box 5
is "... it is still there" "$(numbers box)" "9 8 5"
refused "pin what is not there" 1 "no deployment 4" a containers pin box 4
matches "rollback" "$(a containers rollback box)" '^box is deployment 8 now$'
is "... root, unit, link" "$(live box) $(cat "$C/box/rootfs/version") $(grep -c 'version 2, b' "$U/box.service")" "box.8 2 1"
is "... nothing is removed" "$(numbers box)" "9 8 5"
ok "rollback again" a containers rollback box
is "... goes further back" "$(live box) $(cat "$C/box/rootfs/version") $(jq -r .image "$C/box/info")" "box.5 3 v3:latest"
is "... enabled as that unit wants" "$(cd "$U" && find . -type l)" ./multi-user.target.wants/box.service
ok "rollback from the first" a containers rollback box
is "... goes forwards" "$(live box)" box.8
ok "rollback --to" a containers rollback box --to 9
is "... goes there" "$(live box)" box.9
mv "$C/box.8/rootfs" "$T/away"
mkdir "$C/box.8/rootfs"
refused "rollback to one without a root" 1 "deployment 8: rootfs is empty" a containers rollback box
rmdir "$C/box.8/rootfs"
refused "... without that" 1 "rootfs" a containers rollback box
mv "$T/away" "$C/box.8/rootfs"
mv "$C/box.8/box.service" "$T/away"
refused "... without its unit" 1 "box.service is missing" a containers rollback box
mv "$T/away" "$C/box.8/box.service"
cp "$C/box.8/config.json" "$T/away"
echo '{"process": {}}' > "$C/box.8/config.json"
refused "... with a damaged configuration" 1 "config.json" a containers rollback box
mv "$T/away" "$C/box.8/config.json"
cp "$C/box.8/info" "$T/away"
sed -i 's,/usr/[a-z]*/runc",/usr/bin/no-such-runc",' "$C/box.8/info"
refused "... whose runtime is gone" 1 "no-such-runc.* is not there" a containers rollback box
mv "$T/away" "$C/box.8/info"
echo '{' > "$C/box.8/info"
refused "... with a damaged info, asked for" 1 "info" a containers rollback box --to 8
is "history shows it" "$(a containers history box 2> /dev/null | grep -c damaged)" 1
is "none of these changed what is live" "$(live box)" box.9
cp "$C/box.9/info" "$T/away"
echo '{' > "$C/box.9/info"
refused "update of one that is damaged" 1 "info" a containers update box
is "... its history" "$(numbers box 2> /dev/null)" "9 8 5"
ok "... rollback from it" a containers rollback box
is "... goes back, past what is damaged" "$(live box)" box.5
mv "$T/away" "$C/box.9/info"
ok "... and forth" a containers rollback box --to 9
mv "$C/box.5/info" "$T/away"
ln -s info "$C/box.5/info"
out=$(a containers update box --keep 1 --set WORD=alone 2>&1)
is "update --keep 1 leaves the live one, and one that cannot be read now" "$(numbers box 2> /dev/null)" "10 5"
matches "... which is said" "$out" '^box\.5 stays: '
matches "... and what else was damaged" "$out" '^box\.8 is damaged, it is removed: '
rm "$C/box.5/info"
mv "$T/away" "$C/box.5/info"
ok "a deployment more" a containers update box --set WORD=more
is "nothing new" "$(a containers update box)" "Latest version already installed."
is "... removes nothing" "$(numbers box)" "11 10"
is "--keep 1 with nothing new" "$(a containers update box --keep 1)" "Latest version already installed."
is "... removes those that are too many" "$(numbers box)" 11

# ---- the configuration

mkdir -p "$R/etc"
echo 'deployments: 3' > "$R/etc/atomic.conf"
for word in d e f g; do a containers update box --set WORD=$word > /dev/null 2>&1; done
is "deployments of atomic.conf" "$(numbers box)" "15 14 13"
echo 'deployments: 0' > "$R/etc/atomic.conf"
refused "... out of range" 1 "line 1: deployments: '0' is not a number from 1 to 100" a containers update box
rm "$R/etc/atomic.conf"

# ---- what somebody changed

echo '# mine' >> "$U/box.service"
matches "a unit that was changed by hand is replaced, and that is said" \
  "$(a containers update box --set WORD=h 2>&1)" '^box: /etc/systemd/system/box.service was changed by hand: that is not kept$'
same "... it is the deployment's" "$C/box/box.service" "$U/box.service"
rm -r "$U"/*.wants
ok "a container that is not enabled" a containers update box --set WORD=i
is "... stays so" "$(find "$U" -type l)" ""
sed -i 's/$/ /' "$C/box/config.json"
ok "a configuration that is not what it would be now is made anew" bash -c '! "$@" | grep Latest' - "$SC_ATOMIC" --root "$R" containers update box
ok "rebase to an image without a service" a containers update box --rebase "oci:$T/plain"
no "... its unit is gone" test -e "$U/box.service"
ok "... rollback brings it again" a containers rollback box
same "... as it was" "$C/box/box.service" "$U/box.service"

# ---- directories that cannot be made are no reason to stay half way

mkdir -p "$R/var/lib/box"
rm -rf "$R"/var/lib/box/*
was=$(live box)
status=0
out=$(unshare -m sh -c 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"' - "$R/var/lib/box" \
  "$SC_ATOMIC" --root "$R" containers update box --set WORD=ro 2>&1) || status=$?
matches "an update whose directories cannot be made" "$status $(grep ^atomic: <<< "$out")" '^1 .*/var/lib/box'
is "... goes back" "$(live box) $(grep -c 'could not be taken back' <<< "$out") $(ls -A "$C" | grep journal || :)" "$was 0 "
same "... to what it was" "$C/box/box.service" "$U/box.service"

# ---- the runtime

mkdir -p "$R/opt"
cp /bin/true "$R/opt/old-runtime"
echo 'runtime: /opt/old-runtime' > "$R/etc/atomic.conf"
ok "install with a runtime of the configuration" a install -n changing app
rm "$R/etc/atomic.conf" "$R/opt/old-runtime"
refused "update: it is gone" 1 "runtime '/opt/old-runtime' is not there; --runtime PATH changes to another one" a containers update changing
refused "update --runtime to what is not there" 1 "runtime '/opt/none' is not there$" a containers update changing --runtime /opt/none
ok "update --runtime" a containers update changing --runtime /usr/bin/crun
is "... is another deployment" "$(live changing) $(jq -r .runtime "$C/changing/info") $(value changing RUNTIME)" \
  "changing.1 /usr/bin/crun /usr/bin/crun"
matches "... whose unit starts it" "$(cat "$U/changing.service")" "^ExecStart=/usr/bin/crun "
is "update: it stays" "$(a containers update changing)" "Latest version already installed."
is "--runtime of what it is: nothing new" "$(a containers update changing --runtime crun)" "Latest version already installed."
ok "uninstall it" a uninstall changing

# ---- what failed before

provide_id() { a images list --json | jq -r --arg name "$1" '.[] | select(.repo == $name) | .id'; }
ok "install" a install -n held app
ok "update to a layout" a containers update held --rebase "oci:$T/v4"
ok "rollback" a containers rollback held
echo 'it broke' > "$C/held.1/failed"
is "... the image is there" "$(provide_id v4 | wc -l)" 1
ok "... its name is deleted" ostree --repo="$C/.storage/ostree" refs --delete "$(ref v4)"
refused "update to it" 3 "container held: not tried again .*: deployment 1 of the same failed: it broke" \
  a containers update held --rebase "oci:$T/v4"
is "... the error stands alone" "$(a containers update held --rebase "oci:$T/v4" 2>&1 > /dev/null | grep -c held)" 1
is "... the image that was pulled for it does not stay" "$(provide_id v4)" ""
ok "rebase back and forth" a containers update held --rebase v3
ok "... to the image" a containers update held --rebase app
ok "... with --keep" a containers update held --keep 4
ok "... rollback" a containers rollback held
echo 'it broke' > "$C/held.3/failed"
status=0
a containers update held --rebase app --json > "$T/json" 2> "$T/err" || status=$?
is "--json of one" "$status $(jq -c '.[] | [.name, .result, .deployment, .previous, .message]' "$T/json")" \
  '3 ["held","held",2,2,"it broke"]'
ok "an id with one name" a containers update held --rebase "$(provide_id v3)"
ok "a second name" a images tag v3 v3b
refused "an id with several names" 1 "is an image with several names: v3:latest, v3b:latest" \
  a containers update held --rebase "$(provide_id v3)"
ok "... a name will do" a containers update held --rebase v3b
is "... which it follows" "$(jq -r .image "$C/held/info")" v3b:latest
is "--gated where no gate can be held: a note" "$(a containers update held --gated --set WORD=g 2>&1 > /dev/null)" \
  "held: not gated: systemd is not running"
mv "$U/held.service" "$T/unit"
mkdir -p "$U/held.service/x"
refused "one that cannot be taken back" 1 "held.service" a containers update held --no-gate --rebase "oci:$T/v4"
is "... keeps its image as long as there is a journal" "$(provide_id v4 | wc -l)" 1
rm -r "$U/held.service"
ok "... recover" a recover
same "... it is the old one" "$T/unit" "$U/held.service"
ok "uninstall it" a uninstall held

# ---- all

ok "a second container" a install -n other --set WORD=o app
ok "a third" a install -n third "oci:$T/v4"
ok "... whose image is lost" ostree --repo="$C/.storage/ostree" refs --delete "$(ref v4)"
ok "version 5 is there" provide v5
status=0
a containers update --all > "$T/table" 2> "$T/err" || status=$?
is "update --all: the status tells that one failed" "$status" 1
grep -A9 '^.*CONTAINER' "$T/table" | sed 's/ *$//; s/^ *//; s/   */  /g' > "$T/got"
cat > "$T/wanted" <<END2
CONTAINER  RESULT
box        updated to deployment $(live box | sed 's/.*\.//')
other      updated to deployment 1
third      failed: its image v4:latest is not in the repository; --pull fetches it
END2
sed -i 's/   */  /g' "$T/wanted"
same "... and what became of each" "$T/got" "$T/wanted"
matches "... and one line tells how many" "$(tail -n 1 "$T/err")" '^atomic: 1 of 3 containers could not be updated$'
ok "the third goes" a uninstall third
ok "update --all without failure" a containers update -a
ok "a version" provide v6
ok "... which one gets" a containers update other
ok "... and goes back from" a containers rollback other
echo 'it broke' > "$C/other.2/failed"
status=0
a containers update --all --json > "$T/json" 2> "$T/err" || status=$?
is "update --all --json: the status tells that one is held back" "$status $(tail -n 1 "$T/err")" \
  "3 atomic: 1 of 2 containers is held back; --no-gate tries again"
is "... and what became of each" "$(jq -c '.[] | [.name, .result, .deployment, .message]' "$T/json")" \
  "[\"box\",\"updated\",$(live box | sed 's/.*\.//'),\"\"]
[\"other\",\"held\",1,\"it broke\"]"
is "... the row of it" "$(a containers update -a 2> /dev/null | grep held | sed 's/  */ /g')" \
  " other held back: it failed before, as deployment 2: it broke"
ok "it is tried again" a containers update --no-gate other
ok "... nothing to do" bash -c '[ "$("$@" | grep -c "latest version already installed")" = 2 ]' - "$SC_ATOMIC" --root "$R" containers update -a

# ---- --pull

start_registry registry
mkdir -p "$R/etc/containers"
printf 'unqualified-search-registries = []\n[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" > "$R/etc/containers/registries.conf"
ok "push version 1" push "$T/v1:latest" "$REGISTRY/x/app:latest"
ok "install from the registry" a install -n remote "$REGISTRY/x/app"
ok "push version 2" push "$T/v2:latest" "$REGISTRY/x/app:latest"
is "without --pull: nothing new" "$(a containers update remote)" "Latest version already installed."
ok "with --pull" a containers update remote --pull
is "... it is the new one" "$(cat "$C/remote/rootfs/version")" 2
is "with --pull again: nothing new" "$(a containers update remote --pull 2> /dev/null | tail -n 1)" "Latest version already installed."
ok "... the next one" push "$T/v3:latest" "$REGISTRY/x/app:latest"
ok "... pulled" a containers update remote --pull
ok "... and back" a containers rollback remote
id=$(a containers history remote --json | jq -r '.[] | select(.live) | .image_id')
ok "held on to by its digest" a containers update remote --rebase "$REGISTRY/x/app@sha256:$id"
is "... update --all leaves it" "$(a containers update remote) $(cat "$C/remote/rootfs/version")" "Latest version already installed. 2"
ok "... until it is to follow the name again" a containers update remote --rebase "$REGISTRY/x/app"
is "... it is the new one" "$(cat "$C/remote/rootfs/version")" 3
kill "${PIDS[0]}"
refused "the registry is gone" 1 "$REGISTRY" a containers update remote --pull

# ---- two at a time

flock "$C/.lock-other" sleep 3 &
wait_until 10 bash -c '! flock -n "$1" true' - "$C/.lock-other"
ok "another container is updated meanwhile" timeout 60 "$SC_ATOMIC" --root "$R" containers update box --set WORD=meanwhile
a containers update other --set WORD=waited > "$T/out" 2> "$T/notes"
is "the same one waits, and says so once" "$(cat "$T/notes")" "waiting for another atomic that changes other"
is "... and is updated then" "$(value other WORD)" waited
wait
first=$(live other)
for n in 1 2 3 4 5 6; do a containers update other --set WORD=race$n > "$T/race$n" 2>&1 & done
wait
is "six at once: one after the other" "$(live other)" "other.$((${first##*.} + $(grep -l Extracting "$T"/race* | wc -l)))"

# ---- what came with the system

mkdir -p "$R/usr/lib/containers/atomic"
cp -a "$C/$(live box)" "$R/usr/lib/containers/atomic/pre.0"
ln -s pre.0 "$R/usr/lib/containers/atomic/pre"
refused "a preinstalled one is not updated" 1 "preinstalled" a containers update pre
refused "... nor rolled back" 1 "preinstalled" a containers rollback pre
is "... but has a history" "$(numbers pre)" 0

# ---- it runs, and no systemd

port=$(free_port)
hello_layout "$T/hello"
ok "install" a install -n runs-$$ --set PORT="$port" "oci:$T/hello"
ok "run it directly" a run -d runs-$$
for receiver in b c d; do a containers update runs-$$ --keep 1 --set RECEIVER=$receiver > "$T/out" 2> "$T/notes"; done
is "update: a note tells that it runs the old deployment" "$(cat "$T/notes")" \
  "systemd is not running: runs-$$ runs the old deployment until it is stopped"
is "... whose directory stays" "$(numbers runs-$$)" "3 0"
matches "... rollback says so too" "$(a containers rollback runs-$$ 2>&1)" "^runs-$$ is deployment 0 now"
ok "stop it" a stop runs-$$
ok "update" a containers update runs-$$ --keep 1 --set RECEIVER=e
is "... its directory goes then" "$(numbers runs-$$)" "4"
ok "uninstall it" a uninstall runs-$$

for name in box other remote; do ok "uninstall $name" a uninstall "$name"; done
is "nothing of them is left" "$(find "$C" -maxdepth 1 -mindepth 1 ! -name .storage)" ""
finish
