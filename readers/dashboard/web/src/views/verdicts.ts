// Is one group of runs better than another? The answer in words first, then the groups, then each comparison made.

import type { Scope, VerdictsAnswer } from "../answers";
import { postVerdicts } from "../api";
import { fill, h, type Child } from "../dom";
import { formatNumber, plural, toNumber, type JsonNumber } from "../format";
import { emptyState, errorState, loadingState } from "../states";
import { choice, namesAsOptions } from "./choice";
import { intervalRows } from "./intervals";
import { listing } from "./listing";
import { longText } from "./longtext";
import { scaleOf } from "./scale";

export interface VerdictOptions {
  readonly scope: Scope;
  readonly metric: string;
  /** Names that may tell groups apart: "params.optimizer". */
  readonly groupings: readonly string[];
  /** Names that may say which runs belong together. */
  readonly pairings: readonly string[];
  readonly by: string;
  readonly pairOn: string;
  /** Before the choice of groups. */
  readonly lead: Child;
  readonly choose: (name: "by" | "pair", value: string) => void;
}

type Pair = VerdictsAnswer["pairs"][number];
/** Also the single runs' values, and how many lack the metric. */
type Group = VerdictsAnswer["groups"][number] & { readonly values?: readonly JsonNumber[]; readonly missing?: number };
const MOST_GROUPS = 40;
const MOST_POINTS = 100;

export function verdictsView(options: VerdictOptions, signal: AbortSignal): HTMLElement {
  if (options.groupings.length === 0) return emptyState("Nothing to group by", "Groups are told apart by a param or tag that some of these runs share and others don't.");
  const body = h("div", { class: "answer" });
  const pairings = [{ value: "", label: "nothing" }, ...namesAsOptions(options.pairings.filter((name) => name !== options.by))];
  const controls = h(
    "div",
    { class: "controls" },
    options.lead,
    choice("Group by", namesAsOptions(options.groupings), options.by, (by) => options.choose("by", by)),
    choice("Pair on", pairings, options.pairOn, (pair) => options.choose("pair", pair)),
  );
  const ask = async (): Promise<void> => {
    fill(body, loadingState("Comparing the groups"));
    try {
      const query = { ...options.scope, by: options.by, metric: options.metric, ...(options.pairOn ? { pair_on: options.pairOn } : {}) };
      const answer = await postVerdicts(query, signal);
      if (!signal.aborted) fill(body, told(answer, options));
    } catch (error) {
      if (!signal.aborted) fill(body, errorState(error, () => void ask()));
    }
  };
  void ask();
  return h("section", { class: "part" }, controls, body);
}

function told(answer: VerdictsAnswer, options: VerdictOptions): Child {
  const groups: Group[] = answer.groups.slice(0, MOST_GROUPS);
  const bounds = groups.flatMap((group) => [group.mean, group.lower, group.upper].map(toNumber)).concat(...groups.map(points));
  return [
    h("p", { class: "words" }, answer.words),
    groups.length > 0 && h("h2", null, `${options.metric} by ${options.by.replace(/^(params|tags)\./, "")}`),
    groups.length > 0 &&
      intervalRows(
        scaleOf("linear", bounds),
        groups.map((group, index) => ({
          name: group.name,
          note: plural(group.n, "run") + (group.missing ? `, ${group.missing} without the metric` : ""),
          value: toNumber(group.mean),
          low: toNumber(group.lower),
          high: toNumber(group.upper),
          strong: index === 0,
          points: points(group),
          figures: [h("span", null, formatNumber(toNumber(group.mean))), h("span", { class: "faint" }, Number.isNaN(toNumber(group.lower)) ? " no interval" : ` ${formatNumber(toNumber(group.lower))} to ${formatNumber(toNumber(group.upper))}`)],
        })),
        `${options.metric} of each group`,
      ),
    answer.groups.length > MOST_GROUPS && h("p", { class: "faint" }, `and ${plural(answer.groups.length - MOST_GROUPS, "more group")}`),
    groups.length > 0 && h("p", { class: "faint legend" }, "Best mean first. Dot: mean. Line: its 95 % interval. Small marks: single runs."),
    answer.pairs.length > 0 && pairTable(answer.pairs),
  ];
}

function points(group: Group): number[] {
  return (group.values ?? []).slice(0, MOST_POINTS).map(toNumber);
}

function pairTable(pairs: readonly Pair[]): HTMLElement {
  const list = listing<Pair>({
    noun: ["comparison", "comparisons"],
    texts: (pair) => [pair.a, pair.b, pair.words],
    empty: "",
    columns: [
      { head: "Comparison", class: "name", cell: (pair) => [longText(pair.a, 60), h("span", { class: "faint" }, " against "), longText(pair.b, 60)], order: (pair) => pair.a },
      { head: "Verdict", class: "verdict", cell: (pair) => h("span", { class: pair.conclusion.endsWith("better") ? "verdict-shown" : "faint" }, conclusionWords(pair)), order: (pair) => pair.conclusion },
      { head: "Difference", number: true, cell: (pair) => formatNumber(toNumber(pair.estimate)), order: (pair) => toNumber(pair.estimate) },
      { head: "95 % interval", number: true, cell: (pair) => (Number.isNaN(toNumber(pair.lower)) ? "none" : `${formatNumber(toNumber(pair.lower))} to ${formatNumber(toNumber(pair.upper))}`) },
      { head: "P(first better)", number: true, cell: (pair) => probability(toNumber(pair.probability)), order: (pair) => toNumber(pair.probability) },
      { head: "p, adjusted", number: true, cell: (pair) => pValue(toNumber(pair.p)), order: (pair) => toNumber(pair.p) },
      { head: "In words", class: "in-words", cell: (pair) => longText(pair.words, 400) },
    ],
  });
  list.update(pairs);
  return h("section", { class: "part" }, h("h2", null, "Each comparison"), list.element);
}

export function conclusionWords(pair: Pick<Pair, "a" | "b" | "conclusion">): string {
  if (pair.conclusion === "a better") return `${pair.a} is better`;
  if (pair.conclusion === "b better") return `${pair.b} is better`;
  return pair.conclusion;
}

function probability(share: number): string {
  return Number.isNaN(share) ? "none" : share.toFixed(2);
}

function pValue(p: number): string {
  if (Number.isNaN(p)) return "no test";
  return p < 0.001 ? "< 0.001" : formatNumber(p, 2);
}
