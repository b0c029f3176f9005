#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""host-images.py DIR: OCI layouts of images with files for the host, for test-host-files.sh.

DIR/v1, v2: versions of one image.  DIR/copies: useLinks is false.  DIR/files: no service, nothing to run.  DIR/bad-...: what
nobody may install.
"""

import json
import os
import sys

from layout import Layout


def image(name, manifest, fill, service=True):
    layout = Layout(os.path.join(sys.argv[1], name))
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
        t.file('exports/manifest.json', json.dumps(manifest).encode())
        fill(t, 'exports/hostfs/')
    layout.image('latest', {'Entrypoint': ['/bin/true']} if service else {})


def version(n):
    def fill(t, h):
        t.file(h + 'usr/bin/tool', b'tool %d\n' % n, mode=0o4755, uid=7, gid=8)
        t.file(h + 'usr/bin/same', b'the same\n', mode=0o755 if n == 1 else 0o750)
        t.symlink(h + 'usr/bin/alias', 'tool' if n == 1 else 'same')
        t.file(h + 'etc/app/main.conf', b'word=$WORD cost=$$%d\n' % n, mode=0o640, gid=3)
        t.file(h + 'etc/app/plain.conf', b'$WORD\n')
        t.file(h + 'etc/old.conf', b'renamed %d\n' % n)
        t.file(h + 'opt/tree/a/x', b'x %d\n' % n)
        t.file(h + 'opt/tree/a/y', b'y\n')
        t.file(h + 'opt/tree/one', b'$WORD one\n')
        t.directory(h + 'srv/empty', mode=0o1770, uid=5, gid=6)
        t.directory(h + 'srv/kept', mode=0o700)
        t.file(h + 'srv/kept/file', b'in a directory of its own\n')
        t.file(h + 'only/in/%d' % n, b'%d\n' % n)
        if n == 1:
            t.file(h + 'opt/turn', b'a file that becomes a directory\n')
            t.file(h + 'opt/back/file', b'a directory that becomes a file\n')
        else:
            t.file(h + 'opt/turn/file', b'was a file\n')
            t.file(h + 'opt/back', b'was a directory\n')
    return fill


MANIFEST = {
    'defaultValues': {'WORD': 'hello', 'WHERE': '/opt/there'},
    'renameFiles': {'/etc/old.conf': '$CONF_DIRECTORY/$NAME.conf', '/opt/tree': '$WHERE/tree', '/opt/there/tree/one': '/opt/one'},
    'installedFilesTemplate': ['/etc/app/main.conf', '/opt/one', '/etc/nowhere'],
}


def one(path, data=b'x\n'):
    return lambda t, h: t.file(h + path, data)


def main():
    for n in (1, 2):
        image('v%d' % n, MANIFEST, version(n))
    image('copies', {**MANIFEST, 'useLinks': False}, version(1))
    image('plain', {}, lambda t, h: None)
    image('files', {'noContainerService': True}, one('usr/share/files/data', b'data\n'), service=False)
    image('files2', {'noContainerService': True}, one('usr/share/files/data', b'data 2\n'), service=False)
    image('aliased', {}, one('usr/bin/moved', b'moved\n'))
    image('alias', {}, one('bin/moved', b'moved\n'))
    image('bad-dots', {'renameFiles': {'/x': '/etc/../../x'}}, one('x'))
    image('bad-relative', {'renameFiles': {'/x': 'etc/x'}}, one('x'))
    image('bad-value', {'renameFiles': {'/x': '/etc/$EVIL'}, 'defaultValues': {'EVIL': 'a/../../b'}}, one('x'))
    image('bad-variable', {'renameFiles': {'/x': '/etc/$MISSING'}}, one('x'))
    image('bad-template', {'installedFilesTemplate': ['/x']}, one('x', b'$MISSING\n'))
    image('bad-two', {'renameFiles': {'/x': '/y'}}, lambda t, h: (one('x')(t, h), one('y')(t, h)))
    image('bad-below', {'renameFiles': {'/x': '/y/z'}}, lambda t, h: (one('x')(t, h), one('y')(t, h)))
    image('bad-link', {'renameFiles': {'/x': '/y/z'}}, lambda t, h: (one('x')(t, h), t.symlink(h + 'y', '/etc')))
    image('bad-proc', {}, one('proc/x'))
    image('bad-checkouts', {'renameFiles': {'/x': '/var/lib/containers/atomic/x'}}, one('x'))
    image('bad-unit', {}, one('etc/systemd/system/box.service'))
    image('bad-tmpfiles', {'renameFiles': {'/x': '/etc/tmpfiles.d/$NAME.conf'}}, one('x'))
    image('bad-name', {}, one('new\nline'))
    image('bad-deep', {}, one('d/' * 70 + 'x'))
    image('out', {}, lambda t, h: (t.symlink(h + 'etc/out', '../../../../../outside'), t.symlink(h + 'etc/abs', '/outside')))
    image('below', {}, one('dir/x'))
    image('link1', {}, lambda t, h: (t.symlink(h + 'usr/share/app', 'app-1'), one('usr/share/app-1/data', b'1\n')(t, h)))
    image('link2', {}, one('usr/share/app/data', b'2\n'))
    image('away1', {}, lambda t, h: t.symlink(h + 'opt/app', '/usr/lib/hostapp'))
    image('away2', {}, one('opt/app/data', b'in the image\n'))
    image('forged', {}, one('lib/containers/atomic/evil/info'))
    names = ['/f%d' % i for i in range(700)]
    deep = '/'.join(['d' * 250] * 14)
    image('long', {'defaultValues': {'DEEP': deep}, 'renameFiles': {n: '/opt/$DEEP' + n for n in names}},
          lambda t, h: [one(n[1:])(t, h) for n in names])
    image('through', {}, one('opt/way/evil/info'))


main()
