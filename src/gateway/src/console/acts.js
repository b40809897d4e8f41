// The buttons by which operators steer deliveries: pause, resume, retry, discard. Each opens the dialog that shows what
// the act would affect.

import { propose } from "./dialog.js";
import { button } from "./parts.js";
import { t } from "./texts.js";

const destined = (name, act) => `destinations/${encodeURIComponent(name)}/${act}`;

/** Nothing more is sent to a destination. */
export const pause = (state, { name }) =>
  button(state, "ops", t("pause"), name, () => propose({
    title: t("pause.title", { name }),
    explains: t("pause.explains"),
    does: t("pause.does"),
    path: destined(name, "pause"),
    body: {},
    reason: true,
    done: () => state.acted(t("pause.done", { name })),
  }));

/** A paused destination is sent to again. */
export const resume = (state, { name, paused }) =>
  button(state, "ops", t("resume"), name, () => propose({
    title: t("resume.title", { name }),
    explains: paused ? t("resume.explains", { who: paused.by, reason: paused.reason }) : "",
    does: t("resume.does"),
    path: destined(name, "resume"),
    body: {},
    done: ({ affected }) => state.acted(t("resume.done", { name, count: affected })),
  }), "strong");

/** What `body` names, by ids or by a filter, is due at once; `on` is what the operator knows it by. */
export const retry = (state, on, body) =>
  button(state, "ops", t("retry"), on, () => propose({
    title: t("retry.title", { on }),
    explains: t("retry.explains"),
    does: t("retry.does"),
    path: "transfers/retry",
    body,
    done: ({ affected }) => state.acted(t("retry.done", { count: affected })),
  }));

/** What `body` names is never sent; `cleared` whether some of it may have been already. */
export const discard = (state, on, body, cleared) =>
  button(state, "ops", t("discard"), on, () => propose({
    title: t("discard.title", { on }),
    explains: t("discard.explains"),
    does: t("discard.does"),
    path: "transfers/discard",
    body,
    reason: true,
    cleared,
    done: ({ affected }) => state.acted(t("discard.done", { count: affected })),
  }), "grave");
