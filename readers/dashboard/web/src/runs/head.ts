// The table's headings: sort by a click, wider by the edge, elsewhere by dragging; all of it by keys and a menu too.

import { h } from "../dom";
import { openMenu, type MenuItem } from "../menu";
import { KIND_WORDS, kindOf, labelOf, longLabelOf, NAME, type Widths } from "./columns";
import type { Column } from "./frame";
import type { SortKey } from "./order";

export interface HeadHandlers {
  onSort: (name: string, downFirst: boolean, add: boolean) => void;
  /** Exactly this way. */
  onSortTo: (key: SortKey) => void;
  /** The column goes before `before`; null: to the end. */
  onMove: (name: string, before: string | null) => void;
  onHide: (name: string) => void;
  onGroup: (name: string) => void;
  onFilter: (name: string) => void;
  canGroup: (name: string) => boolean;
  onPickAll: () => void;
}

interface OwnHandlers {
  onWidth: () => void;
  onFit: (name: string) => void;
}

const DRAG_FROM = 5; // px: less is a click

export class GridHead {
  readonly element = h("div", { class: "grid-head", role: "row", "aria-rowindex": 1 });
  private readonly all: HTMLInputElement;
  private columns: readonly Column[] = [];
  private cells: HTMLElement[] = [];
  private shown = "";

  constructor(
    private readonly widths: Widths,
    private readonly handlers: HeadHandlers & OwnHandlers,
  ) {
    this.all = h("input", { type: "checkbox", class: "pick", "aria-label": "Choose all runs shown", on: { click: () => handlers.onPickAll() } });
  }

  height(): number {
    return this.element.offsetHeight;
  }

  contentWidth(at: number): number {
    return (this.cells[at]?.querySelector(".head-label")?.scrollWidth ?? 0) + 18;
  }

  showChoice(choice: "all" | "some" | "none"): void {
    this.all.checked = choice === "all";
    this.all.indeterminate = choice === "some";
  }

  show(columns: readonly Column[], sort: readonly SortKey[]): void {
    this.columns = columns;
    const shown = JSON.stringify([columns.map((column) => column.name), sort]);
    if (shown === this.shown) return;
    this.shown = shown;
    const focused = this.cells.findIndex((cell) => cell.contains(document.activeElement));
    this.cells = [
      h("div", { class: "head-cell cell-pick", role: "columnheader" }, this.all),
      this.cell(NAME, "text", false, sort),
      ...columns.map((column) => this.cell(column.name, column.kind, column.numeric, sort)),
    ];
    this.element.replaceChildren(...this.cells);
    if (focused >= 0) this.cells[focused]?.querySelector("button")?.focus();
  }

