"""Do the Kubernetes manifests hold against the schemas of Kubernetes and of the Prometheus operator?

Core kinds are checked here, unknown fields included. The operator's kinds are written, a JSON list, to the path given: their
schemas are published as code for Node, and operator.mjs asks it.
"""

import json
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSIONS = ["1.29", "1.36"]
OURS = {"kustomize.config.k8s.io/v1beta1"}  # read by kubectl alone


def manifests():
    """Every manifest, with the file it is from."""
    for file in sorted(FOLDER.glob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            yield file.name, manifest
    made = subprocess.run([FOLDER / "prometheus-rule"], check=True, capture_output=True, text=True).stdout
    yield "prometheus-rule", yaml.safe_load(made)


def main():
    """Says what is wrong, all of it, and ends with 1 if anything is."""
    faults, operator, checked = [], [], 0
    for file, manifest in manifests():
        if manifest["apiVersion"].startswith("monitoring.coreos.com/"):
            operator.append(manifest)
        elif manifest["apiVersion"] not in OURS:
            checked += 1
            for version in VERSIONS:
                try:
                    kubernetes_validate.validate(manifest, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    path = ".".join(map(str, error.path))
                    faults.append(f"{file}: {manifest['kind']}, Kubernetes {version}: `{path}`: {error.message}")
    alerts = yaml.safe_load((FOLDER.parent / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    if operator[-1]["spec"] != alerts:
        faults.append("prometheus-rule: what it prints is not what stands in alerts.yml")
    Path(sys.argv[1]).write_text(json.dumps(operator), encoding="utf-8")
    print("\n".join(faults) or f"{checked} manifests hold against Kubernetes {' and '.join(VERSIONS)}")
    return 1 if faults else 0


sys.exit(main())
