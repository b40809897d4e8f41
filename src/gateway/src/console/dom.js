// Makes the page equal to a description of it, and touches only what differs: focus, selection and scrolling survive
// every refresh. Text is only ever text; there is no way to hand in markup.

const SVG = "http://www.w3.org/2000/svg";
const VECTORS = new Set(["svg", "path", "rect", "line"]);

/** What was last described, by node: its key, and the attributes to take away when they are described no more. */
const shown = new WeakMap();

/**
 * Describes an element. `key` among the attributes says which of its siblings it is; functions are listeners;
 * children that are null, undefined or false are not there.
 */
export function h(tag, attributes, ...children) {
  const { key, ...others } = attributes ?? {};
  const there = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return { tag, key, attributes: others, children: there };
}

/** Makes the children of `parent` what is described. */
export function show(parent, ...described) {
  const wanted = h("", null, described).children.map((child) => (typeof child === "object" ? child : String(child)));
  const keyed = new Map();
  const keys = new Set(wanted.map((child) => child.key));
  for (const node of [...parent.childNodes]) {
    const key = shown.get(node)?.key;
    if (key === undefined) continue;
    // Gone before the others are looked at, so that those stay where they are, with the focus.
    if (keys.has(key)) keyed.set(key, node);
    else node.remove();
  }
  let place = parent.firstChild;
  for (const child of wanted) {
    const node = same(keyed.get(child.key) ?? place, child) ?? made(child);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    fill(node, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function same(node, child) {
  if (!node) return null;
  const fits = typeof child === "string"
    ? node.nodeType === Node.TEXT_NODE
    : node.localName === child.tag && shown.get(node)?.key === child.key;
  return fits ? node : null;
}

function made(child) {
  if (typeof child === "string") return document.createTextNode("");
  return VECTORS.has(child.tag) ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
}

function fill(node, child) {
  if (typeof child === "string") {
    if (node.textContent !== child) node.textContent = child;
    return;
  }
  const before = shown.get(node)?.attributes ?? {};
  shown.set(node, { key: child.key, attributes: child.attributes });
  for (const name of Object.keys(before)) {
    if (!(name in child.attributes)) set(node, name, null);
  }
  for (const [name, value] of Object.entries(child.attributes)) {
    if (name !== "value" && before[name] !== value) set(node, name, value);
  }
  show(node, child.children);
  // After the children: a choice can be made only when there is what to choose from. What somebody types stays until
  // something else is described.
  const { value } = child.attributes;
  if (value !== undefined && before.value !== value) node.value = value;
}

function set(node, name, value) {
  if (name.startsWith("on")) node[name] = value;
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
