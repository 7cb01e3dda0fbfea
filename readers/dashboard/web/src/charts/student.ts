// Student's t: the quantile that an interval of a mean needs.

const found = new Map<string, number>();

/** The q-quantile of Student's t with `df` degrees of freedom, for q in (0.5, 1). */
export function studentQuantile(q: number, df: number): number {
  const name = `${q} ${df}`;
  const known = found.get(name);
  if (known !== undefined) return known;
  let low = 0;
  let high = 2;
  while (cumulative(high, df) < q) high *= 2;
  for (let k = 0; k < 80; k += 1) {
    const middle = (low + high) / 2;
    if (cumulative(middle, df) < q) low = middle;
    else high = middle;
  }
  found.set(name, high);
  return high;
}

/** P(T <= t) for t >= 0, by the regularised incomplete beta function. */
function cumulative(t: number, df: number): number {
  return 1 - 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5);
}

/** I_x(a, b), by its continued fraction (Press et al., "Numerical Recipes", section 6.4). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
}

function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m < 300; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return result;
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905, -0.13857109526572012,
  9.984369578019572e-6, 1.5056327351493116e-7,
];

/** Lanczos' approximation, g = 7; z > 0. */
function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
  const shifted = z - 1;
  let sum = 0.9999999999998099;
  LANCZOS.forEach((value, k) => (sum += value / (shifted + k + 1)));
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}
