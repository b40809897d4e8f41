"""Sends requests whose length two readers could see differently, each with a second request hidden in its body, and says
what came back: one JSON object a request."""

import json
import socket
import ssl
import sys

import yaml

port, chain, key, authorities, *files = sys.argv[1:]
context = ssl.create_default_context(cafile=authorities)
context.load_cert_chain(chain, key)


def written(case):
    def raw(text):
        return str(text).encode("utf-8") if any(ord(c) > 255 for c in str(text)) else str(text).encode("latin-1")

    version = case.get("version") or ""
    lines = [b" ".join(filter(None, [raw(case["method"]), raw(case["uri"]), raw(version)])), b"Host: localhost"]
    lines += [raw(of["name"]) + b": " + raw(of["value"]) for of in case.get("headers") or []]
    hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return b"\r\n".join(lines) + b"\r\n\r\n" + b"0\r\n\r\n" + hidden


def answers(request):
    heard = b""
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(request)
            connection.settimeout(1.5)
            try:
                while piece := connection.recv(65536):
                    heard += piece
                closed = True
            except TimeoutError:
                closed = False
            except OSError:
                closed = True
    statuses = [part[:3].decode() for part in heard.split(b"HTTP/1.1 ")[1:]]
    return {"statuses": statuses, "closed": closed}


for file in files:
    for case in yaml.safe_load(open(file, encoding="utf-8")):
        print(json.dumps({"name": case["name"], "tier": case["expected"]["tier"], **answers(written(case))}))
