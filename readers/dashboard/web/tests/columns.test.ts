import { expect, test } from "vitest";

import { association } from "../src/views/association";
import { columnScale, columnText, numberColumn, stepsOf, textColumn } from "../src/views/columns";

test("texts that are all numbers make an axis of numbers, any other an axis of levels", () => {
  expect(textColumn("lr", ["0.1", "1e-3", null]).values).toEqual(Float64Array.of(0.1, 0.001, NaN));
  expect(textColumn("x", ["1", "two"]).levels).toEqual(["1", "two"]);
  expect(textColumn("x", ["1", ""]).kind).toBe("category");
  expect(textColumn("x", ["NaN", "1"]).kind).toBe("category");
  expect(textColumn("x", [null, null]).levels).toEqual([]);
});

test("levels stand in the order of their numbers", () => {
  expect(textColumn("x", ["layer10", "layer9", "layer1"]).levels).toEqual(["layer1", "layer9", "layer10"]);
});

test("powers of two and wide ranges are drawn by their logarithm", () => {
  expect(textColumn("batch", ["32", "64", "128", "256"]).kind).toBe("log");
  expect(textColumn("lr", ["0.00001", "0.1"]).kind).toBe("log");
  expect(textColumn("seed", ["1", "2", "3", "4"]).kind).toBe("linear");
  expect(numberColumn("even from almost 0 to 1", [0.00001, 0.25, 0.5, 0.75, 1]).kind).toBe("linear");
});

test("the words of JSON for what isn't finite are numbers, null is none", () => {
  expect(numberColumn("m", [1, "NaN", "-Infinity", null]).values).toEqual(Float64Array.of(1, NaN, -Infinity, NaN));
});

test("a few tried numbers are marked as they are, with room beside the outer ones", () => {
  const column = textColumn("batch", ["32", "64", "128", "64"]);
  const scale = columnScale(column);

  expect(stepsOf(column)).toEqual([32, 64, 128]);
  expect(scale.ticks(8).map((tick) => tick.label)).toEqual(["32", "64", "128"]);
  expect(scale.place(32)).toBeGreaterThan(0.01);
  expect(columnText(column, 1, String)).toBe("64");
});

test("a param that moves the metric goes with it, one that doesn't or names runs doesn't", () => {
  const metric = [1, 2, 3, 4, 5, 6, 7, 8];
  expect(association(numberColumn("a", [8, 7, 6, 5, 4, 3, 2, 1]), metric)).toBeCloseTo(1, 9);
  expect(association(textColumn("b", ["x", "x", "x", "x", "y", "y", "y", "y"]), metric)).toBeGreaterThan(0.6);
  expect(association(textColumn("c", ["x", "y", "y", "x", "x", "y", "y", "x"]), metric)).toBeLessThan(0.05);
  expect(association(textColumn("name", ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8!"]), metric)).toBe(0);
});
