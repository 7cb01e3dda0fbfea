import { expect, test } from "vitest";

import { formatAgo, formatBytes, formatCount, formatDuration, formatNumber, plural, toNumber } from "../src/format";

test("numbers are short and keep their size", () => {
  const numbers = [0, 1, -3, 0.93124, 12345.678, 1234567, 1e-7, -1.5e12, NaN, Infinity, 0.1 + 0.2, 99.995];

  expect(numbers.map((number) => formatNumber(number))).toEqual(["0", "1", "−3", "0.9312", "12\u2009346", "1\u2009234\u2009567", "1e−7", "−1.5e12", "NaN", "∞", "0.3", "100"]);
});

test("JSON's words for what JSON lacks are numbers", () => {
  expect([toNumber("NaN"), toNumber("-Infinity"), toNumber(null), toNumber(2)]).toEqual([NaN, -Infinity, NaN, 2]);
});

test("durations, ages, sizes, counts", () => {
  const now = Date.UTC(2026, 10, 23, 12);

  expect([0.85, 12.44, 200, 7500, 273_600, NaN].map(formatDuration)).toEqual(["850 ms", "12.4 s", "3m 20s", "2h 05m", "3d 4h", ""]);
  expect([0, 30, 300, 7200, 100_000, 400_000].map((s) => formatAgo(now - s * 1000, now))).toEqual(["just now", "30 s ago", "5 min ago", "2 h ago", "yesterday", "4 days ago"]);
  expect([999, 1500, 25e6].map(formatBytes)).toEqual(["999 B", "1.5 kB", "25 MB"]);
  expect([formatCount(1234), formatCount(12345), plural(1, "run"), plural(2, "run")]).toEqual(["1234", "12\u2009345", "1 run", "2 runs"]);
});
