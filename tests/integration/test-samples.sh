#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The template files of published system images install with their defaults and give what runtime, systemd and
# systemd-tmpfiles accept.  The samples are other people's and not part of this repository: $SC_SAMPLES, or
# shared/samples beside the checkout.
. "$(dirname "$0")/../lib.sh"
need_root

SELINUX=$(cat /sys/fs/selinux/enforce 2> /dev/null || :)
export SELINUX
samples=${SC_SAMPLES:-$SC_SOURCE/../shared/samples}
[ -d "$samples" ] || skip_all "there is no $samples"

R=$T/root
mkdir -p "$R/usr/bin" "$R/bin"
a() { "$SC_ATOMIC" --root "$R" "$@"; }

for name in $(cd "$samples" && ls -d -- */ | tr -d /); do
  /usr/bin/python3 - "$samples/$name" "$T/$name" <<'END'
import os, re, sys
from layout import Layout

sample, out = sys.argv[1:]
config = open(os.path.join(sample, 'config.json.template')).read()
program = re.search(r'"args"\s*:\s*\[\s*"([^"]+)"', config).group(1)
layout = Layout(out)
with layout.layer() as t:
    for folder in ('bin', 'usr', 'usr/bin', 'proc', 'dev', 'sys', 'tmp', 'etc', 'run', 'var', 'var/lib', 'exports'):
        t.directory(folder)
    t.file('bin/busybox', open('/bin/busybox', 'rb').read(), mode=0o755)
    t.file(program, b'#!/bin/busybox sh\n/bin/busybox echo "the sample runs: $NAME $PORT"\n', mode=0o755)
    for file in sorted(os.listdir(sample)):
        t.file('exports/' + file, open(os.path.join(sample, file), 'rb').read())
layout.image('latest', {'Labels': {'atomic.type': 'system'}})
END
  ok "$name: pull" a pull "oci:$T/$name"
  ok "$name: install with the defaults" a install --system "$name"
  bundle=$R/var/lib/containers/atomic/$name.0
  ok "$name: config.json is JSON" jq -e . "$bundle/config.json"
  no "$name: no variable is left" grep -E '\$[A-Za-z_{]' "$bundle/config.json"

  # What concerns the machine and not the configuration: SELinux labels need SELinux, and bind sources below the root that
  # stands for "/" are there.
  cp "$bundle/config.json" "$T/config.json"
  jq --arg root "$R" '
    if $ENV.SELINUX == "" then del(.process.selinuxLabel) else . end
    | .mounts |= map(if .type == "bind" and (.source | startswith("/var/lib/") or startswith("/run/"))
                     then .source = $root + .source else . end)' "$T/config.json" > "$bundle/config.json"
  out=$(unshare --mount --propagation private runc --root "$T/runc" run -b "$bundle" "sample-$$-$name" 2>&1) || :
  matches "$name: runc runs it" "$out" "^the sample runs: "
  cp "$T/config.json" "$bundle/config.json"

  ok "$name: systemd-analyze verify" systemd-analyze verify --man=no "$R/etc/systemd/system/$name.service"
  if [ -e "$R/etc/tmpfiles.d/$name.conf" ]; then
    ok "$name: systemd-tmpfiles" systemd-tmpfiles --root="$R" --create "$R/etc/tmpfiles.d/$name.conf"
  fi
  ok "$name: uninstall" a uninstall "$name"
done
is "nothing is left" "$(find "$R/etc" ! -type d; ls "$R/var/lib/containers/atomic")" ""

finish
