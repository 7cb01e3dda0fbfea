// The data of one chart: the chosen runs' cells, asked for, kept, and added to by what is pushed.
//
// Argument that no point shows twice: a writer numbers its events, an answer says up to which number it has each writer's
// (see Reach), and a pushed point comes with its own. That none is missed: one that came while the answer was under way is
// among those of the last KEEP_MS, and is added. What was logged after the answer was made and before the push began is in
// neither: so once a run is said to have changed (see mention), all is asked for once more, SETTLE_MS later, when the push
// has begun for sure. Likewise where a writer has begun that the answer doesn't know, and for points that come out of
// order (a run that went back to a checkpoint), a little later.

import { ApiError, isAbort, postSeries } from "../api";
import { toNumber, type JsonNumber } from "../format";
import { Latest } from "../latest";
import { Cells } from "./cells";
import type { Loads } from "./loads";
import { decodeSeries } from "./series";
import type { Range } from "./view";
import { pushedX } from "./xaxis";

/** The server's answer is at most as old as this when it comes. */
const KEEP_MS = 5000;
/** Messages kept; should an answer take longer, the next one has what is missing. */
const MOST_KEPT = 200;
const FRESH_MS = 2000;
const SETTLE_MS = 1200;
/** A change that was said so long before an answer may be missing in it. */
const SAID_MS = 2500;
const PENDING_MS = 300;
const AGAIN_MS = 3000;
/** Points of all runs of a chart that are asked for at most. */
const MOST_BUCKETS = 200_000;
const FEWEST = 200;
const LARGEST = 4000;

export interface Pushed {
  runId: string;
  step: number | null;
  time: number;
  value: JsonNumber;
  writer: string;
  /** Its place among all events of its writer. */
  seq: number;
}

export interface Question {
  runs: readonly string[];
  x: string;
  zoom: Range | null;
  /** Device pixels: one bucket each. */
  width: number;
}

export type LoadState = "idle" | "loading" | "ready" | "empty" | "error";

export class ChartRuns {
  cells = new Map<string, Cells>();
  state: LoadState = "idle";
  error: unknown = null;
  private asked: Question | null = null;
  private answeredAt = 0;
  private readonly latest = new Latest();
  private again = 0;
  private chosen: ReadonlySet<string> = new Set();
  private recent: { at: number; points: readonly Pushed[] }[] = [];
  private waits = PENDING_MS;
  private mentionedAt = -Infinity;
  /** Asked once more since the push began. */
  private settled = false;

  constructor(
    private readonly key: string,
    private readonly loads: Loads,
    private readonly onChange: () => void,
  ) {}

  /** Asks for what is new in the question: all of it, or runs that were added. */
  ask(question: Question): void {
    const before = this.asked;
    this.asked = question;
    this.chosen = new Set(question.runs);
    const same = before !== null && before.x === question.x && sameRange(before.zoom, question.zoom) && bucketsOf(before) >= 0.6 * bucketsOf(question);
    if (!same || this.state === "error" || this.state === "idle") return void this.load(question.runs, true);
    for (const runId of this.cells.keys()) if (!this.chosen.has(runId)) this.cells.delete(runId);
    const had = new Set(before.runs);
    const added = question.runs.filter((runId) => !had.has(runId));
    if (added.length > 0) this.settled = false;
    if (added.length > 0) void this.load(this.latest.busy ? question.runs : added, this.latest.busy);
    else this.onChange();
  }

  /** A run of this chart is being logged to. */
  mention(): void {
    this.mentionedAt = performance.now();
    if (!this.settled && this.asked) this.later(SETTLE_MS);
  }

  /** All again: something was missed. */
  refresh(): void {
    this.settled = false;
    this.reload();
  }

  private reload(): void {
    if (this.asked) void this.load(this.asked.runs, true);
  }

  /** Seen again after a while: what was pushed meanwhile is missing, so the next question asks for all. */
  freshen(): void {
    if (this.state === "loading" || performance.now() - this.answeredAt > FRESH_MS) this.asked = null;
  }

  /** Lets go of everything; the next question asks for all. */
  drop(): void {
    this.stop();
    this.cells = new Map();
    this.state = "idle";
    this.asked = null;
  }

  stop(): void {
    this.latest.giveUp();
    window.clearTimeout(this.again);
    this.again = 0;
    this.recent = [];
    this.settled = false;
  }

