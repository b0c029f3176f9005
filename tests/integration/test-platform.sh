#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One image for several platforms: this machine's is taken, or the one that is asked for.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir "$R"
/usr/bin/python3 - "$T/multi" <<'END'
import json, os, sys
from layout import Layout
layout = Layout(sys.argv[1])
index = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json', 'manifests': []}
for arch, variant, system in (('amd64', None, 'linux'), ('arm64', 'v8', 'linux'), ('arm', 'v6', 'linux'),
                              ('arm', 'v7', 'linux'), ('s390x', None, 'linux'), ('amd64', None, 'windows')):
    with layout.layer() as t:
        t.file('which', ('%s %s %s\n' % (arch, variant, system)).encode())
    config = {'architecture': arch, 'os': system, 'config': {},
              'rootfs': {'type': 'layers', 'diff_ids': layout.diff_ids}}
    manifest = {'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
                'config': layout.blob(json.dumps(config).encode(), 'application/vnd.oci.image.config.v1+json'),
                'layers': layout.layers}
    layout.layers, layout.diff_ids = [], []
    entry = layout.blob(json.dumps(manifest).encode(), manifest['mediaType'])
    entry['platform'] = {'architecture': arch, 'os': system}
    if variant:
        entry['platform']['variant'] = variant
    index['manifests'].append(entry)
top = layout.blob(json.dumps(index).encode(), index['mediaType'])
top['annotations'] = {'org.opencontainers.image.ref.name': 'latest'}
with open(os.path.join(layout.path, 'index.json'), 'w', encoding='ascii') as out:
    json.dump({'schemaVersion': 2, 'manifests': [top]}, out)
END

start_fake fake "$T/multi" --log "$T/fake.log"
repo=$R/var/lib/containers/atomic/.storage/ostree
# which: what the image that is stored was made for
which() {
  local layer
  layer=$(ostree --repo="$repo" show --print-metadata-key=docker.manifest "ociimage/${REGISTRY/:/_3A}_2Fmulti_3Alatest" \
    | sed "s/^'\(.*\)'\$/\1/" | jq -r '.layers[0].digest' | cut -d: -f2)
  ostree --repo="$repo" cat "ociimage/$layer" /which
}
pulls() { # TEXT WANTED OPTION...
  local text=$1 wanted=$2
  shift 2
  ok "$text" atomic --root "$R" pull "$@" "$REGISTRY/multi"
  is "... is the one that was meant" "$(which)" "$wanted"
}

case $(uname -m) in
  x86_64) here="amd64 None linux" ;;
  aarch64) here="arm64 v8 linux" ;;
  *) here= ;;
esac
if [ -n "$here" ]; then pulls "this machine's platform" "$here"; else skip "this machine's platform" "$(uname -m)"; fi
pulls "--arch" "s390x None linux" --arch s390x
matches "... with a note" "$(cat "$T/.out")" "is for s390x, this machine is"
ok "images update" atomic --root "$R" images update "$REGISTRY/multi"
is "... of what was pulled with --arch is for the same" "$(which)" "s390x None linux"
matches "... and so nothing is new" "$(cat "$T/.out")" "up to date"
pulls "--arch with a variant of its own" "arm64 v8 linux" --arch arm64
pulls "--variant" "arm v6 linux" --arch arm --variant v6
pulls "--variant" "arm v7 linux" --arch arm --variant v7
ok "images update" atomic --root "$R" images update "$REGISTRY/multi"
is "... of what was pulled with --variant is for the same" "$(which)" "arm v7 linux"
pulls "--os" "amd64 None linux" --arch amd64 --os linux
is "one name for all" "$(atomic --root "$R" images list -n | wc -l)" 1
rm -f "$T/fake.log"
pulls "again" "amd64 None linux" --arch amd64
is "... asked for no blob" "$(grep -c '/blobs/' "$T/fake.log")" 0

# An image that is no index is for what its config says.
/usr/bin/python3 - "$T/single" <<'END'
import sys
from layout import Layout
layout = Layout(sys.argv[1])
with layout.layer() as t:
    t.file('which', b'one')
layout.image('latest', {'Entrypoint': ['/which']})
END
architecture=$(jq -r .architecture "$T/single/blobs/sha256/$(jq -r .config.digest \
  "$T/single/blobs/sha256/$(jq -r '.manifests[0].digest' "$T/single/index.json" | cut -d: -f2)" | cut -d: -f2)")
for present in no yes; do
  for words in "s390x --arch s390x" "windows/$architecture --os windows" "arm/v5 --arch arm --variant v5"; do
    # shellcheck disable=SC2086
    refused "no index, ${words#* } (stored: $present)" 1 "it is for linux/$architecture, not for .*${words%% *}" \
      atomic --root "$R" pull ${words#* } "oci:$T/single"
  done
  ok "no index, --arch $architecture --os linux" atomic --root "$R" pull --arch "$architecture" --os linux "oci:$T/single"
done

listing "$R" > "$T/before"
refused "an architecture that is not there" 1 "riscv64.*amd64.*s390x" atomic --root "$R" pull --arch riscv64 "$REGISTRY/multi"
refused "a variant that is not there" 1 "v9" atomic --root "$R" pull --arch arm --variant v9 "$REGISTRY/multi"
refused "another operating system" 1 "windows" atomic --root "$R" pull --arch amd64 --os windows "$REGISTRY/multi"
listing "$R" > "$T/after"
same "... nothing changed" "$T/before" "$T/after"

finish
