import { beforeAll, expect, test, vi } from "vitest";

type Colours = typeof import("../src/colour");
let colours: Colours;

beforeAll(async () => {
  vi.stubGlobal("window", { matchMedia: () => ({ matches: false, addEventListener: () => undefined }), localStorage: { getItem: () => null } });
  colours = await import("../src/colour");
});

test("runs shown together have different colours, and keep them when others come and go", () => {
  const ids = Array.from({ length: colours.COLOURS }, (_, k) => `run ${k}`);
  colours.claimColours(ids);
  const before = ids.map(colours.runColour);
  colours.claimColours([...ids.slice(3), "another"]);

  expect(new Set(before).size).toBe(colours.COLOURS);
  expect(ids.slice(3).map(colours.runColour)).toEqual(before.slice(3));
  expect(before).toContain(colours.runColour("another"));
});
