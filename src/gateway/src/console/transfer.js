// One transfer: its state, why it is so, and its history as the ledger has it. Never its content, nor whom it is about.

import { discard, retry } from "./acts.js";
import { h } from "./dom.js";
import { ask } from "./gateway.js";
import { code, facts, heading, listed, marked, needs, status, table } from "./parts.js";
import { ago, known, moment, since, t, word } from "./texts.js";

export const load = (id) => ask(`transfers/${encodeURIComponent(id)}`);

export const title = (id) => t("transfer.title", { id: short(id) });

/** The end of an id tells two transfers of the same second apart; its beginning is their time. */
export const short = (id) => `…${id.slice(-8)}`;

/** The view. */
export function view(transfer, state) {
  const { transfer: id, destination, errors, history } = transfer;
  return [
    h("p", { class: "acts" },
      h("a", { href: listed({ destination }) }, t("back", { destination }))),
    heading(t("transfer"), " ", h("code", { class: "id" }, id)),
    h("p", { class: "lead" },
      status(state, "transfer", transfer.state), " ", since(transfer.state_since, state.now),
      transfer.parked && [" ", marked("warn", t("is-parked"))]),
    particulars(transfer, state.now),
    errors?.length > 0 && [
      h("h2", null, t("errors")),
      h("ul", null, errors.map((error) => h("li", null, fault(error)))),
    ],
    !transfer.final && [
      h("p", { class: "acts" },
        retry(state, short(id), { transfers: [id] }),
        discard(state, short(id), { transfers: [id] }, transfer.state === "unknown")),
      needs(state, "ops"),
    ],
    h("h2", null, t("history")),
    table(t("history.caption"), ["time", "what", "ledger-index"].map((label) => t(label)),
      history.map((entry) => [
        String(entry.index),
        [moment(entry.at, state.now), happened(entry, state), String(entry.index)],
      ])),
  ];
}

const particulars = (transfer, now) => facts(
  [t("destination"), transfer.destination],
  [t("purpose"), transfer.purpose],
  [t("client"), transfer.client],
  [t("accepted-at"), ago(transfer.accepted_at, now)],
  [t("code"), transfer.code && [code(transfer.code), " ", known(`code.${transfer.code}`)]],
  [t("attempts"), String(transfer.attempts)],
  [t("next-attempt"), !transfer.final && transfer.next_attempt_at && ago(transfer.next_attempt_at, now)],
  [t("not-after"), !transfer.final && ago(transfer.not_after, now)],
  [t("acknowledged"), transfer.state === "delivered" && t(transfer.acknowledged ? "yes" : "no")]);

/** Codes and places only, whatever they are called. */
const fault = (error) =>
  Object.values(typeof error === "string" ? [error] : error).filter(Boolean).map((part) => [code(String(part)), " "]);

function happened(entry, state) {
  const rule = entry.rule && [" ", code(entry.rule)];
  switch (entry.kind) {
    case "disclosure": return [t("entry.disclosure"), rule];
    case "attempt": return t("entry.attempt", { number: entry.number });
    // What has happened stays so, also when the connection is lost.
    case "outcome": return [status({ ...state, lost: null }, "transfer", entry.state), rule];
    case "administration": return t("entry.administration", { action: word("action", entry.action), who: entry.who });
    default: return entry.kind;
  }
}
