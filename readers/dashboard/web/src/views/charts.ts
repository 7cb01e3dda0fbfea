// The curves of one run, and those of its machine: the same panels as beside the table of runs.

import { mountPanels, type Panels } from "../charts/panels";
import { h } from "../dom";
import { metricsTable, part } from "./overview";
import { whenChanged, type Section, type SectionContext } from "./section";

export function chartsSection(context: SectionContext, name: string, params: URLSearchParams, onParams: (params: URLSearchParams) => void): Section {
  const element = h("div", { class: "run-charts" });
  const panels: Panels = mountPanels(element, { runs: [context.runId], names: new Map([[context.runId, name]]), params, onParams });
  return { element, update: () => undefined, dispose: () => panels.dispose() };
}

/** What the machine did meanwhile, as numbers; its curves stand with the others, apart. */
export function systemSection(context: SectionContext): Section {
  const table = metricsTable(["system metric", "system metrics"], "Nothing was sampled of the machine: the run was started with auto_log=False, or ended at once.", context);
  const draw = whenChanged(table.update);
  return { element: part("Machine while the run ran", table.element), update: (answer) => draw(answer.metrics.filter((metric) => metric.system)) };
}
