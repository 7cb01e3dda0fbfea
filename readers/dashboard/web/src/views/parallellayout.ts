// Where each run's line crosses each axis of parallel coordinates, and which line is nearest to the pointer.
//
// Runs of one level, or of one of a few tried numbers, would all cross at one point; so it spreads them over its own
// stretch of the axis, in the order of their goodness: its mix of good and bad is seen, and each line can be followed. A run without a
// value crosses below the axis, at a mark of its own, so that it is not lost.

import { columnScale, stepsOf, type Column } from "./columns";
import type { Scale } from "./scale";

export interface Box {
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export interface AxisLayout {
  readonly column: Column;
  readonly scale: Scale;
  readonly x: number;
  /** Pixels from the top, one a run. */
  readonly y: Float64Array;
  /** Whether some run has no value here. */
  readonly gaps: boolean;
}

/** How far below the axis runs without a value cross, in pixels. */
export const GAP = 22;
const SPREAD = 0.7;
const WIDEST_STEP = 7;
const WIDEST_BAND = 0.12;

export function laidOut(columns: readonly Column[], box: Box, goodness: ArrayLike<number>): AxisLayout[] {
  const apart = columns.length > 1 ? (box.width - box.left - box.right) / (columns.length - 1) : 0;
  return columns.map((column, index) => {
    const scale = columnScale(column);
    const y = Float64Array.from(column.values, (value) => height(box, scale.place(value)));
    spread(column, scale, y, box, goodness);
    return { column, scale, x: box.left + index * apart, y, gaps: column.values.some((value) => Number.isNaN(scale.place(value))) };
  });
}

/** The y of a place (0 is the axis's lower end); what has no place lies below. */
export function height(box: Box, place: number): number {
  return Number.isNaN(place) ? box.bottom + GAP : box.bottom - place * (box.bottom - box.top);
}

/** The place of a y, not cut to the axis. */
export function placeAt(box: Box, y: number): number {
  return (box.bottom - y) / (box.bottom - box.top);
}

/** The run whose line is nearest to a point, at most `within` pixels away; -1 for none. */
export function nearestLine(axes: readonly AxisLayout[], x: number, y: number, within: number, eligible: readonly boolean[]): number {
  const after = axes.findIndex((axis) => axis.x >= x);
  const right = axes[after === 0 ? 1 : after] ?? axes.at(-1);
  const left = axes[(after === 0 ? 1 : after === -1 ? axes.length - 1 : after) - 1];
  if (left === undefined || right === undefined) return -1;
  const share = right.x > left.x ? Math.min(1, Math.max(0, (x - left.x) / (right.x - left.x))) : 0;
  let [nearest, least] = [-1, within];
  for (let run = 0; run < left.y.length; run++) {
    if (eligible[run] !== true) continue;
    const [from, to] = [left.y[run] ?? NaN, right.y[run] ?? NaN];
    const slope = (to - from) / Math.max(right.x - left.x, 1);
    const distance = Math.abs(from + (to - from) * share - y) / Math.hypot(1, slope);
    if (distance < least) [nearest, least] = [run, distance];
  }
  return nearest;
}

function spread(column: Column, scale: Scale, y: Float64Array, box: Box, goodness: ArrayLike<number>): void {
  const band = bandOf(column, scale) * (box.bottom - box.top) * SPREAD;
  if (band === 0) return;
  const byLevel = new Map<number, number[]>();
  column.values.forEach((value, run) => {
    if (Number.isNaN(scale.place(value))) return;
    const runs = byLevel.get(value);
    if (runs === undefined) byLevel.set(value, [run]);
    else runs.push(run);
  });
  for (const runs of byLevel.values()) {
    const step = runs.length > 1 ? Math.min(WIDEST_STEP, band / (runs.length - 1)) : 0;
    runs.sort((a, b) => rank(goodness[b]) - rank(goodness[a]));
    runs.forEach((run, place) => (y[run] = (y[run] ?? 0) + (place - (runs.length - 1) / 2) * step));
  }
}

/** The stretch that one level, or one of a few tried numbers, has for itself, as a share of the axis. */
function bandOf(column: Column, scale: Scale): number {
  if (column.kind === "category") return 1 / Math.max(column.levels.length, 1);
  const steps = stepsOf(column);
  let least = steps.length > 1 ? WIDEST_BAND : 0;
  for (let index = 1; index < steps.length; index++) least = Math.min(least, scale.place(steps[index] ?? NaN) - scale.place(steps[index - 1] ?? NaN));
  return least;
}

function rank(goodness: number | undefined): number {
  return goodness === undefined || Number.isNaN(goodness) ? -1 : goodness;
}
