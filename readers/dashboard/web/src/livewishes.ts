// What a socket asks for, so that each of its listeners has what it wants, and what of an answer is whose.

import type { LivePoints } from "./live";

export interface Wish {
  runs: readonly string[] | null;
  keys: readonly string[] | null;
}

/** More names than the server takes become all. */
const MOST_RUNS = 20_000;
const MOST_KEYS = 5_000;

/** The least that covers all: all runs of any with all keys of any. */
export function merged(wishes: Iterable<Wish>): Wish {
  const runs = new Set<string>();
  const keys = new Set<string>();
  let [allRuns, allKeys] = [false, false];
  for (const wish of wishes) {
    if (wish.runs?.length === 0 || wish.keys?.length === 0) continue;
    if (wish.runs === null) allRuns = true;
    if (wish.keys === null) allKeys = true;
    for (const run of wish.runs ?? []) runs.add(run);
    for (const key of wish.keys ?? []) keys.add(key);
  }
  return {
    runs: allRuns || runs.size > MOST_RUNS ? null : [...runs].sort(),
    keys: allKeys || keys.size > MOST_KEYS ? null : [...keys].sort(),
  };
}

/** The points that a listener wants; null for none. Nothing is copied where it wants all. */
export function forListener(points: LivePoints, wish: Wish): LivePoints | null {
  const run = wanted(points.runs, wish.runs);
  const key = wanted(points.keys, wish.keys);
  if (!run.includes(true) || !key.includes(true)) return null;
  if (!run.includes(false) && !key.includes(false)) return points;
  const rows = points.rows.filter((row) => run[row[0]] && key[row[1]]);
  return rows.length > 0 ? { ...points, rows } : null;
}

function wanted(names: readonly string[], wish: readonly string[] | null): boolean[] {
  if (wish === null) return names.map(() => true);
  const set = new Set(wish);
  return names.map((name) => set.has(name));
}
