import { describe, expect, it } from "vitest";

import { tickDuration, tickNumber, tickTimes } from "./axisnumbers";
import { bandOf, type Member } from "./bands";
import { Cells } from "./cells";
import { smoothed, unitOf } from "./smoothing";
import { studentQuantile } from "./student";
import { yRange } from "./yrange";

const member = (x: number[], y: number[], width = 0): Member => ({ x: Float64Array.from(x), y: Float64Array.from(y), length: x.length, width });
const curve = (x: number[], last: number[]): { x: Float64Array; last: Float64Array; length: number } => ({ x: Float64Array.from(x), last: Float64Array.from(last), length: x.length });
const cellsOf = (ys: number[]): Cells => {
  const cells = new Cells(10_000);
  ys.forEach((y, x) => cells.push(x, y));
  return cells;
};

describe("smoothing", () => {
  it("is TensorBoard's moving average on evenly spaced points", () => {
    const ys = [1, 5, 2, 8, 3];
    let last = 0;
    const wanted = ys.map((y, k) => {
      last = 0.9 * last + 0.1 * y;
      return last / (1 - 0.9 ** (k + 1));
    });
    const found = smoothed(curve([0, 2, 4, 6, 8], ys), 0.9, 2);
    wanted.forEach((value, k) => expect(found[k]).toBeCloseTo(value, 10));
  });

  it("leaves gaps as they are and goes on behind them", () => {
    expect(Array.from(smoothed(curve([0, 1, 2], [1, NaN, 1]), 0.5, 1))).toEqual([1, NaN, 1]);
  });

  it("counts distance, not points", () => {
    const near = smoothed(curve([0, 1], [0, 1]), 0.9, 1)[1] as number;
    const far = smoothed(curve([0, 100], [0, 1]), 0.9, 1)[1] as number;
    expect(far).toBeGreaterThan(0.99);
    expect(near).toBeLessThan(0.6);
  });

  it("has one unit for all curves: their points' distance, at least a thousandth of what is shown", () => {
    expect(unitOf([curve([0, 10, 20], [0, 0, 0]), curve([0, 30, 60], [0, 0, 0])], 100)).toBe(20);
    expect(unitOf([curve([0, 1, 2], [0, 0, 0])], 1e6)).toBe(1000);
    expect(unitOf([], NaN)).toBe(1);
  });
});

describe("bands", () => {
  it("know Student's t", () => {
    const known: [number, number][] = [[1, 12.706205], [2, 4.302653], [4, 2.776445], [9, 2.262157], [30, 2.042272], [99, 1.984217]];
    for (const [df, t] of known) expect(studentQuantile(0.975, df)).toBeCloseTo(t, 5);
  });

  it("are the mean and its 95 % interval over the runs that are there", () => {
    const band = bandOf("a", [member([0, 1, 2], [1, 1, 5]), member([0, 1], [3, 3]), member([0, 1], [5, 5])], "ci");
    expect(Array.from(band.centre)).toEqual([3, 3, 5]);
    expect(Array.from(band.n)).toEqual([3, 3, 1]);
    expect(band.upper[0]).toBeCloseTo(3 + (4.302653 * 2) / Math.sqrt(3), 4);
    expect(band.lower[2]).toBeNaN();
    expect(band.runs).toBe(3);
  });

  it("bring runs to the same x's on their lines, over no gap and beyond no end", () => {
    const band = bandOf("a", [member([0, 10], [0, 10]), member([0, 5, 10], [0, NaN, 0]), member([5, 6], [7, 7])], "minmax");
    const at = (x: number): number => Array.from(band.x).indexOf(x);
    expect(band.centre[at(5)]).toBe(6);
    expect(band.n[at(5)]).toBe(2);
    expect(band.n[at(6)]).toBe(2);
    expect([band.lower[at(10)], band.upper[at(10)]]).toEqual([0, 10]);
  });

  it("have even steps where runs come in stretches", () => {
    const band = bandOf("a", [member([5, 15, 25], [1, 2, 3], 10), member([0, 30], [0, 0])], "std");
    expect(Array.from(band.x)).toEqual([0, 10, 20, 30]);
    expect(band.centre[1]).toBeCloseTo(0.75);
  });

  it("are bounded however many x's there are", () => {
    const x = Array.from({ length: 5000 }, (_, k) => k);
    const band = bandOf("a", [member(x, x), member(x, x)], "ci");
    expect(band.x.length).toBe(1000);
    expect([band.x[0], band.x[999]]).toEqual([0, 4999]);
  });
});

