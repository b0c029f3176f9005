#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""config-vs-skopeo.py [--seed N] [--cases N] [--only K] [-v]: do atomic and skopeo decide alike?

Makes configurations by chance (registries.conf and its directories, auth files, credential helpers), lets both
programs ask for the same image, and compares what reached the network: which place was asked, in which order, as whom.
The network is tests/fakes/recorder.py, a proxy that stands for every registry.  skopeo reads the files in a mount name
space of its own where they are in /etc, /run and /mnt; atomic reads the same files with --root.

Prints a line of TAP for each case; a case that differs shows its files and both records.  Needs root and skopeo.
The same seed makes the same cases.

Left out, because the two differ on purpose:
- docker.io/NAME as a location: atomic reads it as docker.io/library/NAME, skopeo refuses it;
- a slash at the end of a mirror's location, which makes skopeo refuse every image of the registry;
- two URLs of one registry in an auth file, or two paths in .dockercfg, of which skopeo takes any;
- credsStore, which skopeo does not know; atomic asks it when nothing else in its file fits;
- names without a registry, which skopeo sends to docker.io whatever registries.conf says (tests/unit/test-short-names);
- blocked = true with a location other than the prefix: skopeo 1.9 asks that location all the same, although its manual
  page says that pulling is forbidden; atomic does not;
