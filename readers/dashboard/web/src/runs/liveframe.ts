// The table's data: asked of the server, and kept as it is there by what the server pushes.

import { ApiError, getRuns, isAbort } from "../api";
import { Latest } from "../latest";
import { connectLive, type ChangedRun } from "../live";
import { told } from "../states";
import { Throttle } from "../throttle";
import { RunFrame } from "./frame";
import { RecentChanges } from "./recent";
import { Strangers } from "./strangers";
import type { View } from "./view";

/** Pushed changes are taken over at most this often. */
const APPLY_MS = 1000;
/** New runs, and changes under a filter, need a question to the server: at most this often. */
const RELOAD_MS = 5000;

export interface LiveFrameHandlers {
  /** Whose runs are asked for. */
  view: () => Pick<View, "experiment" | "filter">;
  onBusy: (busy: boolean) => void;
  /** Other rows. */
  onFrame: () => void;
  /** The same rows, with changed values in these columns; how many runs there are where may have changed with them. */
  onColumns: (columns: ReadonlySet<string>) => void;
  onCounts: () => void;
  /** What is wrong with the filter; an empty title: nothing. */
  onFilterError: (title: string, hint: string) => void;
  /** There is nothing to show instead. */
  onError: (error: unknown) => void;
}

export class LiveFrame {
  frame: RunFrame | null = null;
  /** All that fit: the frame has the newest of them. */
  count = 0;
  /** What the frame lacks, in words. */
  truncated = "";
  private pending: ChangedRun[] = [];
  private readonly recent = new RecentChanges();
  private readonly strangers = new Strangers();
  private readonly latest = new Latest();
  private readonly applying = new Throttle();
  private readonly reloading = new Throttle();
  private live: ReturnType<typeof connectLive> | null = null;

  constructor(private readonly handlers: LiveFrameHandlers) {}

  start(): void {
    void this.load();
    this.live = connectLive({
      runs: [],
      keys: [],
      onRuns: (changed) => this.onChanged(changed),
      onResync: () => this.reloading.soon(0, () => void this.load()),
    });
  }

  dispose(): void {
    this.latest.giveUp();
    this.live?.close();
    this.applying.stop();
    this.reloading.stop();
  }

  async load(): Promise<void> {
    const signal = this.latest.begin();
    this.handlers.onBusy(true);
    const asked = performance.now();
    try {
      const { experiment, filter } = this.handlers.view();
      const answer = await getRuns({ experiment, filter }, signal);
      if (signal.aborted) return;
      this.frame = new RunFrame(answer);
      this.frame.apply(this.recent.since(asked));
      this.count = answer.count;
      this.truncated = answer.truncated?.words ?? "";
      this.handlers.onFilterError("", "");
      this.handlers.onFrame();
    } catch (error) {
      if (isAbort(error)) return;
      await this.onLoadError(error);
    } finally {
      if (!signal.aborted) this.handlers.onBusy(false);
      this.latest.end(signal);
    }
  }

  private async onLoadError(error: unknown): Promise<void> {
    this.strangers.forget();
    const { experiment, filter } = this.handlers.view();
    if (error instanceof ApiError && error.status === 400 && filter !== "") {
      // The table stays as it was; without one, all runs are better than none.
      const { title, hint } = told(error);
      this.handlers.onFilterError(title, hint);
      if (this.frame) return;
      const answer = await getRuns({ experiment }).catch(() => null);
      if (!answer || this.frame) return;
      this.frame = new RunFrame(answer);
      this.count = answer.count;
      this.handlers.onFrame();
      return;
    }
    if (this.frame && error instanceof ApiError && error.status === 0) return; // the shell says so; what is there stays
    this.handlers.onError(error);
  }

  private onChanged(changed: ChangedRun[]): void {
    this.pending.push(...changed);
    this.recent.add(changed, performance.now());
    this.applying.soon(APPLY_MS, () => this.apply());
  }

  private apply(): void {
    const changed = this.pending;
    this.pending = [];
    if (!this.frame) return;
    const { unknown, columns } = this.frame.apply(changed);
    const { experiment, filter } = this.handlers.view();
    if (this.strangers.wanted(unknown, experiment) || filter !== "") {
      this.reloading.soon(RELOAD_MS, () => {
        this.strangers.fetched(unknown, this.handlers.view().experiment);
        void this.load();
      });
    }
    if (unknown.length > 0 || columns.has("status")) this.handlers.onCounts();
    this.handlers.onColumns(columns);
  }
}
