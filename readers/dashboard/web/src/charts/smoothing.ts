// Smoothing: an exponential moving average by distance in x, the same as readers/smoothing.py:
//
//   W_i = s ** ((x_i - x_(i-1)) / u) * W_(i-1) + 1,   m_i = (1 - 1/W_i) m_(i-1) + y_i / W_i
//
// with u, the unit of distance, the same for all curves of a chart. It is a point's distance; where points lie closer
// than a thousandth of what is shown, it is that thousandth, else a million points would stay as noisy as they are.

/** Something with points in the order of x. */
export interface Curve {
  length: number;
  x: Float64Array;
  last: Float64Array;
}

const SHARE = 1 / 1000;

/** The smoothed values, NaN where a value isn't finite; s in [0, 1). */
export function smoothed(curve: Curve, s: number, unit: number): Float64Array {
  const out = new Float64Array(curve.length);
  let mean = 0;
  let weight = 0;
  let before = 0;
  for (let k = 0; k < curve.length; k += 1) {
    const y = curve.last[k] as number;
    if (!Number.isFinite(y)) {
      out[k] = NaN;
      continue;
    }
    const x = curve.x[k] as number;
    weight = (weight === 0 ? 0 : weight * s ** (Math.max(0, x - before) / unit)) + 1;
    mean = mean * (1 - 1 / weight) + y / weight;
    before = x;
    out[k] = mean;
  }
  return out;
}

/** The unit u: the median over the curves of their median distance, at least a thousandth of the range shown. */
export function unitOf(curves: readonly Curve[], range: number): number {
  const medians: number[] = [];
  for (const curve of curves) {
    if (curve.length < 2) continue;
    const gaps = new Float64Array(curve.length - 1);
    for (let k = 1; k < curve.length; k += 1) gaps[k - 1] = (curve.x[k] as number) - (curve.x[k - 1] as number);
    medians.push(median(gaps));
  }
  const spacing = medians.length > 0 ? median(Float64Array.from(medians)) : 0;
  return Math.max(spacing, Number.isFinite(range) ? range * SHARE : 0) || 1;
}

function median(values: Float64Array): number {
  values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? (values[middle] as number) : ((values[middle - 1] as number) + (values[middle] as number)) / 2;
}
