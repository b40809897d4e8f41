// What is wrong now, since when, why, what to do; then the destinations.

import { propose } from "./acts.js";
import { chart } from "./chart.js";
import { h } from "./dom.js";
import { button, code, facts, heading, icon, marked, needs, sentence, status, unseen } from "./parts.js";
import { retry } from "./transfers.js";
import { ago, known, moment, since, span, spoken, t } from "./texts.js";

/** What can wait until morning. */
const LATER = new Set(["destination-paused", "certificate-expires", "reload-failed"]);

/** Needs nothing beyond what every view has. */
export const load = async () => null;

export const title = () => t("now");

/** The view. */
export function view(_, state) {
  return [
    heading(icon(state.lost ? "unknown" : state.overview.troubles.length ? "bad" : "good"), verdict(state)),
    h("p", { class: "lead" }, state.lost ? t("looked.then") : t("looked"), " ", moment(state.overview.now, state.now), ". ", waits(state)),
    h("div", { class: "troubles" }, state.overview.troubles.map((trouble) => troubled(trouble, state))),
    h("section", { "aria-labelledby": "destinations" },
      h("h2", { id: "destinations" }, t("destinations")),
      needs(state, "ops"),
      state.destinations.length === 0 && h("p", null, t("destinations.none")),
      state.destinations.map((destination) => article(destination, state))),
  ];
}

/** In one sentence how things are. */
export function verdict(state) {
  if (state.lost) return t("verdict.lost");
  const count = state.overview.troubles.length;
  return count ? t("verdict.troubles", { count }) : t("verdict.none");
}

function waits(state) {
  const { pending, unknown, parked } = state.overview.counts;
  return [
    pending > 0 ? t("counts.pending", { count: pending }) : t("counts.none"),
    unknown > 0 && [", ", t("counts.unknown", { count: unknown })],
    parked > 0 && [", ", t("counts.parked", { count: parked })],
    ".",
  ];
}

/** The gateway says why and what to do in English; what to do also stands in the texts, by the trouble's code. */
function troubled(trouble, state) {
  const remedy = spoken() === "en" ? null : known(`remedy.${trouble.code}`);
  const tone = LATER.has(trouble.code) ? "warn" : "bad";
  return h("article", { class: `trouble ${tone}`, key: `${trouble.code} ${trouble.object}` },
    h("h2", null, marked(tone, headline(trouble))),
    trouble.since && since(trouble.since, state.now),
    facts(
      [t("why"), sentence(trouble.why)],
      [t("do"), remedy ?? sentence(trouble.remedy)]),
    h("p", { class: "acts" }, ways(trouble, state)));
}

export const headline = ({ code, object }) =>
  known(`trouble.${code}`) ? t(`trouble.${code}`, { object }) : `${object ?? ""} ${code}`.trim();

/** Where to go on from a trouble. */
function ways(trouble, state) {
  const destination = state.destinations.find(({ name }) => name === trouble.object);
  return [
    destination?.state === "paused" && resume(destination, state),
    destination && waiting(destination.name),
    trouble.code.startsWith("certificate") && h("a", { href: "#/certificates" }, t("certificates")),
    trouble.code.startsWith("checkpoint") && h("a", { href: "#/ledger" }, t("ledger")),
    trouble.runbook && h("a", { href: `#/runbook/${trouble.runbook}` }, t("runbook"), unseen(` ${headline(trouble)}`)),
  ];
}

const waiting = (name) =>
  h("a", { href: `#/transfers?${new URLSearchParams({ destination: name })}` }, t("its-transfers"), unseen(` ${name}`));

function article(destination, state) {
  const { name, adapter, paused, last_failure: failure } = destination;
  return h("article", { class: "destination", key: name, "aria-labelledby": `destination-${name}` },
    h("div", { class: "who" },
      h("h3", { id: `destination-${name}` }, name),
      status(state, "destination", destination.state),
      adapter !== name && h("p", { class: "note" }, adapter),
      paused && h("p", { class: "note" },
        t("paused.by", { who: paused.by }), " ", since(paused.at, state.now), h("br"), h("q", null, paused.reason)),
      h("div", null, waiting(name))),
    chart(destination.minutes),
    facts(
      [t("pending"), destination.pending === 0 ? "0" : t("pending.due", { count: destination.pending, due: destination.due })],
      [t("oldest"), destination.oldest_accepted_at && span(destination.oldest_accepted_at, state.now)],
      [t("unknown"), destination.unknown || null],
      [t("parked"), destination.parked || null],
      [t("last-delivered"), ago(destination.last_delivered_at, state.now)],
      [t("last-failure"), failure && [code(failure.code), " ", ago(failure.at, state.now)]]),
    h("p", { class: "acts" },
      paused ? resume(destination, state) : pause(destination, state),
      destination.pending > 0 && !paused && retry(state, { destination: name })));
}

const pause = ({ name }, state) =>
  button(state, "ops", t("pause"), name, () => propose({
    title: t("pause.title", { name }), explains: t("pause.explains"), does: t("pause.does"), reason: true,
    path: `destinations/${encodeURIComponent(name)}/pause`, body: {},
    done: () => state.acted(t("pause.done", { name })),
  }));

const resume = ({ name, paused }, state) =>
  button(state, "ops", t("resume"), name, () => propose({
    title: t("resume.title", { name }), does: t("resume.does"),
    explains: paused ? t("resume.explains", { who: paused.by, reason: paused.reason }) : "",
    path: `destinations/${encodeURIComponent(name)}/resume`, body: {},
    done: ({ affected }) => state.acted(t("resume.done", { name, count: affected })),
  }), "strong");
