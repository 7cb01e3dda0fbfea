// The experiments beside the table: asked of the server, shown or hidden.

import { ApiError, getStore } from "../api";
import { h } from "../dom";
import { Throttle } from "../throttle";
import { ExperimentTree } from "./tree";

const LOAD_MS = 1500;
const KEY = "steplog.tree";

export class TreePane {
  readonly element: HTMLElement;
  private readonly tree: ExperimentTree;
  private readonly loading = new Throttle();
  private open = false;

  constructor(
    private readonly selected: () => string,
    onSelect: (path: string) => void,
    private readonly onOpen: (open: boolean) => void,
  ) {
    this.tree = new ExperimentTree(onSelect);
    this.element = h("aside", { class: "tree-pane", "aria-label": "Experiments" }, h("h2", { class: "pane-title" }, "Experiments"), this.tree.element);
  }

  dispose(): void {
    this.loading.stop();
  }

  async load(): Promise<void> {
    try {
      const store = await getStore();
      this.tree.show(store.experiments, this.selected());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the table says what is wrong with the server
    }
  }

  loadSoon(): void {
    this.loading.soon(LOAD_MS, () => void this.load());
  }

  select(path: string): void {
    this.tree.select(path);
  }

  /** Open where there is room for both, unless this browser remembers otherwise. */
  restore(): void {
    this.show(!isNarrow() && stored() !== "closed");
  }

  /** Where there is no room for both, the table shows. */
  hideIfNarrow(): void {
    if (isNarrow()) this.show(false);
  }

  toggle(): void {
    this.show(!this.open);
    try {
      window.localStorage.setItem(KEY, this.open ? "open" : "closed");
    } catch {
      return; // storage is refused: it holds as long as the page
    }
  }

  private show(open: boolean): void {
    this.open = open;
    this.onOpen(open);
  }
}

const isNarrow = (): boolean => window.matchMedia("(max-width: 760px)").matches;

function stored(): string | null {
  try {
    return window.localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
