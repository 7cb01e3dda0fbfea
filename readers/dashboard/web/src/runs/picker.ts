// Which columns are shown, and in what order: a list with ticks, found by typing, moved by dragging or by keys.

import { h } from "../dom";
import { formatCount } from "../format";
import { openPopover } from "../menu";
import { choosable, KIND_WORDS, kindOf, labelOf, type Kind } from "./columns";
import type { RunFrame } from "./frame";

/** Long lists are cut: typing finds the rest. */
const MOST_LISTED = 300;

export function openPicker(anchor: HTMLElement, frame: RunFrame, shown: () => readonly string[], onChange: (columns: string[] | null) => void): void {
  const search = h("input", { class: "input", type: "search", placeholder: "Find a column", "aria-label": "Find a column" });
  const list = h("div", { class: "picker-list" });
  const change = (columns: string[] | null): void => {
    onChange(columns);
    draw();
  };
  const draw = (): void => {
    const wanted = search.value.toLowerCase();
    const fits = (name: string): boolean => name.toLowerCase().includes(wanted);
    const focused = (document.activeElement as HTMLElement | null)?.dataset["column"];
    list.replaceChildren(...shownPart(shown(), fits, change), ...otherParts(frame, shown(), fits, change));
    if (focused !== undefined) list.querySelector<HTMLElement>(`[data-column="${CSS.escape(focused)}"]`)?.focus();
  };
  search.addEventListener("input", draw);
  const reset = h("button", { class: "button button-quiet", type: "button", on: { click: () => change(null) } }, "Reset");
  const none = h("button", { class: "button button-quiet", type: "button", on: { click: () => change([]) } }, "Hide all");
  draw();
  openPopover(anchor, h("div", { class: "picker" }, h("div", { class: "picker-head" }, search, none, reset), list), { label: "Columns" });
}

/** Those shown, in their order: each can be moved. */
function shownPart(shown: readonly string[], fits: (name: string) => boolean, change: (columns: string[]) => void): HTMLElement[] {
  const move = (name: string, to: number): void => {
    const others = shown.filter((other) => other !== name);
    others.splice(Math.max(0, Math.min(others.length, to)), 0, name);
    change(others);
  };
  let dragged = "";
  const rows = shown.filter(fits).map((name) => {
    const at = shown.indexOf(name);
    const row = h(
      "div",
      {
        class: "picker-row picker-own",
        draggable: "true",
        on: {
          dragstart: () => {
            dragged = name;
          },
          dragover: (event) => {
            event.preventDefault();
            row.classList.add("drop-here");
          },
          dragleave: () => row.classList.remove("drop-here"),
          drop: (event) => {
            event.preventDefault();
            if (dragged && dragged !== name) move(dragged, at);
          },
        },
      },
      tick(name, true, () => change(shown.filter((other) => other !== name))),
      h("button", { type: "button", class: "picker-step", "aria-label": `Move ${labelOf(name)} up`, disabled: at === 0, on: { click: () => move(name, at - 1) } }, "↑"),
      h("button", { type: "button", class: "picker-step", "aria-label": `Move ${labelOf(name)} down`, disabled: at === shown.length - 1, on: { click: () => move(name, at + 1) } }, "↓"),
    );
    return row;
  });
  return rows.length > 0 ? [h("h3", null, "Shown"), ...rows] : [];
}

function otherParts(frame: RunFrame, shown: readonly string[], fits: (name: string) => boolean, change: (columns: string[]) => void): HTMLElement[] {
  const hidden = choosable(frame).filter((column) => !shown.includes(column.name) && fits(column.name));
  const parts: HTMLElement[] = [];
  for (const kind of ["run", "metrics", "params", "tags"] as Kind[]) {
    const names = hidden.map((column) => column.name).filter((name) => kindOf(name) === kind);
    if (names.length === 0) continue;
    parts.push(h("h3", null, KIND_WORDS[kind]));
    parts.push(...names.slice(0, MOST_LISTED).map((name) => h("div", { class: "picker-row" }, tick(name, false, () => change([...shown, name])))));
    if (names.length > MOST_LISTED) parts.push(h("p", { class: "faint" }, `and ${formatCount(names.length - MOST_LISTED)} more: type to find them`));
  }
  if (parts.length === 0 && shown.filter(fits).length === 0) parts.push(h("p", { class: "faint picker-none" }, "No column has this in its name."));
  return parts;
}

function tick(name: string, checked: boolean, run: () => void): HTMLElement {
  const kind = kindOf(name);
  return h(
    "label",
    { class: "picker-tick", title: name },
    h("input", { type: "checkbox", checked, data: { column: name }, on: { change: run } }),
    h("span", { class: "cut" }, labelOf(name)),
    checked && kind !== "run" && h("span", { class: "menu-keys" }, kind.slice(0, -1)),
  );
}
