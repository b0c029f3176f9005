#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-man.sh ATOMIC SOURCE: does every command have its page, and its page the options that it has and no others;
# does --help of every command say so, on standard output, within 80 columns?  TAP on standard output.
set -u
atomic=$1 pages=$2/docs/man
tests=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# result NAME REASON: an empty reason is a success
result() {
  tests=$((tests + 1))
  if [ -z "$2" ]; then echo "ok $tests $1"; else
    echo "not ok $tests $1"
    echo "# ${2//$'\n'/$'\n'# }"
  fi
}

# The page of a command: that of its first word.
page_of() {
  case $1 in
  - | help) echo "$pages/atomic.1.md" ;;
  *) echo "$pages/atomic-${1%% *}.1.md" ;;
  esac
}

# What the page says of the command: of one with two words the section "## SECOND" only, of the others all of it.
text_of() {
  case $1 in
  *' '*) awk -v heading="## ${1#* }" '/^##? / { on = $0 == heading } on' "$(page_of "$1")" ;;
  *) cat "$(page_of "$1")" ;;
  esac
}

# The options that the program has, as the pages write them.
options_of() {
  awk -F '\t' -v command="$1" '$1 == "option" && $2 == command {
    print ($3 == "-" ? "" : "**" $3 "**, ") "**" $4 "**" ($5 == "-" ? "" : " *" $5 "*") }' "$tmp/list"
}

check_options() {
  result "page of '$1' has its options" "$(diff <(options_of "$1" | sort) <(text_of "$1" | grep '^\*\*-' | sort) 2>&1)"
}

# check_help WORD...
check_help() {
  local reason=
  "$atomic" "$@" --help > "$tmp/out" 2> "$tmp/err" || reason="exit status $?"
  [ -s "$tmp/out" ] || reason+=" nothing on standard output"
  [ ! -s "$tmp/err" ] || reason+=" standard error: $(cat "$tmp/err")"
  reason+=$(awk 'length > 80 { print "more than 80 columns: " $0 }' "$tmp/out")
  while read -r option; do
    grep -q -- "$option" "$tmp/out" || reason+=" no $option"
  done < <(awk -F '\t' -v command="$*" '$1 == "option" && $2 == command { print $4 }' "$tmp/list")
  result "atomic $* --help" "$reason"
  "$atomic" help "$@" > "$tmp/help" 2>&1
  result "atomic help $* is the same" "$(diff "$tmp/out" "$tmp/help")"
}

"$atomic" __commands > "$tmp/list" || { echo "Bail out! __commands failed"; exit 1; }
mapfile -t commands < <(sed -n 's/^command\t//p' "$tmp/list")
[ ${#commands[@]} -gt 0 ] || { echo "Bail out! no commands"; exit 1; }

check_options -
check_help
for command in "${commands[@]}"; do
  page=$(page_of "$command")
  if [ ! -f "$page" ]; then
    result "'$command' has a page" "$page does not exist"
    continue
  fi
  # shellcheck disable=SC2086
  check_help $command
  [ "$command" = help ] || check_options "$command"
  result "page of '$command' has its synopsis" "$(grep -q "^\*\*atomic $command\*\*" "$page" || echo none)"
  result "atomic(1) names '$command'" \
    "$(grep -qE "^\*\*atomic[- ]${command%% *}\*\*" "$pages/atomic.1.md" || echo "it does not")"
done
for page in "$pages"/atomic-*.1.md; do
  name=$(basename "$page" .1.md)
  result "$name is of a command" "$(printf '%s\n' "${commands[@]}" | grep -qE "^${name#atomic-}( |\$)" || echo "no such command")"
  result "$name is built" "$(grep -qF "'$name'," "$pages/meson.build" || echo "not in docs/man/meson.build")"
done
echo "1..$tests"
