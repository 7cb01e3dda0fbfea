// The compare page's parallel coordinates: choice of axes, the picture, what it is coloured by, and the chosen runs.

import { fill, h, type Child } from "../dom";
import { exactNumber, formatNumber, plural } from "../format";
import { emptyState } from "../states";
import { onTheme, theme } from "../theme";
import { association } from "./association";
import { axisPicker } from "./axispicker";
import { chosen, type Brushes } from "./brushes";
import { columnText, title, type Column } from "./columns";
import type { ComparedRun, Direction } from "./compared";
import { listing, type Listing } from "./listing";
import { longText } from "./longtext";
import { parallelView, type ParallelView } from "./parallel";
import { runLabel } from "./runlabel";
import { sequentialColour } from "./sequential";

export interface ParallelPartOptions {
  readonly runs: readonly ComparedRun[];
  /** Every column there is. */
  readonly columns: readonly Column[];
  readonly metric: string;
  readonly direction: Direction;
  /** As the link has them; none: the telling ones. */
  readonly axes: readonly string[];
  readonly brushes: Brushes;
  /** Before the choice of axes. */
  readonly lead: Child;
  readonly onAxes: (names: string[]) => void;
  readonly onBrushes: (brushes: Brushes) => void;
}

export interface PartView {
  readonly element: HTMLElement;
  /** Brushes changed from outside. */
  brushed?(brushes: Brushes): void;
  dispose(): void;
}

const FIRST_AXES = 8;
const MOST_LISTED = 13;

export function parallelPart(options: ParallelPartOptions): PartView {
  const metricName = `metrics.${options.metric}`;
  const params = options.columns.filter((column) => column.name.startsWith("params."));
  const metric = options.columns.find((column) => column.name === metricName);
  if (metric === undefined || params.length === 0) {
    return { element: emptyState("Nothing to draw", params.length === 0 ? "No param differs among these runs." : "None of these runs has logged a metric."), dispose: () => undefined };
  }
  const byName = new Map(options.columns.map((column) => [column.name, column]));
  const values = new Map(options.columns.map((column) => [column.name, column.values]));
  const place = h("div", { class: "part" });
  let shown = axesOf(options, metric);
  let brushes = options.brushes;
  let view: ParallelView | null = null;
  let rows: Listing<number> | null = null;

  const columnsShown = (): Column[] => shown.flatMap((name) => byName.get(name) ?? []);

  function draw(): void {
    view?.dispose();
    view = parallelView({
      runs: options.runs,
      columns: columnsShown(),
      everyColumn: options.columns,
      metric: metricName,
      direction: options.direction,
      brushes,
      onBrushes: (next) => {
        brushes = next;
        listChosen();
        options.onBrushes(next);
      },
      onOrder: (names) => {
        shown = names;
        options.onAxes(names);
      },
    });
    rows = chosenRows();
    const hint = "Drag along an axis to choose runs, click it to let go; drag a name to move its axis. By keyboard: each axis has two sliders, Delete lets go.";
    fill(place, view.element, h("p", { class: "faint" }, hint), rows.element);
    listChosen();
  }

  function chosenRows(): Listing<number> {
    const listed = [...new Set([metric, ...columnsShown()])].flatMap((column) => column ?? []).slice(0, MOST_LISTED);
    return listing<number>({
      noun: ["chosen run", "chosen runs"],
      texts: (run) => [options.runs[run]?.name ?? "", options.runs[run]?.id ?? ""],
      empty: h("p", { class: "soft" }, "No run lies in all of these stretches. Widen one of them, or clear them."),
      hover: (run) => view?.mark(run ?? -1),
      columns: [
        { head: "Run", class: "name", cell: (run) => runLabel(options.runs[run] ?? { id: "", name: "" }), order: (run) => options.runs[run]?.name ?? "" },
        ...listed.map((column) => ({
          head: title(column.name),
          number: column.kind !== "category",
          class: "value",
          cell: (run: number): Child => h("span", { title: column.kind === "category" ? undefined : exactNumber(column.values[run] ?? NaN) }, longText(columnText(column, run, formatNumber), 80)),
          order: (run: number): number | string => (column.kind === "category" ? columnText(column, run, formatNumber) : (column.values[run] ?? NaN)),
        })),
      ],
    });
  }

  /** The best first. */
  function listChosen(): void {
    const inside = chosen(options.runs.length, values, brushes);
    const sign = options.direction === "maximize" ? -1 : 1;
    const value = (run: number): number => metric?.values[run] ?? NaN;
    const order = [...inside.keys()].filter((run) => inside[run] === true);
    rows?.update(order.sort((a, b) => Number(Number.isNaN(value(a))) - Number(Number.isNaN(value(b))) || sign * (value(a) - value(b)) || 0));
  }

  function pick(names: string[]): void {
    shown = names;
    options.onAxes(names);
    draw();
  }

  draw();
  const legend = colourLegend(metric, options.direction);
  const picker = axisPicker([...params, ...options.columns.filter((column) => !column.name.startsWith("params."))], () => shown, pick);
  const element = h("section", { class: "part" }, h("div", { class: "controls" }, options.lead, picker, legend.element), place);
  return {
    element,
    brushed: (next) => {
      brushes = next;
      view?.brushed(next);
      listChosen();
    },
    dispose: () => {
      view?.dispose();
      legend.dispose();
    },
  };
}

/** The asked axes that there are; else the params that go most with the metric, and the metric last. */
function axesOf(options: ParallelPartOptions, metric: Column): string[] {
  const there = new Set(options.columns.map((column) => column.name));
  const asked = options.axes.filter((name) => there.has(name));
  if (asked.length > 0) return asked.length > 1 || asked[0] === metric.name ? asked : [...asked, metric.name];
  const params = options.columns.filter((column) => column.name.startsWith("params."));
  const telling = params
    .map((column) => [association(column, metric.values), column] as const)
    .sort(([a], [b]) => b - a)
    .slice(0, FIRST_AXES)
    .map(([, column]) => column);
  return [...params.filter((column) => telling.includes(column)).map((column) => column.name), metric.name];
}

function colourLegend(metric: Column, direction: Direction): { element: HTMLElement; dispose: () => void } {
  const finite = [...metric.values].filter(Number.isFinite).sort((a, b) => a - b);
  const [worst, best] = direction === "maximize" ? [finite[0], finite.at(-1)] : [finite.at(-1), finite[0]];
  const bar = h("span", { class: "legend-bar", "aria-hidden": "true" });
  const paint = (): void => {
    const stops = [0, 0.25, 0.5, 0.75, 1].map((goodness) => sequentialColour(goodness, theme() === "dark"));
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  };
  paint();
  const words = `Coloured by ${title(metric.name)}, in ranks; ${plural(finite.length, "run")} with a value`;
  const element = h("div", { class: "colour-legend", title: words }, h("span", { class: "faint" }, title(metric.name)), h("span", { class: "num" }, formatNumber(worst ?? NaN)), bar, h("span", { class: "num" }, formatNumber(best ?? NaN)), h("span", { class: "faint" }, "best"));
  return { element, dispose: onTheme(paint) };
}
