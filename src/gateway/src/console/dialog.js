// The dialog of an act. It is shown before it is done: the gateway says what it would touch, and only then is it asked
// to do it. The dialog closes by Escape, and gives the focus back to where it was opened.

import { h, show } from "./dom.js";
import { act, Problem } from "./gateway.js";
import { marked } from "./parts.js";
import { t, word } from "./texts.js";

const dialog = document.getElementById("dialog");
const REASON_MAX = 200;

/**
 * Proposes an act: `title`, `path` and `body` of the call, `explains` it in a sentence, `does` is the button's text;
 * `reason` whether it needs one, `cleared` whether it may touch what was perhaps delivered. `done` gets the answer.
 */
export function propose(proposal) {
  let answer = null;
  let fault = null;
  let busy = "preview.asking";
  let asked = 0;

  const preview = async () => {
    const mine = ++asked;
    answer = fault = null;
    busy = "preview.asking";
    draw();
    const [said, no] = await tried(() => act(proposal.path, { ...filled(proposal), preview: true }));
    // An older question's answer is of no use any more.
    if (mine === asked) [answer, fault] = [said, no];
    draw();
  };
  const perform = async (event) => {
    event.preventDefault();
    if (!answer) return;
    const proposed = answer;
    answer = null;
    busy = "preview.acting";
    draw();
    const [said, no] = await tried(() => act(proposal.path, filled(proposal)));
    if (said) {
      dialog.close();
      proposal.done(said);
    } else {
      [answer, fault] = [proposed, no];
      draw();
    }
  };
  const draw = () => show(dialog, form(proposal, { answer, fault, busy, preview, perform }));

  // What was typed for another act is not this one's.
  show(dialog);
  preview();
  dialog.showModal();
}

function filled({ body }) {
  const reason = dialog.querySelector("#reason")?.value.trim();
  const cleared = dialog.querySelector("#cleared")?.checked;
  return { ...body, ...(reason && { reason }), ...(cleared && { perhaps_delivered: true }) };
}

async function tried(call) {
  try {
    return [await call(), null];
  } catch (error) {
    return [null, error];
  }
}

function form(proposal, { answer, fault, busy, preview, perform }) {
  // A destination where nothing waits can be paused; but there must be something to retry or discard.
  const nothing = answer?.affected === 0 && !answer.destination;
  return h("form", { onsubmit: perform },
    h("h2", { id: "dialog-title" }, proposal.title),
    h("p", null, proposal.explains),
    h("div", { class: "preview", "aria-live": "polite" },
      fault ? failure(fault) : answer ? effect(answer) : h("p", null, t(busy))),
    proposal.cleared && h("p", { class: "check" },
      h("input", { type: "checkbox", id: "cleared", onchange: preview }),
      h("label", { for: "cleared" }, t("cleared"))),
    proposal.reason && h("p", null,
      h("label", { for: "reason" }, t("reason")),
      h("input", {
        id: "reason", required: true, maxlength: REASON_MAX, autocomplete: "off", "aria-describedby": "reason-hint",
      }),
      h("span", { class: "note", id: "reason-hint" }, t("reason.hint"))),
    h("p", { class: "acts" },
      h("button", { type: "submit", class: "strong", disabled: !answer || nothing }, proposal.does),
      h("button", { type: "button", onclick: () => dialog.close() }, t("cancel"))));
}

const effect = (answer) => [
  h("p", { class: "effect" }, t("preview.affects", { count: answer.affected })),
  answer.skipped?.length > 0 && h("ul", null, answer.skipped.map(({ code, count }) =>
    h("li", { key: code }, t("preview.skips", { count, why: word("skip", code) })))),
];

const failure = (fault) =>
  h("p", null, marked("bad", fault instanceof Problem ? fault.title : t("lost.title")),
    h("span", { class: "detail", lang: "en" }, fault.message));
