// One chart: its head, its plot, and what it says when there is nothing to draw. Asks and draws only while it is seen.

import { h, fill } from "../dom";
import { formatCount, formatNumber, formatTime, plural } from "../format";
import { icon } from "../icons";
import { emptyState, errorState } from "../states";
import { chartMenu } from "./chartmenu";
import type { Crosshair } from "./crosshair";
import type { Loads } from "./loads";
import { paint, type Frame } from "./paint";
import { Plot } from "./plot";
import { readingsAt, type Reading } from "./readout";
import { ChartRuns, type Pushed } from "./runs";
import { bandValues, extent, sceneOf, type Scene } from "./scene";
import type { Ticker } from "./ticker";
import { Times } from "./times";
import { tooltip } from "./tooltip";
import { valuesTable } from "./valuestable";
import type { ChartsView, OwnView, Range } from "./view";
import { xKind, xWords } from "./xaxis";
import { yRange } from "./yrange";

/** What all charts of a page share. */
export interface Board {
  readonly view: ChartsView;
  readonly runs: readonly string[];
  readonly groups: ReadonlyMap<string, string> | undefined;
  readonly ticker: Ticker;
  readonly loads: Loads;
  readonly crosshair: Crosshair;
  name: (id: string) => string;
  colour: (id: string) => string;
  own: (key: string) => OwnView;
  setOwn: (key: string, own: OwnView) => void;
  zoom: (key: string, range: Range | null) => void;
  openFull: (key: string) => void;
}

const REACH = 18; // CSS pixels beyond a line's end at which it still speaks
const SPOKEN = 5;

export class Chart {
  readonly element: HTMLElement;
  readonly data: ChartRuns;
  private readonly times: Times;
  private readonly plot: Plot;
  private readonly place = h("div", { class: "chart-plot", tabindex: 0, role: "img" });
  private readonly over = h("div", { class: "chart-over", hidden: true });
  private readonly dots = h("div", { class: "chart-dots", "aria-hidden": "true" });
  private readonly note = h("span", { class: "chart-note" });
  private readonly reset = h("button", { class: "chart-button chart-reset", type: "button", hidden: true, title: "Show all of x again (double click)" }, "Reset zoom");
  private readonly spoken = h("p", { class: "visually-hidden", role: "status" });
  private readonly paintNow = (): void => this.paint();
  private scene: Scene = { lines: [], bands: [] };
  private range: Range = { from: 0, to: 1 };
  private shown = false;
  private tabled = false;
  private cursor: number | null = null;
  private pointer: [left: number, top: number] | null = null;
  private size = { width: 0, height: 0 };
  private readonly resize: ResizeObserver;

  constructor(
    readonly key: string,
    private readonly board: Board,
    private readonly full = false,
  ) {
    this.data = new ChartRuns(key, board.loads, () => this.onData());
    this.times = new Times(key, () => this.pointer && this.onMove(...this.pointer));
    this.plot = new Plot(this.place, {
      draw: (frame) => this.onDraw(frame),
      onZoom: (range) => this.zoomTo(range),
      onReset: () => this.zoomTo(null),
      onMove: (left, top) => this.onMove(left, top),
    });
    this.place.append(this.dots);
    this.place.addEventListener("keydown", (event) => this.onKey(event));
    this.place.addEventListener("blur", () => this.leave());
    this.reset.addEventListener("click", () => this.zoomTo(null));
    this.element = h(
      "article",
      { class: "chart", data: { key, state: "idle" }, "aria-label": key },
      h("header", { class: "chart-head" }, h("h3", { class: "chart-title", title: key }, ...titleParts(key)), this.note, this.reset, h("div", { class: "chart-buttons" }, this.buttons())),
      h("div", { class: "chart-body" }, this.place, this.over),
      this.spoken,
    );
    this.resize = new ResizeObserver(() => this.onResize());
    this.resize.observe(this.place);
    board.crosshair.add(this);
  }

  /** Seen or not: who isn't asks for nothing and draws nothing. */
  show(shown: boolean): void {
    this.shown = shown;
    if (shown) {
      this.data.freshen();
      this.update();
      return;
    }
    this.data.stop();
    this.times.stop();
    this.board.ticker.forget(this.paintNow);
  }

  /** Lets go of its points and its canvas, until it is seen again. */
  drop(): void {
    this.data.drop();
    this.plot.destroy();
    this.scene = { lines: [], bands: [] };
  }

  get isShown(): boolean {
    return this.shown;
  }

  /** The page's options changed. */
  update(): void {
    if (!this.shown || this.size.width === 0) return;
    const width = Math.round(this.size.width * Math.min(2, window.devicePixelRatio));
    this.data.ask({ runs: this.board.runs, x: this.board.view.x, zoom: this.zoom, width });
    this.board.ticker.draw(this.paintNow);
  }

  redraw(): void {
    if (this.shown) this.board.ticker.draw(this.paintNow);
  }

  push(points: readonly Pushed[]): void {
    if (this.data.push(points)) {
      if (this.data.state === "empty") this.data.refresh();
      this.board.ticker.drawSoon(this.paintNow);
    }
  }

