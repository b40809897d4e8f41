// The console: keeps looking at the gateway, shows the view that the address names, and says so when it cannot.
//
// An event of the gateway makes it look at once; it also looks every few seconds, so that a silent connection is
// noticed, and a lost one is shown as the trouble that it is.

import * as about from "./about.js";
import * as certificates from "./certificates.js";
import { h, show } from "./dom.js";
import { ask, listen, Problem } from "./gateway.js";
import * as ledger from "./ledger.js";
import * as now from "./now.js";
import { facts, heading, icon, marked, roles, sentence, unseen } from "./parts.js";
import * as runbook from "./runbook.js";
import { LANGUAGES, moment, since, span, speak, spoken, t } from "./texts.js";
import * as transfers from "./transfers.js";

const VIEWS = { "": now, transfers, certificates, ledger, about, runbook };
const LISTED = ["", "transfers", "certificates", "ledger", "about"];
const THEMES = ["auto", "light", "dark"];
const LOOK_MS = 10_000;
/** Events come in crowds; one look is enough for those of half a second. */
const GATHER_MS = 500;
const TICK_MS = 5_000;
const NOTICE_MS = 30_000;

const part = (id) => document.getElementById(id);

const state = {
  /** What the gateway said last. */
  overview: null,
  destinations: [],
  /** Its clock, in milliseconds. */
  now: Date.now(),
  /** Since when, by its clock, and why it cannot be looked at; null while it can. */
  lost: null,
  live: false,
  notice: "",
  acted,
  tried,
};
let place = read(location.hash);
let found = { of: null, what: null };
let ahead = 0;
let due = null;
let looking = null;
let again = false;
let quiet = null;

/** What the address says: `#/view/id?parameters`. */
function read(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const [name, id] = path.split("/");
  const known = Object.hasOwn(VIEWS, name) ? name : "";
  return { name: known, id, key: `${known}/${id ?? ""}`, parameters: Object.fromEntries(new URLSearchParams(query)) };
}

/** Looks at the gateway, one look at a time; asked meanwhile, it looks once more before it is done. */
async function look() {
  again = true;
  looking ??= untilSeen().finally(() => { looking = null; });
  return looking;
}

async function untilSeen() {
  while (again) {
    again = false;
    await once();
    draw();
  }
}

async function once() {
  const of = place;
  try {
    const [overview, { destinations }] = await Promise.all([ask("overview"), ask("destinations")]);
    Object.assign(state, { overview, destinations, lost: null });
    ahead = new Date(overview.now) - Date.now();
    found = { of, what: await seen(VIEWS[of.name].load(of)) };
  } catch (error) {
    state.lost ??= { at: Date.now() + ahead, why: error };
  }
}

/** A no to what the address asks for is shown in its place; it does not mean that the gateway is lost. */
const seen = (loading) => loading.catch((error) => {
  if (error instanceof Problem) return error;
  throw error;
});

function soon() {
  due ??= setTimeout(() => {
    due = null;
    look();
  }, GATHER_MS);
}

function draw() {
  state.now = Date.now() + ahead;
  const shows = VIEWS[place.name];
  show(part("skip"), t("skip"));
  show(part("header"), header());
  show(part("footer"), footer());
  show(part("notice"), state.notice);
  if (!state.overview) {
    show(part("main"), state.lost ? lost() : h("p", { class: "empty" }, t("looking")));
    return;
  }
  const verdict = now.verdict(state);
  if (part("verdict").textContent !== verdict) part("verdict").textContent = verdict;
  const count = state.lost ? "!" : state.overview.troubles.length;
  document.title = `${count ? `(${count}) ` : ""}${shows.title(place)} – Clearance`;
  const focused = document.activeElement;
  show(part("main"), state.lost && lost(),
    h("div", { class: "view", key: place.key, "aria-busy": String(found.of !== place) },
      isThere() ? view(shows) : heading(shows.title(place))));
  // What had the focus may be gone, as a trouble that was mended.
  if (!focused.isConnected) part("heading")?.focus();
}

/** While another filter is looked up, what the one before found stays; but not for longer than that. */
const isThere = () => found.of === place || (found.of?.key === place.key && !state.lost);

function view(shows) {
  if (found.what instanceof Problem) return refused(found.what);
  try {
    return shows.view(found.what, state, place);
  } catch (error) {
    // Rather nothing than what was there before, which may not be so any more.
    console.error(error);
    return [heading(shows.title(place)), h("p", { class: "lead" }, marked("bad", t("broken")))];
  }
}

