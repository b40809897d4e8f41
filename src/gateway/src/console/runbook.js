// The runbook's section for a trouble, of the very release that runs. It is written in Markdown, of which this reads
// what the runbook uses: headings, paragraphs, lists, tables, code, emphasis and links.

import { h } from "./dom.js";
import { heading, table } from "./parts.js";
import { t } from "./texts.js";

export async function load({ id }) {
  const answer = await fetch("runbook.md");
  if (!answer.ok) throw new Error(`runbook: ${answer.status}`);
  const sections = (await answer.text()).split(/^## /m).slice(1).map((section) => {
    const end = section.indexOf("\n");
    return { name: section.slice(0, end).trim(), text: section.slice(end) };
  });
  return { sections, section: sections.find(({ name }) => anchor(name) === id) };
}

export const title = () => t("runbook");

/** The view. */
export function view({ sections, section }, _, { id }) {
  const item = (name) =>
    h("a", { href: `#/runbook/${anchor(name)}`, "aria-current": anchor(name) === id && "page" }, name);
  return [
    heading(section ? humps(section.name) : t("runbook")),
    section && h("div", { class: "prose", lang: "en", key: id }, blocks(section.text)),
    h("h2", null, t("runbook.sections")),
    h("ul", null, sections.map(({ name }) => h("li", { key: name }, item(name)))),
  ];
}

/** As a heading is turned into an anchor where Markdown is shown. */
const anchor = (name) => name.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-");

/** A name of an alert may be broken where it was joined. */
const humps = (name) => name.split(/(?=[A-Z])/).map((part) => [part, h("wbr")]);

function blocks(text) {
  return text.trim().split(/\n(```[\s\S]*?\n```)(?=\n|$)|\n{2,}/).filter((block) => block?.trim()).map(block);
}

function block(text) {
  const lines = text.trim().split("\n");
  if (text.startsWith("```")) return h("pre", { tabindex: "0" }, h("code", null, lines.slice(1, -1).join("\n")));
  if (text.trim().startsWith("### ")) return h("h3", null, inline(text.trim().slice(4)));
  if (lines[0].startsWith("|")) {
    const [labels, , ...rows] = lines.map(cells);
    return table(t("runbook.table"), labels.map(plain), rows.map((row, index) => [String(index), row.map(inline)]));
  }
  if (/^[-*] /.test(lines[0])) {
    return h("ul", null, text.trim().slice(2).split(/\n[-*] /).map((item) => h("li", null, inline(item))));
  }
  return h("p", null, inline(text.trim()));
}

/** A bar in code is escaped. */
const cells = (line) =>
  line.replace(/^\|\s*|\s*\|$/g, "").split(/\s*(?<!\\)\|\s*/).map((cell) => cell.replaceAll("\\|", "|"));

const plain = (text) => text.replace(/[`*]/g, "");

const INLINE = /(``.+?``|`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/;

function inline(text) {
  return text.split(INLINE).filter(Boolean).map((part) => {
    if (part.startsWith("`")) return h("code", null, part.replace(/^`+ ?| ?`+$/g, ""));
    if (part.startsWith("**")) return h("strong", null, part.slice(2, -2));
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part);
    if (!link) return part;
    // Only sections of the runbook itself can be shown here.
    return link[2].startsWith("#") ? h("a", { href: `#/runbook/${link[2].slice(1)}` }, plain(link[1])) : plain(link[1]);
  });
}
