#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# 200 generated registries.conf and auth.json cases: atomic asks the places that skopeo asks, in the same order, as the
# same user.  The seed is printed; SC_SEED chooses another.  With sanitizers, which are slow, 60 of them.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_root
[ -n "$(command -v skopeo)" ] || skip_all "skopeo is not installed"
unshare -m true 2> /dev/null || skip_all "no mount name spaces here"

/usr/bin/python3 "$SC_SOURCE/tests/config-vs-skopeo.py" --seed "${SC_SEED:-20260101}" \
  --cases "${SC_CASES:-$([ -n "$SC_SANITIZE" ] && echo 40 || echo 200)}"
