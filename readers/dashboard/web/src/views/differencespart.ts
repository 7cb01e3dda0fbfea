// What differs among the compared runs, on demand also what doesn't, and where their metrics ended.

import { h } from "../dom";
import { alikeTable, MOST_ASKED } from "./alike";
import type { Compared } from "./compared";
import { differencesTable } from "./differences";
import { metricsCompared } from "./metricscompared";

export interface DifferencesOptions {
  readonly compared: Compared;
  /** Also what is the same in all. */
  readonly all: boolean;
  readonly onAll: (all: boolean) => void;
  /** What is searched for in "find" (differences) and "metrics", as the link has it. */
  readonly search: (name: string) => string;
  readonly onSearch: (name: string, text: string) => void;
  readonly signal: AbortSignal;
}

export function differencesPart(options: DifferencesOptions): HTMLElement {
  const { compared } = options;
  const few = compared.runs.length <= MOST_ASKED;
  const toggle = h("input", { type: "checkbox", id: "choice-all", checked: options.all && few, disabled: !few, on: { change: () => options.onAll(toggle.checked) } });
  const label = h("label", { class: "toggle", title: few ? undefined : `Asked of at most ${MOST_ASKED} runs` }, toggle, "also what is the same");
  return h(
    "div",
    { class: "stacked" },
    h("section", { class: "part" }, h("div", { class: "part-head" }, h("h2", null, "What differs"), label), differencesTable(compared, options.search("find"), (text) => options.onSearch("find", text))),
    options.all && few && alikeTable(compared.runs.map((run) => run.id), options.signal),
    h("section", { class: "part" }, h("h2", null, "Metrics"), metricsCompared(compared, options.search("metrics"), (text) => options.onSearch("metrics", text))),
  );
}
