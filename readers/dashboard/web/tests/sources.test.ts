import { expect, test } from "vitest";

const sources = import.meta.glob<string>("../src/**/*.ts", { query: "?raw", import: "default", eager: true });

/** Code without its comments. */
const code = (source: string): string => source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

test("no string becomes markup or code", () => {
  const ways = /\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc|eval|new Function)\b/;
  const found = Object.entries(sources).filter(([, source]) => ways.test(code(source)));

  expect(Object.keys(sources).length).toBeGreaterThan(20);
  expect(found.map(([path]) => path)).toEqual([]);
});

test("nothing comes from another machine", () => {
  const found = Object.entries(sources).filter(([, source]) => /["'`]https?:\/\/(?!www\.w3\.org\/)/.test(code(source)));

  expect(found.map(([path]) => path)).toEqual([]);
});
