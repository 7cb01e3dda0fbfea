// The charts of the chosen runs: bar, legend, sections of charts; live.
//
// Thousands of metrics cost nothing until they are scrolled to: a chart asks for its points and has them pushed only
// while it is in view. One that leaves keeps what it has for a while, and asks anew when it is seen again.

import "uplot/dist/uPlot.min.css";
import "../styles/charts.css";

import { claimColours, groupId, placeColour, runColour } from "../colour";
import { h } from "../dom";
import { plural } from "../format";
import { bindKeys } from "../keys";
import { connectLive, type ChangedRun, type LivePoints } from "../live";
import { here } from "../router";
import { errorState } from "../states";
import { onTheme } from "../theme";
import { ChartsBar } from "./bar";
import type { Board, Chart } from "./chart";
import { Crosshair } from "./crosshair";
import { FullScreen } from "./fullscreen";
import { Legend, type Named } from "./legend";
import { belongsTo, runOf } from "./lines";
import { Loads } from "./loads";
import { rememberedOf, rememberGeneral, rememberMetric, withMemory } from "./memory";
import { metricsIn, Offers } from "./offers";
import type { Pushed } from "./runs";
import { inOrder } from "./scene";
import { SectionList } from "./sectionlist";
import { Ticker } from "./ticker";
import { readChartsView, writeChartsView, type ChartsView, type OwnView, type Range } from "./view";

export interface PanelOptions {
  /** Run ids in the order chosen; colour.claimColours has been called with them. Or ranks of runs: see lines. */
  runs: readonly string[];
  /** run id -> what to call it. */
  names: ReadonlyMap<string, string>;
  /** run id -> its group's name; absent: every run for itself. */
  groups?: ReadonlyMap<string, string> | undefined;
  /** line -> its place among the colours; absent: each run has its own, as everywhere. */
  colours?: ReadonlyMap<string, number> | undefined;
  /** Lines that stand out of the others. */
  strong?: ReadonlySet<string> | undefined;
  /** The lines in the legend's order; absent: in that of `runs`, which are drawn one over the other. */
  legend?: readonly string[] | undefined;
  /** What a line is; absent: a run. */
  noun?: readonly [one: string, many: string] | undefined;
  /** The page's query; the panels read and write only their own names in it. */
  params: URLSearchParams;
  onParams: (params: URLSearchParams) => void;
}

export interface Panels {
  update(options: Partial<PanelOptions>): void;
  dispose(): void;
}

/** The server answers about so many at once. */
const MOST_RUNS = 500;
const RUNS = ["run", "runs"] as const;

export function mountPanels(root: HTMLElement, options: PanelOptions): Panels {
  return new ChartPanels(root, options);
}

const idsOf = (lines: readonly string[]): string[] => [...new Set(lines.map(runOf))];

class ChartPanels implements Panels, Board {
  view: ChartsView;
  runs: readonly string[] = [];
  groups: ReadonlyMap<string, string> | undefined;
  noun: readonly [string, string] = RUNS;
  private ids: readonly string[] = [];
  private lineOf = belongsTo([]);
  readonly ticker = new Ticker();
  readonly loads = new Loads();
  readonly crosshair = new Crosshair();
  private options: PanelOptions;
  private readonly offers: Offers;
  private readonly bar: ChartsBar;
  private readonly legend: Legend;
  private readonly full: FullScreen;
  private readonly list: SectionList;
  private readonly told = h("p", { class: "charts-told faint" });
  private readonly element: HTMLElement;
  private readonly disposers: (() => void)[];

  constructor(root: HTMLElement, options: PanelOptions) {
    this.options = options;
    this.view = withMemory(readChartsView(options.params), options.params);
    this.offers = new Offers({ onLooking: () => this.onLooking(), onFound: () => this.showList(), onError: (error) => this.onLookError(error) });
    this.bar = new ChartsBar(this.view, { change: (changed) => this.change(changed), keys: () => this.offers.metrics.map((metric) => metric.key), grouped: () => this.groups !== undefined });
    this.legend = new Legend((id) => this.focus(id));
    this.full = new FullScreen(this, () => this.change({ full: null }));
    this.list = new SectionList(this, { onSeen: () => this.onSeen(), onTurn: (turned) => this.change({ turned }), onShowAll: () => this.showAll() });
    this.element = h("div", { class: "charts" }, h("div", { class: "charts-top" }, this.bar.element, this.legend.element), this.told, this.list.element);
    root.append(this.element);
    const live = connectLive({
      runs: idsOf(options.runs),
      keys: [],
      onPoints: (points) => this.onPoints(points),
      onRuns: (changed) => this.onRuns(changed),
      onResync: () => this.onResync(),
    });
    this.live = live;
    this.disposers = [
      () => live.close(),
      onTheme(() => this.onColours()),
      bindKeys("Charts", [{ key: "m", what: "find metrics", run: () => this.bar.search.focus() }]),
    ];
    this.take(options);
    if (this.view.full !== null) this.full.open(this.view.full);
  }

  private readonly live: ReturnType<typeof connectLive>;

  update(changed: Partial<PanelOptions>): void {
    this.options = { ...this.options, ...changed };
    this.take(this.options);
  }

  dispose(): void {
    this.offers.dispose();
    this.full.dispose();
    this.list.dispose();
    for (const dispose of this.disposers) dispose();
    this.element.remove();
  }

  // --- what charts ask of the board

  name = (id: string): string => this.options.names.get(id) ?? id;

