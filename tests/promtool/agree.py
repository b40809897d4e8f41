"""Dashboard, alerts, metrics and runbook must agree.

Says what does not, all at once. Writes the dashboard's queries as a rule file to the path given, so that promtool can
say whether they parse; that is not done here.
"""

import json
import re
import sys
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
METRIC = re.compile(r"\b(?:clearance|http_server)_[a-z0-9_]+")
SELECTOR = re.compile(r"\b((?:clearance|http_server)_[a-z0-9_]+)\{([^}]*)\}")
# What Prometheus adds when it scrapes, and the buckets of a histogram.
OF_ALL = {"job", "instance", "le"}


def documented():
    """The labels of each metric, by the tables of metrics.md."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", read("metrics.md"), re.MULTILINE)
    return {
        name + suffix: set(re.findall(r"`(\w+)`", labels))
        for name, kind, labels in rows
        for suffix in (["_bucket", "_sum", "_count"] if kind == "histogram" else [""])
    }


def dashboard_queries():
    """Every query of the dashboard, by panel; variables that Grafana fills in are filled in."""
    for panel in json.loads(read("grafana/clearance.json"))["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "1m")
            yield panel["title"], re.sub(r"\$\w+", ".*", query)


def faults(labels, queries, alerts, runbook):
    """What does not agree."""
    for where, text in [*queries, ("alerts.yml", alerts)]:
        for name in sorted(set(METRIC.findall(text)) - labels.keys()):
            yield f"{where}: `{name}` is not in metrics.md"
        for name, matchers in SELECTOR.findall(text):
            used = set(re.findall(r"(\w+)\s*(?:=|!)", matchers))
            for label in sorted(used - labels.get(name, used) - OF_ALL):
                yield f"{where}: `{name}` has no label `{label}` in metrics.md"
    shown = {name for _, query in queries for name in METRIC.findall(query)}
    for name in sorted({base(name) for name in labels} - {base(name) for name in shown}):
        yield f"metrics.md: `{name}` is nowhere on the dashboard"
    names = re.findall(r"- alert: (\w+)", alerts)
    sections = re.findall(r"^## (Clearance\w+)$", runbook, re.MULTILINE)
    for name in sorted(set(names) ^ set(sections)):
        yield f"`{name}` is an alert without a section in runbook.md, or a section without an alert"
    for name, url in zip(names, re.findall(r"runbook_url: (\S+)", alerts), strict=True):
        if url != f"deploy/runbook.md#{name.lower()}":
            yield f"`{name}` points to `{url}`"


def base(name):
    """The metric that a series belongs to."""
    return re.sub(r"_(bucket|sum|count)$", "", name)


def read(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def main():
    labels, queries, alerts = documented(), list(dashboard_queries()), read("prometheus/alerts.yml")
    found = list(faults(labels, queries, alerts, read("runbook.md")))
    for fault in found:
        print(fault, file=sys.stderr)
    # JSON is YAML, too.
    rules = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(queries)]
    Path(sys.argv[1]).write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    print(f"{len(labels)} series, {len(queries)} queries, {alerts.count('- alert:')} alerts: {len(found)} faults")
    return 1 if found or not labels or not queries else 0


if __name__ == "__main__":
    sys.exit(main())
