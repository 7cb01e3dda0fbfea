// The runs of a store: the experiments, the table, the charts of the chosen ones.

import "../styles/runs.css";

import { ApiError, getRuns, getStore, isAbort } from "../api";
import type { Panels } from "../charts/panels";
import { claimColours, groupId, runColour } from "../colour";
import { fill, h } from "../dom";
import { formatCount, plural } from "../format";
import { bindKeys } from "../keys";
import { connectLive, type ChangedRun } from "../live";
import { comparePath, navigate, replaceParams, runPath, type PageLocation } from "../router";
import type { Part } from "../runs/cells";
import { defaultColumns, groupable, NAME, Widths } from "../runs/columns";
import { RunFrame, wordsOf } from "../runs/frame";
import { Grid } from "../runs/grid";
import { grouped, ungrouped, type Group } from "../runs/groups";
import { nextSort, sortRows } from "../runs/order";
import { openPicker } from "../runs/picker";
import { RecentChanges } from "../runs/recent";
import { Selection } from "../runs/selection";
import { Split } from "../runs/split";
import { Strangers } from "../runs/strangers";
import { Toolbar } from "../runs/toolbar";
import { ExperimentTree } from "../runs/tree";
import { readView, writeView, type View } from "../runs/view";
import { emptyState, errorState, loadingState, told } from "../states";
import { onTheme } from "../theme";

/** Runs drawn when none is chosen. */
const NEWEST_DRAWN = 5;
/** Groups drawn when none is chosen, as many of each. */
const MOST_GROUPS_DRAWN = 8;
/** Pushed changes are taken over at most this often. */
const APPLY_MS = 1000;
/** New runs, and changes under a filter, need a question to the server: at most this often. */
const RELOAD_MS = 5000;
const TREE_MS = 1500;
const TICK_MS = 1000;
const TREE_KEY = "steplog.tree";

export function mount(root: HTMLElement, location: PageLocation): () => void {
  const page = new RunsPage(root, location);
  return () => page.dispose();
}

class RunsPage {
  private view: View;
  private params: URLSearchParams;
  private frame: RunFrame | null = null;
  private rows: Int32Array = new Int32Array();
  private count = 0;
  private truncated = "";
  private readonly selection: Selection;
  private groups: readonly Group[] = [];
  private drawn: string[] = [];
  private drawnGroups: ReadonlySet<string> = new Set();
  private anchor: string | null = null;
  private pending: ChangedRun[] = [];
  private readonly recent = new RecentChanges();
  private readonly strangers = new Strangers();
  private loading: AbortController | null = null;
  private panels: Panels | null = null;
  private panelsShow = "";
  private panelsGrouped = false;
  private charts: typeof import("../charts/panels") | null = null;
  private chartsLoad: Promise<typeof import("../charts/panels")> | null = null;
  private disposed = false;

  private readonly grid: Grid;
  private readonly tree: ExperimentTree;
  private readonly toolbar: Toolbar;
  private readonly split: Split;
  private readonly layout: HTMLElement;
  private readonly told = h("div", { class: "table-told", role: "status" });
  private readonly over = h("div", { class: "table-over", hidden: true });
  private readonly chartsPane = h("section", { class: "charts-pane", "aria-label": "Charts" });
  private readonly disposers: (() => void)[] = [];
  private readonly timers = new Map<string, number>();
  private readonly lastTimes = new Map<string, number>();

