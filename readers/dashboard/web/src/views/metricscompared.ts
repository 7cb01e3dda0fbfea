// Where each metric of the compared runs ended, the best marked; of many runs how their values are spread.

import type { CompareAnswer } from "../answers";
import { h, type Child } from "../dom";
import { exactNumber, formatNumber, toNumber } from "../format";
import { bars } from "./bars";
import type { Compared } from "./compared";
import { SIDE_BY_SIDE } from "./differences";
import { listing, type ListColumn } from "./listing";
import { longText } from "./longtext";
import { runLabel } from "./runlabel";
import { histogram, median } from "./tally";

type Metric = CompareAnswer["metrics"][number];
const BINS = 24;
const MARKED = 3;

export function metricsCompared(compared: Compared, search: string, onSearch: (search: string) => void): HTMLElement {
  const few = compared.runs.length <= SIDE_BY_SIDE;
  const list = listing<Metric>({
    noun: ["metric", "metrics"],
    texts: (metric) => [metric.key],
    empty: h("p", { class: "soft" }, "None of these runs has logged a metric."),
    search,
    onSearch,
    columns: [
      { head: "Metric", class: "name", cell: (metric) => [longText(metric.key, 80), h("span", { class: "kind faint" }, metric.direction.startsWith("min") ? "lower is better" : "higher is better")], order: (metric) => metric.key },
      ...(few ? perRun(compared) : inAll(compared)),
    ],
  });
  list.update(compared.metrics);
  return h("div", { class: few ? "side-by-side" : undefined }, list.element);
}

function perRun(compared: Compared): ListColumn<Metric>[] {
  return compared.runs.map((run, index) => ({
    head: run.name,
    headView: runLabel(run),
    number: true,
    cell: (metric) => figure(metric, index, metric.best.includes(run.id)),
    order: (metric) => toNumber(metric.values[index] ?? null),
  }));
}

function figure(metric: Metric, index: number, best: boolean): Child {
  const value = metric.values[index] ?? null;
  if (value === null) return h("span", { class: "faint" }, "none");
  const number = toNumber(value);
  if (!best) return h("span", { title: exactNumber(number) }, formatNumber(number));
  return h("span", { class: "best", title: `${exactNumber(number)}, the best of these` }, formatNumber(number), h("span", { class: "visually-hidden" }, " best"));
}

function inAll(compared: Compared): ListColumn<Metric>[] {
  const runs = new Map(compared.runs.map((run, index) => [run.id, { run, index }]));
  const numbers = new Map<Metric, number[]>();
  const of = (metric: Metric): number[] => {
    let values = numbers.get(metric);
    if (values === undefined) numbers.set(metric, (values = metric.values.map((value) => toNumber(value))));
    return values;
  };
  const bestOf = (metric: Metric): Child => {
    const first = metric.best.slice(0, MARKED).flatMap((id) => runs.get(id) ?? []);
    if (first.length === 0) return h("span", { class: "faint" }, "none");
    const more = metric.best.length - first.length;
    return [h("span", { class: "best" }, formatNumber(of(metric)[first[0]?.index ?? 0] ?? NaN)), first.map(({ run }) => runLabel(run)), more > 0 && h("span", { class: "faint" }, `and ${more} more alike`)];
  };
  const end = (pick: (values: number[]) => number) => (metric: Metric): number => pick(of(metric).filter(Number.isFinite));
  const column = (head: string, value: (metric: Metric) => number): ListColumn<Metric> => ({ head, number: true, cell: (metric) => (Number.isFinite(value(metric)) ? formatNumber(value(metric)) : h("span", { class: "faint" }, "none")), order: value });
  return [
    { head: "Best", class: "best-cell", cell: bestOf },
    column("Lowest", end((values) => values.reduce((low, value) => Math.min(low, value), Infinity))),
    column("Median", end(median)),
    column("Highest", end((values) => values.reduce((high, value) => Math.max(high, value), -Infinity))),
    { head: "Spread", cell: (metric) => bars(histogram(of(metric), BINS)) },
    column("Runs", (metric) => of(metric).filter((value) => !Number.isNaN(value)).length),
  ];
}
