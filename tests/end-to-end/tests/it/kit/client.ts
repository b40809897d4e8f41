// Sends a document and reads its state, typed by what openapi-typescript makes of `/openapi.json`.

import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { components, paths } from "./clearance";

type Schemas = components["schemas"];
type Answer<T> = { status: number; body: T };

const [base, certificate, key, authorities, submission] = process.argv.slice(2) as [string, string, string, string, string];
const tls = { cert: readFileSync(certificate), key: readFileSync(key), ca: readFileSync(authorities) };

function call<T>(method: string, path: string, headers: Record<string, string> = {}, body = ""): Promise<Answer<T>> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, base), { method, headers, ...tls }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) as T }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

type Submit = paths["/v1/transfers"]["post"];
type SubmitHeaders = Submit["parameters"]["header"];
type Accepted = Submit["responses"][202]["content"]["application/json"];

async function submit<T>(key: string, body: Schemas["Submission"]): Promise<Answer<T>> {
  const headers: SubmitHeaders & Record<string, string> = { "Idempotency-Key": key, "Content-Type": "application/json" };
  return call<T>("POST", "/v1/transfers", headers, JSON.stringify(body));
}

async function main(): Promise<void> {
  const body = JSON.parse(readFileSync(submission, "utf8")) as Schemas["Submission"];
  const accepted = await submit<Accepted>("generated-typescript-1", body);
  if (accepted.status !== 202) throw new Error(`not accepted: ${accepted.status}`);
  let transfer: Schemas["Transfer"];
  do {
    transfer = (await call<Schemas["Transfer"]>("GET", `/v1/transfers/${accepted.body.transfer}`)).body;
  } while (!transfer.final);
  const expected: Schemas["TransferState"] = "delivered";
  if (transfer.state !== expected) throw new Error(`it ended as ${transfer.state}`);
  body.declaration.purpose = "marketing";
  const refused = await submit<Schemas["ProblemDocument"]>("generated-typescript-2", body);
  console.log(JSON.stringify({ transfer: transfer.transfer, rule: refused.body.rule }));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
