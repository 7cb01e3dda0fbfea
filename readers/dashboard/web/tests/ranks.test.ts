import { expect, test } from "vitest";

import type { RankRow, RanksAnswer } from "../src/answers";
import { belongsTo, lineOf, rankOf, runOf } from "../src/charts/lines";
import { drawnOf, headline } from "../src/views/ranks";

const row = (rank: number, verdict = "ok"): RankRow => ({
  rank,
  host: "node",
  status: "RUNNING",
  writers: 1,
  points: 1,
  last_step: 1,
  last_time: null,
  steps_per_s: 1,
  step_time: null,
  lag_steps: 0,
  lag_s: 0,
  verdict,
  reason: "",
});
const ranks = (rows: RankRow[]): RanksAnswer => ({
  metric: "loss",
  step_time: null,
  stragglers: rows.filter((one) => one.verdict === "straggler").map((one) => one.rank),
  rows,
  notes: [],
  count: rows.length,
});

test("a line is a run, or a rank of it, and a writer's name tells the rank", () => {
  expect(lineOf("r1", 12)).toBe("r1@12");
  expect([runOf("r1@12"), runOf("r1")]).toEqual(["r1", "r1"]);
  expect([rankOf("node_1-77-12-18cabc"), rankOf("node_1-77-12"), rankOf("mlflow")]).toEqual([12, 0, 0]);
});

test("a pushed point belongs to the rank's line where ranks are drawn, else to the run's", () => {
  const place = belongsTo(["r1", "r2@0", "r2@3"]);

  expect(place("r1", "node-7-3-18c")).toBe("r1");
  expect(place("r2", "node-7-3-18c")).toBe("r2@3");
});

test("a run of one rank is drawn as ever", () => {
  const drawn = drawnOf("r1", "name", null, "lines");

  expect(drawn.runs).toEqual(["r1"]);
  expect([drawn.groups, drawn.colours, drawn.strong, drawn.legend, drawn.noun]).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

test("few ranks have a colour each, in their order, and odd ones are drawn last and say so", () => {
  const drawn = drawnOf("r1", "name", ranks([row(0), row(1, "straggler"), row(2)]), "lines");

  expect(drawn.runs).toEqual(["r1@0", "r1@2", "r1@1"]);
  expect(drawn.legend).toEqual(["r1@0", "r1@1", "r1@2"]);
  expect(new Set(drawn.colours?.values()).size).toBe(3);
  expect(drawn.names.get("r1@1")).toBe("rank 1 (straggler)");
});

test("of many ranks the usual ones share a colour, and the odd ones stand out and come first in the legend", () => {
  const drawn = drawnOf("r1", "name", ranks(Array.from({ length: 64 }, (_, rank) => row(rank, rank === 40 ? "straggler" : rank === 50 ? "dead" : "ok"))), "lines");

  expect(drawn.legend?.slice(0, 2)).toEqual(["r1@40", "r1@50"]);
  expect([...(drawn.strong ?? [])]).toEqual(["r1@40", "r1@50"]);
  expect(new Set(drawn.colours?.values()).size).toBe(3);
});

test("of more ranks than can be drawn, those that aren't well are", () => {
  const drawn = drawnOf("r1", "name", ranks(Array.from({ length: 600 }, (_, rank) => row(rank, rank === 599 ? "dead" : "ok"))), "lines");

  expect(drawn.runs.length).toBe(500);
  expect(drawn.runs.at(-1)).toBe("r1@599");
});

test("the headline counts who is odd, and claims nothing where nothing is known", () => {
  expect(headline(ranks([row(0), row(1, "straggler"), row(2, "dead"), row(3, "dead")]))).toBe("4 ranks, progress by loss. 1 straggler: rank 1; 2 dead.");
  expect(headline(ranks([row(0), row(1), row(2)]))).toBe("3 ranks, progress by loss. No straggler.");
  expect(headline(ranks([row(0, "unknown"), row(1, "unknown")]))).toBe("2 ranks, progress by loss. No verdict.");
});
