#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The configuration that podman and skopeo users have, with a real registry: mirrors, short names, credentials, and what
# --debug tells of it.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
need_root
# All of it is read below --root; what this machine has must not matter.
unset CONTAINERS_REGISTRIES_CONF REGISTRY_AUTH_FILE DOCKER_CONFIG XDG_CONFIG_HOME XDG_CACHE_HOME
export HOME=/root
R=$T/root
CONF=$R/etc/containers/registries.conf
mkdir -p "$R/etc/containers"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$R/etc/containers/policy.json"

hello_layout "$T/hello"
start_registry plain
PLAIN=$REGISTRY
push "$T/hello:latest" "$PLAIN/team/hello:v1"
DIGEST=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$PLAIN/team/hello:v1")
start_fake liar "$T/hello" --flip --on-manifests
LIAR=$REGISTRY
DEAD=127.0.0.1:$(free_port)
pull() { atomic --root "$R" pull "$@"; }

# ---- mirrors

cat > "$CONF" <<END
[[registry]]
prefix = "registry.test/apps"
location = "$DEAD/nothing"
[[registry.mirror]]
location = "$DEAD"
[[registry.mirror]]
location = "$LIAR/apps"
[[registry.mirror]]
location = "$PLAIN/team"
END
ok "a mirror that is down and one that lies about the digest are passed over" pull "registry.test/apps/hello@$DIGEST"
ok "what they gave is nowhere: the repository is whole" ostree fsck --repo="$R/var/lib/containers/atomic/.storage/ostree"
is "it keeps the name that was asked for" "$(atomic --root "$R" images list -n | awk '{print $1}')" "registry.test/apps/hello"
out=$(pull --debug "registry.test/apps/hello@$DIGEST" 2>&1)
matches "--debug tells which file decided" "$out" "registries: registry.test/apps/hello falls under prefix registry.test/apps of /etc/containers/registries.conf$"
matches "--debug tells of the mirror that is down" "$out" "^registry: cannot connect to $DEAD"
matches "--debug tells of the mirror that lies" "$out" "^registry: $LIAR/apps/hello gives a manifest of digest "
refused "if all fail the error names all" 1 "cannot connect to $DEAD.*tried before: $DEAD/none.*$LIAR/apps/none.*$PLAIN/team/none" \
  pull "registry.test/apps/none@sha256:$(printf '0%.0s' {1..64})"

mkdir -p "$CONF.d"
printf '[[registry]]\nprefix = "registry.test/apps"\nlocation = "registry.test/apps"\nblocked = true\n' > "$CONF.d/10-block.conf"
refused "an addition can block what the main file allows" 1 \
  "registry.test/apps/hello is blocked by /etc/containers/registries.conf.d/10-block.conf" pull registry.test/apps/hello:v1
rm "$CONF.d/10-block.conf"

echo 'location = ' > "$CONF.d/20-broken.conf"
refused "a broken file is named with its line and column" 1 "20-broken.conf: line 1, column 12: a value is expected" \
  pull registry.test/apps/hello:v1
rm "$CONF.d/20-broken.conf"

# ---- names without a registry

cat > "$CONF" <<END
unqualified-search-registries = ["$DEAD", "$PLAIN"]
[aliases]
"short" = "$PLAIN/team/hello"
END
out=$(pull short:v1 2>&1)
matches "an alias, and one line that tells" "$out" "^image short: taken from $PLAIN/team/hello \(an alias in /etc/containers/registries.conf\)$"
out=$(pull team/hello:v1 2>&1)
matches "the search list, and one line that tells" "$out" "^image team/hello: taken from $PLAIN/team/hello \(searched as /etc/containers/registries.conf says\)$"
matches "both keep the names that were asked for" "$(atomic --root "$R" images list -n)" '^ +short +v1 '
sed -i '1i short-name-mode = "enforcing"' "$CONF"
refused "enforcing, and nobody to ask" 2 "may mean an image of $DEAD, $PLAIN .*write the registry before it" pull team/hello:v1

# On a terminal the question is asked once, and the answer kept where podman keeps it.
cat > "$T/ask.py" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown, sent = b"", False
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    if not sent and b"Number (1-2): " in shown:
        sent = True
        os.write(fd, b"2\n")
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
ok "on a terminal the user is asked" /usr/bin/python3 "$T/ask.py" "$SC_ATOMIC" --root "$R" pull team/hello:v1
is "and the answer is kept" "$(cat "$R/var/cache/containers/short-name-aliases.conf")" "[aliases]
  \"team/hello\" = \"$PLAIN/team/hello\""
ok "so that the question is not asked again" pull team/hello:v1

# ---- credentials

start_registry secret tls
SECRET=$REGISTRY
mkdir -p "$R/etc/containers/certs.d/$SECRET" "$R/root/.docker" "$T/bin"
cp "$T/secret/ca.crt" "$R/etc/containers/certs.d/$SECRET/"
push "$T/hello:latest" "$SECRET/team/hello:v1" --dest-creds reader:secret
refused "no credentials" 1 "$SECRET asks for a user name" pull "$SECRET/team/hello:v1"
auth() { printf '{"auths": {"%s": {"auth": "%s"}}}' "$1" "$(printf %s "$2" | base64)"; }
auth "$SECRET/team" reader:secret > "$T/auth.json"
ok "--authfile" pull --authfile "$T/auth.json" "$SECRET/team/hello:v1"
refused "--authfile that is not there" 1 "--authfile: .*none.json" pull --authfile "$T/none.json" "$SECRET/team/hello:v1"
auth "$SECRET" reader:wrong > "$R/root/.docker/config.json"
refused "Docker's config.json, a wrong password" 1 "$SECRET refused the user name or password" pull "$SECRET/team/hello:v1"
ok "--src-creds wins over the files" pull --src-creds reader:secret "$SECRET/team/hello:v1"
cp "$T/auth.json" "$R/auth.json"
sed -i '/^short-name-mode/d' "$CONF"
refused "credentials for a name that may be in two registries" 2 "team/hello2 may be in 2 registries: with credentials write the registry before it" \
  pull --src-creds reader:secret team/hello2:v1
printf '[[registry]]\nlocation = "LOCALHOST:%s"\nblocked = true\n' "${PLAIN##*:}" > "$R/etc/containers/registries.conf.d/blocked.conf"
refused "blocked, in upper case" 1 "blocked" pull "localhost:${PLAIN##*:}/team/hello:v1"
rm "$R/etc/containers/registries.conf.d/blocked.conf"
ok "REGISTRY_AUTH_FILE" env REGISTRY_AUTH_FILE=/auth.json "$SC_ATOMIC" --root "$R" pull "$SECRET/team/hello:v1"
printf '{"credHelpers": {"%s": "test"}}' "$SECRET" > "$R/root/.docker/config.json"
printf '#!/bin/sh\nread -r host\necho "{\\"Username\\": \\"reader\\", \\"Secret\\": \\"secret\\"}"\n' > "$T/bin/docker-credential-test"
chmod +x "$T/bin/docker-credential-test"
ok "a credential helper" env "PATH=$T/bin:$PATH" "$SC_ATOMIC" --root "$R" pull "$SECRET/team/hello:v1"
out=$(PATH=$T/bin:$PATH pull --debug "$SECRET/team/hello:v1" 2>&1)
matches "--debug tells where the credentials are from" "$out" "^credentials: for $SECRET/team/hello from docker-credential-test$"
no "--debug does not tell what they are" grep -qiE 'secret"|cmVhZGVyOnNlY3JldA' <<< "$out"

finish
