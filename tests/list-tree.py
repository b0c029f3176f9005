#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""list-tree.py DIR: one line for every path of a tree, sorted: type, mode, owner, size, link target, device, extended
attributes, SHA-256 of the contents.  Times are left out: reading changes them.  Names are written so that any
byte in them is safe."""

import hashlib
import os
import stat
import sys

KINDS = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'link', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block',
         stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket'}


def show(name):
    return repr(name)[2:-1]


def contents(path):
    sha = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def attributes(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in sorted(names)}


def describe(path):
    """-> one line without the path"""
    st = os.lstat(path)
    kind = KINDS[stat.S_IFMT(st.st_mode)]
    words = [kind, '%04o' % stat.S_IMODE(st.st_mode) if kind != 'link' else '-', '%d:%d' % (st.st_uid, st.st_gid)]
    if kind == 'file':
        words += [str(st.st_size), contents(path)]
    elif kind == 'link':
        words.append('-> ' + show(os.readlink(path)))
    elif kind in ('char', 'block'):
        words.append('%d,%d' % (os.major(st.st_rdev), os.minor(st.st_rdev)))
    words += ['%s=%s' % (n, v.hex()) for n, v in attributes(path).items()]
    return ' '.join(words)


def tree(top):
    """-> {path below top, bytes: line}"""
    top = os.fsencode(top)
    found = {b'.': describe(top)}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = describe(path)
    return found


if __name__ == '__main__':
    for path, line in sorted(tree(sys.argv[1]).items()):
        print(show(path), line)
