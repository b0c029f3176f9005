#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A web server of signatures: signatures.py DIRECTORY RECORD

Prints its port, then answers for ever.  Every request and its headers are written to RECORD.  The first component of
the path says how: "base" the files of DIRECTORY and 404 for others, "forbidden" 403, "broken" 500, "endless" something
for every signature, "large" a body without end."""
import http.server
import os
import sys

DIRECTORY, RECORD = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def answer(self, status, body=b''):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with open(RECORD, 'a') as record:
            record.write('GET %s\n%s' % (self.path, self.headers))
        how, _, path = self.path.lstrip('/').partition('/')
        if how == 'forbidden':
            self.answer(403)
        elif how == 'broken':
            self.answer(500)
        elif how == 'endless':
            self.answer(200, b'x')
        elif how == 'large':
            self.send_response(200)
            self.send_header('Connection', 'close')
            self.end_headers()
            self.close_connection = True
            try:
                for _ in range(1024):
                    self.wfile.write(b'x' * 65536)
            except OSError:
                pass
        else:
            try:
                with open(os.path.join(DIRECTORY, path), 'rb') as file:
                    self.answer(200, file.read())
            except OSError:
                self.answer(404)


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
