// Drawing of lines, envelopes, bands and marks on a canvas, in device pixels. Lines are 1 px: half the cost of wider ones.

import type { Band } from "./bands";
import type { Line, Scene } from "./scene";

/** Where the plot lies on the canvas, and how values become pixels. */
export interface Frame {
  context: CanvasRenderingContext2D;
  left: number;
  top: number;
  width: number;
  height: number;
  x: { from: number; to: number; log: boolean };
  y: { from: number; to: number; log: boolean };
  /** Device pixels a CSS pixel. */
  ratio: number;
}

export interface Colours {
  run: (runId: string) => string;
  group: (group: string) => string;
  /** Lines that never step back, but for the one that is pointed at. */
  strong: (runId: string) => boolean;
}

const ENVELOPE = 0.5;
const RAW_BEHIND = 0.22;
const BAND = 0.16;
const FADED = 0.18;

/** `focus`: the run or group that is pointed at; the others step back. */
export function paint(frame: Frame, scene: Scene, colours: Colours, focus: string | null): void {
  const { context } = frame;
  context.save();
  context.beginPath();
  context.rect(frame.left, frame.top, frame.width, frame.height);
  context.clip();
  context.lineJoin = "round";
  if (scene.bands.length > 0) paintBands(frame, scene, colours, focus);
  else paintLines(frame, scene.lines, colours, focus);
  context.restore();
  if (scene.bands.length === 0) for (const line of scene.lines) paintOdd(frame, line, colours.run(line.runId));
}

function paintLines(frame: Frame, lines: readonly Line[], colours: Colours, focus: string | null): void {
  const faint = lines.length > 30 ? 0.6 : 1;
  const behind = lines.length > 12 ? RAW_BEHIND / 2 : RAW_BEHIND;
  const order = focus === null ? lines : [...lines].sort((a, b) => Number(a.runId === focus) - Number(b.runId === focus));
  const alpha = (line: Line): number => (focus === null ? (colours.strong(line.runId) ? 1 : faint) : line.runId === focus ? 1 : FADED);
  for (const line of order) {
    const colour = colours.run(line.runId);
    if (line.cells.width > 0) paintEnvelope(frame, line, colour, alpha(line) * (line.smoothed ? behind : ENVELOPE));
    else if (line.smoothed) stroke(frame, line.cells.x, line.cells.last, line.cells.length, colour, alpha(line) * behind);
  }
  for (const line of order) stroke(frame, line.cells.x, line.values, line.cells.length, colours.run(line.runId), alpha(line), line.runId === focus ? 2 : colours.strong(line.runId) ? 1.5 : 1);
}

function paintBands(frame: Frame, scene: Scene, colours: Colours, focus: string | null): void {
  if (focus !== null && !scene.bands.some((band) => band.group === focus)) focus = null;
  const alpha = (band: Band): number => (focus === null || band.group === focus ? 1 : FADED);
  for (const band of scene.bands) fillBand(frame, band, colours.group(band.group), BAND * alpha(band));
  for (const band of scene.bands) stroke(frame, band.x, band.centre, band.x.length, colours.group(band.group), alpha(band), band.group === focus ? 2 : 1.5);
}

/** From the lowest to the highest value of each stretch: one odd point in a million is a line of its own. */
function paintEnvelope(frame: Frame, { cells }: Line, colour: string, alpha: number): void {
  const { context } = frame;
  const [toX, toY] = [scaleX(frame), scaleY(frame)];
  const end = Math.min(cells.length, cells.from(frame.x.to) + 1);
  context.beginPath();
  for (let k = Math.max(0, cells.from(frame.x.from) - 1); k < end; k += 1) {
    const low = cells.min[k] as number;
    const high = cells.max[k] as number;
    if (!(low < high)) continue;
    const x = toX(cells.x[k] as number);
    context.moveTo(x, toY(low));
    context.lineTo(x, toY(high));
  }
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = frame.ratio;
  context.stroke();
  context.globalAlpha = 1;
}

