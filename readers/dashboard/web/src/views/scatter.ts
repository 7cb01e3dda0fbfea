// Any two columns of the compared runs against each other, coloured by a third; runs that brushes leave out are faint.

import { h } from "../dom";
import { formatNumber } from "../format";
import { navigate, runPath } from "../router";
import { onTheme, theme } from "../theme";
import { columnScale, columnText, title, type Column } from "./columns";
import { goodnessOf, type ComparedRun, type Direction } from "./compared";
import { safeCut } from "./longtext";
import type { Scale, Tick } from "./scale";
import { sequentialColour } from "./sequential";

export interface ScatterOptions {
  readonly runs: readonly ComparedRun[];
  readonly x: Column;
  readonly y: Column;
  readonly colour: Column;
  readonly direction: Direction;
  readonly chosen: readonly boolean[];
}

export interface ScatterView {
  readonly element: HTMLElement;
  dispose(): void;
}

const HEIGHT = 480;
const MARGIN = { top: 16, right: 24, bottom: 46, left: 76 };
const NEAR = 14;

export function scatterView(options: ScatterOptions): ScatterView {
  const { x, y, colour, runs } = options;
  const canvas = h("canvas", { class: "scatter-points", role: "img", "aria-label": `${title(y.name)} against ${title(x.name)}, a dot a run; the table below has the numbers` });
  const tip = h("div", { class: "tip", hidden: true });
  const element = h("div", { class: "scatter" }, canvas, tip);
  const context = canvas.getContext("2d");
  const [across, up] = [columnScale(x), columnScale(y)];
  const goodness = goodnessOf(colour.values, options.direction);
  let places: [number, number][] = [];
  let marked = -1;

  function place(scale: Scale, column: Column, run: number): number {
    const at = scale.place(column.values[run] ?? NaN);
    return column.kind === "category" ? at + (shake(run) * 0.6) / Math.max(column.levels.length, 1) : at;
  }

  function draw(): void {
    const width = element.clientWidth;
    if (context === null || width === 0) return;
    const density = window.devicePixelRatio || 1;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${HEIGHT}px`;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(HEIGHT * density);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, HEIGHT);
    const plot = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };
    const style = getComputedStyle(element);
    drawFrame(context, style, plot, { across, up, x, y });
    const px = (at: number): number => plot.left + (0.03 + 0.94 * at) * (plot.right - plot.left);
    const py = (at: number): number => plot.bottom - (0.03 + 0.94 * at) * (plot.bottom - plot.top);
    places = runs.map((_, run) => [px(place(across, x, run)), py(place(up, y, run))]);
    drawDots(context, style);
  }

  function drawDots(pen: CanvasRenderingContext2D, style: CSSStyleDeclaration): void {
    const dark = theme() === "dark";
    const radius = runs.length > 2000 ? 2 : runs.length > 300 ? 3 : 4.5;
    const faint = style.getPropertyValue("--chart-cross");
    const order = [...places.keys()].sort((a, b) => Number(options.chosen[a]) - Number(options.chosen[b]) || (goodness[a] ?? -1) - (goodness[b] ?? -1));
    for (const run of order) {
      const [left, top] = places[run] ?? [NaN, NaN];
      if (Number.isNaN(left + top)) continue;
      pen.globalAlpha = options.chosen[run] === true ? (runs.length > 300 ? 0.75 : 0.95) : 0.25;
      pen.fillStyle = options.chosen[run] === true ? sequentialColour(goodness[run] ?? NaN, dark) : faint;
      pen.beginPath();
      pen.arc(left, top, run === marked ? radius + 2.5 : radius, 0, 7);
      pen.fill();
      if (run !== marked) continue;
      pen.strokeStyle = style.getPropertyValue("--text");
      pen.lineWidth = 1.5;
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  function nearest(event: PointerEvent): number {
    const box = canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let [found, least] = [-1, NEAR];
    places.forEach(([atX, atY], run) => {
      const away = Math.hypot(atX - left, atY - top);
      if (away < least) [found, least] = [run, away];
    });
    return found;
  }

  function follow(event: PointerEvent): void {
    const run = nearest(event);
    if (run !== marked) {
      marked = run;
      draw();
    }
    tip.hidden = run < 0;
    canvas.style.cursor = run < 0 ? "" : "pointer";
    if (run < 0) return;
    const rows = [...new Set([x, y, colour])].map((column) => h("tr", null, h("th", null, safeCut(title(column.name), 40)), h("td", null, safeCut(columnText(column, run, formatNumber), 40))));
    tip.replaceChildren(h("b", { class: "cut" }, safeCut(runs[run]?.name ?? "", 60)), h("table", null, h("tbody", null, rows)));
    const [left, top] = places[run] ?? [0, 0];
    tip.style.left = `${left + tip.offsetWidth + 20 > element.clientWidth ? Math.max(0, left - tip.offsetWidth - 12) : left + 12}px`;
    tip.style.top = `${Math.max(0, Math.min(top + 10, HEIGHT - tip.offsetHeight))}px`;
  }

  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerleave", () => {
    tip.hidden = true;
    marked = -1;
    draw();
  });
  canvas.addEventListener("click", () => {
    const run = runs[marked];
    if (run !== undefined) navigate(runPath(run.id));
  });
  const sized = new ResizeObserver(draw);
  sized.observe(element);
  const unwatch = onTheme(draw);
  return {
    element,
    dispose: () => {
      sized.disconnect();
      unwatch();
    },
  };
}

interface Plot {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

function drawFrame(pen: CanvasRenderingContext2D, style: CSSStyleDeclaration, plot: Plot, of: { across: Scale; up: Scale; x: Column; y: Column }): void {
  pen.font = `11px ${style.fontFamily}`;
  pen.lineWidth = 1;
  pen.strokeStyle = style.getPropertyValue("--chart-grid");
  pen.fillStyle = style.getPropertyValue("--chart-axis");
  const px = (at: number): number => plot.left + (0.03 + 0.94 * at) * (plot.right - plot.left);
  const py = (at: number): number => plot.bottom - (0.03 + 0.94 * at) * (plot.bottom - plot.top);
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const wide = (plot.right - plot.left) / 90;
  for (const tick of of.across.ticks(Math.max(2, wide))) {
    const left = Math.round(px(of.across.place(tick.value))) + 0.5;
    stroke(pen, left, plot.top, left, plot.bottom);
    pen.fillText(tickText(tick, 14), left, plot.bottom + 6);
  }
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const tick of of.up.ticks(8)) {
    const top = Math.round(py(of.up.place(tick.value))) + 0.5;
    stroke(pen, plot.left, top, plot.right, top);
    pen.fillText(tickText(tick, 11), plot.left - 6, top);
  }
  pen.fillStyle = style.getPropertyValue("--text-soft");
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(axisTitle(of.x), (plot.left + plot.right) / 2, plot.bottom + 38);
  pen.save();
  pen.translate(13, (plot.top + plot.bottom) / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText(axisTitle(of.y), 0, 0);
  pen.restore();
}

function stroke(pen: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

function tickText(tick: Tick, letters: number): string {
  return tick.label.length > letters ? `${safeCut(tick.label, letters - 1)}…` : tick.label;
}

function axisTitle(column: Column): string {
  return `${safeCut(title(column.name), 60)}${column.kind === "log" ? " (log)" : ""}`;
}

/** -0.5 to 0.5, the same for the same run: dots of one level don't hide each other. */
function shake(run: number): number {
  return ((run * 0.618033988749895) % 1) - 0.5;
}
