// The language of the page: its texts, numbers, points and spans of time. All texts stand in `en.json` and `et.json`.

import { h } from "./dom.js";

/** Each in its own name for itself. */
export const LANGUAGES = { en: "English", et: "Eesti" };
/** Where their dates are written so that no one takes the month for the day. */
const LOCALES = { en: "en-GB", et: "et-EE" };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let texts = {};
let language = "en";
let locale = LOCALES[language];
let plural = new Intl.PluralRules(locale);
let number = new Intl.NumberFormat(locale);

/** Which language is spoken. */
export const spoken = () => language;

/** Speaks another language from now on. */
export async function speak(chosen) {
  const answer = await fetch(`${chosen}.json`);
  if (!answer.ok) throw new Error(`no texts in ${chosen}`);
  texts = await answer.json();
  language = chosen;
  locale = LOCALES[chosen];
  plural = new Intl.PluralRules(locale);
  number = new Intl.NumberFormat(locale);
  document.documentElement.lang = chosen;
}

/** The text of a key, its `{places}` filled. A text may differ with `count`, by the language's own rules. */
export function t(key, values = {}) {
  const found = texts[key];
  const text = typeof found === "object" ? (found[plural.select(values.count)] ?? found.other) : found;
  return (text ?? key).replace(/\{(\w+)\}/g, (_, name) => said(values[name]));
}

/** The text of a key if there is one. */
export const known = (key) => (key in texts ? t(key) : null);

const said = (value) => (typeof value === "number" ? number.format(value) : (value ?? ""));

/** The word for a code; a code that has none stands for itself. */
export const word = (group, code) => known(`${group}.${code}`) ?? code;

/** A point in time: the time of today, with the date on other days, in seconds only where they matter. */
export function moment(at, now) {
  const point = new Date(at);
  const today = point.toDateString() === new Date(now).toDateString();
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23" }).format(point);
  const day = { day: "numeric", month: "short" };
  if (point.getFullYear() !== new Date(now).getFullYear()) day.year = "numeric";
  const text = today ? time : `${new Intl.DateTimeFormat(locale, day).format(point)} ${time.slice(0, 5)}`;
  return h("time", { datetime: at }, text);
}

/** A day, for what ends months from now. */
export const day = (at) =>
  h("time", { datetime: at }, new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(at)));

/** How long ago, or how long until: `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function span(from, to) {
  const length = Math.max(0, Math.abs(new Date(to) - new Date(from)));
  const parts = (large, small) => [Math.floor(length / large), Math.floor((length % large) / small)];
  if (length < MINUTE) return t("span.seconds", { seconds: Math.floor(length / 1000) });
  if (length < HOUR) return t("span.minutes", { minutes: Math.floor(length / MINUTE) });
  if (length < DAY) {
    const [hours, minutes] = parts(HOUR, MINUTE);
    return t("span.hours", { hours, minutes });
  }
  const [days, hours] = parts(DAY, HOUR);
  return t(days > 60 ? "span.days" : "span.days-hours", { days, hours });
}

/** `since 04:12:07 · for 12 min`. */
export const since = (at, now) =>
  h("span", { class: "since" }, t("since"), " ", moment(at, now), " · ", t("for", { span: span(at, now) }));

/** `04:12:07 · 12 min ago`, or a dash. */
export const ago = (at, now) =>
  at ? h("span", null, moment(at, now), " · ", t(new Date(at) > now ? "in" : "ago", { span: span(at, now) })) : "–";
