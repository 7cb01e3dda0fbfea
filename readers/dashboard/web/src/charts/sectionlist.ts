// All sections of charts: which stand there, which are folded, and what is said when there is none.

import { fill, h } from "../dom";
import { plural } from "../format";
import { emptyState } from "../states";
import type { Board, Chart } from "./chart";
import { finder, sectionsOf, type Offered, type Section } from "./sections";
import { SectionView } from "./sectionview";
import type { ChartsView } from "./view";

/** More sections than this begin folded. */
const MOST_OPEN = 12;
/** Charts out of view that keep their points and canvas; those before them ask again. */
const MOST_RESTING = 40;

interface ListEvents {
  /** Other charts are in view. */
  onSeen: () => void;
  onTurn: (turned: string[]) => void;
  onShowAll: () => void;
}

export class SectionList {
  readonly element = h("div", { class: "charts-sections" });
  private sections = new Map<string, SectionView>();
  private readonly resting = new Set<Chart>();
  private turned: readonly string[] = [];

  constructor(
    private readonly board: Board,
    private readonly events: ListEvents,
  ) {}

  show(metrics: readonly Offered[], view: ChartsView, anyRun: boolean): void {
    this.turned = view.turned;
    const fits = finder(view.find);
    const searching = view.find.trim() !== "";
    const all = sectionsOf(metrics);
    const sections = all.map((section) => ({ ...section, keys: fits ? section.keys.filter(fits) : [] })).filter((section) => section.keys.length > 0);
    const wanted = new Map<string, SectionView>();
    for (const section of sections) {
      const id = sectionId(section);
      const view = this.sections.get(id) ?? new SectionView(section, this.board, (chart, gone) => this.onShown(chart, gone), () => this.turn(id));
      wanted.set(id, view);
    }
    for (const [id, view] of this.sections) if (!wanted.has(id)) view.dispose();
    this.sections = wanted;
    if (wanted.size === 0) return this.showNothing(metrics.length, view.find.trim(), anyRun, fits === null);
    const views = [...wanted.values()].map((view) => view.element);
    if (views.length !== this.element.children.length || views.some((view, k) => this.element.children[k] !== view)) this.element.replaceChildren(...views);
    sections.forEach((section, k) => wanted.get(sectionId(section))?.show(section.keys, searching || this.isOpen(section, k)));
    this.events.onSeen();
  }

  private isOpen(section: Section, at: number): boolean {
    const usual = !section.system && at < MOST_OPEN;
    return this.turned.includes(sectionId(section)) ? !usual : usual;
  }

  private turn(id: string): void {
    const { turned } = this;
    this.events.onTurn(turned.includes(id) ? turned.filter((other) => other !== id) : [...turned, id]);
  }

  /** Put anew only where it says something else: a button that is being clicked stays the same element. */
  private showNothing(metrics: number, find: string, anyRun: boolean, wrong: boolean): void {
    const state = this.nothing(metrics, find, anyRun, wrong);
    const shown = this.element.childElementCount === 1 && this.element.firstElementChild?.isEqualNode(state);
    if (!shown) fill(this.element, state);
  }

  private nothing(metrics: number, find: string, anyRun: boolean, wrong: boolean): HTMLElement {
    if (!anyRun) return emptyState("No runs chosen", "Choose runs in the table to see their curves here.");
    if (metrics === 0) return emptyState("No metric logged yet", "Charts appear by themselves with the first ", h("code", null, "log_metrics"), ".");
    const state = wrong
      ? emptyState("This regular expression can't be read", "Between slashes stands a regular expression: /^val\\/.*loss$/. Without them, words.")
      : emptyState(`No metric fits “${find.slice(0, 60)}”`, `There are ${plural(metrics, "metric")} in these runs.`);
    state.append(h("button", { class: "button", type: "button", on: { click: () => this.events.onShowAll() } }, "Show all metrics"));
    return state;
  }

  each(see: (chart: Chart) => void): void {
    for (const section of this.sections.values()) for (const chart of section.charts.values()) see(chart);
  }

  showSkeleton(): void {
    const cards = Array.from({ length: 4 }, () => h("div", { class: "chart" }, h("div", { class: "chart-head" }), h("div", { class: "chart-body" }, h("div", { class: "chart-over", data: { kind: "loading" } }, h("div", { class: "chart-skeleton" })))));
    fill(this.element, h("div", { class: "charts-grid", role: "status", "aria-label": "Looking which metrics there are" }, cards));
  }

  showInstead(state: HTMLElement): void {
    fill(this.element, state);
  }

  dispose(): void {
    this.resting.clear();
    for (const section of this.sections.values()) section.dispose();
  }

  private onShown(chart: Chart, gone = false): void {
    this.resting.delete(chart);
    if (!chart.isShown && !gone) this.resting.add(chart);
    const [first] = this.resting;
    if (first && this.resting.size > MOST_RESTING) {
      this.resting.delete(first);
      first.drop();
    }
    this.events.onSeen();
  }
}

const sectionId = (section: Section): string => (section.system ? "system" : section.name || "-");
