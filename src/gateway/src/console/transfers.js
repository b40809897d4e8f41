// The transfers: a list that can be filtered, paged and sent to a colleague as a link, and one transfer with its history.

import { propose } from "./acts.js";
import { h } from "./dom.js";
import { ask } from "./gateway.js";
import { button, code, facts, heading, icon, marked, needs, status, table, unseen } from "./parts.js";
import { ago, known, moment, since, span, t, word } from "./texts.js";

const PAGE = 50;
const STATES = [
  "accepted", "delivering", "unknown", "delivered", "refused-by-destination", "withheld", "withdrawn", "expired",
];

/** What the list shows is in the address. */
export const load = ({ id, parameters }) =>
  id ? ask(`transfers/${encodeURIComponent(id)}`) : ask("transfers", { ...parameters, limit: PAGE });

export const title = ({ id }) => (id ? t("transfer.title", { id: short(id) }) : t("transfers"));

export const view = (found, state, place) => (place.id ? one(found, state) : list(found, state, place.parameters));

/** The end of an id tells two transfers of the same second apart; its beginning is their time. */
const short = (id) => `…${id.slice(-8)}`;

const at = (parameters) => {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  return `#/transfers${query.size ? `?${query}` : ""}`;
};

function list({ transfers, next }, state, parameters) {
  const { before, ...filter } = parameters;
  return [
    heading(t("transfers")),
    filters(filter, state),
    bulk(filter, state),
    transfers.length === 0
      ? h("p", { class: "empty" }, t(Object.values(filter).some(Boolean) ? "transfers.none-such" : "transfers.none"))
      : table(t("transfers.caption", { count: transfers.length }),
          ["accepted-at", "transfer", "destination", "client", "state", "attempts", "next-attempt"].map((key) => t(key)),
          transfers.map((transfer) => [transfer.transfer, row(transfer, state)])),
    h("nav", { class: "acts", "aria-label": t("pages") },
      before && h("a", { key: "newest", href: at(filter) }, t("newest")),
      next && h("a", { key: "older", href: at({ ...filter, before: next }) }, t("older"))),
  ];
}

const row = (transfer, state) => [
  moment(transfer.accepted_at, state.now),
  h("a", { href: `#/transfers/${transfer.transfer}` }, unseen(`${t("transfer")} `), code(short(transfer.transfer))),
  [transfer.destination, h("span", { class: "note" }, transfer.purpose)],
  transfer.client,
  [status(state, "transfer", transfer.state), transfer.parked && [" ", marked("warn", t("is-parked"))], transfer.code && [" ", code(transfer.code)]],
  String(transfer.attempts),
  transfer.final ? "–" : ago(transfer.next_attempt_at, state.now),
];

function filters(filter, state) {
  const choose = (name) => (event) => { location.hash = at({ ...filter, [name]: event.target.value.trim() }); };
  const options = (values, text) => [
    h("option", { value: "" }, t("any")),
    values.map((value) => h("option", { value }, text(value))),
  ];
  const names = new Set(state.destinations.map(({ name }) => name));
  // One that is in the address, but not in the settings any more.
  if (filter.destination) names.add(filter.destination);
  return h("form", { class: "filters", onsubmit: (event) => event.preventDefault(), "aria-label": t("filter") },
    h("label", null, t("destination"),
      h("select", { id: "filter-destination", value: filter.destination ?? "", onchange: choose("destination") },
        options([...names], (name) => name))),
    h("label", null, t("state"),
      h("select", { id: "filter-state", value: filter.state ?? "", onchange: choose("state") },
        options(STATES, (code) => t(`transfer.state.${code}`)))),
    h("label", null, t("client"),
      h("input", { id: "filter-client", value: filter.client ?? "", onchange: choose("client"), autocomplete: "off", spellcheck: "false" })),
    Object.values(filter).some(Boolean) && h("a", { href: "#/transfers" }, t("filter.clear")));
}

