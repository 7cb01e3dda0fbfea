// The runs that are compared: each with its colour and a way to leave it out; many of them behind a button.

import { fill, h } from "../dom";
import { plural } from "../format";
import type { ComparedRun } from "./compared";
import { runLabel } from "./runlabel";
import { statusMark } from "./runheader";

const SHOWN = 12;
const MOST = 500;

export function comparedRuns(runs: readonly ComparedRun[], leaveOut: ((id: string) => void) | null): HTMLElement {
  const element = h("ul", { class: "compared-runs", "aria-label": "The runs compared" });
  const draw = (shown: number): void => {
    const left = Math.min(runs.length, MOST) - shown;
    fill(
      element,
      runs.slice(0, shown).map((run) => one(run, runs.length > 1 ? leaveOut : null)),
      left > 0 && h("li", null, h("button", { class: "more", type: "button", on: { click: () => draw(MOST) } }, `show all ${plural(runs.length, "run")}`)),
    );
  };
  draw(runs.length <= SHOWN + 3 ? runs.length : SHOWN);
  return element;
}

function one(run: ComparedRun, leaveOut: ((id: string) => void) | null): HTMLElement {
  const remove = leaveOut && h("button", { class: "leave-out", type: "button", title: "Leave it out", "aria-label": `Leave ${run.name.slice(0, 100)} out`, on: { click: () => leaveOut(run.id) } }, "×");
  return h("li", { class: "compared-run" }, runLabel(run), run.status !== "FINISHED" && statusMark(run.status), remove);
}
