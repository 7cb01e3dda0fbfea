import { expect, test } from "vitest";

import { alikeOf } from "../src/views/alike";
import { choicesOf, withChoices, type Choices } from "../src/views/choices";
import { comparedOf, goodnessOf, groupingOf, groupings, metricOf, pairingOf, pairings, valuesOf } from "../src/views/compared";
import { histogram, median, tallied } from "../src/views/tally";

const compared = comparedOf({
  runs: ["a", "b", "c", "d"].map((id) => ({ run_id: id, run_name: null, experiment: "e", status: "FINISHED" })),
  differences: [
    { kind: "param", name: "opt", values: ["adam", "sgd", "adam", "sgd"] },
    { kind: "param", name: "id", values: ["1", "2", "3", "4"] },
    { kind: "tag", name: "team", values: ["x", null, "x", "x"] },
    { kind: "code", name: "commit", values: ["1", "1", "2", "2"] },
  ],
  same: 3,
  metrics: [
    { key: "system/cpu", values: [1, 2, 3, 4], best: [], direction: "minimize" },
    { key: "rare", values: [1, null, "NaN", null], best: ["a"], direction: "maximize" },
    { key: "loss", values: [1, 2, 3, "NaN"], best: ["a"], direction: "minimize" },
  ],
});

test("a run without a name is called by its id", () => {
  expect(compared.runs.map((run) => run.name)).toEqual(["a", "b", "c", "d"]);
});

test("only params and tags that make a few groups can be grouped by", () => {
  expect(groupings(compared)).toEqual(["params.opt", "params.id"]);
  expect(valuesOf(compared, "tags.team")).toEqual(["x", null, "x", "x"]);
});

test("without a choice, groups are of words before numbers, and pairs of one seed", () => {
  const values = (n: number, text: (k: number) => string) => Array.from({ length: n }, (_, k) => text(k));
  const many = { ...compared, differences: [
    { kind: "param", name: "lr", values: values(24, String) },
    { kind: "param", name: "seed", values: values(24, (k) => String(k % 4)) },
    { kind: "tag", name: "team", values: values(24, (k) => (k < 9 ? "x" : "y")) },
  ] };

  expect([groupings(many), pairings(many)]).toEqual([["params.seed", "tags.team"], ["params.seed", "tags.team"]]);
  expect([groupingOf(many, ""), groupingOf(many, "params.seed"), groupingOf(many, "params.lr")]).toEqual(["tags.team", "params.seed", "tags.team"]);
  expect([pairingOf(many, "", "tags.team"), pairingOf(many, "none", "tags.team"), pairingOf(many, "", "params.seed")]).toEqual(["params.seed", "", ""]);
});

test("the metric that most runs have is asked about first, the machine's own never", () => {
  expect(metricOf(compared, null)).toBe("loss");
  expect(metricOf(compared, "rare")).toBe("rare");
  expect(metricOf(compared, "gone")).toBe("loss");
  const all = (key: string) => ({ key, values: [1, 2, 3, 4], best: [], direction: "minimize" });
  expect(metricOf({ ...compared, metrics: [all("epoch_time"), all("lr"), all("loss"), all("val/loss")] }, null)).toBe("val/loss");
});

test("goodness is by rank, knows the direction, and has none for what isn't finite", () => {
  expect([...goodnessOf([1, 1000, 2, NaN], "maximize")]).toEqual([0, 1, 0.5, NaN]);
  expect([...goodnessOf([1, 1000, 2, NaN], "minimize")]).toEqual([1, 0, 0.5, NaN]);
  expect([...goodnessOf([7, 7], "minimize")]).toEqual([1, 1]);
});

test("a link holds every choice of the compare page", () => {
  const choices: Choices = {
    part: "parallel",
    all: true,
    metric: "val/acc, top 5 %",
    axes: ["params.a,b", "metrics.x%y"],
    brushes: new Map([["params.lr", { low: 0.001, high: 0.1 }]]),
    method: "fanova",
    by: "params.opt",
    pairOn: "params.seed",
    curvesBy: "tags.team",
    x: "params.lr",
    y: "metrics.loss",
    colour: "metrics.acc",
  };
  const link = withChoices(new URLSearchParams("runs=a,b"), choices).toString();

  expect(choicesOf(new URLSearchParams(link))).toEqual(choices);
  expect(new URLSearchParams(link).get("runs")).toBe("a,b");
});

test("what is the page's own choice isn't written into the link", () => {
  const choices = choicesOf(new URLSearchParams("tab=nonsense&axes=%25E0%25A4%25A"));
  expect(choices.part).toBe("differences");
  expect(withChoices(new URLSearchParams(), choices).toString()).toBe("");
});

test("alike is what all have with the same value", () => {
  const entry = (name: string, value: string) => ({ kind: "param", name, value });
  expect(alikeOf([[entry("a", "1"), entry("b", "1")], [entry("b", "1"), entry("a", "2")]])).toEqual([entry("b", "1")]);
  expect(alikeOf([])).toEqual([]);
});

test("values are counted, the most frequent first, missing ones too", () => {
  expect(tallied(["x", null, "y", "y", null, "y"])).toEqual([{ text: "y", runs: 3 }, { text: "none", runs: 2 }, { text: "x", runs: 1 }]);
});

test("a histogram counts each finite value once", () => {
  expect(histogram([0, 1, 2, 3, NaN, Infinity], 4)).toEqual([1, 1, 1, 1]);
  expect(histogram([5, 5], 3)).toEqual([0, 2, 0]);
  expect(median([3, 1, NaN, 2])).toBe(2);
  expect(median([])).toBeNaN();
});
