// A chart as a table: the same data for who doesn't see the lines, or wants the digits.

import { h } from "../dom";
import { exactNumber, formatCount, formatNumber } from "../format";
import type { Scene } from "./scene";
import { X_WORDS, xWords } from "./xaxis";

interface Names {
  name: (id: string) => string;
  colour: (id: string) => string;
}

export function valuesTable(scene: Scene, names: Names, x: string): HTMLElement {
  const head = ["Run", "Last", `At ${(X_WORDS[x] ?? x).toLowerCase()}`, "Lowest", "Highest", "Points"];
  const rows = scene.lines.map(({ runId, cells, values, smoothed }) => {
    const last = cells.length - 1;
    const [low, high] = [extreme(cells.min, cells.length, Math.min), extreme(cells.max, cells.length, Math.max)];
    const value = values[last] ?? NaN;
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, h("span", { class: "swatch", style: { background: names.colour(runId) } }), names.name(runId)),
      number(Number.isNaN(value) && !smoothed ? (cells.last[last] ?? NaN) : value),
      h("td", { class: "num" }, xWords(x, cells.lastX).replace(`${x} `, "")),
      number(low),
      number(high),
      h("td", { class: "num" }, formatCount(cells.points)),
    );
  });
  return h("div", { class: "chart-table" }, h("table", { class: "data" }, h("thead", null, h("tr", null, head.map((word, k) => h("th", { scope: "col", class: k > 0 ? "num" : undefined }, word)))), h("tbody", null, rows)));
}

function number(value: number): HTMLElement {
  return h("td", { class: "num", title: exactNumber(value) }, formatNumber(value, 5));
}

function extreme(values: Float64Array, length: number, of: (a: number, b: number) => number): number {
  let found = NaN;
  for (let k = 0; k < length; k += 1) {
    const value = values[k] as number;
    if (!Number.isNaN(value)) found = Number.isNaN(found) ? value : of(found, value);
  }
  return found;
}
