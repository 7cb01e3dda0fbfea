// The runs of a store: the experiments, the table, the charts of the chosen ones. What is shown stands in the address.

import "../styles/runs.css";

import { ApiError } from "../api";
import { fill, h } from "../dom";
import { comparePath, navigate, runPath, type PageLocation } from "../router";
import { Address } from "../runs/address";
import type { Part } from "../runs/cells";
import { ChartsPane } from "../runs/chartspane";
import { groupable, movedColumn, shownColumns, Widths } from "../runs/columns";
import { Cover } from "../runs/cover";
import { DrawnRuns } from "../runs/drawn";
import type { Column, RunFrame } from "../runs/frame";
import { Grid } from "../runs/grid";
import { grouped, ungrouped, type Group } from "../runs/groups";
import { LiveFrame } from "../runs/liveframe";
import { fittingRows, nextSort } from "../runs/order";
import { openPicker } from "../runs/picker";
import { Picking } from "../runs/picking";
import { Split } from "../runs/split";
import { bindTableKeys } from "../runs/tablekeys";
import { toldLine } from "../runs/told";
import { Toolbar } from "../runs/toolbar";
import { TreePane } from "../runs/treepane";
import type { View } from "../runs/view";

export function mount(root: HTMLElement, location: PageLocation): () => void {
  const page = new RunsPage(root, location);
  return () => page.dispose();
}

class RunsPage {
  private readonly address: Address;
  /** Of the frame: those that fit the search, in order. */
  private rows: Int32Array = new Int32Array();
  private groups: readonly Group[] = [];
  private readonly drawn: DrawnRuns;
  private readonly data: LiveFrame;
  private readonly grid: Grid;
  private readonly picking: Picking;
  private readonly tree: TreePane;
  private readonly toolbar: Toolbar;
  private readonly charts: ChartsPane;
  private readonly split: Split;
  private readonly layout: HTMLElement;
  private readonly told = h("div", { class: "table-told", role: "status" });
  private readonly cover = new Cover();
  private readonly unbind: () => void;

  constructor(root: HTMLElement, location: PageLocation) {
    this.address = new Address(location);
    this.drawn = new DrawnRuns(this.address.selection);
    this.data = new LiveFrame({
      view: () => this.view,
      onBusy: (busy) => this.showBusy(busy),
      onFrame: () => this.compute(),
      onColumns: (columns) => this.onColumns(columns),
      onCounts: () => this.tree.loadSoon(),
      onFilterError: (title, hint) => this.toolbar.filter.showError(title, hint),
      onError: (error) => this.showError(error),
    });
    this.tree = new TreePane(() => this.view.experiment, (experiment) => this.chooseExperiment(experiment), (open) => this.showTree(open));
    this.grid = this.newGrid();
    this.picking = new Picking(this.address.selection, this.grid, () => this.frame, () => this.onPicked());
    this.toolbar = new Toolbar({
      onSearch: (search) => this.change({ search }),
      onFilter: (filter) => this.change({ filter }),
      onGroup: (group) => this.change({ group, closed: [] }),
      onColumns: (anchor) => this.frame && openPicker(anchor, this.frame, () => this.columns(), (columns) => this.change({ columns })),
      onArrange: (arrangement) => this.split.arrange(arrangement),
      onTree: () => this.tree.toggle(),
    });
    this.charts = new ChartsPane(() => this.address.params, (params) => this.address.write(params));
    const table = h("section", { class: "table-pane", "aria-label": "Runs" }, this.told, h("div", { class: "table-place" }, this.grid.element, this.cover.element));
    this.split = new Split(table, this.charts.element, () => this.onArranged());
    this.layout = h("div", { class: "runs" }, this.tree.element, h("div", { class: "runs-main" }, this.toolbar.element, this.split.element));
    this.toolbar.filter.show(this.view.filter);
    this.tree.restore();
    root.append(this.layout);
    this.onArranged();
    this.data.start();
    void this.tree.load();
    this.unbind = bindTableKeys({ grid: this.grid, picking: this.picking, toolbar: this.toolbar, onOpen: () => this.openActive(), onCompare: () => this.compare(), onTree: () => this.tree.toggle() });
  }

  dispose(): void {
    this.data.dispose();
    this.unbind();
    this.tree.dispose();
    this.charts.dispose();
    this.grid.dispose();
    this.layout.remove();
  }

  private newGrid(): Grid {
    return new Grid(new Widths(), {
      partOf: (id) => this.partOf(id),
      colourOf: (id) => this.drawn.colourOf(id),
      groupColour: (group) => this.drawn.groupColour(group),
      onPick: (index, range) => this.picking.line(index, range),
      onPickGroup: (group) => this.picking.group(group),
      onPickAll: () => this.picking.all(this.rows),
      onFold: (group) => this.fold(group),
      onOpen: (id) => navigate(runPath(id)),
      onSort: (name, downFirst, add) => this.change({ sort: nextSort(this.view.sort, name, downFirst, add) }),
      onSortTo: (key) => this.change({ sort: [key] }),
      onMove: (name, before) => this.change({ columns: movedColumn(this.columns(), name, before) }),
      onHide: (name) => this.change({ columns: this.columns().filter((other) => other !== name) }),
      onGroup: (name) => this.change({ group: name, closed: [] }),
      onFilter: (name) => this.toolbar.filter.begin(name),
      canGroup: (name) => this.frame !== null && groupable(this.frame).some((column) => column.name === name),
    });
  }

