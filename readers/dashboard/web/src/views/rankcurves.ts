// The charts of one run: a line of its own for each of its ranks, a band over them, or all points as one curve.

import "../styles/ranks.css";

import type { RunAnswer } from "../answers";
import { mountPanels, type PanelOptions, type Panels } from "../charts/panels";
import { h } from "../dom";
import { formatCount } from "../format";
import { choice } from "./choice";
import { drawnOf, type RankView } from "./ranks";
import type { SectionContext } from "./section";

const VIEWS: readonly { value: RankView; label: string }[] = [
  { value: "lines", label: "a line each" },
  { value: "band", label: "a band over all" },
  { value: "one", label: "all points as one" },
];

export interface RankCurves {
  update(answer: RunAnswer): void;
  dispose(): void;
}

/** `place` holds the panels, and above them the choice where there are several ranks. */
export function rankCurves(place: HTMLElement, context: SectionContext, name: string, more: Pick<PanelOptions, "params" | "onParams">): RankCurves {
  const bar = h("div", { class: "rank-bar", hidden: true });
  const charts = h("div");
  const told = h("span", { class: "faint", role: "status" });
  place.append(bar, charts);
  let panels: Panels | null = null;
  let view: RankView = VIEWS.find(({ value }) => value === context.param("ranks"))?.value ?? "lines";
  let answer: RunAnswer | null = null;
  let shown = "";

  bar.append(
    choice("Ranks", VIEWS, view, (chosen) => {
      view = chosen as RankView;
      context.setParam("ranks", view === "lines" ? null : view);
      draw();
    }),
    told,
  );

  function draw(): void {
    if (answer === null) return;
    bar.hidden = answer.ranks === null;
    const now = JSON.stringify([view, answer.ranks?.rows.map(({ rank, verdict }) => [rank, verdict])]);
    if (now === shown) return;
    shown = now;
    const drawn = drawnOf(context.runId, name, answer.ranks, view);
    const left = (answer.ranks?.count ?? 0) - drawn.runs.length;
    told.textContent = view !== "one" && left > 0 ? `${formatCount(drawn.runs.length)} of them are drawn, those that aren't well among them.` : "";
    if (panels === null) panels = mountPanels(charts, { ...drawn, ...more });
    else panels.update(drawn);
  }

  return {
    update: (next) => {
      answer = next;
      draw();
    },
    dispose: () => panels?.dispose(),
  };
}