describe("the y-range", () => {
  const shown = { from: 0, to: 1e6, log: false, bulk: false };

  it("holds all values, with room", () => {
    const { lo, hi } = yRange([cellsOf([0, 10, NaN, Infinity])], shown);
    expect([lo, hi]).toEqual([-0.5, 10.5]);
  });

  it("leaves out what is far off when asked to, and counts it", () => {
    const ys = Array.from({ length: 500 }, (_, k) => Math.sin(k));
    ys[100] = 1e6;
    const range = yRange([cellsOf(ys)], { ...shown, bulk: true });
    expect(range.hi).toBeLessThan(3);
    expect(range.outside).toBe(1);
    expect(yRange([cellsOf(ys)], shown).hi).toBeGreaterThan(1e6);
  });

  it("of a log axis holds what is above 0, and counts the rest", () => {
    const range = yRange([cellsOf([-1, 0, 0.01, 100])], { ...shown, log: true });
    expect(range.lo).toBeGreaterThan(0.001);
    expect(range.lo).toBeLessThan(0.01);
    expect(range.unshown).toBe(2);
  });

  it("has room around a single value, and a range for none", () => {
    expect(yRange([cellsOf([5])], shown)).toMatchObject({ lo: 4.5, hi: 5.5 });
    expect(yRange([cellsOf([0])], shown)).toMatchObject({ lo: -1, hi: 1 });
    expect(yRange([], shown)).toMatchObject({ lo: 0, hi: 1 });
    expect(yRange([], { ...shown, log: true })).toMatchObject({ lo: 0.1, hi: 1 });
  });

  it("looks at what is shown of x", () => {
    expect(yRange([cellsOf([100, 1, 2, 100])], { ...shown, from: 1, to: 2 }).hi).toBeCloseTo(2.05);
  });
});

describe("axis words", () => {
  it("tell neighbouring ticks apart with no digit too many", () => {
    expect([0, 250, 12_000, 1_500_000].map((value) => tickNumber(value, 250))).toEqual(["0", "250", "12.00k", "1.50000M"]);
    expect([0.93, 0.94].map((value) => tickNumber(value, 0.01))).toEqual(["0.93", "0.94"]);
    expect([1.25, 1.5].map((value) => tickNumber(value, 0.25))).toEqual(["1.25", "1.50"]);
    expect([20_000, 40_000].map((value) => tickNumber(value, 20_000))).toEqual(["20k", "40k"]);
    expect(tickNumber(-0.5, 0.5)).toBe("−0.5");
    expect([1e-7, 0.01, 10, 1e6].map((value) => tickNumber(value, 0))).toEqual(["1e−7", "0.01", "10", "1M"]);
  });

  it("say the time of day, and the day once", () => {
    const at = (...parts: [number, number, number, number?, number?, number?]): number => new Date(...parts).getTime();
    expect(tickTimes([at(2026, 10, 23, 22), at(2026, 10, 23, 23), null, at(2026, 10, 24, 0)], 3_600_000)).toEqual(["22:00\n23 Nov", "23:00", null, "00:00\n24 Nov"]);
    expect(tickTimes([at(2026, 10, 23, 22, 1, 5)], 5000)).toEqual(["22:01:05\n23 Nov"]);
    expect(tickTimes([at(2026, 10, 23), at(2026, 10, 24)], 86_400_000)).toEqual(["23 Nov\n2026", "24 Nov"]);
  });

  it("write durations as one says them", () => {
    expect([0, 0.5, 90, 3600, 5400, 90_000].map(tickDuration)).toEqual(["0", "500ms", "1m 30s", "1h", "1h 30m", "1d 1h"]);
  });
});
