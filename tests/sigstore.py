#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes and moves sigstore signatures, with the openssl command and nothing but Python's own library.

    sigstore.py key NAME [ED25519]           NAME.pub and NAME.pem
    sigstore.py sign HOST REPO TAG NAME.pem  adds a signature to those attached to the image, as skopeo does
    sigstore.py digest HOST REPO TAG         prints the digest of a manifest
    sigstore.py delete HOST REPO DIGEST      deletes a manifest
    sigstore.py copy HOST REPO TAG REPO TAG [OLD NEW]
                                             copies an attachment; replaces OLD by NEW in its payloads
    sigstore.py refer HOST REPO DIGEST TAG   moves the attachment TAG to the list of referrers' tag of DIGEST
    sigstore.py fulcio DIR                   ca.pem, rekor.pub and what "attach" needs
    sigstore.py attach HOST REPO DIGEST REFERENCE DIR EMAIL [SECONDS]
                                             signs as Fulcio and Rekor let EMAIL do, logged after SECONDS
"""

import base64
import hashlib
import http.client
import json
import os
import subprocess
import sys
import urllib.parse

SIGNATURE_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json'
ARTIFACT_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
ISSUER = 'https://login.example.com'


def openssl(*args, data=None):
    return subprocess.run(['openssl', *args], input=data, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def read(*path):
    with open(os.path.join(*path), 'rb') as stream:
        return stream.read()


def write(data, *path):
    with open(os.path.join(*path), 'wb') as stream:
        stream.write(data)


def digest_of(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


# ---- the registry

class Registry:
    def __init__(self, host, repo):
        self.host, self.repo = host, repo

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        names = {name.replace('_', '-'): value for name, value in headers.items()}
        connection.request(method, path if path.startswith('/') else '/v2/%s/%s' % (self.repo, path), body, names)
        reply = connection.getresponse()
        data = reply.read()
        if reply.status == 404 and method == 'GET':
            return reply, None
        if reply.status >= 300:
            sys.exit('%s %s: %d %s' % (method, path, reply.status, data))
        return reply, data

    def manifest(self, tag):
        return self.ask('GET', 'manifests/' + tag, Accept=MANIFEST_TYPE)[1]

    def put_manifest(self, tag, data, kind=MANIFEST_TYPE):
        self.ask('PUT', 'manifests/' + tag, data, Content_Type=kind)

    def blob(self, digest):
        return self.ask('GET', 'blobs/' + digest)[1]

    def put_blob(self, data):
        reply, _ = self.ask('POST', 'blobs/uploads/')
        url = urllib.parse.urlsplit(reply.getheader('Location'))
        path = '%s?%s&digest=%s' % (url.path, url.query, urllib.parse.quote(digest_of(data)))
        self.ask('PUT', path, data, Content_Type='application/octet-stream')
        return {'digest': digest_of(data), 'size': len(data)}


def payload_of(digest, reference):
    return json.dumps({'critical': {'type': 'cosign container image signature',
                                    'image': {'docker-manifest-digest': digest},
                                    'identity': {'docker-reference': reference}}, 'optional': None}).encode()


def add_signature(registry, digest, payload, annotations, old=None):
    config = {'mediaType': 'application/vnd.oci.image.config.v1+json', **registry.put_blob(b'{}')}
    layer = {'mediaType': SIGNATURE_TYPE, **registry.put_blob(payload), 'annotations': annotations}
    manifest = json.loads(old) if old else {'schemaVersion': 2, 'mediaType': MANIFEST_TYPE, 'config': config,
                                            'layers': []}
    manifest['layers'].append(layer)
    registry.put_manifest(digest.replace(':', '-') + '.sig', json.dumps(manifest).encode())


def make_key(name, kind='EC'):
    curve = ['-pkeyopt', 'ec_paramgen_curve:P-256'] if kind == 'EC' else []
    openssl('genpkey', '-algorithm', kind, *curve, '-out', name + '.pem')
    openssl('pkey', '-in', name + '.pem', '-pubout', '-out', name + '.pub')


def sign_bytes(key, payload):
    if b'ED25519' not in openssl('pkey', '-in', key, '-noout', '-text').upper():
        return openssl('dgst', '-sha256', '-sign', key, data=payload)
    # That kind wants a file that it can read at once.
    write(payload, key + '.payload')
    return openssl('pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', key + '.payload')


def sign(host, repo, tag, key):
    registry = Registry(host, repo)
    digest = digest_of(registry.manifest(tag))
    payload = payload_of(digest, '%s/%s:%s' % (host, repo, tag))
    signature = base64.b64encode(sign_bytes(key, payload)).decode()
    add_signature(registry, digest, payload, {'dev.cosignproject.cosign/signature': signature},
                  registry.manifest(digest.replace(':', '-') + '.sig'))


def copy(host, repo, tag, to_repo, to_tag, old='', new=''):
    source, target = Registry(host, repo), Registry(host, to_repo)
    manifest = json.loads(source.manifest(tag))
    for part in [manifest['config'], *manifest['layers']]:
        data = source.blob(part['digest'])
        if part['mediaType'] == SIGNATURE_TYPE and old:
            if old.encode() not in data:
                sys.exit('the payload has no ' + old)
            data = data.replace(old.encode(), new.encode())
        part.update(target.put_blob(data))
    target.put_manifest(to_tag, json.dumps(manifest).encode())


def refer(host, repo, digest, tag):
    registry = Registry(host, repo)
    manifest = json.loads(registry.manifest(tag))
    manifest['artifactType'] = ARTIFACT_TYPE
    manifest['subject'] = {'mediaType': MANIFEST_TYPE, 'digest': digest, 'size': len(registry.manifest(digest))}
    data = json.dumps(manifest).encode()
    registry.put_manifest(digest_of(data), data)
    entry = {'mediaType': MANIFEST_TYPE, 'artifactType': ARTIFACT_TYPE, 'digest': digest_of(data), 'size': len(data)}
    index = json.dumps({'schemaVersion': 2, 'mediaType': INDEX_TYPE, 'manifests': [entry]}).encode()
    old = registry.manifest(tag)
    registry.put_manifest(digest.replace(':', '-'), index, INDEX_TYPE)
    registry.ask('DELETE', 'manifests/' + digest_of(old))


# ---- Fulcio and Rekor

def make_fulcio(folder):
    for name in 'ca', 'rekor':
        openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', os.path.join(folder, name + '.key'))
    openssl('ec', '-in', os.path.join(folder, 'rekor.key'), '-pubout', '-out', os.path.join(folder, 'rekor.pub'))
    openssl('req', '-x509', '-new', '-key', os.path.join(folder, 'ca.key'), '-days', '2', '-subj', '/CN=test Fulcio',
            '-out', os.path.join(folder, 'ca.pem'))


def attach(host, repo, digest, reference, folder, email, seconds='60'):
    """The certificate is valid for a day from now; SECONDS after its start, the log says, it was used."""
    leaf, key = os.path.join(folder, 'leaf.pem'), os.path.join(folder, 'leaf.key')
    issuer = ':'.join('%02X' % byte for byte in ISSUER.encode())
    write(('keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=critical,email:%s\n'
           '1.3.6.1.4.1.57264.1.1=DER:%s\n' % (email, issuer)).encode(), folder, 'leaf.ext')
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
    openssl('req', '-new', '-key', key, '-subj', '/CN=test', '-out', leaf + '.csr')
    openssl('x509', '-req', '-in', leaf + '.csr', '-CA', os.path.join(folder, 'ca.pem'),
            '-CAkey', os.path.join(folder, 'ca.key'), '-set_serial', '7', '-days', '1',
            '-extfile', os.path.join(folder, 'leaf.ext'), '-out', leaf)
    start = openssl('x509', '-in', leaf, '-noout', '-startdate').decode().split('=')[1].strip()
    time = int(subprocess.check_output(['date', '-d', start, '+%s'])) + int(seconds)

    payload = payload_of(digest, reference)
    signature = base64.b64encode(openssl('dgst', '-sha256', '-sign', key, data=payload)).decode()
    body = json.dumps({'apiVersion': '0.0.1', 'kind': 'hashedrekord', 'spec': {
        'data': {'hash': {'algorithm': 'sha256', 'value': hashlib.sha256(payload).hexdigest()}},
        'signature': {'content': signature, 'publicKey': {'content': base64.b64encode(read(leaf)).decode()}}}})
    rekor_key = os.path.join(folder, 'rekor.key')
    log_id = hashlib.sha256(openssl('ec', '-in', rekor_key, '-pubout', '-outform', 'DER')).hexdigest()
    entry = {'body': base64.b64encode(body.encode()).decode(), 'integratedTime': time, 'logID': log_id, 'logIndex': 42}
    canonical = json.dumps(entry, sort_keys=True, separators=(',', ':')).encode()
    promise = base64.b64encode(openssl('dgst', '-sha256', '-sign', rekor_key, data=canonical)).decode()
    add_signature(Registry(host, repo), digest, payload, {
        'dev.cosignproject.cosign/signature': signature,
        'dev.sigstore.cosign/certificate': read(leaf).decode(),
        'dev.sigstore.cosign/chain': read(folder, 'ca.pem').decode(),
        'dev.sigstore.cosign/bundle': json.dumps({'SignedEntryTimestamp': promise, 'Payload': entry})})


def main(verb, *args):
    if verb == 'digest':
        print(digest_of(Registry(*args[:2]).manifest(args[2])))
    elif verb == 'delete':
        Registry(*args[:2]).ask('DELETE', 'manifests/' + args[2])
    else:
        {'key': make_key, 'sign': sign, 'copy': copy, 'refer': refer, 'fulcio': make_fulcio, 'attach': attach}[verb](*args)


main(*sys.argv[1:])
