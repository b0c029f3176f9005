#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A registry that serves an OCI layout, well or badly.

    registry.py [OPTIONS] LAYOUT

LAYOUT is an OCI image layout directory, or any directory with blobs/sha256/<hex>.  Every repository name has its
content; a tag is the annotation org.opencontainers.image.ref.name in its index.json, and where that has one entry only,
every tag means it.  Listens on 127.0.0.1 on a port that the kernel chooses and prints it on standard output, a line,
when it is ready; with --redirect a second line has the port that blobs are redirected to.  Runs until it is killed.

  --until-eof          ends when standard input does: a test that dies takes its registry with it
  --port PORT          listen on this port
  --bind ADDRESS       listen on this address instead of 127.0.0.1: ::1
  --delay MS           this long before every answer, as if the server were far away
  --tls CERT KEY       speak HTTPS with these PEM files (both ports)
  --tls-client-ca CA   ask for a client certificate of this CA

What is recorded (each line is there before the client can see the end of the answer):
  --log FILE           "METHOD PATH STATUS BYTES" for each request, BYTES of body being those it sets out to send
  --headers FILE       "PATH NAME: VALUE" for each request header that arrives at the first port
  --redirect-headers FILE  the same of the second port

Who may read:
  --basic USER:PW      asks for Basic credentials
  --bearer             asks for a token of this server's own /token, given to everybody
  --token-user USER:PW the same, but /token wants these Basic credentials
  --refresh-token TOKEN  the same, but /token wants a POST with this refresh token (OAuth 2), and no other request
  --token-key NAME     the reply's member that holds the token: token (default), access_token, or anything wrong
  --token-life SECONDS its expires_in (default 300); the token is refused when they are over
  --token-uses N       the token is refused after N requests, whatever its age
  --realm URL          named in the challenge instead of our own /token
  --header "NAME: VALUE"  added to every answer (repeatable)
  --signatures DIR     has OpenShift's signatures extension: those of the manifest sha256:HEX are the files of DIR/HEX;
                       --only signatures: what goes wrong goes wrong there

