// Colours for numbers: a sequential scale, alike in brightness steps and told apart by colour-blind eyes.
//
// Source: viridis (Smith, van der Walt and Firing 2015), cut where it has too little contrast with the page: the yellow
// end on light, the violet end on dark. The end that stands out most is given to the better values.

type Colour = readonly [number, number, number];

const VIRIDIS: readonly Colour[] = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

/** The colour of a goodness from 0 (worst) to 1 (best), as an rgb() text; NaN is grey. */
export function sequentialColour(goodness: number, dark: boolean): string {
  if (!Number.isFinite(goodness)) return dark ? "rgb(110,115,125)" : "rgb(150,155,165)";
  const clipped = Math.min(1, Math.max(0, goodness));
  const place = dark ? 0.22 + 0.78 * clipped : 0.86 - 0.86 * clipped;
  const [red, green, blue] = between(place * (VIRIDIS.length - 1));
  return `rgb(${red},${green},${blue})`;
}

function between(place: number): Colour {
  const index = Math.min(VIRIDIS.length - 2, Math.floor(place));
  const share = place - index;
  const [from, to] = [VIRIDIS[index] ?? [0, 0, 0], VIRIDIS[index + 1] ?? [0, 0, 0]];
  const mixed = (at: 0 | 1 | 2): number => Math.round(from[at] + (to[at] - from[at]) * share);
  return [mixed(0), mixed(1), mixed(2)];
}
