import { expect, test } from "vitest";

import { Strangers } from "../src/runs/strangers";

test("the table is fetched for a new run, a few times, and not for ever for one of another view", () => {
  const strangers = new Strangers();
  for (let time = 0; time < 3; time++) {
    expect(strangers.wanted(["elsewhere"])).toBe(true);
    strangers.fetched(["elsewhere"]);
  }

  expect(strangers.wanted(["elsewhere"])).toBe(false);
  expect(strangers.wanted(["elsewhere", "new"])).toBe(true);
  expect(strangers.wanted([])).toBe(false);

  expect(strangers.wanted(["elsewhere"], "another experiment")).toBe(true);
  strangers.fetched(["elsewhere"], "a view that was left meanwhile");
  strangers.forget();
  expect(strangers.wanted(["elsewhere"])).toBe(true);
});
