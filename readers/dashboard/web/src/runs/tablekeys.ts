// The keys of the runs page: through the table, choosing, to its fields and back.

import { bindKeys } from "../keys";
import type { Grid } from "./grid";
import type { Picking } from "./picking";
import type { Toolbar } from "./toolbar";

export interface TableKeys {
  grid: Grid;
  picking: Picking;
  toolbar: Toolbar;
  /** Opens the run that the keys act on, or folds the group. */
  onOpen: () => void;
  onCompare: () => void;
  onTree: () => void;
}

/** Binds until the returned function is called. */
export function bindTableKeys({ grid, picking, toolbar, onOpen, onCompare, onTree }: TableKeys): () => void {
  /** A key is meant for the table unless a control has the focus, which has its own use for it. */
  const ifInTable = (run: () => void): boolean => {
    const focus = document.activeElement;
    const mine = focus === document.body || focus === null || focus === grid.element;
    if (mine) run();
    return mine;
  };
  return bindKeys("Runs", [
    { key: "/", what: "search", run: () => enter(toolbar.search) },
    { key: "f", what: "filter expression", run: () => enter(toolbar.filter.input) },
    { key: "j", what: "next run", run: () => grid.move(1) },
    { key: "ArrowDown", what: "next run", run: () => ifInTable(() => grid.move(1)) },
    { key: "k", what: "run before", run: () => grid.move(-1) },
    { key: "ArrowUp", what: "run before", run: () => ifInTable(() => grid.move(-1)) },
    { key: "x", what: "choose the run, or the group", run: () => picking.active(false) },
    { key: " ", what: "choose the run, or the group", run: () => ifInTable(() => picking.active(false)) },
    { key: "X", what: "choose all from the last chosen to this", run: () => picking.active(true) },
    { key: "Enter", what: "open the run; fold the group", run: () => ifInTable(onOpen) },
    { key: "c", what: "compare the chosen runs", run: onCompare },
    { key: "u", what: "let go of all chosen runs", run: () => picking.clear() },
    { key: "e", what: "experiments: show or hide", run: onTree },
    { key: "Escape", what: "leave the field, back to the table", inFields: true, run: () => leaveField(grid) },
  ]);
}

function enter(field: HTMLInputElement): void {
  field.focus();
  field.select();
}

function leaveField(grid: Grid): boolean | void {
  if (!(document.activeElement instanceof HTMLInputElement)) return false;
  grid.element.focus({ preventScroll: true });
}
