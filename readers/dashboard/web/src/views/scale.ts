// Scales: where a value stands on an axis, from 0 (its low end) to 1.
//
// A category's value is the index of its level. Nothing here knows pixels: a picture multiplies by its own size.
// What is no number, or no positive one on a log scale, has no place: NaN.

export type ScaleKind = "linear" | "log" | "category";

export interface Tick {
  /** The value it marks. */
  readonly value: number;
  readonly label: string;
}

export interface Scale {
  readonly kind: ScaleKind;
  /** What the values of a category mean; empty for numbers. */
  readonly levels: readonly string[];
  readonly low: number;
  readonly high: number;
  /** 0 to 1; NaN for what has no place. */
  place(value: number): number;
  /** The value at a place; of a category the nearest level. */
  value(place: number): number;
  /** About `most` marks at round values; of a category at most that many levels, evenly chosen. */
  ticks(most: number): Tick[];
}

/** The scale that all finite values fit on. A log scale without a positive value is a linear one. */
export function scaleOf(kind: ScaleKind, values: Iterable<number>, levels: readonly string[] = []): Scale {
  if (kind === "category") return categories(levels);
  let [low, high] = extent(values, kind === "log");
  if (kind === "log" && !(low > 0)) return scaleOf("linear", values);
  if (!(low <= high)) [low, high] = [0, 1];
  if (low === high) [low, high] = kind === "log" ? [low / 2, high * 2] : around(low);
  return kind === "log" ? logarithmic(low, high) : linear(low, high);
}

/** Whether positive numbers span so much (1,000-fold) that their logarithms tell more. */
export function spansDecades(values: Iterable<number>): boolean {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value <= 0) return false;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high / low >= 1000;
}

function linear(low: number, high: number): Scale {
  return {
    kind: "linear",
    levels: [],
    low,
    high,
    place: (value) => (Number.isFinite(value) ? (value - low) / (high - low) : NaN),
    value: (place) => low + place * (high - low),
    ticks: (most) => linearTicks(low, high, most),
  };
}

function logarithmic(low: number, high: number): Scale {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  return {
    kind: "log",
    levels: [],
    low,
    high,
    place: (value) => (value > 0 && Number.isFinite(value) ? (Math.log10(value) - from) / (to - from) : NaN),
    value: (place) => 10 ** (from + place * (to - from)),
    ticks: (most) => logTicks(low, high, most),
  };
}

function categories(levels: readonly string[]): Scale {
  const n = Math.max(levels.length, 1);
  return {
    kind: "category",
    levels,
    low: 0,
    high: n - 1,
    place: (value) => (value >= 0 && value < n ? (value + 0.5) / n : NaN),
    value: (place) => Math.min(n - 1, Math.max(0, Math.floor(place * n))),
    ticks: (most) => {
      const every = Math.max(1, Math.ceil(levels.length / Math.max(most, 1)));
      return levels.flatMap((label, value) => (value % every === 0 ? [{ value, label }] : []));
    },
  };
}

function extent(values: Iterable<number>, positive: boolean): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value) || (positive && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function around(value: number): [number, number] {
  const half = value === 0 ? 1 : Math.abs(value) / 10;
  return [value - half, value + half];
}

function linearTicks(low: number, high: number, most: number): Tick[] {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough * 0.999) ?? 10 * power;
  const decimals = Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9)));
  const ticks: Tick[] = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9 && ticks.length < 100; index++) {
    const value = index === 0 ? 0 : index * step;
    ticks.push({ value, label: tickLabel(value, decimals) });
  }
  return ticks;
}

function tickLabel(value: number, decimals: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && decimals > 5)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return value.toLocaleString("en-GB", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function logTicks(low: number, high: number, most: number): Tick[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) {
    const few: Tick[] = [];
    for (let power = first - 1; power <= last + 1; power++) {
      for (const times of [1, 2, 5]) {
        const value = times * 10 ** power;
        if (value >= low * 0.999 && value <= high * 1.001) few.push({ value, label: powerLabel(value) });
      }
    }
    return few.length > 1 ? few.slice(0, Math.max(most, 2)) : ends(low, high);
  }
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(most, 1)));
  const ticks: Tick[] = [];
  for (let power = first; power <= last; power += every) ticks.push({ value: 10 ** power, label: powerLabel(10 ** power) });
  return ticks;
}

function ends(low: number, high: number): Tick[] {
  return [low, high].map((value) => ({ value, label: Number(value.toPrecision(3)).toString() }));
}

function powerLabel(value: number): string {
  if (value >= 0.001 && value < 100_000) return Number(value.toPrecision(6)).toLocaleString("en-GB", { maximumFractionDigits: 6 });
  return value.toExponential(0).replace("e+", "e");
}
