// The runs that the charts draw: the chosen ones, or the newest few where none is chosen; and the colours they have.

import { claimColours, groupId, runColour } from "../colour";
import type { Part } from "./cells";
import type { Column, RunFrame } from "./frame";
import type { Group } from "./groups";
import type { Selection } from "./selection";

/** Runs drawn when none is chosen. */
const NEWEST_DRAWN = 5;
/** Groups drawn when none is chosen, as many of each. */
const MOST_GROUPS_DRAWN = 8;

export class DrawnRuns {
  /** Their ids, in the order of their colours. */
  ids: string[] = [];
  private groups: ReadonlySet<string> = new Set();
  private frame: RunFrame | null = null;
  private grouping: Column | undefined;

  constructor(private readonly selection: Selection) {}

  /** Nothing chosen: the newest few of the runs shown, or of each of the first groups. */
  choose(frame: RunFrame, grouping: Column | undefined, rows: Int32Array, groups: readonly Group[]): void {
    this.frame = frame;
    this.grouping = grouping;
    if (this.selection.list.length > 0) this.ids = this.selection.list;
    else if (grouping) this.ids = groups.slice(0, MOST_GROUPS_DRAWN).flatMap((group) => newest(frame, group.rows));
    else this.ids = newest(frame, rows);
    this.groups = new Set(grouping ? this.ids.map((id) => this.groupOf(id)) : []);
    claimColours(grouping ? [...this.groups].map(groupId) : this.ids);
  }

  partOf(id: string): Part {
    if (this.selection.has(id)) return "chosen";
    return this.selection.list.length === 0 && this.ids.includes(id) ? "drawn" : "none";
  }

  /** run id -> what to call it. */
  names(): Map<string, string> {
    return new Map(this.ids.map((id) => [id, this.nameOf(id)]));
  }

  /** run id -> its group's name; undefined where runs aren't grouped. */
  groupNames(): Map<string, string> | undefined {
    return this.grouping ? new Map(this.ids.map((id) => [id, this.groupOf(id)])) : undefined;
  }

  /** The colour of a run's line, or of its group's. */
  colourOf(id: string): string {
    return runColour(this.groups.size > 0 ? groupId(this.groupOf(id)) : id);
  }

  /** null where none of the group is drawn. */
  groupColour(group: Group): string | null {
    const name = groupName(group.value);
    return this.groups.has(name) ? runColour(groupId(name)) : null;
  }

  private groupOf(id: string): string {
    return groupName(this.grouping?.text(this.frame?.row(id) ?? -1) ?? "");
  }

  private nameOf(id: string): string {
    const row = this.frame?.row(id);
    return row === undefined || !this.frame ? id : this.frame.name(row);
  }
}

/** What a group of the table is called in the charts. */
const groupName = (value: string): string => value || "none";

function newest(frame: RunFrame, rows: Int32Array): string[] {
  const start = frame.column("start_time")?.sortKeys();
  const time = (row: number): number => start?.[row] ?? 0;
  const found: number[] = [];
  for (const row of rows) {
    if (found.length === NEWEST_DRAWN && time(row) <= time(found[NEWEST_DRAWN - 1] ?? 0)) continue;
    const at = found.findIndex((other) => time(other) < time(row));
    found.splice(at < 0 ? found.length : at, 0, row);
    if (found.length > NEWEST_DRAWN) found.pop();
  }
  return found.map((row) => frame.id(row));
}
