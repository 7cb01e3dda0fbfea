// The charts beside the table. Their code comes after the table is there: who looks for a run needn't wait for it.

import type { PanelOptions, Panels } from "../charts/panels";
import { h } from "../dom";
import { errorState } from "../states";
import type { DrawnRuns } from "./drawn";

type Charts = typeof import("../charts/panels");

export class ChartsPane {
  readonly element = h("section", { class: "charts-pane", "aria-label": "Charts" });
  private wanted: DrawnRuns | null = null;
  private panels: Panels | null = null;
  /** What they show, and whether in groups. */
  private shown = "";
  private grouped = false;
  private charts: Charts | null = null;
  private loading: Promise<Charts> | null = null;

  constructor(
    private readonly params: () => URLSearchParams,
    private readonly onParams: (params: URLSearchParams) => void,
  ) {}

  show(drawn: DrawnRuns): void {
    this.wanted = drawn;
    const runs = [...drawn.ids];
    const names = drawn.names();
    const groups = drawn.groupNames();
    const show = JSON.stringify([runs, [...names.values()], groups ? [...groups] : null]);
    if (this.panels && show === this.shown) return;
    if (!this.charts) return void this.load();
    this.shown = show;
    this.draw(this.charts, { runs, names, ...(groups ? { groups } : {}), params: this.params() });
  }

  /** No charts, until some are to be shown again. */
  clear(): void {
    this.dispose();
    this.element.replaceChildren();
  }

  dispose(): void {
    this.wanted = null;
    this.panels?.dispose();
    this.panels = null;
  }

  private draw(charts: Charts, options: Omit<PanelOptions, "onParams">): void {
    const grouped = options.groups !== undefined;
    if (this.panels && grouped === this.grouped) this.panels.update(options);
    else {
      this.panels?.dispose();
      this.element.replaceChildren();
      this.panels = charts.mountPanels(this.element, { ...options, onParams: this.onParams });
    }
    this.grouped = grouped;
  }

  private async load(): Promise<void> {
    if (this.loading) return;
    this.loading = import("../charts/panels");
    try {
      this.charts = await this.loading;
      if (this.wanted) this.show(this.wanted);
    } catch (error) {
      this.element.replaceChildren(errorState(error, () => window.location.reload()));
    }
  }
}
