#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Several containers in one update, all or none, and what images say of their health, in a throw-away root, where no systemd runs.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
C=$R/var/lib/containers/atomic
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
all_live() { (cd "$C" && for name in "$@"; do readlink "$name"; done | xargs); }
left() { find "$C" -maxdepth 1 -name '.*' ! -name .storage ! -name '.lock-*' ! -name . -printf '%f\n' | sort | tr '\n' ' '; }
table() { sed -n '/CONTAINER/,$p' | sed 's/ *$//; s/^ *//; s/   */  /g'; }
retag() { a images tag "$1" "$2" > "$T/retag" 2>&1; }

/usr/bin/python3 "$SC_SOURCE/tests/update-images.py" "$T"
for v in v1 v2 v3 needs; do ok "pull $v" a pull "oci:$T/$v"; done
for name in ant bee cat; do
  retag v1 "$name"
  ok "install $name" a install -n "$name" --set WORD="$name" "$name"
done

# ---- all of them

retag v2 ant
retag v2 bee
a containers update bee ant cat --together > "$T/out" 2> "$T/notes"
is "two of three have something new" "$(table < "$T/out")" "CONTAINER  RESULT
bee  updated to deployment 1
ant  updated to deployment 1
cat  latest version already installed"
is "... and no more is said" "$(cat "$T/notes")" ""
is "... they are live, the third is as it was" "$(all_live ant bee cat)" "ant.1 bee.1 cat.0"
matches "... their units too" "$(cat "$R/etc/systemd/system/ant.service" "$R/etc/systemd/system/bee.service" | xargs)" "version 2, ant.*version 2, bee"
is "... and nothing is left" "$(left)" ""
is "nothing new for any" "$(a containers update ant bee cat --together 2>&1 | grep -c 'latest version already installed')" 3
is "... is no deployment" "$(all_live ant bee cat)" "ant.1 bee.1 cat.0"
retag v2 cat
ok "all that there are" a containers update --all --together
is "... together" "$(all_live ant bee cat)" "ant.1 bee.1 cat.1"
retag v3 ant
ok "a group of one, which is named twice" a containers update ant ant --together --no-gate --keep 1
is "... --keep holds" "$(cd "$C" && find . -maxdepth 1 -name 'ant.*' -printf '%f')" ant.2
cp -a "$R" "$T/kept"

# ---- none of them

listing "$R" > "$T/before"
unchanged() {
  listing "$R" > "$T/after"
  same "... changes nothing" "$T/before" "$T/after"
}
refused "--set for several" 2 "are for one container" a containers update ant bee --set WORD=x
refused "--set together" 2 "are for one container" a containers update ant --together --set WORD=x
refused "--rebase for several" 2 "are for one container" a containers update ant bee --together --rebase v3
refused "--unset for several" 2 "are for one container" a containers update ant bee --unset WORD
refused "--together of nobody" 2 "either NAME or --all" a containers update --together
refused "--together and names of all" 2 "either NAME or --all" a containers update ant --all --together
refused "one that is not there" 1 "no container 'dog'" a containers update ant dog bee --together
unchanged
retag v3 bee
retag needs cat
listing "$R" > "$T/before"
refused "one that cannot be made" 1 "^atomic: container cat: .*unreplaced value for: 'NEEDED'" a containers update ant bee cat --together
unchanged
retag v2 cat
mv "$C/cat.1/info" "$T/info"
echo '{' > "$C/cat.1/info"
listing "$R" > "$T/before"
refused "one that is damaged" 1 "info" a containers update ant bee cat --together
unchanged
mv "$T/info" "$C/cat.1/info"
retag v3 cat
# The last one's unit cannot be put in its place, nor back: the others, live by then, are as before, and it will be.
mv "$R/etc/systemd/system/cat.service" "$T/cat.service"
mkdir -p "$R/etc/systemd/system/cat.service/x"
status=0
a containers update ant bee cat --together > "$T/out" 2> "$T/err" || status=$?
matches "one that cannot be switched" "$status $(grep ^atomic: "$T/err")" "^1 atomic: container cat: .*cat.service"
is "... the others are not" "$(all_live ant bee cat) $(cd "$C" && echo bee.*)" "ant.2 bee.1 cat.1 bee.0 bee.1"
matches "... it cannot be taken back, and that is said" "$(cat "$T/err")" "^cat could not be taken back to what it was: .*'atomic recover' tries again$"
is "... nothing is decided" "$(left | sed 's/group-[0-9a-f]*/group-ID/')" ".group-ID .journal-cat "
refused "... nor by the next command" 1 "container cat: cannot recover" a containers update ant bee cat --together
rm -r "$R/etc/systemd/system/cat.service"
ok "when the obstacle is gone: recover" a recover
is "... it is the old one" "$(all_live ant bee cat) $(left)" "ant.2 bee.1 cat.1 "
same "... with its unit" "$T/cat.service" "$R/etc/systemd/system/cat.service"
ok "... and then it does" a containers update ant bee cat --together
is "... for those that there is something for" "$(all_live ant bee cat)" "ant.2 bee.2 cat.2"

