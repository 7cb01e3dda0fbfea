// Which metrics the chosen runs have: asked of the server, and again when a run says that it has logged something.

import { isAbort, postMetrics } from "../api";
import { Latest } from "../latest";
import type { ChangedRun } from "../live";
import type { Offered } from "./sections";

const LOOK_AGAIN_MS = 10_000;
const NEW_KEY_MS = 1_000;

export interface OffersHandlers {
  onLooking: () => void;
  onFound: () => void;
  /** What is known stays; it may be nothing. */
  onError: (error: unknown) => void;
}

export class Offers {
  metrics: readonly Offered[] = [];
  private runs: readonly string[] = [];
  private known: ReadonlySet<string> = new Set();
  private readonly latest = new Latest();
  private timer = 0;
  private due = Infinity;

  constructor(private readonly handlers: OffersHandlers) {}

  /** Asks for the metrics of these runs, now. */
  of(runs: readonly string[]): void {
    this.runs = runs;
    void this.look();
  }

  dispose(): void {
    this.latest.giveUp();
    window.clearTimeout(this.timer);
  }

  /** Some of the runs were logged to: a metric that isn't known is soon asked for, the numbers of points later. */
  onRuns(changed: readonly ChangedRun[]): void {
    for (const run of changed) {
      const isNew = metricsIn(run).some((key) => !this.known.has(key));
      this.lookSoon(isNew ? NEW_KEY_MS : LOOK_AGAIN_MS);
    }
  }

  lookSoon(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.due || this.latest.busy) return;
    this.due = at;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), ms);
  }

  async look(): Promise<void> {
    this.latest.giveUp();
    window.clearTimeout(this.timer);
    this.due = Infinity;
    if (this.runs.length === 0) return this.take([]);
    const signal = this.latest.begin();
    this.handlers.onLooking();
    try {
      const answer = await postMetrics(this.runs, signal);
      if (!signal.aborted) this.take(answer.metrics);
    } catch (error) {
      if (!isAbort(error)) this.handlers.onError(error);
    } finally {
      this.latest.end(signal);
    }
  }

  private take(metrics: readonly Offered[]): void {
    this.metrics = metrics;
    this.known = new Set(metrics.map((metric) => metric.key));
    this.handlers.onFound();
  }
}

/** The metrics that a change of a run is about. */
export const metricsIn = (run: ChangedRun): string[] =>
  Object.keys(run).flatMap((name) => (name.startsWith("metrics.") ? [name.slice("metrics.".length)] : []));
