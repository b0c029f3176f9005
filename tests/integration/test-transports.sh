#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every place and format that an image can come from but a registry: what docker, podman, skopeo and buildah write, a real
# Docker daemon and a real containers-storage.  Each image is pulled into a repository of its own and installed, and its
# root is compared with what umoci makes of the same image.
. "$(dirname "$0")/../lib.sh"
need_root
unset DOCKER_HOST
for tool in skopeo podman buildah umoci zstd; do
  command -v "$tool" > /dev/null || skip_all "$tool is not installed"
done

IMAGE=$T/image
/usr/bin/python3 - "$IMAGE" <<'END'
import sys
from layout import Layout, Random

out = Layout(sys.argv[1])
CAPABILITY = bytes.fromhex('0100000200040000000000000000000000000000')  # cap_net_bind_service=ep

def same(t):
    t.directory('again')
    t.file('again/file', b'the same layer, twice')

with out.layer() as t:
    for name in ('bin', 'etc', 'usr', 'usr/lib', 'proc', 'dev', 'sys', 'run', 'opaque'):
        t.directory(name)
    t.directory('tmp', mode=0o1777)
    t.directory('home', mode=0o750, uid=1000, gid=1000)
    t.file('bin/true', open('/bin/busybox', 'rb').read(), mode=0o755)
    t.file('bin/su', b'setuid', mode=0o4755)
    t.file('bin/ping', b'capability', mode=0o755, xattrs={'security.capability': CAPABILITY})
    t.file('etc/passwd', b'root:x:0:0::/:/bin/sh\n')
    t.file('etc/gone', b'whited out later')
    t.file('opaque/old', b'old')
    t.symlink('lib', 'usr/lib')
    t.big_file('usr/lib/data', Random(1), 3000000)
with out.layer() as t:
    same(t)
with out.layer() as t:
    t.whiteout('etc/gone')
    t.directory('opaque')
    t.opaque('opaque')
    t.file('opaque/new', b'new')
    t.file('usr/lib/one', b'two names')
    t.hardlink('usr/lib/other', 'usr/lib/one')
    t.big_file('usr/lib/more', Random(2), 2000000)
with out.layer() as t:
    same(t)
with out.layer() as t:
    t.file('etc/motd', b'the last layer')
    t.big_file('usr/lib/most', Random(3), 1000000)
out.image('latest', {'Entrypoint': ['/bin/true', 'true'], 'Env': ['A=b']})
END
umoci unpack --image "$IMAGE:latest" "$T/bundle" 2> "$T/.err"
hello_layout "$T/hello"

# same_root TEXT REFERENCE: pulls and installs it, and leaves nothing but the image
same_root() {
  local text=$1 root=$T/root checkouts=$T/root/var/lib/containers/atomic
  rm -rf "$root"
  mkdir "$root"
  ok "$text: pull" atomic --root "$root" pull "$2"
  ok "$text: install" atomic --root "$root" install --system --name it "$2"
  ok "$text: the root is identical" \
    "$SC_SOURCE/tests/compare-trees.py" "$checkouts/it.0/rootfs" "$T/bundle/rootfs"
  ok "$text: ostree fsck" ostree --repo="$checkouts/.storage/ostree" fsck
  is "$text: no temporary file is left" "$(find "$root" -name '.atomic-*')" ""
}

# names: what the images in $T/root are called
names() { atomic --root "$T/root" images list --json | jq -r '.[] | .repo + ":" + .tag' | sort | paste -sd' '; }

copy() { skopeo --insecure-policy copy -q "$@"; }
cd "$T"

# ---- skopeo

copy "oci:$IMAGE:latest" "dir:$T/s-dir"
copy --dest-decompress "oci:$IMAGE:latest" "dir:$T/s-dir-plain"
copy --format oci --dest-compress --dest-compress-format zstd "dir:$T/s-dir-plain" "dir:$T/s-dir-zstd"
copy "oci:$IMAGE:latest" "oci:$T/s-oci:one"
copy --dest-compress-format zstd "dir:$T/s-dir-plain" "oci:$T/s-oci-zstd:one"
copy "oci:$IMAGE:latest" "oci-archive:$T/s-oci.tar:one"
copy "oci:$IMAGE:latest" "oci-archive:$T/s-oci-unnamed.tar"
copy "oci:$IMAGE:latest" "docker-archive:$T/s-docker.tar:example.com/a/five:v1"
copy "oci:$IMAGE:latest" "docker-archive:$T/s-docker-unnamed.tar"
for kind in oci docker; do
  gzip -k "s-$kind.tar"
  zstd -q "s-$kind.tar"
