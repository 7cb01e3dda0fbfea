// Columns: what a picture of runs can have on an axis. A metric, or a param that differs; numbers where all of its
// values are numbers, otherwise levels in the order of their names, numbers in theirs.

import { exactNumber, formatNumber, toNumber, type JsonNumber } from "../format";
import { scaleOf, spansDecades, type Scale, type ScaleKind, type Tick } from "./scale";

export interface Column {
  /** "params.lr", "metrics.loss": what a link calls it. */
  readonly name: string;
  readonly kind: ScaleKind;
  /** One a run: a number, or the index of a level; NaN where the run has none. */
  readonly values: Float64Array;
  readonly levels: readonly string[];
}

/** "params.lr" is called lr on an axis; which of both it is, its place and the choice of axes tell. */
export function title(name: string): string {
  return name.replace(/^(params|metrics|tags)\./, "");
}

const order = new Intl.Collator("en", { numeric: true });

export function numberColumn(name: string, values: readonly (JsonNumber | null)[]): Column {
  const numbers = Float64Array.from(values, toNumber);
  return { name, kind: numberKind(numbers), values: numbers, levels: [] };
}

/** A column of texts: of numbers where every text that is there is one (not NaN or empty), else of levels. */
export function textColumn(name: string, texts: readonly (string | null)[]): Column {
  const there = texts.filter((text) => text !== null);
  if (there.length > 0 && there.every((text) => text.trim() !== "" && Number.isFinite(Number(text)))) {
    const numbers = Float64Array.from(texts, (text) => (text === null ? NaN : Number(text)));
    return { name, kind: numberKind(numbers), values: numbers, levels: [] };
  }
  const levels = [...new Set(there)].sort((a, b) => order.compare(a, b));
  const place = new Map(levels.map((level, index) => [level, index]));
  return { name, kind: "category", values: Float64Array.from(texts, (text) => (text === null ? NaN : (place.get(text) ?? NaN))), levels };
}

/** More distinct numbers than this are a range, not a grid of tried values. */
const MOST_STEPS = 10;

/** The distinct numbers, ascending, where they are few: a grid that was tried. Else none. */
export function stepsOf(column: Column): number[] {
  if (column.kind === "category") return [];
  const steps = new Set<number>();
  for (const value of column.values) {
    if (Number.isFinite(value)) steps.add(value);
    if (steps.size > MOST_STEPS) return [];
  }
  return [...steps].sort((a, b) => a - b);
}

/** The scale that a column's values fit on; tried values are marked as they are, with room beside the outer ones. */
export function columnScale(column: Column): Scale {
  const plain = scaleOf(column.kind, column.values, column.levels);
  const steps = stepsOf(column);
  if (steps.length === 0) return plain;
  const ends = [plain.value(-MARGIN), plain.value(1 + MARGIN)];
  const scale = scaleOf(column.kind, ends);
  return { ...scale, ticks: (most) => (steps.length <= Math.max(most, 4) ? steps.map(stepTick) : scale.ticks(most)) };
}

const MARGIN = 0.06;
/** Numbers that reach less far look the same either way. */
const FAR = 8;

function stepTick(value: number): Tick {
  const exact = exactNumber(value);
  return { value, label: exact.length <= 8 ? exact : formatNumber(value) };
}

/** What a run has there, in words. */
export function columnText(column: Column, run: number, words: (value: number) => string): string {
  const value = column.values[run] ?? NaN;
  if (Number.isNaN(value)) return "none";
  return column.kind === "category" ? (column.levels[value] ?? "none") : words(value);
}

/** By the logarithm where positive numbers reach far and lie more evenly so, as powers of two do, or rates from a sweep. */
function numberKind(values: Float64Array): ScaleKind {
  const distinct = [...new Set(values)].filter(Number.isFinite).sort((a, b) => a - b);
  const [low, middle, high] = [distinct[0] ?? NaN, distinct[(distinct.length - 1) >> 1] ?? NaN, distinct.at(-1) ?? NaN];
  if (distinct.length < 3) return spansDecades(distinct) ? "log" : "linear";
  if (!(low > 0) || high < FAR * low) return "linear";
  const share = Math.log(middle / low) / Math.log(high / low);
  return Math.abs(share - 0.5) < Math.abs((middle - low) / (high - low) - 0.5) ? "log" : "linear";
}
