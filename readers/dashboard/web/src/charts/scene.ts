// What a chart draws, without where: the runs' lines, or their groups' bands.

import { bandOf, type Band, type BandKind, type Member } from "./bands";
import type { Cells } from "./cells";
import { smoothed, unitOf } from "./smoothing";
import type { Range } from "./view";

export interface Line {
  runId: string;
  cells: Cells;
  /** What is drawn as the line: the smoothed values, or the cells' last ones. */
  values: Float64Array;
  smoothed: boolean;
}

export interface Scene {
  lines: Line[];
  bands: Band[];
}

export interface SceneOptions {
  smooth: number;
  /** What is shown of x. */
  range: Range;
  groups: ReadonlyMap<string, string> | undefined;
  band: BandKind | "runs";
}

export function sceneOf(runs: ReadonlyMap<string, Cells>, order: readonly string[], options: SceneOptions): Scene {
  const there = order.flatMap((runId) => {
    const cells = runs.get(runId);
    return cells && cells.length > 0 ? [{ runId, cells }] : [];
  });
  const unit = options.smooth > 0 ? unitOf(there.map((run) => run.cells), options.range.to - options.range.from) : 1;
  const lines = there.map(({ runId, cells }) => ({
    runId,
    cells,
    values: options.smooth > 0 ? smoothed(cells, options.smooth, unit) : cells.last,
    smoothed: options.smooth > 0,
  }));
  return { lines, bands: options.groups && options.band !== "runs" ? bandsOf(lines, options.groups, options.band) : [] };
}

function bandsOf(lines: readonly Line[], groups: ReadonlyMap<string, string>, kind: BandKind): Band[] {
  const members = new Map<string, Member[]>();
  for (const line of lines) {
    const group = groups.get(line.runId);
    if (group === undefined) continue;
    const own = members.get(group) ?? [];
    own.push({ x: line.cells.x, y: finite(line), length: line.cells.length, width: line.cells.width });
    members.set(group, own);
  }
  return inOrder([...members.keys()]).map((group) => bandOf(group, members.get(group) ?? [], kind));
}

function finite(line: Line): Float64Array {
  const values = line.values.subarray(0, line.cells.length);
  return line.smoothed ? values : values.map((value) => (Number.isFinite(value) ? value : NaN));
}

/** What bands reach in a range of x; an interval of two or three runs can reach far beyond them all, so it counts as far
 *  as the centres' own range again on either side. */
export function bandValues(bands: readonly Band[], range: Range): number[] {
  const centres: number[] = [];
  const bounds: number[] = [];
  for (const band of bands) {
    for (let k = 0; k < band.x.length; k += 1) {
      const x = band.x[k] as number;
      if (x < range.from || x > range.to) continue;
      centres.push(band.centre[k] as number);
      for (const bound of [band.lower[k] as number, band.upper[k] as number]) if (!Number.isNaN(bound)) bounds.push(bound);
    }
  }
  const low = centres.reduce((a, b) => Math.min(a, b), Infinity);
  const high = centres.reduce((a, b) => Math.max(a, b), -Infinity);
  const reach = high - low || Math.abs(high) || 1;
  return [...centres, ...bounds.map((bound) => Math.min(high + reach, Math.max(low - reach, bound)))];
}

/** Numbers by size, else as they came. */
export function inOrder(groups: string[]): string[] {
  return groups.every((group) => group.trim() !== "" && Number.isFinite(Number(group))) ? groups.sort((a, b) => Number(a) - Number(b)) : groups;
}

/** Where the data begins and ends; with a log axis where it is above 0. */
export function extent(runs: Iterable<Cells>, log: boolean): Range {
  let from = Infinity;
  let to = -Infinity;
  for (const cells of runs) {
    if (cells.length === 0) continue;
    const first = log ? cells.x.subarray(0, cells.length).find((x) => x > 0) : cells.x[0];
    if (first !== undefined && first < from) from = first;
    if (cells.lastX > to) to = cells.lastX;
  }
  if (!(from <= to)) return log ? { from: 1, to: 10 } : { from: 0, to: 1 };
  if (from === to) return log ? { from: from / 2, to: to * 2 } : { from: from - 0.5, to: to + 0.5 };
  return { from, to };
}
