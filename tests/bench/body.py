"""Prints a body of 4 KiB for `POST /v1/transfers`, made of the fixtures: a decision for the employer.

The load client replaces the ordering key, so that transfers do not wait for each other.
"""

import json
import sys
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"
BYTES = 4096
# What goes, so that the rest fits: findings, and the sections that name them.
RESOURCES = {"restriction", "risk", "condition"}
SECTIONS = {"medical-restrictions", "risk-factors", "work-additional-restrictions", "shortened-reason"}


def read(name):
    return json.loads((FIXTURES / name).read_text())


def body(declaration, document):
    return json.dumps({"declaration": declaration, "document": document}, separators=(",", ":"), ensure_ascii=False)


declaration = read("occupational-declaration.json")
declaration["ordering_key"] = "############"
document = read("occupational-certificate.json")
document["contained"] = [of for of in document["contained"] if of["id"] not in RESOURCES]
document["section"] = [of for of in document["section"] if of["code"]["coding"][0]["code"] not in SECTIONS]
# The last section is free text that the employer does not get.
text = document["section"][-1]["text"]
missing = BYTES - len(body(declaration, document).encode())
if missing < 0:
    sys.exit(f"the fixtures have grown: {-missing} bytes too many")
text["div"] = text["div"].replace("</div>", " and" * (missing // 4) + "." * (missing % 4) + "</div>")
sys.stdout.write(body(declaration, document))