/** Acts on everything that the filter finds, for which the gateway wants a destination. */
function bulk({ destination, state: wanted, client }, state) {
  const waits = !wanted || ["accepted", "delivering", "unknown"].includes(wanted);
  if (!waits) return null;
  if (!destination || client) return h("p", { class: "note" }, t("bulk.hint"));
  const filter = wanted ? { destination, state: wanted } : { destination };
  return h("div", null,
    h("p", { class: "acts" }, h("span", null, t("bulk", { destination })), retry(state, filter), discard(state, { filter }, destination, true)),
    needs(state, "ops"));
}

/** The button that makes due at once what a filter finds. */
export const retry = (state, filter) => retrying(state, { filter }, filter.destination);

const retrying = (state, body, on) =>
  button(state, "ops", t("retry"), on, () => propose({
    title: t("retry.title", { on }), explains: t("retry.explains"), does: t("retry.does"),
    path: "transfers/retry", body,
    done: ({ affected }) => state.acted(t("retry.done", { count: affected })),
  }));

const discard = (state, body, on, cleared) =>
  button(state, "ops", t("discard"), on, () => propose({
    title: t("discard.title", { on }), explains: t("discard.explains"), does: t("discard.does"),
    path: "transfers/discard", body, reason: true, cleared,
    done: ({ affected }) => state.acted(t("discard.done", { count: affected })),
  }), "grave");

function one(transfer, state) {
  const id = transfer.transfer;
  const body = { transfers: [id] };
  return [
    h("p", { class: "acts" }, h("a", { href: at({ destination: transfer.destination }) }, t("back", { destination: transfer.destination }))),
    heading(t("transfer"), " ", h("code", { class: "id" }, id)),
    h("p", { class: "lead" }, status(state, "transfer", transfer.state), " ",
      since(transfer.state_since, state.now), transfer.parked && [" ", marked("warn", t("is-parked"))]),
    facts(
      [t("destination"), transfer.destination],
      [t("purpose"), transfer.purpose],
      [t("client"), transfer.client],
      [t("accepted-at"), ago(transfer.accepted_at, state.now)],
      [t("code"), transfer.code && [code(transfer.code), known(`code.${transfer.code}`) && [" ", known(`code.${transfer.code}`)]]],
      [t("attempts"), String(transfer.attempts)],
      [t("next-attempt"), transfer.final || !transfer.next_attempt_at ? null : ago(transfer.next_attempt_at, state.now)],
      [t("not-after"), transfer.final ? null : ago(transfer.not_after, state.now)],
      [t("acknowledged"), transfer.state === "delivered" ? t(transfer.acknowledged ? "yes" : "no") : null]),
    transfer.errors?.length > 0 && [
      h("h2", null, t("errors")),
      h("ul", null, transfer.errors.map((error) => h("li", null, fault(error)))),
    ],
    !transfer.final && h("p", { class: "acts" },
      retrying(state, body, short(id)), discard(state, body, short(id), transfer.state === "unknown")),
    !transfer.final && needs(state, "ops"),
    h("h2", null, t("history")),
    table(t("history.caption"), ["time", "what", "ledger-index"].map((key) => t(key)),
      transfer.history.map((entry) => [String(entry.index), [moment(entry.at, state.now), happened(entry, state), String(entry.index)]])),
  ];
}

/** Codes and places only, whatever they are called. */
const fault = (error) =>
  typeof error === "string" ? code(error) : Object.values(error).filter(Boolean).map((part) => [code(String(part)), " "]);

function happened(entry, state) {
  switch (entry.kind) {
    case "disclosure": return [t("entry.disclosure"), entry.rule && [" ", code(entry.rule)]];
    case "attempt": return t("entry.attempt", { number: entry.number });
    case "outcome": return [status({ ...state, lost: null }, "transfer", entry.state), entry.rule && [" ", code(entry.rule)]];
    case "administration": return t("entry.administration", { action: word("action", entry.action), who: entry.who });
    default: return entry.kind;
  }
}
