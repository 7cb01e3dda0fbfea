// The curves of one run and of its ranks, and those of its machine: the same panels as beside the table of runs.

import { h } from "../dom";
import { metricsTable, part } from "./overview";
import { rankCurves, type RankCurves } from "./rankcurves";
import { whenChanged, type Section, type SectionContext } from "./section";

export function chartsSection(context: SectionContext, name: string, params: URLSearchParams, onParams: (params: URLSearchParams) => void): Section {
  const element = h("div", { class: "run-charts" });
  const curves = rankCurves(element, context, name, { params, onParams });
  return { element, update: curves.update, dispose: curves.dispose };
}

const MACHINE = "system/";

/** What the machine did meanwhile: its curves, and below them its numbers. */
export function systemSection(context: SectionContext, name: string, params: URLSearchParams, onParams: (params: URLSearchParams) => void): Section {
  const place = h("div", { class: "run-charts" });
  const table = metricsTable(["system metric", "system metrics"], "Nothing was sampled of the machine: the run was started with auto_log=False, or ended at once.", context);
  const numbers = part("Machine while the run ran", table.element);
  const element = h("div", { class: "stacked" }, place, numbers);
  let curves: RankCurves | null = null;
  const draw = whenChanged(table.update);

  /** The same panels, searched for the machine's; that search is this part's own and not the address's. */
  function mount(): RankCurves {
    const own = new URLSearchParams(params);
    own.set("c.find", MACHINE);
    return rankCurves(place, context, name, {
      params: own,
      onParams: (next) => {
        const kept = new URLSearchParams(next);
        const find = params.get("c.find");
        if (find === null) kept.delete("c.find");
        else kept.set("c.find", find);
        onParams(kept);
      },
    });
  }

  return {
    element,
    update: (answer) => {
      const machine = answer.metrics.filter((metric) => metric.system);
      if (machine.length > 0) curves ??= mount();
      curves?.update(answer);
      draw(machine);
    },
    dispose: () => curves?.dispose(),
  };
}
