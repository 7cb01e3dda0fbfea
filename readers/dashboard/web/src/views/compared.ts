// Runs side by side, as every part of the compare page sees them.

import type { CompareAnswer, Status } from "../answers";
import { toNumber } from "../format";
import { numberColumn, textColumn, type Column } from "./columns";

export interface ComparedRun {
  readonly id: string;
  readonly name: string;
  readonly experiment: string;
  readonly status: Status;
}

export type Direction = "maximize" | "minimize";

export interface Compared {
  readonly runs: readonly ComparedRun[];
  readonly differences: CompareAnswer["differences"];
  /** How many things are the same in all runs. */
  readonly same: number;
  readonly metrics: CompareAnswer["metrics"];
}

export function comparedOf(answer: CompareAnswer): Compared {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  const runs = answer.runs.map((run) => ({
    id: text(run["run_id"]),
    name: text(run["run_name"]) || text(run["run_id"]),
    experiment: text(run["experiment"]),
    status: text(run["status"]) as Status,
  }));
  return { runs, differences: answer.differences, same: answer.same, metrics: answer.metrics };
}

export function directionOf(compared: Compared, metric: string): Direction {
  const direction = compared.metrics.find(({ key }) => key === metric)?.direction ?? "";
  return direction.startsWith("min") ? "minimize" : "maximize";
}

const MOST_GROUPS = 50;
const FEW_GROUPS = 10;

/** Names that can tell groups of runs apart: the params and tags that make two or more, and not nearly one a run. */
export function groupings(compared: Compared): string[] {
  return shared(compared, (groups, runs) => groups >= 2 && groups <= MOST_GROUPS && (groups <= FEW_GROUPS || groups <= runs / 2));
}

/** Names that can say which runs of two groups belong together: some runs share a value. */
export function pairings(compared: Compared): string[] {
  return shared(compared, (values, runs) => values < runs);
}

function shared(compared: Compared, fits: (distinct: number, runs: number) => boolean): string[] {
  return compared.differences
    .filter(({ kind }) => kind === "param" || kind === "tag")
    .filter(({ values }) => {
      const there = values.filter((value) => value !== null);
      return fits(new Set(there).size, there.length);
    })
    .map(({ kind, name }) => `${kind}s.${name}`);
}

/** What groups are told apart by unless one chooses: words before numbers, and seeds last. */
export function groupingOf(compared: Compared, asked: string): string {
  const names = groupings(compared);
  if (names.includes(asked)) return asked;
  const words = names.filter((name) => valuesOf(compared, name).some((value) => value !== null && Number.isNaN(Number(value))));
  return words[0] ?? names.find((name) => !isSeed(name)) ?? names[0] ?? "";
}

/** As the link says ("none" is an answer too); without a word of it, runs of the same seed are pairs. */
export function pairingOf(compared: Compared, asked: string, by: string): string {
  const names = pairings(compared).filter((name) => name !== by);
  if (names.includes(asked)) return asked;
  return asked === "" ? (names.find(isSeed) ?? "") : "";
}

function isSeed(name: string): boolean {
  return /\.(seed|random_state|random_seed)$/.test(name);
}

/** The text each run has of "params.x" or "tags.x"; null where it has none. */
export function valuesOf(compared: Compared, grouping: string): readonly (string | null)[] {
  const [, kinds, name] = /^(params|tags)\.(.*)$/s.exec(grouping) ?? [];
  const kind = kinds === "tags" ? "tag" : "param";
  return compared.differences.find((one) => one.kind === kind && one.name === name)?.values ?? compared.runs.map(() => null);
}

/** Every column that a picture of these runs can have: metrics, then params and tags that differ. */
export function columnsOf(compared: Compared): Column[] {
  const metrics = compared.metrics.map(({ key, values }) => numberColumn(`metrics.${key}`, values));
  const params = compared.differences
    .filter(({ kind }) => kind === "param" || kind === "tag")
    .map(({ kind, name, values }) => textColumn(`${kind}s.${name}`, values));
  return [...metrics, ...params];
}

/** 0 for the worst, 1 for the best of the values, by rank: an outlier doesn't wash the others out. NaN without a value. */
export function goodnessOf(values: ArrayLike<number>, direction: Direction): Float64Array {
  const sorted = [...new Set(Array.from(values).filter(Number.isFinite))].sort((a, b) => a - b);
  const place = new Map(sorted.map((value, index) => [value, sorted.length > 1 ? index / (sorted.length - 1) : 1]));
  return Float64Array.from(Array.from(values), (value) => {
    const share = place.get(value) ?? NaN;
    return direction === "maximize" || sorted.length < 2 ? share : 1 - share;
  });
}

/** The metric that a comparison starts with: the asked one if it is there, else one of validation that most runs have. */
export function metricOf(compared: Compared, asked: string | null): string {
  if (asked !== null && compared.metrics.some(({ key }) => key === asked)) return asked;
  let [best, most] = [compared.metrics[0]?.key ?? "", -1];
  for (const { key, values } of compared.metrics) {
    const share = values.filter((value) => Number.isFinite(toNumber(value))).length / Math.max(values.length, 1);
    const score = share + telling(key);
    if (score > most) [best, most] = [key, score];
  }
  return best;
}

/** What a name promises: results of validation most, the machine's and the clock's least. */
function telling(key: string): number {
  if (key.startsWith("system/") || /(time|duration|seconds|_s|epoch|step|lr|learning_rate)$/i.test(key)) return -0.9;
  return /(^|[/_.])(val|valid|validation|test|e(?:val|valuation))([/_.]|$)/i.test(key) ? 0.5 : 0;
}
