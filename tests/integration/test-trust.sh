#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which images the trust policy lets through: images that skopeo signed with GPG keys, in docker-registry, with their
# signatures in a lookaside directory or web server, and every way in which a signature is not good enough.
. "$(dirname "$0")/../lib.sh"
need_root
for tool in skopeo gpg docker-registry; do
  command -v "$tool" > /dev/null || skip_all "needs $tool"
done

R=$T/root
mkdir -p "$R/etc/containers/registries.d" "$R/keys" "$R/sigs" "$T/registries.d" "$T/gnupg"
chmod 700 "$T/gnupg"
policy=$R/etc/containers/policy.json
repo=$R/var/lib/containers/atomic/.storage/ostree
metadata() { ostree --repo="$repo" show --print-metadata-key="$2" "$1" | sed "s/^'\(.*\)'\$/\1/"; }
encoded() { /usr/bin/python3 -c 'import re, sys; print("ociimage/" + re.sub(r"[^A-Za-z0-9.-]", lambda m: "_%02X" % ord(m.group()), sys.argv[1]))' "$1"; }

# ---- keys, in a home of their own, whose agent ends with the test

export GNUPGHOME=$T/gnupg
# Before anything else is cleaned up, and not by a name that others may have too.
trap 'gpgconf --homedir "$T/gnupg" --kill gpg-agent; cleanup' EXIT
gpg() { command gpg --batch --quiet --no-tty --passphrase '' "$@" 2>> "$T/gpg.log"; }
key() { # NAME [OPTION...]: makes a key; its fingerprint
  local name=$1
  shift
  gpg "$@" --quick-gen-key "$name <$name@example.com>" ed25519 sign never > /dev/null
  gpg --list-keys --with-colons "$name@example.com" | awk -F: '$1 == "fpr" { print $10; exit }'
}
good=$(key good --faked-system-time 20200101T000000)
other=$(key other)
revoked=$(key revoked)
expired=$(key expired --faked-system-time 20200101T000000)
export_keys() { for name in good other revoked expired; do gpg --export "$name@example.com" > "$R/keys/$name.gpg"; done; }
export_keys
gpg --armor --export good@example.com > "$R/keys/good.asc"

# ---- images; what skopeo calls file://$R/sigs is file:///sigs in the root

hello_layout "$T/hello"
start_registry registry
reg=$REGISTRY
printf 'default-docker:\n  lookaside: file://%s/sigs\n' "$R" > "$T/registries.d/all.yaml"
printf 'default-docker:\n  lookaside: file:///sigs\n' > "$R/etc/containers/registries.d/all.yaml"
sign() { # KEY NAME [OPTION...]
  local by=$1 to=$2
  shift 2
  skopeo --insecure-policy --registries.d "$T/registries.d" copy -q --dest-tls-verify=false --sign-by "$by" "$@" \
    "oci:$T/hello:latest" "docker://$reg/$to"
}
digest_of() { skopeo inspect --tls-verify=false --raw "docker://$reg/$1" | sha256sum | cut -c1-64; }

sign "$good" ns/app:1
sign "$other" ns/other:1
sign "$good" ns/vendor:1 --sign-identity quay.io/vendor/app:1
sign "$revoked" ns/revoked:1
sign "$expired" ns/expired:1
push "$T/hello:latest" "$reg/ns/plain:1"
hex=$(digest_of ns/app:1)

