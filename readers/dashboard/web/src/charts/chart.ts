// One chart: its head, its plot, and what it says when there is nothing to draw. Asks and draws only while it is seen.

import { h, fill } from "../dom";
import { formatCount, formatNumber, plural } from "../format";
import { icon } from "../icons";
import { emptyState, errorState } from "../states";
import { chartMenu } from "./chartmenu";
import type { Crosshair } from "./crosshair";
import type { Loads } from "./loads";
import { paint, type Frame } from "./paint";
import { Plot } from "./plot";
import { Pointing } from "./pointing";
import { ChartRuns, type Pushed } from "./runs";
import { bandValues, extent, sceneOf, type Scene } from "./scene";
import type { Ticker } from "./ticker";
import { valuesTable } from "./valuestable";
import type { ChartsView, OwnView, Range } from "./view";
import { xKind } from "./xaxis";
import { yRange } from "./yrange";

/** What all charts of a page share. */
export interface Board {
  readonly view: ChartsView;
  readonly runs: readonly string[];
  readonly groups: ReadonlyMap<string, string> | undefined;
  /** What a line is: ["run", "runs"]. */
  readonly noun: readonly [one: string, many: string];
  readonly ticker: Ticker;
  readonly loads: Loads;
  readonly crosshair: Crosshair;
  name: (id: string) => string;
  colour: (id: string) => string;
  strong: (id: string) => boolean;
  own: (key: string) => OwnView;
  setOwn: (key: string, own: OwnView) => void;
  zoom: (key: string, range: Range | null) => void;
  openFull: (key: string) => void;
}

const SPOKEN = 5;

export class Chart {
  readonly element: HTMLElement;
  readonly data: ChartRuns;
  readonly plot: Plot;
  private readonly pointing: Pointing;
  private readonly place = h("div", { class: "chart-plot", tabindex: 0, role: "img" });
  private readonly over = h("div", { class: "chart-over", hidden: true });
  private readonly note = h("span", { class: "chart-note" });
  private readonly reset = h("button", { class: "chart-button chart-reset", type: "button", hidden: true, title: "Show all of x again (double click)" }, "Reset zoom");
  private readonly paintNow = (): void => this.paint();
  scene: Scene = { lines: [], bands: [] };
  /** What is shown of x. */
  range: Range = { from: 0, to: 1 };
  private shown = false;
  private tabled = false;
  private size = { width: 0, height: 0 };
  private readonly resize: ResizeObserver;

  constructor(
    readonly key: string,
    readonly board: Board,
    readonly full = false,
  ) {
    this.data = new ChartRuns(key, board.loads, () => this.onData());
    this.plot = new Plot(this.place, {
      draw: (frame) => this.onDraw(frame),
      onZoom: (range) => this.zoomTo(range),
      onReset: () => this.zoomTo(null),
      onMove: (left, top) => this.pointing.move(left, top),
    });
    this.pointing = new Pointing(this);
    this.place.append(this.pointing.dots);
    this.place.addEventListener("keydown", (event) => this.pointing.onKey(event));
    this.place.addEventListener("blur", () => this.pointing.leave());
    this.reset.addEventListener("click", () => this.zoomTo(null));
    this.element = h(
      "article",
      { class: "chart", data: { key, state: "idle" }, "aria-label": key },
      h("header", { class: "chart-head" }, h("h3", { class: "chart-title", title: key }, ...titleParts(key)), this.note, this.reset, h("div", { class: "chart-buttons" }, this.buttons())),
      h("div", { class: "chart-body" }, this.place, this.over),
      this.pointing.spoken,
    );
    this.resize = new ResizeObserver(() => this.onResize());
    this.resize.observe(this.place);
    board.crosshair.add(this.pointing);
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
    this.pointing.stop();
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

  dispose(): void {
    this.data.stop();
    this.board.ticker.forget(this.paintNow);
    this.board.crosshair.remove(this.pointing);
    this.resize.disconnect();
    this.pointing.stop();
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
    paint(frame, this.scene, { run: board.colour, group: board.colour, strong: board.strong }, board.crosshair.focus);
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
      this.board.runs.length > 1 && lacking > 0 && this.data.state === "ready" && `${formatCount(this.data.cells.size)} of ${plural(this.board.runs.length, ...this.board.noun)}`,
    ].filter((note) => note !== false);
    this.note.textContent = notes.join(", ");
    this.note.title = this.note.textContent;
  }

  private words(): string {
    const lasts = this.scene.lines.map((line) => `${this.board.name(line.runId)} ${formatNumber(line.values[line.cells.length - 1] ?? NaN)}`);
    const more = lasts.length > SPOKEN ? `, and ${lasts.length - SPOKEN} more` : "";
    return `${this.key} over ${this.board.view.x.replace("_", " ")}, ${plural(lasts.length, ...this.board.noun)}. Last values: ${lasts.slice(0, SPOKEN).join(", ")}${more}.`;
  }

  zoomTo(range: Range | null): void {
    this.pointing.leave();
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
