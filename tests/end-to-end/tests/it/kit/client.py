"""Sends a document and reads its state, by the client that openapi-python-client makes of `/openapi.json`."""

import json
import ssl
import sys
import time

from clearance_client import Client
from clearance_client.api.transfers import list_transfers, read_transfer, submit
from clearance_client.models import Accepted, ProblemDocument, Submission, TransferState

base, certificate, key, authorities, submission = sys.argv[1:]
tls = ssl.create_default_context(cafile=authorities)
tls.load_cert_chain(certificate, key)
client = Client(base_url=base, verify_ssl=tls, raise_on_unexpected_status=True)
body = Submission.from_dict(json.load(open(submission)))

accepted = submit.sync(client=client, body=body, idempotency_key="generated-python-1")
assert isinstance(accepted, Accepted), accepted
while not (transfer := read_transfer.sync(accepted.transfer, client=client)).final:
    time.sleep(0.05)
assert transfer.state is TransferState.DELIVERED, transfer
listed = list_transfers.sync(client=client, state=TransferState.DELIVERED)
assert [one.transfer for one in listed.transfers] == [accepted.transfer], listed

body.declaration.purpose = "marketing"
refused = submit.sync(client=client, body=body, idempotency_key="generated-python-2")
assert isinstance(refused, ProblemDocument) and not refused.retryable, refused
print(json.dumps({"transfer": str(accepted.transfer), "rule": refused.rule}))