use_policy() { cat > "$policy"; }
signed_by() { # KEY-FILE [IDENTITY]: a policy
  local identity=${2:+", \"signedIdentity\": $2"}
  cat <<END
{"default": [{"type": "reject"}],
 "transports": {"docker": {"$reg": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/keys/$1"$identity}]}}}
END
}
pull() { atomic --root "$R" pull "$1"; }
accepted() { ok "accepted: $1" pull "$reg/$2"; }
rejected() { refused "refused: $1" 1 "$3" pull "$reg/$2"; }

# ---- no policy, simple policies

ok "no policy file: accepted" pull "$reg/ns/plain:1"
is "verdict: there was no policy" "$(metadata "$(encoded "$reg/ns/plain:1")" atomic.verification)" \
  "not checked: there is no trust policy"
echo '{"default": [{"type": "reject"}]}' | use_policy
rejected "by default" ns/app:1 "image $reg/ns/app:1: the trust policy rejects it \(default\)$"
no "a rejected image is not in the repository" ostree --repo="$repo" rev-parse "$(encoded "$reg/ns/app:1")"
refused "refused: a layout, by default" 1 'the trust policy rejects it \(default\)$' pull "oci:$T/hello:latest"
echo '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"'"$reg/ns"'": [{"type": "reject"}]}}}' | use_policy
rejected "by namespace" ns/app:1 "rejects it \(docker $reg/ns\)$"
ok "accepted: a layout, by default" pull "oci:$T/hello:latest"
echo '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"oci": {"'"$T"'": [{"type": "reject"}]}}}' | use_policy
refused "refused: a layout below a directory" 1 "rejects it \(oci $T\)$" pull "oci:$T/hello:latest"

# ---- the right key

signed_by good.gpg | use_policy
accepted "the right key" ns/app:1
branch=$(encoded "$reg/ns/app:1")
is "verdict: the key and the rule" "$(metadata "$branch" atomic.verification)" \
  "signed by key $good (policy: docker $reg)"
is "one signature is stored" "$(metadata "$branch" signatures)" 1
ostree --repo="$repo" cat "$branch" /signature-1 > "$T/stored"
same "it is the one of the lookaside" "$T/stored" "$R/sigs/ns/app@sha256=$hex/signature-1"
ok "fsck" ostree --repo="$repo" fsck -q
accepted "by digest" "ns/app@sha256:$hex"
signed_by good.asc | use_policy
accepted "an armored key" ns/app:1
echo '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/keys/other.gpg", "/keys/good.gpg"]}]}' | use_policy
accepted "one of several keys" ns/app:1
echo '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyData": "'"$(base64 -w0 "$R/keys/good.gpg")"'"}]}' | use_policy
accepted "a key in the policy itself" ns/app:1
echo '{"default": [{"type": "insecureAcceptAnything"}]}' | use_policy
ok "a signed image again, under a policy that does not ask" pull "$reg/ns/app:1"
is "verdict: it was not checked this time" "$(metadata "$branch" atomic.verification)" \
  "not checked: the policy accepts anything (default)"

# ---- keys and signatures that are not good

signed_by other.gpg | use_policy
rejected "the wrong key" ns/app:1 'accepts none of its 1 signatures: made with key [0-9A-F]*, which the policy does not name$'
signed_by good.gpg | use_policy
rejected "no signature" ns/plain:1 "wants a signature \(docker $reg\), and there is none at file:///sigs/ns/plain@sha256="
rejected "an identity of somebody else" ns/vendor:1 'it is for the name quay.io/vendor/app:1, which the policy does not want here$'
signed_by good.gpg '{"type": "exactReference", "dockerReference": "quay.io/vendor/app:1"}' | use_policy
accepted "exactReference" ns/vendor:1
signed_by good.gpg '{"type": "exactRepository", "dockerRepository": "quay.io/vendor/app"}' | use_policy
accepted "exactRepository" ns/vendor:1
signed_by good.gpg '{"type": "remapIdentity", "prefix": "'"$reg/ns/vendor"'", "signedPrefix": "quay.io/vendor/app"}' | use_policy
accepted "remapIdentity" ns/vendor:1
signed_by good.gpg '{"type": "matchExact"}' | use_policy
accepted "matchExact" ns/app:1
rejected "matchExact of a digest" "ns/app@sha256:$hex" "it is for the name $reg/ns/app:1, which"
skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$reg/ns/app:1" "docker://$reg/ns/app:2"
rejected "matchExact of another tag of the same image" ns/app:2 "it is for the name $reg/ns/app:1, which"
signed_by good.gpg '{"type": "matchRepository"}' | use_policy
accepted "matchRepository" ns/app:2

signed_by good.gpg | use_policy
sigdir=$R/sigs/ns/app@sha256=$hex
cp -a "$sigdir" "$T/kept"
restore() { rm -rf "$sigdir"; cp -a "$T/kept" "$sigdir"; }
rm "$sigdir/signature-1"
rejected "stripped" ns/app:1 'and there is none at file:///sigs/ns/app@'
restore
otherhex=$(digest_of ns/other:1)
cp "$R/sigs/ns/other@sha256=$otherhex/signature-1" "$sigdir/signature-1"
rejected "swapped for one of another image" ns/app:1 'made with key [0-9A-F]*, which the policy does not name$'
cp "$T/kept/signature-1" "$sigdir/signature-2"
accepted "a bad one before a good one" ns/app:1
restore
echo "this is no signature" > "$sigdir/signature-1"
rejected "not a signature" ns/app:1 'accepts none of its 1 signatures: '
gpg --armor --export good@example.com > "$sigdir/signature-1"
rejected "a key for a signature" ns/app:1 'accepts none of its 1 signatures: '
head -c 40 "$T/kept/signature-1" > "$sigdir/signature-1"
rejected "cut off" ns/app:1 'accepts none of its 1 signatures: '
/usr/bin/python3 - "$T/kept/signature-1" "$sigdir/signature-1" <<'END'
import sys
data = bytearray(open(sys.argv[1], 'rb').read())
at = data.find(b'sha256:') + 10
data[at] ^= 1
open(sys.argv[2], 'wb').write(data)
END
rejected "changed after it was made" ns/app:1 'accepts none of its 1 signatures: '
# Signed by the right key, but saying more than is understood.
payload() { printf '{"critical": {"type": "atomic container signature", "image": {"docker-manifest-digest": "sha256:%s"}, "identity": {"docker-reference": "%s"}%s}, "optional": {}}' "$hex" "$reg/ns/app:1" "$1"; }
payload "" | gpg --local-user "$good" --sign > "$sigdir/signature-1"
accepted "a signature that gpg alone made" ns/app:1
payload ', "more": 1' | gpg --local-user "$good" --sign > "$sigdir/signature-1"
rejected "an unknown critical member" ns/app:1 "unknown member 'more'"
payload "" | gpg --local-user "$good" --local-user "$other" --sign > "$sigdir/signature-1"
rejected "two signatures in one" ns/app:1 'accepts none of its 1 signatures: it has more than one signature in it$'
payload "" | gpg --local-user "$good" --detach-sign > "$sigdir/signature-1"
rejected "a detached signature" ns/app:1 'accepts none of its 1 signatures: '
payload "" | gpg --local-user "$good" --faked-system-time 20210101T000000 --default-sig-expire 1d --sign > "$sigdir/signature-1"
rejected "an expired signature" ns/app:1 "made with key $good, and has expired$"
restore

# The tag moves to an image that nobody signed, with the signature of the one before it.
"$SC_SOURCE/images/hello-world/build.sh" "$T/second" > /dev/null 2>&1
umoci config --image "$T/second:latest" --config.env WHICH=second
push "$T/second:latest" "$reg/ns/app:1"
secondhex=$(digest_of ns/app:1)
mkdir "$R/sigs/ns/app@sha256=$secondhex"
cp "$T/kept/signature-1" "$R/sigs/ns/app@sha256=$secondhex/"
rejected "replayed" ns/app:1 "it is for another image, sha256:$hex$"
rm -r "$R/sigs/ns/app@sha256=$secondhex"
push "$T/hello:latest" "$reg/ns/app:1"
accepted "the tag moved back" ns/app:1

signed_by revoked.gpg | use_policy
accepted "a key before it is revoked" ns/revoked:1
signed_by expired.gpg | use_policy
accepted "a key before it expires" ns/expired:1
sed 's/^:-----/-----/' "$T/gnupg/openpgp-revocs.d/$revoked.rev" | gpg --import
gpg --faked-system-time 20200102T000000 --quick-set-expire "$expired" 20200103T000000
export_keys
rejected "an expired key" ns/expired:1 "made with key $expired, which has expired$"
signed_by revoked.gpg | use_policy
rejected "a revoked key" ns/revoked:1 "made with key $revoked, which was revoked$"

# A subkey that may sign stands for its key, until it is revoked.
subkey=$(key subkey)
gpg --quick-add-key "$subkey" ed25519 sign never
signer=$(gpg --list-keys --with-colons "$subkey" | awk -F: '$1 == "fpr" { last = $10 } END { print last }')
is "the subkey is not the key" "$([ "$signer" != "$subkey" ] && echo other)" other
gpg --export subkey@example.com > "$R/keys/subkey.gpg"
payload "" | gpg --local-user "$signer!" --sign > "$sigdir/signature-1"
signed_by subkey.gpg | use_policy
accepted "a subkey" ns/app:1
signed_by good.gpg | use_policy
rejected "a subkey of another key" ns/app:1 'which the policy does not name$'
printf 'key 1\nrevkey\ny\n0\n\ny\nsave\n' | gpg --command-fd 0 --expert --edit-key "$subkey" > "$T/revkey.log" 2>&1
gpg --export subkey@example.com > "$R/keys/subkey.gpg"
signed_by subkey.gpg | use_policy
rejected "a revoked subkey" ns/app:1 'made with key [0-9A-F]*, which was revoked$'
restore
export_keys

# ---- hosts are the same in upper and lower case; a tag of a layout is a scope

port=${reg##*:}
pull_named() { atomic --root "$R" pull "$1"; }
for scope in "LOCALHOST:$port/ns" "LocalHost:$port" "localhost:$port/ns/plain:1"; do
  echo '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"'"$scope"'": [{"type": "reject"}]}}}' | use_policy
  for name in "localhost:$port" "LOCALHOST:$port"; do
    refused "refused: $name by $scope" 1 "the trust policy rejects it \(docker localhost:$port" pull_named "$name/ns/plain:1"
  done
done
echo '{"default": [{"type": "reject"}], "transports": {"docker": {"A.test": [{"type": "reject"}], "a.TEST": [{"type": "reject"}]}}}' | use_policy
rejected "one scope in two cases" ns/plain:1 "scope 'a.TEST' is given twice, in upper and lower case"
echo '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"oci": {"'"$T/hello:latest"'": [{"type": "reject"}]}}}' | use_policy
refused "refused: a tag of a layout" 1 "rejects it \(oci $T/hello:latest\)$" pull "oci:$T/hello:latest"
ok "accepted: the layout without a tag" pull "oci:$T/hello"

# ---- failing closed

signed_by missing.gpg | use_policy
rejected "a key file that is not there" ns/app:1 'trust policy: key: /keys/missing.gpg: '
: > "$R/keys/empty.gpg"
signed_by empty.gpg | use_policy
rejected "a key file without a key" ns/app:1 'trust policy: key /keys/empty.gpg: '
echo '{"default": [{"type": "insecureAcceptAnything"}], "transports": {' > "$policy"
rejected "a policy that is cut off" ns/app:1 '/etc/containers/policy.json: line 2, column 1: '
echo '{"default": [{"type": "insecureAcceptAnything"}], "more": {}}' > "$policy"
rejected "a policy with an unknown member" ns/app:1 "/etc/containers/policy.json: unknown member 'more'$"
rm "$policy"
ln -s nowhere "$policy"
rejected "a policy that is a link to nothing" ns/app:1 'policy.json: '
rm "$policy"
mkdir "$policy"
rejected "a policy that is a directory" ns/app:1 'policy.json: '
rmdir "$policy"

signed_by good.gpg | use_policy
port=$(free_port)
lookaside() { printf 'default-docker:\n  lookaside: %s\n' "$1" > "$R/etc/containers/registries.d/all.yaml"; }
lookaside "http://127.0.0.1:$port/sigs"
rejected "a lookaside server that does not answer" ns/app:1 "signature http://127.0.0.1:$port/sigs/ns/app@sha256=$hex/signature-1: "
lookaside "ftp://127.0.0.1/sigs"
rejected "a lookaside address of another kind" ns/app:1 "'ftp://127.0.0.1/sigs' is neither file:///, http:// nor https://"
echo 'docker: [' > "$R/etc/containers/registries.d/all.yaml"
rejected "malformed registries.d" ns/app:1 '/etc/containers/registries.d/all.yaml: line '

# ---- a lookaside server, which must not see who we are

start /usr/bin/python3 "$SC_SOURCE/tests/fakes/signatures.py" "$R/sigs" "$T/requests" > "$T/signatures.port" 2> "$T/signatures.err"
wait_until 20 test -s "$T/signatures.port"
server=http://127.0.0.1:$(head -n 1 "$T/signatures.port")
lookaside "$server/base"
ok "accepted: from a server, with credentials for the registry" \
  atomic --root "$R" pull --src-creds reader:secret "$reg/ns/app:1"
matches "the server was asked for the second one too" "$(cat "$T/requests")" "^GET /base/ns/app@sha256=$hex/signature-2"
no "it saw no credentials" grep -qi '^authorization' "$T/requests"
lookaside "http://lookas%69de:pass@${server#http://}/base"
ok "accepted: from a server with a login of its own" \
  atomic --root "$R" pull --src-creds reader:secret "$reg/ns/app:1"
matches "it saw that login" "$(cat "$T/requests")" "^[Aa]uthorization: Basic $(printf lookaside:pass | base64)"
lookaside "$server/forbidden"
rejected "403 for what is not there" ns/app:1 "wants a signature \(docker $reg\), and there is none at $server/forbidden/ns/app@"
lookaside "$server/broken"
rejected "500" ns/app:1 "signature $server/broken/ns/app@sha256=$hex/signature-1: the server answered 500"
lookaside "$server/endless"
rejected "signatures without end" ns/app:1 "more than 128 signatures"
lookaside "$server/large"
rejected "a signature of any size" ns/app:1 "signature $server/large/ns/app@sha256=$hex/signature-1: "

# ---- a registry that keeps signatures itself

mkdir -p "$T/extension/$hex"
start_fake extension "$T/hello" --signatures "$T/extension" --basic reader:secret --log "$T/extension.log"
fake=$REGISTRY
lookaside "http://127.0.0.1:$port/not-asked"
from_fake() { atomic --root "$R" pull --src-creds reader:secret "$fake/ns/app:1"; }
signed_by good.gpg | sed "s|$reg|$fake|" | use_policy
hexfake=$(jq -r '.manifests[0].digest' "$T/hello/index.json" | cut -d: -f2)
mkdir -p "$T/extension/$hexfake"
refused "refused: none in the registry" 1 "wants a signature \(docker $fake\), and there is none at $fake/ns/app$" from_fake
matches "the registry was asked" "$(cat "$T/extension.log")" "^GET /extensions/v2/ns/app/signatures/sha256:$hexfake 200"
payload "" | sed "s|$reg|$fake|; s|$hex|$hexfake|" | gpg --local-user "$other" --sign > "$T/extension/$hexfake/1"
refused "refused: the wrong key in the registry" 1 'accepts none of its 1 signatures: made with key' from_fake
payload "" | sed "s|$reg|$fake|; s|$hex|$hexfake|" | gpg --local-user "$good" --sign > "$T/extension/$hexfake/2"
ok "accepted: the second one in the registry" from_fake
start_fake busy "$T/hello" --signatures "$T/extension" --basic reader:secret --only signatures --status 503 --times 2 --retry-after 0
for file in 1 2; do rm "$T/extension/$hexfake/$file"; done
payload "" | sed "s|$reg|$REGISTRY|; s|$hex|$hexfake|" | gpg --local-user "$good" --sign > "$T/extension/$hexfake/1"
signed_by good.gpg | sed "s|$reg|$REGISTRY|" | use_policy
fake=$REGISTRY
ok "accepted: from a registry that was busy" from_fake

# ---- directories, which keep signatures beside the manifest; layouts and archives cannot

lookaside file:///sigs
signed_by good.gpg '{"type": "exactReference", "dockerReference": "'"$reg/ns/app:1"'"}' | sed 's/"docker": {[^:]*:[^:]*:/"dir": {"":/' | use_policy
skopeo --insecure-policy --registries.d "$T/registries.d" copy -q --src-tls-verify=false "docker://$reg/ns/app:1" "dir:$T/directory"
ok "accepted: a signed directory" pull "dir:$T/directory"
signed_by good.gpg | sed 's/"docker": {[^:]*:[^:]*:/"dir": {"":/' | use_policy
refused "refused: a directory has no name to match" 1 "it is for the name $reg/ns/app:1, which" pull "dir:$T/directory"
rm "$T/directory/signature-1"
refused "refused: a stripped directory" 1 'wants a signature \(dir default\), and there is none' pull "dir:$T/directory"
echo '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/keys/good.gpg"}]}' | use_policy
refused "refused: a layout can have no signature" 1 'images from oci have none' pull "oci:$T/hello:latest"
skopeo --insecure-policy copy -q "oci:$T/hello:latest" "docker-archive:$T/archive.tar:$reg/ns/app:1"
refused "refused: an archive can have no signature" 1 'images from docker-archive have none' pull "dockertar:$T/archive.tar"
signed_by good.gpg | use_policy

# ---- nothing is left behind

lookaside file:///sigs
before=$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'atomic-gpg.*' | wc -l)
accepted "again" ns/app:1
is "no keyring is left behind" "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'atomic-gpg.*' | wc -l)" "$before"
no "no agent is left behind" sh -c 'ps -eo args | grep -v grep | grep -q "gpg-agent.*atomic-gpg"'

# ---- the trust command

rm "$policy"
lookaside file:///elsewhere
trust() { atomic --root "$R" trust "$@"; }
shown() { trust show 2> "$T/notes" | tr -s ' '; }
is "show without a policy" "$(shown)" "* (default) accept file:///elsewhere"
matches "it says that there is none" "$(cat "$T/notes")" 'there is no /etc/containers/policy.json'
ok "add to no policy" trust add --pubkeys /keys/good.gpg --sigstore file:///sigs "$reg/ns"
is "the others are accepted as before" "$(jq -c .default "$policy")" '[{"type":"insecureAcceptAnything"}]'
is "the rule" "$(jq -c ".transports.docker[\"$reg/ns\"]" "$policy")" \
  '[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/keys/good.gpg"}]'
accepted "what was added" ns/app:1
rejected "what was not added" ns/other:1 'which the policy does not name'
ok "add again, with two keys" trust add -k /keys/other.gpg -k /keys/good.gpg --sigstore file:///sigs "$reg/ns"
accepted "the one key" ns/app:1
accepted "the other key" ns/other:1
ok "add a repository that is not trusted" trust add --type reject "$reg/ns/other"
rejected "that repository" ns/other:1 "rejects it \(docker $reg/ns/other\)"
ok "the same in upper case" trust add --type reject "$(echo "$reg" | tr a-z A-Z)/ns/other"
jq '.transports.docker."EXAMPLE.com/x" = [{"type": "reject"}]' "$policy" > "$T/policy" && cp "$T/policy" "$policy"
ok "a host that the file has in upper case" trust add --type insecureAcceptAnything example.COM/x
is "... has one rule" "$(jq -c '.transports.docker | with_entries(select(.key | test("example"; "i")))' "$policy")" \
  '{"example.com/x":[{"type":"insecureAcceptAnything"}]}'
ok "... which goes in any case" trust delete Example.com/x
ok "default reject" trust default reject
printf '%s\n' "* (default) reject file:///elsewhere" "$reg/ns signed other@example.com,good@example.com file:///sigs" \
  "$reg/ns/other reject" > "$T/wanted"
shown > "$T/got"
same "show" "$T/got" "$T/wanted"
ok "show --json is the file" diff <(trust show --json | jq -S .) <(jq -S . "$policy")
ok "delete" trust delete "$reg/ns/other"
accepted "by the wider rule again" ns/other:1
refused "delete what is not there" 1 "policy.json has no rule for '$reg/ns/other'" trust delete "$reg/ns/other"
ok "default accept" trust default accept
refused "default something" 2 "neither accept nor reject" trust default maybe
refused "add without a key" 2 'needs a public key' trust add quay.io/x
refused "add a key that is none" 1 'key /keys/empty.gpg: ' trust add -k /keys/empty.gpg quay.io/x
refused "add without a registry" 2 'does not begin with a registry' trust add --type reject busybox
refused "add something else" 2 'is not a registry' trust add --type reject 'quay.io/A b'
refused "an unknown type" 2 'is neither signedBy' trust add --type maybe quay.io/x
refused "a sigstore of another kind" 2 'is neither file:///' trust add --type reject --sigstore ftp://x/ quay.io/x
refused "a sigstore that somebody else configured" 1 'configures .* already, change it there' sh -c "
  printf 'docker:\n  quay.io/y: {lookaside: file:///a}\n' > '$R/etc/containers/registries.d/mine.yaml'
  '$SC_ATOMIC' --root '$R' trust add --type reject --sigstore file:///b quay.io/y"
is "then nothing was added" "$(jq '.transports.docker | has("quay.io/y")' "$policy")" false

cat > "$policy" <<END
{"future": [1, 2], "default": [{"type": "later", "x": null}],
 "transports": {"zzz": {}, "docker": {"b": [{"type": "later"}], "a.example.com": [{"type": "reject"}], "c": []}, "dir": {}}}
END
chmod 600 "$policy"
jq -c '.transports.docker."a.example.com"[0].type = "insecureAcceptAnything"' "$policy" > "$T/wanted"
ok "change a policy that is not understood" trust add --type insecureAcceptAnything a.example.com
jq -c . "$policy" > "$T/got"
same "what is not understood is kept, in its order" "$T/got" "$T/wanted"
is "as is the file's mode" "$(stat -c %a "$policy")" 600
is "nothing else is left" "$(find "$R/etc/containers" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "policy.json registries.d"
echo '{"default": [' > "$policy"
refused "change a policy that is no JSON" 1 'policy.json: line 2, column 1' trust default accept
is "it is left alone" "$(cat "$policy")" '{"default": ['
rm "$policy"
ln -s other.json "$policy"
refused "change a policy that is a link" 1 'policy.json' trust default accept
rm "$policy"

# ---- the same decisions as skopeo's

rm "$R"/etc/containers/registries.d/*
lookaside file:///sigs
/usr/bin/python3 "$SC_SOURCE/tests/compare-policy.py" "$SC_ATOMIC" "$R" "$reg" "$T/registries.d" "$T/compare" > "$T/compared" || :
while read -r line; do
  case $line in
    "ok "*) pass "${line#ok }" ;;
    *) fail "$line" "$T/compared" ;;
  esac
done < <(grep -E '^(ok|not ok) ' "$T/compared")
matches "all policies were compared" "$(tail -n 1 "$T/compared")" '^compared 83$'

finish
