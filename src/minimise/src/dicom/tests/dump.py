"""What pydicom reads: for each file named on standard input, one line of JSON on standard output.

Each element is told by its path: length and CRC of its value as it stands in the file, its items if it is a sequence, and
its text if it has one. Nothing is told of a file that pydicom does not read.
"""

import json
import sys
import warnings
import zlib

import pydicom

TEXT = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
NUMBERS = {"US", "SS", "UL", "SL", "UV", "SV"}


def digest(value):
    return f"{len(value)} {zlib.crc32(value):08x}"


def text(element):
    value = element.value
    if element.VR == "PN":
        values = list(value) if element.VM > 1 else [value]
        return "\\".join(str(one) for one in values)
    if element.VR not in TEXT | NUMBERS or value is None:
        return None
    values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return "\\".join(getattr(one, "original_string", None) or str(one) for one in values)


def walk(dataset, path, told):
    for tag in sorted(dataset.keys()):
        key = f"{path}{int(tag):08X}"
        raw = dataset.get_item(tag)
        written = raw.value if raw.is_raw else None
        entry = {"digest": None, "items": None, "text": None}
        told[key] = entry
        if raw.is_raw:
            entry["digest"] = digest(written or b"")
        try:
            element = dataset[tag]
            if element.VR == "SQ":
                entry["items"] = len(element.value)
                for number, item in enumerate(element.value):
                    walk(item, f"{key}[{number}].", told)
            else:
                if not raw.is_raw and (isinstance(raw.value, bytes) or raw.is_empty):
                    entry["digest"] = digest(raw.value or b"")
                entry["text"] = text(element)
        except Exception:
            pass


def main():
    warnings.simplefilter("ignore")
    for name in sys.stdin.read().splitlines():
        told = {}
        try:
            walk(pydicom.dcmread(name), "", told)
        except Exception:
            told = None
        print(json.dumps(told))


main()
