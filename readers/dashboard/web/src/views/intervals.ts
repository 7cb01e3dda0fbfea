// Estimates as dots with their intervals, a row each, on one axis: what one may believe is seen before it is read.

import { h, type Child } from "../dom";
import type { Scale } from "./scale";

export interface Estimate {
  readonly name: string;
  readonly title?: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Right of the picture: the figures in words. */
  readonly figures: Child;
  /** Below the name. */
  readonly note?: Child;
  /** Single runs behind it, as small marks. */
  readonly points?: readonly number[];
  readonly strong?: boolean;
}

export function intervalRows(scale: Scale, estimates: readonly Estimate[], label: string): HTMLElement {
  const ticks = scale.ticks(6);
  return h(
    "div",
    { class: "estimates", role: "table", "aria-label": label },
    estimates.map((estimate) => row(scale, ticks.map(({ value }) => scale.place(value)), estimate)),
    h(
      "div",
      { class: "estimate estimate-axis", "aria-hidden": "true" },
      h("div", null),
      h("div", { class: "estimate-track" }, ticks.map((tick) => h("span", { class: "estimate-tick", style: { left: percent(scale.place(tick.value)) } }, tick.label))),
      h("div", null),
    ),
  );
}

function row(scale: Scale, grid: readonly number[], estimate: Estimate): HTMLElement {
  const [low, high] = [clamped(scale.place(estimate.low)), clamped(scale.place(estimate.high))];
  return h(
    "div",
    { class: "estimate", role: "row" },
    h("div", { class: "estimate-name", role: "rowheader", title: estimate.title ?? estimate.name }, h("div", { class: "cut" }, estimate.name), estimate.note !== undefined && h("div", { class: "faint estimate-note" }, estimate.note)),
    h(
      "div",
      { class: "estimate-track", role: "presentation" },
      grid.map((place) => h("i", { class: "estimate-grid", style: { left: percent(place) } })),
      Number.isFinite(low) && Number.isFinite(high) && h("i", { class: "estimate-line", style: { left: percent(low), width: percent(high - low) } }),
      (estimate.points ?? []).map((point) => Number.isFinite(scale.place(point)) && h("i", { class: "estimate-point", style: { left: percent(clamped(scale.place(point))) } })),
      Number.isFinite(scale.place(estimate.value)) && h("i", { class: `estimate-dot${estimate.strong === true ? " estimate-strong" : ""}`, style: { left: percent(clamped(scale.place(estimate.value))) } }),
    ),
    h("div", { class: "estimate-figures num", role: "cell" }, estimate.figures),
  );
}

function percent(place: number): string {
  return `${(place * 100).toFixed(3)}%`;
}

function clamped(place: number): number {
  return Math.min(1, Math.max(0, place));
}
