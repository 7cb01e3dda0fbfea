// Which columns are axes: a list to tick, with a search where there are many.

import { fill, h } from "../dom";
import type { Column } from "./columns";
import { safeCut } from "./longtext";
import { matcher } from "./search";

const MOST = 300;

/** It stays open while one ticks; the order of the axes is that of `shown`, new ones come last. */
export function axisPicker(columns: readonly Column[], shown: () => readonly string[], choose: (names: string[]) => void): HTMLElement {
  const chosen = new Set(shown());
  const count = h("summary", { class: "button" });
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
    choose([...shown().filter((one) => chosen.has(one)), ...columns.map((column) => column.name).filter((one) => chosen.has(one) && !shown().includes(one))]);
    tell();
  }

  function tell(): void {
    count.textContent = `Axes: ${chosen.size} of ${columns.length}`;
  }

  draw();
  tell();
  const details = h("details", { class: "pick" }, count, h("div", { class: "pick-panel" }, columns.length > 12 && field, list));
  const outside = (event: Event): void => {
    if (!details.isConnected || !(event.target instanceof Node && details.contains(event.target))) details.open = false;
  };
  details.addEventListener("toggle", () => {
    if (details.open) document.addEventListener("pointerdown", outside);
    else document.removeEventListener("pointerdown", outside);
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary")?.focus();
    event.stopPropagation();
  });
  return details;
}
