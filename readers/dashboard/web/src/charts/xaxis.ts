// The x-axis in words, and where a pushed point stands on it.

import { formatDuration, formatNumber, formatTime } from "../format";
import type { Cells } from "./cells";
import type { XKind } from "./plot";

export const X_WORDS: Readonly<Record<string, string>> = { step: "Step", time: "Wall time", relative_time: "Relative time" };

export function xKind(x: string): XKind {
  return x === "time" ? "time" : x === "relative_time" ? "duration" : "number";
}

/** "step 1 200", "2026-11-23 14:02:11", "after 3m 20s", "epoch 0.5". */
export function xWords(x: string, value: number): string {
  if (x === "time") return formatTime(value);
  if (x === "relative_time") return `after ${formatDuration(value)}`;
  if (x === "step" && Math.abs(value) >= 100) return `step ${formatNumber(Math.round(value), 7)}`; // a stretch's middle
  return `${x} ${formatNumber(value, 7)}`;
}

/** Where a point that was just pushed stands; NaN where only the server can say (against another metric). */
export function pushedX(x: string, step: number | null, time: number, cells: Cells): number {
  if (x === "step") return step ?? (cells.length > 0 ? cells.lastX + 1 : 0);
  if (x === "time") return time;
  if (x === "relative_time") return (time - cells.origin) / 1000;
  return NaN;
}