function stroke(frame: Frame, x: Float64Array, y: Float64Array, length: number, colour: string, alpha: number, width = 1): void {
  const { context, ratio } = frame;
  const [toX, toY] = [scaleX(frame), scaleY(frame)];
  const begin = Math.max(0, firstAt(x, length, frame.x.from) - 1);
  const end = Math.min(length, firstAt(x, length, frame.x.to) + 1);
  const alone: number[] = [];
  let run = 0; // points of the stretch without a gap that is being drawn
  context.beginPath();
  for (let k = begin; k <= end; k += 1) {
    const py = k < end ? toY(y[k] as number) : NaN;
    if (Number.isFinite(py)) {
      const px = toX(x[k] as number);
      if (run === 0) context.moveTo(px, py);
      else context.lineTo(px, py);
      run += 1;
    } else {
      if (run === 1) alone.push(k - 1);
      run = 0;
    }
  }
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = Math.max(1, width * ratio);
  context.stroke();
  if (alone.length > 0) {
    // A point between two gaps, or the only one, has no line: it is a dot.
    context.beginPath();
    for (const k of alone) {
      const [px, py] = [toX(x[k] as number), toY(y[k] as number)];
      context.moveTo(px + 2.5 * ratio, py);
      context.arc(px, py, 2.5 * ratio, 0, 2 * Math.PI);
    }
    context.fillStyle = colour;
    context.fill();
  }
  context.globalAlpha = 1;
}

function fillBand(frame: Frame, band: Band, colour: string, alpha: number): void {
  const { context } = frame;
  const [toX, toY] = [scaleX(frame), scaleY(frame)];
  const bottom = frame.top + frame.height;
  const y = (value: number): number => Math.min(Math.max(finiteOr(toY(value), bottom), -1e5), 1e5);
  context.fillStyle = colour;
  context.globalAlpha = alpha;
  let k = 0;
  while (k < band.x.length) {
    while (k < band.x.length && Number.isNaN(band.lower[k] as number)) k += 1;
    const begin = k;
    while (k < band.x.length && !Number.isNaN(band.lower[k] as number)) k += 1;
    if (k - begin < 2) continue;
    context.beginPath();
    for (let i = begin; i < k; i += 1) context.lineTo(toX(band.x[i] as number), y(band.upper[i] as number));
    for (let i = k - 1; i >= begin; i -= 1) context.lineTo(toX(band.x[i] as number), y(band.lower[i] as number));
    context.fill();
  }
  context.globalAlpha = 1;
}

/** What isn't finite stands at the edge: NaN a diamond below, infinities triangles where they point. */
function paintOdd(frame: Frame, { cells }: Line, colour: string): void {
  const { context, ratio } = frame;
  const toX = scaleX(frame);
  const size = 3.5 * ratio;
  context.fillStyle = colour;
  let before = -Infinity;
  const end = cells.from(frame.x.to + 1e-12);
  for (let k = cells.from(frame.x.from); k < Math.max(end, Math.min(cells.length, end + 1)); k += 1) {
    if ((cells.odd[k] as number) === 0 || (cells.x[k] as number) > frame.x.to) continue;
    const x = toX(cells.x[k] as number);
    if (x - before < 2 * size) continue; // marks don't pile up
    before = x;
    const last = cells.last[k] as number;
    const up = last === Infinity;
    const y = up ? frame.top + size : frame.top + frame.height - size;
    context.beginPath();
    context.moveTo(x, y - (last === -Infinity ? 0 : size));
    context.lineTo(x + size, y + (up ? size : last === -Infinity ? 0 : 0));
    context.lineTo(x, y + (up ? size : size));
    context.lineTo(x - size, y + (up ? size : 0));
    context.fill();
  }
}

export function scaleX({ x, left, width }: Frame): (value: number) => number {
  return scale(x, left, width);
}

export function scaleY({ y, top, height }: Frame): (value: number) => number {
  return scale(y, top + height, -height);
}

function scale(axis: { from: number; to: number; log: boolean }, start: number, size: number): (value: number) => number {
  if (!axis.log) {
    const unit = size / (axis.to - axis.from);
    return (value) => start + (value - axis.from) * unit;
  }
  const from = Math.log10(axis.from);
  const unit = size / (Math.log10(axis.to) - from);
  return (value) => (value > 0 ? start + (Math.log10(value) - from) * unit : NaN);
}

const finiteOr = (value: number, other: number): number => (Number.isFinite(value) ? value : other);

function firstAt(x: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((x[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
