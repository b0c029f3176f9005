#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Made the keys and signatures of this directory, for ever: make.sh, in an empty directory with a copy of it.  All are of
# 2020, so that no clock is before them.
set -eu
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill gpg-agent; rm -rf "$GNUPGHOME"' EXIT
g() { gpg --batch --quiet --no-tty --passphrase '' --faked-system-time "${when:-20200101T000000}" "$@"; }
fingerprint() { gpg --list-keys --with-colons "$1" 2> /dev/null | awk -F: '$1 == "fpr" { print $10; exit }'; }

for name in good other revoked expired; do
  g --quick-gen-key "$name <$name@example.com>" ed25519 sign never
done
payload='{"critical": {"type": "atomic container signature", "image": {"docker-manifest-digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, "identity": {"docker-reference": "quay.io/x/y:1"}}, "optional": {"creator": "test", "timestamp": 1577836800}}'
for name in good other revoked expired; do
  printf %s "$payload" | g -u "$name@example.com" --sign > "by-$name.sig"
done
printf %s "$payload" | g -u good@example.com --default-sig-expire 1d --sign > expired-signature.sig
printf %s "$payload" | g -u good@example.com -u other@example.com --sign > by-two.sig
printf '{"critical": {}}' | g -u good@example.com --sign > other-payload.sig
head -c 8000000 /dev/zero | g -u good@example.com --compress-algo zlib --sign > bomb.sig
printf %s "$payload" | g -u good@example.com --clearsign > cleartext.sig
printf %s "$payload" | g -u good@example.com --detach-sign > detached.sig
printf %s "$payload" | g -u good@example.com --store > unsigned.sig

g --export expired@example.com > before-expiry.gpg
sed 's/^:-----/-----/' "$GNUPGHOME/openpgp-revocs.d/$(fingerprint revoked@example.com).rev" | g --import
when=20200102T000000 g --quick-set-expire "$(fingerprint expired@example.com)" 20200103T000000
for name in good other revoked expired; do
  g --export "$name@example.com" > "$name.gpg"
done
g --armor --export good@example.com > good.asc
g --export-secret-keys other@example.com > secret.gpg
fingerprint good@example.com > good.fingerprint
