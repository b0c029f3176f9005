#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""update-images.py DIR: OCI layouts of a small image in several versions, for tests of updates.

DIR/v1, v2, ...: version N says N in /version and its unit, has a tmpfiles line of its own, and variables WORD (with a default)
and EXTRA (from v2 on).  DIR/h1, h2, h3: the same with files for the host.  DIR/plain: no service.  DIR/needs: a variable without a value.
"""

import os
import sys

from layout import Layout

UNIT = '''[Unit]
Description=version %d, $WORD

[Service]
WorkingDirectory=$DESTDIR
ExecStartPre=-$EXEC_STARTPRE
ExecStart=$EXEC_START
ExecStopPost=-$EXEC_STOPPOST

[Install]
WantedBy=%s
'''


def host_files(t, version):
    """Of each kind, and of each fate: one that stays, that changes, that goes, that comes."""
    t.file('exports/hostfs/usr/bin/tool', b'tool %d\n' % version, mode=0o755)
    t.file('exports/hostfs/usr/bin/same', b'same\n', mode=0o750 if version == 2 else 0o755)
    t.symlink('exports/hostfs/opt/link', 'to-%d' % version)
    t.file('exports/hostfs/opt/of-%d/template' % version, b'$WORD %d\n' % version, mode=0o600, uid=3)
    t.directory('exports/hostfs/srv/empty', mode=0o700 if version == 2 else 0o755)


def image(directory, version, unit, manifest, tmpfiles='d /var/lib/$NAME/%d 0700 - - -\n', files=(), host=False):
    layout = Layout(directory)
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
        t.file('version', b'%d\n' % version)
        for name in files:
            t.file(name, name.encode())
        t.file('exports/manifest.json', manifest.encode())
        if unit:
            t.file('exports/service.template', unit.encode())
        if host:
            host_files(t, version)
        t.file('exports/tmpfiles.template', (tmpfiles % version).encode())
    layout.image('latest', {'Entrypoint': ['/bin/true', '%d' % version]})


def main():
    base = sys.argv[1]
    for version in range(1, 7):
        wanted = 'multi-user.target' if version % 2 else 'graphical.target'
        more = ', "EXTRA": "e"' if version > 1 else ''
        image(os.path.join(base, 'v%d' % version), version, UNIT % (version, wanted),
              '{"defaultValues": {"WORD": "hello"%s}}' % more, files=['etc/only-in-%d' % version])
        if version < 4:
            templates = '"installedFilesTemplate": ["/opt/$NAME/template"], "renameFiles": {"/opt/of-%d": "/opt/$NAME"}' % version
            image(os.path.join(base, 'h%d' % version), version, UNIT % (version, wanted),
                  '{"defaultValues": {"WORD": "hello"}, %s}' % templates, host=True)
    image(os.path.join(base, 'plain'), 9, None, '{"noContainerService": true}')
    image(os.path.join(base, 'needs'), 8, UNIT % (8, 'multi-user.target') + '# $NEEDED\n', '{"defaultValues": {"WORD": "x"}}')


main()