ok "one goes back" a containers rollback cat
echo 'it broke' > "$C/cat.2/failed"
status=0
a containers update bee cat --together --json > "$T/out" 2> "$T/err" || status=$?
is "... what failed before is held back" "$status $(cat "$T/err")" \
  "3 atomic: container cat: not tried again until image, values or runtime change, or with --no-gate: deployment 2 of the same failed: it broke"
is "... with all" "$(jq -c '.[] | [.name, .result, .deployment]' "$T/out" | xargs)" "[bee,failed,2] [cat,held,1]"
rm "$C/cat.2/failed"
ok "... forth again" a containers rollback cat --to 2

# ---- each on its own

retag v1 ant
retag needs bee
retag v1 cat
status=0
a containers update ant bee cat > "$T/out" 2> "$T/err" || status=$?
is "several, each on its own: the status tells that one failed" "$status" 1
is "... which does not keep the others" "$(all_live ant bee cat)" "ant.3 bee.2 cat.3"
matches "... and there is a table" "$(table < "$T/out")" "^bee  failed: The .*NEEDED"
matches "... and one line" "$(cat "$T/err")" "^atomic: 1 of 3 containers could not be updated$"

# ---- several at a time

rm -rf "$R"
mv "$T/kept" "$R"
retag v3 bee
retag v3 cat
for n in 1 2 3; do
  a containers update bee cat --together > "$T/race$n" 2>&1 & first[n]=$!
  a containers update cat bee --together > "$T/race$n-back" 2>&1 & second[n]=$!
done
for n in 1 2 3; do
  ok "two orders at once: nobody waits for ever" wait "${first[n]}"
  ok "... nor the other way" wait "${second[n]}"
done
is "... and it is done once" "$(all_live bee cat)" "bee.2 cat.2"
flock "$C/.lock-cat" sleep 2 &
wait_until 10 bash -c '! flock -n "$1" true' - "$C/.lock-cat"
retag v1 cat
a containers update bee cat --together > "$T/out" 2> "$T/notes"
is "one that is held is waited for" "$(cat "$T/notes")" "waiting for another atomic that changes cat"
wait
# Left by a process that died before anything was switched; one that is alive holds its own.
touch "$C/.group-0123456789abcdef0123456789abcdef" "$C/.group-00000000000000000000000000000000"
flock "$C/.group-00000000000000000000000000000000" sleep 4 &
wait_until 10 bash -c '! flock -n "$1" true' - "$C/.group-00000000000000000000000000000000"
ok "recover" a recover
is "... removes what nobody needs" "$(left)" ".group-00000000000000000000000000000000 "
wait
ok "recover" a recover
is "... and when its process has ended, that" "$(left)" ""

# ---- one whose old deployment is lost goes on, if it is cut short twice

