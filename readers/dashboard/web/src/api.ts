// The server: a function an endpoint. Every refusal is an ApiError in the server's own words.

import type { AlertsAnswer, CompareAnswer, ImportanceAnswer, MetricKey, ParallelAnswer, Preview, RunAnswer, RunsAnswer, Scope, SeriesQuery, Session, StoreAnswer, VerdictsAnswer } from "./answers";

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

/** `stepTime`: of several ranks, the metric by which they are compared. */
export const getRun = (id: string, signal?: AbortSignal, stepTime: string | null = null): Promise<RunAnswer> =>
  get(`${runAddress(id)}${stepTime ? `?${new URLSearchParams({ step_time: stepTime }).toString()}` : ""}`, signal);

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