  constructor(root: HTMLElement, location: PageLocation) {
    this.params = location.params;
    this.view = readView(location.params);
    this.selection = new Selection(this.view.chosen);
    this.tree = new ExperimentTree((experiment) => this.chooseExperiment(experiment));
    this.grid = new Grid(new Widths(), {
      partOf: (id) => this.partOf(id),
      colourOf: (id) => this.colourOf(id),
      groupColour: (group) => (this.drawnGroups.has(groupName(group.value)) ? runColour(groupId(groupName(group.value))) : null),
      onPick: (index, range) => this.pick(index, range),
      onPickGroup: (group) => this.pickGroup(group),
      onPickAll: () => this.pickAll(),
      onFold: (group) => this.fold(group),
      onOpen: (id) => navigate(runPath(id)),
      onSort: (name, downFirst, add) => this.change({ sort: nextSort(this.view.sort, name, downFirst, add) }),
      onSortTo: (key) => this.change({ sort: [key] }),
      onMove: (name, before) => this.moveColumn(name, before),
      onHide: (name) => this.change({ columns: this.columns().filter((other) => other !== name) }),
      onGroup: (name) => this.change({ group: name, closed: [] }),
      onFilter: (name) => this.toolbar.filter.begin(name),
      canGroup: (name) => this.frame !== null && groupable(this.frame).some((column) => column.name === name),
    });
    this.toolbar = new Toolbar({
      onSearch: (search) => this.change({ search }),
      onFilter: (filter) => this.change({ filter }),
      onGroup: (group) => this.change({ group, closed: [] }),
      onColumns: (anchor) => this.frame && openPicker(anchor, this.frame, () => this.columns(), (columns) => this.change({ columns })),
      onArrange: (arrangement) => this.split.arrange(arrangement),
      onTree: () => this.toggleTree(),
    });
    const table = h("section", { class: "table-pane", "aria-label": "Runs" }, this.told, h("div", { class: "table-place" }, this.grid.element, this.over));
    this.split = new Split(table, this.chartsPane, () => this.onArranged());
    this.layout = h(
      "div",
      { class: "runs" },
      h("aside", { class: "tree-pane", "aria-label": "Experiments" }, h("h2", { class: "pane-title" }, "Experiments"), this.tree.element),
      h("div", { class: "runs-main" }, this.toolbar.element, this.split.element),
    );
    this.toolbar.filter.show(this.view.filter);
    this.showTree(treeOpen());
    root.append(this.layout);
    this.onArranged();
    this.start();
  }

  dispose(): void {
    this.disposed = true;
    this.loading?.abort();
    for (const dispose of this.disposers) dispose();
    for (const timer of this.timers.values()) window.clearTimeout(timer);
    this.panels?.dispose();
    this.grid.dispose();
    this.layout.remove();
  }

  private start(): void {
    void this.load();
    void this.loadTree();
    const live = connectLive({
      runs: [],
      keys: [],
      onRuns: (changed) => this.onChanged(changed),
      onResync: () => this.soon("reload", 0, () => void this.load()),
    });
    const ticker = window.setInterval(() => document.visibilityState === "visible" && this.grid.tick(), TICK_MS);
    this.disposers.push(
      () => live.close(),
      () => window.clearInterval(ticker),
      onTheme(() => this.grid.refresh()),
      bindKeys("Runs", [
        { key: "/", what: "search", run: () => this.focus(this.toolbar.search) },
        { key: "f", what: "filter expression", run: () => this.focus(this.toolbar.filter.input) },
        { key: "j", what: "next run", run: () => this.grid.move(1) },
        { key: "ArrowDown", what: "next run", run: () => this.ifInTable(() => this.grid.move(1)) },
        { key: "k", what: "run before", run: () => this.grid.move(-1) },
        { key: "ArrowUp", what: "run before", run: () => this.ifInTable(() => this.grid.move(-1)) },
        { key: "x", what: "choose the run, or the group", run: () => this.pickActive(false) },
        { key: " ", what: "choose the run, or the group", run: () => this.ifInTable(() => this.pickActive(false)) },
        { key: "X", what: "choose all from the last chosen to this", run: () => this.pickActive(true) },
        { key: "Enter", what: "open the run; fold the group", run: () => this.ifInTable(() => this.openActive()) },
        { key: "c", what: "compare the chosen runs", run: () => this.compare() },
        { key: "u", what: "let go of all chosen runs", run: () => this.clearChosen() },
        { key: "e", what: "experiments: show or hide", run: () => this.toggleTree() },
        { key: "Escape", what: "leave the field, back to the table", inFields: true, run: () => this.leaveField() },
      ]),
    );
  }

