# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes OCI image layouts by hand, so that a test decides about every byte.

    layout = Layout('/tmp/x')
    with layout.layer() as tar:
        tar.directory('etc')
        tar.file('etc/motd', b'hello\\n', mode=0o644)
    layout.image('latest', config={'Entrypoint': ['/bin/true']})
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile

LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'


class Tar:
    """One layer being written; names are str or bytes, of any bytes."""

    def __init__(self, stream, format):
        self.tar = tarfile.open(fileobj=stream, mode='w|', format=format, encoding='utf-8', errors='surrogateescape')

    def entry(self, name, type, data=b'', mode=0o755, uid=0, gid=0, link='', xattrs=None, pax=None, size=None):
        info = tarfile.TarInfo(os.fsdecode(name))
        info.type, info.mode, info.uid, info.gid, info.mtime = type, mode, uid, gid, 1700000000
        info.linkname = os.fsdecode(link)
        info.size = len(data) if size is None else size
        info.pax_headers = dict(pax or {})
        for key, value in (xattrs or {}).items():
            info.pax_headers['SCHILY.xattr.' + key] = value.decode('utf-8', 'surrogateescape')
        self.tar.addfile(info, data if hasattr(data, 'read') else io.BytesIO(data))

    def directory(self, name, mode=0o755, **more):
        self.entry(name, tarfile.DIRTYPE, mode=mode, **more)

    def file(self, name, data=b'', mode=0o644, **more):
        self.entry(name, tarfile.REGTYPE, data, mode=mode, **more)

    def big_file(self, name, stream, size, mode=0o644):
        self.entry(name, tarfile.REGTYPE, stream, mode=mode, size=size)

    def symlink(self, name, target, **more):
        self.entry(name, tarfile.SYMTYPE, mode=0o777, link=target, **more)

    def hardlink(self, name, target, **more):
        self.entry(name, tarfile.LNKTYPE, link=target, mode=0o644, **more)

    def whiteout(self, name):
        folder, base = os.path.split(name)
        self.file(os.path.join(folder, '.wh.' + base))

    def opaque(self, folder):
        self.file(os.path.join(folder, '.wh..wh..opq'))


class Random(io.RawIOBase):
    """A stream of bytes that do not compress, the same for the same seed, without holding them in memory."""

    def __init__(self, seed):
        super().__init__()
        self.seed, self.count, self.rest = seed, 0, b''

    def read(self, size=-1):
        while len(self.rest) < size:
            self.count += 1
            self.rest += hashlib.shake_128(b'%d/%d' % (self.seed, self.count)).digest(1 << 18)
        out, self.rest = self.rest[:size], self.rest[size:]
        return out


class _Hashing(io.RawIOBase):
    def __init__(self, below):
        super().__init__()
        self.below, self.sha, self.size = below, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, data):
        self.sha.update(data)
        self.size += len(data)
        self.below.write(data)
        return len(data)


class Layout:
    def __init__(self, path):
        self.path = path
        self.blobs = os.path.join(path, 'blobs', 'sha256')
        os.makedirs(self.blobs, exist_ok=True)
        self.layers, self.diff_ids, self.images = [], [], []
        with open(os.path.join(path, 'oci-layout'), 'w', encoding='ascii') as out:
            out.write('{"imageLayoutVersion": "1.0.0"}')

    def blob_path(self, digest):
        return os.path.join(self.blobs, digest.split(':')[1])

    def blob(self, data, media_type):
        """-> descriptor"""
        digest = 'sha256:' + hashlib.sha256(data).hexdigest()
        with open(self.blob_path(digest), 'wb') as out:
            out.write(data)
        return {'mediaType': media_type, 'digest': digest, 'size': len(data)}

    @contextlib.contextmanager
    def layer(self, compress=True, level=1, format=tarfile.PAX_FORMAT):
        """A Tar to write the next layer with."""
        temporary = os.path.join(self.path, 'layer.tmp')
        with open(temporary, 'wb') as file:
            outer = _Hashing(file)
            packed = gzip.GzipFile(filename='', mode='wb', compresslevel=level, fileobj=outer, mtime=0) if compress else None
            inner = _Hashing(packed or outer)
            tar = Tar(inner, format)
            yield tar
            tar.tar.close()
            if packed:
                packed.close()
        digest = 'sha256:' + outer.sha.hexdigest()
        os.rename(temporary, self.blob_path(digest))
        self.layers.append({'mediaType': LAYER_TYPE + ('+gzip' if compress else ''), 'digest': digest,
                            'size': outer.size})
        self.diff_ids.append('sha256:' + inner.sha.hexdigest())

    def image(self, tag, config=None, layers=None, diff_ids=None):
        """The layers so far as an image; starts a new list of layers.  -> manifest descriptor"""
        document = {'created': '2023-11-14T22:13:20Z', 'architecture': 'amd64', 'os': 'linux', 'config': config or {},
                    'rootfs': {'type': 'layers', 'diff_ids': diff_ids or self.diff_ids}}
        manifest = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
                    'config': self.blob(json.dumps(document).encode(), 'application/vnd.oci.image.config.v1+json'),
                    'layers': layers or self.layers}
        descriptor = self.blob(json.dumps(manifest).encode(), manifest['mediaType'])
        descriptor['annotations'] = {'org.opencontainers.image.ref.name': tag}
        self.images.append(descriptor)
        self.layers, self.diff_ids = [], []
        with open(os.path.join(self.path, 'index.json'), 'w', encoding='ascii') as out:
            json.dump({'schemaVersion': 2, 'manifests': self.images}, out)
        return descriptor
