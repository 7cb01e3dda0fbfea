// One chart over the whole window: a modal dialog with a chart of its own.

import { h } from "../dom";
import { icon } from "../icons";
import { Chart, type Board } from "./chart";
import { Legend, type Named } from "./legend";

interface Host extends Board {
  onSeen: () => void;
  entries: () => Named[];
  focus: (id: string | null) => void;
}

export class FullScreen {
  chart: Chart | null = null;
  private dialog: HTMLDialogElement | null = null;

  constructor(
    private readonly board: Host,
    private readonly onClose: () => void,
  ) {}

  open(key: string): void {
    this.dispose();
    const chart = new Chart(key, this.board, true);
    const close = h("button", { class: "button button-quiet chart-close", type: "button", title: "Back (Escape)", "aria-label": "Back to all charts", on: { click: () => dialog.close() } }, icon("close"));
    const legend = new Legend((id) => this.board.focus(id));
    legend.show(this.board.entries());
    const inner = h("div", { class: "chart-full-inner" }, close, chart.element, legend.element);
    const dialog = h("dialog", { class: "chart-full", "aria-label": key, tabindex: -1 }, inner);
    dialog.addEventListener("close", () => {
      this.dispose();
      this.onClose();
    });
    this.chart = chart;
    this.dialog = dialog;
    document.body.append(dialog);
    dialog.showModal();
    dialog.focus(); // else a ring around its close button is the first thing seen
    chart.show(true);
    this.board.onSeen();
  }

  dispose(): void {
    const { dialog, chart } = this;
    this.dialog = null;
    this.chart = null;
    chart?.show(false);
    chart?.dispose();
    dialog?.remove();
    if (chart) this.board.onSeen();
  }
}