  // the data

  private async load(): Promise<void> {
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    if (!this.frame) this.showOver(loadingState("Reading the runs"));
    else this.layout.dataset["busy"] = "true";
    const asked = performance.now();
    try {
      const answer = await getRuns({ experiment: this.view.experiment, filter: this.view.filter }, loading.signal);
      if (loading.signal.aborted) return;
      this.frame = new RunFrame(answer);
      this.frame.apply(this.recent.since(asked));
      this.count = answer.count;
      this.truncated = answer.truncated?.words ?? "";
      this.toolbar.filter.showError("");
      this.compute();
    } catch (error) {
      if (isAbort(error)) return;
      await this.onLoadError(error);
    } finally {
      if (this.loading === loading) delete this.layout.dataset["busy"];
    }
  }

  private async onLoadError(error: unknown): Promise<void> {
    this.strangers.forget();
    const { title, hint } = told(error);
    if (error instanceof ApiError && error.status === 400 && this.view.filter !== "") {
      // The table stays as it was; without one, all runs are better than none.
      this.toolbar.filter.showError(title, hint);
      if (this.frame) return;
      const answer = await getRuns({ experiment: this.view.experiment }).catch(() => null);
      if (!answer || this.frame) return;
      this.frame = new RunFrame(answer);
      this.count = answer.count;
      this.compute();
      return;
    }
    if (this.frame && error instanceof ApiError && error.status === 0) return; // the shell says so; what is there stays
    const unknown = this.view.experiment !== "" && error instanceof ApiError && error.status === 404;
    if (unknown) this.showOver(errorState(error, () => this.chooseExperiment(""), "Show all runs"));
    else this.showOver(errorState(error, () => void this.load()));
  }

  private async loadTree(): Promise<void> {
    try {
      const store = await getStore();
      this.tree.show(store.experiments, this.view.experiment);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the table says what is wrong with the server
    }
  }

  private onChanged(changed: ChangedRun[]): void {
    this.pending.push(...changed);
    this.recent.add(changed, performance.now());
    this.soon("apply", APPLY_MS, () => this.applyChanges());
  }

  private applyChanges(): void {
    const changed = this.pending;
    this.pending = [];
    if (!this.frame) return;
    const { unknown, columns } = this.frame.apply(changed);
    if (this.strangers.wanted(unknown, this.view.experiment) || this.view.filter !== "") {
      this.soon("reload", RELOAD_MS, () => {
        this.strangers.fetched(unknown, this.view.experiment);
        void this.load();
      });
    }
    if (unknown.length > 0 || columns.has("status")) this.soon("tree", TREE_MS, () => void this.loadTree());
    const orders = [this.view.group, ...this.view.sort.map((key) => key.name)].some((name) => columns.has(name));
    if (orders || this.view.search !== "") this.compute();
    else if (columns.size > 0) this.refresh();
  }

  /** Once, soon: at once when the last time is `ms` ago or longer, else when it is. */
  private soon(name: string, ms: number, run: () => void): void {
    if (this.timers.has(name)) return;
    const wait = Math.max(0, (this.lastTimes.get(name) ?? -Infinity) + ms - performance.now());
    const timer = window.setTimeout(() => {
      this.timers.delete(name);
      this.lastTimes.set(name, performance.now());
      run();
    }, wait);
    this.timers.set(name, timer);
  }

  // what is shown

  private columns(): string[] {
    const { frame } = this;
    if (!frame) return [];
    return (this.view.columns ?? defaultColumns(frame)).filter((name) => name !== NAME && frame.column(name));
  }