What goes wrong (with every blob, unless --only limits it):
  --truncate N         announces the whole length, sends N bytes and closes
  --flip               one bit in the middle is wrong
  --longer N           N zero bytes more than the blob has, announced as well
  --slow RATE          RATE bytes a second
  --stall N            sends N bytes, then nothing, and stays connected
  --reset              with --truncate: the connection is reset, not closed
  --endless            no Content-Length, and never an end
  --no-range           a Range header is ignored, as if there were none
  --bad-range N        the answer to a Range header begins N bytes later, and says so
  --refuse-range       answers 416 to a Range header
  --chunked            no Content-Length, chunked
  --no-length          no Content-Length, ends with the connection
  --redirect           blobs are redirected to the second port
  --redirect-to URL    every blob is redirected to this URL; {path} in it is the path asked for
  --redirect-loop      every blob is redirected to itself
  --status CODE        answers CODE with a JSON error
  --retry-after TEXT   with --status: a Retry-After header; "date+N" is the date N seconds from then
  --hang-up            closes the connection without an answer
  --big-headers N      N bytes of response headers more
  --media-type TYPE    manifests are sent with this Content-Type
  --only DIGEST        only this blob (repeatable; a manifest's digest or tag means that manifest)
  --on-manifests       --status, --truncate, --stall and so on also hit manifests
  --times N            only the first N requests that would be hit
  --tokens-too         --status and --hang-up also hit /token

A Range header "bytes=N-" for a blob is answered with 206 and the rest, and --truncate, --stall, --slow count from there.
"""

import argparse
import base64
import email.utils
import http.server
import json
import os
import re
import select
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse

MANIFEST = re.compile(r"^/v2/(?P<name>.+)/manifests/(?P<ref>[^/]+)$")
SIGNATURES = re.compile(r"^/extensions/v2/(?P<name>.+)/signatures/sha256:(?P<hex>[0-9a-f]{64})$")
BLOB = re.compile(r"^/v2/(?P<name>.+)/blobs/(?P<ref>sha256:[0-9a-f]{64})$")
CHUNK = 64 * 1024


class State:
    """What the handlers of both ports share."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.hits = 0
        self.tokens = {}  # token -> [deadline, uses left]
        self.base = ""  # "http://127.0.0.1:PORT"
        self.other = ""  # the same of the second port

    def take_hit(self, ref):
        """True if this request is one that goes wrong."""
        with self.lock:
            if self.options.only and ref not in self.options.only:
                return False
            if self.options.times is not None and self.hits >= self.options.times:
                return False
            self.hits += 1
            return True

    def append(self, path, text):
        if path:
            with self.lock, open(path, "a", encoding="utf-8") as file:
                file.write(text)

    def new_token(self):
        token = base64.b64encode(os.urandom(24)).decode()
        uses = self.options.token_uses
        with self.lock:
            self.tokens[token] = [time.monotonic() + self.options.token_life, uses]
        return token

    def use_token(self, token):
        with self.lock:
            entry = self.tokens.get(token)
            if entry is None or time.monotonic() >= entry[0] or entry[1] == 0:
                return False
            if entry[1] is not None:
                entry[1] -= 1
            return True


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.state = self.server.state
        self.options = self.state.options

    def handle(self):
        # A TLS hello is no request line: close at once, as a server that parses HTTP strictly would.
        if not self.options.tls and self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            return
        super().handle()

    def log_message(self, *args):
        pass

    # Answers

    def start(self, status, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        for line in self.options.header:
            self.send_header(*line.split(": ", 1))
        if self.options.big_headers:
            for _ in range(self.options.big_headers // 1000 + 1):
                self.send_header("X-Filler", "x" * 990)
        self.end_headers()

    def record(self, status, sent):
        self.state.append(self.options.log, f"{self.command} {self.path} {status} {sent}\n")

    def answer(self, status, body=b"", headers=()):
        if status in (204, 304):
            body = b""
        self.record(status, len(body))
        self.start(status, [("Content-Length", str(len(body))), *headers])
        self.wfile.write(body)

    def answer_error(self, status, code, message, headers=()):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, [("Content-Type", "application/json"), *headers])

    # Who may read

    def allowed(self):
        options = self.options
        given = self.headers.get("Authorization", "")
        if options.basic:
            if given == basic(options.basic):
                return True
            self.answer_error(401, "UNAUTHORIZED", "authentication required",
                              [("WWW-Authenticate", 'Basic realm="fake"')])
            return False
        if options.bearer or options.token_user or options.refresh_token:
            if given.startswith("Bearer ") and self.state.use_token(given[7:]):
                return True
            realm = options.realm or self.state.base + "/token"
            match = MANIFEST.match(self.path) or BLOB.match(self.path)
            scope = f',scope="repository:{match["name"]}:pull"' if match else ""
            self.answer_error(401, "UNAUTHORIZED", "authentication required",
                              [("WWW-Authenticate", f'Bearer realm="{realm}",service="fake registry"{scope}')])
            return False
        return True

    def give_token(self):
        options = self.options
        if options.refresh_token and not self.has_refresh_token():
            self.answer(401, b"{}")
            return
        if options.token_user and self.headers.get("Authorization") != basic(options.token_user):
            self.answer(401, b"{}", [("WWW-Authenticate", 'Basic realm="token"')])
            return
        body = {options.token_key: self.state.new_token(), "expires_in": options.token_life}
        self.answer(200, json.dumps(body).encode(), [("Content-Type", "application/json")])

    def has_refresh_token(self):
        if self.command != "POST":
            return False
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        return form.get("grant_type") == ["refresh_token"] and form.get("refresh_token") == [self.options.refresh_token] \
            and form.get("service") == ["fake registry"] and "scope" in form

    # Content

    def blob_path(self, digest):
        return os.path.join(self.options.layout, "blobs", "sha256", digest.removeprefix("sha256:"))

    def give_signatures(self, hex_digits):
        directory = os.path.join(self.options.signatures, hex_digits)
        signatures = [{"schemaVersion": 2, "name": "future", "type": "future", "content": ""}]
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            with open(os.path.join(directory, name), "rb") as file:
                signatures.append({"schemaVersion": 2, "name": name, "type": "atomic",
                                   "content": base64.b64encode(file.read()).decode()})
        self.answer(200, json.dumps({"signatures": signatures}).encode(), [("Content-Type", "application/json")])

    def find_manifest(self, ref):
        """(path, media type) or None."""
        if ref.startswith("sha256:"):
            path = self.blob_path(ref)
            if not re.match(r"^sha256:[0-9a-f]{64}$", ref) or not os.path.exists(path):
                return None
            with open(path, "rb") as file:
                document = json.load(file)
            kind = "index" if "manifests" in document else "manifest"
            return path, document.get("mediaType", f"application/vnd.oci.image.{kind}.v1+json")
        try:
            with open(os.path.join(self.options.layout, "index.json"), encoding="utf-8") as file:
                entries = json.load(file)["manifests"]
        except FileNotFoundError:
            return None
        named = [e for e in entries if e.get("annotations", {}).get("org.opencontainers.image.ref.name") == ref]
        if not named and len(entries) == 1:
            named = entries
        return (self.blob_path(named[0]["digest"]), named[0]["mediaType"]) if named else None

    def misbehave_instead(self, hit):
        """Answers something else than the content; True if it did."""
        options = self.options
        if not hit:
            return False
        if options.hang_up:
            self.record(0, 0)
            self.close_connection = True
            return True
        if options.status:
            headers = []
            if options.retry_after:
                text = options.retry_after
                if text.startswith("date+"):
                    text = email.utils.formatdate(time.time() + int(text[5:]), usegmt=True)
                headers.append(("Retry-After", text))
            self.answer_error(options.status, "FAKE", f"told to answer {options.status}", headers)
            return True
        target = None
        if options.redirect and not self.server.second:
            target = self.state.other + self.path
        elif options.redirect_to:
            target = options.redirect_to.replace("{path}", self.path)
        elif options.redirect_loop:
            target = self.path
        if target:
            self.answer(307, b"elsewhere\n", [("Location", target)])
            return True
        return False

    def send_file(self, path, media_type, hit, ranges):
        options = self.options
        with open(path, "rb") as file:
            data = bytearray(file.read())
        if hit and options.flip and data:
            data[len(data) // 2] ^= 1
        if hit and options.longer:
            data += bytes(options.longer)
        total = len(data)
        first = self.range_start(hit) if ranges else 0
        if first and (first >= total or hit and options.refuse_range):
            self.answer_error(416, "FAKE", "no such range", [("Content-Range", f"bytes */{total}")])
            return
        status = 206 if first else 200
        if first and hit and options.bad_range:
            first += options.bad_range
        headers = [("Content-Type", media_type)]
        if status == 206:
            headers.append(("Content-Range", f"bytes {first}-{total - 1}/{total}"))
            data = data[first:]
        chunked = hit and (options.chunked or options.endless)
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif hit and options.no_length:
            headers.append(("Connection", "close"))
        else:
            headers.append(("Content-Length", str(len(data))))
        limit = len(data)
        if hit:
            limit = min(x for x in (limit, options.truncate, options.stall) if x is not None)
        self.record(status, limit)
        self.start(status, headers)
        self.send_body(memoryview(data)[:limit], chunked, options.slow if hit else None)
        if hit and options.stall is not None:
            self.wait_for_close()
        while hit and options.endless:
            self.send_body(memoryview(bytes(CHUNK)), True, None)
        if hit and options.truncate is not None and options.reset:
            self.wfile.flush()
            # An abortive close: what was not taken yet is lost too.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
        elif hit and (options.truncate is not None or options.no_length):
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def range_start(self, hit):
        match = re.match(r"^bytes=([0-9]+)-$", self.headers.get("Range", ""))
        return int(match[1]) if match and not (hit and self.options.no_range) else 0

    def send_body(self, data, chunked, rate):
        step = CHUNK if rate is None else max(1, rate // 10)
        for at in range(0, len(data), step):
            piece = data[at:at + step]
            if chunked:
                self.wfile.write(b"%x\r\n" % len(piece))
            self.wfile.write(piece)
            if chunked:
                self.wfile.write(b"\r\n")
            if rate is not None:
                time.sleep(0.1)

    def wait_for_close(self):
        self.wfile.flush()
        while True:
            ready, _, _ = select.select([self.connection], [], [], 60)
            if ready and not self.connection.recv(1024):
                break
        self.close_connection = True

    def do_POST(self):
        self.state.append(self.options.headers, "".join(f"{self.path} {n}: {v}\n" for n, v in self.headers.items()))
        if self.path == "/token" and not self.server.second:
            self.give_token()
        elif self.path == "/redirect" and not self.server.second:
            self.answer(307, b"elsewhere\n", [("Location", self.state.other + "/token")])
        else:
            self.answer_error(404, "NAME_INVALID", "no such path")

    def do_GET(self):
        options = self.options
        record = options.redirect_headers if self.server.second else options.headers
        self.state.append(record, "".join(f"{self.path} {n}: {v}\n" for n, v in self.headers.items()))
        if options.delay:
            time.sleep(options.delay / 1000)
        if self.path.startswith("/token") and not self.server.second:
            if not (options.tokens_too and self.misbehave_instead(self.state.take_hit("/token"))):
                self.give_token()
            return
        if not self.server.second and not self.allowed():
            return
        if self.path in ("/v2", "/v2/"):
            extension = [("X-Registry-Supports-Signatures", "1")] if options.signatures else []
            self.answer(200, b"{}", [("Content-Type", "application/json"), *extension])
            return
        signatures = SIGNATURES.match(self.path)
        if signatures and options.signatures:
            if "signatures" in options.only and self.misbehave_instead(self.state.take_hit("signatures")):
                return
            self.give_signatures(signatures["hex"])
            return
        manifest = MANIFEST.match(self.path)
        blob = BLOB.match(self.path)
        if manifest:
            found = self.find_manifest(manifest["ref"])
            hit = options.on_manifests and self.state.take_hit(manifest["ref"])
            if found and options.media_type:
                found = found[0], options.media_type
            missing = "MANIFEST_UNKNOWN", "manifest unknown to the fake"
        elif blob:
            path = self.blob_path(blob["ref"])
            found = (path, "application/octet-stream") if os.path.exists(path) else None
            hit = self.state.take_hit(blob["ref"])
            missing = "BLOB_UNKNOWN", "blob unknown to the fake"
        else:
            self.answer_error(404, "NAME_INVALID", "no such path")
            return
        if self.misbehave_instead(hit):
            return
        if not found:
            self.answer_error(404, *missing)
            return
        self.send_file(*found, hit, bool(blob))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port, state, second):
        address = state.options.bind
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Handler)
        self.state = state
        self.second = second
        self.tls = None
        if state.options.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*state.options.tls)
            if state.options.tls_client_ca:
                self.tls.load_verify_locations(state.options.tls_client_ca)
                self.tls.verify_mode = ssl.CERT_REQUIRED

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread.
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        # Clients that hang up or refuse a certificate are what tests are about.
        kind = sys.exc_info()[0]
        if not issubclass(kind, (ConnectionError, ssl.SSLError, TimeoutError)) and not self.state.options.reset:
            super().handle_error(request, client_address)


def parse_options():
    parser = argparse.ArgumentParser(usage="registry.py [OPTIONS] LAYOUT (the top of this file lists them)")
    parser.add_argument("layout")
    for name in ("until-eof", "bearer", "flip", "chunked", "no-length", "redirect", "redirect-loop", "on-manifests",
                 "reset", "endless", "no-range", "refuse-range", "hang-up", "tokens-too"):
        parser.add_argument("--" + name, action="store_true")
    for name in ("log", "headers", "redirect-headers", "basic", "token-user", "refresh-token", "realm", "redirect-to",
                 "media-type", "tls-client-ca", "retry-after", "signatures"):
        parser.add_argument("--" + name)
    for name in ("token-uses", "truncate", "longer", "slow", "stall", "status", "big-headers", "times", "delay",
                 "bad-range"):
        parser.add_argument("--" + name, type=int)
    for name in ("only", "header"):
        parser.add_argument("--" + name, action="append", default=[])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--token-key", default="token")
    parser.add_argument("--token-life", type=int, default=300)
    return parser.parse_args()


def main():
    options = parse_options()
    state = State(options)
    scheme = "https" if options.tls else "http"
    servers = [Server(options.port, state, False)]
    if options.redirect:
        servers.append(Server(0, state, True))
    host = f"[{options.bind}]" if ":" in options.bind else options.bind
    state.base = f"{scheme}://{host}:{servers[0].server_port}"
    state.other = f"{scheme}://{host}:{servers[-1].server_port}"
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
    if options.until_eof:
        sys.stdin.buffer.read()
    else:
        threading.Event().wait()


if __name__ == "__main__":
    main()
