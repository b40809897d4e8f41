"""Certificates that a client may come with, issued by the example's own authorities: who is let in, and at which layer the
others are stopped. What is heard is the status and the rule that decided, or the alert that ends the handshake."""

import datetime
import hashlib
import json
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import ExtendedKeyUsageOID as Use
from cryptography.x509.oid import NameOID

from asking import all_of, client, connected, context, folder, told

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
ORGANISATION = x509.ObjectIdentifier("2.5.4.97")
CLINIC = "NTREE-10990009"
kept = Path(tempfile.mkdtemp())


class Authority:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    @classmethod
    def of(cls, where):
        key = serialization.load_pem_private_key((where / "tls.key").read_bytes(), None)
        return cls(x509.load_pem_x509_certificate((where / "tls.crt").read_bytes()), key)

    def below(self, name, *more):
        """An authority that this one certifies."""
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(x509.BasicConstraints(True, None), True), (usage(authority=True), True), *more]
        return Authority(issued(key, self, subject(name, []), extensions), key)


def subject(name="ehr", organisations=(CLINIC,), *more):
    names = [(NameOID.COUNTRY_NAME, "EE"), (NameOID.ORGANIZATION_NAME, "Example Clinic"), (NameOID.COMMON_NAME, name)]
    names += [(ORGANISATION, organisation) for organisation in organisations]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in names + list(more)])


def usage(authority=False, signs=True):
    return x509.KeyUsage(signs, False, not signs, False, False, authority, authority, False, False)


def issued(key, by, named, extensions, window=(-1, 30), hashed=hashes.SHA256()):
    builder = x509.CertificateBuilder(by.certificate.subject, named, key.public_key(), x509.random_serial_number(), NOW + DAY * window[0], NOW + DAY * window[1])
    # The chain is told by key identifier, as names of authorities may be the same.
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    for extension, critical in [*extensions, (authority, False), (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)]:
        builder = builder.add_extension(extension, critical)
    if isinstance(by.key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        hashed = None
    return builder.sign(by.key, hashed)


root = Authority.of(folder / "certs/authority/root")
intermediate = Authority.of(folder / "certs/authority/intermediate")
partners = Authority.of(folder / "certs/authority/partners")
ehr = Authority.of(folder / "certs/clients/ehr")


def names(*dns):
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in dns or ["ehr.clinic.example"]]), False


def uses(*of):
    return x509.ExtendedKeyUsage(list(of) or [Use.CLIENT_AUTH]), False


LEAF = [(x509.BasicConstraints(False, None), True), (usage(), True)]
USUAL = [*LEAF, uses(), names()]


def heard(chain, key):
    """What a client hears that shows `chain` and asks for the list."""
    file = kept / f"{x509.random_serial_number()}.pem"
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = b"".join(of if isinstance(of, bytes) else of.public_bytes(serialization.Encoding.PEM) for of in chain)
    file.write_bytes(pem + key.private_bytes(*form))
    by = context()
    by.set_ciphers("DEFAULT@SECLEVEL=0")
    by.load_cert_chain(file)
    return asked(by)


def asked(by):
    request = b"GET /v1/destinations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with connected(by) as connection:
            answer = told(connection, request)
    except ssl.SSLError as error:
        return error.reason.lower()
    except OSError:
        return "closed"
    if not answer.startswith(b"HTTP/1.1 "):
        return answer.decode("latin-1") or "closed"
    status, body = answer[9:12].decode(), answer.partition(b"\r\n\r\n")[2]
    return status if status == "200" else f"{status} {json.loads(body)['rule']}"


def shown(extensions=USUAL, key=None, by=intermediate, named=None, chain=None, **more):
    """Shows a certificate of the EHR's registered key, unless said otherwise."""
    def ask():
        holder = key() if key else ehr.key
        leaf = issued(holder, by, named or subject(), extensions, **more)
        return heard([leaf, *([intermediate.certificate] if chain is None else chain)], holder)
    return ask


def named(*more, **of):
    return shown(named=subject(*more, **of))


def bad(name):
    return lambda: asked(context((folder / f"certs/bad/{name}/tls.crt", folder / f"certs/bad/{name}/tls.key")))


def curve(of):
    return lambda: ec.generate_private_key(of())


def bits(number):
    return lambda: rsa.generate_private_key(65537, number)


