// The server's answers, typed, a function an endpoint. Every refusal is an ApiError in the server's own words.

import type { JsonNumber } from "./format";

export type { JsonNumber };

export type Status = "RUNNING" | "FINISHED" | "FAILED" | "KILLED" | "INTERRUPTED";

export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when the server didn't answer at all. */
    readonly status: number,
    /** What went wrong, in words. */
    readonly error: string,
    /** What to do about it; may be empty. */
    readonly hint: string,
  ) {
    super(hint ? `${error} ${hint}` : error);
  }
}

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

let session: Promise<Session> | null = null;

/** Asked once a page; asked again after a refusal, since a restarted server has another token. */
export function getSession(anew = false): Promise<Session> {
  if (anew) session = null;
  session ??= get<Session>("/api/session").catch((error: unknown) => {
    session = null;
    throw error;
  });
  return session;
}

export const getStore = (signal?: AbortSignal): Promise<StoreAnswer> => get("/api/store", signal);

export function getRuns(query: { experiment?: string; filter?: string } = {}, signal?: AbortSignal): Promise<RunsAnswer> {
  const params = new URLSearchParams();
  if (query.experiment) params.set("experiment", query.experiment);
  if (query.filter) params.set("filter", query.filter);
  const text = params.toString();
  return get(`/api/runs${text ? `?${text}` : ""}`, signal);
}

export const getRun = (id: string, signal?: AbortSignal): Promise<RunAnswer> => get(runAddress(id), signal);

/** The whole text of a param, a tag, or an entry of the environment. */
export const getValue = (id: string, kind: "param" | "tag" | "env", name: string, signal?: AbortSignal): Promise<{ value: string }> =>
  get(`${runAddress(id)}/value?${new URLSearchParams({ kind, name }).toString()}`, signal);

export const getPreview = (id: string, index: number, signal?: AbortSignal): Promise<Preview> =>
  get(`${artifactAddress(id, index)}/preview`, signal);

/** The artifact's bytes; with `download` the browser saves them. */
export const artifactAddress = (id: string, index: number, download = false): string =>
  `${runAddress(id)}/artifacts/${index}${download ? "?download=1" : ""}`;

/** The answer's raw bytes: a header and float64 arrays, decoded by charts/series.ts. */
export async function postSeries(query: SeriesQuery, signal?: AbortSignal): Promise<ArrayBuffer> {
  const answer = await send("POST", "/api/series", query, signal);
  return answer.arrayBuffer();
}

export const postMetrics = (runs: readonly string[], signal?: AbortSignal): Promise<{ metrics: MetricKey[] }> =>
  post("/api/metrics", { runs }, signal);

export const postCompare = (runs: readonly string[], signal?: AbortSignal): Promise<CompareAnswer> =>
  post("/api/compare", { runs }, signal);

export const postImportance = (query: Scope & { metric: string; method?: string }, signal?: AbortSignal): Promise<ImportanceAnswer> =>
  post("/api/importance", query, signal);

export const postVerdicts = (query: Scope & { by: string; metric: string; pair_on?: string }, signal?: AbortSignal): Promise<VerdictsAnswer> =>
  post("/api/verdicts", query, signal);

export const postParallel = (query: Scope & { metric: string; params?: readonly string[] }, signal?: AbortSignal): Promise<ParallelAnswer> =>
  post("/api/parallel", query, signal);

export const getAlerts = (signal?: AbortSignal): Promise<AlertsAnswer> => get("/api/alerts", signal);

/** Asks the run to stop: its tracker's should_stop() becomes true. */
export const postStop = async (id: string): Promise<void> => void (await send("POST", `${runAddress(id)}/stop`, {}));

/** null takes the tag away. */
export const postTags = async (id: string, tags: Record<string, string | null>): Promise<void> =>
  void (await send("POST", `${runAddress(id)}/tags`, tags));

export const postNote = async (id: string, text: string): Promise<void> => void (await send("POST", `${runAddress(id)}/note`, { text }));

const runAddress = (id: string): string => `/api/runs/${encodeURIComponent(id)}`;

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await send("GET", path, undefined, signal);
  return (await answer.json()) as T;
}

async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await send("POST", path, body, signal);
  return (await answer.json()) as T;
}

async function send(method: "GET" | "POST", path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method === "POST") {
    headers["Content-Type"] = "application/json";
    headers["X-Steplog-Token"] = (await getSession()).token;
  }
  const request: RequestInit = { method, headers, credentials: "same-origin" };
  if (body !== undefined) request.body = JSON.stringify(body);
  if (signal) request.signal = signal;
  let answer: Response;
  try {
    answer = await fetch(path, request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server doesn't answer.", "Is `steplog ui` still running?");
  }
  if (answer.ok) return answer;
  if (answer.status === 401 || answer.status === 403) session = null;
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<ApiError> {
  try {
    const told = (await answer.json()) as { error?: unknown; hint?: unknown };
    return new ApiError(answer.status, String(told.error ?? answer.statusText), String(told.hint ?? ""));
  } catch {
    return new ApiError(answer.status, `The server answered ${answer.status} ${answer.statusText}.`, "");
  }
}

/** True for the error of a request that the page itself gave up. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
