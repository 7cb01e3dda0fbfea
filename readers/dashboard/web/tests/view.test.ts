import { expect, test } from "vitest";

import type { Experiment } from "../src/answers";
import { offersFor, spelled } from "../src/runs/filterfield";
import { treeOf } from "../src/runs/tree";
import { readView, writeView, type View } from "../src/runs/view";

const VIEW: View = {
  experiment: "a/b",
  search: "x & y",
  filter: "params.lr > 0.1 and tags.t = 'a,b'",
  sort: [
    { name: "metrics.val,loss", down: true },
    { name: "status", down: false },
  ],
  columns: ["params.50%", "metrics.a,b"],
  group: "params.opt",
  closed: ["", "a,b", "100%2C"],
  children: true,
  chosen: ["id1", "id2"],
};

test("a view survives its address, commas and all; the charts' names stay", () => {
  const address = writeView(VIEW, new URLSearchParams("smooth=0.6&sort=old")).toString();

  expect(readView(new URLSearchParams(address))).toEqual(VIEW);
  expect(new URLSearchParams(address).getAll("smooth")).toEqual(["0.6"]);
});

test("a view without anything set is no query at all", () => {
  expect(writeView(readView(new URLSearchParams()), new URLSearchParams()).toString()).toBe("");
});

test("no columns is something else than the page's own choice", () => {
  const none = readView(writeView({ ...VIEW, columns: [] }, new URLSearchParams()));

  expect([none.columns, readView(new URLSearchParams()).columns]).toEqual([[], null]);
});

test("names are spelled as the filter wants them", () => {
  expect(["status", "params.lr", "metrics.val/loss", 'tags.a"b', "params.2x"].map(spelled)).toEqual(["status", "params.lr", 'metrics."val/loss"', 'tags."a""b"', 'params."2x"']);
});

test("the filter's field offers columns, statuses, and nothing within a text", () => {
  const names = ["status", "params.lr", "metrics.val/loss", "params.layers"];
  const texts = (before: string): string[] => offersFor(before, /[\w./"-]*$/.exec(before)?.[0] ?? "", names).map((offer) => offer.text);

  expect(texts("params.lr > 1 and l")).toEqual(["params.lr", "params.layers", 'metrics."val/loss"']);
  expect(texts("status = 'F")).toEqual(["'FINISHED'", "'FAILED'"]);
  expect([texts("tags.x = 'par"), texts("params.lr > 0"), texts("")]).toEqual([[], [], []]);
});

test("experiments become folders that count what is below", () => {
  const experiment = (name: string, runs: number, running = 0): Experiment => ({ name, runs, running, last_start: null });
  const [a, z] = treeOf([experiment("z", 1), experiment("a/b10", 2, 1), experiment("a/b2", 3), experiment("a", 4)]);

  expect([a?.label, a?.runs, a?.running, a?.children.map((node) => node.label)]).toEqual(["a", 9, 1, ["b2", "b10"]]);
  expect([z?.path, z?.runs, z?.children]).toEqual(["z", 1, []]);
});

test("odd experiment names keep their runs", () => {
  const roots = treeOf(["/abs", "a//b", "/", "a/"].map((name) => ({ name, runs: 1, running: 0, last_start: null })));
  const paths = (nodes: typeof roots): string[] => nodes.flatMap((node) => [node.path, ...paths(node.children)]);

  expect(paths(roots)).toEqual(expect.arrayContaining(["/abs", "a//b", "/", "a/"]));
});