done

same_root "skopeo, dir" "dir:$T/s-dir"
is "... which is called as the directory is" "$(names)" "s-dir:latest"
same_root "skopeo, dir, layers not compressed" "dir:s-dir-plain"
same_root "skopeo, dir, zstd" "dir:$T/s-dir-zstd"
matches "... which is zstd indeed" "$(cat s-dir-zstd/manifest.json)" 'tar\+zstd'
same_root "skopeo, oci" "oci:$T/s-oci:one"
same_root "skopeo, oci, zstd" "oci:$T/s-oci-zstd:one"
same_root "skopeo, oci-archive" "oci-archive:$T/s-oci.tar:one"
same_root "skopeo, oci-archive, the only image" "oci-archive:s-oci.tar"
same_root "skopeo, oci-archive without a name" "oci-archive:$T/s-oci-unnamed.tar"
is "... which is called as the file is" "$(names)" "s-oci-unnamed.tar:latest"
same_root "skopeo, oci-archive, gzip" "oci-archive:$T/s-oci.tar.gz"
same_root "skopeo, oci-archive, zstd" "oci-archive:$T/s-oci.tar.zst:one"
same_root "skopeo, docker-archive" "docker-archive:$T/s-docker.tar"
is "... which is called by its tag" "$(names)" "example.com/a/five:v1"
same_root "skopeo, docker-archive by name" "docker-archive:$T/s-docker.tar:example.com/a/five:v1"
same_root "skopeo, docker-archive by place" "docker-archive:$T/s-docker.tar:@0"
same_root "skopeo, docker-archive without a name" "docker-archive:$T/s-docker-unnamed.tar"
same_root "skopeo, docker-archive, gzip" "docker-archive:$T/s-docker.tar.gz"
same_root "skopeo, docker-archive, zstd" "dockertar:$T/s-docker.tar.zst"
refused "there is no second image" 1 'it has no image @1: it has 1, the first is @0' \
  atomic --root "$T/root" pull "docker-archive:$T/s-docker.tar:@1"
refused "one kind of archive is not the other" 1 'it is not an OCI image layout but one of docker save' \
  atomic --root "$T/root" pull "oci-archive:$T/s-docker.tar"
refused "... nor the other the one" 1 'it is not one of docker save but an OCI image layout' \
  atomic --root "$T/root" pull "docker-archive:$T/s-oci.tar"

# A multi-platform image as skopeo copies it whole.
cp -a "$IMAGE" "$T/list"
/usr/bin/python3 - "$T/list" "$(dpkg --print-architecture)" <<'END'
import hashlib, json, os, sys

top, here = sys.argv[1:]
index = json.load(open(top + '/index.json'))
entry = index['manifests'][0]
entry.pop('annotations', None)
entry['platform'] = {'os': 'linux', 'architecture': here}
whole = json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.index.v1+json',
                    'manifests': [entry]}).encode()
digest = hashlib.sha256(whole).hexdigest()
open(os.path.join(top, 'blobs/sha256', digest), 'wb').write(whole)
json.dump({'schemaVersion': 2, 'manifests': [{
    'mediaType': 'application/vnd.oci.image.index.v1+json', 'digest': 'sha256:' + digest, 'size': len(whole),
    'annotations': {'org.opencontainers.image.ref.name': 'latest'}}]}, open(top + '/index.json', 'w'))
END
copy --all "oci:$T/list:latest" "dir:$T/s-list"
copy --all "oci:$T/list:latest" "oci-archive:$T/s-list.tar"
ok "skopeo --all wrote a manifest beside the list" test -n "$(ls s-list/*.manifest.json)"
same_root "skopeo --all, dir" "dir:$T/s-list"
same_root "skopeo --all, oci-archive" "oci-archive:$T/s-list.tar"

