#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The template files of published system images install with their defaults and give what runtime, systemd and
# systemd-tmpfiles accept.  The samples are other people's and not part of this repository: $SC_SAMPLES, or
# shared/samples beside the checkout.
. "$(dirname "$0")/../lib.sh"
need_root

samples=${SC_SAMPLES:-$SC_SOURCE/../shared/samples}
[ -d "$samples" ] || skip_all "there is no $samples"

R=$T/root
mkdir -p "$R/usr/bin" "$R/bin"
a() { "$SC_ATOMIC" --root "$R" "$@"; }

# for_this_machine ROOT < CONFIG: what concerns the machine and not the configuration.  SELinux labels need SELinux;
# capabilities cannot be given that we lack; bind sources that are not here (directories of other systems, or what the
# tmpfiles make) are made below ROOT.
for_this_machine() {
  /usr/bin/python3 -c '
import json, os, re, sys

NAMES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT
SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()
with open("/proc/self/status") as f:
    ours = int(re.search("CapBnd:\\s*(\\w+)", f.read()).group(1), 16)
lacking = {"CAP_" + name for bit, name in enumerate(NAMES) if not ours >> bit & 1}

root, config = sys.argv[1], json.load(sys.stdin)
process = config["process"]
if not os.path.exists("/sys/fs/selinux/enforce"):
    process.pop("selinuxLabel", None)
capabilities = process.get("capabilities", {})
for kind in capabilities:
    capabilities[kind] = [c for c in capabilities[kind] if c not in lacking]
for mount in config["mounts"]:
    source = mount.get("source", "")
    if mount.get("type") == "bind" and (source.startswith(("/var/lib/", "/run/")) or not os.path.exists(source)):
        mount["source"] = root + source
        os.makedirs(mount["source"], exist_ok=True)
json.dump(config, sys.stdout)' "$1"
}

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
    t.file(program.lstrip('/'), b'#!/bin/busybox sh\n/bin/busybox echo "the sample runs: $NAME $PORT"\n', mode=0o755)
    for file in sorted(os.listdir(sample)):
        t.file('exports/' + file, open(os.path.join(sample, file), 'rb').read())
layout.image('latest', {'Labels': {'atomic.type': 'system'}})
END
  ok "$name: pull" a pull "oci:$T/$name"
  ok "$name: install with the defaults" a install --system "$name"
  bundle=$R/var/lib/containers/atomic/$name.0
  ok "$name: config.json is JSON" jq -e . "$bundle/config.json"
  no "$name: no variable is left" grep -E '\$[A-Za-z_{]' "$bundle/config.json"

  cp "$bundle/config.json" "$T/config.json"
  for_this_machine "$R" < "$T/config.json" > "$bundle/config.json"
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
