#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is told of containers, also of damaged ones, in a throw-away root, where no systemd runs.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
C=$R/var/lib/containers/atomic
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
states() { a containers list -a --json 2> "$T/notes" | jq -r '.[] | "\(.name)=\(.state)"' | xargs; }

/usr/bin/python3 "$SC_SOURCE/tests/update-images.py" "$T"
for v in v1 v2; do a pull "oci:$T/$v" > /dev/null 2>&1; done
ok "install" a install -n good v1
ok "one whose runtime does not work" a install -n broken --runtime /bin/false v1

# ---- the list

is "a runtime that does not answer hides no container" "$(states)" "broken=unknown good=inactive"
is "... a note tells why, once" "$(cat "$T/notes")" \
  "container broken: /usr/bin/false: exit status 1: its state is unknown"
is "... ids only" "$(a ps -aq 2> /dev/null | xargs)" "broken good"
is "... nothing is known to run" "$(a ps -q 2> /dev/null)" ""
refused "a filter that there is not" 2 "unknown filter 'bogus'" a containers list -f bogus=1
is "... alone" "$(a containers list -f bogus=1 2>&1 | wc -l)" 1
refused "... of images" 2 "unknown filter 'bogus'" a images list -f bogus=1

# ---- one container

ok "update" a containers update good --rebase v2 --set WORD=other
is "info: lines" "$(a containers info good | sed 's/:.*//' | xargs -d, echo | grep -v = | xargs)" \
  "Name Deployment State Image Name Image ID Created Runtime Root Unit Service Tmpfiles Host Files Values"
out=$(a containers info good)
matches "... the values, sorted" "$(grep -A99 ^Values: <<< "$out" | grep -oE '^  (EXTRA|NAME|WORD)=.*' | xargs)" \
  '^EXTRA=e NAME=good WORD=other$'
is "... and what there is on the host" "$(grep -E '^(Name|Deployment|State|Image Name|Unit|Service|Tmpfiles)' <<< "$out")" "Name: good
Deployment: 1
State: live
Image Name: v2:latest
Unit: /etc/systemd/system/good.service
Service: inactive
Tmpfiles: /etc/tmpfiles.d/good.conf"
is "info --json of another deployment" "$(a containers info good --deployment 0 --json |
  jq -c '[.deployment, .live, .image_name, .state, .unit, .values.WORD, .host_files, .package, .remote]')" \
  '[0,false,"v1:latest",null,"/var/lib/containers/atomic/good.0/good.service","hello",[],null,false]'
is "history --json has the values too" "$(a containers history good --json | jq -c '.[] | [.damaged, .values.WORD]' | xargs)" \
  "[null,other] [null,hello]"
refused "info: no such container" 1 "no container 'nobody'" a containers info nobody
refused "... no such deployment" 1 "^atomic: container good has no deployment 7$" a containers info good --deployment 7
refused "... no number" 2 "'x' is not the number of a deployment" a containers info good --deployment x

# ---- damaged ones

echo '{' > "$C/good.1/info"
refused "info of a damaged one" 1 "container good: /var/lib/containers/atomic/good.1: info: line " a containers info good
ok "... of the one before" a containers info good --deployment 0
is "its unit is there: its state is not 'no service'" "$(states)" "broken=unknown good=unknown"
matches "... the table says damaged" "$(a ps -a 2> /dev/null)" "^ +good .* unknown, damaged +ostree"
matches "... and JSON why" "$(a ps -a --json 2> /dev/null | jq -r '.[] | select(.name == "good").damaged')" "good.1: info: line"
matches "history --json says why" "$(a containers history good --json 2> /dev/null | jq -c '.[] | [.live, .damaged, .values]')" \
  '^\[true,"container good: .*good.1: info: line .*",null\]$'
refused "an update says what to do" 1 \
  "good.1: info: line .*; 'atomic containers rollback good' goes back to another deployment" a containers update good
ok "... which it does" a containers rollback good
rm -r "$C/broken.0"
is "a history of nothing" "$(a containers history broken -n 2> "$T/notes")" ""
matches "... says why" "$(cat "$T/notes")" "^container broken: /var/lib/containers/atomic/broken.0: No such file"
refused "... info too" 1 "broken.0: No such file" a containers info broken

# ---- names and paths that are wrong

refused "recover of what there is not" 1 "^atomic: no container 'nope'$" a recover nope
refused "... or cannot be" 2 "'a/b' is not a container name" a recover a/b
ok "... and of what there is" a recover good
refused "an empty root is not the current directory" 2 "option '--root' needs a value" "$SC_ATOMIC" --root '' containers list
refused "... nor an empty file a file" 2 "option '--authfile' needs a value" a pull --authfile= v1
printf 'runtim: x\nprobation: soon\n' > "$R/etc/atomic.conf"
refused "a setting that makes no sense" 1 "line 2: probation" a containers history good
is "... does not keep from recovering" "$(a recover 2>&1)" "/etc/atomic.conf: line 1: nothing is called 'runtim'
/etc/atomic.conf: line 2: probation: 'soon' is not a number of seconds from 1 to 3600: the default is taken"
rm "$R/etc/atomic.conf"

# ---- somebody else

chmod 700 "$C"
chmod 755 "$T"
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$T/atomic" --root "$R" "$@"; }
cp "$SC_ATOMIC" "$T/atomic"
for command in "containers list" "images list" "run good" "stop good" recover; do
  # shellcheck disable=SC2086
  refused "$command: a hint" 1 "ermission denied.* \('atomic ${command% good}' (may need|needs) root\)$" as_nobody $command
done
chmod 755 "$C"
refused "a lock of root's: a hint" 1 "could not be recovered \('atomic recover' needs root\)" as_nobody recover
matches "an update of all: a hint in each row" "$(as_nobody containers update -a 2> /dev/null)" \
  "^ +good +failed: [^c].*\('atomic containers update' needs root\)"

# ---- output that cannot be written

to_full() { a "$@" > /dev/full; }
to_nowhere() { a "$@" >&-; }
refused "a full disk is called so" 1 "^atomic: standard output: No space left on device$" to_full containers list -a --json
refused "... by commands with steps too" 1 "^atomic: standard output: No space left on device$" to_full containers update good
refused "what goes nowhere is no success" 1 "^atomic: standard output: Bad file descriptor$" to_nowhere images list
ok "... without anything to say it is" to_nowhere containers pin good

# ---- what is used

ok "update" a containers update good --rebase v2
is "an image of an earlier deployment is used" \
  "$(a images list --json 2> /dev/null | jq -c '.[] | [.repo, .used]' | xargs)" "[v1,true] [v2,true]"
refused "... and not deleted" 1 "used by container good" a -y images delete v1
refused "no question for what there is not" 1 "^atomic: no container 'nope'$" a containers delete nope < /dev/null
is "... nor for several" "$(setsid -w "$SC_ATOMIC" --root "$R" containers delete nope neither 2>&1)" "no container 'nope'
no container 'neither'
atomic: 2 of 2 containers could not be deleted"
finish
