// The compare page's scatter: which columns, the picture, and its numbers as a table.

import { h, type Child } from "../dom";
import { formatNumber } from "../format";
import { emptyState } from "../states";
import { association } from "./association";
import { choice, namesAsOptions } from "./choice";
import type { Choices } from "./choices";
import { columnText, title, type Column } from "./columns";
import type { ComparedRun, Direction } from "./compared";
import { listing } from "./listing";
import { longText } from "./longtext";
import type { PartView } from "./parallelpart";
import { runLabel } from "./runlabel";
import { scatterView } from "./scatter";

export interface ScatterPartOptions {
  readonly runs: readonly ComparedRun[];
  readonly columns: readonly Column[];
  readonly metric: string;
  /** Which way is better in a column, by its name. */
  readonly direction: (name: string) => Direction;
  readonly chosen: readonly boolean[];
  readonly x: string;
  readonly y: string;
  readonly colour: string;
  readonly choose: (change: Partial<Choices>) => void;
}

export function scatterPart(options: ScatterPartOptions): PartView {
  const { columns } = options;
  const named = (name: string): Column | undefined => columns.find((column) => column.name === name);
  const y = named(options.y) ?? named(`metrics.${options.metric}`) ?? columns[0];
  const x = named(options.x) ?? mostTelling(columns, y);
  if (x === undefined || y === undefined) return { element: emptyState("Nothing to draw", "A scatter needs two columns: metrics, or params that differ among these runs."), dispose: () => undefined };
  const colour = named(options.colour) ?? named(`metrics.${options.metric}`) ?? y;
  const names = namesAsOptions(columns.map((column) => column.name));
  const view = scatterView({ runs: options.runs, x, y, colour, direction: options.direction(colour.name), chosen: options.chosen });
  const shown = [...new Set([x, y, colour])];
  const list = listing<number>({
    noun: ["run", "runs"],
    texts: (run) => [options.runs[run]?.name ?? ""],
    empty: "",
    columns: [
      { head: "Run", class: "name", cell: (run) => runLabel(options.runs[run] ?? { id: "", name: "" }), order: (run) => options.runs[run]?.name ?? "" },
      ...shown.map((column) => ({
        head: title(column.name),
        number: column.kind !== "category",
        cell: (run: number): Child => longText(columnText(column, run, formatNumber), 80),
        order: (run: number): number | string => (column.kind === "category" ? columnText(column, run, formatNumber) : (column.values[run] ?? NaN)),
      })),
    ],
  });
  list.update([...options.chosen.keys()].filter((run) => options.chosen[run] === true));
  const element = h(
    "section",
    { class: "part" },
    h(
      "div",
      { class: "controls" },
      choice("Across", names, x.name, (name) => options.choose({ x: name })),
      choice("Up", names, y.name, (name) => options.choose({ y: name })),
      choice("Colour", names, colour.name, (name) => options.choose({ colour: name })),
    ),
    view.element,
    list.element,
  );
  return { element, dispose: view.dispose };
}

/** The param, if there is one, that goes most with what is up. */
function mostTelling(columns: readonly Column[], y: Column | undefined): Column | undefined {
  const others = columns.filter((column) => column !== y);
  const params = others.filter((column) => column.name.startsWith("params."));
  const ranked = (params.length > 0 ? params : others).map((column) => [y === undefined ? 0 : association(column, y.values), column] as const);
  return ranked.sort(([a], [b]) => b - a)[0]?.[1];
}
