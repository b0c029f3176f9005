#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pull.py: `atomic pull` beside `podman pull` and beside `tar -xzf` of the same layers, in one run.

An image of five layers is made of this machine's own files (about 150 MB compressed; a layer removes files and directories, one has
an opaque directory), pushed to a docker-registry of our own on a loopback port, and fetched from there by each program in turn, round after round, so that noise
hits all alike.  Medians are shown.  podman does not flush what it wrote; atomic does: a row "podman + sync" adds a sync(1) of the
file system to be fair to both.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, 'tests'))
import layout  # noqa: E402

FOLDERS = ['/usr/bin', '/usr/lib/x86_64-linux-gnu', '/usr/lib/python3', '/usr/share', '/usr/lib/gcc', '/usr/sbin']


def candidates():
    for folder in FOLDERS:
        for path, names, files in os.walk(folder):
            names.sort()
            for name in sorted(files):
                full = os.path.join(path, name)
                if os.path.islink(full) or os.path.isfile(full):
                    yield full


def add(tar, path):
    name = path.lstrip('/')
    if os.path.islink(path):
        tar.symlink(name, os.readlink(path))
    else:
        st = os.stat(path)
        with open(path, 'rb') as stream:
            tar.big_file(name, stream, st.st_size, mode=st.st_mode & 0o7777)


def make_image(where, megabytes):
    """Four layers of files, then one that takes some away."""
    image = layout.Layout(where)
    files, seen = candidates(), []
    for _ in range(4):
        size = 0
        with image.layer(level=6) as tar:
            for path in files:
                try:
                    path.encode('ascii')
                    add(tar, path)
                except (OSError, UnicodeEncodeError):
                    continue
                seen.append(path)
                size += os.lstat(path).st_size
                if size > megabytes * 1000000 / 4:
                    break
    with image.layer(level=6) as tar:
        for path in seen[::50]:
            tar.whiteout(path.lstrip('/'))
        tar.opaque('usr/bin/opaque')
        tar.file('usr/bin/opaque/new', b'new')
    image.image('latest', config={'Entrypoint': ['/bin/true']})


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Registry:
    def __init__(self, where):
        self.port = free_port()
        config = os.path.join(where, 'registry.yml')
        with open(config, 'w') as f:
            f.write('version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\n'
                    'http: {addr: "127.0.0.1:%d"}\n' % (os.path.join(where, 'registry'), self.port))
        self.process = subprocess.Popen(['docker-registry', 'serve', config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit('docker-registry does not start')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def measure(argv):
    """-> wall seconds, CPU seconds, KiB resident at most"""
    begin = time.monotonic()
    pid = os.spawnvp(os.P_NOWAIT, 'sh', ['sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh'] + argv)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit('failed: ' + ' '.join(argv))
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def blobs(where):
    def load(digest):
        return os.path.join(where, 'blobs', 'sha256', digest.split(':')[1])
    index = json.load(open(os.path.join(where, 'index.json')))
    manifest = json.load(open(load(index['manifests'][0]['digest'])))
    return [load(d['digest']) for d in manifest['layers']]


def rows(args, image, port, scratch):
    name = '127.0.0.1:%d/bench:latest' % port
    root = os.path.join(scratch, 'root')
    pull = [args.atomic, '--root', root, 'pull', name]
    podman = ['podman', '--root', os.path.join(root, 'p'), '--runroot', os.path.join(root, 'r'), '--storage-driver', 'overlay',
              'pull', '-q', '--tls-verify=false', name]
    tar = ['sh', '-c', 'for b; do tar -C "$0" -xzf "$b" || exit 1; done', root] + blobs(image)
    synced = ['sh', '-c', '"$@" && sync -f "$0"', root]
    return root, [('atomic pull', pull), ('podman pull', podman), ('podman pull + sync', synced + podman), ('tar -xzf', tar),
                  ('tar -xzf + sync', synced + tar)]


def table(args, image, port, base, title):
    scratch = tempfile.mkdtemp(prefix='atomic-bench-', dir=base)
    results = {}
    try:
        root, programs = rows(args, image, port, scratch)
        for _ in range(args.rounds):
            for name, argv in programs:
                shutil.rmtree(root, ignore_errors=True)
                os.mkdir(root)
                os.sync()
                results.setdefault(name, []).append(measure(argv))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    first = [statistics.median(c) for c in zip(*results['atomic pull'])]
    print('\n%s, medians of %d rounds\n' % (title, args.rounds))
    print('| | wall s | CPU s | MiB resident | wall / atomic | CPU / atomic |\n| --- | --- | --- | --- | --- | --- |')
    for name, samples in results.items():
        wall, cpu, rss = (statistics.median(c) for c in zip(*samples))
        print('| %s | %.2f | %.2f | %.0f | %.2f | %.2f |' % (name, wall, cpu, rss / 1024, wall / first[0], cpu / first[1]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--atomic', required=True)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--megabytes', type=int, default=420, help='uncompressed size of the image')
    args = parser.parse_args()
    args.atomic = os.path.abspath(args.atomic)
    work = tempfile.mkdtemp(prefix='atomic-bench-')
    registry = None
    try:
        image = os.path.join(work, 'image')
        make_image(image, args.megabytes)
        registry = Registry(work)
        subprocess.check_call(['skopeo', '--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', 'oci:%s:latest' % image,
                               'docker://127.0.0.1:%d/bench:latest' % registry.port])
        size = sum(os.path.getsize(b) for b in blobs(image))
        print('image: 5 layers, %.0f MB compressed; %d cores' % (size / 1e6, os.cpu_count()))
        table(args, image, registry.port, None, 'On disk')
        table(args, image, registry.port, '/dev/shm', 'On tmpfs')
    finally:
        if registry:
            registry.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    main()
