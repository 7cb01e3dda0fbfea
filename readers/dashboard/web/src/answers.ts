// What the server answers and is asked, as types: one an endpoint, and what they share.

import type { JsonNumber } from "./format";

export type Status = "RUNNING" | "FINISHED" | "FAILED" | "KILLED" | "INTERRUPTED";

export interface Session {
  token: string;
  read_only: boolean;
  version: string;
  store: string;
}

export interface Experiment {
  name: string;
  runs: number;
  running: number;
  last_start: string | null;
}

export interface StoreAnswer {
  name: string;
  version: string;
  read_only: boolean;
  experiments: Experiment[];
}

export type ColumnKind = "text" | "number" | "bool" | "time" | "status" | "duration";
export type Cell = string | number | boolean | null;

/** Columns, not rows: data[name][k] is the k-th run's value; newest first. */
export interface RunsAnswer {
  columns: { name: string; kind: ColumnKind; runs?: number; varies?: boolean }[];
  /** All that fit; `data` holds the newest of them (see `truncated`). */
  count: number;
  data: Record<string, Cell[]>;
  truncated: { runs?: number; columns?: number; words?: string } | null;
}

export interface NamedValue {
  name: string;
  value: string;
  /** How many characters it has, where `value` is only its beginning; getValue has all of it. */
  length?: number;
  number?: JsonNumber | null;
}

export interface MetricSummary {
  key: string;
  count: number;
  nan_count: number;
  last: JsonNumber | null;
  last_step: number | null;
  min: JsonNumber | null;
  min_step: number | null;
  max: JsonNumber | null;
  max_step: number | null;
  mean: JsonNumber | null;
  std: JsonNumber | null;
  /** Which way is better, by the metric's name. */
  direction?: string;
  system: boolean;
}

export interface Artifact {
  index: number;
  path: string;
  size: number;
  media_type: string;
  kind: string;
  time: string;
  previewable: boolean;
}

export interface RunEvent {
  time: string;
  kind: string;
  key: string;
  value: unknown;
}

export interface RankRow {
  rank: number;
  host: string;
  /** null where only child processes wrote. */
  status: Status | null;
  writers: number;
  points: number;
  last_step: number | null;
  last_time: string | null;
  steps_per_s: number | null;
  /** Mean of the metric that was named for it. */
  step_time: number | null;
  lag_steps: number | null;
  lag_s: number | null;
  verdict: string;
  /** In words; "" where all is well. */
  reason: string;
}

/** See readers/stragglers.py. */
export interface RanksAnswer {
  /** By which progress is told. */
  metric: string | null;
  step_time: string | null;
  stragglers: number[];
  rows: RankRow[];
  notes: string[];
  count: number;
}

export interface RunAnswer {
  run: {
    run_id: string;
    run_name: string;
    experiment: string;
    status: Status;
    start_time: string | null;
    end_time: string | null;
    duration_s: number | null;
    parent_run_id?: string | null;
    [more: string]: unknown;
  };
  params: NamedValue[];
  tags: NamedValue[];
  note: string | null;
  environment: NamedValue[];
  git: { commit: string | null; branch: string | null; dirty: boolean | null; remote?: string | null; diff_artifact?: number | null } | null;
  packages?: { name: string; version: string }[];
  metrics: MetricSummary[];
  artifacts: Artifact[];
  models: Record<string, unknown>[];
  checkpoints: Record<string, unknown>[];
  events: RunEvent[];
  children: { run_id: string; run_name: string; status: Status }[];
  /** null: one rank. */
  ranks: RanksAnswer | null;
  should_stop: boolean;
  /** How many there are of what isn't listed whole. */
  truncated: Partial<Record<"metrics" | "artifacts" | "checkpoints", number>> | null;
}

export type Preview =
  | { kind: "image"; [more: string]: unknown }
  | { kind: "text"; text: string; truncated?: boolean; [more: string]: unknown }
  | { kind: "table"; columns: string[]; rows: unknown[][]; truncated?: boolean; [more: string]: unknown }
  | { kind: "json"; value?: unknown; text?: string; truncated?: boolean; [more: string]: unknown }
  | { kind: "none"; words?: string; [more: string]: unknown };

export interface SeriesQuery {
  runs: readonly string[];
  key: string;
  /** "step", "time", "relative_time", or another metric's key. */
  x: string;
  from?: number;
  to?: number;
  buckets: number;
}

export interface MetricKey {
  key: string;
  runs: number;
  points: number;
  system: boolean;
}

export interface CompareAnswer {
  runs: Record<string, unknown>[];
  /** Long values are cut; `lengths` is there where some were: theirs in all, 0 where it isn't known, null for the others. */
  differences: { kind: string; name: string; values: (string | null)[]; lengths?: (number | null)[] }[];
  same: number;
  metrics: { key: string; values: (JsonNumber | null)[]; best: string[]; direction: string }[];
}

/** Which runs a question is about: some, or all of an experiment. */
export type Scope = { runs: readonly string[] } | { experiment: string };

export interface ImportanceAnswer {
  metric: string;
  method: string;
  n: number;
  r2: JsonNumber | null;
  params: {
    name: string;
    importance: JsonNumber;
    low: JsonNumber | null;
    high: JsonNumber | null;
    rank: number;
    rank_low: number | null;
    rank_high: number | null;
    effect: JsonNumber | null;
  }[];
  warnings: string[];
}

export interface VerdictsAnswer {
  words: string;
  groups: { name: string; n: number; mean: JsonNumber; lower: JsonNumber | null; upper: JsonNumber | null }[];
  pairs: {
    a: string;
    b: string;
    estimate: JsonNumber;
    lower: JsonNumber | null;
    upper: JsonNumber | null;
    probability: JsonNumber | null;
    p: JsonNumber | null;
    conclusion: string;
    words: string;
  }[];
}

export interface ParallelAnswer {
  axes: { name: string; kind: string; values: (JsonNumber | string | boolean | null)[]; levels?: string[] }[];
  run_ids: string[];
  metric: string;
}

export interface AlertsAnswer {
  alerts: {
    time: string;
    run_id: string;
    run_name?: string;
    key: string;
    rule: string;
    words: string;
    value: JsonNumber | null;
    step?: JsonNumber | null;
    /** Whether it is still so. */
    active?: boolean;
  }[];
  rules: string[];
  /** What is wrong with the store's own rules. */
  problem?: string | null;
}