function header() {
  const troubles = state.overview?.troubles.length ?? 0;
  const link = (name) => {
    const current = name === place.name;
    const mark = name === "" && (state.lost ? icon("unknown") : troubles > 0 &&
      [h("span", { class: "count", "aria-hidden": "true" }, String(troubles)), unseen(`: ${now.verdict(state)}`)]);
    const to = { href: `#/${name}`, "aria-current": current && "page" };
    return h("li", { key: name }, h("a", to, VIEWS[name].title({}), mark));
  };
  return [
    h("p", { class: "brand" }, "Clearance"),
    h("nav", { "aria-label": t("views") }, h("ul", null, LISTED.map(link))),
    h("p", { class: "pulse" }, pulse()),
  ];
}

/** How fresh everything is. */
function pulse() {
  if (state.lost) return marked("bad", t("pulse.lost"));
  if (!state.overview) return marked("busy", t("looking"));
  return [
    state.live ? marked("good", t("pulse.live")) : marked("warn", t("pulse.polls", { seconds: LOOK_MS / 1000 })),
    " ", h("span", { class: "note" }, moment(state.overview.now, state.now)),
  ];
}

function footer() {
  const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
  const choice = (name, value, options) => h("label", null, t(name),
    h("select", { id: name, value, onchange: (event) => choose(name, event.target.value) }, options));
  return [
    state.overview && h("p", null, t("you", { who: state.overview.who, roles: roles(state) })),
    h("p", null, t("zone", { zone })),
    choice("language", spoken(),
      Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code }, name))),
    choice("theme", document.documentElement.dataset.theme,
      THEMES.map((theme) => h("option", { value: theme }, t(`theme.${theme}`)))),
  ];
}

/** The console sees nothing: a trouble like any other, and above them all. */
function lost() {
  const { at, why } = state.lost;
  const said = why instanceof Problem;
  const title = marked("bad", said ? h("span", { lang: "en" }, why.title) : t("lost.title"));
  return h("article", { class: "trouble lost", key: "lost" },
    state.overview ? h("h2", null, title) : heading(title),
    since(at, state.now),
    facts(
      [t("why"), said ? sentence(why.message) : t("lost.why")],
      [t("do"), t(why.code === "admin-unknown" ? "lost.do-unknown" : "lost.do")]),
    state.overview && h("p", null, t("lost.then", { span: span(state.overview.now, state.now) })));
}

const refused = (problem) => [
  heading(h("span", { lang: "en" }, problem.title)),
  h("p", { class: "lead", lang: "en" }, problem.detail ?? String(problem.status)),
];

/** Something was done: says so, and looks at what came of it. */
function acted(text) {
  clearTimeout(quiet);
  quiet = setTimeout(() => { state.notice = ""; }, NOTICE_MS);
  state.notice = text;
  look();
}

/** Does what was asked for, and `then` goes on with the answer; a no is told. */
async function tried(call, then) {
  try {
    then(await call());
  } catch (error) {
    acted(error instanceof Problem ? `${error.title}: ${error.message}` : t("lost.title"));
  }
}

async function choose(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser may keep nothing; the choice then holds until the page is left.
  }
  if (name === "theme") document.documentElement.dataset.theme = value;
  else await tried(() => speak(value), () => {});
  draw();
}

function remembered(name, allowed) {
  try {
    const value = localStorage.getItem(name);
    return allowed.includes(value) ? value : null;
  } catch {
    return null;
  }
}

async function move() {
  const before = place;
  place = read(location.hash);
  state.notice = "";
  await look();
  // Another view begins at its heading; another filter leaves the focus where it was chosen.
  if (before.key !== place.key || before.parameters.before !== place.parameters.before) {
    part("heading")?.focus();
    scrollTo(0, 0);
  }
}

async function start() {
  const codes = Object.keys(LANGUAGES);
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((code) => codes.includes(code));
  document.documentElement.dataset.theme = remembered("theme", THEMES) ?? "auto";
  await speak(remembered("language", codes) ?? preferred ?? "en");
  part("skip").onclick = (event) => {
    // The address is the view's; a jump would change it.
    event.preventDefault();
    part("main").focus();
  };
  addEventListener("hashchange", move);
  listen(soon, (live) => {
    state.live = live;
    look();
  });
  setInterval(look, LOOK_MS);
  setInterval(draw, TICK_MS);
  await look();
}

start().catch((error) => show(part("main"), h("p", { class: "empty" }, error.message)));
