"""Writes a study of made-up instances, a MiB each: as files with the form that curl posts to the gateway, and as bodies for STOW-RS.

python3 study.py INSTANCES BATCH FOLDER
"""

import json
import os
import struct
import sys
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"
CLASS, STUDY = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.3680043.10.999.7"
ROWS, COLUMNS = 1024, 512
LONG = ("OB", "OW")


def element(tag, vr, value):
    value = value if isinstance(value, bytes) else value.encode()
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (struct.pack("<xxI", len(value)) if vr in LONG else struct.pack("<H", len(value))) + value


def instance(number, patient):
    uid = f"{STUDY}.{number}"
    meta = b"".join([
        element(0x00020001, "OB", b"\0\1"),
        element(0x00020002, "UI", CLASS),
        element(0x00020003, "UI", uid),
        element(0x00020010, "UI", "1.2.840.10008.1.2.1"),
        element(0x00020012, "UI", "1.2.826.0.1.3680043.10.999.9"),
    ])
    us = lambda tag, value: element(tag, "US", struct.pack("<H", value))
    return b"".join([
        bytes(128), b"DICM", element(0x00020000, "UL", struct.pack("<I", len(meta))), meta,
        element(0x00080005, "CS", "ISO_IR 192"),
        element(0x00080016, "UI", CLASS), element(0x00080018, "UI", uid), element(0x00080060, "CS", "CT"),
        element(0x00100010, "PN", "Maasikas^Mari"), element(0x00100020, "LO", patient),
        element(0x00101040, "LO", "Kase 1, Tartu"),
        element(0x0020000D, "UI", STUDY), element(0x0020000E, "UI", f"{STUDY}.0"),
        us(0x00280002, 1), element(0x00280004, "CS", "MONOCHROME2"), us(0x00280010, ROWS), us(0x00280011, COLUMNS),
        us(0x00280100, 16), us(0x00280101, 12), us(0x00280102, 11), us(0x00280103, 0), element(0x00280301, "CS", "NO"),
        element(0x7FE00010, "OW", os.urandom(ROWS * COLUMNS * 2)),
    ])


def main():
    instances, batch, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    declaration = json.loads((FIXTURES / "image-declaration.json").read_text()) | {"purpose": "study"}
    (folder / "declaration.json").write_text(json.dumps(declaration))
    form = [f'form = "declaration=@{folder}/declaration.json;type=application/json"']
    body = None
    for number in range(1, instances + 1):
        file = instance(number, declaration["subject"]["value"])
        path = folder / f"{number}.dcm"
        path.write_bytes(file)
        form.append(f'form = "document=@{path};type=application/dicom"')
        if (number - 1) % batch == 0:
            body = open(folder / f"batch.{(number - 1) // batch:04}", "wb")
        body.write(b"--between-instances\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n")
        if number % batch == 0 or number == instances:
            body.write(b"--between-instances--\r\n")
            body.close()
    (folder / "form").write_text("\n".join(form) + "\n")


main()
