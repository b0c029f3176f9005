#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""max-rss.py FILE COMMAND...: runs COMMAND and writes its peak resident memory in KiB to FILE; its exit status is
COMMAND's."""

import resource
import subprocess
import sys

status = subprocess.call(sys.argv[2:])
with open(sys.argv[1], 'w', encoding='ascii') as out:
    out.write('%d\n' % resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status if status >= 0 else 128 - status)
