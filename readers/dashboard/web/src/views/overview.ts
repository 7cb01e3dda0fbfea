// The overview of a run: the params it was given and where each metric stands.

import type { MetricSummary, NamedValue } from "../answers";
import { h } from "../dom";
import { exactNumber, formatCount, formatNumber, toNumber, type JsonNumber } from "../format";
import { listing } from "./listing";
import { childrenList } from "./childruns";
import { longText } from "./longtext";
import { whenChanged, type Section, type SectionContext } from "./section";
import { valueText } from "./valuetext";

export function overview(context: SectionContext): Section {
  const params = listing<NamedValue>({
    noun: ["param", "params"],
    texts: (param) => [param.name, param.value],
    empty: h("p", { class: "soft" }, "No params were logged. ", h("code", null, 'tracker.log_params({"lr": 1e-3})'), " puts them here."),
    search: context.param("params") ?? "",
    onSearch: (text) => context.setParam("params", text || null),
    columns: [
      { head: "Param", cell: (param) => longText(param.name, 120), order: (param) => param.name, class: "name" },
      { head: "Value", cell: (param) => valueText(context.runId, "param", param), order: orderOf, class: "value mono" },
    ],
  });
  const metrics = metricsTable(["metric", "metrics"], "No metric was logged yet.", context);
  const children = childrenList();

  const metricsPart = part("Metrics", metrics.element);
  const element = h("div", { class: "overview" }, part("Params", params.element), metricsPart, children.element);
  const drawParams = whenChanged(params.update);
  const drawMetrics = whenChanged(metrics.update);
  return {
    element,
    update: (answer) => {
      drawParams(byName(answer.params, (param) => param.name));
      drawMetrics(byName(answer.metrics.filter((metric) => !metric.system), (metric) => metric.key));
      children.update(answer);
    },
  };
}

/** What a schedule sets and what counts the work: neither is better for being high. */
const SETTINGS = /(^|[/_.])(lr|learning_rate|epoch|step|iteration)$/i;

export function metricsTable(noun: readonly [string, string], empty: string, context: SectionContext): ReturnType<typeof listing<MetricSummary>> {
  const number = (head: string, of: (metric: MetricSummary) => JsonNumber | null, at?: (metric: MetricSummary) => number | null, best?: (metric: MetricSummary) => boolean) => ({
    head,
    number: true,
    cell: (metric: MetricSummary) => figure(of(metric), at?.(metric), best?.(metric) === true && !metric.system && !SETTINGS.test(metric.key)),
    order: (metric: MetricSummary) => toNumber(of(metric)),
  });
  return listing<MetricSummary>({
    noun,
    texts: (metric) => [metric.key],
    empty: h("p", { class: "soft" }, empty),
    search: context.param(noun[1]) ?? "",
    onSearch: (text) => context.setParam(noun[1], text || null),
    columns: [
      { head: "Metric", cell: (metric) => longText(metric.key, 120), order: (metric) => metric.key, class: "name" },
      number("Last", (metric) => metric.last, (metric) => metric.last_step),
      number("Min", (metric) => metric.min, (metric) => metric.min_step, (metric) => metric.direction === "minimize"),
      number("Max", (metric) => metric.max, (metric) => metric.max_step, (metric) => metric.direction === "maximize"),
      number("Mean", (metric) => metric.mean),
      number("Points", (metric) => metric.count),
      { head: "NaN", number: true, cell: (metric) => (metric.nan_count > 0 ? h("span", { class: "bad" }, formatCount(metric.nan_count)) : h("span", { class: "faint" }, "0")), order: (metric) => metric.nan_count },
    ],
  });
}

export function part(title: string, ...children: (Node | null)[]): HTMLElement {
  return h("section", { class: "part" }, h("h2", null, title), ...children);
}

const order = new Intl.Collator("en", { numeric: true });

/** layer_2 before layer_10. */
function byName<T>(rows: readonly T[], name: (row: T) => string): T[] {
  return [...rows].sort((a, b) => order.compare(name(a), name(b)));
}

function figure(value: JsonNumber | null, step: number | null | undefined, best: boolean): HTMLElement {
  if (value === null) return h("span", { class: "faint" }, "none");
  const number = toNumber(value);
  const where = step === null || step === undefined ? "" : ` at step ${exactNumber(step)}`;
  if (!best || !Number.isFinite(number)) return h("span", { title: `${exactNumber(number)}${where}` }, formatNumber(number));
  return h("span", { class: "best", title: `The best: ${exactNumber(number)}${where}` }, formatNumber(number), h("span", { class: "visually-hidden" }, " best"));
}

function orderOf(param: NamedValue): number | string {
  const number = toNumber(param.number ?? null);
  return Number.isNaN(number) ? param.value.slice(0, 200) : number;
}
