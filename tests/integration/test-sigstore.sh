#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images signed with a sigstore key, and images signed as Fulcio and Rekor do it, pulled through a real registry: accepted
# with the right key and identity, refused with any other.
#
# A skopeo that knows sigstore makes the signatures, and is asked for its own verdict on each.  That of Debian 12 was
# built without ("Debian-local change: sigstore disabled"): tests/sigstore.py makes the same signatures then.
. "$(dirname "$0")/../lib.sh"
need_root

R=$T/root
mkdir -p "$R/etc/containers/registries.d" "$R/etc/pki" "$T/registries.d"
sigstore() { /usr/bin/python3 "$SC_SOURCE/tests/sigstore.py" "$@"; }

hello_layout "$T/hello"
umoci config --image "$T/hello:latest" --tag other --config.label test=other
start_registry plain
reg=$REGISTRY
cat > "$T/registries.d/default.yaml" <<END
default-docker:
  use-sigstore-attachments: true
END
cp "$T/registries.d/default.yaml" "$R/etc/containers/registries.d/"
skopeo=${SC_SKOPEO:-skopeo}
printf secret > "$T/passphrase"
skopeo_signs=
! "$skopeo" --help | grep -qw generate-sigstore-key || skopeo_signs=yes
echo "# signed by $([ "$skopeo_signs" ] && "$skopeo" --version || echo tests/sigstore.py)"

for key in right wrong; do
  if [ "$skopeo_signs" ]; then
    "$skopeo" generate-sigstore-key --output-prefix "$T/$key" --passphrase-file "$T/passphrase" > /dev/null
  else
    sigstore key "$T/$key"
  fi
  cp "$T/$key.pub" "$R/etc/pki/"
done

sign() { # LAYOUT:TAG REPOSITORY TAG [KEY]
  local key=$T/${4:-right}
  if [ "$skopeo_signs" ]; then
    "$skopeo" --insecure-policy copy -q --registries.d "$T/registries.d" --dest-tls-verify=false \
      --sign-by-sigstore-private-key "$key.private" --sign-passphrase-file "$T/passphrase" "oci:$1" "docker://$reg/$2:$3"
  else
    push "$1" "$reg/$2:$3"
    sigstore sign "$reg" "$2" "$3" "$key.pem"
  fi
}
hex() { sigstore digest "$reg" "$1" "$2" | cut -d: -f2; }

# policy JSON-of-requirement: for everything from this registry; all else is rejected
policy() {
  jq -n --argjson requirement "$1" --arg scope "$reg" \
    '{default: [{type: "reject"}], transports: {docker: {($scope): [$requirement]}}}' > "$R/etc/containers/policy.json"
}
key_policy() { # KEY [IDENTITY]
  policy "$(jq -n --rawfile key "$T/$1.pub" --argjson identity "${2:-null}" \
    '{type: "sigstoreSigned", keyData: ($key | @base64)} + if $identity then {signedIdentity: $identity} else {} end')"
}
skopeo_pulls() { # NAME
  rm -rf "$T/pulled"
  "$skopeo" --policy "$R/etc/containers/policy.json" copy -q --registries.d "$T/registries.d" --src-tls-verify=false \
    "docker://$reg/$1" "dir:$T/pulled"
}
pull() { atomic --root "$R" pull "$reg/$1"; }
good() { # TEXT NAME
  ok "$1" pull "$2"
  [ ! "$skopeo_signs" ] || ok "... and skopeo takes it" skopeo_pulls "$2"
}
bad() { # TEXT REGEX NAME
  refused "$1" 1 "$2" pull "$3"
  [ ! "$skopeo_signs" ] || no "... and skopeo refuses it" skopeo_pulls "$3"
}

# ---- a key

sign "$T/hello:latest" test/app 1.0
app=$(hex test/app 1.0)
key_policy right
good "the right key" test/app:1.0
good "by digest" "test/app@sha256:$app"
key_policy wrong
bad "the wrong key" "not made with this key" test/app:1.0
key_policy right '{"type": "matchRepository"}'
good "the repository matches" test/app:1.0
key_policy right '{"type": "exactReference", "dockerReference": "example.com/app:1.0"}'
bad "another identity is wanted" "$reg/test/app:1.0, which the policy does not want" test/app:1.0
policy "$(jq -n '{type: "sigstoreSigned", keyPath: "/etc/pki/right.pub"}')"
ok "a key in a file" pull test/app:1.0
policy "$(jq -n '{type: "sigstoreSigned", keyPath: "/etc/pki/none.pub"}')"
refused "a key that is not there" 1 "/etc/pki/none.pub" pull test/app:1.0
policy "$(jq -n '{type: "sigstoreSigned", keyData: "Z2FyYmFnZQ=="}')"
bad "a key that is none" "public key: not PEM" test/app:1.0
key_policy right

rm "$R/etc/containers/registries.d/default.yaml"
refused "attachments are not to be read" 1 "there is none" pull test/app:1.0
cp "$T/registries.d/default.yaml" "$R/etc/containers/registries.d/"

push "$T/hello:other" "$reg/test/unsigned:1.0"
bad "no signature" "there is none" test/unsigned:1.0

# ---- signatures in other places than their own

