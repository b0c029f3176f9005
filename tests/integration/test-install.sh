#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Install, list, run and uninstall in a throw-away root, where no systemd runs.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
a() { "$SC_ATOMIC" --root "$R" "$@"; }
checkouts=$R/var/lib/containers/atomic
port=$(free_port)
name=hello-$$

hello_layout "$T/hello-world"
ok "pull from an OCI layout" a pull "oci:$T/hello-world:latest"
listing "$R" > "$T/pulled"

# ---- --display

display=$(a install --system --display -n "$name" hello-world)
matches "install --display says where" "$display" "Extracting to /var/lib/containers/atomic/$name.0"
matches "install --display says what it would enable" "$display" "systemctl enable $name"
listing "$R" > "$T/after"
same "install --display changes nothing" "$T/pulled" "$T/after"

refused "... a variable that is not there" 2 "--set NOPE: the image uses no such variable" a install --display -n "$name" --set NOPE=1 hello-world
no "... no reload where there is no systemd" grep daemon-reload <<< "$display"

# ---- install

out=$(a install --system -n "$name" --set PORT="$port" --set RECEIVER='<you> & $(me) `x`' hello-world 2> "$T/notes")
is "install says its steps" "$out" "Extracting to /var/lib/containers/atomic/$name.0
systemctl enable $name"
is "... and one line that nothing was started" "$(wc -l < "$T/notes")" 1
is "the link" "$(readlink "$checkouts/$name")" "$name.0"
for file in config.json "$name.service" info rootfs/bin/busybox; do
  ok "$file is there" test -e "$checkouts/$name.0/$file"
done
same "the unit is installed as it is in the deployment" \
  "$checkouts/$name.0/$name.service" "$R/etc/systemd/system/$name.service"
matches "the unit starts the runtime, not us" "$(cat "$R/etc/systemd/system/$name.service")" \
  "^ExecStart=/[a-z/]*/(runc|crun) --systemd-cgroup run '$name'\$"
is "the unit is enabled" "$(readlink "$R/etc/systemd/system/multi-user.target.wants/$name.service")" \
  "/etc/systemd/system/$name.service"
is "info: keys" "$(jq -r 'keys | join(" ")' "$checkouts/$name.0/info" | grep -oE \
  'created|has-container-service|image|installed-files|ostree-commit|rename-installed-files|revision|runtime|values' |
  sort -u | xargs)" \
  "created has-container-service image installed-files ostree-commit rename-installed-files revision runtime values"
is "info: values" "$(jq -r '.values.PORT + " " + .values.RECEIVER' "$checkouts/$name.0/info")" \
  "$port <you> & \$(me) \`x\`"
is "info: image" "$(jq -r .image "$checkouts/$name.0/info")" hello-world:latest

# ---- lists

table=$(a containers list -a)
matches "containers list: heading" "$table" \
  '^ +CONTAINER ID +IMAGE +NAME +COMMAND +CREATED +STATE +BACKEND +RUNTIME *$'
matches "containers list: the container" "$table" "^ +${name:0:12} +hello-world.* +/usr/bin/g.* +inactive +ostree +/"
is "containers list without -a: only running ones" "$(a containers list -n)" ""
is "containers list -aq" "$(a containers list -aq)" "$name"
is "containers list --json: keys" "$(a containers list -a --json | jq -r '.[0] | keys_unsorted | sort | join(" ")')" \
  "backend command created damaged id image_id image_name name running runtime state"
is "containers list --json: values" \
  "$(a containers list -a --json | jq -c '.[] | [.id, .image_name, .name, .running, .state, .backend]')" \
  "[\"$name\",\"hello-world:latest\",\"$name\",false,\"inactive\",\"ostree\"]"
matches "images list marks the image as used" "$(a images list -n)" '^> +hello-world +latest'

# ---- run

