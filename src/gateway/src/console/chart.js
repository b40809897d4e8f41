// The last sixty minutes of a destination: what was delivered stands above the line, what failed hangs below it.

import { h } from "./dom.js";
import { t } from "./texts.js";

const WIDTH = 4;
const ABOVE = 30;
const BELOW = 16;
/** One transfer a minute shall not fill the chart. */
const LEAST = 4;

/** The chart and, in words, what it shows. `minutes` has the oldest first. */
export function chart(minutes) {
  const sum = (name) => minutes.reduce((total, minute) => total + minute[name], 0);
  const most = (name) => minutes.reduce((found, minute) => Math.max(found, minute[name]), 0);
  // One measure for both halves: a failure weighs as much as a delivery.
  const unit = Math.min(ABOVE / Math.max(most("delivered"), LEAST), BELOW / Math.max(most("failed"), LEAST / 2));
  const text = t("chart", { delivered: sum("delivered"), failed: sum("failed") });
  const frame = {
    class: "chart",
    role: "img",
    "aria-label": `${t("chart.name")}: ${text}`,
    viewBox: `0 0 ${60 * WIDTH} ${ABOVE + BELOW + 1}`,
    preserveAspectRatio: "none",
  };
  return h("figure", null,
    h("svg", frame,
      minutes.flatMap((minute, index) => [
        bar("delivered", index, ABOVE - minute.delivered * unit, minute.delivered * unit),
        bar("failed", index, ABOVE + 1, minute.failed * unit),
      ]),
      h("line", { x1: 0, x2: 60 * WIDTH, y1: ABOVE + 0.5, y2: ABOVE + 0.5 })),
    h("figcaption", { "aria-hidden": "true" }, text));
}

const bar = (kind, index, y, height) =>
  height > 0 && h("rect", { class: kind, x: index * WIDTH, width: WIDTH - 1, y, height });
