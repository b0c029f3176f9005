#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTP proxy behind which is every registry in the world, with one image; it records who is asked for what, as whom.

    recorder.py --cert CERT --key KEY --manifest FILE --plan PLAN --log LOG --blobs DIR

A client that has HTTP_PROXY and HTTPS_PROXY set to it can be sent to host names that do not exist.  TLS is ended here
with one certificate for all of them.  Listens on 127.0.0.1 on a port that the kernel chooses and prints the port.

PLAN is a JSON object, read again for each request: host[:port] -> how it behaves; a host that is not there is "open".
  open      has every image, wants no login
  basic     has every image, wants Basic credentials (any will do)
  bearer    the same with a token of its own /token
  missing   wants Basic credentials and has no image
  plain     as basic, but speaks no TLS
  down      cannot be reached
LOG gets a line for each thing that was asked for: "SCHEME HOST MANIFEST-PATH WHO", WHO being "-", "USER:PASSWORD" or
"token TOKEN"; for a host that is down "down HOST".  Blobs are served from DIR/sha256, and are not recorded.
"""

import argparse
import base64
import json
import os
import re
import socket
import socketserver
import ssl
import sys
import threading
import urllib.parse

TARGET = re.compile(r"^/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<ref>[^/]+)$")
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Connection(socketserver.StreamRequestHandler):
    """One connection of a client to the proxy."""

    def record(self, line):
        with self.server.lock, open(self.server.options.log, "a", encoding="utf-8") as log:
            log.write(line + "\n")

    def behaviour(self, host):
        with open(self.server.options.plan, encoding="utf-8") as plan:
            return json.load(plan).get(host, "open")

    def read_head(self, stream):
        """(method, target, headers, body) or None."""
        first = stream.readline(65536).decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        while True:
            line = stream.readline(65536).decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        while headers.get("transfer-encoding") == "chunked" and (size := int(stream.readline(), 16)) > 0:
            body += stream.read(size + 2)[:-2]
        if headers.get("transfer-encoding") == "chunked":
            stream.readline()
        return first[0], first[1], headers, body

    def handle(self):
        head = self.read_head(self.rfile)
        if head is None:
            return
        if head[0] == "CONNECT":
            host = head[1].removesuffix(":443")
            kind = self.behaviour(host)
            if kind in ("down", "plain"):
                if kind == "down":
                    self.record(f"down {host}")
                self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            self.wfile.flush()
            try:
                secure = self.server.tls.wrap_socket(self.connection, server_side=True)
            except (ssl.SSLError, OSError):
                return
            with secure, secure.makefile("rwb") as stream:
                while (head := self.read_head(stream)) is not None:
                    self.serve(stream, "https", host, *head)
            return
        while head is not None:
            url = urllib.parse.urlsplit(head[1])
            host = url.netloc.removesuffix(":80")
            path = url.path + ("?" + url.query if url.query else "")
            if self.behaviour(host) == "down":
                self.record(f"down {host}")
                return
            self.serve(self.wfile, "http", host, head[0], path, *head[2:])
            head = self.read_head(self.rfile)

    def answer(self, stream, method, status, body=b"", headers=()):
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *headers, "", ""]
        stream.write("\r\n".join(lines).encode() + (b"" if method == "HEAD" else body))
        stream.flush()

    def who(self, headers):
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            return base64.b64decode(value).decode()
        if scheme == "Bearer":
            return bytes.fromhex(value).decode()
        return ":"

    def serve(self, stream, scheme, host, method, path, headers, body):
        kind = self.behaviour(host)
        who = self.who(headers)
        if path.startswith("/token"):
            form = urllib.parse.parse_qs(body.decode())
            if "refresh_token" in form:
                who = "token " + form["refresh_token"][0]
            token = json.dumps({"token": who.encode().hex(), "access_token": who.encode().hex()}).encode()
            self.answer(stream, method, 200, token, ["Content-Type: application/json"])
            return
        challenge = 'Basic realm="fake"'
        if kind == "bearer":
            challenge = f'Bearer realm="{scheme}://{host}/token",service="fake"'
        match = TARGET.match(path)
        if match and match["kind"] == "manifests":
            self.record(f"{scheme} {host} {match['name']} {match['ref']} {'-' if who == ':' else who}")
        asks = kind != "open" and "authorization" not in headers
        if asks or (kind != "open" and who == ":"):
            self.answer(stream, method, 401, b"{}", [f"WWW-Authenticate: {challenge}"])
        elif match is None:
            self.answer(stream, method, 200, b"{}")
        elif kind == "missing":
            self.answer(stream, method, 404, b"{}", ["Content-Type: application/json"])
        elif match["kind"] == "manifests":
            self.answer(stream, method, 200, self.server.manifest, [f"Content-Type: {MANIFEST_TYPE}"])
        else:
            name = os.path.join(self.server.options.blobs, "sha256", match["ref"].removeprefix("sha256:"))
            with open(name, "rb") as file:
                self.answer(stream, method, 200, file.read())


class Recorder(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    address_family = socket.AF_INET

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Connection)
        self.options = options
        self.lock = threading.Lock()
        with open(options.manifest, "rb") as file:
            self.manifest = file.read()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(options.cert, options.key)

    def handle_error(self, request, client_address):
        # Clients that hang up are part of the business.
        if not issubclass(sys.exc_info()[0], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(usage="recorder.py [OPTIONS] (the top of this file lists them)")
    for name in ("cert", "key", "manifest", "plan", "log", "blobs"):
        parser.add_argument("--" + name, required=True)
    server = Recorder(parser.parse_args())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    # Ends with whoever started it.
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
