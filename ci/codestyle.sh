#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# codestyle.sh: what a script can check of HACKING.md.  One line per finding, status 1 if there is any.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
mapfile -t files < <(git ls-files -co --exclude-standard | while read -r f; do [ ! -f "$f" ] || echo "$f"; done)
findings=0

finding() {
  echo "codestyle: $*"
  findings=$((findings + 1))
}

# of EXTENSION-REGEX...: the files of the project whose path matches
of() { printf '%s\n' "${files[@]}" | grep -E "$1" || :; }

# forbid TEXT REGEX FILE...: REGEX must not occur, comments apart
forbid() {
  local text=$1 regex=$2 line
  shift 2
  [ $# -gt 0 ] || return 0
  while read -r line; do
    [ -z "$line" ] || finding "$line: $text"
  done < <(grep -HnP "^(?!\s*(\*|/\*|//)).*$regex" "$@" | cut -d: -f1,2)
}

# The layers that each layer may see, itself included (docs/architecture.md).
below() {
  case $1 in
  base) echo base ;;
  oci) echo base oci ;;
  store) echo base oci store ;;
  host) echo base host ;;
  container) echo base oci store host container ;;
  cli) echo base oci store host container cli ;;
  *) echo ;;
  esac
}

file_size() {
  local f lines
  while read -r f; do
    [ -n "$f" ] || continue
    lines=$(wc -l < "$f")
    [ "$lines" -le 800 ] || finding "$f: $lines lines, at most 800"
  done < <(of '\.[ch]$')
}

# GNU style: a function's body is between a "{" and a "}" in the first column.
function_size() {
  local place lines
  while read -r place lines; do
    [ -n "$place" ] || continue
    if [ "$lines" -gt 100 ]; then
      finding "$place: a function of $lines lines, at most 100"
    else
      echo "codestyle: note: $place: a function of $lines lines, better 60"
    fi
  done < <(of '\.c$' | xargs -r awk '
    FNR == 1 { body = 0 }
    /^\{/ { body = FNR }
    /^\}/ && body { if (FNR - body - 1 > 60) print FILENAME ":" body, FNR - body - 1; body = 0 }')
}

include_direction() {
  local f layer header owner generated
  generated=$(of '(^|/)meson\.build$' | xargs -r sed -n "s/.*output: *'\([^']*\.h\)'.*/\1/p")
  while read -r f; do
    [ -n "$f" ] || continue
    layer=$(cut -d/ -f2 <<< "$f")
    while read -r header; do
      [ -n "$header" ] && ! grep -qxF "$header" <<< "$generated" || continue
      owner=$(of "^src/[a-z]+/$header\$" | cut -d/ -f2)
      if [ -z "$owner" ]; then
        finding "$f: no layer has $header"
      elif [[ " $(below "$layer") " != *" $owner "* ]]; then
        finding "$f: $layer must not see $owner ($header)"
      fi
    done < <(sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$f")
  done < <(of '^src/[a-z]+/[^/]*\.[ch]$')
}

unique_headers() {
  local name
  while read -r name; do
    [ -z "$name" ] || finding "$name: two headers have this name"
  done < <(of '^src/.*\.h$' | sed 's|.*/||' | sort | uniq -d)
}

# only_in TEXT REGEX ALLOWED-PATHS: REGEX occurs in src/ only in files whose path matches
only_in() {
  local allowed
  mapfile -t allowed < <(of '^src/.*\.[ch]$' | grep -vE "$3" || :)
  forbid "$1" "$2" ${allowed[@]+"${allowed[@]}"}
}

spdx() {
  local f
  while read -r f; do
    [ -z "$f" ] || head -n 3 "$f" | grep -q 'SPDX-License-Identifier: ' || finding "$f: no SPDX line"
  done < <(of '\.(c|h|sh|py|build|cgi)$|(^|/)(Makefile|meson_options\.txt|\.clang-format|\.editorconfig|run)$')
}

words() {
  local f line
  while IFS= read -r line; do
    [ -z "$line" ] || finding "$line"
  done < <(
    of '^(src|tests|ci|\.ci|images|fuzz|bench|data|Makefile|meson)' | grep -v '^ci/codestyle.sh$' |
      xargs -r grep -HnoIE '\b(TODO|FIXME|XXX)\b'
    of . | grep -v '^ci/codestyle.sh$' |
      xargs -r grep -HnoIE '\b[a-z]+[.](debian|ubuntu|npmjs|nodesource|pypi|pythonhosted)[.](org|com)\b'
    of '\.(c|h|sh|py|build|md|json|template)$|(^|/)Makefile$' | xargs -r grep -HnE '[[:blank:]]+$' | cut -c1-100 |
      sed 's/$/ <- trailing blank/'
  )
}

formatted() {
  local c
  mapfile -t c < <(of '\.[ch]$')
  [ ${#c[@]} -gt 0 ] || return 0
  if ! command -v clang-format > /dev/null; then
    finding "clang-format is not installed"
  elif ! clang-format --dry-run -Werror "${c[@]}" 2> "$tmp"; then
    while read -r line; do finding "$line"; done < <(grep -oP '^[^:]+:\d+(?=:.*clang-format-violations)' "$tmp" |
      sort -u -t: -k1,1 | sed 's/$/: not formatted: run "make format"/')
  fi
}

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
file_size
function_size
include_direction
unique_headers
spdx
words
formatted
only_in 'only oci/http may use libcurl' '#\s*include\s*<curl/' '^src/oci/http[^/]*$'
only_in 'only store/layer-* and oci/tar-* may use libarchive' '#\s*include\s*<archive' \
  '^src/(store/layer-[^/]*|oci/tar-[^/]*)$'
only_in 'only host/systemd may use D-Bus' '\bg_dbus_' '^src/host/systemd[^/]*$'
only_in 'library code never prints' '(?<![\w.>])(g_print|g_printerr|v?f?printf|dprintf|puts|fputs|putchar|perror)\s*\(' '^src/cli/'
only_in 'library code never exits' '(?<![\w.>])exit\s*\(' '^src/cli/'
only_in 'no goto' '\bgoto\b' '^$'
[ "$findings" = 0 ] || { echo "codestyle: $findings findings"; exit 1; }
echo "codestyle: clean"
