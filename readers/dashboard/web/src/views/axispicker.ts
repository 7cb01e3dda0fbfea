// Which columns are axes: a list to tick, with a search where there are many.

import { fill, h } from "../dom";
import type { Column } from "./columns";
import { safeCut } from "./longtext";
import { matcher } from "./search";

const MOST = 300;

export function axisPicker(columns: readonly Column[], shown: readonly string[], choose: (names: string[]) => void): HTMLElement {
  const chosen = new Set(shown);
  const list = h("div", { class: "pick-list" });
  const field = h("input", { class: "input", type: "search", placeholder: "Search columns", "aria-label": "Search columns", on: { input: draw } });

  function draw(): void {
    const matches = matcher(field.value);
    fill(list, columns.filter((column) => matches(column.name)).slice(0, MOST).map(row));
  }

  function row(column: Column): HTMLElement {
    const box = h("input", { type: "checkbox", checked: chosen.has(column.name), on: { change: () => toggle(column.name, box.checked) } });
    return h("label", { class: "pick-one", title: safeCut(column.name, 300) }, box, h("span", { class: "cut" }, safeCut(column.name, 120)));
  }

  function toggle(name: string, on: boolean): void {
    if (on) chosen.add(name);
    else chosen.delete(name);
    choose([...shown.filter((one) => chosen.has(one)), ...columns.map((column) => column.name).filter((one) => chosen.has(one) && !shown.includes(one))]);
  }

  draw();
  const details = h("details", { class: "pick" }, h("summary", { class: "button" }, `Axes: ${shown.length} of ${columns.length}`), h("div", { class: "pick-panel" }, columns.length > 12 && field, list));
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary")?.focus();
    event.stopPropagation();
  });
  return details;
}
