import { expect, test } from "vitest";

import { scaleOf, spansDecades } from "../src/views/scale";

test("a linear scale puts its ends at 0 and 1 and gives them back", () => {
  const scale = scaleOf("linear", [2, 12, NaN, Infinity]);

  expect([scale.place(2), scale.place(7), scale.place(12)]).toEqual([0, 0.5, 1]);
  expect(scale.value(0.5)).toBe(7);
  expect(scale.place(NaN)).toBeNaN();
});

test("a log scale has no place for zero, and equal factors are equal distances", () => {
  const scale = scaleOf("log", [0.001, 1, 0, -5]);

  expect(scale.place(0.001)).toBe(0);
  expect(scale.place(Math.sqrt(0.001))).toBeCloseTo(0.5, 12);
  expect(scale.place(0)).toBeNaN();
  expect(scale.ticks(5).map((tick) => tick.label)).toEqual(["0.001", "0.01", "0.1", "1"]);
});

test("levels stand in the middle of their stretch, however many ticks fit", () => {
  const scale = scaleOf("category", [], ["a", "b", "c", "d"]);

  expect([0, 1, 2, 3].map(scale.place)).toEqual([0.125, 0.375, 0.625, 0.875]);
  expect(scale.value(0.4)).toBe(1);
  expect(scale.ticks(2).map((tick) => tick.label)).toEqual(["a", "c"]);
});

test("ticks are round, in range and not too many, for any range", () => {
  for (const [low, high] of [[0, 1], [-3, 1e6], [0.9312, 0.9318], [1e-12, 3e-12], [-1e300, 1e300], [5, 5], [0, 0]] as const) {
    const scale = scaleOf("linear", [low, high]);
    const ticks = scale.ticks(6);
    expect(ticks.length).toBeGreaterThan(0);
    expect(ticks.length).toBeLessThanOrEqual(8);
    for (const tick of ticks) expect(scale.place(tick.value)).toBeGreaterThan(-0.001);
    expect(new Set(ticks.map((tick) => tick.label)).size).toBe(ticks.length);
  }
});

test("nothing at all still makes a scale", () => {
  for (const kind of ["linear", "log", "category"] as const) expect(Number.isFinite(scaleOf(kind, []).low)).toBe(true);
});

test("a thousandfold range of positive numbers is one for logarithms", () => {
  expect(spansDecades([1e-4, 0.1])).toBe(true);
  expect(spansDecades([0, 1e-4, 0.1])).toBe(false);
  expect(spansDecades([1, 10, NaN])).toBe(false);
});
