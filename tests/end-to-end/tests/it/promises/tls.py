"""TLS: what the listeners offer, and what they do with what nobody should say. Most is asked at the door for scanners, which
speaks the same TLS without a client certificate."""

import re
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

from asking import AUTHORITIES, SECONDS, all_of, client, connected, context, intake, s_client, socket, statuses, tls_only, told

ALIVE = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LIST = b"GET /v1/destinations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
WEAK = ["-cipher", "DEFAULT:@SECLEVEL=0"]
kept = Path(tempfile.mkdtemp())


def met(*options, port=tls_only):
    """How a handshake ended: its version and suite, or the alert."""
    return lambda: outcome(s_client("-servername", "localhost", *options, port=port))


def outcome(printed):
    if refused := re.search(r"alert ([a-z0-9 ]+):", printed):
        return refused[1]
    if suite := re.search(r"New, (\S+), Cipher is (\S+)", printed):
        return f"{suite[1]} {suite[2]}" if suite[1] != "(NONE)," else "no handshake"
    return "no handshake"


def line(pattern, *options, port=tls_only):
    """What OpenSSL's client says of one thing."""
    def ask():
        found = re.search(pattern, s_client("-servername", "localhost", *options, port=port))
        return found[1] if found else "not said"
    return ask


def protocol(*offered):
    return line(r"(?:ALPN protocol: |alert )(\S+|no application protocol)[\n:]" if offered else r"(No ALPN negotiated)", *(["-alpn", ",".join(offered)] if offered else []))


def served(*options):
    """The status of a request after a handshake with these options."""
    def ask():
        found = re.search(r"HTTP/1\.1 (\d+)", s_client("-quiet", "-ign_eof", *options, said=ALIVE))
        return found[1] if found else "no answer"
    return ask


