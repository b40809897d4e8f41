"""HTTP/1.1: what the gateway makes of requests as nobody's library writes them.

After each comes a good request on the same connection, which asks for its end. So `404 200` says: answered, and the
connection is as it was. `400` says: refused, and it was the last."""

from asking import all_of, client, connected, context, intake, socket, statuses, told, tls_only

EHR = context(client())
STRANGER = context()
OTHER = context(client("other-ehr"))
HOST = "Host: localhost"
FOLLOWING = b"GET /v1/destinations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LIST = "GET /v1/destinations HTTP/1.1"
CHECK = "POST /v1/checks HTTP/1.1"
JSON = "Content-Type: application/json"


def head(*lines):
    return b"\r\n".join(line.encode("latin-1") for line in lines) + b"\r\n\r\n"


def sent(content, by=EHR, port=intake, following=FOLLOWING):
    with connected(by, port) as connection:
        return told(connection, content + following)


def to(*lines, body=b""):
    return lambda: statuses(sent(head(*lines) + body))


def get(target, *more):
    return to(f"GET {target} HTTP/1.1", HOST, *more)


def asked(method, target="/v1/destinations"):
    return to(f"{method} {target} HTTP/1.1", HOST)


def posted(*headers, body=b""):
    return to(CHECK, HOST, JSON, *headers, body=body)


def chunked(body):
    return posted("Transfer-Encoding: chunked", body=body)


METHODS = [
    ("a list is read with GET", "200 200", asked("GET")),
    ("HEAD is answered without a body", "200 200", asked("HEAD")),
    ("OPTIONS is not offered: there is no other origin to tell anything to", "405 200", asked("OPTIONS")),
    ("TRACE repeats nothing", "405 200", asked("TRACE")),
    ("a tunnel is not opened by CONNECT", "404 200", to("CONNECT registry.example:443 HTTP/1.1", "Host: registry.example:443")),
    ("what is read cannot be put", "405 200", asked("PUT")),
    ("what is read cannot be deleted", "405 200", asked("DELETE")),
    ("what is read cannot be patched", "405 200", asked("PATCH")),
    ("a method that nobody knows is refused", "405 200", asked("BREW")),
    ("methods are read with their case", "405 200", asked("get")),
    ("PRI is a method of nobody's", "404 200", to("PRI * HTTP/1.1", HOST)),
    ("a method with a space before it is refused", "400", to(" GET /v1/destinations HTTP/1.1", HOST)),
    ("a method with a NUL in it is refused", "400", to("GE\0T /v1/destinations HTTP/1.1", HOST)),
    ("a method of 64 KiB ends the connection", "431", to("A" * 65536 + " / HTTP/1.1", HOST)),
]

TARGETS = [
    ("the absolute form is understood", "200 200", get("https://localhost/v1/destinations")),
    ("an absolute target of somebody else's does not go out of the house", "404 200", get("http://registry.example/admin")),
    ("the asterisk is nobody's resource", "404 200", asked("OPTIONS", "*")),
    ("the asterisk is not for GET", "404 200", get("*")),
    ("the authority form is for CONNECT alone", "404 200", get("localhost:443")),
    ("dot segments lead nowhere", "404 200", get("/v1/../v1/destinations")),
    ("a single dot leads nowhere", "404 200", get("/v1/./destinations")),
    ("dot segments do not lead to files", "404 200", get("/v1/transfers/../../../../etc/passwd")),
    ("dot segments do not lead out when they are encoded", "404 200", get("/v1/transfers/%2e%2e%2f%2e%2e%2fopenapi.json")),
    ("dot segments do not lead out when they are encoded twice", "404 200", get("/v1/transfers/%252e%252e%252fopenapi.json")),
    ("a double slash at the start is another path", "404 200", get("//v1/destinations")),
    ("a double slash inside is another path", "404 200", get("/v1//destinations")),
    ("a slash at the end is another path", "404 200", get("/v1/destinations/")),
    ("a backslash is no slash", "404 200", get("/v1\\destinations")),
    ("an encoded slash is no slash", "404 200", get("/v1%2fdestinations")),
    ("a letter that is encoded without need is another path", "404 200", get("/v1/%64estinations")),
    ("paths are read with their case", "404 200", get("/V1/Destinations")),
    ("an encoded NUL ends no path", "404 200", get("/v1/destinations%00")),
    ("a NUL in a path is refused", "400", get("/v1/destinations\0")),
    ("a path parameter is part of the path", "404 200", get("/v1/destinations;v=1")),
    ("a space in a path is refused", "400", get("/v1/destinations /x")),
    ("a path of 60 KiB is refused", "431", get("/" + "a" * 61_440)),
    ("a line break that is encoded breaks no header", "200 200", get("/v1/destinations?x=%0d%0aSet-Cookie:%20x=1")),
    ("health is not asked at intake", "404 200", get("/readyz")),
    ("metrics are not asked at intake", "404 200", get("/metrics")),
    ("the console is not at intake", "404 200", get("/console")),
]

