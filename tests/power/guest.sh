#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# guest.sh: the job in the machine of test-power.sh.  First it looks whether all is as it should be after the boot, then, if there is
# a file "work", it changes the container step by step until the power is cut.  Beside it are the files
#
#  step       number of the first step to take, never used before
#  expected   what the two containers may be, a line for each: "absent / VERSION WORD" or "VERSION WORD / VERSION WORD"
#
# and at the first boot setup.tar.  It prints "ok - TEXT" and "not ok - TEXT" for each check, and
#
#  @is STATE                   what it found
#  @begin STEP TEXT: STATE|... what is now done, and what the container may be while it is
#  @done STEP TEXT: STATE      that was done, and is safe
#
# shellcheck source-path=SCRIPTDIR/../booted
set -u
export LC_ALL=C.UTF-8 HOME=/root PATH=/usr/local/bin:$PATH
C=/var/lib/containers/atomic
NAME=box

say() {
  echo "$@"
  stty -F /dev/ttyS1 raw # waits until it is out
}

# check TEXT COMMAND...: COMMAND succeeds
check() {
  local text=$1 status=0
  shift
  "$@" > /tmp/check.out 2>&1 || status=$?
  [ "$status" != 0 ] || { echo "ok - $text"; return 0; }
  echo "not ok - $text"
  sed 's/^/  /' /tmp/check.out
  echo "  status $status of: $*"
  BAD=1
}

is() { # TEXT GOT WANTED
  check "$1" test "$2" = "$3"
}

nothing() { ! "$@" | grep .; }
silent() { "$@" > /tmp/silent 2>&1 && nothing cat /tmp/silent; }

