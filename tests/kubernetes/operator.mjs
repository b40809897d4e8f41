// Do manifests of the Prometheus operator hold against its published schemas?
// `node operator.mjs NODE_MODULES MANIFESTS.json`; the first holds @kubernetes-models/prometheus-operator.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, manifests] = process.argv.slice(2);
const schemas = resolve(modules, "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index.js");
const kinds = await import(pathToFileURL(schemas));
for (const manifest of JSON.parse(readFileSync(manifests, "utf8"))) {
  new kinds[manifest.kind](manifest).validate();
  console.log(`${manifest.kind} holds against the operator's schema`);
}