VERSIONS = [
    ("HTTP/1.0 is answered and closed", "200", lambda: statuses(sent(head("GET /v1/destinations HTTP/1.0", HOST), following=b"").replace(b"HTTP/1.0 ", b"HTTP/1.1 "))),
    ("HTTP/0.9 is refused", "400", to("GET /v1/destinations")),
    ("HTTP/1.2 is refused", "400", to("GET /v1/destinations HTTP/1.2", HOST)),
    ("HTTP/2.0 as a text is refused", "400", to("GET /v1/destinations HTTP/2.0", HOST)),
    ("the version is read with its case", "400", to("GET /v1/destinations http/1.1", HOST)),
    ("a version of two digits is refused", "400", to("GET /v1/destinations HTTP/1.10", HOST)),
]

HOSTS = [
    ("a request of HTTP/1.1 names its host", "400", to(LIST)),
    ("it names one host, not two", "400", to(LIST, HOST, "Host: registry.example")),
    ("it names its host once, not twice the same", "400", to(LIST, HOST, HOST)),
    ("a host is one name, not a list", "400", to(LIST, "Host: localhost, registry.example")),
    ("a host is a name, not a path", "400", to(LIST, "Host: localhost/v1")),
    ("a host holds no user", "400", to(LIST, "Host: admin@localhost")),
    ("another host's name changes nothing: who comes is known by certificate", "200 200", to(LIST, "Host: registry.example")),
]

