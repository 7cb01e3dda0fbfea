// What stands over the table where there are no rows to see: they are being read, something is wrong, none fits.

import { h } from "../dom";
import { emptyState, errorState, loadingState } from "../states";
import type { View } from "./view";

const EXAMPLE = 'from tracker import ExperimentTracker\n\ntracker = ExperimentTracker("experiments", "first")\ntracker.start_run("hello")\ntracker.log_metrics({"loss": 0.5})\ntracker.end_run()';

export class Cover {
  readonly element = h("div", { class: "table-over", hidden: true });

  lift(): void {
    this.show(null);
  }

  sayLoading(): void {
    this.show(loadingState("Reading the runs"));
  }

  sayError(error: unknown, retry: () => void, label?: string): void {
    this.show(errorState(error, retry, label));
  }

  sayNoRows(view: Pick<View, "search" | "filter">, onShowAll: () => void): void {
    this.show(noRows(view, onShowAll));
  }

  private show(state: HTMLElement | null): void {
    this.element.hidden = state === null;
    this.element.replaceChildren(...(state ? [state] : []));
  }
}

function noRows(view: Pick<View, "search" | "filter">, onShowAll: () => void): HTMLElement {
  if (view.search !== "" || view.filter !== "") {
    const state = emptyState("No run fits", view.filter !== "" ? "No run is true to the filter and the search together." : "No run has these words in its name, id, experiment or tags.");
    state.append(h("button", { class: "button", type: "button", on: { click: onShowAll } }, "Show all runs"));
    return state;
  }
  const state = emptyState("No runs yet", "This page shows them as soon as they begin. The shortest one:");
  state.append(h("pre", { class: "state-code" }, EXAMPLE));
  return state;
}
