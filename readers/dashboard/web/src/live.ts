// Server push: one socket for the whole page, however many of its parts listen.
//
// The socket asks for what its listeners want together; each gets only its own. A lost connection is tried again, with
// growing pauses, from the cursor where it was, so nothing is missed and nothing comes twice; what the server has let go
// of meanwhile is said by onResync. A hidden page asks for no points, and fetches anew once it is looked at again.

import { getSession } from "./api";
import { forListener, merged, type Wish } from "./livewishes";

export type LiveState = "connecting" | "live" | "stale" | "off";

/** [index into runs, index into keys, step, time in ms, value, index into writers, seq less the writer's first]. */
export type LiveRow = [number, number, number | null, number, number | "NaN" | "Infinity" | "-Infinity", number, number];

/** One message of new points. A writer's events are numbered (seq), so what an answer has already is told by that. */
export interface LivePoints {
  runs: string[];
  keys: string[];
  /** Its name, and the first seq of its points here. */
  writers: [string, number][];
  rows: LiveRow[];
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

/** The server says something at least every 15 s. */
const STALE_MS = 20_000;
const DEAD_MS = 45_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Wishes that change together are sent together. */
const WISH_MS = 150;

type Message =
  | { type: "hello"; cursor: unknown; resumed?: boolean }
  | ({ type: "points"; cursor: unknown } & LivePoints)
  | { type: "runs"; changed: ChangedRun[]; cursor?: unknown }
  | ({ type: "alert" } & LiveAlert)
  | { type: "resync"; cursor?: unknown }
  | { type: "heartbeat"; cursor?: unknown };

let shared: Socket | null = null;

export function connectLive(options: LiveOptions): LiveConnection {
  shared ??= new Socket();
  return shared.listen(options);
}

class Socket {
  private readonly listeners = new Set<LiveOptions>();
  private socket: WebSocket | null = null;
  private state: LiveState = "connecting";
  private cursor: unknown = null;
  private sent = "";
  private heardAt = 0;
  private pause = FIRST_PAUSE_MS;
  private opening = false;
  /** A connection was lost: points may be missing unless the server resumes. */
  private broken = false;
  private rested = false;
  private retry = 0;
  private wishing = 0;

  constructor() {
    window.addEventListener("online", () => this.open());
    window.setInterval(() => this.watch(), 1000);
    document.addEventListener("visibilitychange", () => this.onVisibility());
  }

  listen(options: LiveOptions): LiveConnection {
    const listener = { ...options };
    this.listeners.add(listener);
    listener.onState?.(this.state);
    if (this.socket) this.wish();
    else this.open();
    return {
      update: (changed) => {
        Object.assign(listener, changed);
        this.wish();
      },
      close: () => {
        this.listeners.delete(listener);
        this.wish();
      },
    };
  }

  private async open(): Promise<void> {
    if (this.socket || this.opening) return;
    this.opening = true;
    window.clearTimeout(this.retry);
    let token: string;
    try {
      token = (await getSession()).token;
    } catch {
      this.opening = false;
      this.lose();
      return;
    }
    this.opening = false;
    const address = new URL("/api/live", window.location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.socket = socket;
    this.heardAt = performance.now();
    socket.addEventListener("open", () => {
      this.sent = JSON.stringify(this.wishes());
      socket.send(JSON.stringify({ token, subscribe: this.wishes(), cursor: this.cursor }));
    });
    socket.addEventListener("message", (event) => this.onMessage(String(event.data)));
    socket.addEventListener("close", (event) => this.onClose(socket, event));
  }

  private onClose(socket: WebSocket, event: CloseEvent): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.broken = true;
    if (event.code === 1008) void getSession(true).catch(() => undefined); // a restarted server has another token
    this.lose();
  }

  private lose(): void {
    this.show("off");
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(() => void this.open(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(LONGEST_PAUSE_MS, 2 * this.pause);
  }

  private onMessage(text: string): void {
    this.heardAt = performance.now();
    this.show("live");
    const message = JSON.parse(text) as Message;
    if ("cursor" in message && message.cursor !== undefined) this.cursor = message.cursor;
    if (message.type === "hello") {
      this.pause = FIRST_PAUSE_MS;
      if (this.broken && message.resumed !== true) this.resync();
      this.broken = false;
    } else if (message.type === "points") this.hand(message);
    else if (message.type === "runs") for (const listener of [...this.listeners]) listener.onRuns?.(message.changed);
    else if (message.type === "alert") for (const listener of [...this.listeners]) listener.onAlert?.(message);
    else if (message.type === "resync") this.resync();
  }

  private hand(points: LivePoints): void {
    for (const listener of [...this.listeners]) {
      const own = listener.onPoints && forListener(points, listener);
      if (own) listener.onPoints?.(own);
    }
  }

  private resync(): void {
    for (const listener of [...this.listeners]) listener.onResync?.();
  }

  private show(state: LiveState): void {
    if (state === this.state) return;
    this.state = state;
    for (const listener of [...this.listeners]) listener.onState?.(state);
  }

  /** A server that is silent is said to be; one that is silent for long is given up. */
  private watch(): void {
    if (!this.socket) return;
    const silent = performance.now() - this.heardAt;
    if (silent > DEAD_MS) this.socket.close();
    else if (silent > STALE_MS && this.state === "live") this.show("stale");
  }

  private onVisibility(): void {
    const back = document.visibilityState === "visible" && this.rested;
    if (document.visibilityState === "visible") void this.open();
    this.sendWish();
    if (back) this.resync();
  }

  private wishes(): Wish {
    if (document.visibilityState === "hidden") {
      this.rested = true;
      return { runs: [], keys: [] };
    }
    this.rested = false;
    return merged(this.listeners);
  }

  private wish(): void {
    if (this.wishing !== 0) return;
    this.wishing = window.setTimeout(() => {
      this.wishing = 0;
      this.sendWish();
    }, WISH_MS);
  }

  private sendWish(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const wishes = JSON.stringify(this.wishes());
    if (wishes === this.sent) return;
    this.sent = wishes;
    this.socket.send(`{"subscribe":${wishes}}`);
  }
}
