import { expect, test } from "vitest";

import type { Cell, ColumnKind } from "../src/answers";
import { RunFrame, wordsOf } from "../src/runs/frame";
import { commonOf, grouped, meanOf } from "../src/runs/groups";
import { fittingRows, nextSort, sortRows } from "../src/runs/order";

function frame(data: Record<string, Cell[]>, kinds: Record<string, ColumnKind> = {}): RunFrame {
  const columns = Object.keys(data).map((name) => ({ name, kind: kinds[name] ?? (name.startsWith("metrics.") ? "number" : "text") }) as const);
  return new RunFrame({ columns, data });
}

const sorted = (runs: RunFrame, ...sort: { name: string; down: boolean }[]): string[] =>
  Array.from(sortRows(runs, Int32Array.from({ length: runs.count }, (_, k) => k), sort), (row) => runs.id(row));

test("numbers sort as numbers, NaN and missing ones last both ways", () => {
  const runs = frame({ run_id: ["a", "b", "c", "d", "e"], "metrics.loss": [10, "NaN", 9, null, "-Infinity"] });

  expect(sorted(runs, { name: "metrics.loss", down: false })).toEqual(["e", "c", "a", "b", "d"]);
  expect(sorted(runs, { name: "metrics.loss", down: true })).toEqual(["a", "c", "e", "b", "d"]);
});

test("texts sort as people do, and further columns decide between equal ones", () => {
  const runs = frame({ run_id: ["a", "b", "c"], run_name: ["run-10", "run-2", "Run-2"], "metrics.loss": [1, 2, 3] });

  expect(sorted(runs, { name: "run_name", down: false }, { name: "metrics.loss", down: true })).toEqual(["c", "b", "a"]);
});

test("without a sort the newest come first", () => {
  const runs = frame({ run_id: ["a", "b", "c"], start_time: ["2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", null] }, { start_time: "time" });

  expect(sorted(runs)).toEqual(["b", "a", "c"]);
});

test("a heading's clicks: first way, other way, none; shift keeps the others", () => {
  const once = nextSort([], "metrics.loss", true, false);
  const twice = nextSort(once, "metrics.loss", true, false);

  expect([once, twice]).toEqual([[{ name: "metrics.loss", down: true }], [{ name: "metrics.loss", down: false }]]);
  expect(nextSort(twice, "metrics.loss", true, false)).toEqual([]);
  expect(nextSort(once, "status", false, true)).toEqual([...once, { name: "status", down: false }]);
});

test("groups stand in the order of the sorted column's mean, runs without a value last", () => {
  const runs = frame({ run_id: ["a", "b", "c", "d"], "params.opt": ["adam", "sgd", "sgd", null], "metrics.loss": [5, 1, 2, 0] });
  const column = runs.column("params.opt")!;
  const lines = grouped(runs, Int32Array.from([0, 1, 2, 3]), column, [{ name: "metrics.loss", down: false }], new Set(["adam"]));

  expect(lines.groups.map((group) => group.value)).toEqual(["sgd", "adam", ""]);
  expect([...lines.items]).toEqual([-1, 1, 2, -2, -3, 3]);
});

test("means leave out what is no number", () => {
  const runs = frame({ run_id: ["a", "b", "c", "d"], "metrics.loss": [1, 3, "NaN", null], "params.x": ["1", "1", "1", "1"] });
  const rows = Int32Array.from([0, 1, 2, 3]);

  expect(meanOf(runs.column("metrics.loss")!, rows)).toEqual({ mean: 2, count: 2 });
  expect([commonOf(runs.column("params.x")!, rows), commonOf(runs.column("metrics.loss")!, rows)]).toEqual([0, null]);
});

test("pushed changes are taken over, new metrics too, unknown runs told", () => {
  const runs = frame({ run_id: ["a", "b"], status: ["RUNNING", "FINISHED"], "metrics.loss": [1, 2] }, { status: "status" });
  runs.column("metrics.loss")?.sortKeys();
  const told = runs.apply([{ run_id: "a", status: "FINISHED", "metrics.loss": 3, "metrics.new": 4 }, { run_id: "z", status: "RUNNING" }]);

  expect(told).toEqual({ unknown: ["z"], columns: new Set(["status", "metrics.loss", "metrics.new"]) });
  expect(sorted(runs, { name: "metrics.loss", down: true })).toEqual(["a", "b"]);
  expect([runs.column("metrics.new")?.at(0), runs.column("metrics.new")?.at(1)]).toEqual([4, null]);
});

test("search wants every word somewhere in name, id, experiment or tags", () => {
  const runs = frame({ run_id: ["a1", "b2"], run_name: ["Big run", "small"], experiment: ["vision", "text"], "tags.team": ["red", "blue"], "params.x": ["red", "red"] });
  const found = (search: string): boolean[] => [0, 1].map((row) => runs.matches(row, wordsOf(search)));

  expect([found("BIG red"), found("red"), found(" "), found("b2 text")]).toEqual([[true, false], [true, false], [true, true], [false, true]]);
});

test("runs that are part of another one here are folded away, others stay", () => {
  const runs = frame({ run_id: ["search", "trial", "step", "orphan"], parent_run_id: [null, "search", "trial", "elsewhere"] });
  const shown = (folded: boolean): string[] => Array.from(fittingRows(runs, "", [], folded), (row) => runs.id(row));

  expect([shown(true), shown(false), runs.inside]).toEqual([["search", "orphan"], ["search", "trial", "step", "orphan"], 2]);
});
