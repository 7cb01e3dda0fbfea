// Parallel coordinates: a line a run over axes of params and a metric. Brushes on axes choose runs, the pointer follows
// one, the axes' names can be moved; a table below says in words what is chosen.

import { fill, h, svg } from "../dom";
import { formatNumber } from "../format";
import { navigate, runPath } from "../router";
import { onTheme, theme } from "../theme";
import { axisName } from "./axisname";
import { brushAxis, type AxisView } from "./brushaxis";
import { chosen, type Brush, type Brushes } from "./brushes";
import { columnText, title, type Column } from "./columns";
import type { ComparedRun, Direction } from "./compared";
import { goodnessOf } from "./compared";
import { safeCut } from "./longtext";
import { GAP, laidOut, nearestLine, type AxisLayout, type Box } from "./parallellayout";
import { paintLines } from "./parallelpaint";
import { sequentialColour } from "./sequential";

export interface ParallelOptions {
  readonly runs: readonly ComparedRun[];
  /** In the order of the axes; the values' order is that of the runs. */
  columns: readonly Column[];
  /** Also those that aren't axes: brushes may be on them. */
  readonly everyColumn: readonly Column[];
  /** The name of the column that colours the lines. */
  readonly metric: string;
  readonly direction: Direction;
  brushes: Brushes;
  readonly onBrushes: (brushes: Brushes) => void;
  readonly onOrder: (names: string[]) => void;
}

export interface ParallelView {
  readonly element: HTMLElement;
  brushed(brushes: Brushes): void;
  mark(run: number): void;
  dispose(): void;
}

const TOP = 52;
const HEIGHT = 420;
const AXIS_ROOM = 104;
const NEAR = 9;

