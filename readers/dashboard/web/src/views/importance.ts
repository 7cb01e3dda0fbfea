// Which params a metric depends on, how sure that is, and what one should know before believing it.

import type { ImportanceAnswer, Scope } from "../answers";
import { postImportance } from "../api";
import { fill, h, type Child } from "../dom";
import { formatCount, formatNumber, plural, toNumber } from "../format";
import { errorState, loadingState } from "../states";
import { choice } from "./choice";
import { intervalRows, type Estimate } from "./intervals";
import { scaleOf } from "./scale";

export const METHODS: Readonly<Record<string, string>> = {
  permutation: "Permutation of a forest",
  pedanova: "PED-ANOVA: what the best tenth has in common",
  fanova: "fANOVA: share of the variance",
  mdi: "Splits of a forest (MDI)",
  spearman: "Rank correlation",
};
const MOST_ROWS = 40;

export interface ImportanceOptions {
  readonly scope: Scope;
  readonly metric: string;
  readonly method: string;
  /** Before the choice of a method. */
  readonly lead: Child;
  readonly onMethod: (method: string) => void;
}

export function importanceView(options: ImportanceOptions, signal: AbortSignal): HTMLElement {
  const body = h("div", { class: "answer" });
  const methods = Object.entries(METHODS).map(([value, label]) => ({ value, label }));
  const element = h("section", { class: "part" }, h("div", { class: "controls" }, options.lead, choice("Method", methods, options.method, options.onMethod)), body);
  const ask = async (): Promise<void> => {
    fill(body, loadingState("Computing; a forest over thousands of runs takes seconds"));
    try {
      const answer = await postImportance({ ...options.scope, metric: options.metric, method: options.method }, signal);
      if (!signal.aborted) fill(body, told(answer));
    } catch (error) {
      if (!signal.aborted) fill(body, errorState(error, () => void ask()));
    }
  };
  void ask();
  return element;
}

function told(answer: ImportanceAnswer): Child {
  if (answer.params.length === 0) return [h("p", { class: "words" }, "No param varies among these runs, so none can matter."), warnings(answer.warnings)];
  const rows = answer.params.slice(0, MOST_ROWS).map(estimateOf);
  const scale = scaleOf("linear", [0, ...rows.map((row) => row.high), ...rows.map((row) => row.value)]);
  return [
    h("p", { class: "words" }, headline(answer)),
    h("p", { class: "soft" }, foretold(answer)),
    warnings(answer.warnings),
    intervalRows(scale, rows, `Importance of params for ${answer.metric}`),
    answer.params.length > MOST_ROWS && h("p", { class: "faint" }, `and ${plural(answer.params.length - MOST_ROWS, "less important param")}`),
    h("p", { class: "faint legend" }, "Dot: share of the importance. Line: its 95 % interval. Rank in brackets: the ranks that these runs leave open."),
  ];
}

/** The answer in a sentence: the params that lead, and whether their lead is sure. */
export function headline(answer: ImportanceAnswer): string {
  const [first, second] = answer.params;
  if (first === undefined || !(toNumber(first.importance) > 0)) return `Nothing shows that ${answer.metric} depends on any of these params.`;
  const share = `${Math.round(toNumber(first.importance) * 100)} %`;
  if (second === undefined) return `${answer.metric} goes with ${first.name}, the only param that varies.`;
  const sure = first.rank_high !== null && first.rank_high <= 1;
  return sure
    ? `${first.name} matters most for ${answer.metric}, with ${share} of the importance.`
    : `${first.name} leads with ${share} of the importance for ${answer.metric}, but these runs don't settle which param matters most.`;
}

function foretold(answer: ImportanceAnswer): string {
  const r2 = toNumber(answer.r2);
  const runs = plural(answer.n, "run");
  if (Number.isNaN(r2)) return `From ${runs}. How well the params foretell the metric is unknown.`;
  if (r2 < 0.1) return `From ${runs}. The params foretell next to nothing of the metric for runs not seen (R² ${formatNumber(r2, 2)}): don't build on this order.`;
  return `From ${runs}. The params foretell ${formatCount(r2 * 100)} % of the metric's variance for runs not seen (R² ${formatNumber(r2, 2)}).`;
}

function warnings(words: readonly string[]): Child {
  return words.length > 0 && h("ul", { class: "warnings" }, words.map((one) => h("li", null, one)));
}

function estimateOf(param: ImportanceAnswer["params"][number]): Estimate {
  const [low, high] = [toNumber(param.low), toNumber(param.high)];
  const ranks = param.rank_low === null || param.rank_high === null || param.rank_low === param.rank_high ? "" : ` (${param.rank_low}–${param.rank_high})`;
  return {
    name: param.name,
    value: toNumber(param.importance),
    low,
    high,
    note: effectWords(toNumber(param.effect)),
    strong: param.rank === 1,
    figures: [h("span", null, formatNumber(toNumber(param.importance), 2)), h("span", { class: "faint" }, ` ${formatNumber(low, 2)} to ${formatNumber(high, 2)}`), h("span", { class: "estimate-rank" }, `rank ${param.rank}${ranks}`)],
  };
}

export function effectWords(effect: number): string {
  if (Number.isNaN(effect)) return "no order to its values";
  if (Math.abs(effect) < 0.1) return "neither up nor down with it";
  const size = Math.abs(effect) >= 0.5 ? "clearly " : "";
  return effect > 0 ? `more of it goes ${size}with more` : `more of it goes ${size}with less`;
}
