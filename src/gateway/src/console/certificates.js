// Certificates, authorities and revocation lists: what ends when, what is in force, and who still comes with what.

import { act, ask } from "./gateway.js";
import { h } from "./dom.js";
import { button, heading, needs, status, table } from "./parts.js";
import { ago, day, span, t, word } from "./texts.js";

export const load = () => ask("certificates");

export const title = () => t("certificates");

/** The view. */
export function view({ certificates, clients }, state) {
  const soonest = [...certificates].sort((one, other) => (one.not_after ?? "").localeCompare(other.not_after ?? ""));
  return [
    heading(t("certificates")),
    h("p", { class: "acts" }, button(state, "certs", t("reload"), null, () => reload(state))),
    needs(state, "certs"),
    h("p", { class: "note" }, t("reload.explains")),
    table(t("certificates.caption"), ["name", "state", "ends"].map((label) => t(label)),
      soonest.map((one) => [`${one.name} ${one.sha256}`, [
        [one.name, h("span", { class: "note" }, word("kind", one.kind), one.sha256 && [" · ", digest(one.sha256)])],
        [
          status(state, "certificate", one.state),
          one.why && h("span", { class: "note", lang: "en" }, one.why),
          one.loaded_at && h("span", { class: "note" }, t("loaded"), " ", ago(one.loaded_at, state.now)),
        ],
        ends(one.not_after, state),
      ]])),
    h("h2", null, t("clients")),
    clients.length === 0 ? h("p", { class: "empty" }, t("clients.none")) :
      table(t("clients.caption"), ["client", "fingerprint", "ends", "first-seen", "last-seen"].map((key) => t(key)),
        clients.map((one) => [`${one.client} ${one.certificate_sha256}`, [
          one.client, digest(one.certificate_sha256), ends(one.not_after, state),
          ago(one.first_seen_at, state.now), ago(one.last_seen_at, state.now),
        ]])),
  ];
}

function ends(at, { now }) {
  const distance = t(new Date(at) > now ? "in" : "ago", { span: span(at, now) });
  return at && [day(at), h("span", { class: "note" }, distance)];
}

/** Enough of a digest to tell two apart; all of it where there is room to point. */
const digest = (sha256) => sha256 && h("code", { title: sha256 }, `${sha256.slice(0, 12)}…`);

const reload = (state) => state.tried(() => act("certificates/reload", {}), ({ reloaded }) => {
  const kept = reloaded.filter(({ outcome }) => outcome === "kept-old");
  const taken = reloaded.filter(({ outcome }) => outcome === "taken-up");
  state.acted(kept.length > 0
    ? t("reload.kept", { count: kept.length, names: kept.map(({ name, why }) => `${name} (${why})`).join(", ") })
    : t("reload.done", { count: taken.length }));
});
