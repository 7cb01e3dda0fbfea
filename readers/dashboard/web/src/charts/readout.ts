// What the lines say at the crosshair: a row a run, or a group.

import type { Scene } from "./scene";

export interface Reading {
  id: string;
  group: boolean;
  /** Where it stands in x: not quite under the pointer where points are sparse. */
  x: number;
  /** What the line shows there. */
  value: number;
  /** As logged, where the line is smoothed. */
  raw: number | null;
  /** The extremes of the stretch, or the ends of the group's interval. */
  low: number | null;
  high: number | null;
  /** Runs behind a group's value. */
  n: number;
  /** The cell's place, -1 for a group. */
  at: number;
}

/** Rows by value, the largest first; those whose line ends more than `reach` away from x are left out. */
export function readingsAt(scene: Scene, x: number, reach: number): Reading[] {
  const readings = scene.bands.length > 0 ? bandReadings(scene, x, reach) : lineReadings(scene, x, reach);
  return readings.sort((a, b) => rank(b.value) - rank(a.value));
}

function lineReadings(scene: Scene, x: number, reach: number): Reading[] {
  const readings: Reading[] = [];
  for (const { runId, cells, values, smoothed } of scene.lines) {
    const at = cells.nearest(x);
    if (at < 0) continue;
    const own = cells.x[at] as number;
    if (x < (cells.x[0] as number) - reach || x > cells.lastX + reach) continue;
    const [low, high, last] = [cells.min[at] as number, cells.max[at] as number, cells.last[at] as number];
    const value = values[at] as number;
    const wide = low < high;
    const odd = !Number.isFinite(value);
    readings.push({ id: runId, group: false, x: own, value: odd ? last : value, raw: smoothed && !odd ? last : null, low: wide ? low : null, high: wide ? high : null, n: 1, at });
  }
  return readings;
}

function bandReadings(scene: Scene, x: number, reach: number): Reading[] {
  const readings: Reading[] = [];
  for (const band of scene.bands) {
    const at = nearest(band.x, x);
    if (at < 0 || Math.abs((band.x[at] as number) - x) > Math.max(reach, stepAt(band.x, at))) continue;
    const [low, high] = [band.lower[at] as number, band.upper[at] as number];
    const known = !Number.isNaN(low);
    readings.push({ id: band.group, group: true, x: band.x[at] as number, value: band.centre[at] as number, raw: null, low: known ? low : null, high: known ? high : null, n: band.n[at] as number, at: -1 });
  }
  return readings;
}

/** NaN stands below all. */
const rank = (value: number): number => (Number.isNaN(value) ? -Infinity : value);

function stepAt(x: Float64Array, at: number): number {
  return at > 0 ? (x[at] as number) - (x[at - 1] as number) : 0;
}

function nearest(x: Float64Array, wanted: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((x[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return x.length > 0 ? 0 : -1;
  if (low === x.length) return low - 1;
  return wanted - (x[low - 1] as number) <= (x[low] as number) - wanted ? low - 1 : low;
}

/** At most `most` rows around the one pointed at. */
export function rowsAround(readings: readonly Reading[], nearestId: string | null, most: number): { rows: Reading[]; above: number; below: number } {
  if (readings.length <= most) return { rows: [...readings], above: 0, below: 0 };
  const at = Math.max(0, readings.findIndex((reading) => reading.id === nearestId));
  const first = Math.min(Math.max(0, at - (most >> 1)), readings.length - most);
  return { rows: readings.slice(first, first + most), above: first, below: readings.length - first - most };
}
