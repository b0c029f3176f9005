#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""package-images.py DIR: OCI layouts of images with files for the host, for tests of system packages.

DIR/p1, p2, p3: a tool, configuration and a directory of their own on the host, with labels; from version to version files come
and go.  DIR/bare: nothing for the host, DIR/evil: labels that would be something else in a spec or a control file, DIR/bad: a
relation that is none.  DIR/spec: an rpm.spec.template that installs more than there is; DIR/broken: one that does not build.
DIR/ready: whatever packages are in DIR/ready.rpm and DIR/ready.deb.  DIR/whole: files of other owners, and for the host.
"""

import os
import sys

from layout import Layout

CAPABILITY = bytes.fromhex('0100000200200000000000000000000000000000')
UNIT = '''[Unit]
Description=version %d, $WORD

[Service]
WorkingDirectory=$DESTDIR
ExecStart=$EXEC_START

[Install]
WantedBy=multi-user.target
'''

SPEC = '''Name: atomic-container-$NAME
Version: 7
Release: 1
Summary: of the image, $WORD
License: none
AutoReqProv: no
BuildArch: noarch
%description
Its own.
%install
mkdir -p %{buildroot}/usr/share
test -e %{buildroot}/usr/bin/tool || { mkdir -p %{buildroot}/usr/bin; cp %{atomic_hostfs}/usr/bin/tool %{buildroot}/usr/bin/; }
echo "$WORD" > %{buildroot}/usr/share/said
%files
/usr/bin/tool
/usr/bin/alias
/usr/bin/other
/usr/share/said
'''


def image(directory, version, labels, host, exports=(), manifest='{"defaultValues": {"WORD": "hello"}}', more=()):
    layout = Layout(directory)
    with layout.layer() as t:
        t.file('bin/true', b'#!/bin/true\n', mode=0o755)
        t.file('version', b'%d\n' % version)
        t.file('exports/manifest.json', manifest.encode())
        t.file('exports/service.template', (UNIT % version).encode())
        for name, data in exports:
            t.file('exports/' + name, data)
        for name, data, mode in host:
            if data is None:
                t.directory('exports/hostfs/' + name, mode=mode)
            else:
                t.file('exports/hostfs/' + name, data, mode=mode)
        for name, uid, mode in more:
            t.file(name, name.encode(), uid=uid, gid=uid, mode=mode,
                   xattrs={'security.capability': CAPABILITY} if name.endswith('/ping') else {})
        if host:
            t.symlink('exports/hostfs/usr/bin/alias', 'tool')
            t.symlink('exports/hostfs/usr/bin/other', 'tool')
    layout.image('latest', {'Entrypoint': ['/bin/true', '%d' % version], 'Labels': labels})


def main():
    base = sys.argv[1]
    for n in (1, 2, 3):
        host = [('usr/bin/tool', b'tool %d\n' % n, 0o755), ('usr/share/box/only-%d' % n, b'%d\n' % n, 0o644),
                ('usr/share/box', None, 0o755), ('etc/box.conf', b'conf %d\n' % n, 0o644),
                ('usr/share/box/a b{c}[*]', b'odd\n', 0o600)]
        image(os.path.join(base, 'p%d' % n), n, {
            'atomic.version': '1.%d' % n, 'atomic.release': '4', 'atomic.summary': '100% a box', 'atomic.license': 'MIT',
            'atomic.url': 'https://box.example.org/x%20y', 'atomic.provides': 'box-tool = 1.%d' % n,
            'atomic.conflicts': 'no-such-box (<< 2)', 'atomic.description': 'It is\na box.'}, host,
              more=[('exports/hostfs/usr/share/box/set-id', 7, 0o6755), ('exports/hostfs/usr/share/box/ping', 0, 0o755)])
    image(os.path.join(base, 'bare'), 4, {}, [])
    script = '\n%post\ntouch /tmp/atomic-test-was-here\n%pre -p <lua>\nposix.mkdir("/tmp/atomic-test-was-here")\n'
    deb = '\nPre-Depends: nosuch\n\nPackage: other\n'
    image(os.path.join(base, 'evil'), 5, {
        'atomic.version': '1-2/3 %{lua:print(4)}', 'atomic.release': '%(touch /tmp/atomic-test-was-here)',
        'atomic.summary': 'x' + script + deb + '\\', 'atomic.license': '%{!?x:%post' + deb, 'atomic.url': 'javascript:x\n%post',
        'atomic.description': '%post\ntouch /tmp/atomic-test-was-here' + script + deb + 'y' * 10000 + '\x1b[31m'},
        [('usr/bin/evil', b'x', 0o755)])
    image(os.path.join(base, 'bad'), 5, {'atomic.requires': 'bash, x\n%post'}, [])
    image(os.path.join(base, 'needs'), 5, {'atomic.requires': 'no-such-package >= 2'}, [])
    tool = [('usr/bin/tool', b'tool\n', 0o755)]
    image(os.path.join(base, 'spec'), 6, {}, tool, [('rpm.spec.template', SPEC.encode())])
    image(os.path.join(base, 'broken'), 7, {}, tool, [('rpm.spec', b'Name: x\nVersion: 1\nNonsense: y\n')])
    ready = [('container.' + kind, open(os.path.join(base, 'ready.' + kind), 'rb').read()) for kind in ('rpm', 'deb')
             if os.path.exists(os.path.join(base, 'ready.' + kind))]
    image(os.path.join(base, 'ready'), 8, {}, [], ready)
    for n in (1, 2):  # one package, two contents
        same = [('container.' + kind, open(os.path.join(base, 'same%d.%s' % (n, kind)), 'rb').read()) for kind in ('rpm', 'deb')
                if os.path.exists(os.path.join(base, 'same%d.%s' % (n, kind)))]
        image(os.path.join(base, 'same%d' % n), 8, {}, [], same)
    for name, path in ('percent', 'x%(touch PWNED)'), ('percent-lua', "x%{lua:io.open('PWNED','w')}"):
        image(os.path.join(base, name), 9, {}, [('usr/share/' + path, b'x', 0o644)])
    image(os.path.join(base, 'percent-rename'), 9, {}, [('usr/share/x', b'x', 0o644)],
          manifest='{"renameFiles": {"/usr/share/x": "/opt/%dir/x"}, "defaultValues": {"WORD": "hello"}}')
    image(os.path.join(base, 'direct'), 8, {}, [('usr/share/ready', b'direct\n', 0o644)])
    image(os.path.join(base, 'whole'), 9, {'atomic.version': '2'}, tool, [('tmpfiles.template', b'd /var/lib/$NAME 0700 - - -\n')],
          more=[('data/of-other', 4321, 0o4755), ('data/of-root', 0, 0o644), ('data/odd "name\\', 0, 0o644),
                ('exports/hostfs/usr/bin/set-id', 7, 0o6755), ('bin/ping', 0, 0o755),
                ('exports/hostfs/usr/bin/ping', 0, 0o755)])
    image(os.path.join(base, 'conf'), 9, {}, [('etc/conf/main.conf', b'main\n', 0o644)],
          [('tmpfiles.template', b'd /etc/$NAME 0755 - - -\n')])
    for name in ('quote"', 'line\n%post'):
        image(os.path.join(base, 'name-%d' % ord(name[-1])), 9, {}, [('usr/share/' + name, b'x', 0o644)])


main()
