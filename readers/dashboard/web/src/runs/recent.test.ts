import { describe, expect, it } from "vitest";

import { RecentChanges } from "./recent";

describe("recent changes", () => {
  it("are those that a table lacks which was asked for before they came", () => {
    const recent = new RecentChanges();
    recent.add([{ run_id: "a", status: "RUNNING" }], 1000);
    recent.add([{ run_id: "a", status: "FINISHED" }, { run_id: "b", status: "RUNNING" }], 5000);
    expect(recent.since(5500)).toEqual([{ run_id: "a", status: "FINISHED" }, { run_id: "b", status: "RUNNING" }]);
    expect(recent.since(1500).map((run) => run.run_id)).toEqual(["a", "a", "b"]);
    expect(recent.since(6001)).toEqual([]);
  });

  it("are forgotten after a minute", () => {
    const recent = new RecentChanges();
    recent.add([{ run_id: "a" }], 0);
    recent.add([{ run_id: "b" }], 60_000);
    expect(recent.since(0)).toEqual([{ run_id: "b" }]);
  });
});
