// Which runs the table shows, sorted by any number of columns.

import { wordsOf, type RunFrame } from "./frame";

export interface SortKey {
  name: string;
  /** Largest, latest, last in the alphabet first. */
  down: boolean;
}

const NEWEST: SortKey = { name: "start_time", down: true };

/** The rows that fit a search, in order; `folded`: without those that are part of another run of the frame. */
export function fittingRows(frame: RunFrame, search: string, sort: readonly SortKey[], folded = false): Int32Array {
  const words = wordsOf(search);
  const fitting: number[] = [];
  for (let row = 0; row < frame.count; row += 1) if (frame.matches(row, words) && !(folded && frame.isInside(row))) fitting.push(row);
  return sortRows(frame, Int32Array.from(fitting), sort);
}

/** `rows` in order, in place. Missing values come last whichever way; equal ones newest first. */
export function sortRows(frame: RunFrame, rows: Int32Array, sort: readonly SortKey[]): Int32Array {
  const keys = [...sort, NEWEST].flatMap(({ name, down }) => {
    const column = frame.column(name);
    return column ? [{ values: column.sortKeys(), sign: down ? -1 : 1 }] : [];
  });
  return rows.sort((a, b) => {
    for (const { values, sign } of keys) {
      const order = compare(values[a] ?? NaN, values[b] ?? NaN, sign);
      if (order !== 0) return order;
    }
    return a - b;
  });
}

/** NaN after everything else, whatever the sign. */
export function compare(x: number, y: number, sign: number): number {
  if (x === y) return 0;
  if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
  if (Number.isNaN(y)) return -1;
  return x < y ? -sign : sign;
}

/**
 * What a click on a column's heading makes of the sort: first way, other way, none.
 * Numbers begin with the largest, times with the latest, texts with A. `add` keeps the other columns (shift).
 */
export function nextSort(sort: readonly SortKey[], name: string, downFirst: boolean, add: boolean): SortKey[] {
  const now = sort.find((key) => key.name === name);
  const others = add ? sort.filter((key) => key.name !== name) : [];
  if (!now) return [...others, { name, down: downFirst }];
  if (now.down !== downFirst) return others;
  const turned = { name, down: !downFirst };
  return add ? sort.map((key) => (key.name === name ? turned : key)) : [turned];
}
