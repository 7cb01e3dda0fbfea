import { expect, it } from "vitest";

import { Cells } from "./cells";
import { matched } from "./times";

it("knows a point's time only where points stand in the same order by time as by step", () => {
  const drawn = (ys: number[]): Cells => {
    const cells = new Cells(10);
    ys.forEach((y, x) => cells.push(x, y));
    return cells;
  };
  const run = (runId: string, ys: number[]) => ({ runId, points: ys.length, pending: false, origin: NaN, raw: true as const, x: Float64Array.from(ys, (_, k) => 1000 + k), y: Float64Array.from(ys) });
  const runs = new Map([["same", drawn([1, NaN, 3])], ["went back", drawn([1, 2, 3])], ["grew", drawn([1, 2])]]);
  const series = { key: "k", x: "time", edges: { lo: 0, hi: 1, n: 1 }, partial: false, reached: new Map(), runs: [run("same", [1, NaN, 3]), run("went back", [1, 3, 2]), run("grew", [1, 2, 3])] };

  const times = matched(series, runs);

  expect(Array.from(times.get("same") ?? [])).toEqual([1000, 1001, 1002]);
  expect(times.has("went back")).toBe(false);
  expect(Array.from(times.get("grew") ?? [])).toEqual([1000, 1001]);
});
