// The record: how far it reaches, how far it is signed, and whether it was found whole when it was last verified.

import { act } from "./gateway.js";
import { h } from "./dom.js";
import { button, code, facts, heading, marked, needs } from "./parts.js";
import { ago, t } from "./texts.js";

/** When a verification was last started from here, by the gateway's clock. */
let started = null;

export const load = async () => null;

export const title = () => t("ledger");

/** The view. */
export function view(_, state) {
  const { entries, checkpoint_entries: signed, checkpoint_at: signedAt, verified } = state.overview.ledger;
  const running = started !== null && !(verified && new Date(verified.at) >= started);
  return [
    heading(t("ledger")),
    facts(
      [t("entries"), t("count", { count: entries })],
      [t("checkpoint"), [t("checkpoint.entries", { count: signed ?? 0 }), " · ", ago(signedAt, state.now)]],
      [t("verified"), found(verified, state)]),
    h("p", { class: "acts" }, button(state, "dpo", t("verify"), null, () => verify(state))),
    needs(state, "dpo"),
    h("p", { "aria-live": "polite" }, running && marked("busy", t("verify.runs"))),
    h("p", { class: "note" }, t("verify.explains")),
  ];
}

function found(verified, state) {
  if (!verified) return marked("unknown", t("verified.never"));
  const result = verified.ok
    ? marked(state.lost ? "unknown" : "good", t("verified.whole", { count: verified.entries }))
    : marked("bad", t("verified.fault"));
  return [result, verified.fault && [" ", code(verified.fault)], " · ", ago(verified.at, state.now)];
}

const verify = (state) => state.tried(() => act("ledger/verify", {}), () => {
  started = state.now;
  state.acted(t("verify.started"));
});
