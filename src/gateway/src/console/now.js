// What is wrong now, since when, why, what to do; then the destinations.

import { pause, resume, retry } from "./acts.js";
import { chart } from "./chart.js";
import { h } from "./dom.js";
import { code, facts, heading, icon, listed, marked, needs, sentence, status, unseen } from "./parts.js";
import { ago, known, moment, since, span, spoken, t } from "./texts.js";

/** What can wait until morning. */
const LATER = new Set(["destination-paused", "certificate-expires", "reload-failed"]);

/** Needs nothing beyond what every view has. */
export const load = async () => null;

export const title = () => t("now");

/** The view. */
export function view(_, state) {
  const { now, troubles } = state.overview;
  const tone = state.lost ? "unknown" : troubles.length > 0 ? "bad" : "good";
  return [
    heading(icon(tone), verdict(state)),
    h("p", { class: "lead" },
      t(state.lost ? "looked.then" : "looked"), " ", moment(now, state.now), ". ", waits(state.overview.counts)),
    h("div", { class: "troubles" }, troubles.map((trouble) => article(trouble, state))),
    h("section", { "aria-labelledby": "destinations" },
      h("h2", { id: "destinations" }, t("destinations")),
      needs(state, "ops"),
      state.destinations.length === 0 && h("p", null, t("destinations.none")),
      state.destinations.map((destination) => row(destination, state))),
  ];
}

/** In one sentence how things are. */
export function verdict(state) {
  if (state.lost) return t("verdict.lost");
  const count = state.overview.troubles.length;
  return count > 0 ? t("verdict.troubles", { count }) : t("verdict.none");
}

const waits = ({ pending, unknown, parked }) => [
  pending > 0 ? t("counts.pending", { count: pending }) : t("counts.none"),
  unknown > 0 && [", ", t("counts.unknown", { count: unknown })],
  parked > 0 && [", ", t("counts.parked", { count: parked })],
  ".",
];

/** The gateway says why and what to do, in English; in another language what to do is said by the trouble's code. */
function article(trouble, state) {
  const tone = LATER.has(trouble.code) ? "warn" : "bad";
  const remedy = spoken() === "en" ? null : known(`remedy.${trouble.code}`);
  return h("article", { class: `trouble ${tone}`, key: `${trouble.code} ${trouble.object}` },
    h("h2", null, marked(tone, headline(trouble))),
    trouble.since && since(trouble.since, state.now),
    facts(
      [t("why"), sentence(trouble.why)],
      [t("do"), remedy ?? sentence(trouble.remedy)]),
    h("p", { class: "acts" }, ways(trouble, state)));
}

const headline = ({ code, object }) =>
  known(`trouble.${code}`) ? t(`trouble.${code}`, { object }) : `${object ?? ""} ${code}`.trim();

/** Where to go on from a trouble. */
function ways(trouble, state) {
  const destination = state.destinations.find(({ name }) => name === trouble.object);
  return [
    destination?.state === "paused" && resume(state, destination),
    destination && transfers(destination.name),
    trouble.code.startsWith("certificate") && h("a", { href: "#/certificates" }, t("certificates")),
    trouble.code.startsWith("checkpoint") && h("a", { href: "#/ledger" }, t("ledger")),
    trouble.runbook &&
      h("a", { href: `#/runbook/${trouble.runbook}` }, t("runbook"), unseen(` ${headline(trouble)}`)),
  ];
}

const transfers = (name) =>
  h("a", { href: listed({ destination: name }) }, t("transfers"), unseen(` ${name}`));

function row(destination, state) {
  const { name, adapter, minutes, paused, pending } = destination;
  return h("article", { class: "destination", key: name, "aria-labelledby": `destination-${name}` },
    h("div", { class: "who" },
      h("h3", { id: `destination-${name}` }, name),
      status(state, "destination", destination.state),
      adapter !== name && h("p", { class: "note" }, adapter),
      paused && h("p", { class: "note" },
        t("paused.by", { who: paused.by }), " ", since(paused.at, state.now), h("br"), h("q", null, paused.reason)),
      h("div", null, transfers(name))),
    chart(minutes),
    figures(destination, state),
    h("p", { class: "acts" },
      paused ? resume(state, destination) : pause(state, destination),
      pending > 0 && !paused && retry(state, name, { filter: { destination: name } })));
}

function figures(destination, { now }) {
  const { pending, due, unknown, parked, last_failure: failure } = destination;
  const oldest = destination.oldest_accepted_at;
  return facts(
    [t("pending"), pending > 0 ? t("pending.due", { count: pending, due }) : "0"],
    [t("oldest"), oldest && span(oldest, now)],
    [t("unknown"), unknown > 0 && String(unknown)],
    [t("parked"), parked > 0 && String(parked)],
    [t("last-delivered"), ago(destination.last_delivered_at, now)],
    [t("last-failure"), failure && [code(failure.code), " ", ago(failure.at, now)]]);
}