- a mirror that gives the wrong manifest for a digest: atomic goes on to the next place.
"""

import argparse
import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTS = ["a.test", "b.test", "a.test:5000", "x.a.test", "y.x.a.test", "mirror.test", "mirror.test:8443", "last.test",
         "corp.example.test"]
REPOSITORIES = ["app", "team/app", "team/sub/app", "team/other", "teamwork/app"]
KINDS = ["basic"] * 5 + ["bearer"] * 3 + ["missing"] * 3 + ["plain"] * 2 + ["down"] * 3 + ["open"]
HOME = "/mnt/home"


class Bench:
    """The recorder, the root that holds a case's files, and the two programs."""

    def __init__(self, folder):
        self.folder = folder
        self.root = os.path.join(folder, "root")
        self.bin = os.path.join(folder, "bin")
        self.plan = os.path.join(folder, "plan.json")
        self.log = os.path.join(folder, "log")
        os.makedirs(self.bin)
        self.make_image()
        self.make_certificate()
        self.make_helpers()
        with open(self.plan, "w", encoding="utf-8") as file:
            file.write("{}")
        self.recorder = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "fakes", "recorder.py"), "--cert", folder + "/server.crt", "--key",
             folder + "/server.key", "--manifest", folder + "/manifest.json", "--plan", self.plan, "--log", self.log,
             "--blobs", folder + "/blobs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.proxy = "http://127.0.0.1:" + self.recorder.stdout.readline().decode().strip()

    def close(self):
        self.recorder.stdin.close()
        self.recorder.wait()

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        os.makedirs(self.folder + "/blobs/sha256", exist_ok=True)
        with open(f"{self.folder}/blobs/sha256/{digest}", "wb") as file:
            file.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    def make_image(self):
        layer = bytes(1024)  # the end of a tar
        config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {
            "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
        kind = "application/vnd.oci.image."
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
            "config": {"mediaType": kind + "config.v1+json", **self.blob(config)},
            "layers": [{"mediaType": kind + "layer.v1.tar", **self.blob(layer)}]}).encode()
        with open(self.folder + "/manifest.json", "wb") as file:
            file.write(manifest)
        self.digest = "sha256:" + hashlib.sha256(manifest).hexdigest()

    def make_certificate(self):
        names = ",".join("DNS:" + host.split(":")[0] for host in HOSTS)
        at = self.folder
        with open(at + "/ext", "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + names)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for argv in (["req", "-x509", *key, "-days", "2", "-subj", "/CN=test CA", "-keyout", at + "/ca.key", "-out",
                      at + "/ca.crt"],
                     ["req", *key, "-subj", "/CN=test", "-keyout", at + "/server.key", "-out", at + "/server.csr"],
                     ["x509", "-req", "-days", "2", "-in", at + "/server.csr", "-CA", at + "/ca.crt", "-CAkey",
                      at + "/ca.key", "-CAcreateserial", "-extfile", at + "/ext", "-out", at + "/server.crt"]):
            subprocess.run(["openssl", *argv], check=True, stderr=subprocess.DEVNULL)

    def make_helpers(self):
        """docker-credential-good knows everybody, -token gives identity tokens, -empty knows nobody, -broken fails."""
        scripts = {
            "good": 'read -r host\nprintf \'{"ServerURL":"%s","Username":"helped","Secret":"by-%s"}\' "$host" "$host"',
            "token": 'read -r host\nprintf \'{"ServerURL":"%s","Username":"<token>","Secret":"t-%s"}\' "$host" "$host"',
            "empty": "echo credentials not found in native keychain\nexit 1",
            "broken": "echo the keychain is on fire\nexit 1",
        }
        for name, script in scripts.items():
            path = os.path.join(self.bin, "docker-credential-" + name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n" + script + "\n")
            os.chmod(path, 0o755)

    def lay_out(self, files):
        for name in ("etc/containers", "run", "mnt"):
            shutil.rmtree(os.path.join(self.root, name), ignore_errors=True)
            os.makedirs(os.path.join(self.root, name))
        os.makedirs(self.root + HOME)
        for host in HOSTS:
            where = os.path.join(self.root, "etc/containers/certs.d", host)
            os.makedirs(where)
            shutil.copy(self.folder + "/ca.crt", where)
        with open(self.root + "/etc/containers/policy.json", "w", encoding="utf-8") as file:
            file.write('{"default": [{"type": "insecureAcceptAnything"}]}')
        for path, text in files.items():
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            with open(self.root + path, "w", encoding="utf-8") as file:
                file.write(text)

    def run(self, argv, env):
        """-> (record, text of the error)"""
        if os.path.exists(self.log):
            os.unlink(self.log)
        full = {"PATH": self.bin + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME": HOME, "LC_ALL": "C.UTF-8",
                "HTTP_PROXY": self.proxy, "HTTPS_PROXY": self.proxy,
                **{k: os.environ[k] for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS") if k in os.environ},
                **env}
        done = subprocess.run(argv, env=full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120, check=False)
        lines = []
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8") as file:
                lines = file.read().splitlines()
        return settle(lines), done.returncode, done.stderr.decode(errors="replace")

    def skopeo(self, case):
        binds = "".join(f'mount --bind "$1/{name}" /{name} && ' for name in ("etc/containers", "run", "mnt"))
        shell = "root=$1; " + binds + 'shift && exec skopeo "$@"'
        argv = ["unshare", "-m", "sh", "-c", shell, "sh", self.root, "inspect", "--raw", *case["options"]]
        if case["creds"]:
            argv += ["--creds", case["creds"]]
        return self.run(argv + ["docker://" + case["image"]], case["env"])

    def atomic(self, case):
        argv = [os.environ.get("SC_ATOMIC", os.path.join(os.path.dirname(HERE), "build/src/cli/atomic")), "--root", self.root, "--debug", "pull"]
        if case["creds"]:
            argv += ["--src-creds", case["creds"]]
        return self.run(argv + [case["image"]], case["env"])


def settle(lines):
    """What was decided: each place once, in the order of the first time, with who we were the last time.  A request
    without credentials that was answered by a challenge is no decision."""
    places = {}
    for line in lines:
        if line.startswith("down "):
            places[line] = ""
        else:
            place, _, who = line.rpartition(" ")
            if " token " in " " + line.split(" ", 4)[-1]:
                place, who = " ".join(line.split(" ")[:4]), " ".join(line.split(" ")[4:])
            places[place] = who
    return [f"{place} {who}".rstrip() for place, who in places.items()]


# ---- cases


def pick_prefix(rng, image_host, image_repo):
    """A prefix that often has to do with the image."""
    host = rng.choice([image_host, image_host, image_host, rng.choice(HOSTS)])
    parts = rng.choice([image_repo, image_repo, rng.choice(REPOSITORIES)]).split("/")
    form = rng.random()
    if form < 0.2:
        labels = host.split(":")[0].split(".")
        return "*." + ".".join(labels[rng.randrange(0, len(labels)):])
    if form < 0.5:
        return host
    return host + "/" + "/".join(parts[:rng.randrange(1, len(parts) + 1)])


def pick_location(rng):
    where = rng.choice(HOSTS)
    return where + rng.choice(["", "", "/moved", "/moved/deeper", "/team/"])


def boolean(rng, chance):
    return "true" if rng.random() < chance else "false"


def make_registry(rng, host, repo):
    lines = ["[[registry]]"]
    prefix = pick_prefix(rng, host, repo)
    wild = prefix.startswith("*.")
    style = rng.random()
    if wild:
        lines.append(f'prefix = "{prefix}"')
        if style < 0.3:
            lines.append(f'location = "{pick_location(rng)}"')
    elif style < 0.3:
        lines.append(f'location = "{prefix}"')
    else:
        lines += [f'prefix = "{prefix}"', f"location = '{pick_location(rng)}'"]
    if rng.random() < 0.4:
        lines.append("insecure = " + boolean(rng, 0.7))
    if rng.random() < 0.3 and len(lines) == 2:  # no location of its own
        lines.append("blocked = " + boolean(rng, 0.4))
    by_digest = rng.random() < 0.2
    if by_digest:
        lines.append("mirror-by-digest-only = " + boolean(rng, 0.8))
    inline = rng.random() < 0.2
    mirrors = []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        mirror = {"location": f'"{pick_location(rng).rstrip("/")}"'}
        if rng.random() < 0.4:
            mirror["insecure"] = boolean(rng, 0.7)
        if rng.random() < 0.3 and (not by_digest or rng.random() < 0.1):
            mirror["pull-from-mirror"] = f'"{rng.choice(["all", "digest-only", "tag-only"])}"'
        mirrors.append(mirror)
    if inline and mirrors:
        lines.append("mirror = [")
        lines += ["  {" + ", ".join(f"{k} = {v}" for k, v in m.items()) + "}," for m in mirrors] + ["]"]
    else:
        for mirror in mirrors:
            lines += ["", "  [[registry.mirror]] # one more"] + [f"  {k} = {v}" for k, v in mirror.items()]
    return "\n".join(lines) + "\n"


def make_v1(rng, host):
    some = json.dumps([host, rng.choice(HOSTS)])
    return (f"[registries.search]\nregistries = {some}\n[registries.insecure]\nregistries = {some}\n"
            + (f"[registries.block]\nregistries = {json.dumps([rng.choice(HOSTS)])}\n" if rng.random() < 0.6 else ""))


def make_conf(rng, host, repo, main):
    roll = rng.random()
    if roll < 0.04:
        return rng.choice(["[[registry]]\nlocation = \n", "unqualified-search-registries = [\n", "= 3\n",
                           "[[registry]]\nlocation = \"http://a.test\"\n", "short-name-mode = \"odd\"\n",
                           "[[registry]]\nprefix = \"a.test\"\n", "[aliases]\n\"a.test/x\" = \"a.test/y\"\n",
                           "[[registry]]\nprefix = \"*.a.test/x\"\n", "[[registry]]\nblocked = true\n",
                           "[[registry]]\nlocation = \"a.test\"\nblocked = \"yes\"\n",
                           "[[registry]]\nlocation = \"a.test\"\npull-from-mirror = \"all\"\n"])
    if roll < 0.08:
        return make_v1(rng, host)
    text = ""
    if rng.random() < 0.3:
        text += f'unqualified-search-registries = ["{rng.choice(HOSTS)}"] # unused\n'
    if rng.random() < 0.15:
        helpers = rng.sample(["containers-auth.json", "good", "token", "empty", "broken"], rng.choice([1, 2]))
        text += f"credential-helpers = {json.dumps(helpers)}\n"
    if rng.random() < 0.2:
        text += 'short-name-mode="enforcing"\n'
    text += "\n"
    for _ in range(rng.choice([1, 1, 2, 3] if main else [0, 1, 1, 2])):
        text += make_registry(rng, host, repo) + "\n"
    if rng.random() < 0.2:
        text += '[aliases]\n  "short/name" = "a.test/team/app"\n'
    return text


def make_auth(rng, host, repo, label, legacy=False):
    parts = repo.split("/")
    keys = [host] + [host + "/" + "/".join(parts[:n + 1]) for n in range(len(parts))]
    keys += ["http://" + host, "https://" + host, f"https://{host}/v1/"] + HOSTS
    keys += [rng.choice(HOSTS) + "/moved", rng.choice(HOSTS) + "/moved/" + repo]
    auths = {}
    urls = set()
    for key in rng.sample(keys, rng.choice([1, 2, 3, 6])):
        name = key.split("://")[-1].split("/")[0]
        if "://" in key or legacy:
            if name in urls:
                continue
            urls.add(name)
        secret = base64.b64encode(f"{label}:{key}".encode()).decode()
        roll = rng.random()
        if roll < 0.06:
            auths[key] = {}
        elif roll < 0.09:
            auths[key] = {"auth": base64.b64encode(b"no colon").decode()}
        elif roll < 0.10:
            auths[key] = {"auth": "!not base64!"}
        elif roll < 0.2:
            auths[key] = {"auth": secret, "identitytoken": f"id-{label}"}
        else:
            auths[key] = {"auth": secret}
    if legacy:
        return json.dumps(auths)
    content = {"auths": auths}
    if rng.random() < 0.15:
        helper = rng.choice(["good", "token", "empty", "broken", "missing"])
        content["credHelpers"] = {rng.choice([host, host, rng.choice(HOSTS)]): helper}
    if rng.random() < 0.03:
        return rng.choice(["{", "[]", '{"auths": []}', ""])
    return json.dumps(content, indent=rng.choice([None, 1]))


def make_case(rng, digest):
    host, repo = rng.choice(HOSTS), rng.choice(REPOSITORIES)
    files, env = {}, {}
    etc, user = "/etc/containers/registries.conf", HOME + "/.config/containers/registries.conf"
    if rng.random() < 0.85:
        files[etc] = make_conf(rng, host, repo, True)
    for name in ("10-first.conf", "20-second.conf", "ignored.txt"):
        if rng.random() < 0.2:
            files[f"{etc}.d/{name}"] = make_conf(rng, host, repo, False)
    if rng.random() < 0.2:
        files[user] = make_conf(rng, host, repo, True)
    if rng.random() < 0.15:
        files[user + ".d/05-user.conf"] = make_conf(rng, host, repo, False)

    # Credentials often belong to a place that the rules above lead to.
    for number, path in enumerate(["/run/containers/0/auth.json", "/mnt/runtime/containers/auth.json",
                                   "/mnt/own-auth.json", "/mnt/config/containers/auth.json",
                                   HOME + "/.config/containers/auth.json", HOME + "/.docker/config.json",
                                   "/mnt/docker/config.json", HOME + "/.dockercfg"]):
        if rng.random() < 0.3:
            files[path] = make_auth(rng, rng.choice([host, host, rng.choice(HOSTS)]), repo, f"file{number}",
                                    path.endswith("cfg"))
    for name, value, chance in (("XDG_RUNTIME_DIR", "/mnt/runtime", 0.3), ("REGISTRY_AUTH_FILE", "/mnt/own-auth.json", 0.2),
                                ("XDG_CONFIG_HOME", "/mnt/config", 0.2), ("DOCKER_CONFIG", "/mnt/docker", 0.1)):
        if rng.random() < chance:
            env[name] = value
    return {
        "image": f"{host}/{repo}" + rng.choice([":v1", ":v1", "", "@" + digest, "@" + digest]),
        "files": files, "env": env, "options": [],
        "creds": "cli:secret" if rng.random() < 0.15 else None,
        "plan": {name: rng.choice(KINDS) for name in HOSTS},
    }


def compare(bench, number, case, verbose):
    bench.lay_out(case["files"])
    with open(bench.plan, "w", encoding="utf-8") as file:
        json.dump(case["plan"], file)
    wanted, wanted_status, wanted_error = bench.skopeo(case)
    got, got_status, got_error = bench.atomic(case)
    same = wanted == got and (wanted_status == 0) == (got_status == 0)
    decision = "; ".join(got) if got else "nobody is asked"
    print(f"{'ok' if same else 'not ok'} {number} - {case['image'].split('@')[0]}: {decision}", flush=True)
    if same and not verbose:
        return True
    print(f"# image {case['image']}, credentials {case['creds']}, environment {case['env']}")
    print(f"# hosts: {case['plan']}")
    for path, text in sorted(case["files"].items()):
        print(f"# ---- {path}\n" + "\n".join("#   " + line for line in text.splitlines()))
    for name, record, status, error in (("skopeo", wanted, wanted_status, wanted_error),
                                        ("atomic", got, got_status, got_error)):
        print(f"# ---- {name}: status {status}")
        for line in record + error.strip().splitlines():
            print("#   " + line)
    return same


def main():
    parser = argparse.ArgumentParser(usage="config-vs-skopeo.py [--seed N] [--cases N] [--only K] [-v]")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--only", type=int)
    parser.add_argument("-v", action="store_true", dest="verbose")
    options = parser.parse_args()
    print(f"# seed {options.seed}")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="atomic-config.") as folder:
        bench = Bench(folder)
        try:
            for number in range(1, options.cases + 1):
                case = make_case(random.Random(f"{options.seed}-{number}"), bench.digest)
                if options.only in (None, number):
                    bad += not compare(bench, number, case, options.verbose)
        finally:
            bench.close()
    print(f"1..{options.cases}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
