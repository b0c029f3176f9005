# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# lib.sh: for the scripts of tests/integration and tests/booted, which source it first and call "finish" last.
#
# Each check prints one line of TAP. "finish" prints the plan: a script that ends before it has failed.  Everything is
# made below $T, which is removed at the end; processes that a test starts are ended then, by their ids.
#
# From ci/run-checks.py: SC_ATOMIC (the program), SC_BUILD, SC_SOURCE, SC_SANITIZE (non-empty: built with sanitizers).

set -eu -o pipefail
SC_SOURCE=${SC_SOURCE:-$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")}
SC_BUILD=${SC_BUILD:-$SC_SOURCE/build}
SC_ATOMIC=${SC_ATOMIC:-$SC_BUILD/src/cli/atomic}
SC_SANITIZE=${SC_SANITIZE:-}
export SC_SOURCE SC_BUILD SC_ATOMIC SC_SANITIZE
export LC_ALL=C.UTF-8 PYTHONPATH=$SC_SOURCE/tests PYTHONDONTWRITEBYTECODE=1
unset ATOMIC_OSTREE_REPO ATOMIC_OSTREE_CHECKOUT_PATH RUNC_PATH
unset HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy XDG_RUNTIME_DIR

T=$(mktemp -d "${TMPDIR:-/tmp}/atomic-test.XXXXXX")
CHECKS=0
FAILED=0
PIDS=()
MOUNTS=()

# ---- the frame

cleanup() {
  local status=$? pid dir
  trap - EXIT
  for pid in ${PIDS[@]+"${PIDS[@]}"}; do
    kill "$pid" 2> /dev/null || continue
    wait "$pid" 2> /dev/null || :
  done
  for dir in ${MOUNTS[@]+"${MOUNTS[@]}"}; do umount "$dir" || :; done
  rm -rf --one-file-system "$T"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

finish() {
  echo "1..$CHECKS"
  [ "$FAILED" = 0 ]
}

need_root() {
  [ "$(id -u)" = 0 ] || skip_all "needs root"
}

# skip_all REASON: nothing of this script can run here
skip_all() {
  echo "1..0 # SKIP $1"
  exit 0
}

skip() { # TEXT REASON
  CHECKS=$((CHECKS + 1))
  echo "ok $CHECKS - $1 # SKIP $2"
}

pass() { # TEXT
  CHECKS=$((CHECKS + 1))
  echo "ok $CHECKS - $1"
}

fail() { # TEXT [FILE with details]
  CHECKS=$((CHECKS + 1))
  FAILED=$((FAILED + 1))
  echo "not ok $CHECKS - $1"
  [ -z "${2:-}" ] || head -c 4000 "$2" | sed 's/^/# /'
}

# ---- checks

# ok TEXT COMMAND...: COMMAND succeeds
ok() {
  local text=$1 status=0
  shift
  "$@" > "$T/.out" 2>&1 || status=$?
  if [ "$status" = 0 ]; then
    pass "$text"
  else
    echo "status $status of: $*" >> "$T/.out"
    fail "$text" "$T/.out"
  fi
}

# no TEXT COMMAND...: COMMAND fails
no() {
  local text=$1
  shift
  if "$@" > "$T/.out" 2>&1; then
    echo "should have failed: $*" >> "$T/.out"
    fail "$text" "$T/.out"
  else
    pass "$text"
  fi
}

# is TEXT GOT WANTED: the two strings are equal
is() {
  if [ "$2" = "$3" ]; then
    pass "$1"
  else
    printf 'got:    %s\nwanted: %s\n' "$2" "$3" > "$T/.out"
    fail "$1" "$T/.out"
  fi
}

# matches TEXT STRING EXTENDED-REGEX: some line of STRING matches
matches() {
  if grep -qE -- "$3" <<< "$2"; then
    pass "$1"
  else
    printf 'no line matches: %s\n%s\n' "$3" "$2" > "$T/.out"
    fail "$1" "$T/.out"
  fi
}

# same TEXT FILE FILE: the two files have the same contents
same() {
  if diff -u "$2" "$3" > "$T/.out"; then pass "$1"; else fail "$1" "$T/.out"; fi
}

# refused TEXT STATUS REGEX COMMAND...: COMMAND ends with STATUS and one line on standard error, "atomic: ...", which
# matches REGEX.  Lines of progress before it ("Pulling ...") are not errors.
refused() {
  local text=$1 wanted=$2 regex=$3 status=0 lines
  shift 3
  "$@" > "$T/.out" 2> "$T/.err" || status=$?
  lines=$(grep -cE '^atomic[ a-z]*: ' "$T/.err" || :)
  if [ "$status" = "$wanted" ] && [ "$lines" = 1 ] && tail -n 1 "$T/.err" | grep -qE -- "$regex"; then
    pass "$text"
  else
    { echo "status $status, wanted $wanted; standard error, wanted one line of $regex:"; cat "$T/.err"; } > "$T/.all"
    fail "$text" "$T/.all"
  fi
}

# ---- the program and its root

atomic() { "$SC_ATOMIC" "$@"; }

# listing DIR: every path with what it is, its owner, its mode, its attributes and its contents
listing() { /usr/bin/python3 "$SC_SOURCE/tests/list-tree.py" "$1"; }

# known DIR FILE: has DIR held the very same before, when this was asked, but for random parts of temporary names?  FILE
# remembers.  What was found of it then need not be found out again.
known() {
  local state
  state=$(listing "$1" | sed -E 's/([.-])[A-Za-z0-9]{6}($|[^A-Za-z0-9])/\1XXXXXX\2/g' | sha256sum)
  ! grep -qxF -- "$state" "$2" 2> /dev/null || return 0
  echo "$state" >> "$2"
  return 1
}

# wait_until SECONDS COMMAND...: asks every 50 ms
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# A TCP port of 127.0.0.1 that is free now; for programs that cannot be told to take any port.
free_port() {
  /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start COMMAND...: in the background, ended at the end; its id is in $!
start() {
  "$@" &
  PIDS+=($!)
}

# kill_at COUNT-FILE N [--error NAME] [--trace FILE] -- COMMAND...: tests/kill-at.c.  LeakSanitizer cannot work then.
kill_at() { ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 "$SC_BUILD/tests/kill-at" "$@"; }

# ---- images

# hello_layout DIR: our hello-world image as an OCI layout, tag "latest"
hello_layout() {
  if ! "$SC_SOURCE/images/hello-world/build.sh" "$1" > "$T/.out" 2>&1; then
    cat "$T/.out" >&2
    return 1
  fi
}

# push LAYOUT:TAG REGISTRY-NAME [skopeo options]
push() {
  local from=$1 to=$2
  shift 2
  skopeo --insecure-policy copy -q --dest-tls-verify=false "$@" "oci:$from" "docker://$to"
}

# ---- registries

# start_registry NAME [tls]: docker-registry on a port of its own choice, which is then in $REGISTRY ("127.0.0.1:PORT");
# its access log is $T/NAME/access.  With "tls": a certificate of a CA made for it ($T/NAME/ca.crt) and the
# user "reader" with the password "secret".
start_registry() {
  local name=$1 dir=$T/$1
  mkdir -p "$dir/data"
  cat > "$dir/config.yml" <<END
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $dir/data}
  delete: {enabled: true}
http:
  addr: 127.0.0.1:0
END
  if [ "${2:-}" = tls ]; then
    make_certificate "$dir"
    /usr/bin/python3 -W ignore -c 'import crypt; print("reader:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' > "$dir/htpasswd"
    cat >> "$dir/config.yml" <<END
  tls: {certificate: $dir/server.crt, key: $dir/server.key}
auth:
  htpasswd: {realm: test, path: $dir/htpasswd}
END
  fi
  start docker-registry serve "$dir/config.yml" > "$dir/access" 2> "$dir/log"
  wait_until 20 grep -q 'listening on' "$dir/log" || { cat "$dir/log" >&2; return 1; }
  REGISTRY=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$dir/log" | head -n 1)
}

# make_certificate DIR: ca.crt, and server.crt and server.key for 127.0.0.1 and localhost
make_certificate() {
  local dir=$1
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=test CA" \
      -keyout "$dir/ca.key" -out "$dir/ca.crt"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=localhost" \
      -keyout "$dir/server.key" -out "$dir/server.csr"
    echo 'subjectAltName=IP:127.0.0.1,DNS:localhost' > "$dir/san"
    openssl x509 -req -days 2 -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial \
      -extfile "$dir/san" -out "$dir/server.crt"
  } 2> "$dir/openssl.log" || { cat "$dir/openssl.log" >&2; return 1; }
}

# requests NAME: "METHOD PATH" of every request since the last "forget_requests NAME"
requests() { sed -n 's/.*"\([A-Z]* [^ ]*\) HTTP.*/\1/p' "$T/$1/access"; }
forget_requests() { : > "$T/$1/access"; }

# start_fake NAME LAYOUT [OPTION...]: tests/fakes/registry.py, which can misbehave; its address is then in $REGISTRY
start_fake() {
  local name=$1 layout=$2
  shift 2
  start /usr/bin/python3 "$SC_SOURCE/tests/fakes/registry.py" "$@" "$layout" > "$T/$name.port" 2> "$T/$name.err"
  wait_until 20 test -s "$T/$name.port" || { cat "$T/$name.err" >&2; return 1; }
  REGISTRY=127.0.0.1:$(head -n 1 "$T/$name.port")
}