  // what is shown

  private get view(): View {
    return this.address.view;
  }

  private get frame(): RunFrame | null {
    return this.data.frame;
  }

  private get grouping(): Column | undefined {
    return this.view.group ? this.frame?.column(this.view.group) : undefined;
  }

  /** Who searches, filters or groups wants the runs inside others too. */
  private get foldable(): boolean {
    return this.view.search === "" && this.view.filter === "" && !this.grouping;
  }

  private columns(): string[] {
    return this.frame ? shownColumns(this.frame, this.view.columns) : [];
  }

  private compute(): void {
    const { frame, view, grouping } = this;
    if (!frame) return;
    this.rows = fittingRows(frame, view.search, view.sort, this.foldable && !view.children);
    const lines = grouping ? grouped(frame, this.rows, grouping, view.sort, new Set(view.closed)) : ungrouped(this.rows);
    const columns = this.columns().flatMap((name) => frame.column(name) ?? []);
    this.groups = lines.groups;
    this.chooseDrawn(frame);
    this.toolbar.show(view.search, view.group, frame);
    this.grid.show(frame, lines, columns, view.sort, grouping);
    this.showTold(frame);
    if (this.rows.length > 0) this.cover.lift();
    else this.cover.sayNoRows(view, () => this.clearSearch());
    this.showCharts();
    this.layout.dataset["ready"] = "true";
  }

  /** The same lines, other marks. */
  private refresh(): void {
    const { frame } = this;
    if (frame) this.chooseDrawn(frame);
    this.grid.refresh();
    if (frame) this.showTold(frame);
    this.showCharts();
  }

  private chooseDrawn(frame: RunFrame): void {
    this.drawn.choose(frame, this.grouping, this.rows, this.groups);
  }

  private partOf(id: string): Part {
    const part = this.drawn.partOf(id);
    return part === "drawn" && this.split.arrangement === "table" ? "none" : part;
  }

  private showTold(frame: RunFrame): void {
    const { rows, data } = this;
    const count = this.view.search === "" ? rows.length : data.count;
    const inside = this.foldable ? frame.inside : 0;
    const onFold = (folded: boolean): void => this.change({ children: !folded });
    const actions = { onFold, onClear: () => this.picking.clear(), onCompare: () => this.compare() };
    fill(this.told, toldLine({ frame, rows, count, truncated: data.truncated, inside, folded: !this.view.children, chosen: this.address.selection.list, ...actions }));
  }

  private showCharts(): void {
    if (this.frame && this.split.arrangement !== "table") this.charts.show(this.drawn);
  }

  private showBusy(busy: boolean): void {
    if (!busy) delete this.layout.dataset["busy"];
    else if (this.frame) this.layout.dataset["busy"] = "true";
    else this.cover.sayLoading();
  }

  private showError(error: unknown): void {
    const unknown = this.view.experiment !== "" && error instanceof ApiError && error.status === 404;
    if (unknown) this.cover.sayError(error, () => this.chooseExperiment(""), "Show all runs");
    else this.cover.sayError(error, () => void this.data.load());
  }

  private showTree(open: boolean): void {
    this.layout.dataset["tree"] = open ? "open" : "closed";
    this.toolbar.showTree(open);
  }

  private onColumns(columns: ReadonlySet<string>): void {
    const orders = [this.view.group, ...this.view.sort.map((key) => key.name)].some((name) => columns.has(name));
    if (orders || this.view.search !== "") this.compute();
    else if (columns.size > 0) this.refresh();
  }

  private onArranged(): void {
    this.toolbar.showArrangement(this.split.arrangement);
    if (this.split.arrangement === "table") this.charts.clear();
    if (this.frame) this.refresh();
  }

  private onPicked(): void {
    this.address.write();
    this.refresh();
  }

  // what the reader does

  /** A change of the view: the address first, then the page. */
  private change(change: Partial<View>): void {
    this.address.change(change);
    if ("filter" in change || "experiment" in change) {
      this.grid.scrollToTop();
      void this.data.load();
    } else {
      if ("search" in change || "sort" in change || "group" in change || "children" in change) this.grid.scrollToTop();
      this.compute();
    }
  }

  private chooseExperiment(experiment: string): void {
    this.tree.select(experiment);
    this.change({ experiment });
    this.tree.hideIfNarrow();
  }

  private clearSearch(): void {
    this.toolbar.search.value = "";
    this.toolbar.filter.show("");
    this.toolbar.filter.showError("");
    this.change({ search: "", filter: "" });
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
    const chosen = this.address.selection.list;
    if (chosen.length > 0) navigate(comparePath(chosen));
  }
}