  /** The crosshair of another chart. */
  cross(x: number | null): void {
    if (!this.shown || this.cursor !== null) return;
    this.plot.cross(x);
    this.showDots(x === null ? [] : readingsAt(this.scene, x, this.reach()), null);
  }

  dispose(): void {
    this.data.stop();
    this.times.stop();
    this.board.ticker.forget(this.paintNow);
    this.board.crosshair.remove(this);
    this.resize.disconnect();
    tooltip.hide(this);
    this.plot.destroy();
    this.element.remove();
  }

  get canvas(): HTMLCanvasElement | null {
    return this.plot.canvas;
  }

  get zoom(): Range | null {
    return this.board.view.sync ? this.board.view.zoom : (this.board.own(this.key).zoom ?? null);
  }

  get tableShown(): boolean {
    return this.tabled;
  }

  toggleTable(): void {
    this.tabled = !this.tabled;
    this.showOver();
    this.redraw();
  }

  // --- drawing

  private paint(): void {
    const { board, data } = this;
    if (!this.shown || data.state === "idle" || this.size.width === 0) return;
    const { view } = board;
    const own = board.own(this.key);
    const logY = own.logY ?? view.logY;
    this.range = this.zoom ?? extent(data.cells.values(), view.logX);
    this.scene = sceneOf(data.cells, board.runs, { smooth: view.smooth, range: this.range, groups: board.groups, band: view.band });
    const shown = { ...this.range, log: logY, bulk: own.bulk ?? view.bulk };
    const { bands, lines } = this.scene;
    const y = bands.length > 0 ? yRange([], shown, bandValues(bands, this.range)) : yRange(lines.map((line) => line.cells), shown);
    if (data.cells.size > 0) this.plot.draw({ x: this.range, y: { from: y.lo, to: y.hi }, logX: view.logX, logY, xKind: xKind(view.x) }, this.size.width, this.size.height);
    this.element.dataset["points"] = String(this.scene.lines.reduce((total, line) => total + line.cells.points, 0));
    this.element.dataset["top"] = String(y.hi);
    this.sayNotes(y.outside, y.unshown, logY);
    this.place.setAttribute("aria-label", this.words());
    if (this.tabled) this.showOver();
  }

  private onDraw(frame: Frame): void {
    const { board } = this;
    paint(frame, this.scene, { run: board.colour, group: board.colour }, board.crosshair.focus);
  }

  private onData(): void {
    const { state } = this.data;
    this.element.dataset["state"] = state;
    this.showOver();
    this.redraw();
  }

  private showOver(): void {
    const { state, error } = this.data;
    const content = this.tabled && state === "ready" ? valuesTable(this.scene, this.board, this.board.view.x) : overFor(state, error, () => this.data.refresh(), this.board.view.x);
    this.over.hidden = content === null;
    this.over.dataset["kind"] = this.tabled && state === "ready" ? "table" : state;
    fill(this.over, content);
    this.place.inert = content !== null;
  }

  private sayNotes(outside: number, unshown: number, log: boolean): void {
    const zoomed = this.zoom !== null;
    this.reset.hidden = !zoomed;
    const lacking = this.board.runs.length - this.data.cells.size;
    const notes = [
      outside > 0 && `${plural(outside, "outlier")} outside`,
      log && unshown > 0 && "0 and below not shown",
      this.board.runs.length > 1 && lacking > 0 && this.data.state === "ready" && `${formatCount(this.data.cells.size)} of ${plural(this.board.runs.length, "run")}`,
    ].filter((note) => note !== false);
    this.note.textContent = notes.join(", ");
    this.note.title = this.note.textContent;
  }

  private words(): string {
    const lasts = this.scene.lines.map((line) => `${this.board.name(line.runId)} ${formatNumber(line.values[line.cells.length - 1] ?? NaN)}`);
    const more = lasts.length > SPOKEN ? `, and ${lasts.length - SPOKEN} more` : "";
    return `${this.key} over ${this.board.view.x.replace("_", " ")}, ${plural(lasts.length, "run")}. Last values: ${lasts.slice(0, SPOKEN).join(", ")}${more}.`;
  }

  // --- the pointer and the keys

  private onMove(left: number | null, top: number): void {
    if (left === null || this.scene.lines.length === 0) return this.leave();
    const x = this.plot.xAt(left);
    this.cursor = x;
    this.pointer = [left, top];
    if (this.board.view.x === "step" && !this.zoom && this.scene.bands.length === 0) this.times.want(this.data.cells);
    this.board.crosshair.move(this, x);
    const readings = readingsAt(this.scene, x, this.reach());
    const nearest = this.closest(readings, top);
    this.showDots(readings, nearest);
    const box = this.plot.element?.getBoundingClientRect();
    if (!box || readings.length === 0) return tooltip.hide(this);
    const words = (value: number): string => xWords(this.board.view.x, value);
    const own = readings.reduce((best, reading) => (Math.abs(reading.x - x) < Math.abs(best - x) ? reading.x : best), Infinity);
    const content = { title: words(own), xWords: words, x: own, readings, nearest, name: this.board.name, colour: this.board.colour, time: (reading: Reading) => this.timeWords(reading) };
    tooltip.show(this, content, box.left + left, box.top + Math.max(0, top));
  }

