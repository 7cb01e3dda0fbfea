// The table's lines: runs in order, or groups of runs under a heading each.

import { compareTexts, type Column, type RunFrame } from "./frame";
import { compare, type SortKey } from "./order";

export interface Group {
  /** The grouped column's value as text; "" for runs without one. */
  value: string;
  rows: Int32Array;
  closed: boolean;
}

export interface Lines {
  /** A row of the frame (>= 0), or the heading of group -n - 1. */
  items: Int32Array;
  groups: Group[];
}

export const groupOf = (item: number): number => -item - 1;

export const ungrouped = (rows: Int32Array): Lines => ({ items: rows, groups: [] });

/**
 * `rows` (sorted) under headings, one a value of `column`.
 * Groups stand in the order of the first sort column's mean; without one by value; runs without a value come last.
 */
export function grouped(frame: RunFrame, rows: Int32Array, column: Column, sort: readonly SortKey[], closed: ReadonlySet<string>): Lines {
  const members = new Map<string, number[]>();
  for (const row of rows) {
    const value = column.text(row);
    const list = members.get(value);
    if (list) list.push(row);
    else members.set(value, [row]);
  }
  const groups = [...members].map(([value, list]) => ({ value, rows: Int32Array.from(list), closed: closed.has(value) }));
  order(frame, groups, column, sort[0]);
  const items: number[] = [];
  groups.forEach((group, k) => {
    items.push(-k - 1);
    if (!group.closed) for (const row of group.rows) items.push(row);
  });
  return { items: Int32Array.from(items), groups };
}

/** The mean over a group's runs that have a number, and how many those are. */
export function meanOf(column: Column, rows: Int32Array): { mean: number; count: number } {
  let sum = 0;
  let count = 0;
  for (const row of rows) {
    const value = column.number(row);
    if (!Number.isFinite(value)) continue;
    sum += value;
    count += 1;
  }
  return { mean: count > 0 ? sum / count : NaN, count };
}

/** A row with the value that all of a group's runs share; null where they differ or have none. */
export function commonOf(column: Column, rows: Int32Array): number | null {
  const first = rows[0];
  if (first === undefined || column.at(first) === null) return null;
  for (const row of rows) if (column.at(row) !== column.at(first)) return null;
  return first;
}

function order(frame: RunFrame, groups: Group[], column: Column, first: SortKey | undefined): void {
  const by = first && first.name !== column.name ? frame.column(first.name) : undefined;
  const byMean = by && (by.numeric || by.kind === "bool") ? new Map(groups.map((group) => [group, meanOf(by, group.rows).mean])) : null;
  const sign = first?.down ? -1 : 1;
  const valueSign = first?.name === column.name ? sign : 1;
  groups.sort((a, b) => {
    if ((a.value === "") !== (b.value === "")) return a.value === "" ? 1 : -1;
    const mean = byMean ? compare(byMean.get(a) ?? NaN, byMean.get(b) ?? NaN, sign) : 0;
    return mean || valueSign * compareTexts(a.value, b.value);
  });
}