NEGOTIATION = [
    ("a client that expects to be told to go on is told so when its body is wanted", "100 400 200",
     posted("Expect: 100-continue", "Content-Length: 2", body=b"{}")),
    ("a client nobody knows is not told to send its body", "403",
     lambda: statuses(sent(head(CHECK, HOST, JSON, "Expect: 100-continue", "Content-Length: 2"), OTHER, following=b""))),
    ("an upgrade to HTTP/2 without TLS is not taken up", "200 200",
     get("/v1/destinations", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")),
    ("an upgrade to WebSocket is not taken up", "200 200",
     get("/v1/destinations", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")),
    ("a client may end the connection with its request", "200", get("/v1/destinations", "Connection: close")),
    ("requests in one packet are answered in their order", "200 404 200 200",
     lambda: statuses(sent(head(LIST, HOST) + head("GET /none HTTP/1.1", HOST) + head(LIST, HOST)))),
    ("a range of a list is not served by halves", "200 200", get("/v1/destinations", "Range: bytes=0-3")),
]

# Nobody's word about who he is counts but his certificate's: a client that is not registered stays so.
CLAIMS = [
    "Authorization: Basic ZWhyOmVocg==", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.", "Client-Cert: :MIIB:", "Client-Cert-Chain: :MIIB:",
    "Cookie: client=ehr", "Forwarded: for=127.0.0.1;by=ehr", "X-Amzn-Mtls-Clientcert-Subject: CN=ehr", "X-Client-Id: ehr",
    "X-Forwarded-Client-Cert: Subject=\"CN=ehr\"", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: localhost", "X-Forwarded-Proto: https",
    "X-Forwarded-User: ehr", "X-Real-IP: 127.0.0.1", "X-Remote-User: ehr", "X-Road-Client: ee-test/COM/10990009/gateway",
    "X-Road-Represented-Party: COM/10990009", "X-Road-UserId: EE60001017869", "X-SSL-Client-Cert: MIIB", "X-SSL-Client-S-DN: CN=ehr",
    "X-SSL-Client-Verify: SUCCESS", "SSL_CLIENT_VERIFY: SUCCESS",
]
SPOOFING = [
    (f"who one is, is not said by `{claim.partition(':')[0]}: {claim.partition(': ')[2][:12]}`", "403",
     lambda claim=claim: statuses(sent(head(LIST, HOST, claim, "Connection: close"), OTHER, following=b"")))
    for claim in CLAIMS
] + [
    ("what is asked is not said by `X-HTTP-Method-Override`", "200 200", get("/v1/destinations", "X-HTTP-Method-Override: DELETE")),
    ("where it goes is not said by `X-Original-URL`", "404 200", get("/none", "X-Original-URL: /v1/destinations")),
    ("where it goes is not said by `X-Rewrite-URL`", "404 200", get("/none", "X-Rewrite-URL: /v1/destinations")),
    ("where it is, is not said by `X-Forwarded-Prefix`", "404 200", get("/none", "X-Forwarded-Prefix: /v1")),
]

HEADERS = [
    ("names of headers are read without their case", "200 200", to(LIST, "hOsT: localhost")),
    ("a hundred headers are too many", "431", get("/v1/destinations", *(f"x-{number}: y" for number in range(100)))),
    ("a header of 64 KiB is too large", "431", get("/v1/destinations", "x-large: " + "y" * 65536)),
    ("a header is not folded into the next line", "400", to(LIST, HOST, "x-folded: a", " b")),
    ("no space stands before the colon", "400", to(LIST, HOST, "x-spaced : a")),
    ("no header is without a name", "400", to(LIST, HOST, ": a")),
    ("no header is without a colon", "400", to(LIST, HOST, "x-nothing")),
    ("a line break alone ends no header's value", "400", to(LIST, HOST, "x-broken: a\rHost: registry.example")),
    ("a NUL in a header is refused", "400", to(LIST, HOST, "x-nul: a\0b")),
    ("a header with bytes beyond ASCII is carried and means nothing", "200 200", to(LIST, HOST, "x-text: \xe4\xf5")),
]

BODIES = [
    ("a length that is no number is refused", "400", posted("Content-Length: two", body=b"{}")),
    ("a length with a sign is refused", "400", posted("Content-Length: +2", body=b"{}")),
    ("a length below nothing is refused", "400", posted("Content-Length: -2", body=b"{}")),
    ("a length in sixteens is refused", "400", posted("Content-Length: 0x2", body=b"{}")),
    ("a length beyond 64 bits is refused", "400", posted("Content-Length: 18446744073709551618", body=b"{}")),
    ("two lengths are refused", "400", posted("Content-Length: 2", "Content-Length: 3", body=b"{}")),
    ("a list of lengths is refused", "400", posted("Content-Length: 2, 3", body=b"{}")),
    ("an empty length is refused", "400", posted("Content-Length: ", body=b"{}")),
    ("a length and chunks are refused", "400", posted("Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("chunks within chunks are refused", "400", posted("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n")),
    ("chunks that are not the last coding are refused", "400", posted("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n")),
    ("a coding that nobody knows is refused", "400", posted("Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    ("HTTP/1.0 knows no chunks", "400", lambda: statuses(sent(head("POST /v1/checks HTTP/1.0", HOST, JSON, "Transfer-Encoding: chunked") + b"0\r\n\r\n").replace(b"HTTP/1.0 ", b"HTTP/1.1 "))),
    ("a GET with a body is refused and the last", "400", to(LIST, HOST, "Content-Length: 5", body=b"GET /")),
    ("a body of nothing is no JSON", "400 200", posted("Content-Length: 0")),
    ("chunks are read", "400 200", chunked(b"2\r\n{}\r\n0\r\n\r\n")),
    ("an extension of a chunk means nothing", "400 200", chunked(b"2;name=value\r\n{}\r\n0\r\n\r\n")),
    ("an extension without end is refused", "400", chunked(b"2;" + b"x" * 32768 + b"\r\n{}\r\n0\r\n\r\n")),
    ("a trailer says nothing of who comes or how long it is", "400 200", chunked(b"2\r\n{}\r\n0\r\nX-Road-Client: a\r\nContent-Length: 9\r\n\r\n")),
    ("a size of a chunk that is no number is refused", "400", chunked(b"zz\r\n{}\r\n0\r\n\r\n")),
    ("a size of a chunk with a sign is refused", "400", chunked(b"+2\r\n{}\r\n0\r\n\r\n")),
    ("a size of a chunk with a prefix is refused", "400", chunked(b"0x2\r\n{}\r\n0\r\n\r\n")),
    ("a size of a chunk beyond 64 bits is refused", "400", chunked(b"10000000000000002\r\n{}\r\n0\r\n\r\n")),
    ("a chunk longer than it says is refused", "400", chunked(b"1\r\n{}\r\n0\r\n\r\n")),
    ("a line break alone does not end the size of a chunk", "400", chunked(b"2\n{}\r\n0\r\n\r\n")),
]


def half_closed():
    """Says half of a body, and that no more will come."""
    with connected(EHR) as connection:
        connection.sendall(head(CHECK, HOST, JSON, "Content-Length: 400") + b"{")
        # Of TCP alone: TLS says nothing.
        socket.socket.shutdown(connection, socket.SHUT_WR)
        return statuses(told(connection, b""))


def unread():
    """Asks for far more than it reads; the next one is served meanwhile."""
    with connected(EHR) as deaf:
        deaf.settimeout(2)
        try:
            for _ in range(400):
                deaf.sendall(head("GET /openapi.json HTTP/1.1", HOST))
        except OSError:
            pass
        return to(LIST, HOST, "Connection: close")()


ENDS = [
    ("a body of which half comes is refused", "400", half_closed),
    ("whoever does not read his answers holds up nobody else", "200", unread),
    ("without a certificate nobody is spoken to in HTTP", "certificate required", lambda: statuses(sent(b"", STRANGER))),
    ("the door for scanners takes no transfers", "404 200",
     lambda: statuses(sent(head("POST /v1/transfers HTTP/1.1", HOST, "Content-Length: 0"), STRANGER, tls_only, head("GET /livez HTTP/1.1", HOST, "Connection: close")))),
]

all_of(METHODS + TARGETS + VERSIONS + HOSTS + NEGOTIATION + SPOOFING + HEADERS + BODIES + ENDS)
