#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""with-root.py COMMAND...: runs COMMAND where OCI runtimes work.

In a plain chroot "/" is not the root of the mount namespace.  A runtime then cannot make "/" private, or, where "/" is
at least a mount point, starts containers well but enters the wrong root when it executes a command in one.  There the
command gets a mount namespace of its own whose root is this "/"; anywhere else it is just executed."""

import ctypes
import os
import sys

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 2
SYS_PIVOT_ROOT = {'x86_64': 155, 'aarch64': 41, 'riscv64': 41, 'ppc64le': 203, 's390x': 217}
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what + ': ' + os.strerror(ctypes.get_errno()))


def mount(source, target, flags):
    check(libc.mount(source, target, None, ctypes.c_ulong(flags), None), 'mount')


def enter_namespace_root():
    fd = os.open('/proc/self/ns/mnt', os.O_RDONLY | os.O_CLOEXEC)
    check(libc.setns(fd, CLONE_NEWNS), 'setns')


def is_namespace_root():
    """Whether "/" is the root of the mount namespace: asked in a child, since asking goes there."""
    here = os.stat('/')
    pid = os.fork()
    if pid == 0:
        try:
            enter_namespace_root()
            os._exit(0 if os.path.samestat(here, os.stat('/')) else 3)
        except OSError:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 3


def make_namespace_root():
    where = os.getcwd()
    check(libc.unshare(CLONE_NEWNS), 'unshare')
    root = os.open('/', os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    enter_namespace_root()
    mount(None, b'/', MS_REC | MS_PRIVATE)
    os.fchdir(root)
    path = os.getcwd()
    mount(b'.', b'.', MS_BIND | MS_REC)
    os.chdir(path)  # onto the new mount
    check(libc.syscall(SYS_PIVOT_ROOT[os.uname().machine], b'.', b'.'), 'pivot_root')
    check(libc.umount2(b'.', MNT_DETACH), 'umount')
    os.chdir(where)


if os.geteuid() == 0 and not is_namespace_root():
    make_namespace_root()
os.execvp(sys.argv[1], sys.argv[1:])
