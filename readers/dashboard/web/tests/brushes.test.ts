import { expect, test } from "vitest";

import { brushBetween, brushesOf, brushesText, brushPlaces, chosen, nudged, type Brush } from "../src/views/brushes";
import { scaleOf } from "../src/views/scale";

const levels = scaleOf("category", [], ["adam", "lamb", "sgd"]);
const numbers = scaleOf("linear", [0, 10]);

test("a run is chosen when it lies in every brush, one without a value in none", () => {
  const columns = new Map([["a", [1, 2, 3, NaN]], ["b", [5, 5, 9, 5]]]);
  const brushes = new Map<string, Brush>([["a", { low: 1, high: 3 }], ["b", { low: 0, high: 5 }]]);

  expect(chosen(4, columns, brushes)).toEqual([true, true, false, false]);
  expect(chosen(4, columns, new Map())).toEqual([true, true, true, true]);
});

test("a brush of an axis that isn't there chooses as if it weren't", () => {
  expect(chosen(2, new Map(), new Map([["gone", { low: 0, high: 1 }]]))).toEqual([true, true]);
});

test("a brush over levels takes them whole, and its places bring it back", () => {
  const brush = brushBetween(levels, 0.4, 0.6);
  expect(brush).toEqual({ low: 1, high: 1 });
  for (const some of [brush, { low: 0, high: 1 }, { low: 1, high: 2 }]) expect(brushBetween(levels, ...brushPlaces(levels, some))).toEqual(some);
});

test("a brush is cut to its axis, whichever way it was drawn", () => {
  expect(brushBetween(numbers, 1.4, 0.5)).toEqual({ low: 5, high: 10 });
});

test("the keyboard moves an end by a hundredth or a level, and never past the other", () => {
  expect(nudged(numbers, { low: 0, high: 10 }, "low", 10).low).toBeCloseTo(1, 12);
  expect(nudged(numbers, { low: 2, high: 3 }, "low", 1000)).toEqual({ low: 3, high: 3 });
  expect(nudged(levels, { low: 0, high: 2 }, "high", -1)).toEqual({ low: 0, high: 1 });
});

test("a link's text gives the same brushes back, whatever the names", () => {
  const brushes = new Map<string, Brush>([["params.a:b;c~d,%", { low: -1e-7, high: 0.25 }], ["params.lr", { low: 1, high: 1e12 }]]);
  expect(brushesOf(brushesText(brushes))).toEqual(brushes);
});

test("what can't be read in a link is left out", () => {
  for (const text of [null, "", "lr", "lr:1", "lr:2~1", "lr:a~b", "%E0%A4%A:1~2", ":::~~~;;"]) expect(brushesOf(text).size).toBe(0);
});
