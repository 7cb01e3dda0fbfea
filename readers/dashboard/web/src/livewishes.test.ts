import { describe, expect, it } from "vitest";

import type { LiveRow } from "./live";
import { forListener, merged } from "./livewishes";

describe("wishes", () => {
  it("become one that covers them all", () => {
    expect(merged([{ runs: ["b"], keys: ["k"] }, { runs: ["a"], keys: ["j"] }])).toEqual({ runs: ["a", "b"], keys: ["j", "k"] });
    expect(merged([{ runs: null, keys: ["k"] }, { runs: ["a"], keys: ["j"] }])).toEqual({ runs: null, keys: ["j", "k"] });
  });

  it("for nothing add nothing", () => {
    expect(merged([{ runs: [], keys: null }, { runs: null, keys: [] }])).toEqual({ runs: [], keys: [] });
  });

  it("are each given their own points", () => {
    const points = { runs: ["a", "b"], keys: ["k", "j"], writers: [["w", 5]] as [string, number][], rows: [[0, 0, 1, 0, 1, 0, 0], [1, 1, 1, 0, 2, 0, 3]] as LiveRow[] };
    expect(forListener(points, { runs: null, keys: null })).toBe(points);
    expect(forListener(points, { runs: ["a"], keys: null })?.rows).toEqual([[0, 0, 1, 0, 1, 0, 0]]);
    expect(forListener(points, { runs: ["a"], keys: ["j"] })).toBeNull();
    expect(forListener(points, { runs: [], keys: null })).toBeNull();
  });
});
