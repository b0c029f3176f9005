#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-policy.py ATOMIC ROOT REGISTRY REGISTRIES.D DIRECTORY

Writes policies, made from a fixed seed, and lets both skopeo and our program decide on an image; for each, a line "ok"
or "not ok" tells whether they agree, and "compared N" ends it.  The images and keys are those of test-trust.sh."""
import json
import os
import random
import shutil
import subprocess
import sys

ATOMIC, ROOT, REGISTRY, REGISTRIES_D, DIRECTORY = sys.argv[1:]
SEED = 20160908
RANDOM_CASES = 40

ACCEPT = {'type': 'insecureAcceptAnything'}
REJECT = {'type': 'reject'}
IMAGES = ['ns/app:1', 'ns/app:2', 'ns/other:1', 'ns/vendor:1', 'ns/plain:1', 'ns/app@DIGEST']


def signed_by(key='good', identity=None, **more):
    requirement = {'type': 'signedBy', 'keyType': 'GPGKeys', 'keyPath': 'KEYS/%s.gpg' % key}
    if identity is not None:
        requirement['signedIdentity'] = identity
    requirement.update(more)
    return {name: value for name, value in requirement.items() if value is not None}


def identities(r):
    prefixes = [REGISTRY, REGISTRY + '/ns', REGISTRY + '/ns/vendor', REGISTRY + '/n', 'quay.io']
    signed = ['quay.io/vendor/app', 'quay.io/vendor', 'quay.io', REGISTRY + '/ns', 'docker.io']
    references = ['quay.io/vendor/app:1', 'quay.io/vendor/app:2', REGISTRY + '/ns/app:1', 'app:1']
    return r.choice([
        None, None,
        {'type': 'matchExact'}, {'type': 'matchRepoDigestOrExact'}, {'type': 'matchRepository'},
        {'type': 'exactReference', 'dockerReference': r.choice(references)},
        {'type': 'exactRepository', 'dockerRepository': r.choice(references).rsplit(':', 1)[0]},
        {'type': 'remapIdentity', 'prefix': r.choice(prefixes), 'signedPrefix': r.choice(signed)},
    ])


def requirements(r):
    return [r.choice([ACCEPT, REJECT, signed_by('good', identities(r)), signed_by('good', identities(r)),
                      signed_by('other', identities(r))]) for _ in range(r.choice([1, 1, 1, 2]))]


def random_case(r):
    scopes = ['', REGISTRY, REGISTRY + '/ns', REGISTRY + '/ns/app', REGISTRY + '/ns/app:1', REGISTRY + '/ns/app@DIGEST',
              REGISTRY + '/ns/vendor', '127.0.0.1', '*.0.0.1', '*.0.1', '*.1', '*.0.0.1:' + REGISTRY.split(':')[1],
              REGISTRY + '/n', REGISTRY + '/ns/', 'ns/app']
    policy = {'default': requirements(r)}
    if r.random() < 0.9:
        policy['transports'] = {'docker': {scope: requirements(r) for scope in r.sample(scopes, r.randint(1, 5))},
                                'dir': {'': [ACCEPT]}}
    return policy, r.choice(IMAGES)


def text_cases():
    """Policies that are wrong, or look as if they were: each is decided on for an image that is signed well."""
    rule = signed_by()
    docker = lambda scope, rules: {'default': [ACCEPT], 'transports': {'docker': {scope: rules}}}
    other = lambda transport, scope: {'default': [ACCEPT], 'transports': {transport: {scope: [ACCEPT]}}}
    yield 'no default', {'transports': {}}
    yield 'an empty default', {'default': []}
    yield 'null for a default', {'default': None}
    yield 'null for the transports', {'default': [ACCEPT], 'transports': None}
    yield 'an unknown member', {'default': [ACCEPT], 'extra': 1}
    yield 'an unknown transport', other('future', 'anything')
    yield 'an empty list', docker(REGISTRY, [])
    yield 'an unknown type', docker(REGISTRY, [{'type': 'accept'}])
    yield 'no type', docker(REGISTRY, [{}])
    yield 'a member too many', docker('elsewhere.example.com', [dict(ACCEPT, more=1)])
    yield 'a list for a requirement', docker(REGISTRY, [[]])
    yield 'an unknown keyType', docker(REGISTRY, [signed_by(keyType='gpg')])
    yield 'a keyType for the future, elsewhere', docker('elsewhere.example.com', [signed_by(keyType='X509Certificates')])
    yield 'a keyType for the future', docker(REGISTRY, [signed_by(keyType='X509Certificates')])
    yield 'no key', docker(REGISTRY, [signed_by(keyPath=None)])
    yield 'two kinds of keys', docker(REGISTRY, [signed_by(keyData='')])
    yield 'keyData that is not base64', docker('elsewhere.example.com', [signed_by(keyPath=None, keyData='a*b=')])
    yield 'keyData without padding', docker('elsewhere.example.com', [signed_by(keyPath=None, keyData='abc')])
    yield 'empty keyData, elsewhere', docker('elsewhere.example.com', [signed_by(keyPath=None, keyData='')])
    yield 'empty keyData', docker(REGISTRY, [signed_by(keyPath=None, keyData='')])
    yield 'a key that is not there, elsewhere', docker('elsewhere.example.com', [signed_by('none')])
    yield 'a key that is not there', docker(REGISTRY, [signed_by('none')])
    yield 'several keys', docker(REGISTRY, [signed_by(keyPath=None, keyPaths=['KEYS/other.gpg', 'KEYS/good.gpg'])])
    yield 'null for signedIdentity', docker(REGISTRY, [dict(rule, signedIdentity=None)])
    yield 'an unknown identity', docker(REGISTRY, [signed_by(identity={'type': 'any'})])
    yield 'a reference without tag', docker(
        REGISTRY, [signed_by(identity={'type': 'exactReference', 'dockerReference': 'quay.io/a'})])
    yield 'a bad reference', docker(
        'elsewhere.example.com', [signed_by(identity={'type': 'exactReference', 'dockerReference': 'quay.io/A:1'})])
    yield 'a repository with a tag', docker(
        REGISTRY, [signed_by(identity={'type': 'exactRepository', 'dockerRepository': REGISTRY + '/ns/app:9'})])
    yield 'a prefix with a tag', docker('elsewhere.example.com', [signed_by(
        identity={'type': 'remapIdentity', 'prefix': 'quay.io/a:1', 'signedPrefix': 'quay.io'})])
    yield 'an empty prefix', docker('elsewhere.example.com', [signed_by(
        identity={'type': 'remapIdentity', 'prefix': '', 'signedPrefix': 'quay.io'})])
    yield 'a dir scope of "/"', other('dir', '/')
    yield 'a dir scope that is not clean', other('dir', '/a//b')
    yield 'an oci scope that is relative', other('oci', 'a')
    yield 'an oci-archive scope', other('oci-archive', '/a/b.tar')
    yield 'a docker-archive scope', other('docker-archive', '/a')
    yield 'a docker-daemon scope', other('docker-daemon', 'docker.io/library')
    yield 'sigstore, elsewhere', docker('elsewhere.example.com', [{'type': 'sigstoreSigned', 'keyPath': '/key.pub'}])
    yield 'sigstore without key', docker('elsewhere.example.com', [{'type': 'sigstoreSigned'}])
    good = json.dumps({'default': [ACCEPT]})
    yield 'a default given twice', '{"default": [{"type": "reject"}], ' + good[1:]
    yield 'a scope given twice', '{"default": [{"type": "reject"}], "transports": {"docker": {"x": [{"type": "reject"}], ' \
        '"\\u0078": [{"type": "insecureAcceptAnything"}]}}}'
    yield 'something after it', good + ' x'
    yield 'nothing', ''
    yield 'a string', '"default"'


def decide(command):
    """None: let through; else what it says."""
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def compare(what, policy, image, digest):
    text = policy if isinstance(policy, str) else json.dumps(policy)
    text = text.replace('DIGEST', digest)
    image = '%s/%s' % (REGISTRY, image.replace('DIGEST', digest))
    theirs, ours = os.path.join(DIRECTORY, 'policy.json'), os.path.join(ROOT, 'etc/containers/policy.json')
    target = os.path.join(DIRECTORY, 'image')
    with open(theirs, 'w') as file:
        file.write(text.replace('KEYS/', ROOT + '/keys/'))
    with open(ours, 'w') as file:
        file.write(text.replace('KEYS/', '/keys/'))
    skopeo = decide(['skopeo', '--policy', theirs, '--registries.d', REGISTRIES_D, 'copy', '-q',
                     '--src-tls-verify=false', 'docker://' + image, 'dir:' + target])
    atomic = decide([ATOMIC, '--root', ROOT, 'pull', image])
    shutil.rmtree(target, ignore_errors=True)
    # A refusal for any other reason would agree with everything that skopeo refuses.
    if atomic is not None and 'polic' not in atomic:
        sys.exit('%s: not refused by the policy: %s' % (what, atomic))
    same = (skopeo is None) == (atomic is None)
    print('%s %s: %s' % ('ok' if same else 'not ok', what, 'refused' if atomic is not None else 'accepted'))
    if not same:
        print('policy: %s\nimage: %s\nskopeo: %s\nours: %s' % (text, image, skopeo, atomic))


def main():
    r = random.Random(SEED)
    os.makedirs(DIRECTORY)
    raw = subprocess.run(['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}',
                          'docker://%s/ns/app:1' % REGISTRY], stdout=subprocess.PIPE, text=True, check=True)
    digest = raw.stdout.strip()
    cases = [(what, policy, 'ns/app:1') for what, policy in text_cases()]
    for n in range(RANDOM_CASES):
        policy, image = random_case(r)
        cases.append(('generated policy %d' % (n + 1), policy, image))
    for what, policy, image in cases:
        compare(what, policy, image, digest)
    print('compared %d' % len(cases))


main()