  /** Whether something is drawn otherwise now. */
  push(points: readonly Pushed[]): boolean {
    if (!this.asked) return false;
    const now = performance.now();
    if (!this.latest.busy) this.recent = this.recent.filter((before) => now - before.at < KEEP_MS);
    if (this.recent.length < MOST_KEPT) this.recent.push({ at: now, points });
    let changed = false;
    for (const point of points) changed = this.take(point) || changed;
    return changed;
  }

  private take(point: Pushed): boolean {
    const { asked } = this;
    const cells = this.cells.get(point.runId);
    if (!asked || !this.chosen.has(point.runId)) return false;
    if (!cells) {
      if (!this.latest.busy) this.later(PENDING_MS);
      return false;
    }
    const isNew = cells.reach.take(point.writer, point.seq);
    if (isNew === null) this.later(SETTLE_MS);
    if (!isNew) return false;
    const x = pushedX(asked.x, point.step, point.time, cells);
    if (Number.isNaN(x)) {
      this.later(AGAIN_MS);
      return false;
    }
    if (asked.zoom && (x < asked.zoom.from || x > asked.zoom.to)) return false;
    if (cells.push(x, toNumber(point.value))) return true;
    this.later(AGAIN_MS);
    return false;
  }

  private later(ms: number): void {
    if (this.again !== 0) return;
    this.again = window.setTimeout(() => {
      this.again = 0;
      this.settled ||= ms >= SETTLE_MS;
      this.reload();
    }, ms);
  }

  private async load(runs: readonly string[], all: boolean): Promise<void> {
    const question = this.asked;
    if (!question) return;
    this.latest.giveUp();
    if (runs.length === 0) {
      this.cells.clear();
      this.settle("empty");
      return;
    }
    const signal = this.latest.begin();
    if (this.state === "idle" || this.state === "error") this.state = "loading";
    this.onChange();
    try {
      const buckets = bucketsOf(question);
      const range = question.zoom ? { from: question.zoom.from, to: question.zoom.to } : {};
      const answer = await this.loads.ask(() => postSeries({ runs, key: this.key, x: question.x, ...range, buckets }, signal), signal);
      if (signal.aborted) return;
      const series = decodeSeries(answer);
      const fresh = new Map(series.runs.filter((run) => !run.pending).map((run) => [run.runId, Cells.of(run, series.edges, 2 * buckets, series.reached)]));
      const kept = [...this.cells].filter(([runId]) => !fresh.has(runId) && (!all || series.partial) && question.runs.includes(runId));
      this.cells = new Map([...kept, ...fresh]);
      this.latest.end(signal);
      this.answeredAt = performance.now();
      for (const { points } of this.recent) for (const point of points) if (fresh.has(point.runId)) this.take(point);
      if (series.partial) {
        this.later(this.waits);
        this.waits = Math.min(3000, 1.5 * this.waits);
      } else this.waits = PENDING_MS;
      if (!this.settled && this.answeredAt - this.mentionedAt < SAID_MS) this.later(SETTLE_MS);
      const empty = ![...this.cells.values()].some((cells) => cells.length > 0);
      this.settle(!empty ? "ready" : series.partial ? "loading" : "empty");
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      this.latest.end(signal);
      this.fail(error, all);
    }
  }

  private fail(error: unknown, all: boolean): void {
    const missing = error instanceof ApiError && error.status === 404;
    if (missing && !all && this.cells.size > 0) return this.settle("ready"); // the added runs just lack this metric
    if (missing) {
      this.cells.clear();
      return this.settle("empty");
    }
    this.error = error;
    const away = error instanceof ApiError && (error.status === 0 || error.status === 403 || error.status >= 500 || error.status === 429);
    if (this.cells.size > 0 && away) {
      // What is drawn stays; the page says that the server is away.
      this.later(AGAIN_MS);
      return this.settle("ready");
    }
    if (away) this.later(AGAIN_MS);
    this.settle("error");
  }

  private settle(state: LoadState): void {
    this.state = state;
    this.onChange();
  }
}

/** As many as there are pixels; fewer where very many runs are drawn. */
function bucketsOf({ width, runs }: Question): number {
  const share = Math.floor(MOST_BUCKETS / Math.max(1, runs.length));
  return Math.round(Math.min(LARGEST, Math.max(FEWEST, Math.min(width, Math.max(FEWEST, share)))));
}

const sameRange = (a: Range | null, b: Range | null): boolean => a === b || (a !== null && b !== null && a.from === b.from && a.to === b.to);
