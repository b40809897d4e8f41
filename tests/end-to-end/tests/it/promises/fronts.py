"""A front that ends the clients' TLS and keeps connections of its own open to the gateway. Through it go the published cases
of requests whose length two readers could see differently, each with a request hidden in its body; after each, somebody
else asks on a connection of his own. Said, one JSON object a case: what both heard. At the end: how often the front says that
it passed on what was hidden."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

kind, *files = sys.argv[4:]
del sys.argv[4:]

import yaml  # noqa: E402

from asking import AUTHORITIES, client, connected, context, folder, intake, socket, statuses, told  # noqa: E402

HIDDEN = "/v1/destinations"
place = Path(tempfile.mkdtemp())


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def joined(name, *parts):
    file = place / name
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    return file


chain, key = client()
server = folder / "certs/server"
port = free_port()
NGINX = f"""
daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
events {{ }}
http {{
    log_format asked '$request_method $uri'; access_log {place}/access.log asked;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
    upstream gateway {{ server 127.0.0.1:{intake}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {server}/tls.crt; ssl_certificate_key {server}/tls.key;
        location / {{
            proxy_pass https://gateway; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host localhost;
            proxy_request_buffering off; proxy_ssl_certificate {chain}; proxy_ssl_certificate_key {key}; proxy_ssl_protocols TLSv1.3;
            proxy_ssl_trusted_certificate {AUTHORITIES}; proxy_ssl_verify on; proxy_ssl_verify_depth 3; proxy_ssl_name localhost; proxy_ssl_server_name on;
        }}
    }}
}}
"""
HAPROXY = f"""
global
    log {place}/log.sock len 4096 local0
    maxconn 100
defaults
    mode http
    log global
    option http-keep-alive
    log-format "%HM %HP"
    timeout connect 5s
    timeout client 5s
    timeout server 20s
frontend clients
    bind 127.0.0.1:{port} ssl crt {joined("front.pem", server / "tls.crt", server / "tls.key")} alpn http/1.1
    option accept-invalid-http-request
    default_backend gateway
backend gateway
    http-reuse always
    server gateway 127.0.0.1:{intake} ssl crt {joined("client.pem", chain, key)} ca-file {AUTHORITIES} verify required verifyhost localhost sni str(localhost) ssl-min-ver TLSv1.3 alpn http/1.1 pool-max-conn 1
"""


def started():
    """The front, and how to learn how often it passed on what was hidden."""
    config = place / "front.conf"
    if kind == "nginx":
        config.write_text(NGINX)
        process = subprocess.Popen(["nginx", "-e", f"{place}/error.log", "-p", str(place), "-c", str(config)])
        return process, lambda: (place / "access.log").read_text().splitlines()
    config.write_text(HAPROXY)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(place / "log.sock"))
    log.setblocking(False)
    process = subprocess.Popen(["haproxy", "-db", "-q", "-f", str(config)])
    return process, lambda: list(logged(log))


def logged(log):
    while True:
        try:
            yield log.recv(8192).decode(errors="replace").split(": ", 1)[-1].strip()
        except BlockingIOError:
            return


def raw(text):
    return str(text).encode("utf-8" if any(ord(letter) > 255 for letter in str(text)) else "latin-1")


def written(case):
    lines = [b" ".join(filter(None, map(raw, [case["method"], case["uri"], case.get("version") or ""]))), b"Host: localhost"]
    lines += [raw(of["name"]) + b": " + raw(of["value"]) for of in case.get("headers") or []]
    hidden = f"GET {HIDDEN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    return b"\r\n".join(lines) + b"\r\n\r\n" + b"0\r\n\r\n" + hidden


def heard(content, seconds):
    with connected(context(), port) as connection:
        connection.settimeout(seconds)
        return statuses(told(connection, content).replace(b"HTTP/1.1 and it hangs", b""))


def somebody_else(number):
    """Another client's question, whose answer is no other's: `405`."""
    return heard(f"DELETE /openapi.json?{number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), 20)


front, passed_on = started()
try:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    lines = []
    for file in files:
        for number, case in enumerate(yaml.safe_load(Path(file).read_text(encoding="utf-8"))):
            told_them = {"name": case["name"], "tier": case["expected"]["tier"], "attacker": heard(written(case), 0.7)}
            told_them["others"] = [somebody_else(f"{number}.{again}") for again in range(3)]
            print(json.dumps(told_them), flush=True)
            lines += passed_on() if kind == "haproxy" else []
    time.sleep(1)
    lines = lines + passed_on() if kind == "haproxy" else passed_on()
finally:
    front.terminate()
    front.wait()
# The front's own word: what a client asked after the other on one connection is no secret.
print(json.dumps({"passed_on": sum(line == f"GET {HIDDEN}" for line in lines), "requests": len(lines)}))
