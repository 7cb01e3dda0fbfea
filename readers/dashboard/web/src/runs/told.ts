// What stands over the table: how many runs there are, what was cut off, what to do with the chosen ones.

import { h, type Child } from "../dom";
import { formatCount, plural } from "../format";
import type { RunFrame } from "./frame";

export interface Told {
  frame: RunFrame;
  /** The rows shown. */
  rows: Int32Array;
  /** All that the search is among; the same as those shown where nothing is searched. */
  count: number;
  truncated: string;
  /** Runs that are part of another one: those folded away, or those that can be; 0 where none is. */
  inside: number;
  folded: boolean;
  chosen: readonly string[];
  onFold: (folded: boolean) => void;
  onClear: () => void;
  onCompare: () => void;
}

export function toldLine({ frame, rows, count, truncated, inside, folded, chosen, onFold, onClear, onCompare }: Told): Child[] {
  const status = frame.column("status");
  let running = 0;
  for (const row of rows) if (status?.at(row) === "RUNNING") running += 1;
  const shown = rows.length;
  const whole = count > shown ? `${formatCount(shown)} of ${plural(count, "run")}` : plural(shown, "run");
  const elsewhere = chosen.filter((id) => frame.row(id) === undefined).length;
  return [
    h("span", { class: "told-count" }, whole, running > 0 && [", ", h("span", { class: "told-running" }, `${formatCount(running)} running`)]),
    inside > 0 &&
      h(
        "button",
        { class: "button button-quiet told-button told-fold", type: "button", title: "Runs that are part of another one, as a search's trials", "aria-pressed": String(!folded), on: { click: () => onFold(!folded) } },
        folded ? `Show ${plural(inside, "child run")}` : `Hide ${plural(inside, "child run")}`,
      ),
    truncated !== "" && h("span", { class: "faint cut", title: truncated }, truncated),
    h("span", { class: "told-space" }),
    chosen.length > 0
      ? [
          h("span", { class: "soft" }, `${formatCount(chosen.length)} chosen${elsewhere > 0 ? `, ${formatCount(elsewhere)} not in this view` : ""}`),
          h("button", { class: "button button-quiet told-button", type: "button", title: "Let go of all (u)", on: { click: onClear } }, "Clear"),
          h("button", { class: "button button-primary told-button", type: "button", title: "Compare (c)", on: { click: onCompare } }, "Compare"),
        ]
      : h("span", { class: "faint told-hint" }, "Click runs to chart and compare them"),
  ];
}
