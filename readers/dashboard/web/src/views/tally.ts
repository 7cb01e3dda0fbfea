// Many values told shortly: how often each occurs, and how numbers are spread.

export interface Tally {
  readonly text: string;
  readonly runs: number;
}

/** The distinct values, the most frequent first; of equally frequent ones the one that came first. */
export function tallied(values: readonly (string | null)[]): Tally[] {
  const counts = new Map<string | null, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([text, runs]) => ({ text: text ?? "none", runs })).sort((a, b) => b.runs - a.runs);
}

/** How many values lie in each of n equal stretches from the lowest to the highest; what isn't finite is left out. */
export function histogram(values: ArrayLike<number>, n: number): number[] {
  const finite = Array.from(values).filter(Number.isFinite);
  const counts = new Array<number>(n).fill(0);
  if (finite.length === 0) return counts;
  const low = finite.reduce((least, value) => Math.min(least, value), Infinity);
  const high = finite.reduce((most, value) => Math.max(most, value), -Infinity);
  for (const value of finite) {
    const bin = high > low ? Math.min(n - 1, Math.floor(((value - low) / (high - low)) * n)) : Math.floor(n / 2);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** The middle value; NaN for none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Array.from(values).filter(Number.isFinite).sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? (sorted[half] ?? NaN) : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2;
}
