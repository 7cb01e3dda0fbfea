import { expect, test } from "vitest";

import { mergedAlerts } from "../src/views/alertwords";
import { diffLines, diffSummary } from "../src/views/difflines";
import { effectWords, headline } from "../src/views/importance";
import { safeCut } from "../src/views/longtext";
import { laidOut, nearestLine, GAP } from "../src/views/parallellayout";
import { numberColumn, textColumn } from "../src/views/columns";
import { pathTree } from "../src/views/pathtree";
import { fieldsOf } from "../src/views/recordtable";
import { matcher } from "../src/views/search";

const DIFF = `diff --git a/x.sql b/x.sql
index 1..2 100644
--- a/x.sql
+++ b/x.sql
@@ -1,3 +1,3 @@
 select 1
--- an old comment
+++ a new one
 from t
\\ No newline at end of file
`;

test("a removed line that begins with -- is a removed line, not a heading", () => {
  const lines = diffLines(DIFF);
  expect(lines.map((line) => line.kind)).toEqual(["head", "head", "head", "head", "place", "same", "remove", "add", "same", "same"]);
  expect(diffSummary(lines)).toEqual({ files: 1, added: 1, removed: 1 });
});

test("any text is a diff of unchanged lines", () => {
  expect(diffLines("+1\n-2\n@@ nothing").map((line) => line.kind)).toEqual(["same", "same", "same"]);
});

test("files stand in their folders, numbers in their order, and folders know how many they hold", () => {
  const tree = pathTree(["b/10.txt", "b/9.txt", "a.txt", "b/c/d.txt", "__proto__/x"], (path) => path);

  expect(tree.items.map(({ name }) => name)).toEqual(["a.txt"]);
  expect(tree.folders.map(({ name, count }) => [name, count])).toEqual([["__proto__", 1], ["b", 3]]);
  expect(tree.folders[1]?.items.map(({ name }) => name)).toEqual(["9.txt", "10.txt"]);
});

test("every word of a search must occur somewhere, in any case and order", () => {
  expect(matcher("LOSS val")("val/loss")).toBe(true);
  expect(matcher("loss train")("val/loss", "of training")).toBe(true);
  expect(matcher("loss x")("val/loss")).toBe(false);
  expect(matcher("  ")("anything")).toBe(true);
});

test("a cut never leaves half of a pair of surrogates", () => {
  expect(safeCut("ab😀", 3)).toBe("ab");
  expect(safeCut("ab😀", 4)).toBe("ab😀");
});

test("columns of records: the known ones first, those with nothing in them left out", () => {
  expect(fieldsOf([{ time: "t", zeta: 1, name: "m", none: null, sha256: "x" }, { none: "", aliases: [] }])).toEqual(["name", "time", "zeta"]);
});

test("an axis spreads the runs of one level, the better ones above, and keeps those without a value", () => {
  const box = { width: 300, top: 0, bottom: 100, left: 0, right: 0 };
  const [level, metric] = laidOut([textColumn("opt", ["a", "a", "b", null]), numberColumn("m", [1, 2, 3, 4])], box, [0, 1, 0.5, 0.2]);

  expect(level?.y[1]).toBeLessThan(level?.y[0] ?? NaN);
  expect(level?.y[3]).toBe(100 + GAP);
  expect([level?.gaps, metric?.gaps]).toEqual([true, false]);
});

test("the nearest line is found between axes, and only among the eligible", () => {
  const box = { width: 200, top: 0, bottom: 100, left: 0, right: 0 };
  const many = Array.from({ length: 21 }, (_, k) => k);
  const axes = laidOut([numberColumn("a", many), numberColumn("b", many)], box, many);

  expect(nearestLine(axes, 100, 49, 8, many.map(() => true))).toBe(10);
  expect(nearestLine(axes, 100, 49, 8, many.map((run) => run !== 10))).not.toBe(10);
  expect(nearestLine(axes, 100, 49, 0.5, many.map((run) => run > 15))).toBe(-1);
});

test("importance says whether its order is sure", () => {
  const param = (name: string, importance: number, worst: number) => ({ name, importance, low: 0, high: 1, rank: 1, rank_low: 1, rank_high: worst, effect: 0.3 });
  const answer = { metric: "loss", method: "permutation", n: 9, r2: 0.5, warnings: [] };

  expect(headline({ ...answer, params: [param("lr", 0.8, 1), param("wd", 0.2, 2)] })).toContain("lr matters most");
  expect(headline({ ...answer, params: [param("lr", 0.6, 2), param("wd", 0.4, 2)] })).toContain("don't settle");
  expect(headline({ ...answer, params: [param("lr", 0, 2)] })).toContain("Nothing shows");
  expect([effectWords(-0.7), effectWords(NaN)]).toEqual(["more of it goes clearly with less", "no order to its values"]);
});

test("alerts stand newest first, and one that is pushed and listed stands once", () => {
  const alert = (time: string, active: boolean) => ({ time, run_id: "r", key: "loss", rule: "loss is nan", words: "w", value: null, active });
  const merged = mergedAlerts([alert("2026-01-01", true), alert("2026-01-03", true)], [alert("2026-01-02", true), alert("2026-01-01", false)], 9);

  expect(merged.map(({ time, active }) => [time, active])).toEqual([["2026-01-03", true], ["2026-01-02", true], ["2026-01-01", false]]);
  expect(mergedAlerts(merged, [], 2)).toHaveLength(2);
});
