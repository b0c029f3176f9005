#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""images.py DIR: OCI layouts of a tiny HTTP service in three versions (DIR/v1 ...), and DIR/dead, which ends at once.

Version, and a value WORD that tells deployments apart, are in the root, the unit, its tmpfiles and its configuration.
"""

import os
import sys

from layout import Layout, Random

UNIT = '''[Unit]
Description=version %s word $WORD

[Service]
WorkingDirectory=$DESTDIR
ExecStartPre=-$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStopPost=-$EXEC_STOPPOST
TimeoutStopSec=20

[Install]
WantedBy=multi-user.target
'''
SERVER = '''#!/bin/busybox sh
trap 'exit 0' TERM
/bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www &
wait $!
'''
CONFIG = '''{
  "ociVersion": "1.0.2",
  "process": {
    "user": { "uid": 0, "gid": 0 }, "args": ["/bin/program"], "cwd": "/",
    "env": ["PATH=/bin", "PORT=$PORT", "VERSION=%s", "WORD=$WORD"], "noNewPrivileges": true
  },
  "root": { "path": "rootfs", "readonly": true },
  "hostname": "$NAME",
  "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc" }],
  "linux": { "namespaces": [{ "type": "pid" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }] }
}
'''


def main():
    with open('/bin/busybox', 'rb') as file:
        busybox = file.read()
    for number, version in enumerate(('v1', 'v2', 'v3', 'dead')):
        layout = Layout(os.path.join(sys.argv[1], version))
        with layout.layer() as t:
            for folder in ('bin', 'proc', 'dev', 'sys', 'tmp', 'run', 'etc', 'var'):
                t.directory(folder)
            t.file('bin/busybox', busybox, mode=0o755)
        with layout.layer() as t:
            program = SERVER if version != 'dead' else '#!/bin/busybox sh\nexit 3\n'
            t.file('bin/program', program.encode(), mode=0o755)
            t.file('www/index.html', version.encode() + b'\n')
            random = Random(number)
            for file in range(40):
                t.file('data/%s-%d' % (version, file), random.read(1 + 700 * file))
            t.file('exports/config.json.template', (CONFIG % version).encode())
            t.file('exports/service.template', (UNIT % version).encode())
            t.file('exports/tmpfiles.template', b'd $RUN_DIRECTORY/$NAME-%s-$WORD 0700 - - -\n' % version.encode())
            t.file('exports/manifest.json', b'{"defaultValues": {"WORD": "0", "PORT": "8081"}}')
        layout.image('latest', {'Entrypoint': ['/bin/program']})


main()
