#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTP proxy: absolute-URI requests for http, CONNECT for https.

    proxy.py [--log FILE] [--to HOST:PORT] [--refuse] [--stall N] [--hold TEXT SECONDS]

Listens on 127.0.0.1 on a port that the kernel chooses and prints it, a line.  Runs until it is killed.

  --log FILE      "METHOD TARGET STATUS" for each request; every header of it follows, indented
  --to HOST:PORT  connects there, whatever host is asked for: names that no resolver knows can be used
  --stall N       each connection stalls when N bytes of answers have come through
  --hold TEXT SECONDS  the first request for http whose target has TEXT in it waits so long before it goes on
  --refuse        answers 403 to everything
"""

import argparse
import select
import socket
import socketserver
import threading
import time
import urllib.parse

LOCK = threading.Lock()


def read_head(connection):
    """The request line and headers, and what came after them."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None, b""
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode("latin-1").split("\r\n"), rest


def pump(a, b, most):
    """Both ways until one side closes; not more than @most bytes from @b."""
    other = {a: b, b: a}
    left = most
    while True:
        for source in select.select([a, b], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            if source is b and most is not None:
                data = data[:left]
                left -= len(data)
            other[source].sendall(data)
            if left == 0:
                while a.recv(65536):
                    pass
                return


class Handler(socketserver.BaseRequestHandler):
    def log(self, lines, status):
        if self.server.options.log:
            with LOCK, open(self.server.options.log, "a", encoding="latin-1") as file:
                method, target, _ = lines[0].split(" ")
                file.write(f"{method} {target} {status}\n" + "".join(f"  {line}\n" for line in lines[1:]))

    def connect(self, host, port):
        if self.server.options.to:
            host, port = self.server.options.to.rsplit(":", 1)
        return socket.create_connection((host.strip("[]"), int(port)))

    def hold(self, target):
        with LOCK:
            hold = self.server.options.hold
            if hold is None or self.server.held or hold[0] not in target:
                return
            self.server.held = True
        time.sleep(float(hold[1]))

    def handle(self):
        lines, rest = read_head(self.request)
        if lines is None:
            return
        method, target, version = lines[0].split(" ")
        if self.server.options.refuse:
            self.log(lines, 403)
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        elif method == "CONNECT":
            host, port = target.rsplit(":", 1)
            with self.connect(host, port) as upstream:
                self.log(lines, 200)
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                upstream.sendall(rest)
                pump(self.request, upstream, self.server.options.stall)
        else:
            self.hold(target)
            url = urllib.parse.urlsplit(target)
            path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
            headers = [line for line in lines[1:]
                       if line.split(":")[0].lower() not in ("connection", "proxy-connection", "keep-alive")]
            with self.connect(url.hostname, url.port or 80) as upstream:
                self.log(lines, 200)
                # One request for a connection: the other side closes it after its answer.
                request = [f"{method} {path} {version}", *headers, "Connection: close", "", ""]
                upstream.sendall("\r\n".join(request).encode("latin-1") + rest)
                pump(self.request, upstream, self.server.options.stall)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    parser.add_argument("--to")
    parser.add_argument("--refuse", action="store_true")
    server = Server(("127.0.0.1", 0), Handler)
    parser.add_argument("--stall", type=int)
    parser.add_argument("--hold", nargs=2, metavar=("TEXT", "SECONDS"))
    server.options = parser.parse_args()
    server.held = False
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