  private compute(): void {
    const { frame, view } = this;
    if (!frame) return;
    const words = wordsOf(view.search);
    const fitting: number[] = [];
    for (let row = 0; row < frame.count; row += 1) if (frame.matches(row, words)) fitting.push(row);
    this.rows = sortRows(frame, Int32Array.from(fitting), view.sort);
    const grouping = view.group ? frame.column(view.group) : undefined;
    const lines = grouping ? grouped(frame, this.rows, grouping, view.sort, new Set(view.closed)) : ungrouped(this.rows);
    const columns = this.columns().flatMap((name) => frame.column(name) ?? []);
    this.groups = lines.groups;
    this.chooseDrawn();
    this.toolbar.show(view.search, view.group, frame);
    this.grid.show(frame, lines, columns, view.sort, grouping);
    this.showTold();
    this.showEmpty();
    this.showPanels();
    this.layout.dataset["ready"] = "true";
  }

  /** The same lines, other marks. */
  private refresh(): void {
    this.chooseDrawn();
    this.grid.refresh();
    this.showTold();
    this.showPanels();
  }

  /** Nothing chosen: the newest few of the runs shown, or of each of the first groups. */
  private chooseDrawn(): void {
    const { frame } = this;
    if (!frame) return;
    const grouping = this.view.group ? frame.column(this.view.group) : undefined;
    if (this.selection.list.length > 0) this.drawn = this.selection.list;
    else if (grouping) this.drawn = this.groups.slice(0, MOST_GROUPS_DRAWN).flatMap((group) => this.newest(frame, group.rows));
    else this.drawn = this.newest(frame, this.rows);
    this.drawnGroups = new Set(grouping ? this.drawn.map((id) => this.groupOf(id)) : []);
    claimColours(grouping ? [...this.drawnGroups].map(groupId) : this.drawn);
  }

  private newest(frame: RunFrame, rows: Int32Array): string[] {
    const start = frame.column("start_time")?.sortKeys();
    const time = (row: number): number => start?.[row] ?? 0;
    const newest: number[] = [];
    for (const row of rows) {
      if (newest.length === NEWEST_DRAWN && time(row) <= time(newest[NEWEST_DRAWN - 1] ?? 0)) continue;
      const at = newest.findIndex((other) => time(other) < time(row));
      newest.splice(at < 0 ? newest.length : at, 0, row);
      if (newest.length > NEWEST_DRAWN) newest.pop();
    }
    return newest.map((row) => frame.id(row));
  }

  private groupOf(id: string): string {
    const { frame } = this;
    return groupName(frame?.column(this.view.group)?.text(frame.row(id) ?? -1) ?? "");
  }

  private colourOf(id: string): string {
    return runColour(this.drawnGroups.size > 0 ? groupId(this.groupOf(id)) : id);
  }

  private partOf(id: string): Part {
    if (this.selection.has(id)) return "chosen";
    return this.selection.list.length === 0 && this.split.arrangement !== "table" && this.drawn.includes(id) ? "drawn" : "none";
  }

  private showTold(): void {
    const { frame, view } = this;
    if (!frame) return;
    const status = frame.column("status");
    let running = 0;
    for (const row of this.rows) if (status?.at(row) === "RUNNING") running += 1;
    const shown = this.rows.length;
    const whole = this.count > shown && view.search !== "" ? `${formatCount(shown)} of ${plural(this.count, "run")}` : plural(shown, "run");
    const chosen = this.selection.list;
    const elsewhere = chosen.filter((id) => frame.row(id) === undefined).length;
    fill(
      this.told,
      h("span", { class: "told-count" }, whole, running > 0 && [", ", h("span", { class: "told-running" }, `${formatCount(running)} running`)]),
      this.truncated !== "" && h("span", { class: "faint cut", title: this.truncated }, this.truncated),
      h("span", { class: "told-space" }),
      chosen.length > 0
        ? [
            h("span", { class: "soft" }, `${formatCount(chosen.length)} chosen${elsewhere > 0 ? `, ${formatCount(elsewhere)} not in this view` : ""}`),
            h("button", { class: "button button-quiet told-button", type: "button", title: "Let go of all (u)", on: { click: () => this.clearChosen() } }, "Clear"),
            h("button", { class: "button button-primary told-button", type: "button", title: "Compare (c)", on: { click: () => this.compare() } }, "Compare"),
          ]
        : h("span", { class: "faint told-hint" }, "Click runs to chart and compare them"),
    );
  }

