#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A token server for docker-registry.

    tokens.py --key KEY --cert CERT --log FILE [--life SECONDS] USER:PASSWORD

Gives whoever knows USER:PASSWORD (Basic) a token for the scope that is asked for, signed with KEY (RSA, PEM); the
registry finds the certificate CERT in it and trusts it if it has it in its rootcertbundle.  Listens on 127.0.0.1 on a
port that the kernel chooses and prints it, a line.  Runs until it is killed.

  --log FILE      "STATUS QUERY" for each request
  --life SECONDS  how long the registry takes a token (default 300); the reply always promises 300: the registry takes
                  one for a minute longer than it says, so the token says a minute less
"""

import argparse
import base64
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

LEEWAY = 60
LOCK = threading.Lock()


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(key, data):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def der(path):
    """The only certificate of a PEM file, in base64 of its DER."""
    with open(path, encoding="ascii") as file:
        lines = file.read().split("-----")[2].split()
    return "".join(lines)


def access(scope):
    kind, name, actions = scope.split(":", 2)
    return {"type": kind, "name": name, "actions": [a for a in actions.split(",") if a]}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        options = self.server.options
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        wanted = "Basic " + base64.b64encode(options.user.encode()).decode()
        status = 200 if self.headers.get("Authorization") == wanted else 401
        with LOCK, open(options.log, "a", encoding="utf-8") as file:
            file.write(f"{status} {urllib.parse.urlsplit(self.path).query}\n")
        body = b"{}"
        if status == 200:
            now = int(time.time())
            header = {"typ": "JWT", "alg": "RS256", "x5c": [der(options.cert)]}
            claims = {"iss": "test issuer", "sub": "someone", "aud": query["service"][0], "jti": str(now),
                      "nbf": now - 600, "iat": now - 600, "exp": now + options.life - LEEWAY,
                      "access": [access(scope) for scope in query.get("scope", [])]}
            text = encode(json.dumps(header).encode()) + b"." + encode(json.dumps(claims).encode())
            token = text + b"." + encode(sign(options.key, text))
            body = json.dumps({"token": token.decode(), "expires_in": 300}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--life", type=int, default=300)
    parser.add_argument("user")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.options = parser.parse_args()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