push "$T/hello:latest" "$reg/test/app:2.0"
bad "another tag of the same image" "which the policy does not want" test/app:2.0
sigstore copy "$reg" test/app 1.0 test/moved 1.0
sigstore copy "$reg" test/app "sha256-$app.sig" test/moved "sha256-$(hex test/moved 1.0).sig"
bad "the image and its signature in another repository" "test/app:1.0|another image" test/moved:1.0

sign "$T/hello:other" test/other 1.0
other=$(hex test/other 1.0)
push "$T/hello:other" "$reg/test/app:3.0"
sigstore copy "$reg" test/app "sha256-$app.sig" test/app "sha256-$other.sig"
bad "the signature of another image" "it is for another image" test/app:3.0
sigstore copy "$reg" test/app "sha256-$app.sig" test/app "sha256-$other.sig" "$app" "$other"
bad "a payload that was changed" "not made with this key" test/app:3.0
sigstore copy "$reg" test/other "sha256-$other.sig" test/app "sha256-$other.sig"
bad "the signature for another name" "which the policy does not want" test/app:3.0

sign "$T/hello:latest" test/two 1.0 wrong
sign "$T/hello:latest" test/two 1.0 right
good "one good signature of two" test/two:1.0

sigstore refer "$reg" test/two "sha256:$app" "sha256-$app.sig"
ok "by the tag of the list of referrers" pull test/two:1.0
key_policy wrong
ok "... where the other key's is, too" pull test/two:1.0
key_policy right
sigstore delete "$reg" test/app "$(sigstore digest "$reg" test/app "sha256-$app.sig")"
bad "the signature was taken away" "there is none" test/app:1.0

# ---- an Ed25519 key; a mirror while the registry itself is down

sigstore key "$T/edwards" ED25519
push "$T/hello:latest" "$reg/test/ed:1.0"
sigstore sign "$reg" test/ed 1.0 "$T/edwards.pem"
key_policy edwards
ok "an Ed25519 key" pull test/ed:1.0
key_policy right
refused "... which is not the one that is wanted" 1 "not made with this key" pull test/ed:1.0

dead=127.0.0.1:$(free_port)
printf '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n' "$dead" "$reg" > "$R/etc/containers/registries.conf"
push "$T/hello:latest" "$reg/test/mirrored:1.0"
mirrored() { refused "$1" 1 "$2" atomic --root "$R" pull "$dead/test/mirrored:1.0"; }
jq --arg scope "$dead" '.transports.docker = {($scope): .transports.docker[]}' "$R/etc/containers/policy.json" > "$T/policy"
cp "$T/policy" "$R/etc/containers/policy.json"
mirrored "a mirror's image without a signature" "there is none"
sigstore sign "$reg" test/mirrored 1.0 "$T/right.pem"
mirrored "a mirror's image that is signed for the mirror" "$reg/test/mirrored:1.0, which the policy does not want"
jq --arg scope "$dead" '.transports.docker[$scope][0].signedIdentity = {type: "remapIdentity", prefix: $scope, signedPrefix: "'"$reg"'"}' \
  "$T/policy" > "$R/etc/containers/policy.json"
ok "a signed image of a mirror, the registry being down" atomic --root "$R" pull "$dead/test/mirrored:1.0"
sigstore refer "$reg" test/mirrored "sha256:$app" "sha256-$app.sig"
ok "... by the list of referrers" atomic --root "$R" pull "$dead/test/mirrored:1.0"
rm "$R/etc/containers/registries.conf"

# ---- Fulcio and Rekor

mkdir "$T/fulcio" "$T/evil"
sigstore fulcio "$T/fulcio"
sigstore fulcio "$T/evil"
fulcio_policy() { # CA-DIR REKOR-DIR EMAIL [ISSUER]
  policy "$(jq -n --rawfile ca "$T/$1/ca.pem" --rawfile rekor "$T/$2/rekor.pub" --arg email "$3" \
    --arg issuer "${4:-https://login.example.com}" '{type: "sigstoreSigned", rekorPublicKeyData: ($rekor | @base64),
    fulcio: {caData: ($ca | @base64), oidcIssuer: $issuer, subjectEmail: $email}}')"
}
push "$T/hello:latest" "$reg/test/f:1.0"
# The last signature is the only one.
attach() { sigstore attach "$reg" test/f "sha256:$app" "$reg/test/f:1.0" "$T/fulcio" "$@"; }
attach me@example.com
fulcio_policy fulcio fulcio me@example.com
ok "Fulcio and Rekor" pull test/f:1.0
fulcio_policy fulcio fulcio you@example.com
refused "another address" 1 "it is for 'me@example.com', not for 'you@example.com'" pull test/f:1.0
fulcio_policy fulcio fulcio me@example.com https://login.example.org
refused "another issuer" 1 "OIDC issuer is not" pull test/f:1.0
fulcio_policy evil fulcio me@example.com
refused "another CA" 1 "certificate: " pull test/f:1.0
fulcio_policy fulcio evil me@example.com
refused "another log" 1 "not signed by the Rekor key" pull test/f:1.0
fulcio_policy fulcio fulcio me@example.com
attach me@example.com 100000
refused "logged after the certificate's end" 1 "expired" pull test/f:1.0
attach me@example.com -100
refused "logged before the certificate's start" 1 "not yet valid" pull test/f:1.0
key_policy right
refused "a key is wanted" 1 "not made with this key" pull test/f:1.0

finish
