// Pushed changes of the last seconds. A table that was asked for before a change may come after it, and not have it: what
// was pushed meanwhile is taken over again.

import type { ChangedRun } from "../live";

/** The server's table may be as old as this when it is asked for. */
const OLDER_MS = 1000;
/** Tables take no longer than this. */
const KEPT_MS = 60_000;

export class RecentChanges {
  private kept: { at: number; changed: readonly ChangedRun[] }[] = [];

  add(changed: readonly ChangedRun[], now: number): void {
    this.kept = this.kept.filter((one) => now - one.at < KEPT_MS);
    this.kept.push({ at: now, changed });
  }

  /** What a table that was asked for at a time may lack, in the order in which it came. */
  since(asked: number): ChangedRun[] {
    return this.kept.filter((one) => one.at >= asked - OLDER_MS).flatMap((one) => one.changed);
  }
}
