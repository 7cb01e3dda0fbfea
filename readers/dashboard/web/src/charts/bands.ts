// A group of runs as one line and a band around it, as readers/alignment.py has it: the runs are brought to the same x's
// (on the line between two neighbouring points, nothing beyond a run's own range, no line over a gap), and summed up there.

import { studentQuantile } from "./student";

export type BandKind = "ci" | "std" | "minmax";

/** A run's curve: x rising, y finite or NaN. `width` > 0: y are of stretches of that width. */
export interface Member {
  x: Float64Array;
  y: Float64Array;
  length: number;
  width: number;
}

export interface Band {
  group: string;
  x: Float64Array;
  centre: Float64Array;
  /** NaN where fewer than two runs are behind it. */
  lower: Float64Array;
  upper: Float64Array;
  /** Runs behind each x, at least one. */
  n: Float64Array;
  /** Runs of the group that have a point. */
  runs: number;
}

const MOST_X = 1000;
const LEVEL = 0.95;

export function bandOf(group: string, members: readonly Member[], kind: BandKind): Band {
  const grid = gridOf(members);
  const size = grid.length;
  const [count, sum, squares, low, high] = [0, 0, 0, Infinity, -Infinity].map((start) => new Float64Array(size).fill(start)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (const member of members) {
    const values = at(member, grid);
    for (let k = 0; k < size; k += 1) {
      const value = values[k] as number;
      if (Number.isNaN(value)) continue;
      // Welford's recurrence: stable also where the values are large and close together.
      const n = (count[k] as number) + 1;
      const off = value - (sum[k] as number);
      count[k] = n;
      sum[k] = (sum[k] as number) + off / n;
      squares[k] = (squares[k] as number) + off * (value - (sum[k] as number));
      if (value < (low[k] as number)) low[k] = value;
      if (value > (high[k] as number)) high[k] = value;
    }
  }
  const lower = new Float64Array(size).fill(NaN);
  const upper = new Float64Array(size).fill(NaN);
  for (let k = 0; k < size; k += 1) {
    const n = count[k] as number;
    if (n < 2) continue;
    const half = halfWidth(kind, n, squares[k] as number);
    lower[k] = kind === "minmax" ? (low[k] as number) : (sum[k] as number) - half;
    upper[k] = kind === "minmax" ? (high[k] as number) : (sum[k] as number) + half;
  }
  const there = Array.from(count.keys()).filter((k) => (count[k] as number) > 0);
  const keep = (array: Float64Array): Float64Array => Float64Array.from(there, (k) => array[k] as number);
  const runs = members.filter((member) => member.length > 0).length;
  return { group, x: keep(grid), centre: keep(sum), lower: keep(lower), upper: keep(upper), n: keep(count), runs };
}

function halfWidth(kind: BandKind, n: number, squares: number): number {
  const std = Math.sqrt(squares / (n - 1));
  return kind === "ci" ? (std * studentQuantile((1 + LEVEL) / 2, n - 1)) / Math.sqrt(n) : std;
}

/** The x's of any run while each point is a cell, at most MOST_X of them; else as many even steps as cells are wide. */
function gridOf(members: readonly Member[]): Float64Array {
  const widest = Math.max(0, ...members.map((member) => member.width));
  if (widest > 0) {
    const low = Math.min(...members.map((member) => (member.length > 0 ? (member.x[0] as number) : Infinity)));
    const high = Math.max(...members.map((member) => (member.length > 0 ? (member.x[member.length - 1] as number) : -Infinity)));
    const n = Math.max(1, Math.min(MOST_X, Math.ceil((high - low) / widest)));
    return Float64Array.from({ length: n + 1 }, (_, k) => low + ((high - low) * k) / n);
  }
  const every = new Float64Array(members.reduce((total, member) => total + member.length, 0));
  let end = 0;
  for (const member of members) {
    every.set(member.x.subarray(0, member.length), end);
    end += member.length;
  }
  every.sort();
  const unique = every.filter((x, k) => k === 0 || x !== every[k - 1]);
  if (unique.length <= MOST_X) return unique;
  return Float64Array.from({ length: MOST_X }, (_, k) => unique[Math.round((k * (unique.length - 1)) / (MOST_X - 1))] as number);
}

/** A run's values at the grid's x's, NaN outside its range and in its gaps. */
function at(member: Member, grid: Float64Array): Float64Array {
  const out = new Float64Array(grid.length).fill(NaN);
  let next = 0;
  for (let k = 0; k < grid.length; k += 1) {
    const x = grid[k] as number;
    while (next < member.length && (member.x[next] as number) < x) next += 1;
    if (next === member.length) break;
    const after = member.y[next] as number;
    if (member.x[next] === x) out[k] = after;
    else if (next > 0) {
      const left = member.x[next - 1] as number;
      const share = (x - left) / ((member.x[next] as number) - left);
      out[k] = (member.y[next - 1] as number) * (1 - share) + after * share;
    }
  }
  return out;
}
