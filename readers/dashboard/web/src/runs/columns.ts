// Which columns are shown, what they are called, how wide they are.

import type { ColumnKind } from "../answers";
import type { Column, RunFrame } from "./frame";

/** Always first, and not in any list of columns. */
export const NAME = "run_name";

/** In every answer, but of no use as a column of its own. */
const HIDDEN = new Set(["run_id", NAME]);

const WORDS: Record<string, string> = {
  run_name: "Name",
  run_id: "Id",
  experiment: "Experiment",
  status: "Status",
  start_time: "Started",
  end_time: "Ended",
  duration_s: "Duration",
  parent_run_id: "Parent",
  group: "Group",
};

export type Kind = "run" | "params" | "metrics" | "tags";

export const KIND_WORDS: Record<Kind, string> = { run: "Run", metrics: "Metrics (last value)", params: "Params", tags: "Tags" };

export function kindOf(name: string): Kind {
  const kind = name.slice(0, name.indexOf("."));
  return kind === "params" || kind === "metrics" || kind === "tags" ? kind : "run";
}

/** What stands in the heading; the whole name is its title. */
export function labelOf(name: string): string {
  return kindOf(name) === "run" ? (WORDS[name] ?? name) : name.slice(name.indexOf(".") + 1);
}

/** "param lr", "metric val/loss": for a screen reader, and where a label alone would be two things. */
export function longLabelOf(name: string): string {
  const kind = kindOf(name);
  return kind === "run" ? labelOf(name) : `${kind.slice(0, -1)} ${labelOf(name)}`;
}

export const choosable = (frame: RunFrame): Column[] => frame.columns.filter((column) => !HIDDEN.has(column.name));

/** Columns that runs can be grouped by: few distinct values beside the number of runs. */
export function groupable(frame: RunFrame): Column[] {
  return choosable(frame).filter((column) => {
    if (column.kind === "time" || column.kind === "duration" || kindOf(column.name) === "metrics") return false;
    const values = column.byValue();
    return values.size > 1 && values.size <= Math.max(12, Math.min(500, frame.count / 2));
  });
}

/** The page's own choice: the run, its headline metrics, the params that differ, a tag or two. */
export function defaultColumns(frame: RunFrame): string[] {
  const chosen: string[] = ["status", "start_time"];
  const some = (kind: Kind, most: number, fits: (column: Column) => boolean): void => {
    const fitting = frame.columns.filter((column) => kindOf(column.name) === kind && fits(column));
    chosen.push(...fitting.slice(0, most).map((column) => column.name));
  };
  some("metrics", 4, (column) => !column.name.startsWith("metrics.system/"));
  some("params", 5, (column) => column.varies);
  chosen.push("duration_s");
  if ((frame.column("experiment")?.byValue().size ?? 0) > 1) chosen.push("experiment");
  some("tags", 2, (column) => column.varies);
  return chosen.filter((name) => frame.column(name));
}

/** Those that the reader chose, or the page's own choice; without the name, which always stands first. */
export function shownColumns(frame: RunFrame, chosen: readonly string[] | null): string[] {
  return (chosen ?? defaultColumns(frame)).filter((name) => name !== NAME && frame.column(name));
}

/** The columns with one of them before another; `before` null: at the end. */
export function movedColumn(columns: readonly string[], name: string, before: string | null): string[] {
  const moved = columns.filter((other) => other !== name);
  const at = before === null ? -1 : moved.indexOf(before);
  moved.splice(at < 0 ? moved.length : at, 0, name);
  return moved;
}

const WIDTHS: Record<ColumnKind, number> = { text: 120, number: 92, bool: 72, time: 96, status: 104, duration: 84 };
const KEY = "steplog.widths";

export const NARROWEST = 48;
export const WIDEST = 900;

/** Widths that the reader set, remembered by this browser. */
export class Widths {
  private readonly set: Record<string, number> = stored();

  of(name: string, kind: ColumnKind): number {
    const own = this.set[name];
    if (typeof own === "number" && own >= NARROWEST && own <= WIDEST) return own;
    if (name === NAME) return window.innerWidth < 600 ? 150 : 200;
    if (name === "experiment") return 140;
    // Room for the heading, within reason.
    return Math.max(WIDTHS[kind], Math.min(180, 30 + labelOf(name).length * 7));
  }

  change(name: string, width: number): void {
    this.set[name] = Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));
    try {
      window.localStorage.setItem(KEY, JSON.stringify(this.set));
    } catch {
      // storage is refused: the width holds as long as the page
    }
  }
}

function stored(): Record<string, number> {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(KEY) ?? "{}");
    return typeof kept === "object" && kept !== null ? { ...(kept as Record<string, number>) } : {};
  } catch {
    return {};
  }
}
