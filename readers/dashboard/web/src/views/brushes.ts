// Brushes: the stretch of each axis that chooses runs, and how a link holds it.
//
// A brush is in the axis's own values (levels' indices for categories), so that it means the same when runs come or the
// window changes. A run is chosen when it lies in every brush; one without a value lies in none.

import type { Scale } from "./scale";

export interface Brush {
  readonly low: number;
  readonly high: number;
}

export type Brushes = ReadonlyMap<string, Brush>;

/** Which runs lie in all brushes; `columns` are the axes' values, each one a run. */
export function chosen(count: number, columns: ReadonlyMap<string, ArrayLike<number>>, brushes: Brushes): boolean[] {
  const inside = new Array<boolean>(count).fill(true);
  for (const [name, brush] of brushes) {
    const values = columns.get(name);
    if (values === undefined) continue;
    for (let run = 0; run < count; run++) {
      const value = values[run] ?? NaN;
      if (!(value >= brush.low && value <= brush.high)) inside[run] = false;
    }
  }
  return inside;
}

/** The brush between two places of an axis (0 to 1, either order); a category's snaps to whole levels. */
export function brushBetween(scale: Scale, one: number, other: number): Brush {
  const [from, to] = [clamped(Math.min(one, other)), clamped(Math.max(one, other))];
  const edge = scale.kind === "category" ? 1e-9 : 0; // where two levels meet is the end of one, not part of the next
  const low = from <= 0 ? scale.low : scale.value(from + edge);
  return { low, high: Math.max(low, to >= 1 ? scale.high : scale.value(to - edge)) };
}

/** Where a brush lies on its axis: [from, to], 0 to 1; a category's covers its levels whole. */
export function brushPlaces(scale: Scale, brush: Brush): [number, number] {
  const half = scale.kind === "category" ? 0.5 / Math.max(scale.levels.length, 1) : 0;
  return [clamped(scale.place(brush.low) - half), clamped(scale.place(brush.high) + half)];
}

/** One end moved by some steps (a hundredth of the axis, or one level), never past the other end. */
export function nudged(scale: Scale, brush: Brush, end: "low" | "high", steps: number): Brush {
  const moved =
    scale.kind === "category"
      ? Math.min(scale.high, Math.max(scale.low, brush[end] + Math.sign(steps) * Math.max(1, Math.floor(Math.abs(steps) / 10))))
      : endAt(scale, clamped(scale.place(brush[end]) + steps / 100));
  return end === "low" ? { low: Math.min(moved, brush.high), high: brush.high } : { low: brush.low, high: Math.max(moved, brush.low) };
}

/** As the text of a link: "lr:0.001~0.1;layers:0~2". */
export function brushesText(brushes: Brushes): string {
  return [...brushes].map(([name, { low, high }]) => `${encodeURIComponent(name)}:${rounded(low)}~${rounded(high)}`).join(";");
}

/** The text read back; what can't be read is left out. */
export function brushesOf(text: string | null): Map<string, Brush> {
  const brushes = new Map<string, Brush>();
  for (const part of (text ?? "").split(";")) {
    const found = /^([^:;]+):([^~;]+)~([^~;]+)$/.exec(part);
    if (found === null) continue;
    const [low, high] = [Number(found[2]), Number(found[3])];
    const name = decoded(found[1] ?? "");
    if (name !== null && Number.isFinite(low) && Number.isFinite(high) && low <= high) brushes.set(name, { low, high });
  }
  return brushes;
}

function endAt(scale: Scale, place: number): number {
  if (place <= 0) return scale.low;
  return place >= 1 ? scale.high : scale.value(place);
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // a percent sign that is none: the link was mangled
  }
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(9)));
}

function clamped(place: number): number {
  return Math.min(1, Math.max(0, place));
}
