"""Teaches schemathesis what is peculiar to the gateway's API."""

import json

import schemathesis


@schemathesis.serializer("multipart/related")
def related(context, value):
    """Two parts, in this order; schemathesis knows `multipart/form-data` only."""
    if isinstance(value, bytes) or not isinstance(value, dict):
        return {"data": value if isinstance(value, bytes) else json.dumps(value).encode()}
    boundary, body = "a-boundary-that-nobody-writes", b""
    for name, part in value.items():
        text = part if isinstance(part, bytes) else json.dumps(part, default=str).encode()
        head = f"--{boundary}\r\nContent-Disposition: form-data; name={json.dumps(name)}\r\n"
        body += head.encode() + b"Content-Type: application/json\r\n\r\n" + text + b"\r\n"
    media_type = f"multipart/related; boundary={boundary}"
    return {"data": body + f"--{boundary}--\r\n".encode(), "headers": {"Content-Type": media_type}}


@schemathesis.hook
def before_call(context, case, kwargs):
    """A GET with a body is refused before anything is looked at, because two readers could see its end at different
    places: what is asked for here is what comes after."""
    if case.method.upper() in ("GET", "HEAD"):
        case.body = schemathesis.core.NOT_SET
        case.media_type = None