export function parallelView(options: ParallelOptions): ParallelView {
  const canvas = h("canvas", { class: "parallel-lines", "aria-hidden": "true" });
  const overlay = svg("svg", { class: "parallel-axes", role: "group", "aria-label": "Axes; drag on one, or use its two sliders, to choose runs" });
  const names = h("div", { class: "parallel-names" });
  const tip = h("div", { class: "tip", hidden: true });
  const stage = h("div", { class: "parallel-stage" }, canvas, overlay, names, tip);
  const element = h("div", { class: "parallel", tabindex: -1 }, stage);
  const context = canvas.getContext("2d");

  let { columns } = options;
  let brushes: Map<string, Brush> = new Map(options.brushes);
  let axes: AxisLayout[] = [];
  let views: AxisView[] = [];
  let box: Box = { width: 0, top: TOP, bottom: TOP + HEIGHT, left: 20, right: 60 };
  let marked = -1;
  let frame = 0;
  const count = options.runs.length;
  const metric = options.everyColumn.find((column) => column.name === options.metric);
  const values = new Map(options.everyColumn.map((column) => [column.name, column.values]));
  const goodness = goodnessOf(metric?.values ?? new Float64Array(count).fill(NaN), options.direction);
  const worstFirst = [...goodness.keys()].sort((a, b) => rank(goodness[a]) - rank(goodness[b]));
  let colours = coloursNow();

  function coloursNow(): string[] {
    const dark = theme() === "dark";
    return Array.from(goodness, (value) => sequentialColour(value, dark));
  }

  function inside(): boolean[] {
    return chosen(count, values, brushes);
  }

  function layOut(): void {
    const room = element.clientWidth;
    if (room === 0) return;
    const last = columns.at(-1);
    const right = Math.min(140, Math.max(last?.kind === "category" ? 110 : 64, 7.2 * title(last?.name ?? "").length + 20));
    const width = Math.max(room, 20 + right + (columns.length - 1) * AXIS_ROOM);
    const gaps = columns.some((column) => column.values.some((value) => Number.isNaN(value)));
    box = { width, top: TOP, bottom: TOP + HEIGHT, left: 22, right };
    const tall = TOP + HEIGHT + (gaps ? GAP + 12 : 12);
    for (const layer of [stage, canvas, overlay]) {
      layer.style.width = `${width}px`;
      layer.style.height = `${tall}px`;
    }
    axes = laidOut(columns, box, goodness);
    drawAxes();
    paint();
  }

  function drawAxes(): void {
    const apart = (axes[1]?.x ?? box.width) - (axes[0]?.x ?? 0);
    if (views.length !== axes.length) {
      views = axes.map((axis) => brushAxis(title(axis.column.name), (brush) => brush1(axis.column.name, brush)));
      overlay.replaceChildren(...views.map((view) => view.element));
      fill(names, axes.map((axis, index) => axisName(axis, { index, count: axes.length, isMetric: axis.column.name === options.metric, move: (to) => move(axis.column.name, to), focus: focusName, placeAt: (x) => Math.round((x - box.left) / Math.max((axes[1]?.x ?? 1) - (axes[0]?.x ?? 0), 1)) })));
    }
    axes.forEach((axis, index) => {
      const room = index === axes.length - 1 ? box.right - 10 : apart - 16;
      views[index]?.update(axis, box, brushes.get(axis.column.name), room);
      const button = names.children[index] as HTMLElement | undefined;
      button?.style.setProperty("left", `${axis.x}px`);
      button?.style.setProperty("max-width", `${Math.max(60, (index === axes.length - 1 ? box.right + 6 : apart))}px`);
    });
  }

  function move(name: string, to: number): void {
    const from = columns.findIndex((column) => column.name === name);
    const place = Math.min(columns.length - 1, Math.max(0, to));
    if (from >= 0 && place !== from) {
      const next = [...columns];
      next.splice(place, 0, ...next.splice(from, 1));
      columns = next;
      options.onOrder(columns.map((column) => column.name));
      views = [];
    }
    layOut();
  }

  function focusName(index: number): void {
    (names.children[Math.min(columns.length - 1, Math.max(0, index))] as HTMLElement | undefined)?.focus();
  }

  function brush1(name: string, brush: Brush | undefined): void {
    if (brush === undefined) brushes.delete(name);
    else brushes.set(name, brush);
    drawAxes();
    soon();
    options.onBrushes(brushes);
  }

  function paint(): void {
    frame = 0;
    if (context === null || axes.length === 0) return;
    const style = getComputedStyle(element);
    paintLines(context, box.width, Number.parseFloat(canvas.style.height), { axes, chosen: inside(), colours, order: worstFirst, marked, faint: style.getPropertyValue("--chart-cross") || "#999", markedColour: style.getPropertyValue("--text") || "#000" });
  }

  function soon(): void {
    if (frame === 0) frame = window.requestAnimationFrame(paint);
  }

  function mark(run: number): void {
    if (run === marked) return;
    marked = run;
    soon();
  }

  function follow(event: PointerEvent): void {
    if (event.pointerType === "touch") return;
    const place = stage.getBoundingClientRect();
    const [x, y] = [event.clientX - place.left, event.clientY - place.top];
    const run = y > TOP - 10 ? nearestLine(axes, x, y, NEAR, inside()) : -1;
    mark(run);
    showTip(run, x, y);
  }

  function showTip(run: number, x: number, y: number): void {
    tip.hidden = run < 0;
    stage.style.cursor = run < 0 ? "" : "pointer";
    if (run < 0) return;
    const rows = columns.slice(0, 14).map((column) => h("tr", null, h("th", null, safeCut(title(column.name), 40)), h("td", null, safeCut(columnText(column, run, formatNumber), 40))));
    fill(tip, h("b", { class: "cut" }, safeCut(options.runs[run]?.name ?? "", 60)), h("table", null, h("tbody", null, rows)));
    const left = x + tip.offsetWidth + 24 > element.scrollLeft + element.clientWidth ? x - tip.offsetWidth - 14 : x + 14;
    tip.style.left = `${Math.max(element.scrollLeft, left)}px`;
    tip.style.top = `${Math.max(0, Math.min(y + 12, TOP + HEIGHT - tip.offsetHeight))}px`;
  }

  function leave(): void {
    mark(-1);
    tip.hidden = true;
  }

  function open(event: MouseEvent): void {
    const run = options.runs[marked];
    if (run !== undefined && event.target instanceof SVGSVGElement) navigate(runPath(run.id));
  }

  stage.addEventListener("pointermove", follow);
  stage.addEventListener("pointerleave", leave);
  overlay.addEventListener("click", open);
  const sized = new ResizeObserver(layOut);
  sized.observe(element);
  const unwatch = onTheme(() => {
    colours = coloursNow();
    soon();
  });

  return {
    element,
    mark,
    brushed: (next) => {
      brushes = new Map(next);
      drawAxes();
      soon();
    },
    dispose: () => {
      sized.disconnect();
      unwatch();
      window.cancelAnimationFrame(frame);
    },
  };
}

function rank(goodness: number | undefined): number {
  return goodness === undefined || Number.isNaN(goodness) ? -1 : goodness;
}
