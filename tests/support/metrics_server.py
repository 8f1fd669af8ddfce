#!/usr/bin/env python3
"""metrics_server.py PORT_FILE: a server with recorded metrics and bad manners, for tests/cli.

Listens on a free port of 127.0.0.1, writes it to PORT_FILE and serves until it is ended:
  /metrics, /NAME.txt   tests/data/metrics/vllm.txt, and any other file there
  /filling              use 50 % and 2 points more with every request; requests wait above 60 %
  /flaky                the second and third request of each four break off
  /html /empty /404 /401 /auth   a page, nothing, these statuses; metrics for user:secret
  /slow /huge /bomb /cut /garbage   answers after 10 s; 20 MB; 20 MB packed; half; bytes that are no HTTP
  /redirect /elsewhere /loop /file   to /metrics; to another host; to itself; to a file
"""
import base64
import gzip
import http.server
import os
import pathlib
import sys
import threading
import time

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "metrics"
LOCATIONS = {"/redirect": "/metrics", "/elsewhere": "http://127.0.0.2:1/metrics", "/loop": "/loop",
             "/file": "file:///etc/hostname"}
counts = {}
lock = threading.Lock()


def count(path):
    with lock:
        counts[path] = counts.get(path, 0) + 1
        return counts[path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, body, status=200, kind="text/plain; version=0.0.4", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.serve(self.path.split("?")[0])

    def hang_up(self):
        self.close_connection = True

    def serve(self, path):
        number = count(path)
        if path in LOCATIONS:
            self.answer(b"", 302, Location=LOCATIONS[path])
        elif path == "/filling":
            use = min(1, 0.48 + 0.02 * number)
            text = ('vllm:kv_cache_usage_perc{engine="0",model_name="m"} %.2f\n'
                    'vllm:num_requests_running{engine="0",model_name="m"} 8\n'
                    'vllm:num_requests_waiting{engine="0",model_name="m"} %d\n' % (use, use > 0.6))
            self.answer(text.encode())
        elif path == "/flaky" and number % 4 in (2, 3):
            self.hang_up()
        elif path == "/slow":
            time.sleep(10)
            self.hang_up()
        elif path == "/html":
            self.answer(b"<!doctype html>\n<p>not here</p>\n", kind="text/html")
        elif path == "/empty":
            self.answer(b"")
        elif path in ("/404", "/401"):
            self.answer(b"no", int(path[1:]))
        elif path == "/auth":
            wanted = "Basic " + base64.b64encode(b"user:secret").decode()
            allowed = self.headers.get("Authorization") == wanted
            self.answer((DATA / "vllm.txt").read_bytes() if allowed else b"", 200 if allowed else 401)
        elif path == "/huge":
            self.answer(b"# " + b"x" * (20 << 20) + b"\n")
        elif path == "/bomb":
            self.answer(gzip.compress(b"# " + b"x" * (20 << 20)), Content_Encoding="gzip")
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"vllm:kv_cache_usage_perc 0.5\n")
            self.hang_up()
        elif path == "/garbage":
            self.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")
            self.hang_up()
        else:
            name = "vllm.txt" if path in ("/metrics", "/flaky") else os.path.basename(path)
            file = DATA / name
            self.answer(file.read_bytes() if file.is_file() else b"", 200 if file.is_file() else 404)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # a client that has seen enough goes away


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    port_file = pathlib.Path(sys.argv[1])
    part = port_file.with_suffix(".part")
    part.write_text("%d\n" % server.server_port, encoding="ascii")
    part.rename(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
