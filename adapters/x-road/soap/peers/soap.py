#!/usr/bin/env python3
"""Zeep and Python's own MIME as peers of the SOAP codec: each reads what the other writes, over TLS.

    cargo build -p x-road --example soap_peer
    python3 -m venv VENV && VENV/bin/pip install zeep
    VENV/bin/python adapters/x-road/peers/soap.py TARGET/debug/examples/soap_peer

A server with a throw-away certificate (made by `openssl`) hands every POST to the codec and sends back what that
answers. Zeep calls it with a WSDL and the header elements of X-Road; attachments, which Zeep does not send, are
written with Python's `email`. Exits with 0 when all agree.
"""

import base64
import email.policy
import hashlib
import http.server
import ssl
import subprocess
import sys
import tempfile
import threading
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.parser import BytesParser
from pathlib import Path

import requests
import zeep
from lxml import etree
from zeep.transports import Transport

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
X_ROAD = "http://x-road.eu/xsd/xroad.xsd"
IDENTIFIERS = "http://x-road.eu/xsd/identifiers"
ISSUE = "õ <&>\"' bill\n2026-0001"
IMAGE = bytes(range(256)) * 64

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:x="{x_road}" xmlns:id="{identifiers}" xmlns:r="urn:register"
    targetNamespace="urn:register">
  <types>
    <xs:schema targetNamespace="{identifiers}" elementFormDefault="qualified">
      <xs:attribute name="objectType" type="xs:string"/>
      <xs:complexType name="Identifier"><xs:sequence>
        <xs:element name="xRoadInstance" type="xs:string"/><xs:element name="memberClass" type="xs:string"/>
        <xs:element name="memberCode" type="xs:string"/>
        <xs:element name="subsystemCode" type="xs:string" minOccurs="0"/>
        <xs:element name="serviceCode" type="xs:string" minOccurs="0"/>
        <xs:element name="serviceVersion" type="xs:string" minOccurs="0"/>
      </xs:sequence><xs:attribute ref="id:objectType" use="required"/></xs:complexType>
    </xs:schema>
    <xs:schema targetNamespace="{x_road}" elementFormDefault="qualified">
      <xs:import namespace="{identifiers}"/>
      <xs:element name="client" type="id:Identifier"/><xs:element name="service" type="id:Identifier"/>
      <xs:element name="id" type="xs:string"/><xs:element name="userId" type="xs:string"/>
      <xs:element name="issue" type="xs:string"/><xs:element name="protocolVersion" type="xs:string"/>
    </xs:schema>
    <xs:schema targetNamespace="urn:register">
      <xs:element name="ask"><xs:complexType><xs:sequence>
        <xs:element name="text" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
      <xs:element name="askResponse"><xs:complexType><xs:sequence>
        <xs:element name="text" type="xs:string"/>
        <xs:element name="image" type="xs:base64Binary" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
    </xs:schema>
  </types>
  <message name="ask"><part name="body" element="r:ask"/></message>
  <message name="askResponse"><part name="body" element="r:askResponse"/></message>
  <message name="head"><part name="client" element="x:client"/><part name="service" element="x:service"/>
    <part name="id" element="x:id"/><part name="userId" element="x:userId"/><part name="issue" element="x:issue"/>
    <part name="protocolVersion" element="x:protocolVersion"/></message>
  <portType name="port"><operation name="ask"><input message="r:ask"/><output message="r:askResponse"/></operation>
  </portType>
  <binding name="binding" type="r:port">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="ask"><soap:operation soapAction=""/>
      <input><soap:body parts="body" use="literal"/>{headers}</input>
      <output><soap:body parts="body" use="literal"/>{headers}</output></operation>
  </binding>
  <service name="register"><port name="port" binding="r:binding"><soap:address location="{url}"/></port></service>
</definitions>"""

HEADERS = {
    "client": {"objectType": "SUBSYSTEM", "xRoadInstance": "ee-test", "memberClass": "COM",
               "memberCode": "10303948", "subsystemCode": "gw"},
    "service": {"objectType": "SERVICE", "xRoadInstance": "ee-test", "memberClass": "GOV",
                "memberCode": "70000001", "subsystemCode": "register", "serviceCode": "ask"},
    "id": "4894e35d-bf0f-44a6-867a-8e51f1daa7e0", "userId": "EE39901012239", "issue": ISSUE,
    "protocolVersion": "4.0",
}


class Peer:
    """The codec, as a program."""

    def __init__(self, program):
        self.program = program
        self.style = "swa"

    def run(self, *arguments, message=b""):
        done = subprocess.run([self.program, *arguments], input=message, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
        content_type, _, message = done.stdout.partition(b"\n\n")
        return content_type.decode(), message

    def answer(self, content_type, message):
        return self.run("answer", self.style, content_type, message=message)


def serve(peer, folder):
    """Answers every POST with what the codec answers, over TLS; returns the address."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            message = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.request = message
            try:
                status, (content_type, answer) = 200, peer.answer(self.headers["Content-Type"], message)
            except RuntimeError as error:
                status, content_type, answer = 500, "text/plain", str(error).encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"https://localhost:{server.server_port}/", certificate


