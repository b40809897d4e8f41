"""What the promises of the listeners are asked with. A case is: the promise in words, what is to be heard, and how it is
asked. All are asked, several at once, and each is told as one JSON object, kept or not."""

import json
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

intake, tls_only, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
AUTHORITIES = folder / "certs/server/ca.crt"
SECONDS = 20


def client(name="ehr"):
    """The certificate and key of a client."""
    return folder / f"certs/clients/{name}/tls.crt", folder / f"certs/clients/{name}/tls.key"


def context(shown=None, protocols=("http/1.1",)):
    """A client that believes the gateway, and shows a certificate or none."""
    made = ssl.create_default_context(cafile=AUTHORITIES)
    made.set_alpn_protocols(list(protocols))
    if shown:
        made.load_cert_chain(*shown)
    return made


def connected(by, port=intake, name="localhost"):
    """A connection; whoever asks closes it."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    try:
        return by.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def alert(error):
    """What the gateway says as it turns a connection away, as RFC 8446 calls it."""
    reason = getattr(error, "reason", None) or type(error).__name__
    return reason.lower().split("alert_")[-1].replace("_", " ") if "ALERT" in reason else "no connection"


def told(connection, content):
    """Sends `content` and hears everything until the gateway hangs up."""
    heard = b""
    try:
        connection.sendall(content)
    except OSError:
        pass  # It may have answered and hung up before the last byte.
    try:
        while piece := connection.recv(65536):
            heard += piece
    except TimeoutError:
        return heard + b"HTTP/1.1 and it hangs"
    except ssl.SSLError as error:
        if not heard:
            return alert(error).encode()
    except OSError:
        pass
    return heard


def statuses(heard):
    """The statuses of the answers in what was heard; where there is none, what was heard instead."""
    answers = heard.split(b"HTTP/1.1 ")
    return " ".join(answer[:3].decode() for answer in answers[1:]) or answers[0][:80].decode("latin-1") or "nothing"


def s_client(*options, port=tls_only, said="", seconds=SECONDS):
    """What OpenSSL's client prints of a connection."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(AUTHORITIES), *options]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=seconds, errors="replace")
    return done.stdout + done.stderr


def all_of(cases):
    """Asks every case, and tells."""
    words = [words for words, _, _ in cases]
    assert len(set(words)) == len(words), sorted(of for of in words if words.count(of) > 1)

    def one(case):
        words, expected, ask = case
        try:
            heard = ask()
        except Exception as error:
            heard = f"{type(error).__name__}: {error}"
        return json.dumps({"promise": words, "expected": expected, "heard": heard, "kept": heard == expected})

    with ThreadPoolExecutor(8) as several:
        for line in several.map(one, cases):
            print(line, flush=True)
