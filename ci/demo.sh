#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# demo.sh: the way of a system container, from image to nothing, in a throw-away root; each command is shown before
# what it prints.  No systemd has to run.  Removes all that it made, also when it fails.
set -eu -o pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
unset ATOMIC_OSTREE_REPO ATOMIC_OSTREE_CHECKOUT_PATH RUNC_PATH http_proxy
if [ "$(id -u)" != 0 ]; then
  echo "The demo needs root: a system container is started by an OCI runtime as root." >&2
  exit 1
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/atomic-demo.XXXXXX")
R=$work/root
name=hello
! runc state "$name" > /dev/null 2>&1 || name=hello-$$ # runc's names are the machine's
cleanup() {
  local status=$?
  trap - EXIT
  if [ -e "$R/var/lib/containers/atomic/$name" ]; then
    "$atomic" --root "$R" uninstall "$name" > /dev/null 2>&1 || runc delete --force "$name" || :
  fi
  rm -rf --one-file-system "$work"
  [ "$status" = 0 ] || echo "demo: FAILED" >&2
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

atomic=$(realpath "${BUILD:-build}")/src/cli/atomic
PATH=${atomic%/*}:$PATH
mkdir "$R"

show() {
  local word line=
  for word in "$@"; do
    [[ "$word" != *" "* ]] || word="'$word'"
    line="$line $word"
  done
  printf '\n#%s\n' "${line//$work//tmp/demo}"
  "$@" 2>&1 | sed "s|$work|/tmp/demo|g"
}
say() { printf '\n== %s\n' "$*"; }

say "An image: our own hello-world, made without network or daemon"
show images/hello-world/build.sh "$work/hello-world"

say "Into the OSTree repository"
show atomic --root "$R" pull "oci:$work/hello-world:latest"
show atomic --root "$R" images list

say "Installed as a system container"
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
show atomic --root "$R" install --system --name "$name" --set "RECEIVER=you there" --set "PORT=$port" hello-world
show atomic --root "$R" containers list -a

say "Started by the runtime, it answers over HTTP"
show atomic --root "$R" run -d "$name"
url=http://127.0.0.1:$port/
for _ in $(seq 100); do
  if busybox wget -q -O /dev/null "$url" 2> /dev/null; then break; fi
  sleep 0.05
done
show busybox wget -q -O - "$url"
[ "$(busybox wget -q -O - "$url")" = "Hello, you there" ]
show atomic --root "$R" containers list
show atomic --root "$R" run "$name" ps

say "Stopped and removed"
show atomic --root "$R" stop "$name"
show atomic --root "$R" uninstall "$name"
show atomic --root "$R" containers list -a
left=$(find "$R/etc" "$R/var/lib/containers/atomic" -path '*/.storage' -prune -o ! -type d -print)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
if busybox wget -q -O /dev/null "$url" 2> /dev/null; then
  echo "it still answers" >&2
  exit 1
fi

say "Nothing of it is left: no process, unit, link or directory. The demo worked."
