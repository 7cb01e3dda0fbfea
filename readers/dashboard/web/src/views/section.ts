// What each part of a run's page is: an element that is told of each new answer, and draws only what changed.

import type { RunAnswer } from "../answers";

export interface Section {
  readonly element: HTMLElement;
  update(answer: RunAnswer): void;
  dispose?(): void;
}

export interface SectionContext {
  readonly runId: string;
  /** One name of the page's query: what a link to this view holds. */
  param: (name: string) => string | null;
  setParam: (name: string, value: string | null) => void;
  /** Asks for the run anew, soon. */
  look: () => void;
}

/** Calls `draw` only with what isn't what it was: a list that a reader looks at isn't redrawn under the pointer. */
export function whenChanged<T>(draw: (value: T) => void): (value: T) => void {
  let last: string | null = null;
  return (value) => {
    const now = JSON.stringify(value) ?? "";
    if (now === last) return;
    last = now;
    draw(value);
  };
}
