"""HTTP/2: frames that no library sends. What is heard is the status of the answer, or how the gateway breaks off: `reset` (the
one request) or `gone` (the connection), and why, in the words of RFC 9113. It hears no more than five seconds."""

import hpack
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame,
                              PushPromiseFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame)

from asking import all_of, client, connected, context

EHR = context(client(), ["h2"])
OTHER = context(client("other-ehr"), ["h2"])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize()
ERRORS = "no error,protocol error,internal error,flow control,settings timeout,stream closed,frame size,refused,cancel,compression,connect,calm,security,http 1.1".split(",")
METHOD, SCHEME, HOST, PATH = (":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/v1/destinations")
GOOD = [METHOD, SCHEME, HOST, PATH]


def block(fields):
    # Written without a memory, so that blocks stand alone.
    return b"".join(b"\x00" + bytes([len(name)]) + name.encode() + text(value.encode()) for name, value in fields)


def text(value):
    assert len(value) < 127 + 128 * 128
    return (bytes([len(value)]) if len(value) < 127 else b"\x7f" + bytes([(len(value) - 127) % 128 | 128, (len(value) - 127) // 128])) + value


def headers(fields, stream=1, flags=("END_HEADERS", "END_STREAM")):
    return HeadersFrame(stream, data=block(fields), flags=flags).serialize()


def said(content, by=EHR, stream=1):
    """The first thing that is said of `stream`, or of the connection."""
    decoder, rest = hpack.Decoder(), b""
    with connected(by) as connection:
        connection.settimeout(5)
        connection.sendall(PREFACE + content)
        try:
            while piece := connection.recv(65536):
                rest += piece
                while len(rest) >= 9:
                    frame, length = Frame.parse_frame_header(memoryview(rest[:9]))
                    if len(rest) < 9 + length:
                        break
                    frame.parse_body(memoryview(rest[9:9 + length]))
                    rest = rest[9 + length:]
                    if isinstance(frame, GoAwayFrame):
                        return "gone: " + ERRORS[frame.error_code]
                    if isinstance(frame, RstStreamFrame) and frame.stream_id == stream:
                        return "reset: " + ERRORS[frame.error_code]
                    if isinstance(frame, HeadersFrame):
                        status = dict(decoder.decode(frame.data))[":status"]
                        if frame.stream_id == stream:
                            return status
        except TimeoutError:
            return "silence"
        except OSError:
            pass
        return "closed"


def asked(*fields):
    return lambda: said(headers(fields))


def with_header(name, value):
    return asked(*GOOD, (name, value))


def frames(*content, stream=1):
    return lambda: said(b"".join(of if isinstance(of, bytes) else of.serialize() for of in content), stream=stream)


POST = [(":method", "POST"), SCHEME, HOST, (":path", "/v1/checks"), ("content-type", "application/json")]
OPEN = headers(POST, flags=("END_HEADERS",))


def raw(kind, flags, stream, body):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def large_rest():
    """Seven frames that go on with a head, the last of which ends it."""
    more = [ContinuationFrame(1, data=block([(f"x-{number}", "y" * 8000)]), flags=["END_HEADERS"] if number == 7 else []) for number in range(1, 8)]
    return b"".join(of.serialize() for of in more)


REQUESTS = [
    ("a list is read", "200", asked(*GOOD)),
    ("a request without `:method` is malformed", "reset: protocol error", asked(SCHEME, HOST, PATH)),
    ("a request without `:scheme` is malformed", "reset: protocol error", asked(METHOD, HOST, PATH)),
    ("a request without `:path` is malformed", "reset: protocol error", asked(METHOD, SCHEME, HOST)),
    ("a request with an empty `:path` is malformed", "reset: protocol error", asked(METHOD, SCHEME, HOST, (":path", ""))),
    ("a `:path` without its slash is malformed", "reset: protocol error", asked(METHOD, SCHEME, HOST, (":path", "v1/destinations"))),
    ("two `:path`s are malformed", "reset: protocol error", asked(*GOOD, (":path", "/none"))),
    ("two `:method`s are malformed", "reset: protocol error", asked(*GOOD, (":method", "POST"))),
    ("a pseudo-header after a header is malformed", "reset: protocol error", asked(METHOD, SCHEME, HOST, ("accept", "*/*"), PATH)),
    ("a pseudo-header that nobody knows is malformed", "gone: protocol error", asked(*GOOD, (":who", "ehr"))),
    ("a request with a `:status` is malformed", "reset: protocol error", asked(*GOOD, (":status", "200"))),
    ("a header in capitals is malformed", "gone: protocol error", with_header("X-Capital", "a")),
    ("`connection` is not for HTTP/2", "reset: protocol error", with_header("connection", "keep-alive")),
    ("`transfer-encoding` is not for HTTP/2", "reset: protocol error", with_header("transfer-encoding", "chunked")),
    ("`upgrade` is not for HTTP/2", "reset: protocol error", with_header("upgrade", "websocket")),
    ("`te` asks for trailers or for nothing", "reset: protocol error", with_header("te", "gzip")),
    ("a line break in a header is malformed", "gone: protocol error", with_header("x-broken", "a\r\nx: b")),
    ("a NUL in a header is malformed", "gone: protocol error", with_header("x-nul", "a\0b")),
    ("a method with a line break is malformed", "gone: protocol error", asked((":method", "GET / HTTP/1.1\r\nx: y"), SCHEME, HOST, PATH)),
    ("a path with a space is malformed", "reset: protocol error", asked(METHOD, SCHEME, HOST, (":path", "/v1/destinations HTTP/1.1"))),
    ("a host beside another `:authority` is refused", "400", with_header("host", "registry.example")),
    ("no host at all is refused", "400", asked(METHOD, SCHEME, PATH)),
    ("an extended CONNECT was not offered", "reset: protocol error", asked((":method", "CONNECT"), (":protocol", "websocket"), SCHEME, HOST, PATH)),
    ("a tunnel is not opened by CONNECT over HTTP/2", "404", asked((":method", "CONNECT"), (":authority", "registry.example:443"))),
    ("TRACE repeats nothing over HTTP/2", "405", asked((":method", "TRACE"), SCHEME, HOST, PATH)),
    ("dot segments lead nowhere over HTTP/2", "404", asked(METHOD, SCHEME, HOST, (":path", "/v1/../v1/destinations"))),
    ("headers of 64 KiB together are too many", "gone: calm", lambda: said(headers([*GOOD, ("x-0", "y" * 8000)], flags=("END_STREAM",)) + large_rest())),
    ("who one is, is not said by a header over HTTP/2", "403", lambda: said(headers([*GOOD, ("x-ssl-client-s-dn", "CN=ehr")]), OTHER)),
]

FRAMES = [
    ("a body longer than it says is malformed", "reset: protocol error",
     frames(headers([*POST, ("content-length", "2")], flags=("END_HEADERS",)), DataFrame(1, data=b"{} {}", flags=("END_STREAM",)))),
    ("a body shorter than it says is malformed", "reset: protocol error",
     frames(headers([*POST, ("content-length", "9")], flags=("END_HEADERS",)), DataFrame(1, data=b"{}", flags=("END_STREAM",)))),
    ("trailers that do not end the request are malformed", "reset: protocol error", frames(OPEN, headers([("x", "y")], flags=("END_HEADERS",)))),
    ("a client opens streams with odd numbers", "gone: protocol error", frames(headers(GOOD, 2), stream=2)),
    ("streams are opened in order", "gone: protocol error", frames(headers(GOOD, 5) + headers(GOOD, 3), stream=3)),
    ("no stream has the number nought", "gone: protocol error", frames(raw(1, 5, 0, block(GOOD)))),
    ("data for no stream ends the connection", "gone: protocol error", frames(DataFrame(7, data=b"x"), stream=7)),
    ("a window grows by something", "gone: protocol error", frames(raw(8, 0, 0, bytes(4)))),
    ("a window does not grow beyond 2^31", "gone: flow control", frames(WindowUpdateFrame(0, window_increment=2**31 - 1))),
    ("settings have six bytes each", "gone: protocol error", frames(raw(4, 0, 0, bytes(5)))),
    ("settings are of the connection", "gone: protocol error", frames(raw(4, 0, 1, b""))),
    ("a window of settings is below 2^31", "gone: protocol error", frames(raw(4, 0, 0, b"\x00\x04\x80\x00\x00\x00"))),
    ("a client promises nothing", "gone: protocol error", frames(PushPromiseFrame(1, promised_stream_id=2, data=block(GOOD), flags=("END_HEADERS",)))),
    ("a ping has eight bytes", "gone: protocol error", frames(raw(6, 0, 0, bytes(7)))),
    ("a ping is of the connection", "gone: protocol error", frames(raw(6, 0, 1, bytes(8)))),
    ("a stream that was never opened is not reset", "gone: protocol error", frames(RstStreamFrame(9), stream=9)),
    ("a frame larger than was agreed ends the connection", "gone: frame size", frames(OPEN, raw(0, 0, 1, bytes(16385)))),
    ("padding is not longer than its frame", "gone: protocol error", frames(OPEN, raw(0, 8, 1, b"\xff{}"))),
    ("a head is not interrupted", "gone: protocol error", frames(headers(GOOD[:2], flags=("END_STREAM",)), PingFrame(0, opaque_data=bytes(8)))),
    ("nothing is continued that was not begun", "gone: protocol error", frames(ContinuationFrame(1, data=block(GOOD), flags=("END_HEADERS",)))),
    ("a head that cannot be decompressed ends the connection", "gone: protocol error", frames(raw(1, 5, 1, b"\xff\xff\xff\xff\xff\xff"))),
    ("a frame of a kind nobody knows means nothing", "200", frames(raw(0xfa, 0, 0, b"hello"), headers(GOOD))),
    ("a priority means nothing", "200", frames(PriorityFrame(3, depends_on=0, stream_weight=9), headers(GOOD))),
    ("a request that is reset is no reason to end the connection", "200", frames(OPEN, RstStreamFrame(1, error_code=8), headers(GOOD, 3), stream=3)),
]

all_of(REQUESTS + FRAMES)
