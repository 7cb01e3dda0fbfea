// When the points of a chart over steps were logged: asked for once the pointer rests, of runs that are drawn point by
// point. The server's answer over time has the same points in the order of time; only where both orders are one (the
// values agree, each in its place) does a point's time count as known.

import { isAbort, postSeries } from "../api";
import { Latest } from "../latest";
import type { Cells } from "./cells";
import { decodeSeries, type Series } from "./series";

const REST_MS = 250;
const MOST_BUCKETS = 4000;
const MOST_RUNS = 50;

export class Times {
  private times = new Map<string, Float64Array>();
  private asked: ReadonlyMap<string, Cells> | null = null;
  private timer = 0;
  private readonly latest = new Latest();

  constructor(
    private readonly key: string,
    private readonly onFound: () => void,
  ) {}

  /** The pointer is over these runs; what is asked for comes later, by onFound. */
  want(runs: ReadonlyMap<string, Cells>): void {
    window.clearTimeout(this.timer);
    if (this.asked === runs) return;
    this.timer = window.setTimeout(() => void this.ask(runs), REST_MS);
  }

  /** In ms since 1970; NaN where it isn't known. */
  of(runId: string, at: number): number {
    return this.times.get(runId)?.[at] ?? NaN;
  }

  stop(): void {
    window.clearTimeout(this.timer);
    this.latest.giveUp();
  }

  private async ask(runs: ReadonlyMap<string, Cells>): Promise<void> {
    this.asked = runs;
    this.latest.giveUp();
    const points = [...runs].filter(([, cells]) => cells.width === 0 && cells.length > 0).slice(0, MOST_RUNS);
    const most = Math.max(0, ...points.map(([, cells]) => cells.length));
    if (most === 0 || most > MOST_BUCKETS) return;
    const signal = this.latest.begin();
    try {
      const answer = await postSeries({ runs: points.map(([runId]) => runId), key: this.key, x: "time", buckets: MOST_BUCKETS }, signal);
      this.times = matched(decodeSeries(answer), runs);
      this.onFound();
    } catch (error) {
      if (!isAbort(error)) this.times = new Map(); // nothing is lost but an extra: the box says no times
    }
  }
}

/** The times of the runs whose points stand in the same order by time as by step. */
export function matched(series: Series, runs: ReadonlyMap<string, Cells>): Map<string, Float64Array> {
  const times = new Map<string, Float64Array>();
  for (const run of series.runs) {
    const cells = runs.get(run.runId);
    if (!run.raw || !cells || cells.width > 0) continue;
    const both = Math.min(run.y.length, cells.length);
    const agree = run.y.subarray(0, both).every((y, k) => Object.is(y, cells.last[k]));
    if (agree) times.set(run.runId, run.x.slice(0, both));
  }
  return times;
}
