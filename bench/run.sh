#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh: prints the tables of bench/README.md, measured now. BUILD=dir has the program.
set -eu
cd "$(dirname "$0")/.."
atomic=${BUILD:-build}/src/cli/atomic
/usr/bin/python3 bench/list.py --atomic "$atomic"
/usr/bin/python3 ci/with-root.py bench/load.sh
exec /usr/bin/python3 bench/pull.py --atomic "$atomic" "$@"
