import { describe, expect, it } from "vitest";

import { Cells } from "./cells";

const values = (array: Float64Array, cells: Cells): number[] => Array.from(array.subarray(0, cells.length));

describe("cells", () => {
  it("keep every point while there are few", () => {
    const cells = new Cells(100);
    for (let x = 0; x < 10; x += 1) cells.push(x, 10 * x);
    expect(values(cells.x, cells)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(values(cells.last, cells)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(cells.width).toBe(0);
  });

  it("are bounded, even, and keep extremes and counts however many points come", () => {
    const cells = new Cells(1000);
    for (let x = 0; x < 300_000; x += 1) cells.push(x, x === 123_456 ? 99 : Math.sin(x));
    expect(cells.length).toBeGreaterThanOrEqual(400);
    expect(cells.length).toBeLessThanOrEqual(1001);
    expect(Math.max(...values(cells.max, cells))).toBe(99);
    expect(Math.min(...values(cells.min, cells))).toBeCloseTo(-1, 3);
    expect(cells.points).toBe(300_000);
    const gaps = values(cells.x, cells).map((x, k, all) => x - (all[k - 1] ?? x)).slice(1, -1);
    expect(Math.max(...gaps)).toBeLessThan(1.2 * Math.min(...gaps));
  });

  it("refuse a point before the last one, and take a repeated x", () => {
    const cells = new Cells(10);
    expect(cells.push(5, 1)).toBe(true);
    expect(cells.push(4, 1)).toBe(false);
    expect(cells.push(5, 2)).toBe(true);
    expect(cells.length).toBe(2);
  });

  it("stay bounded where all points have one x", () => {
    const cells = new Cells(8);
    for (let k = 0; k < 100; k += 1) cells.push(3, k);
    expect(cells.length).toBeLessThanOrEqual(8);
    expect(cells.min[0]).toBe(0);
    expect(Math.max(...values(cells.max, cells))).toBe(99);
  });

  it("count what isn't finite and show it only where nothing else is", () => {
    const cells = new Cells(4);
    for (const [x, y] of [[0, 1], [1, NaN], [2, Infinity], [3, 2]] as const) cells.push(x, y);
    expect(values(cells.odd, cells)).toEqual([0, 1, 1, 0]);
    expect(values(cells.last, cells)).toEqual([1, NaN, Infinity, 2]);
    for (let x = 4; x < 8; x += 1) cells.push(x, 3);
    expect(values(cells.odd, cells).reduce((a, b) => a + b)).toBe(2);
    expect(values(cells.min, cells).some(Number.isNaN)).toBe(false);
  });

  it("go on where the server's buckets end", () => {
    const nan = Float64Array.of(0, 0, 0, 2);
    const part = { runId: "a", points: 40, pending: false, origin: 0, raw: false as const, min: Float64Array.of(1, NaN, 2, NaN), max: Float64Array.of(9, NaN, 3, NaN), last: Float64Array.of(5, NaN, 3, NaN), odd: nan };
    const cells = Cells.of(part, { lo: 0, hi: 40, n: 4 }, 8);
    expect(values(cells.x, cells)).toEqual([5, 25, 35]);
    cells.push(41, 7);
    cells.push(45, 8);
    expect(values(cells.x, cells)).toEqual([5, 25, 35, 45]);
    expect([cells.min[3], cells.max[3], cells.last[3]]).toEqual([7, 8, 8]);
    expect(cells.points).toBe(42);
  });

  it("find the cell nearest to an x", () => {
    const cells = new Cells(10);
    for (const x of [0, 10, 20]) cells.push(x, 1);
    expect([cells.nearest(-5), cells.nearest(4), cells.nearest(6), cells.nearest(99)]).toEqual([0, 0, 1, 2]);
    expect(new Cells(10).nearest(1)).toBe(-1);
  });
});
