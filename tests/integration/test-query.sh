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
finish
