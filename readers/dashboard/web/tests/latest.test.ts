import { expect, test } from "vitest";

import { Latest } from "../src/latest";

test("a question is given up when another one begins, and only then", () => {
  const latest = new Latest();
  const first = latest.begin();
  expect([first.aborted, latest.busy]).toEqual([false, true]);
  const second = latest.begin();
  expect([first.aborted, second.aborted]).toEqual([true, false]);

  latest.end(first); // late: the other one is still awaited
  expect(latest.busy).toBe(true);
  latest.end(second);
  expect([latest.busy, second.aborted]).toEqual([false, false]);
});

test("all is given up at once", () => {
  const latest = new Latest();
  const signal = latest.begin();
  latest.giveUp();

  expect([latest.busy, signal.aborted]).toEqual([false, true]);
});