  private timeWords(reading: Reading): string {
    const { view } = this.board;
    return view.x === "step" && !this.zoom && reading.at >= 0 ? formatTime(this.times.of(reading.id, reading.at)) : "";
  }

  private leave(): void {
    this.cursor = null;
    this.pointer = null;
    tooltip.hide(this);
    this.showDots([], null);
    this.board.crosshair.move(this, null);
  }

  private closest(readings: readonly Reading[], top: number): string | null {
    let found: string | null = null;
    let least = Infinity;
    for (const reading of readings) {
      const away = Math.abs(this.plot.place(reading.x, reading.value)[1] - top);
      if (away < least) [found, least] = [reading.id, away];
    }
    return found;
  }

  private showDots(readings: readonly Reading[], nearest: string | null): void {
    const shown = readings.length > 12 ? readings.filter((reading) => reading.id === nearest) : readings;
    const box = this.plot.element;
    fill(
      this.dots,
      shown.map((reading) => {
        const [left, top] = this.plot.place(reading.x, reading.value);
        if (!box || !(left >= 0 && top >= 0 && left <= box.offsetWidth && top <= box.offsetHeight)) return null;
        const style = { left: `${box.offsetLeft + left}px`, top: `${box.offsetTop + top}px`, background: this.board.colour(reading.id) };
        return h("span", { class: "chart-dot", style, data: { nearest: reading.id === nearest ? "true" : undefined } });
      }),
    );
  }

  private reach(): number {
    return Math.abs(this.plot.xAt(REACH) - this.plot.xAt(0));
  }

  private onKey(event: KeyboardEvent): void {
    const { from, to } = this.range;
    const at = this.cursor ?? (from + to) / 2;
    const step = ((to - from) / 50) * (event.shiftKey ? 5 : 1);
    const width = (to - from) / 4;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.pointTo(at - step),
      ArrowRight: () => this.pointTo(at + step),
      Home: () => this.pointTo(from),
      End: () => this.pointTo(to),
      "+": () => this.zoomTo({ from: Math.max(from, at - width), to: Math.min(to, at + width) }),
      "=": () => this.zoomTo({ from: Math.max(from, at - width), to: Math.min(to, at + width) }),
      "-": () => this.zoomTo(null),
      Escape: () => (this.zoom ? this.zoomTo(null) : this.leave()),
      Enter: () => this.full || this.board.openFull(this.key),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey || (event.key === "Escape" && !this.zoom && this.cursor === null)) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  private pointTo(x: number): void {
    const inside = Math.min(this.range.to, Math.max(this.range.from, x));
    this.plot.cross(inside);
    this.onMove(Math.min(this.plot.place(inside, 0)[0], (this.plot.element?.offsetWidth ?? 1) - 0.01), 0);
    this.cursor = inside;
    const words = readingsAt(this.scene, inside, this.reach()).slice(0, SPOKEN).map((reading) => `${this.board.name(reading.id)} ${formatNumber(reading.value)}`);
    this.spoken.textContent = `${xWords(this.board.view.x, inside)}: ${words.join(", ") || "no value"}`;
  }

  private zoomTo(range: Range | null): void {
    this.leave();
    if (range !== null && !(range.to > range.from)) return;
    this.board.zoom(this.key, range);
  }

  private onResize(): void {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (width === 0 || height === 0 || (width === this.size.width && height === this.size.height)) return;
    this.size = { width, height };
    this.update();
  }

  private buttons(): HTMLElement[] {
    const more = h("button", { class: "chart-button", type: "button", "aria-haspopup": "menu", "aria-label": `More for ${this.key}`, title: "More" }, "⋯");
    more.addEventListener("click", () => chartMenu(more, this, this.board, this.full));
    if (this.full) return [more];
    const open = h("button", { class: "chart-button", type: "button", "aria-label": `Enlarge ${this.key}`, title: "Full screen (Enter)", on: { click: () => this.board.openFull(this.key) } }, icon("expand"));
    return [open, more];
  }
}

/** What stands before the last slash is fainter. */
function titleParts(key: string): (HTMLElement | string)[] {
  const at = key.lastIndexOf("/");
  return at < 0 ? [key] : [h("span", { class: "faint" }, key.slice(0, at + 1)), key.slice(at + 1)];
}

function overFor(state: string, error: unknown, retry: () => void, x: string): HTMLElement | null {
  if (state === "error") return errorState(error, retry);
  if (state === "empty") {
    const against = x === "step" || x === "time" || x === "relative_time" ? "" : ` with ${x} at the same step`;
    return emptyState(`No point yet${against}`, "This chart fills as soon as one is logged.");
  }
  if (state === "ready") return null;
  return h("div", { class: "chart-skeleton", role: "status", "aria-label": "Reading the points" });
}