def changing_keys(*letters):
    """Has OpenSSL's client change its keys (`k`) or both sides theirs (`K`), once a letter, and then asks."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{tls_only}", "-CAfile", str(AUTHORITIES), "-crlf", "-servername", "localhost"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as asking:
        def say(words):
            asking.stdin.write(words.encode())
            asking.stdin.flush()

        waiting = threading.Timer(SECONDS, asking.kill)
        waiting.start()
        for letter in letters:
            say(letter + "\n")
            # What comes with a letter in one piece would be lost with it.
            while (line := asking.stdout.readline()) and b"KEYUPDATE" not in line:
                pass
        say(ALIVE.replace("\r", ""))
        # It ends when the gateway hangs up.
        printed = asking.stdout.read().decode(errors="replace")
        waiting.cancel()
    return " ".join(re.findall(r"HTTP/1\.1 (\d+)", printed))


def again(*options):
    """Comes a second time with the session of the first, if there was one."""
    session = kept / "session"
    first = s_client("-servername", "localhost", "-sess_out", str(session), "-ign_eof", said=ALIVE)
    assert "HTTP/1.1 200" in first, first
    if not session.exists():
        return "no session was given"
    second = s_client("-servername", "localhost", "-sess_in", str(session), *options)
    return "resumed" if "Reused" in second else "made anew"


def after_the_handshake(content):
    """Sends these bytes below TLS once the handshake is done."""
    def ask():
        with socket.create_connection(("127.0.0.1", tls_only), timeout=SECONDS) as plain:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            by = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            while True:
                try:
                    by.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(65536))
            plain.sendall(outgoing.read() + content)
            try:
                while piece := plain.recv(65536):
                    incoming.write(piece)
            except OSError:
                pass
            try:
                return "answered" if by.read(1) else "closed"
            except ssl.SSLWantReadError:
                return "closed"
            except ssl.SSLError as error:
                return error.reason.lower().split("alert_")[-1].replace("_", " ")
    return ask


def record(kind, body, length=None):
    return bytes([kind, 3, 3]) + (len(body) if length is None else length).to_bytes(2, "big") + body


def said_goodbye():
    """Whether the gateway ends TLS before it ends TCP."""
    with connected(context(client())) as connection:
        connection.sendall(LIST)
        connection.suppress_ragged_eofs = False
        while connection.recv(65536):
            pass
    return "close notify"


def without_goodbye():
    """Hangs up in the middle of a request, and asks again."""
    with connected(context(client())) as connection:
        connection.sendall(LIST[:40])
    with connected(context(client())) as connection:
        return statuses(told(connection, LIST))


def by_byte():
    """A handshake that comes one byte at a time."""
    with socket.create_connection(("127.0.0.1", tls_only), timeout=SECONDS) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        by = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        while True:
            try:
                by.do_handshake()
                return by.version()
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    plain.sendall(bytes([byte]))
                incoming.write(plain.recv(65536))


VERSIONS = [
    ("TLS 1.3 is spoken", "TLSv1.3 TLS_AES_256_GCM_SHA384", met()),
    ("TLS 1.2 is not", "protocol version", met("-tls1_2")),
    ("TLS 1.1 is not", "handshake failure", met("-tls1_1", *WEAK)),
    ("TLS 1.0 is not", "handshake failure", met("-tls1", *WEAK)),
    ("TLS 1.2 is not spoken at intake either", "protocol version", met("-tls1_2", port=intake)),
]
SUITES = [
    (f"the suite {suite} is offered", f"TLSv1.3 {suite}", met("-ciphersuites", suite))
    for suite in ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]
] + [
    (f"the suite {suite} is not", "handshake failure", met("-ciphersuites", suite))
    for suite in ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]
]
GROUPS = [
    (f"a key is agreed on {group}", key, line(r"Server Temp Key: ([^,\n]+(?:, prime256v1|, secp384r1)?)", "-groups", group))
    for group, key in [("X25519", "X25519"), ("P-256", "ECDH, prime256v1"), ("P-384", "ECDH, secp384r1")]
] + [
    (f"no key is agreed on {group}", "handshake failure", met("-groups", group)) for group in ["P-521", "X448", "ffdhe2048"]
] + [
    ("a client whose first guess is not ours is asked for another", "X25519", line(r"Server Temp Key: ([^,\n]+)", "-groups", "X448:X25519")),
]
SCHEMES = [
    ("the server signs with ECDSA on P-256 over SHA-256", "ECDSA", line(r"Peer signature type: (\S+)", "-sigalgs", "ECDSA+SHA256")),
    ("the server does not sign over SHA-1", "handshake failure", met("-sigalgs", "ECDSA+SHA1:ECDSA+SHA224", *WEAK)),
    ("the server signs with no other kind of key than its own", "handshake failure", met("-sigalgs", "RSA-PSS+SHA256")),
    ("clients are not asked to sign over SHA-1", "none", lambda: "SHA1" in line(r"Requested Signature Algorithms: (.*)", port=intake)() and "SHA1" or "none"),
]
NAMES = [
    ("a client that names no host is served", "200", served("-noservername")),
    ("a client that names another host gets no other certificate", "200", served("-servername", "registry.example")),
    ("the certificate is for the host's name", "0 (ok)", line(r"Verify return code: (.+)", "-verify_hostname", "localhost")),
    ("the certificate is for no other name", "62 (hostname mismatch)", line(r"Verify return code: (.+)", "-verify_hostname", "registry.example")),
]
PROTOCOLS = [
    ("a client that names no protocol speaks HTTP/1.1", "No ALPN negotiated", protocol()),
    ("HTTP/2 is spoken with who asks for it", "h2", protocol("h2")),
    ("HTTP/1.1 is spoken with who asks for it", "http/1.1", protocol("http/1.1")),
    ("HTTP/2 is preferred", "h2", protocol("http/1.1", "h2")),
    ("a protocol that nobody knows is refused", "no application protocol", protocol("spdy/3")),
    ("HTTP/2 without TLS is no protocol of TLS", "no application protocol", protocol("h2c")),
    ("HTTP/1.0 is no protocol of TLS", "no application protocol", protocol("http/1.0")),
]
SESSIONS = [
    ("no session is given to come back with", "no session was given", lambda: again()),
    ("no data is taken before the handshake", "Early data was not sent", line(r"(Early data was [^\n]+)")),
    ("nothing is compressed", "NONE", line(r"Compression: (\S+)")),
    ("a handshake that comes byte by byte is one", "TLSv1.3", by_byte),
    ("a client may change its keys", "200", lambda: changing_keys("k")),
    ("a client may ask for new keys", "200", lambda: changing_keys("K")),
    ("a client may change its keys again and again", "200", lambda: changing_keys(*"KkKkK")),
    ("small records are taken", "200", served("-servername", "localhost", "-split_send_frag", "512", "-max_send_frag", "512")),
    ("the server asks for a certificate at intake, and names whom it trusts", "C = EE, O = Clearance Example, CN = Clearance Example Root", line(r"Acceptable client certificate CA names\n(.+)", port=intake)),
    ("the door for scanners asks for none", "No client certificate CA names sent", line(r"(No client certificate CA names sent)")),
]
ENDS = [
    ("the gateway says goodbye in TLS before it hangs up", "close notify", said_goodbye),
    ("whoever hangs up without goodbye harms nobody", "200", without_goodbye),
    ("a greeting in clear after the handshake ends the connection", "bad record mac", after_the_handshake(record(22, b"\x01\x00\x00\x02\x03\x03"))),
    ("data in clear after the handshake ends the connection", "bad record mac", after_the_handshake(record(23, b"GET / HTTP/1.1\r\n\r\n" + bytes(9)))),
    ("an alert in clear after the handshake ends the connection", "bad record mac", after_the_handshake(record(21, b"\x02\x28"))),
    ("a change of cipher after the handshake ends the connection", "unexpected message", after_the_handshake(record(20, b"\x01"))),
    ("a heartbeat ends the connection", "bad record mac", after_the_handshake(record(24, b"\x01\x40\x00"))),
    ("a record of a kind nobody knows ends the connection", "decode error", after_the_handshake(record(99, b"x"))),
    ("a record larger than any may be ends the connection", "decode error", after_the_handshake(record(23, bytes(20000)))),
]

all_of(VERSIONS + SUITES + GROUPS + SCHEMES + NAMES + PROTOCOLS + SESSIONS + ENDS)