# What was changed behind its digest.
cp -a s-dir s-bad
blob=$(jq -r '.layers[-1].digest' s-bad/manifest.json | cut -d: -f2)
printf 'x' | dd of="s-bad/$blob" bs=1 seek=20 conv=notrunc status=none
rm -rf root && mkdir root
refused "a blob that is another one" 1 "layer sha256:$blob: (gzip|digest mismatch)" \
  atomic --root "$T/root" pull "dir:$T/s-bad"
echo "Directory Transport Version: 9.9" > s-bad/version
refused "a directory of a later version" 1 "it says 'Directory Transport Version: 9.9'" \
  atomic --root "$T/root" pull "dir:$T/s-bad"

# ---- podman, buildah and containers-storage

cat > storage.conf <<END
[storage]
driver = "vfs"
runroot = "$T/storage-run"
graphroot = "$T/storage"
END
export CONTAINERS_STORAGE_CONF=$T/storage.conf
copy "oci:$IMAGE:latest" containers-storage:localhost/five:v1
copy "oci:$T/hello:latest" containers-storage:localhost/hello:latest

for format in docker-archive oci-archive; do
  podman save -q --format "$format" -o "p-$format.tar" localhost/five:v1
  same_root "podman, $format" "$format:$T/p-$format.tar"
done
podman save -q --format docker-dir -o p-dir localhost/five:v1
same_root "podman, docker-dir" "dir:$T/p-dir"
podman save -q --format oci-dir -o p-oci localhost/five:v1
same_root "podman, oci-dir" "oci:$T/p-oci"
podman save -q -m --format docker-archive -o p-both.tar localhost/hello:latest localhost/five:v1
same_root "podman, docker-archive of two images, by name" "docker-archive:$T/p-both.tar:localhost/five:v1"
same_root "podman, docker-archive of two images, by place" \
  "docker-archive:$T/p-both.tar:@$(tar -xOf p-both.tar manifest.json | jq 'map(.RepoTags[0] == "localhost/five:v1") | index(true)')"
refused "... of which one has to be chosen" 2 'it has 2 images, say which by :NAME:TAG or :@N' \
  atomic --root "$T/root" pull "docker-archive:$T/p-both.tar"

for to in oci-archive:b-oci.tar docker-archive:b-docker.tar dir:b-dir oci:./b-oci; do
  buildah push -q localhost/five:v1 "$to"
  same_root "buildah, $to" "$to"
done

same_root "containers-storage, by podman" containers-storage:localhost/five:v1
is "... which keeps its name" "$(names)" "localhost/five:v1"
same_root "containers-storage, by podman, a short name" containers-storage:five:v1
refused "containers-storage has no such image" 1 '^atomic: image localhost/none:v1: podman: Error: .*image not known' \
  atomic --root "$T/root" pull containers-storage:localhost/none:v1
mkdir only-skopeo nothing broken
ln -s "$(command -v skopeo)" only-skopeo/
(
  PATH=$T/only-skopeo:/nonexistent
  "$SC_ATOMIC" --root "$T/root" pull containers-storage:localhost/hello
) > "$T/.all" 2>&1 || :
ok "containers-storage, by skopeo" atomic --root "$T/root" images list -f repo=localhost/hello -q
matches "... which keeps its name" "$(names)" "localhost/hello:latest"
refused "containers-storage without either" 1 'containers-storage: needs podman or skopeo, and neither is installed' \
  env PATH="$T/nothing" "$SC_ATOMIC" --root "$T/root" pull containers-storage:localhost/hello
cat > broken/podman <<END
#!/bin/sh
touch "\$TMPDIR/mess"
head -c 4000000 "$T/p-docker-archive.tar"
echo "Error: the disk is on fire" >&2
exit 3
END
chmod +x broken/podman
rm -rf root && mkdir root
refused "containers-storage, a tool that fails in the middle" 1 'podman: Error: the disk is on fire' \
  env PATH="$T/broken:$PATH" "$SC_ATOMIC" --root "$T/root" pull containers-storage:five