retag v1 bee
retag v2 cat
cut() { # WHAT ARGUMENT...: stops before the first unlink of WHAT
  local what=$1 n
  shift
  rm -rf "$T/copy"
  cp -a "$R" "$T/copy"
  kill_at "$T/count" 0 --trace "$T/trace" -- "$SC_ATOMIC" --root "$T/copy" "$@" > "$T/out" 2>&1 || :
  n=$(awk -v what="$what" '$2 ~ /^unlink/ && index ($0, what) { print $1; exit }' "$T/trace")
  kill_at "$T/count" "${n:-0}" -- "$SC_ATOMIC" --root "$R" "$@" > "$T/out" 2>&1 || :
}
before=$(readlink "$C/bee")
cut .group- containers update bee cat --together
is "an update is cut short before it is decided" "$(left | sed 's/group-[0-9a-f]*/group-ID/')" ".group-ID .journal-bee .journal-cat "
rm -rf "${C:?}/$before"
cut .journal-bee recover bee
ok "... and its recovery" test -e "$C/.journal-bee"
is "... what it left is read" "$(jq -r '"\(.phase) \(.group)"' "$C/.journal-bee")" "activate null"
a recover > "$T/out" 2> "$T/notes"
no "... indeed" grep -q "on probation" "$T/notes"
is "... all is well" "$(left)$(test -d "$C/bee/rootfs" && echo live)" live

# ---- what images say of their health

/usr/bin/python3 - "$T/h" <<'END2'
import json, os, sys
from layout import Layout

def image(name, health=None, labels=None):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
        if health is not None:
            t.file('exports/manifest.json', json.dumps({'defaultValues': {'PORT': 8080}, 'health': health}).encode())
    layout.image('latest', {'Entrypoint': ['/bin/true'], 'Labels': labels or {}})

image('web', {'http': 'http://127.0.0.1:$PORT/ready', 'timeout': 3}, {'atomic.health.tcp': 'localhost:1'})
image('labels', None, {'atomic.health.command': "/bin/true 'a b' $NAME", 'atomic.health.start-period': '60', 'atomic.health.tcp': ''})
image('needs-value', {'tcp': '127.0.0.1:$OTHER'})
image('unknown', {'http': 'http://127.0.0.1/', 'retries': 3})
image('both', {'http': 'http://127.0.0.1/', 'tcp': '127.0.0.1:80'})
image('late', {'tcp': '127.0.0.1:80', 'start-period': 86400})
image('label', None, {'atomic.health.tcp': '127.0.0.1:80', 'atomic.health.timeout': 'soon'})
END2
health() { jq -c '."atomic.health"' "$C/$1/info"; }
for i in web labels needs-value unknown both late label; do ok "pull $i" a pull "oci:$T/h/$i"; done
ok "install one with a check" a install -n web --set PORT=8081 web
is "... it is in its info, manifest.json before labels" "$(health web)" \
  '{"http":"http://127.0.0.1:8081/ready","timeout":3,"interval":1,"start-period":30}'
ok "update --set of what only the check uses" a containers update web --set PORT=8082
is "... is another deployment" "$(all_live web) $(health web | grep -o ':808.')" "web.1 :8082"
ok "install one with labels" a install -n lab labels
is "... they are taken apart" "$(health lab)" '{"command":["/bin/true","a b","lab"],"timeout":5,"interval":1,"start-period":60}'
is "one without a check has none" "$(health ant)" null
matches "images info tells the variable" "$(a images info needs-value)" "^OTHER: "
listing "$R" > "$T/before"
refused "a variable without a value" 1 "The template file 'manifest.json: health' still contains an unreplaced value for: 'OTHER'" a install needs-value
refused "a value that is no port" 1 "health check tcp: '127.0.0.1:x': not an address HOST:PORT" a install --set OTHER=x needs-value
refused "a variable that nothing uses" 2 "no such variable; it uses: OTHER" a install --set ANOTHER=x needs-value
refused "a member that is not known" 1 "exports/manifest.json: health: 'retries' is not known" a install unknown
refused "two checks" 1 "health: both http and tcp" a install both
refused "a time out of range" 1 "health: start-period: 86400 is not a number of seconds from 1 to 3600" a install late
refused "a label that is no number" 1 "label atomic.health.timeout: 'soon' is not a number" a install label
unchanged

for name in ant bee cat web lab; do ok "uninstall $name" a uninstall "$name"; done
is "nothing of them is left" "$(find "$C" -maxdepth 1 -mindepth 1 ! -name .storage)" ""
finish
