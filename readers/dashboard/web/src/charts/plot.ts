// The plot's frame, by uPlot: axes, grid, crosshair, the dragged range. What is inside is drawn by paint.ts, since every
// run has x's of its own and the extremes of its stretches, which uPlot's aligned tables don't hold.

import uPlot from "uplot";

import { DURATION_STEPS, tickDuration, tickNumber, tickTimes } from "./axisnumbers";
import type { Frame } from "./paint";
import type { Range } from "./view";

export type XKind = "number" | "time" | "duration";

export interface Axes {
  x: Range;
  y: Range;
  logX: boolean;
  logY: boolean;
  xKind: XKind;
}

export interface PlotEvents {
  draw: (frame: Frame) => void;
  /** A range was dragged. */
  onZoom: (range: Range) => void;
  onReset: () => void;
  /** The pointer's place in the plot, in CSS pixels; null when it left. */
  onMove: (left: number | null, top: number) => void;
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';
const SHORTEST_DRAG = 6;
const NEUTRAL = { stroke: "#888", grid: "#ddd" };

export class Plot {
  private chart: uPlot | null = null;
  private shape = "";
  private axes: Axes = { x: { from: 0, to: 1 }, y: { from: 0, to: 1 }, logX: false, logY: false, xKind: "number" };
  private tokens = NEUTRAL;
  private width = 0;
  private height = 0;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: PlotEvents,
  ) {}

  get element(): HTMLElement | null {
    return this.chart?.over ?? null;
  }

  get canvas(): HTMLCanvasElement | null {
    return this.chart?.ctx.canvas ?? null;
  }

  /** Draws everything anew. */
  draw(axes: Axes, width: number, height: number): void {
    this.axes = axes;
    const shape = `${axes.logX} ${axes.logY} ${axes.xKind} ${window.devicePixelRatio}`;
    const sized = width === this.width && height === this.height;
    this.width = width;
    this.height = height;
    this.readTokens();
    if (!this.chart || shape !== this.shape) {
      this.shape = shape;
      this.chart?.destroy();
      this.chart = this.made();
    } else {
      if (!sized) this.chart.setSize({ width, height });
      this.chart.setData(this.data());
    }
  }

  /** The crosshair of another chart, at x; null takes it away. */
  cross(x: number | null): void {
    const { chart } = this;
    if (!chart) return;
    const inside = x !== null && x >= this.axes.x.from && x <= this.axes.x.to;
    chart.setCursor(inside ? { left: chart.valToPos(x, "x"), top: 0 } : { left: -10, top: -10 }, false);
  }

  xAt(left: number): number {
    return this.chart?.posToVal(left, "x") ?? NaN;
  }

  /** CSS pixels from the plot's left and top. */
  place(x: number, y: number): [number, number] {
    const { chart } = this;
    return chart ? [chart.valToPos(x, "x"), chart.valToPos(y, "y")] : [NaN, NaN];
  }

  destroy(): void {
    this.chart?.destroy();
    this.chart = null;
  }

  private made(): uPlot {
    const { axes } = this;
    const options: uPlot.Options = {
      width: this.width,
      height: this.height,
      ms: 1,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: SHORTEST_DRAG },
        bind: { dblclick: () => () => (this.events.onReset(), null) },
      },
      scales: {
        x: { time: axes.xKind === "time", distr: axes.logX ? 3 : 1, auto: false, range: () => [this.axes.x.from, this.axes.x.to] },
        y: { distr: axes.logY ? 3 : 1, range: () => [this.axes.y.from, this.axes.y.to] },
      },
      axes: [this.xAxis(), this.yAxis()],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(chart) => this.events.draw(this.frame(chart))],
        setCursor: [(chart) => this.onCursor(chart)],
        setSelect: [(chart) => this.onSelect(chart)],
      },
    };
    return new uPlot(options, this.data(), this.host);
  }

  private xAxis(): uPlot.Axis {
    const { xKind } = this.axes;
    const axis: uPlot.Axis = { ...this.axisLook(), space: (_, __, ___, ____, size) => Math.max(xKind === "time" ? 70 : 56, size / 12), size: xKind === "time" ? 40 : 28, gap: 6 };
    if (xKind === "time") axis.values = (_, splits, __, ___, step) => tickTimes(splits, step);
    if (xKind === "number") axis.values = (_, splits, __, ___, step) => splits.map((value) => (value === null ? null : tickNumber(value, this.axes.logX ? 0 : step)));
    if (xKind === "duration") {
      axis.incrs = DURATION_STEPS;
      axis.values = (_, splits) => splits.map((value) => (value === null ? null : tickDuration(value)));
    }
    return axis;
  }

  private yAxis(): uPlot.Axis {
    return {
      ...this.axisLook(),
      space: (_, __, ___, ____, size) => Math.max(32, size / 9),
      gap: 5,
      size: (_, values) => Math.max(34, 14 + 6.4 * Math.max(0, ...(values ?? []).map((value) => (value ?? "").length))),
      values: (_, splits, __, ___, step) => splits.map((value) => (value === null ? null : tickNumber(value, this.axes.logY ? 0 : step))),
    };
  }

  private axisLook(): uPlot.Axis {
    return {
      font: FONT,
      stroke: () => this.tokens.stroke,
      grid: { stroke: () => this.tokens.grid, width: 1 },
      ticks: { show: false },
      border: { show: false },
    };
  }

  /** The frame needs the corners only. */
  private data(): uPlot.AlignedData {
    const { x, y } = this.axes;
    return [
      [x.from, x.to],
      [y.from, y.to],
    ];
  }

  private frame(chart: uPlot): Frame {
    const { left, top, width, height } = chart.bbox;
    const { x, y, logX, logY } = this.axes;
    return { context: chart.ctx, left, top, width, height, x: { ...x, log: logX }, y: { ...y, log: logY }, ratio: uPlot.pxRatio };
  }

  private onCursor(chart: uPlot): void {
    const { left = -1, top = -1 } = chart.cursor;
    this.events.onMove(left < 0 ? null : left, top);
  }

  private onSelect(chart: uPlot): void {
    const { left, width } = chart.select;
    if (width < SHORTEST_DRAG) return;
    const [from, to] = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.onZoom({ from, to });
  }

  private readTokens(): void {
    const style = getComputedStyle(this.host);
    this.tokens = { stroke: style.getPropertyValue("--chart-axis").trim() || NEUTRAL.stroke, grid: style.getPropertyValue("--chart-grid").trim() || NEUTRAL.grid };
  }
}
