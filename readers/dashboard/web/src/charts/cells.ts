// One run's points as a chart keeps them: a bounded list of cells, each a point or all points of a stretch of x.
//
// A cell has its lowest, highest and last finite value and how many points weren't finite. Points come at the end, one by
// one; when there are more cells than `most`, stretches become twice as wide and neighbours one. So memory is bounded
// however long a run goes on, no extreme is ever lost, and all cells have the same width: at least most / 2 of them
// stand over the whole range. The stretches of a bucketed answer of the server are taken over as they are.

import { Reach } from "./reach";
import type { Edges, RunPart } from "./series";

const FIRST = 64;

export class Cells {
  length = 0;
  /** Where the cell is drawn: its last point's x, or a server's bucket's middle; rising. */
  x = new Float64Array(FIRST);
  /** NaN where no point of the cell is finite. */
  min = new Float64Array(FIRST);
  max = new Float64Array(FIRST);
  /** The last finite value; where there is none, what was logged (NaN, ∞, −∞). */
  last = new Float64Array(FIRST);
  odd = new Float64Array(FIRST);
  /** Points behind all cells. */
  points = 0;
  /** Width of a cell in units of x; 0: each point is one. */
  width = 0;
  /** Relative time's zero, in ms since 1970. */
  origin = NaN;
  /** Which pushed points are new here. */
  reach = new Reach(new Map());
  private begin = 0;
  private most: number;

  constructor(most: number) {
    this.most = Math.max(4, most);
  }

  static of(part: RunPart, edges: Edges, most: number, reached: ReadonlyMap<string, number> = new Map()): Cells {
    const cells = new Cells(most);
    cells.reach = new Reach(reached);
    cells.origin = part.origin;
    if (part.raw) for (let k = 0; k < part.x.length; k += 1) cells.push(part.x[k] as number, part.y[k] as number);
    else cells.takeBuckets(part.min, part.max, part.last, part.odd, edges);
    cells.points = part.points;
    return cells;
  }

  get lastX(): number {
    return this.length > 0 ? (this.x[this.length - 1] as number) : -Infinity;
  }

  /** One more point; false, and nothing done, where it lies before the last one. */
  push(x: number, y: number): boolean {
    if (!Number.isFinite(x)) return true;
    if (x < this.lastX) return false;
    this.points += 1;
    if (this.continues(x)) return this.join(this.length - 1, x, y);
    if (this.length >= this.most) {
      this.coarsen();
      if (this.continues(x)) return this.join(this.length - 1, x, y);
    }
    const finite = Number.isFinite(y);
    this.add(x, finite ? y : NaN, finite ? y : NaN, y, finite ? 0 : 1);
    return true;
  }

  /** The first cell at or after x. */
  from(x: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.x[middle] as number) < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The cell closest to x, -1 when there is none. */
  nearest(x: number): number {
    const at = this.from(x);
    if (at === 0) return this.length > 0 ? 0 : -1;
    if (at === this.length) return at - 1;
    return x - (this.x[at - 1] as number) <= (this.x[at] as number) - x ? at - 1 : at;
  }

  private takeBuckets(min: Float64Array, max: Float64Array, last: Float64Array, odd: Float64Array, edges: Edges): void {
    this.begin = edges.lo;
    this.width = (edges.hi - edges.lo) / edges.n;
    this.most = Math.max(this.most, 2 * edges.n);
    for (let k = 0; k < min.length; k += 1) {
      const none = Number.isNaN(min[k] as number);
      if (none && odd[k] === 0) continue;
      this.add(edges.lo + (k + 0.5) * this.width, min[k] as number, max[k] as number, none ? NaN : (last[k] as number), odd[k] as number);
    }
  }

  private place(x: number): number {
    return Math.floor((x - this.begin) / this.width);
  }

  /** Whether a point at x belongs to the last cell. */
  private continues(x: number): boolean {
    return this.width > 0 && this.length > 0 && this.place(x) === this.place(this.lastX);
  }

  private join(at: number, x: number, y: number): true {
    this.x[at] = x;
    if (!Number.isFinite(y)) {
      this.odd[at] = (this.odd[at] as number) + 1;
      if (Number.isNaN(this.min[at] as number)) this.last[at] = y;
      return true;
    }
    const { min, max } = this;
    if (!(y >= (min[at] as number))) min[at] = y;
    if (!(y <= (max[at] as number))) max[at] = y;
    this.last[at] = y;
    return true;
  }

  private coarsen(): void {
    if (this.width > 0) this.width *= 2;
    else {
      this.begin = this.x[0] as number;
      this.width = ((this.lastX - this.begin) / this.most) * 2 || 1;
    }
    let to = 0;
    for (let k = 1; k < this.length; k += 1) {
      if (this.place(this.x[k] as number) === this.place(this.x[to] as number)) this.merge(to, k);
      else {
        to += 1;
        this.move(to, k);
      }
    }
    this.length = Math.min(this.length, to + 1);
  }

  private merge(to: number, k: number): void {
    this.x[to] = this.x[k] as number;
    this.odd[to] = (this.odd[to] as number) + (this.odd[k] as number);
    const none = Number.isNaN(this.min[k] as number);
    if (!none || Number.isNaN(this.min[to] as number)) this.last[to] = this.last[k] as number;
    if (none) return;
    if (!((this.min[k] as number) >= (this.min[to] as number))) this.min[to] = this.min[k] as number;
    if (!((this.max[k] as number) <= (this.max[to] as number))) this.max[to] = this.max[k] as number;
  }

  private move(to: number, k: number): void {
    if (to === k) return;
    for (const array of [this.x, this.min, this.max, this.last, this.odd]) array[to] = array[k] as number;
  }

  private add(x: number, min: number, max: number, last: number, odd: number): void {
    if (this.length === this.x.length) this.grow();
    const at = this.length;
    this.x[at] = x;
    this.min[at] = min;
    this.max[at] = max;
    this.last[at] = last;
    this.odd[at] = odd;
    this.length += 1;
  }

  private grow(): void {
    const size = 2 * this.x.length;
    const larger = (array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(array);
      return grown;
    };
    this.x = larger(this.x);
    this.min = larger(this.min);
    this.max = larger(this.max);
    this.last = larger(this.last);
    this.odd = larger(this.odd);
  }
}
