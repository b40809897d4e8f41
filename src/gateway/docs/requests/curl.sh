#!/usr/bin/env bash
# Every call of the API, by curl. Run it in this folder, or copy a line of it.
#
# CLEARANCE     the gateway, such as https://localhost:8443
# CERTIFICATE, KEY, AUTHORITIES   your certificate, its key, and who signed the gateway's; PEM

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Prints the answer, also that of a no, and then fails.
call() {
    curl --silent --show-error --fail-with-body --write-out '\n' \
        --cert "$CERTIFICATE" --key "$KEY" --cacert "$AUTHORITIES" "$@"
}
json=(--header "Content-Type: application/json")

# What may be sent where?
call "$CLEARANCE/v1/destinations"

# What would leave? Nothing is stored or sent.
call "${json[@]}" --data-binary @transfer.json "$CLEARANCE/v1/checks?document=true"

# Send it. The same key with each retry; a fresh one with each new transfer.
key="$(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)"
accepted="$(call "${json[@]}" --header "Idempotency-Key: $key" --data-binary @transfer.json "$CLEARANCE/v1/transfers")"
echo "$accepted"
transfer="$(sed 's/.*"transfer":"\([^"]*\)".*/\1/' <<<"$accepted")"

# Follow it to its final state, read it, list those that were delivered.
call --no-buffer "$CLEARANCE/v1/transfers/$transfer/events"
call "$CLEARANCE/v1/transfers/$transfer"
call "$CLEARANCE/v1/transfers?state=delivered&limit=10"

# Take it back: possible as long as nothing can have left. Now it is too late, and the problem says so.
call --request DELETE "$CLEARANCE/v1/transfers/$transfer" || echo "expected: transfer-ended"

# Read back from a destination. A fresh sandbox has no prescriptions, and the problem says so.
call "${json[@]}" --data-binary @question.json "$CLEARANCE/v1/requests" || echo "expected: nothing-found"

# A consent is given, and withdrawn; a restriction is set, and lifted. The id is yours and names nobody.
call "${json[@]}" --request PUT --data-binary @notice.json "$CLEARANCE/v1/consents/consent-2026-17"
call "${json[@]}" --request DELETE --data-binary @notice.json "$CLEARANCE/v1/consents/consent-2026-17"
call "${json[@]}" --request PUT --data-binary @notice.json "$CLEARANCE/v1/restrictions/restriction-2026-3"
call "${json[@]}" --request DELETE --data-binary @notice.json "$CLEARANCE/v1/restrictions/restriction-2026-3"

# Who was told what about one person? For clients that the settings let search.
call "${json[@]}" --data-binary @search.json "$CLEARANCE/v1/disclosures/search?limit=10" ||
    echo "expected, unless the settings let you: search-not-permitted"
