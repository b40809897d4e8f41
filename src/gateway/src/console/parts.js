// The parts that every view is made of: a state as icon and word, a table, a button that says which role it needs.

import { h } from "./dom.js";
import { t, word } from "./texts.js";

/** On a grid of 16; told apart by shape, the colour only helps. */
const SHAPES = {
  good: "M3 8.5 6.5 12 13 4.5",
  bad: "M5.3 1.8h5.4l3.8 3.8v5.4l-3.8 3.8H5.3L1.5 11V5.6zM8 4.5v4.2M8 11.2v.3",
  warn: "M8 2 15 14H1zM8 6.5v3.6M8 12v.2",
  paused: "M5.5 3v10M10.5 3v10",
  idle: "M8 3.5a4.5 4.5 0 1 0 .01 0z",
  busy: "M2 8h11M9 4l4 4-4 4",
  unknown: "M5.5 5.5a2.5 2.5 0 1 1 3.8 2.1C8.3 8.3 8 8.8 8 10M8 12.8v.2",
};

const TONES = {
  destination: { delivering: "good", idle: "idle", failing: "bad", paused: "paused" },
  transfer: {
    accepted: "idle", delivering: "busy", delivered: "good", "refused-by-destination": "bad",
    withheld: "warn", withdrawn: "idle", expired: "bad", unknown: "unknown",
  },
  certificate: { ok: "good", warn: "warn", expired: "bad", "reload-failed": "bad" },
  check: { true: "good", false: "bad" },
};

export const icon = (tone) =>
  h("svg", { class: `icon ${tone}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, h("path", { d: SHAPES[tone] }));

/** A word with its icon. */
export const marked = (tone, text) => h("span", { class: `status ${tone}` }, icon(tone), text);

/** The state of a thing. Without connection it is the past: what was good then may not be so now. */
export function status(state, group, code) {
  const text = word(`${group}.state`, String(code));
  return state.lost
    ? marked("unknown", t("was", { state: text }))
    : marked(TONES[group][code] ?? "unknown", text);
}

/** Read aloud, not shown. */
export const unseen = (text) => h("span", { class: "unseen" }, text);

/** Whether whoever looks has the role; without connection nobody may do anything. */
export const may = (state, role) => !state.lost && state.overview.roles.includes(role);

/** The roles of whoever looks, as a list to be read. */
export const roles = (state) => state.overview.roles.join(", ") || "–";

/** A button that acts; `on` says for readers aloud what it acts on. */
export const button = (state, role, label, on, onclick, tone) =>
  h("button", { type: "button", class: tone, disabled: !may(state, role), onclick },
    label, on && unseen(` ${on}`));

/** Says which role is missing for the buttons beside it. */
export const needs = (state, role) =>
  state.overview.roles.includes(role)
    ? null
    : h("p", { class: "note" }, marked("unknown", t("role-missing", { role, roles: roles(state) })));

/** Terms and their descriptions; those without a description are left out. */
export const facts = (...pairs) =>
  h("dl", null, pairs.filter(([, value]) => value)
    .map(([term, value]) => h("div", { key: term }, h("dt", null, term), h("dd", null, value))));

/**
 * A table, which becomes a list of cards where there is no room. The roles are written out, as a browser forgets them
 * when a table is laid out otherwise. A row is `[key, cells]`.
 */
export function table(caption, labels, rows) {
  const cell = (value, index) => h("td", { role: "cell", "data-label": labels[index] }, value ?? "–");
  return h("table", { role: "table" },
    h("caption", null, caption),
    h("thead", { role: "rowgroup" },
      h("tr", { role: "row" }, labels.map((label) => h("th", { role: "columnheader", scope: "col" }, label)))),
    h("tbody", { role: "rowgroup" }, rows.map(([key, cells]) =>
      h("tr", { role: "row", key }, cells.map(cell)))));
}

/** The heading of a view; it gets the focus when the view is opened. */
export const heading = (...content) => h("h1", { id: "heading", tabindex: "-1" }, ...content);

/** What a machine would read: ids, codes, digests. */
export const code = (text) => (text ? h("code", null, text) : null);

/** What the gateway says, in English; backticks mark what a machine would read. */
export const sentence = (text) =>
  h("span", { lang: "en" }, (text ?? "").split("`").map((part, index) => (index % 2 ? code(part) : part)));

/** The address of the transfers that are like this. */
export function listed(filter) {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  return `#/transfers${query.size > 0 ? `?${query}` : ""}`;
}