  private cell(name: string, kind: Column["kind"], numeric: boolean, sort: readonly SortKey[]): HTMLElement {
    const at = sort.findIndex((key) => key.name === name);
    const key = sort[at];
    const downFirst = numeric || kind === "time";
    const cell = h(
      "div",
      {
        class: `head-cell${numeric ? " num" : ""}${name === NAME ? " cell-name" : ""}`,
        role: "columnheader",
        "aria-sort": key ? (key.down ? "descending" : "ascending") : "none",
        data: { column: name },
      },
      h(
        "button",
        {
          type: "button",
          class: "head-button",
          title: `${longLabelOf(name)}${kindOf(name) === "metrics" ? ", last value" : ""}\nClick to sort, with shift to sort by this too`,
          on: {
            click: (event) => this.handlers.onSort(name, downFirst, event.shiftKey),
            keydown: (event) => this.onKey(event, name, kind),
            pointerdown: (event) => name !== NAME && this.startDrag(event, name),
          },
        },
        h("span", { class: "head-label cut" }, this.isAmbiguous(name) && h("span", { class: "faint" }, `${kindOf(name).slice(0, -1)} `), labelOf(name)),
        key && h("span", { class: "head-sort", "aria-hidden": "true" }, key.down ? "↓" : "↑", sort.length > 1 && h("sub", null, at + 1)),
      ),
      h("button", {
        type: "button",
        class: "head-more",
        tabindex: -1,
        "aria-label": `More about column ${labelOf(name)}`,
        on: { click: (event) => this.openMenu(event.currentTarget as HTMLElement, name, kind) },
      }),
      h("div", {
        class: "head-edge",
        title: "Drag to resize, double click to fit",
        on: {
          pointerdown: (event) => this.startResize(event, name, kind),
          dblclick: () => this.handlers.onFit(name),
        },
      }),
    );
    cell.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.openMenu(cell, name, kind);
    });
    return cell;
  }

  /** A param and a metric may have one name: then the kind stands before it. */
  private isAmbiguous(name: string): boolean {
    return kindOf(name) !== "run" && this.columns.filter((column) => labelOf(column.name) === labelOf(name)).length > 1;
  }

  private openMenu(anchor: HTMLElement, name: string, kind: Column["kind"]): void {
    const numeric = kind !== "text" && kind !== "status";
    const own = name !== NAME;
    const items: (MenuItem | null)[] = [
      { label: numeric ? "Sort, smallest first" : "Sort from A to Z", run: () => this.handlers.onSortTo({ name, down: false }) },
      { label: numeric ? "Sort, largest first" : "Sort from Z to A", run: () => this.handlers.onSortTo({ name, down: true }) },
      this.handlers.canGroup(name) ? { label: "Group by this", run: () => this.handlers.onGroup(name) } : null,
      { label: "Filter by this…", run: () => this.handlers.onFilter(name) },
      { label: "Fit width", run: () => this.handlers.onFit(name) },
      own ? { label: "Move left", keys: "Alt ←", run: () => this.step(name, -1) } : null,
      own ? { label: "Move right", keys: "Alt →", run: () => this.step(name, 1) } : null,
      own ? { label: "Hide column", run: () => this.handlers.onHide(name) } : null,
    ];
    const title = kindOf(name) === "run" ? labelOf(name) : `${KIND_WORDS[kindOf(name)]}: ${labelOf(name)}`;
    openMenu(anchor, items.filter((item) => item !== null), title);
  }

  private onKey(event: KeyboardEvent, name: string, kind: Column["kind"]): void {
    const way = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (event.key === "ArrowDown") this.openMenu(event.currentTarget as HTMLElement, name, kind);
    else if (way === 0) return;
    else if (event.altKey) this.step(name, way);
    else if (event.shiftKey) this.resize(name, this.widths.of(name, kind) + 16 * way);
    else this.focusNext(event.currentTarget as HTMLElement, way);
    event.preventDefault();
    event.stopPropagation();
  }

  private focusNext(button: HTMLElement, way: number): void {
    const at = this.cells.findIndex((cell) => cell.contains(button));
    this.cells[at + way]?.querySelector("button")?.focus();
  }

  private step(name: string, way: number): void {
    const names = this.columns.map((column) => column.name);
    const at = names.indexOf(name);
    if (at < 0 || at + way < 0 || at + way >= names.length) return;
    this.handlers.onMove(name, names[way < 0 ? at - 1 : at + 2] ?? null);
    this.element.querySelector<HTMLElement>(`[data-column="${CSS.escape(name)}"] button`)?.focus();
  }

  private resize(name: string, width: number): void {
    this.widths.change(name, width);
    this.handlers.onWidth();
  }

  private startResize(event: PointerEvent, name: string, kind: Column["kind"]): void {
    event.preventDefault();
    event.stopPropagation();
    const edge = event.currentTarget as HTMLElement;
    const from = event.clientX;
    const width = this.widths.of(name, kind);
    edge.setPointerCapture(event.pointerId);
    edge.classList.add("dragged");
    const move = (now: PointerEvent): void => this.resize(name, width + now.clientX - from);
    edge.addEventListener("pointermove", move);
    edge.addEventListener(
      "lostpointercapture",
      () => {
        edge.removeEventListener("pointermove", move);
        edge.classList.remove("dragged");
      },
      { once: true },
    );
  }

  /** A heading follows the pointer; a mark shows where it will go. */
  private startDrag(event: PointerEvent, name: string): void {
    if (event.button !== 0 || event.pointerType === "touch") return;
    const button = event.currentTarget as HTMLElement;
    const from = event.clientX;
    let dragged = false;
    let before: string | null | undefined;
    const clear = (): void => this.cells.forEach((cell) => cell.classList.remove("drop-before", "drop-after", "dragging"));
    const move = (now: PointerEvent): void => {
      if (!dragged && Math.abs(now.clientX - from) < DRAG_FROM) return;
      dragged = true;
      clear();
      button.parentElement?.classList.add("dragging");
      before = this.markDrop(now.clientX);
    };
    const end = (): void => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      clear();
      if (!dragged) return;
      // The click that may end a drag is no sort.
      const ignore = (click: Event): void => click.stopImmediatePropagation();
      window.addEventListener("click", ignore, { capture: true });
      window.setTimeout(() => window.removeEventListener("click", ignore, { capture: true }));
      if (before !== undefined && before !== name) this.handlers.onMove(name, before);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  private markDrop(x: number): string | null {
    const cells = this.cells.slice(2);
    for (const cell of cells) {
      const { left, width } = cell.getBoundingClientRect();
      if (x < left + width / 2) {
        cell.classList.add("drop-before");
        return cell.dataset["column"] ?? null;
      }
    }
    cells.at(-1)?.classList.add("drop-after");
    return null;
  }
}
