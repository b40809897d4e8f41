// The transfers: a list that can be filtered and paged. What it shows is in the address, so that it can be sent to a
// colleague.

import { discard, retry } from "./acts.js";
import { h } from "./dom.js";
import { ask } from "./gateway.js";
import { code, heading, listed, marked, needs, status, table, unseen } from "./parts.js";
import { ago, moment, t } from "./texts.js";
import * as transfer from "./transfer.js";

const PAGE = 50;
const WAITING = ["accepted", "delivering", "unknown"];
const ENDED = ["delivered", "refused-by-destination", "withheld", "withdrawn", "expired"];

/** One transfer, or a page of them. */
export const load = ({ id, parameters }) =>
  id ? transfer.load(id) : ask("transfers", { ...parameters, limit: PAGE });

export const title = ({ id }) => (id ? transfer.title(id) : t("transfers"));

/** The view. */
export const view = (found, state, { id, parameters }) =>
  id ? transfer.view(found, state) : list(found, state, parameters);

function list({ transfers, next }, state, { before, ...filter }) {
  const chosen = Object.values(filter).some(Boolean);
  const labels = ["accepted-at", "transfer", "destination", "client", "state", "attempts", "next-attempt"];
  return [
    heading(t("transfers")),
    filters(filter, chosen, state),
    bulk(filter, state),
    transfers.length === 0
      ? h("p", { class: "empty" }, t(chosen ? "transfers.none-such" : "transfers.none"))
      : table(t("transfers.caption", { count: transfers.length }), labels.map((label) => t(label)),
          transfers.map((one) => [one.transfer, row(one, state)])),
    h("nav", { class: "acts", "aria-label": t("pages") },
      before && h("a", { key: "newest", href: listed(filter) }, t("newest")),
      next && h("a", { key: "older", href: listed({ ...filter, before: next }) }, t("older"))),
  ];
}

const row = (one, state) => [
  moment(one.accepted_at, state.now),
  h("a", { href: `#/transfers/${one.transfer}` },
    unseen(`${t("transfer")} `), code(transfer.short(one.transfer))),
  [one.destination, h("span", { class: "note" }, one.purpose)],
  one.client,
  [
    status(state, "transfer", one.state),
    one.parked && [" ", marked("warn", t("is-parked"))],
    one.code && [" ", code(one.code)],
  ],
  String(one.attempts),
  one.final ? "–" : ago(one.next_attempt_at, state.now),
];

function filters(filter, chosen, state) {
  const field = (name) => ({
    id: `filter-${name}`,
    value: filter[name] ?? "",
    onchange: (event) => { location.hash = listed({ ...filter, [name]: event.target.value.trim() }); },
  });
  const choice = (name, values, text) => h("label", null, t(name),
    h("select", field(name),
      h("option", { value: "" }, t("any")),
      values.map((value) => h("option", { value }, text(value)))));
  const names = new Set(state.destinations.map(({ name }) => name));
  // One that is in the address, but not in the settings any more.
  if (filter.destination) names.add(filter.destination);
  return h("form", { class: "filters", "aria-label": t("filter"), onsubmit: (event) => event.preventDefault() },
    choice("destination", [...names], (name) => name),
    choice("state", [...WAITING, ...ENDED], (code) => t(`transfer.state.${code}`)),
    h("label", null, t("client"), h("input", { ...field("client"), autocomplete: "off", spellcheck: "false" })),
    chosen && h("a", { href: listed({}) }, t("filter.clear")));
}

/** Acts on everything that waits for a destination; the gateway takes no narrower filter. */
function bulk({ destination, client, state: wanted }, state) {
  if (ENDED.includes(wanted)) return null;
  if (!destination || client || wanted) return h("p", { class: "note" }, t("bulk.hint"));
  const body = { filter: { destination } };
  return h("div", null,
    h("p", { class: "acts" },
      h("span", null, t("bulk", { destination })),
      retry(state, destination, body),
      discard(state, destination, body, true)),
    needs(state, "ops"));
}
