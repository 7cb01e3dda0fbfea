// How strongly a column goes with a metric: what a picture shows first when not all columns fit.

import type { Column } from "./columns";

/** 0 to 1: squared rank correlation for numbers, the share of variance between levels for categories. */
export function association(column: Column, target: ArrayLike<number>): number {
  const both = [...column.values.keys()].filter((run) => Number.isFinite(column.values[run]) && Number.isFinite(target[run]));
  if (both.length < 3) return 0;
  const goal = ranks(both.map((run) => target[run] ?? NaN));
  const own = both.map((run) => column.values[run] ?? NaN);
  return column.kind === "category" ? betweenLevels(own, goal) : correlation(ranks(own), goal) ** 2;
}

function betweenLevels(levels: readonly number[], goal: readonly number[]): number {
  const mean = average(goal);
  const groups = new Map<number, number[]>();
  levels.forEach((level, index) => {
    const values = groups.get(level);
    if (values === undefined) groups.set(level, [goal[index] ?? NaN]);
    else values.push(goal[index] ?? NaN);
  });
  const total = goal.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (!(total > 0) || groups.size >= levels.length) return 0; // a name a run explains nothing
  let between = 0;
  for (const values of groups.values()) between += values.length * (average(values) - mean) ** 2;
  const free = levels.length - groups.size;
  return Math.max(0, 1 - ((total - between) / free) / (total / (levels.length - 1)));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [average(a), average(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, index) => {
    const [x, y] = [value - meanA, (b[index] ?? NaN) - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Mean ranks of ties. */
function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const found = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1] ?? 0] === values[order[from] ?? 0]) to += 1;
    for (let place = from; place <= to; place++) found[order[place] ?? 0] = (from + to) / 2;
    from = to + 1;
  }
  return found;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
