// What this browser remembers of how its reader likes charts: the general choices, and those of a metric by its key.

import type { ChartsView, OwnView } from "./view";

const GENERAL = "steplog.charts";
const METRICS = "steplog.charts.metrics";
const MOST_METRICS = 300;

type General = Pick<ChartsView, "smooth" | "bulk" | "sync">;
type Metric = Pick<OwnView, "logY" | "bulk">;

/** The view of an address, and what it leaves open as the reader had it last. */
export function withMemory(view: ChartsView, params: URLSearchParams): ChartsView {
  const general = read<Partial<General>>(GENERAL, {});
  const out = { ...view, own: new Map(view.own) };
  if (!params.has("c.smooth") && typeof general.smooth === "number" && general.smooth >= 0 && general.smooth < 1) out.smooth = general.smooth;
  if (!params.has("c.range") && general.bulk === true) out.bulk = true;
  if (!params.has("c.sync") && general.sync === true) out.sync = true;
  return out;
}

/** How a metric was looked at before; what the address says counts more. */
export function rememberedOf(key: string): OwnView {
  const kept = read<Record<string, Metric>>(METRICS, {})[key];
  const own: OwnView = {};
  if (typeof kept?.logY === "boolean") own.logY = kept.logY;
  if (typeof kept?.bulk === "boolean") own.bulk = kept.bulk;
  return own;
}

export function rememberGeneral({ smooth, bulk, sync }: ChartsView): void {
  write(GENERAL, { smooth, bulk, sync } satisfies General);
}

export function rememberMetric(key: string, { logY, bulk }: OwnView): void {
  const all = read<Record<string, Metric>>(METRICS, {});
  delete all[key]; // the newest stand last
  if (logY !== undefined || bulk !== undefined) all[key] = { ...(logY !== undefined ? { logY } : {}), ...(bulk !== undefined ? { bulk } : {}) };
  write(METRICS, Object.fromEntries(Object.entries(all).slice(-MOST_METRICS)));
}

function read<T>(name: string, otherwise: T): T {
  try {
    const value = JSON.parse(window.localStorage.getItem(name) ?? "null") as T | null;
    return value !== null && typeof value === "object" ? value : otherwise;
  } catch {
    return otherwise; // refused, or not ours
  }
}

function write(name: string, value: unknown): void {
  try {
    window.localStorage.setItem(name, JSON.stringify(value));
  } catch {
    return; // refused: it holds as long as the page
  }
}