ok "run -d: the runtime starts it" a run -d "$name"
get() { busybox wget -q -O - "http://127.0.0.1:$port/"; }
wait_until 20 get || :
is "it answers over HTTP" "$(get)" 'Hello, <you> & $(me) `x`'
is "containers list: running" "$(a containers list -a --json | jq -r '.[].state')" running
is "run NAME COMMAND in the running container" "$(a run "$name" echo "a  b" '$HOME')" 'a  b $HOME'
status=0
a run "$name" sh -c 'exit 7' || status=$?
is "... ends with the command's status" "$status" 7
matches "... shares its processes" "$(a run "$name" ps)" greeter
ok "stop" a stop "$name"
is "containers list: inactive" "$(a containers list -a --json | jq -r '.[].state')" inactive
no "it does not answer any more" get
no "no process of it is left" pgrep -f "httpd -f -p $port"
no "the runtime does not know it any more" runc state "$name"

is "run NAME COMMAND in a container of its own" "$(a run "$name" echo "one command")" "one command"
status=0
a run "$name" sh -c 'exit 9' || status=$?
is "... ends with the command's status" "$status" 9
listing "$checkouts" > "$T/after"
no "... nothing of it is left" grep -vE "^[^ ]*(${name}|\.storage)|^\. " "$T/after"
no "no runtime state is left" bash -c "runc list -q | grep -F '$name'"

# ---- uninstall

display=$(a uninstall --display "$name")
matches "uninstall --display says what it would do" "$display" "$name"
ok "... and does nothing" test -e "$R/etc/systemd/system/$name.service"
ok "uninstall" a uninstall "$name"
find "$R/etc" -type d -empty -delete 2> /dev/null || :
listing "$R" > "$T/after"
same "everything is as it was after the pull" "$T/pulled" "$T/after"
is "containers list is empty" "$(a containers list -an)" ""

ok "install and uninstall can be repeated" bash -c '
  for i in 1 2; do
    "$SC_ATOMIC" --root "$1" install --system -n again hello-world && "$SC_ATOMIC" --root "$1" uninstall again
  done' - "$R"
ok "install pulls an image that is not there" a install --system -n fresh "oci:$T/hello-world"
ok "uninstall a running container" bash -c '
  "$SC_ATOMIC" --root "$1" install --system -n "$2-b" --set PORT="$3" hello-world &&
  "$SC_ATOMIC" --root "$1" run -d "$2-b" && "$SC_ATOMIC" --root "$1" uninstall "$2-b"' - "$R" "$name" "$port"
no "... it does not run any more" pgrep -f "httpd -f -p $port"

# ---- runtimes, redirection, help

ok "--runtime crun" a install --system -n by-crun --runtime /usr/bin/crun hello-world
matches "... is in the unit" "$(cat "$R/etc/systemd/system/by-crun.service")" "^ExecStart=/usr/bin/crun "
is "... and in the list" "$(a containers list -a --json | jq -r '.[] | select(.name == "by-crun").runtime')" /usr/bin/crun

mkdir "$T/other"
export ATOMIC_OSTREE_REPO=/srv/repo ATOMIC_OSTREE_CHECKOUT_PATH=/srv/checkouts
ok "the environment redirects" atomic --root "$T/other" install --system -n there "oci:$T/hello-world"
ok "... the repository" test -e "$T/other/srv/repo/config"
ok "... the checkouts" test -e "$T/other/srv/checkouts/there.0/info"
no "... and nothing is at the usual places" test -e "$T/other/var"
ok "uninstall there" atomic --root "$T/other" uninstall there
unset ATOMIC_OSTREE_REPO ATOMIC_OSTREE_CHECKOUT_PATH
mkdir -p "$T/other/etc"
echo "ostree_repository: /opt/repo" > "$T/other/etc/atomic.conf"
ok "atomic.conf redirects" atomic --root "$T/other" pull "oci:$T/hello-world"
ok "... the repository" test -e "$T/other/opt/repo/config"

for command in "" pull images "images list" install uninstall containers "containers list" run stop; do
  # shellcheck disable=SC2086 # words
  help=$(atomic $command --help 2> "$T/.err") || fail "'$command --help': status"
  is "'$command --help': on standard output, at most 80 columns" \
    "$(wc -l < "$T/.err") $(awk 'length > 80' <<< "$help" | wc -l) $([ -n "$help" ] && echo text)" "0 0 text"
done
matches "--version" "$(atomic --version)" '^[0-9]+\.[0-9]+'
refused "no command at all" 2 "atomic" atomic

finish
