// Painting the lines of parallel coordinates on a canvas: those left out first and faint, the best on top.

import type { AxisLayout } from "./parallellayout";

export interface Paint {
  readonly axes: readonly AxisLayout[];
  readonly chosen: readonly boolean[];
  /** One a run. */
  readonly colours: readonly string[];
  /** Runs from worst to best. */
  readonly order: readonly number[];
  /** The run that stands out, or -1. */
  readonly marked: number;
  /** Of runs that the brushes leave out. */
  readonly faint: string;
  readonly markedColour: string;
}

export function paintLines(context: CanvasRenderingContext2D, width: number, height: number, paint: Paint): void {
  const density = window.devicePixelRatio || 1;
  const canvas = context.canvas;
  if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineJoin = "round";
  const inside = paint.chosen.reduce((count, yes) => count + (yes ? 1 : 0), 0);
  faintLines(context, paint, paint.chosen.length - inside);
  context.globalAlpha = Math.max(0.22, Math.min(0.92, 7 / Math.sqrt(Math.max(inside, 1))));
  context.lineWidth = inside <= 30 ? 1.75 : 1.1;
  for (const run of paint.order) {
    if (paint.chosen[run] !== true) continue;
    context.strokeStyle = paint.colours[run] ?? paint.faint;
    context.beginPath();
    trace(context, paint.axes, run);
    context.stroke();
  }
  if (paint.marked >= 0) standOut(context, paint);
  context.globalAlpha = 1;
}

function faintLines(context: CanvasRenderingContext2D, paint: Paint, count: number): void {
  if (count === 0) return;
  context.globalAlpha = Math.max(0.12, Math.min(0.5, 5 / Math.sqrt(count)));
  context.lineWidth = 1;
  context.strokeStyle = paint.faint;
  context.beginPath();
  paint.chosen.forEach((yes, run) => {
    if (!yes) trace(context, paint.axes, run);
  });
  context.stroke();
}

function standOut(context: CanvasRenderingContext2D, paint: Paint): void {
  context.globalAlpha = 1;
  for (const [width, colour] of [[5, paint.markedColour], [2.5, paint.colours[paint.marked] ?? paint.faint]] as const) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.beginPath();
    trace(context, paint.axes, paint.marked);
    context.stroke();
  }
}

function trace(context: CanvasRenderingContext2D, axes: readonly AxisLayout[], run: number): void {
  axes.forEach((axis, index) => {
    const y = axis.y[run] ?? 0;
    if (index === 0) context.moveTo(axis.x, y);
    else context.lineTo(axis.x, y);
  });
}
