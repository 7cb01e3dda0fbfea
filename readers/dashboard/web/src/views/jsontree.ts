// JSON as a tree that opens where one looks; a level is laid out when it is opened, and long ones in steps.

import { h, type Child } from "../dom";
import { formatCount } from "../format";
import { longText } from "./longtext";

const STEP = 200;
/** Deeper levels open when asked for, so that deep nesting costs nothing. */
const OPEN_DEPTH = 2;

export function jsonTree(value: unknown): HTMLElement {
  return h("div", { class: "json mono" }, node(null, value, 0));
}

function node(name: string | null, value: unknown, depth: number, siblings = 1): HTMLElement {
  const label = name === null ? null : [h("span", { class: "json-name" }, longText(name, 120)), ": "];
  if (typeof value !== "object" || value === null) return h("div", { class: "json-leaf" }, label, leaf(value));
  const entries = Array.isArray(value) ? value.map((one, index) => [String(index), one] as const) : Object.entries(value);
  if (entries.length === 0) return h("div", { class: "json-leaf" }, label, Array.isArray(value) ? "[]" : "{}");
  const open = depth === 0 || (depth <= OPEN_DEPTH && siblings <= 20 && entries.length <= 6);
  const details = h("details", { open }, h("summary", null, label, h("span", { class: "faint" }, Array.isArray(value) ? `[${formatCount(entries.length)}]` : `{${formatCount(entries.length)}}`)));
  const fillIn = (): void => {
    if (details.childElementCount > 1) return;
    details.append(levels(entries, depth + 1));
  };
  if (open) fillIn();
  details.addEventListener("toggle", () => details.open && fillIn());
  return details;
}

function levels(entries: readonly (readonly [string, unknown])[], depth: number): HTMLElement {
  const list = h("div", { class: "json-level" });
  let shown = 0;
  const more = (): void => {
    list.querySelector(":scope > .more")?.remove();
    list.append(...entries.slice(shown, shown + STEP).map(([name, value]) => node(name, value, depth, entries.length)));
    shown += STEP;
    if (shown < entries.length) list.append(h("button", { class: "more", type: "button", on: { click: more } }, `show more (${formatCount(entries.length - shown)} left)`));
  };
  more();
  return list;
}

function leaf(value: unknown): Child {
  if (typeof value === "string") return h("span", { class: "json-text" }, longText(JSON.stringify(value), 400));
  return h("span", { class: value === null ? "faint" : "json-number" }, String(value));
}
