// The table: a window of fewer than 50 rows that wander over any number of lines.
//
// Why no row is ever blank: the rows lie in a layer that sticks to the view, so a fast scroll moves nothing until this
// code has put the right text in; the browser never shows a part of the page that hasn't been written yet.

import { h } from "../dom";
import { onTheme } from "../theme";
import { NAME, type Widths } from "./columns";
import type { Column, RunFrame } from "./frame";
import { GridLine, type LineHandlers } from "./gridline";
import { groupOf, type Group, type Lines } from "./groups";
import { GridHead, type HeadHandlers } from "./head";
import type { SortKey } from "./order";

const MOST_ROWS = 48;
const PICK_WIDTH = 36;
const TICK_MS = 1000;

export interface GridHandlers extends HeadHandlers, LineHandlers {
  /** A run was clicked, or chosen by key: the line's index; `range` from the last one to this. */
  onPick: (index: number, range: boolean) => void;
  onPickGroup: (group: Group) => void;
  onPickAll: () => void;
  onFold: (group: Group) => void;
  onOpen: (id: string) => void;
}

export class Grid {
  readonly element: HTMLElement;
  private readonly inner = h("div", { class: "grid-inner" });
  private readonly window = h("div", { class: "grid-window", role: "rowgroup" });
  private readonly layer = h("div", { class: "grid-layer", role: "presentation" });
  private readonly head: GridHead;
  private readonly sizes: ResizeObserver;
  private readonly disposers: (() => void)[];
  private pool: GridLine[] = [];
  private frame: RunFrame | null = null;
  private lines: Lines = { items: new Int32Array(), groups: [] };
  private columns: Column[] = [];
  private grouping: Column | undefined;
  private rowHeight = 30;
  private drawing = 0;
  private activeLine = -1;

  constructor(
    private readonly widths: Widths,
    private readonly handlers: GridHandlers,
  ) {
    this.head = new GridHead(widths, {
      ...handlers,
      onWidth: () => this.layOut(),
      onFit: (name) => this.fit(name),
    });
    this.element = h("div", { class: "grid", role: "grid", tabindex: 0, "aria-label": "Runs", "aria-multiselectable": "true" });
    this.window.append(this.layer);
    this.inner.append(this.head.element, this.window);
    this.element.append(this.inner);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("click", (event) => this.onClick(event));
    this.element.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    this.sizes = new ResizeObserver(() => this.measure());
    this.sizes.observe(this.element);
    const ticker = window.setInterval(() => document.visibilityState === "visible" && this.tick(), TICK_MS);
    this.disposers = [() => this.sizes.disconnect(), () => window.clearInterval(ticker), onTheme(() => this.refresh())];
  }

  dispose(): void {
    for (const dispose of this.disposers) dispose();
  }

  /** New lines, columns or order; the place in the table is kept. */
  show(frame: RunFrame, lines: Lines, columns: readonly Column[], sort: readonly SortKey[], grouping: Column | undefined): void {
    const active = this.activeKey();
    const sameColumns = columns.length === this.columns.length && columns.every((column, k) => column.name === this.columns[k]?.name);
    this.frame = frame;
    this.lines = lines;
    this.columns = [...columns];
    this.grouping = grouping;
    this.head.show(this.columns, sort);
    if (!sameColumns) this.dropPool();
    this.activeLine = active === null ? -1 : this.find(active);
    this.element.setAttribute("aria-rowcount", String(lines.items.length + 1));
    this.element.setAttribute("aria-colcount", String(columns.length + 2));
    this.layOut();
    this.measure();
    this.refresh();
  }

  /** A second has passed: ages and durations. */
  private tick(): void {
    this.drawing += 1;
    this.draw();
  }

  /** The same lines with values or choice changed. */
  refresh(): void {
    this.tick();
    this.head.showChoice(this.choiceOf(this.lines.items));
  }

  scrollToTop(): void {
    this.element.scrollTop = 0;
  }

  /** The line that the keys act on; -1: none. */
  get active(): number {
    return this.activeLine;
  }

  get items(): Int32Array {
    return this.lines.items;
  }

  groupAt(index: number): Group | undefined {
    const item = this.lines.items[index];
    return item !== undefined && item < 0 ? this.lines.groups[groupOf(item)] : undefined;
  }

  /** The run on a line; undefined on a group's heading. */
  idAt(index: number): string | undefined {
    const item = this.lines.items[index];
    return item !== undefined && item >= 0 ? this.frame?.id(item) : undefined;
  }

  /** Moves the active line by `by`, into view; from nowhere it begins at the first visible one. */
  move(by: number): void {
    const last = this.lines.items.length - 1;
    if (last < 0) return;
    const from = this.activeLine < 0 ? Math.ceil(this.element.scrollTop / this.rowHeight) - Math.sign(by) : this.activeLine;
    this.activate(Math.max(0, Math.min(last, from + by)));
  }