is "... nothing is left" "$(find root ! -type d; find root -name '.atomic-*')" ""
# shellcheck disable=SC2016 # for the script
sed -i 's/^echo.*/echo $$ > "$PIDFILE"; exec sleep 1000/' broken/podman
PIDFILE=$T/broken.pid PATH="$T/broken:$PATH" start "$SC_ATOMIC" --root "$T/root" pull containers-storage:five > "$T/.all" 2>&1
puller=$!
ok "containers-storage, a tool that does not end" wait_until 20 test -s broken.pid
kill -TERM "$puller"
status=0
wait "$puller" || status=$?
is "... is ended with us" "$status" 143
no "... is gone" test -e "/proc/$(cat broken.pid)"
is "... nothing is left" "$(find root ! -type d; find root -name '.atomic-*')" ""

# ---- docker

docker_tests() {
  local id listed
  export DOCKER_HOST=unix://$T/docker.sock
  docker load -q -i "$T/s-docker.tar" > "$T/.all" 2>&1
  docker tag example.com/a/five:v1 five:latest
  docker load -q -i "$T/p-both.tar" >> "$T/.all" 2>&1
  id=$(docker image inspect -f '{{.Id}}' five:latest)

  same_root "docker" docker:five
  is "... which keeps its name" "$(names)" "five:latest"
  matches "... and is unchanged when it is pulled again" "$(atomic --root "$T/root" pull docker:five 2>&1)" 'is up to date'
  same_root "docker, by name with registry and tag" docker-daemon:example.com/a/five:v1
  same_root "docker, by id" "docker-daemon:$id"
  listed=$(names)
  matches "... which is called by one of its names" "$listed" '^(five:latest|example.com/a/five:v1)$'
  refused "docker has no such image" 1 'docker-daemon:none:v1: the Docker daemon has no such image' \
    atomic --root "$T/root" pull docker:none:v1
  refused "docker keeps no manifests" 1 'the Docker daemon keeps no manifest' \
    atomic --root "$T/root" pull "docker:five@$id"

  docker save -o d-one.tar five:latest
  same_root "docker save" "docker-archive:$T/d-one.tar"
  docker save five:latest | gzip > d-one.tar.gz
  same_root "docker save, gzip" "dockertar://$T/d-one.tar.gz"
  docker save -o d-two.tar localhost/hello:latest example.com/a/five:v1
  same_root "docker save of two images, by name" "docker-archive:$T/d-two.tar:example.com/a/five:v1"
  docker save -o d-id.tar "$id"
  same_root "docker save of an id" "docker-archive:$T/d-id.tar"

  if [ -z "$SC_SANITIZE" ]; then
    rm -rf root && mkdir root
    "$SC_SOURCE/tests/max-rss.py" "$T/rss" "$SC_ATOMIC" --root "$T/root" pull docker:five > "$T/.all" 2>&1
    echo "# peak resident memory of a pull from the daemon: $(cat "$T/rss") KiB"
    ok "docker: memory is bounded" test "$(cat "$T/rss")" -lt 65536
  fi
}

if ! command -v dockerd > /dev/null || ! command -v docker > /dev/null; then
  skip "docker" "docker.io is not installed"
else
  mkdir docker-data docker-exec
  start dockerd --iptables=false --bridge=none --data-root "$T/docker-data" --exec-root "$T/docker-exec" \
    -H "unix://$T/docker.sock" --pidfile "$T/docker.pid" > "$T/docker.log" 2>&1
  daemon=$!
  if wait_until 60 docker -H "unix://$T/docker.sock" version; then
    docker_tests
  else
    skip "docker" "dockerd does not start: $(tail -n 1 "$T/docker.log")"
  fi
  kill "$daemon" 2> /dev/null || :
  wait "$daemon" 2> /dev/null || :
fi
export DOCKER_HOST=unix://$T/nobody.sock
refused "no daemon" 1 "docker-daemon:five: Docker daemon: cannot connect to $T/nobody.sock: No such file" \
  atomic --root "$T/root" pull docker:five
DOCKER_HOST=tcp://192.0.2.1:2375
refused "a daemon of another machine" 1 "DOCKER_HOST: 'tcp://192.0.2.1:2375' is another machine" \
  atomic --root "$T/root" pull docker:five

# Left behind by dockerd and by vfs storage, below $T.
while read -r dir; do umount "$dir" || :; done < <(awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
finish