def described(url, folder):
    headers = "".join(f'<soap:header message="r:head" part="{part}" use="literal"/>' for part in HEADERS)
    wsdl = folder / "register.wsdl"
    wsdl.write_text(WSDL.format(x_road=X_ROAD, identifiers=IDENTIFIERS, headers=headers, url=url))
    return str(wsdl)


def envelope_of_answer(xml):
    root = etree.fromstring(xml)
    assert root.tag == f"{{{SOAP}}}Envelope", root.tag
    return {etree.QName(element).localname: element for element in root[0]}


def zeep_asks_and_reads_the_answer(server, client):
    answer = client.service.ask(text="õ & <b>", _soapheaders=HEADERS)
    answered, header = answer.body, answer.header
    assert "õ &amp; &lt;b&gt;" in answered.text, answered.text
    assert header.issue == ISSUE and header.userId == HEADERS["userId"], header
    assert header.client.memberCode == "10303948" and header.client.objectType == "SUBSYSTEM", header
    return server.request


def the_answer_is_tied_to_the_request(url, session, request):
    reply = session.post(url, data=request, headers={"Content-Type": "text/xml; charset=utf-8"})
    reply.raise_for_status()
    hashed = envelope_of_answer(reply.content)["requestHash"]
    assert hashed.get("algorithmId").endswith("#sha512")
    assert base64.b64decode(hashed.text) == hashlib.sha512(request).digest()


def part(content, media_type, content_id, encoding):
    message = EmailMessage(policy=email.policy.SMTP)
    message.set_content(content, *media_type.split("/"), cte=encoding, cid=content_id)
    return message


def attachments_of_python_are_read_and_sent_back(peer, client, session, url, request):
    for style, image, encoding in (("swa", IMAGE, "base64"), ("mtom", "õ\n--\nõ".encode() * 9, "8bit")):
        message = MIMEMultipart("related", type="text/xml", start="<root>", policy=email.policy.SMTP)
        message.attach(part(request, "text/xml", "<root>", "8bit"))
        message.attach(part(image, "application/octet-stream", "<image@clinic>", encoding))
        content = message.as_bytes().partition(b"\r\n\r\n")[2]
        # Flattening chooses the boundary.
        content_type = str(message["Content-Type"]).replace("\r\n", "")
        peer.style = style
        reply = session.post(url, data=content, headers={"Content-Type": content_type})
        assert reply.status_code == 200, reply.text
        sent_back = parts_of(reply.headers["Content-Type"], reply.content)[1].get_content()
        assert sent_back.replace(b"\r\n", b"\n") == image if encoding == "8bit" else sent_back == image, style
        if style == "mtom":
            binding = client.service._binding
            answered = binding.process_reply(client, binding.get("ask"), reply)
            # Zeep strips line ends from both ends of binary content; this has none there.
            assert answered.body.image == sent_back, "zeep puts back in what MTOM took out"


def parts_of(content_type, content):
    whole = f"Content-Type: {content_type}\r\n\r\n".encode() + content
    message = BytesParser(policy=email.policy.HTTP).parsebytes(whole)
    assert message.is_multipart() and not message.defects, message.defects
    return list(message.iter_parts())


def what_the_codec_asks_is_read(peer):
    for style in ("swa", "mtom"):
        root, image = parts_of(*peer.run("ask", style))
        assert image.get_content() == (bytes(range(256)) * 40)[:10_000]
        header = envelope_of_answer(root.get_payload(decode=True))
        assert header["issue"].text == "õ <&>\"'\r\n\t end", header["issue"].text
        assert header["client"].get(f"{{{IDENTIFIERS}}}objectType") == "SUBSYSTEM"


def main(program):
    peer = Peer(program)
    with tempfile.TemporaryDirectory() as folder:
        server, url, certificate = serve(peer, Path(folder))
        session = requests.Session()
        # The environment, which may name other authorities or a proxy, does not count.
        session.trust_env = False
        session.verify = str(certificate)
        client = zeep.Client(described(url, Path(folder)), transport=Transport(session=session))
        request = zeep_asks_and_reads_the_answer(server, client)
        the_answer_is_tied_to_the_request(url, session, request)
        attachments_of_python_are_read_and_sent_back(peer, client, session, url, request)
        what_the_codec_asks_is_read(peer)
        server.shutdown()
    print("4 passed, 0 failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
