// A colour a run, the same in the table, the charts and the legends. Okabe and Ito's colours first ("Color universal
// design", 2008), then Tol's muted ones; each has a shade for light and one for dark ground, contrast >= 3 to either.
//
// A run's first choice is by its id, so that it looks the same tomorrow; where two runs shown together would share one,
// the later takes the next free colour and keeps it as long as the page is open.

import { theme } from "./theme";

const PALETTE: readonly (readonly [light: string, dark: string])[] = [
  ["#0072b2", "#4ea8e0"], // blue
  ["#d55e00", "#f0853b"], // vermilion
  ["#009e73", "#2fc39a"], // green
  ["#b8578f", "#e08fbd"], // purple
  ["#b87f00", "#e9b44c"], // orange
  ["#2f8fc4", "#8fd0f5"], // sky
  ["#5a4fb8", "#9d95f0"], // indigo
  ["#882255", "#d1618f"], // wine
  ["#117733", "#6cc183"], // forest
  ["#8a8420", "#d3cb5c"], // olive
  ["#c0504f", "#f28b89"], // rose
  ["#2f8c86", "#63cfc6"], // teal
  ["#6b6b6b", "#b4b4b4"], // grey
  ["#7a4b2a", "#c79a76"], // brown
];

/** Told apart best: few runs have colours of these. */
const FIRST = 7;

const slots = new Map<string, number>();

/** How many runs can be told apart by colour. */
export const COLOURS = PALETTE.length;

/** The runs shown together, in order: afterwards no two of the first COLOURS share a colour. */
export function claimColours(ids: readonly string[]): void {
  const taken = new Map<number, number>();
  const count = (slot: number): number => taken.get(slot) ?? 0;
  const later: string[] = [];
  for (const id of ids) {
    const slot = slots.get(id);
    if (slot !== undefined && count(slot) === 0) taken.set(slot, 1);
    else later.push(id);
  }
  for (const id of later) {
    const slot = free(preferred(id), count);
    slots.set(id, slot);
    taken.set(slot, count(slot) + 1);
  }
}

/** The run's colour as CSS, for the theme shown now. */
export function runColour(id: string): string {
  return placeColour(slots.get(id) ?? preferred(id));
}

/** The n-th colour as CSS, where what is drawn has an order of its own. */
export function placeColour(place: number): string {
  const pair = PALETTE[place % COLOURS] ?? ["#666", "#aaa"];
  return theme() === "dark" ? pair[1] : pair[0];
}

/** A group's name among the ids that have colours: where runs are grouped, charts and table show their group's. */
export const groupId = (group: string): string => `group:${group}`;

/** The first least-used slot: of the first ones, from the preferred one on, then of the others. */
function free(start: number, count: (slot: number) => number): number {
  let best = start;
  for (let k = 0; k < COLOURS; k += 1) {
    const slot = k < FIRST ? (start + k) % FIRST : k;
    if (count(slot) === 0) return slot;
    if (count(slot) < count(best)) best = slot;
  }
  return best;
}

/** FNV-1a over the id's UTF-16 units. */
function preferred(id: string): number {
  let hash = 0x811c9dc5;
  for (let k = 0; k < id.length; k += 1) hash = Math.imul(hash ^ id.charCodeAt(k), 0x01000193);
  return (hash >>> 0) % FIRST;
}
