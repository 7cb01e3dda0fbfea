// The runs as the server sends them: columns, not objects. Ten thousand runs with thirty columns are thirty arrays; what
// sorting and grouping need beside them (numbers, ranks) is made when it is first asked for.

import type { Cell, ColumnKind, RunsAnswer } from "../answers";
import type { ChangedRun } from "../live";
import { NAME } from "./columns";

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Natural order for people: run-2 before run-10. */
export const compareTexts = (a: string, b: string): number => collator.compare(a, b);

export class Column {
  private keys: Float64Array | null = null;
  private levels: Map<string, number[]> | null = null;

  constructor(
    readonly name: string,
    readonly kind: ColumnKind,
    private readonly cells: Cell[],
    /** Whether the runs differ in it. */
    readonly varies: boolean = true,
  ) {}

  /** Values that are added, averaged, drawn on the right. */
  get numeric(): boolean {
    return this.kind === "number" || this.kind === "duration";
  }

  at(row: number): Cell {
    return this.cells[row] ?? null;
  }

  text(row: number): string {
    const cell = this.cells[row];
    return cell === null || cell === undefined ? "" : String(cell);
  }

  /** The value as a number (times in ms, texts NaN); NaN where there is none. */
  number(row: number): number {
    const cell = this.cells[row];
    if (cell === null || cell === undefined || cell === "") return NaN;
    return this.kind === "time" ? Date.parse(String(cell)) : Number(cell);
  }

  /** One float64 a run that sorts as the values do: numbers, times, or the rank of a text. NaN: missing, sorts last. */
  sortKeys(): Float64Array {
    this.keys ??= this.kind === "text" || this.kind === "status" ? this.ranks() : Float64Array.from(this.cells, (_, row) => this.number(row));
    return this.keys;
  }

  /** The rows of each distinct value; "" holds those without one. */
  byValue(): ReadonlyMap<string, number[]> {
    if (!this.levels) {
      this.levels = new Map();
      for (let row = 0; row < this.cells.length; row += 1) {
        const text = this.text(row);
        const rows = this.levels.get(text);
        if (rows) rows.push(row);
        else this.levels.set(text, [row]);
      }
    }
    return this.levels;
  }

  set(row: number, cell: Cell): void {
    if (this.cells[row] === cell) return;
    this.cells[row] = cell;
    this.keys = null;
    this.levels = null;
  }

  private ranks(): Float64Array {
    const texts = [...this.byValue().keys()].filter((text) => text !== "").sort(compareTexts);
    const rank = new Map<string, number>();
    texts.forEach((text, k) => {
      const before = texts[k - 1];
      const same = before !== undefined && compareTexts(before, text) === 0; // but for case: further columns decide
      rank.set(text, same ? (rank.get(before) ?? k) : k);
    });
    return Float64Array.from(this.cells, (_, row) => rank.get(this.text(row)) ?? NaN);
  }
}

export class RunFrame {
  readonly columns: Column[];
  private readonly named: Map<string, Column>;
  private readonly rows = new Map<string, number>();
  private readonly haystacks: (string | undefined)[] = [];
  private size: number;
  private insiders = -1;

  constructor(answer: Pick<RunsAnswer, "columns" | "data">) {
    this.columns = answer.columns.map(({ name, kind, varies }) => new Column(name, kind, answer.data[name] ?? [], varies));
    this.named = new Map(this.columns.map((column) => [column.name, column]));
    this.size = (answer.data["run_id"] ?? []).length; // count is more where the answer was cut
    for (let row = 0; row < this.size; row += 1) this.rows.set(this.id(row), row);
  }

  get count(): number {
    return this.size;
  }

  column(name: string): Column | undefined {
    return this.named.get(name);
  }

  id(row: number): string {
    return this.named.get("run_id")?.text(row) ?? "";
  }

  /** What people call the run: its name, or its id when it has none. */
  name(row: number): string {
    return this.named.get("run_name")?.text(row) || this.id(row);
  }

  row(id: string): number | undefined {
    return this.rows.get(id);
  }

  /** Whether the run is part of another one here, as a trial is of its search. */
  isInside(row: number): boolean {
    return this.rows.has(this.named.get("parent_run_id")?.text(row) ?? "");
  }

  /** How many runs are; a run's parent never changes. */
  get inside(): number {
    if (this.insiders < 0) {
      this.insiders = 0;
      for (let row = 0; row < this.size; row += 1) if (this.isInside(row)) this.insiders += 1;
    }
    return this.insiders;
  }

  /** Whether every word is in the run's name, experiment or a tag, in any case, or begins its id. */
  matches(row: number, words: readonly string[]): boolean {
    if (words.length === 0) return true;
    const haystack = (this.haystacks[row] ??= this.haystack(row));
    return words.every((word) => haystack.includes(word) || this.id(row).startsWith(word));
  }

  /**
   * Takes over changed columns of runs.
   * Returns: the ids that aren't here yet, and whether anything changed.
   */
  apply(changed: readonly ChangedRun[]): { unknown: string[]; columns: Set<string> } {
    const unknown: string[] = [];
    const touched = new Set<string>();
    for (const run of changed) {
      const row = this.rows.get(run.run_id);
      if (row === undefined) {
        unknown.push(run.run_id);
        continue;
      }
      for (const [name, value] of Object.entries(run)) {
        if (name === "run_id" || !isCell(value)) continue;
        const column = this.named.get(name) ?? this.add(name, value);
        if (!column || column.at(row) === value) continue;
        column.set(row, value);
        touched.add(name);
      }
      this.haystacks[row] = undefined;
    }
    return { unknown, columns: touched };
  }

  /** A metric that no run had before. */
  private add(name: string, value: Cell): Column | undefined {
    if (value === null || !/^(metrics|params|tags)\./.test(name)) return undefined;
    const kind: ColumnKind = name.startsWith("metrics.") || typeof value === "number" ? "number" : typeof value === "boolean" ? "bool" : "text";
    const column = new Column(name, kind, new Array<Cell>(this.size).fill(null));
    this.columns.push(column);
    this.named.set(name, column);
    return column;
  }

  private haystack(row: number): string {
    const parts = [this.named.get(NAME)?.text(row) ?? "", this.named.get("experiment")?.text(row) ?? ""];
    for (const column of this.columns) if (column.name.startsWith("tags.")) parts.push(column.text(row));
    return parts.join("\n").toLowerCase();
  }
}

export const wordsOf = (search: string): string[] => search.toLowerCase().split(/\s+/).filter((word) => word !== "");

function isCell(value: unknown): value is Cell {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
