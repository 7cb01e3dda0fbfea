// What the pointer and the keys say on a chart: the crosshair, the box of values, the dots on the lines, the spoken words.

import { fill, h } from "../dom";
import { formatNumber, formatTime } from "../format";
import type { Chart } from "./chart";
import type { CrossFollower } from "./crosshair";
import { readingsAt, type Reading } from "./readout";
import { Times } from "./times";
import { tooltip } from "./tooltip";
import { xWords } from "./xaxis";

const REACH = 18; // CSS pixels beyond a line's end at which it still speaks
const SPOKEN = 5;
const MOST_DOTS = 12;

export class Pointing implements CrossFollower {
  readonly dots = h("div", { class: "chart-dots", "aria-hidden": "true" });
  readonly spoken = h("p", { class: "visually-hidden", role: "status" });
  private readonly times: Times;
  private cursor: number | null = null;
  private pointer: [left: number, top: number] | null = null;

  constructor(private readonly chart: Chart) {
    this.times = new Times(chart.key, () => this.pointer && this.move(...this.pointer));
  }

  /** The crosshair of another chart. */
  cross(x: number | null): void {
    if (!this.chart.isShown || this.cursor !== null) return;
    this.chart.plot.cross(x);
    this.showDots(x === null ? [] : readingsAt(this.chart.scene, x, this.reach()), null);
  }

  /** The chart isn't seen any more. */
  stop(): void {
    this.times.stop();
    tooltip.hide(this);
  }

  move(left: number | null, top: number): void {
    if (left === null || this.chart.scene.lines.length === 0) return this.leave();
    const x = this.chart.plot.xAt(left);
    this.cursor = x;
    this.pointer = [left, top];
    if (this.chart.board.view.x === "step" && !this.chart.zoom && this.chart.scene.bands.length === 0) this.times.want(this.chart.data.cells);
    this.chart.board.crosshair.move(this, x);
    const readings = readingsAt(this.chart.scene, x, this.reach());
    const nearest = this.closest(readings, top);
    this.showDots(readings, nearest);
    const box = this.chart.plot.element?.getBoundingClientRect();
    if (!box || readings.length === 0) return tooltip.hide(this);
    const words = (value: number): string => xWords(this.chart.board.view.x, value);
    const own = readings.reduce((best, reading) => (Math.abs(reading.x - x) < Math.abs(best - x) ? reading.x : best), Infinity);
    const content = { title: words(own), xWords: words, x: own, readings, nearest, name: this.chart.board.name, colour: this.chart.board.colour, time: (reading: Reading) => this.timeWords(reading) };
    tooltip.show(this, content, box.left + left, box.top + Math.max(0, top));
  }

  private timeWords(reading: Reading): string {
    const { view } = this.chart.board;
    return view.x === "step" && !this.chart.zoom && reading.at >= 0 ? formatTime(this.times.of(reading.id, reading.at)) : "";
  }

  leave(): void {
    this.cursor = null;
    this.pointer = null;
    tooltip.hide(this);
    this.showDots([], null);
    this.chart.board.crosshair.move(this, null);
  }

  private closest(readings: readonly Reading[], top: number): string | null {
    let found: string | null = null;
    let least = Infinity;
    for (const reading of readings) {
      const away = Math.abs(this.chart.plot.place(reading.x, reading.value)[1] - top);
      if (away < least) [found, least] = [reading.id, away];
    }
    return found;
  }

  private showDots(readings: readonly Reading[], nearest: string | null): void {
    const shown = readings.length > MOST_DOTS ? readings.filter((reading) => reading.id === nearest) : readings;
    const box = this.chart.plot.element;
    fill(
      this.dots,
      shown.map((reading) => {
        const [left, top] = this.chart.plot.place(reading.x, reading.value);
        if (!box || !(left >= 0 && top >= 0 && left <= box.offsetWidth && top <= box.offsetHeight)) return null;
        const style = { left: `${box.offsetLeft + left}px`, top: `${box.offsetTop + top}px`, background: this.chart.board.colour(reading.id) };
        return h("span", { class: "chart-dot", style, data: { nearest: reading.id === nearest ? "true" : undefined } });
      }),
    );
  }

  private reach(): number {
    return Math.abs(this.chart.plot.xAt(REACH) - this.chart.plot.xAt(0));
  }

  onKey(event: KeyboardEvent): void {
    const { from, to } = this.chart.range;
    const at = this.cursor ?? (from + to) / 2;
    const step = ((to - from) / 50) * (event.shiftKey ? 5 : 1);
    const width = (to - from) / 4;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.pointTo(at - step),
      ArrowRight: () => this.pointTo(at + step),
      Home: () => this.pointTo(from),
      End: () => this.pointTo(to),
      "+": () => this.chart.zoomTo({ from: Math.max(from, at - width), to: Math.min(to, at + width) }),
      "=": () => this.chart.zoomTo({ from: Math.max(from, at - width), to: Math.min(to, at + width) }),
      "-": () => this.chart.zoomTo(null),
      Escape: () => (this.chart.zoom ? this.chart.zoomTo(null) : this.leave()),
      Enter: () => this.chart.full || this.chart.board.openFull(this.chart.key),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey || (event.key === "Escape" && !this.chart.zoom && this.cursor === null)) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  private pointTo(x: number): void {
    const inside = Math.min(this.chart.range.to, Math.max(this.chart.range.from, x));
    this.chart.plot.cross(inside);
    this.move(Math.min(this.chart.plot.place(inside, 0)[0], (this.chart.plot.element?.offsetWidth ?? 1) - 0.01), 0);
    this.cursor = inside;
    const words = readingsAt(this.chart.scene, inside, this.reach()).slice(0, SPOKEN).map((reading) => `${this.chart.board.name(reading.id)} ${formatNumber(reading.value)}`);
    this.spoken.textContent = `${xWords(this.chart.board.view.x, inside)}: ${words.join(", ") || "no value"}`;
  }
}
