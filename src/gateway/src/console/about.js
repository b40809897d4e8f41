// The gateway itself: what runs since when, by which settings, what readiness rests on, and how much it logs.

import { act } from "./gateway.js";
import { h } from "./dom.js";
import { code, facts, heading, may, needs, sentence, status, table } from "./parts.js";
import { ago, t } from "./texts.js";

export const load = async () => null;

export const title = () => t("about");

/** The view. */
export function view(_, state) {
  const { version, started_at: startedAt, config, checks, log_filter: filter } = state.overview;
  return [
    heading(t("about")),
    facts(
      [t("version"), code(version)],
      [t("started"), ago(startedAt, state.now)],
      [t("settings"), [t("settings.generation", config), " · ", ago(config.loaded_at, state.now)]]),
    h("p", { class: "acts" }, h("a", { href: "#/runbook" }, t("runbook"))),
    h("h2", null, t("checks")),
    table(t("checks.caption"), ["check", "state", "detail"].map((key) => t(key)),
      checks.map(({ check, ok, detail }) => [check, [code(check), status(state, "check", ok), sentence(detail)]])),
    h("h2", null, t("log")),
    h("form", { class: "filters", onsubmit: (event) => change(event, state) },
      h("label", null, t("log.filter"),
        h("input", { id: "log-filter", value: filter, required: true, autocomplete: "off", spellcheck: "false" })),
      h("button", { type: "submit", disabled: !may(state, "ops") }, t("log.change"))),
    needs(state, "ops"),
    h("p", { class: "note" }, t("log.explains")),
  ];
}

function change(event, state) {
  event.preventDefault();
  const filter = event.target.querySelector("input").value.trim();
  state.tried(() => act("log-filter", { filter }, "PUT"), ({ was }) => state.acted(t("log.changed", { filter, was })));
}
