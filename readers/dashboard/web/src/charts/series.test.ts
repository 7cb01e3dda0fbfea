import { describe, expect, it } from "vitest";

import { decodeSeries } from "./series";

function answer(header: object, floats: number[], pad = true): ArrayBuffer {
  let text = JSON.stringify(header);
  while (pad && (text.length + 4) % 8 !== 0) text += " ";
  const bytes = new ArrayBuffer(4 + text.length + 8 * floats.length);
  const view = new DataView(bytes);
  view.setUint32(0, text.length, true);
  for (let k = 0; k < text.length; k += 1) view.setUint8(4 + k, text.charCodeAt(k));
  floats.forEach((value, k) => view.setFloat64(4 + text.length + 8 * k, value, true));
  return bytes;
}

const HEADER = {
  key: "loss",
  x: "step",
  edges: { lo: 0, hi: 10, n: 2 },
  partial: true,
  reached: { writer: 7 },
  runs: [
    { run_id: "raw", points: 2, raw: true, at: 0, n: 2, origin: 5 },
    { run_id: "long", points: 90, raw: false, at: 4, n: 2 },
    { run_id: "late", points: 0, raw: true, at: 12, n: 0, pending: true },
  ],
};
const FLOATS = [1, 2, NaN, 0.5, 1, 2, 3, 4, 5, 6, 0, 7];

describe("decodeSeries", () => {
  it("gives raw runs, bucketed runs and what is pending", () => {
    const series = decodeSeries(answer(HEADER, FLOATS));
    const [raw, long, late] = series.runs;
    expect(series.edges).toEqual({ lo: 0, hi: 10, n: 2 });
    expect(series.partial).toBe(true);
    expect([...series.reached]).toEqual([["writer", 7]]);
    expect(raw).toMatchObject({ runId: "raw", raw: true, x: Float64Array.of(1, 2), y: Float64Array.of(NaN, 0.5), origin: 5 });
    expect(long).toMatchObject({ raw: false, points: 90, min: Float64Array.of(1, 2), max: Float64Array.of(3, 4), last: Float64Array.of(5, 6), odd: Float64Array.of(0, 7) });
    expect(late?.pending).toBe(true);
  });

  it("reads arrays that aren't aligned", () => {
    for (const key of ["a", "ab", "abc", "abcd"]) {
      const series = decodeSeries(answer({ ...HEADER, key }, FLOATS, false));
      expect(series.runs[0]).toMatchObject({ x: Float64Array.of(1, 2) });
    }
  });

  it("refuses an answer that is cut off", () => {
    const whole = answer(HEADER, FLOATS);
    for (const size of [0, 3, 40, whole.byteLength - 8]) expect(() => decodeSeries(whole.slice(0, size))).toThrow(RangeError);
  });
});