  colour = (id: string): string => {
    const group = this.groups && (this.groups.get(id) ?? (this.options.names.has(id) ? undefined : id));
    if (group !== undefined) return runColour(groupId(group));
    const place = this.options.colours?.get(id);
    return place === undefined ? runColour(id) : placeColour(place);
  };

  strong = (id: string): boolean => this.options.strong?.has(id) === true;

  own = (key: string): OwnView => this.view.own.get(key) ?? this.remembered(key);

  setOwn = (key: string, own: OwnView): void => {
    const all = new Map(this.view.own);
    all.set(key, own);
    rememberMetric(key, own);
    this.change({ own: all });
  };

  zoom = (key: string, range: Range | null): void => {
    if (this.view.sync) return this.change({ zoom: range });
    const { zoom: _, ...own } = this.own(key);
    const all = new Map(this.view.own);
    all.set(key, range ? { ...own, zoom: range } : own);
    this.change({ own: all });
  };

  openFull = (key: string): void => {
    this.change({ full: key });
    this.full.open(key);
  };

  private remembered(key: string): OwnView {
    const own = rememberedOf(key);
    this.view.own.set(key, own); // looked up once; the address has it with the next change
    return own;
  }

  // --- options

  private take(options: PanelOptions): void {
    const runs = options.runs.slice(0, MOST_RUNS);
    const changed = runs.length !== this.runs.length || runs.some((id, k) => id !== this.runs[k]);
    this.runs = runs;
    this.ids = idsOf(runs);
    this.lineOf = belongsTo(runs);
    this.noun = options.noun ?? RUNS;
    this.groups = options.groups;
    if (this.groups) claimColours(inOrder([...new Set(this.groups.values())]).map(groupId));
    this.told.textContent = options.runs.length > runs.length ? `The first ${plural(runs.length, ...this.noun)} of the ${options.runs.length} chosen are drawn.` : "";
    this.showLegend();
    this.live.update({ runs: this.ids });
    if (changed) this.offers.of(this.ids);
    this.eachChart((chart) => chart.update());
  }

  private change(changed: Partial<ChartsView>): void {
    this.view = { ...this.view, ...changed };
    rememberGeneral(this.view);
    this.options.onParams(writeChartsView(this.view, new URLSearchParams(here().params)));
    this.bar.show(this.view);
    if ("band" in changed) this.showLegend();
    if ("find" in changed || "turned" in changed) this.showList();
    this.eachChart((chart) => chart.update());
  }

  private showLegend(): void {
    this.legend.show(this.entries());
  }

  entries(): Named[] {
    if (this.groups) return this.groupEntries(this.groups);
    return (this.options.legend ?? this.runs).map((id) => ({ id, name: this.name(id), colour: this.colour(id) }));
  }

  private groupEntries(groups: ReadonlyMap<string, string>): Named[] {
    const counts = new Map<string, number>();
    for (const id of this.runs) {
      const group = groups.get(id);
      if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return inOrder([...counts.keys()]).map((group) => ({ id: group, name: group, colour: this.colour(group), count: counts.get(group) ?? 0 }));
  }

  focus(id: string | null): void {
    if (this.crosshair.focus === id) return;
    this.crosshair.focus = id;
    this.eachChart((chart) => chart.redraw());
  }

  private onColours(): void {
    this.showLegend();
    this.eachChart((chart) => chart.redraw());
  }

  // --- which charts there are

  private onLooking(): void {
    if (this.offers.metrics.length === 0) this.list.showSkeleton();
  }

  private onLookError(error: unknown): void {
    if (this.offers.metrics.length === 0) this.list.showInstead(errorState(error, () => void this.offers.look()));
  }

  private showList(): void {
    this.element.dataset["metrics"] = String(this.offers.metrics.length);
    this.list.show(this.offers.metrics, this.view, this.runs.length > 0);
  }

  private showAll(): void {
    this.bar.search.value = "";
    this.change({ find: "" });
  }

  private eachChart(see: (chart: Chart) => void): void {
    this.list.each(see);
    if (this.full.chart) see(this.full.chart);
  }

  // --- live

  /** Points are pushed of the charts in view only. */
  onSeen(): void {
    const keys = new Set<string>();
    this.eachChart((chart) => chart.isShown && keys.add(chart.key));
    this.live.update({ keys: [...keys].sort() });
  }

  private onPoints({ runs, keys, writers, rows }: LivePoints): void {
    const byKey: Pushed[][] = keys.map(() => []);
    for (const [run, key, step, time, value, place, later] of rows) {
      const [writer, first] = writers[place] ?? ["", 0];
      byKey[key]?.push({ runId: this.lineOf(runs[run] ?? "", writer), step, time, value, writer, seq: first + later });
    }
    const charts = new Map<string, Pushed[]>(keys.map((key, k) => [key, byKey[k] ?? []]));
    this.eachChart((chart) => {
      const points = chart.isShown ? charts.get(chart.key) : undefined;
      if (points && points.length > 0) chart.push(points);
    });
  }

  private onRuns(changed: readonly ChangedRun[]): void {
    const chosen = new Set(this.ids);
    const mine = changed.filter((run) => chosen.has(run.run_id));
    this.offers.onRuns(mine);
    if (mine.some((run) => metricsIn(run).length > 0)) this.eachChart((chart) => chart.isShown && chart.data.mention());
  }

  private onResync(): void {
    this.offers.lookSoon(0);
    this.eachChart((chart) => (chart.isShown ? chart.data.refresh() : chart.data.drop()));
  }
}