  private showEmpty(): void {
    const { view } = this;
    if (this.rows.length > 0) return this.showOver(null);
    const narrowed = view.search !== "" || view.filter !== "";
    if (narrowed) {
      const state = emptyState("No run fits", view.filter !== "" ? "No run is true to the filter and the search together." : "No run has these words in its name, id, experiment or tags.");
      state.append(h("button", { class: "button", type: "button", on: { click: () => this.clearSearch() } }, "Show all runs"));
      return this.showOver(state);
    }
    const example = 'from tracker import ExperimentTracker\n\ntracker = ExperimentTracker("experiments", "first")\ntracker.start_run("hello")\ntracker.log_metrics({"loss": 0.5})\ntracker.end_run()';
    const state = emptyState("No runs yet", "This page shows them as soon as they begin. The shortest one:");
    state.append(h("pre", { class: "state-code" }, example));
    return this.showOver(state);
  }

  private showOver(state: HTMLElement | null): void {
    this.over.hidden = state === null;
    this.over.replaceChildren(...(state ? [state] : []));
  }

  private showPanels(): void {
    const { frame, view } = this;
    if (!frame || this.split.arrangement === "table") return;
    const runs = [...this.drawn];
    const names = new Map(runs.map((id) => [id, this.nameOf(id)]));
    const grouping = view.group ? frame.column(view.group) : undefined;
    const groups = grouping ? new Map(runs.map((id) => [id, this.groupOf(id)])) : undefined;
    const show = JSON.stringify([runs, [...names.values()], groups ? [...groups] : null]);
    if (this.panels && show === this.panelsShow) return;
    const { charts } = this;
    if (!charts) return void this.loadCharts();
    this.panelsShow = show;
    const options = { runs, names, ...(groups ? { groups } : {}), params: this.params };
    if (this.panels && (groups !== undefined) === this.panelsGrouped) this.panels.update(options);
    else {
      this.panels?.dispose();
      this.chartsPane.replaceChildren();
      this.panels = charts.mountPanels(this.chartsPane, { ...options, onParams: (params) => this.onChartParams(params) });
    }
    this.panelsGrouped = groups !== undefined;
  }

  /** The charts' code comes after the table is there: who looks for a run needn't wait for it. */
  private async loadCharts(): Promise<void> {
    if (this.chartsLoad) return;
    this.chartsLoad = import("../charts/panels");
    try {
      this.charts = await this.chartsLoad;
      if (!this.disposed) this.showPanels();
    } catch (error) {
      this.chartsPane.replaceChildren(errorState(error, () => window.location.reload()));
    }
  }

  private nameOf(id: string): string {
    const row = this.frame?.row(id);
    return row === undefined || !this.frame ? id : this.frame.name(row);
  }

  private onArranged(): void {
    this.toolbar.showArrangement(this.split.arrangement);
    if (this.split.arrangement === "table") {
      this.panels?.dispose();
      this.panels = null;
      this.chartsPane.replaceChildren();
    }
    if (this.frame) this.refresh();
  }

  // what the reader does

  /** A change of the view: the address first, then the page. */
  private change(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.writeAddress();
    if ("filter" in change || "experiment" in change) {
      this.grid.scrollToTop();
      void this.load();
    } else {
      if ("search" in change || "sort" in change || "group" in change) this.grid.scrollToTop();
      this.compute();
    }
  }

  private writeAddress(): void {
    this.params = writeView({ ...this.view, chosen: this.selection.list }, this.params);
    replaceParams(this.params);
  }

  private onChartParams(params: URLSearchParams): void {
    this.params = writeView({ ...this.view, chosen: this.selection.list }, params);
    replaceParams(this.params);
  }

  private chooseExperiment(experiment: string): void {
    this.tree.select(experiment);
    this.change({ experiment });
    if (window.matchMedia("(max-width: 760px)").matches) this.showTree(false);
  }

