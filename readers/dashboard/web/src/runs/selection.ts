// The chosen runs, in the order they were chosen.

import { notice } from "../notice";
import { MOST_CHOSEN } from "./view";

export class Selection {
  private ids: string[];
  private chosen: Set<string>;

  constructor(ids: readonly string[]) {
    this.ids = [...ids];
    this.chosen = new Set(ids);
  }

  get list(): string[] {
    return this.ids;
  }

  has(id: string): boolean {
    return this.chosen.has(id);
  }

  toggle(id: string): void {
    this.set([id], !this.chosen.has(id));
  }

  /** Chooses or lets go of several at once; what is too many is said and left out. */
  set(ids: readonly string[], on: boolean): void {
    if (!on) {
      const gone = new Set(ids);
      this.ids = this.ids.filter((id) => !gone.has(id));
    } else {
      const fresh = ids.filter((id) => !this.chosen.has(id));
      const room = MOST_CHOSEN - this.ids.length;
      this.ids.push(...fresh.slice(0, room));
      if (fresh.length > room) notice(`${MOST_CHOSEN} runs at a time: more can't be told apart in a chart.`);
    }
    this.chosen = new Set(this.ids);
  }

  clear(): void {
    this.ids = [];
    this.chosen = new Set();
  }
}
