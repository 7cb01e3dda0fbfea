// How high a chart is: all values, or all but what stands far off.

import type { Cells } from "./cells";

export interface YRange {
  lo: number;
  hi: number;
  /** Cells with a value outside. */
  outside: number;
  /** Cells that a log axis can't show: 0 and below. */
  unshown: number;
}

export interface Shown {
  from: number;
  to: number;
  log: boolean;
  /** Leave out what is far off the bulk. */
  bulk: boolean;
}

const SAMPLE = 20_000;
const FAR = 1.5;
const PAD = 0.05;

export function yRange(runs: readonly Cells[], shown: Shown, extra: readonly number[] = []): YRange {
  let lo = Infinity;
  let hi = -Infinity;
  let unshown = 0;
  let total = 0;
  const see = (value: number): void => {
    if (value < lo) lo = value;
    if (value > hi) hi = value;
  };
  each(runs, shown, (min, max) => {
    total += 1;
    if (shown.log && min <= 0) unshown += 1;
    if (!shown.log || min > 0) see(min);
    if (!shown.log || max > 0) see(max);
  });
  for (const value of extra) if (Number.isFinite(value) && (!shown.log || value > 0)) see(value);
  if (lo > hi) return { ...(shown.log ? { lo: 0.1, hi: 1 } : { lo: 0, hi: 1 }), outside: 0, unshown };
  const full = { lo, hi };
  let outside = 0;
  if (shown.bulk) {
    const bulk = bulkOf(runs, shown, total);
    if (bulk) {
      lo = Math.max(lo, bulk[0]);
      hi = Math.min(hi, bulk[1]);
      if (lo > full.lo || hi < full.hi) each(runs, shown, (min, max) => (outside += min < lo || max > hi ? 1 : 0));
    }
  }
  return { ...padded(lo, hi, shown.log), outside, unshown };
}

function each(runs: readonly Cells[], shown: Shown, see: (min: number, max: number) => void, stride = 1): void {
  for (const cells of runs) {
    for (let k = cells.from(shown.from); k < cells.length && (cells.x[k] as number) <= shown.to; k += stride) {
      const min = cells.min[k] as number;
      if (!Number.isNaN(min)) see(min, cells.max[k] as number);
    }
  }
}

/** The middle 96 % of the values, and half as far again on either side. */
function bulkOf(runs: readonly Cells[], shown: Shown, total: number): [number, number] | null {
  const values: number[] = [];
  const scale = (value: number): number => (shown.log ? Math.log10(value) : value);
  const back = (value: number): number => (shown.log ? 10 ** value : value);
  each(
    runs,
    shown,
    (min, max) => {
      if (!shown.log || min > 0) values.push(scale(min));
      if (!shown.log || max > 0) values.push(scale(max));
    },
    Math.max(1, Math.ceil(total / SAMPLE)),
  );
  if (values.length < 20) return null;
  const sorted = Float64Array.from(values).sort();
  const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))] as number;
  const [low, high] = [quantile(0.02), quantile(0.98)];
  const far = (high - low) * (FAR - 1);
  return high > low ? [back(low - far), back(high + far)] : null;
}

/** A little room above and below; a single value stands in the middle. */
function padded(lo: number, hi: number, log: boolean): { lo: number; hi: number } {
  if (log) {
    const room = lo === hi ? 2 : (hi / lo) ** PAD;
    return { lo: lo / room, hi: hi * room };
  }
  if (lo === hi) {
    const room = Math.abs(lo) * 0.1 || 1;
    return { lo: lo - room, hi: hi + room };
  }
  const room = (hi - lo) * PAD;
  if (!Number.isFinite(room)) return { lo: lo / 2, hi: hi / 2 };
  return { lo: lo - room, hi: hi + room };
}
