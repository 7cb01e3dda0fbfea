// Choosing runs in the table: one, all from one to another, a group, all.

import type { RunFrame } from "./frame";
import type { Grid } from "./grid";
import type { Group } from "./groups";
import type { Selection } from "./selection";

export class Picking {
  /** The run chosen last; a range begins there. */
  private anchor: string | null = null;

  constructor(
    private readonly selection: Selection,
    private readonly grid: Grid,
    private readonly frame: () => RunFrame | null,
    private readonly onPicked: () => void,
  ) {}

  /** The run on a line, or with `range` all from the one chosen last to it. */
  line(index: number, range: boolean): void {
    const id = this.grid.idAt(index);
    if (id === undefined) return;
    const from = range && this.anchor !== null ? this.lineOf(this.anchor) : -1;
    if (from >= 0) this.selection.set(this.idsBetween(from, index), true);
    else this.selection.toggle(id);
    this.anchor = id;
    this.onPicked();
  }

  group(group: Group): void {
    const ids = this.idsOf(group.rows);
    this.selection.set(ids, !ids.every((id) => this.selection.has(id)));
    this.onPicked();
  }

  /** All of these, or none where some are chosen. */
  all(rows: Int32Array): void {
    if (this.selection.list.length > 0) this.selection.clear();
    else this.selection.set(this.idsOf(rows), true);
    this.onPicked();
  }

  /** The line that the keys act on. */
  active(range: boolean): void {
    const group = this.grid.groupAt(this.grid.active);
    if (group) this.group(group);
    else this.line(this.grid.active, range);
  }

  clear(): void {
    this.selection.clear();
    this.onPicked();
  }

  private lineOf(id: string): number {
    const row = this.frame()?.row(id);
    return row === undefined ? -1 : this.grid.items.indexOf(row);
  }

  private idsBetween(a: number, b: number): string[] {
    const ids: string[] = [];
    for (let k = Math.min(a, b); k <= Math.max(a, b); k += 1) {
      const id = this.grid.idAt(k);
      if (id !== undefined) ids.push(id);
    }
    return ids;
  }

  private idsOf(rows: Int32Array): string[] {
    return Array.from(rows, (row) => this.frame()?.id(row) ?? "");
  }
}
