// A section of charts: its head folds it; its charts are made as the reader scrolls to them, some at a time.

import { h } from "../dom";
import { formatCount } from "../format";
import { icon } from "../icons";
import { Chart, type Board } from "./chart";
import type { Section } from "./sections";

const AT_ONCE = 24;
/** A chart asks a little before it is seen. */
const NEAR = "300px";

export class SectionView {
  readonly element: HTMLElement;
  readonly charts = new Map<string, Chart>();
  private readonly body = h("div", { class: "charts-grid" });
  private readonly end = h("div", { class: "charts-end", "aria-hidden": "true" });
  private readonly head: HTMLButtonElement;
  private readonly count = h("span", { class: "charts-count" });
  private readonly seen: IntersectionObserver;
  private readonly more: IntersectionObserver;
  private keys: readonly string[] = [];
  private open = false;
  private made = 0;

  constructor(
    section: Section,
    private readonly board: Board,
    private readonly onShown: (chart: Chart, gone?: boolean) => void,
    onTurn: () => void,
  ) {
    this.head = h("button", { class: "charts-section-head", type: "button", on: { click: onTurn } }, icon("chevron"), h("span", { class: "cut" }, titleOf(section)), this.count);
    this.element = h("section", { class: "charts-section", data: { section: section.name, system: section.system ? "true" : undefined } }, h("h2", { class: "charts-section-title" }, this.head), this.body, this.end);
    this.seen = new IntersectionObserver((entries) => this.onIntersect(entries), { rootMargin: NEAR });
    this.more = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.makeMore(), { rootMargin: "800px" });
  }

  show(keys: readonly string[], open: boolean): void {
    this.count.textContent = formatCount(keys.length);
    this.head.setAttribute("aria-expanded", String(open));
    this.body.hidden = !open;
    const same = keys.length === this.keys.length && keys.every((key, k) => key === this.keys[k]);
    if (same && open === this.open) return;
    this.keys = keys;
    this.open = open;
    this.made = 0;
    const wanted = new Set(open ? keys : []);
    for (const [key, chart] of this.charts) if (!wanted.has(key)) this.remove(key, chart);
    this.more.unobserve(this.end);
    if (open) this.makeMore();
  }

  dispose(): void {
    this.seen.disconnect();
    this.more.disconnect();
    for (const [key, chart] of this.charts) this.remove(key, chart);
    this.element.remove();
  }

  private makeMore(): void {
    const until = Math.min(this.keys.length, this.made + AT_ONCE);
    for (; this.made < until; this.made += 1) {
      const key = this.keys[this.made] as string;
      let chart = this.charts.get(key);
      if (!chart) {
        chart = new Chart(key, this.board);
        this.charts.set(key, chart);
        this.seen.observe(chart.element);
      }
      const before = this.body.children[this.made];
      if (before !== chart.element) this.body.insertBefore(chart.element, before ?? null);
    }
    // Observed anew, so that it speaks again when it is still in view.
    this.more.unobserve(this.end);
    if (this.made < this.keys.length) this.more.observe(this.end);
  }

  private remove(key: string, chart: Chart): void {
    this.seen.unobserve(chart.element);
    chart.show(false);
    this.onShown(chart, true);
    chart.dispose();
    this.charts.delete(key);
  }

  private onIntersect(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const chart = this.charts.get((entry.target as HTMLElement).dataset["key"] ?? "");
      if (!chart || chart.isShown === entry.isIntersecting) continue;
      chart.show(entry.isIntersecting);
      this.onShown(chart);
    }
  }
}

function titleOf(section: Section): string {
  if (section.system) return "system";
  return section.name === "" ? "Metrics" : section.name;
}
