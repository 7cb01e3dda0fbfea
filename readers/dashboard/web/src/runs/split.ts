// Two panes and the line between them, which can be dragged or moved by the arrow keys.

import { h } from "../dom";

export type Arrangement = "beside" | "below" | "table";

const KEY = "steplog.layout";
const STEP = 0.03;

interface Kept {
  arrangement: Arrangement;
  beside: number;
  below: number;
}

export class Split {
  readonly element: HTMLElement;
  private readonly handle: HTMLElement;
  private readonly kept: Kept = stored();

  constructor(
    first: HTMLElement,
    second: HTMLElement,
    private readonly onArranged: () => void,
  ) {
    this.handle = h("div", {
      class: "split-handle",
      role: "separator",
      tabindex: 0,
      "aria-label": "Share between table and charts",
      on: { pointerdown: (event) => this.drag(event), keydown: (event) => this.onKey(event) },
    });
    this.element = h("div", { class: "split" }, first, this.handle, second);
    this.show();
  }

  get arrangement(): Arrangement {
    return this.kept.arrangement;
  }

  arrange(arrangement: Arrangement): void {
    this.kept.arrangement = arrangement;
    this.keep();
    this.show();
    this.onArranged();
  }

  private share(to: number): void {
    const way = this.way();
    this.kept[way] = Math.min(0.85, Math.max(0.15, to));
    this.show();
  }

  private way(): "beside" | "below" {
    return this.kept.arrangement === "below" ? "below" : "beside";
  }

  private show(): void {
    const way = this.way();
    const share = this.kept[way];
    this.element.dataset["arrangement"] = this.kept.arrangement;
    this.element.style.setProperty("--share", `${(share * 100).toFixed(2)}%`);
    this.handle.setAttribute("aria-orientation", way === "beside" ? "vertical" : "horizontal");
    this.handle.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    this.handle.setAttribute("aria-valuemin", "15");
    this.handle.setAttribute("aria-valuemax", "85");
  }

  private drag(event: PointerEvent): void {
    event.preventDefault();
    this.handle.setPointerCapture(event.pointerId);
    const box = this.element.getBoundingClientRect();
    const move = (now: PointerEvent): void =>
      this.share(this.way() === "beside" ? (now.clientX - box.left) / box.width : (now.clientY - box.top) / box.height);
    this.handle.addEventListener("pointermove", move);
    this.handle.addEventListener(
      "lostpointercapture",
      () => {
        this.handle.removeEventListener("pointermove", move);
        this.keep();
      },
      { once: true },
    );
  }

  private onKey(event: KeyboardEvent): void {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (way === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.share(this.kept[this.way()] + STEP * way);
    this.keep();
  }

  private keep(): void {
    try {
      window.localStorage.setItem(KEY, JSON.stringify(this.kept));
    } catch {
      // storage is refused: it holds as long as the page
    }
  }
}

function stored(): Kept {
  const kept: Kept = { arrangement: "beside", beside: 0.52, below: 0.5 };
  try {
    const read = JSON.parse(window.localStorage.getItem(KEY) ?? "{}") as Partial<Kept> | null;
    if (read?.arrangement && ["beside", "below", "table"].includes(read.arrangement)) kept.arrangement = read.arrangement;
    for (const way of ["beside", "below"] as const) if (typeof read?.[way] === "number") kept[way] = Math.min(0.85, Math.max(0.15, read[way]));
  } catch {
    return kept;
  }
  return kept;
}
