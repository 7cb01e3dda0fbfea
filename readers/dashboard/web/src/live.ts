// Server push. (Seam: types stand; the socket follows.)

export type LiveState = "connecting" | "live" | "stale" | "off";

/** One message of new points: rows are [index into runs, index into keys, step, time in ms, value]. */
export interface LivePoints {
  runs: string[];
  keys: string[];
  rows: [number, number, number | null, number, number | "NaN" | "Infinity" | "-Infinity"][];
}

/** Changed columns of one run, by the table's column names. */
export type ChangedRun = { run_id: string } & Record<string, unknown>;

export interface LiveAlert {
  time: string;
  run_id: string;
  key: string;
  rule: string;
  words: string;
  value: number | "NaN" | "Infinity" | "-Infinity" | null;
}

export interface LiveOptions {
  /** Whose points are pushed: [] none, null all. Changes of runs and alerts come in any case. */
  runs: readonly string[] | null;
  keys: readonly string[] | null;
  onPoints?: (points: LivePoints) => void;
  onRuns?: (changed: ChangedRun[]) => void;
  onAlert?: (alert: LiveAlert) => void;
  onState?: (state: LiveState) => void;
  /** The server let go of something: fetch anew what is shown. */
  onResync?: () => void;
}

export interface LiveConnection {
  update(options: Partial<Pick<LiveOptions, "runs" | "keys">>): void;
  close(): void;
}

export function connectLive(options: LiveOptions): LiveConnection {
  options.onState?.("off");
  return { update: () => undefined, close: () => undefined };
}
