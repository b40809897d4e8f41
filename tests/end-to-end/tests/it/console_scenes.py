"""Answers of the admin API that a gateway under test can hardly be brought to give: what the console makes of bad days.

Made up by the contract of the admin API, not by its code. A scene answers calls, remembers the acts among them, and
does what they ask as far as the console can see it.
"""

from datetime import datetime, timedelta, timezone

NAMES = ["employer", "image-bank", "patient-portal", "transport-administration"]
WAITING = ["accepted", "delivering", "unknown"]
STATES = [*WAITING, "delivered", "refused-by-destination", "withheld", "withdrawn", "expired"]
ALL_ROLES = ["ops", "certs", "dpo", "read"]
DIGEST = "9f" * 32


def ago(**distance):
    return (datetime.now(timezone.utc) - timedelta(**distance)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def ahead(**distance):
    return ago(**{unit: -amount for unit, amount in distance.items()})


class Scene:
    """A gateway where `well` all is well, or else much is not; whoever looks has these roles."""

    def __init__(self, well=False, roles=ALL_ROLES, transfers=120):
        self.well = well
        self.roles = roles
        self.acts = []
        self.gone = False
        pause = {"by": "ops-anna", "at": ago(hours=5), "reason": "their maintenance"}
        self.paused = {} if well else {"image-bank": pause}
        self.verified = None if well else {"at": ago(days=1), "entries": 96, "ok": False, "fault": "leaf-altered"}
        self.log_filter = "info"
        self.transfers = [self.transfer(number) for number in range(transfers)]

    def transfer(self, number):
        state = "delivered" if self.well else STATES[number % len(STATES)]
        waits = state in WAITING
        return {
            "transfer": f"0199a7c4-3f00-7000-8000-{number:012}",
            "client": "ehr" if number % 3 else "pacs",
            "destination": NAMES[number // len(STATES) % len(NAMES)],
            "purpose": "a-purpose",
            "state": state,
            "final": not waits,
            "attempts": number % 7,
            "accepted_at": ago(minutes=7 * number),
            "state_since": ago(minutes=7 * number, seconds=-20),
            "next_attempt_at": ahead(minutes=4) if waits else None,
            "not_after": ahead(hours=60),
            "code": None if state == "delivered" else "not-reached",
            "ledger_index": 1000 - number,
            "parked": state == "accepted" and number % 3 == 0,
        }

    def overview(self):
        troubles = [] if self.well else [
            trouble("destination-failing", "employer", ago(minutes=14), "clearancedestinationfails"),
            *(trouble("destination-paused", name, pause["at"], "clearanceundelivered")
              for name, pause in self.paused.items()),
            trouble("certificate-expires", "employer: client certificate", ago(days=2), "clearancecertificateexpires"),
            trouble("of-a-later-release", None, ago(days=2), None),
        ]
        waiting = [one for one in self.transfers if one["state"] in WAITING]
        return {
            "now": ago(), "version": "0.1.0", "who": "ops-mari", "roles": self.roles, "started_at": ago(days=3),
            "ready": self.well, "troubles": troubles, "log_filter": self.log_filter,
            "checks": [{"check": "record", "ok": True, "detail": ""},
                       {"check": "outbox-size", "ok": self.well, "detail": "too much waits"}],
            "config": {"generation": 4, "loaded_at": ago(hours=30)},
            "ledger": {"entries": 1200, "checkpoint_entries": 1198, "checkpoint_at": ago(seconds=8),
                       "verified": self.verified},
            "counts": {"pending": len(waiting), "unknown": sum(one["state"] == "unknown" for one in waiting),
                       "parked": sum(one["parked"] for one in waiting), "paused_destinations": len(self.paused)},
        }

    def destination(self, name):
        failing = name == "employer" and not self.well
        pending = sum(one["destination"] == name and one["state"] in WAITING for one in self.transfers)
        state = "delivering" if self.transfers else "idle"
        state = "paused" if name in self.paused else "failing" if failing else state
        return {
            "name": name, "adapter": name, "paused": self.paused.get(name),
            "state": state,
            "pending": pending, "due": pending // 2, "unknown": pending // 3, "parked": int(failing),
            "oldest_accepted_at": ago(minutes=14) if pending else None, "last_delivered_at": ago(minutes=15),
            "last_failure": {"at": ago(seconds=31), "code": "not-reached"} if failing else None,
            "minutes": [{"at": ago(minutes=59 - minute), "delivered": 0 if failing and minute > 44 else minute % 7,
                         "failed": 3 if failing and minute > 44 else 0} for minute in range(60)],
        }

    def certificates(self):
        def one(name, kind, days, state, why=None):
            return {"name": name, "kind": kind, "not_after": ahead(days=days), "days_left": days, "sha256": DIGEST,
                    "loaded_at": ago(days=3), "state": state, "why": why}

        listed = [one("server certificate", "server", 71, "ok"), one("client authority", "client-ca", 340, "ok")]
        if not self.well:
            listed += [one("client revocation list", "crl", -1, "expired"),
                       one("employer: client certificate", "outbound", 5, "warn", "ends in 5 days"),
                       one("employer: authority", "peer-ca", 300, "reload-failed", "holds no certificate")]
        client = {"client": "ehr", "certificate_sha256": DIGEST, "not_after": ahead(days=88),
                  "first_seen_at": ago(days=2), "last_seen_at": ago(seconds=3)}
        return {"certificates": listed, "clients": [client]}

    def detail(self, id):
        found = next((one for one in self.transfers if one["transfer"] == id), None)
        if found is None:
            return 404, {"type": "/problems/not-found", "title": "Not found", "detail": "there is no such transfer"}
        index, at = found["ledger_index"], found["accepted_at"]
        history = [{"index": index, "at": at, "kind": "disclosure", "rule": "a.rule"},
                   {"index": index + 1, "at": at, "kind": "attempt", "number": 1},
                   {"index": index + 2, "at": at, "kind": "administration", "who": "ops-anna", "action": "retry"}]
        if found["final"]:
            history.append({"index": index + 3, "at": at, "kind": "outcome", "state": found["state"]})
        refused = found["state"] == "refused-by-destination"
        errors = [{"code": "value-unknown", "pointer": "/entry/2"}] if refused else []
        return 200, {**found, "errors": errors, "acknowledged": found["state"] == "delivered", "history": history}

    def page(self, query):
        wanted = {key: query[key] for key in ("destination", "client", "state") if query.get(key)}
        before, limit = int(query.get("before", 10**9)), int(query["limit"])
        found = [one for one in self.transfers
                 if one["ledger_index"] < before and all(one[key] == value for key, value in wanted.items())]
        return {"transfers": found[:limit], "next": found[limit - 1]["ledger_index"] if len(found) > limit else None}

    def answer(self, path, query):
        """Status and document of a question."""
        if path == "transfers":
            return 200, self.page(query)
        if path.startswith("transfers/"):
            return self.detail(path.removeprefix("transfers/"))
        return 200, {"overview": self.overview, "certificates": self.certificates,
                     "destinations": lambda: {"destinations": [self.destination(name) for name in NAMES]}}[path]()

    def act(self, path, body):
        """Status and document of an act, which is remembered."""
        self.acts.append([path, body])
        preview = body.get("preview", False)
        if path.startswith("destinations/"):
            _, name, act = path.split("/")
            if not preview and act == "pause":
                self.paused[name] = {"by": "ops-mari", "at": ago(), "reason": body["reason"]}
            elif not preview:
                del self.paused[name]
            return 200, {"affected": self.destination(name)["pending"], "acts": not preview, "destination": name}
        if path.startswith("transfers/"):
            affected = 3 if body.get("perhaps_delivered") else 2
            return 200, {"affected": affected, "skipped": [{"code": "under-way", "count": 3}], "transfers": [],
                         "acts": not preview}
        if path == "certificates/reload":
            kept = {"name": "employer: authority", "outcome": "kept-old", "why": "holds no certificate"}
            return 200, {"reloaded": [kept]}
        if path == "ledger/verify":
            self.verified = {"at": ahead(seconds=1), "entries": 1200, "ok": True}
            return 202, {"started": True}
        was, self.log_filter = self.log_filter, body["filter"]
        return 200, {"filter": body["filter"], "was": was}


def trouble(code, of, since, runbook):
    return {"code": code, "object": of, "since": since, "runbook": runbook,
            "why": "the last attempts ended with `not-reached`", "remedy": "see whether the peer is up"}
