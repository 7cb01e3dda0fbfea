import { describe, expect, it } from "vitest";

import { seriesCsv } from "./exports";
import { readingsAt, rowsAround, type Reading } from "./readout";
import { Cells } from "./cells";
import { bandOf } from "./bands";
import { bandValues, extent, inOrder, sceneOf } from "./scene";
import { finder, sectionsOf } from "./sections";
import { readChartsView, writeChartsView } from "./view";

const metric = (key: string, series: string | null = null): { key: string; runs: number; points: number; system: boolean; series: string | null } => ({ key, runs: 1, points: 1, system: key.startsWith("system/"), series });

describe("the view in the address", () => {
  it("comes back as it was written, beside the page's own names", () => {
    const text = "runs=a,b&c.x=time&c.smooth=0.6&c.log=xy&c.range=bulk&c.sync=1&c.band=std&c.find=loss&c.turned=system&c.zoom=1:2.5&c.full=a%2Fb&c.of=val%2Floss%7Clog%7Call%7Czoom%3A10%3A20";
    const params = new URLSearchParams(text);
    const view = readChartsView(params);
    expect(view).toMatchObject({ x: "time", smooth: 0.6, logX: true, logY: true, bulk: true, sync: true, band: "std", zoom: { from: 1, to: 2.5 }, full: "a/b" });
    expect(view.own.get("val/loss")).toEqual({ logY: true, bulk: false, zoom: { from: 10, to: 20 } });
    expect(writeChartsView(view, params).toString()).toBe(params.toString());
  });

  it("takes odd keys and refuses odd values", () => {
    const view = readChartsView(new URLSearchParams("c.smooth=7&c.band=<b>&c.zoom=9:1&c.of=x"));
    expect(view).toMatchObject({ smooth: 0, band: "ci", zoom: null });
    view.own.set("a|b%7C", { logY: false });
    expect(readChartsView(writeChartsView(view, new URLSearchParams())).own.get("a|b%7C")).toEqual({ logY: false });
  });

  it("is empty when nothing was chosen", () => {
    expect(writeChartsView(readChartsView(new URLSearchParams()), new URLSearchParams("runs=a")).toString()).toBe("runs=a");
  });
});

describe("sections", () => {
  it("go by what stands before the slash; a series is one; the machine's come last", () => {
    const metrics = ["system/cpu", "train/loss", "loss", "train/a/b"].map((key) => metric(key));
    const sections = sectionsOf([...metrics, metric("epoch_1/loss", "epoch_#/loss"), metric("epoch_2/loss", "epoch_#/loss")]);
    expect(sections.map(({ name, keys }) => [name, ...keys])).toEqual([
      ["", "loss"],
      ["train", "train/loss", "train/a/b"],
      ["epoch_#", "epoch_1/loss", "epoch_2/loss"],
      ["system", "system/cpu"],
    ]);
  });

  it("are searched by words or by a regular expression", () => {
    expect(finder("LOSS val")?.("val/loss")).toBe(true);
    expect(finder("loss val")?.("train/loss")).toBe(false);
    expect(finder("/^val.*s$/")?.("val/loss")).toBe(true);
    expect(finder("/^loss")?.("val/loss")).toBe(false);
    expect(finder("/(/")).toBeNull();
    expect(finder(" ")?.("anything")).toBe(true);
    expect(finder("a.b")?.("axb")).toBe(false);
  });
});

describe("a scene", () => {
  const cells = (points: readonly (readonly [number, number])[]): Cells => {
    const made = new Cells(100);
    for (const [x, y] of points) made.push(x, y);
    return made;
  };
  const runs = new Map([
    ["a", cells([[0, 1], [10, 2]])],
    ["b", cells([[0, 3], [4, 9]])],
    ["none", cells([])],
  ]);
  const options = { smooth: 0, range: { from: 0, to: 10 }, groups: undefined, band: "ci" as const };

  it("draws the runs that have points, in their order", () => {
    expect(sceneOf(runs, ["b", "none", "a", "gone"], options).lines.map((line) => line.runId)).toEqual(["b", "a"]);
  });

  it("sums up groups, numbers by size", () => {
    const groups = new Map([["a", "10"], ["b", "9"]]);
    expect(sceneOf(runs, ["a", "b"], { ...options, groups }).bands.map((band) => band.group)).toEqual(["9", "10"]);
    expect(sceneOf(runs, ["a", "b"], { ...options, groups, band: "runs" }).bands).toEqual([]);
    expect(inOrder(["b", "a"])).toEqual(["b", "a"]);
  });

  it("is read at the crosshair: by value, without runs that have ended", () => {
    const scene = sceneOf(runs, ["a", "b"], options);
    expect(readingsAt(scene, 4, 0.5).map((reading) => [reading.id, reading.value])).toEqual([["b", 9], ["a", 1]]);
    expect(readingsAt(scene, 9, 0.5).map((reading) => [reading.id, reading.value])).toEqual([["a", 2]]);
    expect(readingsAt(scene, 99, 0.5)).toEqual([]);
  });

  it("is as high as its bands, but not as an interval of two runs that reaches far beyond them", () => {
    const line = (y: number[]) => ({ x: Float64Array.of(0, 1), y: Float64Array.from(y), length: 2, width: 0 });
    const values = bandValues([bandOf("a", [line([0, 10]), line([1, 11])], "ci")], { from: 0, to: 1 });
    expect([Math.min(...values), Math.max(...values)].map((value) => Math.round(value * 10) / 10)).toEqual([-5.9, 16.9]);
    const wide = bandValues([bandOf("a", [line([0, 0]), line([100, 100])], "ci")], { from: 0, to: 1 });
    expect([Math.min(...wide), Math.max(...wide)]).toEqual([0, 100]);
    expect(bandValues([], { from: 0, to: 1 })).toEqual([]);
  });

  it("knows how far x goes", () => {
    expect(extent(runs.values(), false)).toEqual({ from: 0, to: 10 });
    expect(extent(runs.values(), true)).toEqual({ from: 4, to: 10 });
    expect(extent([cells([[7, 1]])], false)).toEqual({ from: 6.5, to: 7.5 });
    expect(extent([], false)).toEqual({ from: 0, to: 1 });
  });

  it("says of many readings those around the nearest", () => {
    const many = Array.from({ length: 40 }, (_, k) => ({ id: String(k) }) as Reading);
    const { rows, above, below } = rowsAround(many, "20", 10);
    expect([rows[0]?.id, rows.length, above, below]).toEqual(["15", 10, 15, 15]);
    expect(rowsAround(many, "39", 10)).toMatchObject({ above: 30, below: 0 });
  });
});

describe("CSV", () => {
  it("has a row a point or bucket, and no formula", () => {
    const common = { points: 1, pending: false, origin: NaN };
    const raw = { ...common, runId: "a", raw: true as const, x: Float64Array.of(1, 2), y: Float64Array.of(0.5, NaN) };
    const buckets = { ...common, runId: "b", raw: false as const, min: Float64Array.of(1, NaN), max: Float64Array.of(3, NaN), last: Float64Array.of(2, NaN), odd: Float64Array.of(0, 0) };
    const text = seriesCsv({ key: "k", x: "step", edges: { lo: 0, hi: 10, n: 2 }, runs: [raw, buckets], partial: false, reached: new Map() }, new Map([["a", "=1+1"], ["b", 'x,"y"']]));
    expect(text.split("\r\n")).toEqual(["run_id,run,step,value,min,max,not_finite", "a,'=1+1,1,0.5,,,", "a,'=1+1,2,NaN,,,", 'b,"x,""y""",2.5,2,1,3,0', ""]);
  });
});
