#!/usr/bin/env bash
# Every call of the API, by HTTPie. Run it in this folder, or copy a line of it.
#
# CLEARANCE     the gateway, such as https://localhost:8443
# CERTIFICATE, KEY, AUTHORITIES   your certificate, its key, and who signed the gateway's; PEM

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Prints the answer, also that of a no, and then fails.
call() {
    http --check-status --ignore-stdin --cert "$CERTIFICATE" --cert-key "$KEY" --verify "$AUTHORITIES" --body "$@"
}

# What may be sent where?
call GET "$CLEARANCE/v1/destinations"

# What would leave? Nothing is stored or sent.
call POST "$CLEARANCE/v1/checks" document==true Content-Type:application/json @transfer.json

# Send it. The same key with each retry; a fresh one with each new transfer.
key="$(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)"
accepted="$(call --pretty none POST "$CLEARANCE/v1/transfers" Content-Type:application/json "Idempotency-Key:$key" @transfer.json)"
echo "$accepted"
transfer="$(sed 's/.*"transfer":"\([^"]*\)".*/\1/' <<<"$accepted")"

# Follow it to its final state, read it, list those that were delivered.
call --stream GET "$CLEARANCE/v1/transfers/$transfer/events"
call GET "$CLEARANCE/v1/transfers/$transfer"
call GET "$CLEARANCE/v1/transfers" state==delivered limit==10

# Take it back: possible as long as nothing can have left. Now it is too late, and the problem says so.
call DELETE "$CLEARANCE/v1/transfers/$transfer" || echo "expected: transfer-ended"

# Read back from a destination. A fresh sandbox has no prescriptions, and the problem says so.
call POST "$CLEARANCE/v1/requests" Content-Type:application/json @question.json || echo "expected: nothing-found"

# A consent is given, and withdrawn; a restriction is set, and lifted. The id is yours and names nobody.
call PUT "$CLEARANCE/v1/consents/consent-2026-17" Content-Type:application/json @notice.json
call DELETE "$CLEARANCE/v1/consents/consent-2026-17" Content-Type:application/json @notice.json
call PUT "$CLEARANCE/v1/restrictions/restriction-2026-3" Content-Type:application/json @notice.json
call DELETE "$CLEARANCE/v1/restrictions/restriction-2026-3" Content-Type:application/json @notice.json

# Who was told what about one person? For clients that the settings let search.
call POST "$CLEARANCE/v1/disclosures/search" limit==10 Content-Type:application/json @search.json ||
    echo "expected, unless the settings let you: search-not-permitted"