def self_signed():
    alone = Authority(type("Own", (), {"subject": subject()})(), ehr.key)
    return heard([issued(ehr.key, alone, subject(), USUAL)], ehr.key)


def of_the_same_name():
    """An authority with the names of ours and another key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(intermediate.certificate, key)


SHA256, SHA1 = bytes.fromhex("300a06082a8648ce3d040302"), bytes.fromhex("300906072a8648ce3d0401")


def by_hand(kind, digest):
    """A certificate signed over a digest that no library of today would take."""
    content = issued(ehr.key, intermediate, subject(), USUAL).tbs_certificate_bytes[4:]
    body = wrapped(0x30, content.replace(SHA256, kind))
    # As a number a digest is the same with noughts before it.
    signature = b"\x00" + intermediate.key.sign(digest(body).digest().rjust(32, b"\0"), ec.ECDSA(Prehashed(hashes.SHA256())))
    return heard([pem(wrapped(0x30, body + kind + wrapped(0x03, signature))), intermediate.certificate], ehr.key)


def wrapped(tag, content):
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([0x80 | (length.bit_length() + 7) // 8]) + length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + content


def pem(der):
    return ssl.DER_cert_to_PEM_cert(der).encode()


def altered():
    """A certificate whose content was changed after it was signed."""
    leaf = issued(ehr.key, intermediate, subject(), USUAL).public_bytes(serialization.Encoding.DER)
    return heard([pem(leaf.replace(b"Example Clinic", b"Example Clinik")), intermediate.certificate], ehr.key)


# What rustls has no word of its own for is `certificate unknown`, as RFC 8446 has it.
UNKNOWN_CA, UNKNOWN, UNSUPPORTED, UNREGISTERED = "unknown ca", "certificate unknown", "unsupported certificate", "403 unregistered"
CRITICAL = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")

WHO = [
    ("no certificate is none that is let in", "certificate required", lambda: asked(context())),
    ("a registered key that is certified anew is let in", "200", shown()),
    ("a certificate of another client's is that client's", UNREGISTERED, lambda: asked(context(client("other-ehr")))),
    ("a key that nobody registered is told so", UNREGISTERED, shown(key=curve(ec.SECP256R1))),
    ("the organisation must be named", "403 other-organisation", named("ehr", [])),
    ("the organisation must be the registered one", "403 other-organisation", named("ehr", ["NTREE-19999996"])),
    ("the organisation is named once", "403 name", named("ehr", [CLINIC, "NTREE-19999996"])),
    ("the organisation's country is part of its name", "403 other-organisation", named("ehr", ["NTRLV-10990009"])),
    ("the organisation is compared with its case", "403 other-organisation", named("ehr", [CLINIC.lower()])),
    ("a letter that only looks like ours is none", "403 name", named("ehr", ["NTRE\u0415-10990009"])),
    ("a NUL ends no name", "403 name", named("ehr", [CLINIC + "\0.example"])),
    ("a space at the end is no part of a name", "403 name", named("ehr", [CLINIC + " "])),
    ("a common name means nothing", "200", named("registry.example")),
    ("a wildcard is nobody's name", "200", shown([*LEAF, uses(), names("*.clinic.example")])),
]
KEYS = [
    ("a key on P-384 is taken", UNREGISTERED, shown(key=curve(ec.SECP384R1))),
    ("a key on P-521 is taken", UNREGISTERED, shown(key=curve(ec.SECP521R1))),
    ("a key of Ed25519 is taken", UNREGISTERED, shown(key=ed25519.Ed25519PrivateKey.generate)),
    ("a key of RSA 2048 is taken", UNREGISTERED, shown(key=bits(2048))),
    ("a key of RSA 4096 is taken", UNREGISTERED, shown(key=bits(4096))),
    ("a key of RSA 1024 is too weak", "decrypt error", shown(key=bits(1024))),
    ("no signature is asked for on a curve of Bitcoin's", "certificate required", shown(key=curve(ec.SECP256K1))),
    ("no signature is asked for of Ed448", "certificate required", shown(key=ed448.Ed448PrivateKey.generate)),
    ("a signature made by hand over SHA-256 is believed", "200", lambda: by_hand(SHA256, hashlib.sha256)),
    ("the same over SHA-1 is not", "decrypt error", lambda: by_hand(SHA1, hashlib.sha1)),
    ("a signature over SHA-384 is believed", "200", shown(hashed=hashes.SHA384())),
    ("a certificate that was altered is not believed", "decrypt error", altered),
]
TIMES = [
    ("a certificate whose time is over is refused", "certificate expired", bad("expired")),
    ("a certificate that expired yesterday is refused", "certificate expired", shown(window=(-9, -1))),
    ("a certificate whose time has not come is refused", "certificate expired", shown(window=(1, 9))),
    ("a certificate that was revoked is refused", "certificate revoked", bad("revoked")),
]
PURPOSES = [
    ("a server's certificate is no client's", UNSUPPORTED, bad("wrong-purpose")),
    ("a certificate for signing code is no client's", UNSUPPORTED, shown([*LEAF, uses(Use.CODE_SIGNING), names()])),
    ("a certificate for clients and servers is a client's", "200", shown([*LEAF, uses(Use.CLIENT_AUTH, Use.SERVER_AUTH), names()])),
    ("a certificate for no purpose is no client's", "403 wrong-purpose", shown([*LEAF, names()])),
    ("a certificate for any purpose is no client's", UNSUPPORTED, shown([*LEAF, uses(Use.ANY_EXTENDED_KEY_USAGE), names()])),
    ("a key that may not sign signs no handshake", "403 key-usage", shown([LEAF[0], (usage(signs=False), True), uses(), names()])),
    ("an authority is no client", UNKNOWN, shown([(x509.BasicConstraints(True, 0), True), (usage(True), True), uses(), names()])),
    ("whoever may sign certificates is no client", "403 authority", shown([LEAF[0], (usage(True), True), uses(), names()])),
    ("the intermediate authority itself is no client", UNKNOWN, lambda: heard([intermediate.certificate], intermediate.key)),
    ("the root authority itself is no client", UNKNOWN, lambda: heard([root.certificate], root.key)),
]
CHAINS = [
    ("a certificate signed by itself is nobody's", UNKNOWN_CA, self_signed),
    ("a certificate of a foreign authority is nobody's", "decrypt error", bad("foreign-authority")),
    ("an authority of the same name with another key is another", "decrypt error", lambda: shown(by=of_the_same_name())()),
    ("the destinations' authority does not speak for clients", UNKNOWN_CA, shown(by=partners, chain=[partners.certificate])),
    ("a client certifies nobody", UNKNOWN_CA, lambda: shown(by=ehr, chain=[ehr.certificate, intermediate.certificate])()),
    ("a chain without its intermediate leads nowhere", UNKNOWN_CA, shown(chain=[])),
    ("a chain with its root is as good", "200", shown(chain=[intermediate.certificate, root.certificate])),
    ("a chain in another order is as good", "200", shown(chain=[root.certificate, intermediate.certificate])),
    ("an intermediate that comes twice is one", "200", shown(chain=[intermediate.certificate] * 2)),
    ("certificates that have nothing to do with it do no harm", "200", shown(chain=[partners.certificate, intermediate.certificate])),
    ("a root certifies clients itself where it likes", "200", shown(by=root, chain=[])),
    ("an authority deeper than its own may go is not believed", UNKNOWN,
     lambda: (lambda deep: shown(by=deep, chain=[deep.certificate, intermediate.certificate])())(intermediate.below("Deeper"))),
    ("an authority of which no list says who is revoked is not believed", UNKNOWN_CA,
     lambda: (lambda beside: shown(by=beside, chain=[beside.certificate])())(root.below("Beside"))),
    ("a chain of a hundred that leads nowhere is followed to no end", UNKNOWN_CA, shown(chain=[partners.certificate] * 100)),
]
EXTENSIONS = [
    ("an extension that nobody knows and that matters is refused", UNKNOWN, shown([*USUAL, (CRITICAL, True)])),
    ("an extension that nobody knows and that does not matter is passed over", "200", shown([*USUAL, (CRITICAL, False)])),
    ("a certificate of thirty thousand bytes is only large", "200", shown([*LEAF, uses(), names(*(f"{number:04}.clinic.example" for number in range(1400)))])),
    ("a certificate of two hundred thousand bytes ends the handshake", "closed", shown([*LEAF, uses(), names(*(f"{number:05}.clinic.example" for number in range(9000)))])),
]

all_of(WHO + KEYS + TIMES + PURPOSES + CHAINS + EXTENSIONS)