until_true() {
  local end=$((SECONDS + 60))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# value MEMBER FILE: of a JSON file as atomic writes it
value() { sed -n "s/^ *\"$1\" : \"\(.*\)\",*\$/\1/p" "$2" | head -n 1; }

state_of() { echo "$(cat "$1/rootfs/www/index.html") $(value WORD "$1/info")"; } # DEPLOYMENT DIRECTORY

state() {
  echo "$(if [ -L $C/$NAME ]; then state_of $C/$NAME; else echo absent; fi) / $([ ! -L $C/other ] || state_of $C/other)"
}

is_absent() { [ ! -L $C/$NAME ]; }

deployments() {
  local dir
  for dir in $C/$NAME.*; do [ ! -d "$dir" ] || state_of "$dir"; done
}

# ---- is all well?

leftovers() { find $C -mindepth 1 -maxdepth 1 \( -name '.tmp-*' -o -name '.journal-*' -o -name '.group-*' \); }
traces() {
  find /etc/systemd/system /etc/tmpfiles.d $C -name "$NAME" -o -name "$NAME.*" -o -name ".*-$NAME" -o -name ".*-$NAME.*"
}

answers() { [ "$(busybox wget -q -O - "http://127.0.0.1:$2/" 2>&1)" = "$1" ]; }
runs_in() { [ "$(runc state "$1" | tr -d ' ",' | sed -n 's/^bundle://p')" = "$2" ]; }

# whole CONTAINER PORT: unit, tmpfiles, root, configuration and what runs are all of the deployment that the link says
whole() {
  local name=$1 port=$2 dir version word
  dir=$C/$(readlink "$C/$name")
  version=$(cat "$dir/rootfs/www/index.html") word=$(value WORD "$dir/info")
  is "$name $version $word: the unit is the deployment's" "$(cat "/etc/systemd/system/$name.service")" "$(cat "$dir/$name.service")"
  is "... the tmpfiles too" "$(cat "/etc/tmpfiles.d/$name.conf")" "$(cat "$dir/tmpfiles-$name.conf")"
  is "... the unit's version" "$(sed -n 's/^Description=//p' "$dir/$name.service")" "version $version word $word"
  check "... the configuration's version" grep -q "\"VERSION=$version\", *\"WORD=$word\"" <<< "$(tr -d '\n' < "$dir/config.json" | tr -s ' ')"
  is "... the tmpfiles' version" "$(cut -d' ' -f2 "$dir/tmpfiles-$name.conf")" "/run/$name-$version-$word"
  check "... systemd-tmpfiles has made it" test -d "/run/$name-$version-$word"
  is "... systemd knows that unit" "$(systemctl show -P Description "$name") $(systemctl show -P NeedDaemonReload "$name")" \
    "version $version word $word no"
  is "... it is enabled" "$(systemctl is-enabled "$name")" enabled
  check "... it is active" until_true systemctl -q is-active "$name"
  check "... from the deployment's directory" until_true runs_in "$name" "$dir"
  check "... it answers" until_true answers "$version" "$port"
}

verify() {
  local was
  was=$(cat expected)
  say "@is $(state)"
  check "what it is, $(state), is one of: $(xargs -d '\n' printf '%s; ' <<< "$was")" grep -Fxq "$(state)" <<< "$was"
  check "no journal is left by the boot" nothing find $C -maxdepth 1 -name '.journal-*'
  whole other 8082
  if ! is_absent; then
    whole $NAME 8081
  else
    check "absent: systemd does not know it" test "$(systemctl show -P LoadState $NAME)" = not-found
    check "absent: nothing of it runs" nothing pgrep -f '127.0.0.1:8081'
  fi
  check "nothing failed in systemd" nothing systemctl --failed --no-legend
  check "recover has nothing to do but temporary files" silent atomic recover
  check "nothing is left over" nothing leftovers
  ! is_absent || check "absent: no trace" nothing traces
  check "containers list" atomic containers list -a
  is "... has both" "$(atomic containers list -aq | sort | xargs)" "$(if is_absent; then echo other; else echo box other; fi)"
  check "images list" atomic images list -a
  check "images verify" atomic images verify --all --offline
  check "ostree's objects" check_objects
}

# Every file of the repository has contents, whatever images verify thinks of it.
check_objects() { ! find $C/.storage/ostree/objects -type f -size 0 -name '*.dir*' | grep .; }

# ---- the work

act() { # COMMAND...: must succeed
  "$@" > /tmp/act.out 2>&1 && return
  echo "not ok - step $STEP: status $?: $*"
  cat /tmp/act.out
  exit 1
}

# step TEXT STATES COMMAND...: STATES with | between them
step() {
  local text=$1 states=$2
  shift 2
  say "@begin $STEP $text: $states"
  act "$@"
  say "@done $STEP $text: $(state)"
  grep -Fxq "$(state)" <<< "${states//|/$'\n'}" || { echo "not ok - step $STEP: $(state) instead of $states"; exit 1; }
}

refused() { ! "$@" 2> /tmp/refused; }
install_it() { atomic pull "oci:/power/$1" && atomic install -n $NAME --set WORD="$STEP" "$1" && atomic run $NAME; }
pull_again() { atomic -y images delete "$1"; atomic images prune && atomic pull "oci:/power/$1"; }
# What a rollback may go back to: not what has failed.
others() { deployments | grep -Fxv "$1" | grep -v '^dead ' | sed "s,$, / $2,"; }

# An image that both containers follow.
follow() { atomic images tag "$1" pair && shift && "$@"; }

next_step() {
  local now box other version there
  now=$(state) version=v$((STEP % 3 + 1))
  box=${now% / *} other=${now#* / }
  there="$version $STEP / $other"
  if [ "$box" = absent ]; then
    step install "$now|$there" install_it $version
    return
  fi
  case $((STEP % 11)) in
  0) step uninstall "$now|absent / $other" atomic uninstall $NAME ;;
  1 | 2) step update "$now|$there" atomic containers update $NAME --pull --rebase "oci:/power/$version" --set WORD="$STEP" ;;
  3) step "update to a common image" "$now|$there" follow $version atomic containers update $NAME --rebase pair --set WORD="$STEP" ;;
  4)
    if [ "$(value image $C/$NAME/info)" = pair:latest ]; then
      step "update of both together" "$now|$version ${box#* } / $version ${other#* }" \
        follow $version atomic containers update other $NAME --together --probation 1
    fi
    ;;
  5) step "gated update that fails" "$now" refused \
    atomic containers update $NAME --gated --probation 2 --rebase oci:/power/dead --set WORD="$STEP" ;;
  6) step "delete, prune and pull" "$now" pull_again "$version" ;;
  7 | 10)
    there=$(others "$box" "$other" | xargs -r -d '\n' printf '%s|')
    if [ -n "$there" ]; then step rollback "$there$now" atomic containers rollback $NAME; fi
    ;;
  8) step "update with --keep 1" "$now|$there" \
    atomic containers update $NAME --keep 1 --rebase "oci:/power/$version" --set WORD="$STEP" ;;
  9) step "gated update" "$now|$there" \
    atomic containers update $NAME --gated --probation 1 --rebase "oci:/power/$version" --set WORD="$STEP" ;;
  esac
}

setup() {
  [ -e /power/ready ] && return
  tar -C / -xf setup.tar
  systemctl daemon-reload
  act systemctl enable atomic-recover
  for version in v1 v2 v3 dead; do act atomic pull "oci:/power/$version"; done
  act follow v1 atomic install -n other --set PORT=8082 pair
  act atomic run other
  : > /power/ready
  sync
}

cd /run/job || exit 125
STEP=$(cat step)
BAD=0
setup
verify
[ $BAD = 0 ] || { journalctl -b -o cat -u atomic-recover -u $NAME | tail -n 40; ls -lA $C; exit 1; }
[ -e work ] || exit 0
say "@work"
while :; do
  next_step
  STEP=$((STEP + 1))
done
