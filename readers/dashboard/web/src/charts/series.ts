// The server's binary answer about one metric of many runs: u32 length, JSON header, float64 arrays (little-endian).

export interface Edges {
  lo: number;
  hi: number;
  /** Buckets between them. */
  n: number;
}

interface Told {
  run_id: string;
  points: number;
  nan?: number;
  raw: boolean;
  at: number;
  n: number;
  pending?: boolean;
  origin?: number;
}

interface Header {
  key: string;
  x: string;
  edges: Edges;
  runs: Told[];
  partial: boolean;
  reached?: Record<string, number>;
}

interface Common {
  runId: string;
  /** Points in the range asked for. */
  points: number;
  /** Not decoded yet: ask again soon. */
  pending: boolean;
  /** What relative time is counted from, in ms since 1970; NaN where the server doesn't say. */
  origin: number;
}

export interface RawRun extends Common {
  raw: true;
  x: Float64Array;
  /** As logged: NaN and infinities are there. */
  y: Float64Array;
}

/** One value a bucket of the shared edges; an empty one is NaN with no odd points. */
export interface BucketRun extends Common {
  raw: false;
  min: Float64Array;
  max: Float64Array;
  last: Float64Array;
  /** Points that aren't finite. */
  odd: Float64Array;
}

export type RunPart = RawRun | BucketRun;

export interface Series {
  key: string;
  x: string;
  edges: Edges;
  runs: RunPart[];
  /** Some runs are pending. */
  partial: boolean;
  /** Of each writer that goes on: the seq of its last point that counts here. */
  reached: ReadonlyMap<string, number>;
}

/** Throws a RangeError where the bytes aren't such an answer. */
export function decodeSeries(bytes: ArrayBuffer): Series {
  if (bytes.byteLength < 4) throw new RangeError("the series' answer is cut off");
  const length = new DataView(bytes).getUint32(0, true);
  if (4 + length > bytes.byteLength) throw new RangeError("the series' answer is cut off in its header");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))) as Header;
  const begin = 4 + length;
  const floats = aligned(bytes, begin);
  const take = (at: number, n: number): Float64Array => {
    if (at + n > floats.length) throw new RangeError("the series' answer is cut off");
    return floats.subarray(at, at + n);
  };
  return { key: header.key, x: header.x, edges: header.edges, runs: header.runs.map((told) => part(told, take)), partial: header.partial, reached: new Map(Object.entries(header.reached ?? {})) };
}

function part(told: Told, take: (at: number, n: number) => Float64Array): RunPart {
  const { at, n } = told;
  const common = { runId: told.run_id, points: told.points, pending: told.pending === true, origin: told.origin ?? NaN };
  if (told.raw) return { ...common, raw: true, x: take(at, n), y: take(at + n, n) };
  return { ...common, raw: false, min: take(at, n), max: take(at + n, n), last: take(at + 2 * n, n), odd: take(at + 3 * n, n) };
}

/** A view where the arrays begin at a multiple of eight, as the server pads them; else a copy. */
function aligned(bytes: ArrayBuffer, begin: number): Float64Array {
  const count = Math.floor((bytes.byteLength - begin) / 8);
  return begin % 8 === 0 ? new Float64Array(bytes, begin, count) : new Float64Array(bytes.slice(begin, begin + 8 * count));
}
