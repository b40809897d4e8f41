"""What one would write in Python instead: `peers.py orjson|lxml|pydicom INPUT OUTPUT TIMES`.

Each keeps what its format's profile in `src/minimise/examples` keeps, and none of them checks what leaves.
"""

import sys


def orjson(source, target):
    import orjson

    def keep(node, names):
        if isinstance(node, list):
            return [keep(item, names) for item in node]
        return {name: keep(node[name], below) if below else node[name] for name, below in names.items() if name in node}

    coding = {"coding": {"system": None, "code": None}}
    identifier = {"system": None, "value": None}
    extension = {"url": None, "valuePeriod": {"start": None, "end": None}}
    section = {"code": coding, "entry": {"reference": None, "type": None}, "extension": extension}
    with open(source, "rb") as file:
        document = orjson.loads(file.read())
    wanted = lambda part: any(each.get("code") == "medical-restrictions" for each in part["code"]["coding"])
    document["section"] = [part for part in document["section"] if wanted(part)]
    names = {"resourceType": None, "identifier": identifier, "status": None, "type": coding}
    kept = keep(document, names | {"subject": {"identifier": identifier}, "date": None, "section": section})
    with open(target, "wb") as file:
        file.write(orjson.dumps(kept))


def lxml(source, target):
    from lxml import etree

    kept = set("ClinicalDocument code title recordTarget patientRole id component structuredBody section text paragraph".split())
    kept |= set("table tbody tr td entry act statusCode effectiveTime low".split())
    document = etree.parse(source, etree.XMLParser(resolve_entities=False, remove_blank_text=True, huge_tree=True))
    goes = [node for node in document.iter() if callable(node.tag) or etree.QName(node).localname not in kept]
    for node in goes:
        node.getparent().remove(node)
    document.write(target, encoding="UTF-8")


def pydicom(source, target):
    import pydicom

    document = pydicom.dcmread(source)
    del document.PatientAddress
    document.save_as(target)


if __name__ == "__main__":
    peer, source, target, times = sys.argv[1:]
    for _ in range(int(times)):
        globals()[peer](source, target)
