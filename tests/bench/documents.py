"""Makes the documents that are minimised: `documents.py json|xml|dicom BYTES FILE`. All in them is made up."""

import struct
import sys

JSON = (
    '{"resourceType":"Composition","identifier":[{"system":"https://fhir.ee/hcert","value":"HCERT-1"}],"status":"final",'
    '"type":{"coding":[{"system":"http://snomed.info/sct","code":"772786005","display":"Medical certificate"}]},'
    '"subject":[{"identifier":{"system":"https://fhir.ee/sid/pid/est/ni","value":"60001017869"}}],'
    '"date":"2026-11-22T10:00:00+02:00","title":"Tervisetõend","section":[',
    '{"title":"Piirangud","code":{"coding":[{"system":"https://fhir.ee/CodeSystem/sektsioon","code":"medical-restrictions",'
    '"display":"Meditsiinilised piirangud"}]},"text":{"status":"additional","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">'
    'Vaba tekst, mida ei saadeta kunagi, sest profiil seda ei nimeta</div>"},'
    '"entry":[{"reference":"Observation/o1","type":"Observation","display":"Piirang"}],'
    '"extension":[{"url":"https://fhir.ee/period","valuePeriod":{"start":"2026-11-22","end":"2028-11-22"}}]}',
    ",",
    "]}",
)
XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
    '\t<code code="18842-5" codeSystem="2.16.840.1.113883.6.1" displayName="Epikriis"/>\n\t<title>Väljavõte</title>\n'
    '\t<recordTarget><patientRole><id root="1.3.6.1.4.1.28284.6.2.2.1" extension="60001017869"/></patientRole></recordTarget>\n'
    "\t<component><structuredBody>\n",
    """\t\t<component>
\t\t\t<section>
\t\t\t\t<templateId root="2.16.840.1.113883.10.20.22.2.5.1" extension="2014-06-09"/>
\t\t\t\t<code code="11450-4" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="Probleemid"/>
\t\t\t\t<title>Diagnoosid ja seisund</title>
\t\t\t\t<text>
\t\t\t\t\t<paragraph>Objektiivne leid on eakohane, kopsud on puhtad; vererõhk &lt; 140/90 mmHg.</paragraph>
\t\t\t\t\t<table border="1"><tbody><tr><td>12.03.2024</td><td>Patsient on jälgimisel.</td></tr></tbody></table>
\t\t\t\t</text>
\t\t\t\t<entry typeCode="DRIV">
\t\t\t\t\t<act classCode="ACT" moodCode="EVN">
\t\t\t\t\t\t<!-- seisund -->
\t\t\t\t\t\t<templateId root="2.16.840.1.113883.10.20.22.4.3"/>
\t\t\t\t\t\t<statusCode code="completed"/>
\t\t\t\t\t\t<effectiveTime><low value="20240312"/><high nullFlavor="UNK"/></effectiveTime>
\t\t\t\t\t\t<author><time value="20240312101500+0200"/><assignedAuthor><id extension="D00000"/></assignedAuthor></author>
\t\t\t\t\t</act>
\t\t\t\t</entry>
\t\t\t</section>
\t\t</component>
""",
    "",
    "\t</structuredBody></component>\n</ClinicalDocument>\n",
)


def text(parts, size, file):
    head, part, between, tail = (each.encode() for each in parts)
    count = max(1, (size - len(head) - len(tail)) // len(part + between))
    block, rest = divmod(count - 1, 1000)
    file.write(head)
    for _ in range(block):
        file.write((part + between) * 1000)
    file.write((part + between) * rest + part + tail)


def dicom(size, file):
    """A CT in explicit VR, little endian: a name, an address that must go, and pixels."""
    element = lambda group, number, vr, value: struct.pack("<HH2sH", group, number, vr, len(value)) + value
    even = lambda value, pad=b"\0": value + pad * (len(value) % 2)
    storage, instance, syntax = b"1.2.840.10008.5.1.4.1.1.2", b"2.25.2", b"1.2.840.10008.1.2.1"
    meta = (
        struct.pack("<HH2sHI", 2, 1, b"OB", 0, 2) + b"\0\1" + element(2, 2, b"UI", even(storage))
        + element(2, 3, b"UI", even(instance)) + element(2, 0x10, b"UI", even(syntax)) + element(2, 0x12, b"UI", even(b"2.25.1"))
    )
    file.write(b"\0" * 128 + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta)
    file.write(element(8, 0x16, b"UI", even(storage)) + element(8, 0x18, b"UI", even(instance)))
    file.write(element(8, 0x60, b"CS", b"CT") + element(0x10, 0x10, b"PN", even(b"Test^Person", b" ")))
    file.write(element(0x10, 0x20, b"LO", even(b"60001017869", b" ")) + element(0x10, 0x1040, b"LO", even(b"Test street 1", b" ")))
    frame = bytes((at * at >> 7) & 0xFF for at in range(1 << 19))
    file.write(struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size // len(frame) * len(frame)))
    for _ in range(size // len(frame)):
        file.write(frame)


if __name__ == "__main__":
    kind, size, name = sys.argv[1:]
    with open(name, "wb") as out:
        dicom(int(size), out) if kind == "dicom" else text(JSON if kind == "json" else XML, int(size), out)