  activate(index: number): void {
    this.activeLine = index;
    const top = index * this.rowHeight;
    const view = this.viewHeight();
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + this.rowHeight > this.element.scrollTop + view) this.element.scrollTop = top + this.rowHeight - view;
    this.refresh();
  }

  private activeKey(): string | null {
    if (this.activeLine < 0) return null;
    const id = this.idAt(this.activeLine);
    return id === undefined ? `group ${this.groupAt(this.activeLine)?.value ?? ""}` : `run ${id}`;
  }

  private find(key: string): number {
    return this.lines.items.findIndex((item) =>
      item >= 0 ? key === `run ${this.frame?.id(item) ?? ""}` : key === `group ${this.lines.groups[groupOf(item)]?.value ?? ""}`,
    );
  }

  // drawing

  private layOut(): void {
    const widths = [PICK_WIDTH, this.widths.of(NAME, "text"), ...this.columns.map((column) => this.widths.of(column.name, column.kind))];
    this.element.style.setProperty("--columns", `${widths.map((width) => `${width}px`).join(" ")} minmax(0, 1fr)`);
    this.element.style.setProperty("--width", `${widths.reduce((sum, width) => sum + width, 0)}px`);
  }

  private measure(): void {
    const height = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 30;
    this.rowHeight = height;
    this.inner.style.height = `${this.head.height() + this.lines.items.length * height}px`;
    this.window.style.top = `${this.head.height()}px`;
    this.window.style.height = `${Math.max(0, this.viewHeight())}px`;
    this.draw();
  }

  private viewHeight(): number {
    return this.element.clientHeight - this.head.height();
  }

  private draw(): void {
    const frame = this.frame;
    if (!frame) return;
    const top = this.element.scrollTop;
    const count = this.lines.items.length;
    const need = Math.min(MOST_ROWS, Math.ceil(this.viewHeight() / this.rowHeight) + 1, count);
    while (this.pool.length < need) this.pool.push(this.newLine());
    const first = Math.max(0, Math.min(Math.floor(top / this.rowHeight), count - need));
    const now = Date.now();
    this.layer.style.transform = `translateY(${-top}px)`;
    const size = this.pool.length;
    for (let k = 0; k < size; k += 1) {
      // Line i is always shown by element i mod size: a scroll by one line rewrites one element.
      const index = first + ((((k - first) % size) + size) % size);
      const line = this.pool[k];
      if (line) this.drawLine(line, index < count && index < first + size ? index : -1, frame, now);
    }
  }

  private drawLine(line: GridLine, index: number, frame: RunFrame, now: number): void {
    if (index < 0) return line.hide();
    if (line.at === index && line.drawing === this.drawing) return;
    const item = this.lines.items[index] ?? 0;
    line.drawing = this.drawing;
    line.place(index, index * this.rowHeight, index === this.activeLine);
    if (index === this.activeLine) this.element.setAttribute("aria-activedescendant", line.element.id);
    const group = item < 0 ? this.lines.groups[groupOf(item)] : undefined;
    if (item >= 0) line.showRun(item, frame, this.columns, now);
    else if (group && this.grouping) line.showGroup(group, this.grouping, frame, this.columns);
  }

  private newLine(): GridLine {
    const line = new GridLine(this.columns, this.handlers);
    this.layer.append(line.element);
    return line;
  }

  private dropPool(): void {
    this.layer.replaceChildren();
    this.pool = [];
  }

  /** A column as wide as what stands in it now. */
  private fit(name: string): void {
    const at = name === NAME ? 1 : this.columns.findIndex((column) => column.name === name) + 2;
    const widest = Math.max(0, ...this.pool.filter((line) => line.at >= 0).map((line) => line.contentWidth(at)));
    this.widths.change(name, Math.max(widest, this.head.contentWidth(at)) + 22);
    this.layOut();
  }

  private choiceOf(items: Int32Array): "all" | "some" | "none" {
    let some = false;
    let all = items.length > 0;
    for (const item of items) {
      if (item < 0 || !this.frame) continue;
      if (this.handlers.partOf(this.frame.id(item)) === "chosen") some = true;
      else all = false;
      if (some && !all) return "some";
    }
    return some ? (all ? "all" : "some") : "none";
  }

  // the mouse

  private onClick(event: MouseEvent): void {
    const target = event.target as Element;
    const index = this.indexOf(target);
    if (index < 0) return;
    const link = target.closest("a");
    if (link && !event.shiftKey) return;
    if (link) event.preventDefault();
    this.activeLine = index;
    const group = this.groupAt(index);
    if (!group) this.handlers.onPick(index, event.shiftKey);
    else if (target.closest(".cell-pick")) this.handlers.onPickGroup(group);
    else this.handlers.onFold(group);
    this.refresh(); // also where nothing changed: the browser has ticked the box by itself
  }

  private onDoubleClick(event: MouseEvent): void {
    const target = event.target as Element;
    const id = this.idAt(this.indexOf(target));
    if (id !== undefined && !target.closest(".cell-pick")) this.handlers.onOpen(id);
  }

  private indexOf(target: Element): number {
    const element = target.closest(".grid-row");
    return this.pool.find((line) => line.element === element)?.at ?? -1;
  }
}
