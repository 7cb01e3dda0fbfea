import { expect, test } from "vitest";

import { Reach } from "./reach";

test("a pushed point is new exactly if neither the answer nor a push before had it", () => {
  const reach = new Reach(new Map([["w", 10]]));

  expect([9, 10, 11, 11, 15, 12].map((seq) => reach.take("w", seq))).toEqual([false, false, true, false, true, false]);
  expect(reach.take("another", 1)).toBe(null);
});

test("runs of one answer are counted apart", () => {
  const answer = new Map([["w", 10]]);
  const [one, other] = [new Reach(answer), new Reach(answer)];

  expect([one.take("w", 12), other.take("w", 11), one.take("w", 11)]).toEqual([true, true, false]);
});
