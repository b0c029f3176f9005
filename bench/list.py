#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""list.py: `atomic images list` beside `ostree refs` on the same repository of 500 images, in one run.

The repository has a branch for each image, its config and a layer of its own, and layers that images share.  The programs are run in
turn, round after round, so that noise hits all alike; medians are shown.  `ostree refs` only names the branches: it reads no commit.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile

from pull import measure

LAYERS = 8


def encode(name):
    return ''.join(c if c.isalnum() or c in '.-' else '_%02X' % ord(c) for c in name)


def descriptor(kind, text, size):
    return {'mediaType': 'application/vnd.oci.image.%s' % kind, 'size': size,
            'digest': 'sha256:' + hashlib.sha256(text.encode()).hexdigest()}


def manifest(number):
    """Of a family of ten images that share all layers but the last."""
    layers = [descriptor('layer.v1.tar+gzip', 'family %d layer %d' % (number // 10, n), 1000000 * (n + 1)) for n in range(LAYERS - 1)]
    layers.append(descriptor('layer.v1.tar+gzip', 'layer of %d' % number, 123456 + number))
    return {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
            'config': descriptor('config.v1+json', 'config of %d' % number, 3000), 'layers': layers}


def make_repository(repo, images):
    """With the ostree command: a commit for each image; the branches of blobs share one."""
    def ostree(*argv):
        return subprocess.check_output(['ostree', '--repo=' + repo] + list(argv), text=True).strip()
    ostree('init', '--mode=bare')
    empty = tempfile.mkdtemp()
    blob = ostree('commit', '--branch=ociimage/' + '0' * 64, '--tree=dir=' + empty, '--add-metadata-string=docker.size=1')
    heads = os.path.join(repo, 'refs', 'heads', 'ociimage')
    for number in range(images):
        document = manifest(number)
        raw = json.dumps(document)
        name = 'registry.example.com:5000/family-%d/image-%d:v%d' % (number // 10, number, number)
        ostree('commit', '--branch=ociimage/' + encode(name), '--tree=dir=' + empty,
               '--add-metadata-string=docker.manifest=' + raw,
               '--add-metadata-string=docker.digest=sha256:' + hashlib.sha256(raw.encode()).hexdigest())
        for blob_descriptor in [document['config']] + document['layers']:
            with open(os.path.join(heads, blob_descriptor['digest'].split(':')[1]), 'w', encoding='ascii') as out:
                out.write(blob + '\n')
    os.unlink(os.path.join(heads, '0' * 64))
    os.rmdir(empty)
    return len(os.listdir(heads))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--atomic', required=True)
    parser.add_argument('--rounds', type=int, default=21)
    parser.add_argument('--images', type=int, default=500)
    args = parser.parse_args()
    atomic = os.path.abspath(args.atomic)
    root = tempfile.mkdtemp(prefix='atomic-bench-')
    repo = os.path.join(root, 'var/lib/containers/atomic/.storage/ostree')
    try:
        os.makedirs(repo)
        branches = make_repository(repo, args.images)
        programs = [('atomic images list', [atomic, '--root', root, 'images', 'list']),
                    ('atomic images list --all --json', [atomic, '--root', root, 'images', 'list', '--all', '--json']),
                    ('ostree refs', ['ostree', '--repo=' + repo, 'refs'])]
        results = {}
        for _ in range(args.rounds):
            for name, argv in programs:
                results.setdefault(name, []).append(measure(argv))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print('\nA list of %d images, %d branches, medians of %d rounds\n' % (args.images, branches, args.rounds))
    print('| | wall ms | CPU ms | MiB resident |\n| --- | --- | --- | --- |')
    for name, samples in results.items():
        wall, cpu, rss = (statistics.median(c) for c in zip(*samples))
        print('| %s | %.0f | %.0f | %.1f |' % (name, wall * 1000, cpu * 1000, rss / 1024))


if __name__ == '__main__':
    main()