  private clearSearch(): void {
    this.toolbar.search.value = "";
    this.toolbar.filter.show("");
    this.toolbar.filter.showError("");
    this.change({ search: "", filter: "" });
  }

  private moveColumn(name: string, before: string | null): void {
    const columns = this.columns().filter((other) => other !== name);
    const at = before === null ? columns.length : columns.indexOf(before);
    columns.splice(at < 0 ? columns.length : at, 0, name);
    this.change({ columns });
  }

  private pick(index: number, range: boolean): void {
    const id = this.grid.idAt(index);
    if (id === undefined) return;
    const from = range && this.anchor !== null ? this.lineOf(this.anchor) : -1;
    if (from >= 0) this.selection.set(this.idsBetween(from, index), true);
    else this.selection.toggle(id);
    this.anchor = id;
    this.onPicked();
  }

  private lineOf(id: string): number {
    const row = this.frame?.row(id);
    return row === undefined ? -1 : this.grid.items.indexOf(row);
  }

  private idsBetween(a: number, b: number): string[] {
    const ids: string[] = [];
    for (let k = Math.min(a, b); k <= Math.max(a, b); k += 1) {
      const id = this.grid.idAt(k);
      if (id !== undefined) ids.push(id);
    }
    return ids;
  }

  private pickGroup(group: Group): void {
    const ids = Array.from(group.rows, (row) => this.frame?.id(row) ?? "");
    this.selection.set(ids, !ids.every((id) => this.selection.has(id)));
    this.onPicked();
  }

  private pickAll(): void {
    if (this.selection.list.length > 0) this.selection.clear();
    else this.selection.set(Array.from(this.rows, (row) => this.frame?.id(row) ?? ""), true);
    this.onPicked();
  }

  private clearChosen(): void {
    this.selection.clear();
    this.onPicked();
  }

  private onPicked(): void {
    this.writeAddress();
    this.refresh();
  }

  private pickActive(range: boolean): void {
    const group = this.grid.groupAt(this.grid.active);
    if (group) this.pickGroup(group);
    else this.pick(this.grid.active, range);
  }

  private openActive(): void {
    const group = this.grid.groupAt(this.grid.active);
    const id = this.grid.idAt(this.grid.active);
    if (group) this.fold(group);
    else if (id !== undefined) navigate(runPath(id));
  }

  private fold(group: Group): void {
    const { closed } = this.view;
    this.change({ closed: group.closed ? closed.filter((value) => value !== group.value) : [...closed, group.value] });
  }

  private compare(): void {
    if (this.selection.list.length > 0) navigate(comparePath(this.selection.list));
  }

  /** A key is meant for the table unless a control has the focus, which has its own use for it. */
  private ifInTable(run: () => void): boolean {
    const focus = document.activeElement;
    const mine = focus === document.body || focus === null || focus === this.grid.element;
    if (mine) run();
    return mine;
  }

  private focus(field: HTMLInputElement): void {
    field.focus();
    field.select();
  }

  private leaveField(): boolean | void {
    if (!(document.activeElement instanceof HTMLInputElement)) return false;
    this.grid.element.focus({ preventScroll: true });
  }

  private toggleTree(): void {
    this.showTree(this.layout.dataset["tree"] !== "open");
    try {
      window.localStorage.setItem(TREE_KEY, this.layout.dataset["tree"] ?? "");
    } catch {
      return; // storage is refused: it holds as long as the page
    }
  }

  private showTree(open: boolean): void {
    this.layout.dataset["tree"] = open ? "open" : "closed";
    this.toolbar.showTree(open);
  }
}

/** What a group of the table is called in the charts. */
const groupName = (value: string): string => value || "none";

/** Open beside the table where there is room for both, unless this browser remembers otherwise. */
function treeOpen(): boolean {
  if (window.matchMedia("(max-width: 760px)").matches) return false;
  try {
    return window.localStorage.getItem(TREE_KEY) !== "closed";
  } catch {
    return true;
  }
}
